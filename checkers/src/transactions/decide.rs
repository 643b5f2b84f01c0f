//! Isolation levels of register histories: decided by what is forced, by a schedule, or by a search for one.

use super::certificate::{Certificate, Moment};
use super::graph::WW;
use super::input::Transactions;
use super::levels::Order;
use super::polygraph::{Forced, Mode, Polygraph, Problem, Stop};
use super::registers::{INITIAL, Registers, SEVERAL};
use super::schedule;
use super::solver::{self, Pair, Solved};

/// The answer about one kind of order.
pub(super) enum Decision {
    /// It exists; the proof, where there is one to replay.
    Holds(Option<Certificate>),
    /// It does not.
    Broken(Contradiction),
    /// Not decided, and why.
    Open(String),
}

/// Why no order explains the reads.
pub(super) struct Contradiction {
    /// All edges between transactions that are forced; some of them form a cycle, unless one of the others is given.
    pub(super) edges: Vec<Forced>,
    /// A read of the initial value, a write that it must have seen, and the key.
    pub(super) overtaken: Option<(u32, u32, u32)>,
    /// A pair of writes neither order of which is possible.
    pub(super) pair: Option<Pair>,
}

/// What decisions are made from.
pub(super) struct Decider<'a> {
    pub(super) txns: &'a Transactions,
    pub(super) registers: &'a Registers,
    pub(super) sessions: &'a [u32],
    pub(super) bytes: u64,
}

