//! The dependency graph of transactions: compressed rows of edges, in the vocabulary of petgraph.

use petgraph::visit::{
    GraphBase, IntoNeighbors, IntoNeighborsDirected, IntoNodeIdentifiers, NodeCount, NodeIndexable, Visitable,
};
use petgraph::{Direction, algo};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

/// What makes one transaction depend on another (Adya, *Weak consistency*, 1999).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Dependency {
    /// Write–write: the second overwrote or extended what the first wrote.
    Ww,
    /// Write–read: the second read what the first wrote.
    Wr,
    /// Read–write, an anti-dependency: the first read a version that the second overwrote or extended.
    Rw,
    /// One process ran the first, and then the second.
    Process,
    /// The first ended before the second began.
    RealTime,
}

impl Dependency {
    /// The label in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Dependency::Ww => "ww",
            Dependency::Wr => "wr",
            Dependency::Rw => "rw",
            Dependency::Process => "process",
            Dependency::RealTime => "real time",
        }
    }
}

/// Kinds of edges as they are stored.
pub(super) const WW: u32 = 0;
pub(super) const WR: u32 = 1;
pub(super) const RW: u32 = 2;
pub(super) const SO: u32 = 3;
/// The second half of an anti-dependency that goes through an auxiliary node.
pub(super) const PASS: u32 = 4;

/// A set of kinds.
pub(super) type Mask = u32;
pub(super) const DEP: Mask = 1 << WW | 1 << WR;
pub(super) const DATA: Mask = DEP | 1 << RW | 1 << PASS;
pub(super) const WITH_SO: Mask = 1 << SO;

/// An edge's target and kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arc(u32);

impl Arc {
    pub(super) fn new(to: u32, kind: u32) -> Arc {
        Arc(to << 3 | kind)
    }

    pub(super) fn to(self) -> u32 {
        self.0 >> 3
    }

    pub(super) fn kind(self) -> u32 {
        self.0 & 7
    }

    pub(super) fn of(self, mask: Mask) -> bool {
        mask >> self.kind() & 1 == 1
    }
}

/// The most nodes that a graph can have.
pub(super) const MOST_NODES: usize = 1 << 29;

/// A directed graph as compressed sparse rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    offsets: Vec<u32>,
    arcs: Vec<Arc>,
}

impl Graph {
    /// A graph of the edges that a function hands out, the same ones each of the two times it is called.
    pub(super) fn build(nodes: usize, each: impl Fn(&mut dyn FnMut(u32, u32, u32))) -> Graph {
        let mut offsets = vec![0_u32; nodes + 1];
        each(&mut |from, _, _| offsets[from as usize + 1] += 1);
        for node in 0..nodes {
            offsets[node + 1] += offsets[node];
        }
        let mut arcs = vec![Arc(0); offsets[nodes] as usize];
        // `offsets[from]` runs to the beginning of the next row while rows are filled.
        each(&mut |from, to, kind| {
            let place = &mut offsets[from as usize];
            arcs[*place as usize] = Arc::new(to, kind);
            *place += 1;
        });
        offsets.copy_within(0..nodes, 1);
        offsets[0] = 0;
        Graph { offsets, arcs }
    }

