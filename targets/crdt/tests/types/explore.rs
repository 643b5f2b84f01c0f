//! All small executions of three replicas: every order of updates and deliveries up to a number of steps.
//!
//! After each step the value at the replica must be what its updates mean. Each delivery is made twice, once of the
//! whole state and once of the deltas the receiver lacks, joined; both must come to the same. At the end everybody
//! hears everything, and all must be equal.

use std::collections::BTreeSet;

use rashomon_crdt::dot::Actor;
use rashomon_crdt::state::{Causal, Origin};
use rashomon_crdt::types::{GCounter, LwwRegister, LwwSet, MvRegister, OrMap, OrSet, PnCounter, Rga};

use crate::reference::{Meaning, Node, Updates, members};

const REPLICAS: usize = 3;

/// The wall clocks of the replicas; the first two are equal, so that times tie.
const WALL_US: [i64; REPLICAS] = [10, 10, 12];

#[derive(Clone)]
struct Execution<S: Meaning> {
    replicas: Vec<Causal<S>>,
    origins: Vec<Origin>,
    visible: [Updates; REPLICAS],
    graph: Vec<Node<S::Operation>>,
    deltas: Vec<Causal<S>>,
    /// For each update its replica, which of the choices there it was, and what was visible.
    choices: Vec<u8>,
}

impl<S: Meaning> Execution<S> {
    fn new() -> Execution<S> {
        let origin = |node| Origin::new(Actor { node: node as u16, incarnation: 1 }, 0, None);
        Execution {
            replicas: vec![Causal::default(); REPLICAS],
            origins: (0..REPLICAS).map(origin).collect(),
            visible: [0; REPLICAS],
            graph: Vec::new(),
            deltas: Vec::new(),
            choices: Vec::new(),
        }
    }

    fn update(&mut self, replica: usize, choice: usize, operation: S::Operation) {
        let (number, origin) = (self.graph.len(), &mut self.origins[replica]);
        origin.wall_us = WALL_US[replica];
        let delta = self.replicas[replica].update(&operation, origin).expect("only sensible updates are tried");
        self.deltas.push(delta);
        self.graph.push(Node { replica, operation, visible: self.visible[replica], wall_us: WALL_US[replica] });
        self.choices.extend([replica as u8, choice as u8, self.visible[replica] as u8]);
        self.visible[replica] |= 1 << number;
        self.check(replica);
    }

    fn deliver(&mut self, from: usize, to: usize) {
        let mut interval = Causal::default();
        for lacking in members(self.visible[from] & !self.visible[to]) {
            interval.join(&self.deltas[lacking], None);
        }
        let mut by_deltas = self.replicas[to].clone();
        by_deltas.join(&interval, None);
        let whole = self.replicas[from].clone();
        let before = self.replicas[to].clone();
        let changed = self.replicas[to].join(&whole, None);
        assert_eq!(by_deltas, self.replicas[to], "deltas and states differ after {:?}", self.graph);
        assert_eq!(changed, self.replicas[to] != before, "{:?}", self.graph);
        whole.state.show_times(&mut self.origins[to]);
        self.visible[to] |= self.visible[from];
        self.check(to);
    }

    fn check(&self, replica: usize) {
        let expected = S::meaning(&self.graph, self.visible[replica]);
        let value = self.replicas[replica].state.value();
        assert_eq!(value, expected, "replica {replica} sees {:b} of {:?}", self.visible[replica], self.graph);
    }

    fn converge(&mut self) {
        for (from, to) in [(0, 1), (1, 2), (2, 1), (2, 0)] {
            self.deliver(from, to);
        }
        assert_eq!(self.replicas[0], self.replicas[1]);
        assert_eq!(self.replicas[0], self.replicas[2]);
        assert_eq!(self.replicas[0].context.cloud_len(), 0, "a context that has seen everything has no gaps");
    }

    /// What makes two executions the same.
    fn signature(&self) -> Vec<u8> {
        self.choices.iter().copied().chain(self.visible.map(|visible| visible as u8)).collect()
    }
}

/// Counts the executions seen.
fn explore<S: Meaning>(execution: &Execution<S>, steps: usize, seen: &mut BTreeSet<Vec<u8>>) -> usize {
    if !seen.insert(execution.signature()) {
        return 0;
    }
    if steps == 0 {
        execution.clone().converge();
        return 1;
    }
    let mut count = 1;
    for replica in 0..REPLICAS {
        // As long as nothing has happened, the second replica is like the first.
        if execution.graph.is_empty() && replica == 1 {
            continue;
        }
        let choices = execution.replicas[replica].state.choices(execution.graph.len());
        for (choice, operation) in choices.into_iter().take(S::EXPLORED).enumerate() {
            let mut next = execution.clone();
            next.update(replica, choice, operation);
            count += explore(&next, steps - 1, seen);
        }
        for to in (0..REPLICAS).filter(|to| execution.visible[replica] & !execution.visible[*to] != 0) {
            let mut next = execution.clone();
            next.deliver(replica, to);
            count += explore(&next, steps - 1, seen);
        }
    }
    count
}

fn explore_all<S: Meaning>(steps: usize, at_least: usize) {
    let count = explore(&Execution::<S>::new(), steps, &mut BTreeSet::new());
    println!("{count} executions");
    assert!(count >= at_least, "only {count} executions were explored");
}

macro_rules! explored {
    ($($name:ident: $type:ty, $steps:literal steps, at least $count:literal;)*) => {
        $(
            #[test]
            fn $name() {
                explore_all::<$type>($steps, $count);
            }
        )*
    };
}

explored! {
    g_counter: GCounter, 6 steps, at least 7_000;
    pn_counter: PnCounter, 6 steps, at least 100_000;
    lww_register: LwwRegister, 6 steps, at least 7_000;
    mv_register: MvRegister, 6 steps, at least 30_000;
    or_set: OrSet, 6 steps, at least 170_000;
    lww_set: LwwSet, 5 steps, at least 10_000;
    or_map: OrMap, 5 steps, at least 10_000;
    rga: Rga, 6 steps, at least 180_000;
}
