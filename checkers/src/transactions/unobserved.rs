//! The order of writes that no read shows, where snapshots must not overlap.
//!
//! Transactions of different strongly connected components of the dependency graph are ordered as the components are:
//! that closes no cycle. Within a component, every pair of writers of a key is a choice, and those are decided by
//! search.

use super::graph::{DATA, Graph, Mask, SO, WITH_SO, WW};
use super::input::{NEVER, Transactions};
use super::levels::Order;
use super::solver::{self, Choice, Pair, Solved};
use super::versions::{Dependencies, Versions, reads_last};

/// What was found.
pub(super) enum Ordered {
    /// The graph with an order of all writers, under which there are snapshots. Nodes after the auxiliary ones may
    /// stand for moments of real time.
    Graph(Graph),
    /// There is no such order; two writes that show it.
    Impossible(Option<Pair>),
    /// The steps ran out.
    Exhausted,
}

/// Orders all writers, keeping some order of transactions.
pub(super) fn order(
    txns: &Transactions,
    versions: &Versions,
    deps: &Dependencies,
    order: Order,
    steps: &mut u64,
) -> Ordered {
    let mut graph = deps.without_lost_updates().into_owned();
    if order == Order::RealTime {
        graph = with_moments(txns, graph);
    }
    let mask: Mask = if order == Order::Any { DATA } else { DATA | WITH_SO };
    let components = graph.components(mask);
    let mut component_of = vec![NEVER; graph.nodes()];
    for (index, nodes) in components.iter().enumerate() {
        nodes.iter().for_each(|&node| component_of[node as usize] = index as u32);
    }
    let rank = ranks(&graph, mask, &components, &component_of);
    let keys = || (0..txns.keys.len() as u32).filter(|&key| versions.unobserved(key).len() > 1);
    let mut pairs: Vec<Vec<Pair>> = vec![Vec::new(); components.len()];
    for key in keys() {
        let writers = versions.unobserved(key);
        let known = |txn: &u32| component_of[*txn as usize] != NEVER;
        let mut among: Vec<u32> = writers.iter().copied().filter(known).collect();
        among.sort_unstable_by_key(|&txn| component_of[txn as usize]);
        for group in among.chunk_by(|one, other| component_of[*one as usize] == component_of[*other as usize]) {
            for (place, &first) in group.iter().enumerate() {
                let rest = group[place + 1..].iter().map(|&second| Pair { key, first, second });
                pairs[component_of[first as usize] as usize].extend(rest);
            }
        }
    }
    // Where each commit stands within its component.
    let mut within = vec![0_u32; graph.nodes()];
    for (nodes, pairs) in components.iter().zip(&pairs).filter(|(_, pairs)| !pairs.is_empty()) {
        match decide(&graph, nodes, pairs, mask, txns.len() as u32, steps) {
            Solved::Order(sorted) => {
                for (place, node) in sorted.into_iter().enumerate().filter(|(_, node)| node % 2 == 1) {
                    within[nodes[node as usize / 2] as usize] = place as u32;
                }
            }
            Solved::Impossible(choice) => return Ordered::Impossible(choice.map(|choice| pairs[choice as usize])),
            Solved::Exhausted(_) => return Ordered::Exhausted,
        }
    }
    let mut chains = Vec::new();
    for key in keys() {
        let mut writers = versions.unobserved(key).to_vec();
        let place = |&txn: &u32| {
            let node = txn as usize;
            (rank[node], within[node], !reads_last(txns, versions, key, txn), txns.completed[node])
        };
        writers.sort_by_cached_key(place);
        chains.extend(writers.windows(2).map(|pair| (pair[0], pair[1])));
    }
    let graph = graph.with(&chains, WW);
    if graph.split(txns.len() as u32, false).is_acyclic(mask) { Ordered::Graph(graph) } else { Ordered::Exhausted }
}

/// The graph with real time as edges: through moments, each after the transactions that had ended by then.
fn with_moments(txns: &Transactions, graph: Graph) -> Graph {
    let mut events: Vec<(u32, bool, u32)> = Vec::new();
    for txn in 0..txns.len() as u32 {
        if graph.arcs(txn).is_empty() && txns.completed[txn as usize] == NEVER {
            continue;
        }
        events.push((txns.invoked[txn as usize], false, txn));
        if txns.completed[txn as usize] != NEVER {
            events.push((txns.completed[txn as usize], true, txn));
        }
    }
    events.sort_unstable();
    let first = graph.nodes() as u32;
    let (mut edges, mut next, mut fresh) = (Vec::new(), first, true);
    for (_, ends, txn) in events {
        if ends {
            if fresh {
                if next > first {
                    edges.push((next - 1, next));
                }
                next += 1;
                fresh = false;
            }
            edges.push((txn, next - 1));
        } else {
            if next > first {
                edges.push((next - 1, txn));
            }
            fresh = true;
        }
    }
    graph.grown(next as usize).with(&edges, SO)
}

/// The rank of each node: that of its component in an order of all components.
fn ranks(graph: &Graph, mask: Mask, components: &[Vec<u32>], component_of: &[u32]) -> Vec<u32> {
    let stands = |node: u32| match component_of[node as usize] {
        NEVER => node,
        component => components[component as usize][0],
    };
    let contracted = Graph::build(graph.nodes(), |edge| {
        for node in 0..graph.nodes() as u32 {
            for arc in graph.arcs(node).iter().filter(|arc| arc.of(mask)) {
                let (from, to) = (stands(node), stands(arc.to()));
                if from != to {
                    edge(from, to, arc.kind());
                }
            }
        }
    });
    let mut rank = vec![0_u32; graph.nodes()];
    let order = contracted.topological(u32::MAX);
    order.iter().enumerate().for_each(|(place, &node)| rank[node as usize] = place as u32);
    (0..graph.nodes() as u32).map(|node| rank[stands(node) as usize]).collect()
}

/// Decides the order of the open pairs of one component.
fn decide(graph: &Graph, nodes: &[u32], pairs: &[Pair], mask: Mask, auxiliary: u32, steps: &mut u64) -> Solved {
    let part = graph.within(nodes).split(nodes.partition_point(|&node| node < auxiliary) as u32, false);
    let mut out: Vec<Vec<u32>> = Vec::with_capacity(part.nodes());
    for node in 0..part.nodes() as u32 {
        out.push(part.arcs(node).iter().filter(|arc| arc.of(mask)).map(|arc| arc.to()).collect());
    }
    let place = |txn: u32| nodes.binary_search(&txn).map_or(0, |place| place as u32);
    let choices: Vec<Choice> = pairs
        .iter()
        .map(|pair| {
            let (first, second) = (place(pair.first), place(pair.second));
            Choice {
                edges: [vec![(2 * first + 1, 2 * second)], vec![(2 * second + 1, 2 * first)]],
                nodes: (2 * first + 1, 2 * second + 1),
            }
        })
        .collect();
    solver::solve(&out, &part.topological(mask), &choices, steps)
}