    pub(super) fn nodes(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    pub(super) fn edges(&self) -> usize {
        self.arcs.len()
    }

    pub(super) fn arcs(&self, node: u32) -> &[Arc] {
        &self.arcs[self.offsets[node as usize] as usize..self.offsets[node as usize + 1] as usize]
    }

    /// The nodes in topological order of the edges of some kinds (Kahn 1962), as far as there is one: nodes on cycles
    /// and those that only cycles lead to are left out.
    pub(super) fn topological(&self, mask: Mask) -> Vec<u32> {
        let nodes = self.nodes();
        let mut entering = vec![0_u32; nodes];
        for arc in self.arcs.iter().filter(|arc| arc.of(mask)) {
            entering[arc.to() as usize] += 1;
        }
        let mut order: Vec<u32> = Vec::with_capacity(nodes);
        order.extend((0..nodes as u32).filter(|&node| entering[node as usize] == 0));
        let mut next = 0;
        while next < order.len() {
            for arc in self.arcs(order[next]).iter().filter(|arc| arc.of(mask)) {
                let count = &mut entering[arc.to() as usize];
                *count -= 1;
                if *count == 0 {
                    order.push(arc.to());
                }
            }
            next += 1;
        }
        order
    }

    /// True when no edges of these kinds form a cycle.
    pub(super) fn is_acyclic(&self, mask: Mask) -> bool {
        self.topological(mask).len() == self.nodes()
    }

    /// The components of more than one node that edges of some kinds connect strongly, the nodes of each in order.
    /// Nodes before the first and after the last cycle are peeled off first, so that acyclic parts cost little.
    pub(super) fn components(&self, mask: Mask) -> Vec<Vec<u32>> {
        let sorted = self.topological(mask);
        let mut core = vec![true; self.nodes()];
        sorted.iter().for_each(|&node| core[node as usize] = false);
        let kept: Vec<u32> = (0..self.nodes() as u32).filter(|&node| core[node as usize]).collect();
        if kept.is_empty() {
            return Vec::new();
        }
        let part = Subgraph::new(self, &kept, mask);
        // Kosaraju's algorithm rather than Tarjan's: petgraph's Tarjan recurses, and chains may be a million long.
        let mut found: Vec<Vec<u32>> =
            algo::kosaraju_scc(&part).into_iter().filter(|component| component.len() > 1).collect();
        for component in &mut found {
            component.iter_mut().for_each(|node| *node = part.names[*node as usize]);
            component.sort_unstable();
        }
        found.sort_unstable();
        found
    }

    /// The part of the graph between some nodes, which are renumbered in their order.
    pub(super) fn within(&self, nodes: &[u32]) -> Graph {
        Subgraph::new(self, nodes, u32::MAX).forward
    }

    /// The graph with more nodes, up to a number.
    pub(super) fn grown(mut self, nodes: usize) -> Graph {
        let last = self.edges() as u32;
        self.offsets.resize(nodes + 1, last);
        self
    }

    /// The graph with more edges of one kind.
    pub(super) fn with(&self, more: &[(u32, u32)], kind: u32) -> Graph {
        Graph::build(self.nodes(), |edge| {
            for node in 0..self.nodes() as u32 {
                self.arcs(node).iter().for_each(|arc| edge(node, arc.to(), arc.kind()));
            }
            more.iter().for_each(|&(from, to)| edge(from, to, kind));
        })
    }

    /// The same transactions as two nodes each, begin `2v` and commit `2v + 1`: a dependency leads from commit to
    /// begin, an anti-dependency from begin to commit. It has a cycle exactly when the graph has one without two
    /// adjacent anti-dependencies, so that no snapshots explain it. With `prefix`, write–write edges only order the
    /// commits. Nodes from `auxiliary` on stand for no transaction.
    pub(super) fn split(&self, auxiliary: u32, prefix: bool) -> Graph {
        let nodes = self.nodes() as u32;
        Graph::build(2 * nodes as usize, |edge| {
            for from in 0..nodes {
                edge(2 * from, 2 * from + 1, PASS);
                for arc in self.arcs(from) {
                    let (to, kind) = (arc.to(), arc.kind());
                    match kind {
                        RW if to >= auxiliary => edge(2 * from, 2 * to, kind),
                        RW | PASS => edge(2 * from, 2 * to + 1, kind),
                        WW if prefix => edge(2 * from + 1, 2 * to + 1, kind),
                        _ => edge(2 * from + 1, 2 * to, kind),
                    }
                }
            }
        })
    }
}

/// A part of a graph with renumbered nodes, that can be walked both ways.
struct Subgraph {
    /// The nodes' numbers in the whole graph.
    names: Vec<u32>,
    forward: Graph,
    backward: Graph,
}

impl Subgraph {
    fn new(graph: &Graph, nodes: &[u32], mask: Mask) -> Subgraph {
        let number: FxHashMap<u32, u32> = nodes.iter().enumerate().map(|(place, &node)| (node, place as u32)).collect();
        let each = |edge: &mut dyn FnMut(u32, u32, u32)| {
            for (place, &node) in nodes.iter().enumerate() {
                for arc in graph.arcs(node).iter().filter(|arc| arc.of(mask)) {
                    if let Some(&to) = number.get(&arc.to()) {
                        edge(place as u32, to, arc.kind());
                    }
                }
            }
        };
        let forward = Graph::build(nodes.len(), each);
        let backward = Graph::build(nodes.len(), |edge| each(&mut |from, to, kind| edge(to, from, kind)));
        Subgraph { names: nodes.to_vec(), forward, backward }
    }
}

impl GraphBase for Subgraph {
    type NodeId = u32;
    type EdgeId = u32;
}

impl Visitable for Subgraph {
    type Map = FxHashSet<u32>;