impl Decider<'_> {
    /// Decides whether an order of some kind explains all reads.
    pub(super) fn decide(&self, mode: Mode, order: Order, steps: &mut u64) -> Decision {
        let problem = Problem {
            registers: self.registers,
            mode,
            order,
            sessions: self.sessions,
            invoked: &self.txns.invoked,
            completed: &self.txns.completed,
        };
        let (graph, stop) = Polygraph::saturated(&problem, self.bytes, steps);
        match stop {
            Stop::Contradiction => {
                let (edges, overtaken) = (graph.edges, graph.overtaken);
                return Decision::Broken(Contradiction { edges, overtaken, pair: None });
            }
            Stop::Exhausted => {
                return Decision::Open(
                    "the tables for the order of writes would be too large; raise --memory".to_owned(),
                );
            }
            Stop::Settled => {}
        }
        match mode {
            Mode::Causal => Decision::Holds(None),
            Mode::Parallel | Mode::Cursor => self.complete(&graph),
            Mode::Serial | Mode::Snapshot | Mode::Prefix => self.search(&graph, steps),
        }
    }

    /// Looks for a schedule, and then for an order of the writes that are still open.
    fn search(&self, graph: &Polygraph<'_>, steps: &mut u64) -> Decision {
        let mut share = *steps / 4;
        if let Some(order) = schedule::greedy(graph, &mut share) {
            return Decision::Holds(self.proof(graph, &order));
        }
        const MOST_PAIRS: usize = 4_000_000;
        let Some(pairs) = solver::open_pairs(graph, MOST_PAIRS, steps) else {
            return Decision::Open("too many pairs of writes are in no known order".to_owned());
        };
        let choices = solver::choices(graph, &pairs);
        let pair = |choice: Option<u32>| choice.map(|choice| pairs[choice as usize]);
        match solver::solve(&graph.out, &graph.topological, &choices, steps) {
            Solved::Order(order) => Decision::Holds(self.proof(graph, &order)),
            Solved::Impossible(choice) => {
                let edges = graph.edges.clone();
                Decision::Broken(Contradiction { edges, overtaken: None, pair: pair(choice) })
            }
            Solved::Exhausted(choice) => Decision::Open(self.open(pairs.len(), pair(choice))),
        }
    }

    fn open(&self, count: usize, pair: Option<Pair>) -> String {
        let example = pair.map_or(String::new(), |Pair { key, first, second }| {
            let (key, txns) = (&self.txns.keys[key as usize], self.txns);
            let (first, second) = (txns.ops[first as usize].0, txns.ops[second as usize].0);
            format!(", for example those of op {first} and op {second} to key {key}")
        });
        format!(
            "the search ended at its limit of steps with {count} pairs of writes in no known order{example}; raise \
                 --steps, or use list-append"
        )
    }

    /// An order of nodes as a proof.
    fn proof(&self, graph: &Polygraph<'_>, order: &[u32]) -> Option<Certificate> {
        let problem = graph.problem;
        let events = order.iter().filter(|&&node| (node as usize) < problem.events());
        let happened = |txn: u32| problem.registers.committed[txn as usize];
        match problem.mode {
            Mode::Serial => {
                let ops = events.filter(|&&node| happened(node)).map(|&node| self.txns.ops[node as usize]);
                Some(Certificate::Serial(ops.collect()))
            }
            Mode::Snapshot => {
                let moment = |&node: &u32| {
                    let id = self.txns.ops[node as usize / 2];
                    if node % 2 == 0 { Moment::Begin(id) } else { Moment::Commit(id) }
                };
                Some(Certificate::Snapshots(events.filter(|&&node| happened(node / 2)).map(moment).collect()))
            }
            _ => None,
        }
    }

    /// For levels without snapshots: orders the writes of each key as they stand in the graph, those that must follow
    /// each other directly together, and looks whether that is allowed.
    fn complete(&self, graph: &Polygraph<'_>) -> Decision {
        let (problem, registers) = (graph.problem, self.registers);
        let mut place = vec![0_u32; graph.out.len()];
        graph.topological.iter().enumerate().for_each(|(at, &node)| place[node as usize] = at as u32);
        let mut out = graph.out.clone();
        let mut orders: Vec<Vec<u32>> = Vec::new();
        for (key, writers) in registers.writers.iter().enumerate() {
            let order = together(registers, key as u32, writers, &place);
            order.windows(2).for_each(|pair| out[pair[0] as usize].push(pair[1]));
            orders.push(order);
        }
        let whole = super::graph::Graph::build(out.len(), |edge| {
            for (from, targets) in out.iter().enumerate() {
                targets.iter().for_each(|&to| edge(from as u32, to, WW));
            }
        });
        let sorted = whole.topological(1 << WW);
        let acyclic = sorted.len() == whole.nodes();
        if acyclic && (problem.mode == Mode::Cursor || self.sees_all(&whole, &sorted, &orders)) {
            return Decision::Holds(None);
        }
        Decision::Open(
            "no order of writes was found under which the level holds, nor shown that there is none".to_owned(),
        )
    }

    /// True when no read misses a later write that its transaction sees, by edges of the graph.
    fn sees_all(&self, whole: &super::graph::Graph, sorted: &[u32], orders: &[Vec<u32>]) -> bool {
        const MOST_NODES: usize = 20_000;
        if whole.nodes() > MOST_NODES {
            return false;
        }
        // One bit for each transaction that reaches another.
        let words = whole.nodes().div_ceil(64);
        let mut past = vec![0_u64; whole.nodes() * words];
        for &node in sorted {
            let from = node as usize * words;
            for arc in whole.arcs(node) {
                let to = arc.to() as usize * words;
                for word in 0..words {
                    past[to + word] |= past[from + word];
                }
                past[to + node as usize / 64] |= 1 << (node % 64);
            }
        }
        let sees = |reader: usize, other: u32| past[reader * words + other as usize / 64] >> (other % 64) & 1 == 1;
        self.registers.reads.iter().enumerate().all(|(reader, reads)| {
            reads.iter().filter(|read| read.source != SEVERAL).all(|read| {
                let order = &orders[read.key as usize];
                let after = match read.source {
                    INITIAL => 0,
                    source => order.iter().position(|&writer| writer == source).map_or(0, |at| at + 1),
                };
                order[after..].iter().all(|&other| other == reader as u32 || !sees(reader, other))
            })
        })
    }
}

/// The writers of a key in the order of their places, each that read the version of another right behind it.
fn together(registers: &Registers, key: u32, writers: &[u32], place: &[u32]) -> Vec<u32> {
    let mut follower: rustc_hash::FxHashMap<u32, u32> = rustc_hash::FxHashMap::default();
    let mut heads = Vec::new();
    for &writer in writers {
        match registers.reads[writer as usize].iter().find(|read| read.key == key) {
            Some(read) if read.source == INITIAL => heads.insert(0, writer),
            Some(read) if read.source != SEVERAL => drop(follower.insert(read.source, writer)),
            _ => heads.push(writer),
        }
    }
    let first =
        |writer: &u32| registers.reads[*writer as usize].iter().any(|read| read.key == key && read.source == INITIAL);
    heads.sort_by_key(|writer| (!first(writer), place[*writer as usize]));
    let mut order = Vec::with_capacity(writers.len());
    for head in heads {
        let mut next = Some(head);
        while let Some(writer) = next {
            order.push(writer);
            next = follower.remove(&writer);
        }
    }
    order
}