    fn visit_map(&self) -> FxHashSet<u32> {
        FxHashSet::default()
    }

    fn reset_map(&self, map: &mut FxHashSet<u32>) {
        map.clear();
    }
}

impl NodeCount for Subgraph {
    fn node_count(&self) -> usize {
        self.names.len()
    }
}

impl NodeIndexable for Subgraph {
    fn node_bound(&self) -> usize {
        self.names.len()
    }

    fn to_index(&self, node: u32) -> usize {
        node as usize
    }

    fn from_index(&self, index: usize) -> u32 {
        index as u32
    }
}

impl<'a> IntoNeighbors for &'a Subgraph {
    type Neighbors = Neighbors<'a>;

    fn neighbors(self, node: u32) -> Neighbors<'a> {
        Neighbors(self.forward.arcs(node).iter())
    }
}

impl<'a> IntoNeighborsDirected for &'a Subgraph {
    type NeighborsDirected = Neighbors<'a>;

    fn neighbors_directed(self, node: u32, direction: Direction) -> Neighbors<'a> {
        let graph = if direction == Direction::Outgoing { &self.forward } else { &self.backward };
        Neighbors(graph.arcs(node).iter())
    }
}

impl IntoNodeIdentifiers for &Subgraph {
    type NodeIdentifiers = std::ops::Range<u32>;

    fn node_identifiers(self) -> std::ops::Range<u32> {
        0..self.names.len() as u32
    }
}

/// The nodes that a node's edges lead to.
struct Neighbors<'a>(std::slice::Iter<'a, Arc>);

impl Iterator for Neighbors<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.0.next().map(|arc| arc.to())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(nodes: usize, edges: &[(u32, u32, u32)]) -> Graph {
        Graph::build(nodes, |edge| edges.iter().for_each(|&(from, to, kind)| edge(from, to, kind)))
    }

    #[test]
    fn components_are_found_of_the_kinds_asked_for() {
        let graph = graph(6, &[(0, 1, WW), (1, 2, WR), (2, 1, RW), (2, 3, WW), (3, 4, SO), (4, 3, WW), (4, 5, WR)]);
        assert_eq!(graph.components(DATA | WITH_SO), [vec![1, 2], vec![3, 4]]);
        assert_eq!(graph.components(DATA), [vec![1, 2]]);
        assert!(graph.is_acyclic(DEP));
    }

    #[test]
    fn a_chain_of_a_million_with_a_cycle_over_all_of_it_overflows_no_stack() {
        let nodes = 1_000_000;
        let chain = |edge: &mut dyn FnMut(u32, u32, u32)| {
            (0..nodes).for_each(|node| edge(node, (node + 1) % nodes, WW));
        };
        let graph = Graph::build(nodes as usize, chain);
        let found = graph.components(DEP);
        assert_eq!((found.len(), found[0].len()), (1, nodes as usize));
    }
}
