//! Which order of writes the reads force (after Biswas and Enea 2019; Huang et al., *PolySI*, VLDB 2023).
//!
//! Two writers of a key come in one of two orders. Either order adds edges: from the first writer to the second, and
//! from each reader of the first to the second. An order whose edges would close a cycle is impossible, so the other is
//! forced; that may force more. Reachability is kept in *chain clocks*: nodes are covered by chains (the processes,
//! where their order counts), and each node knows the last node of every chain that reaches it, and the first that it
//! reaches: exact, and linear in nodes times chains instead of quadratic.

use rustc_hash::FxHashSet;

use super::graph::{RW, SO, WR, WW};
use super::input::NEVER;
use super::levels::Order;
use super::registers::{INITIAL, Registers, SEVERAL};

/// What kind of order is to explain the reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Whole transactions one after the other.
    Serial,
    /// Begins and commits; writers of a key do not overlap.
    Snapshot,
    /// Begins and commits.
    Prefix,
    /// Each transaction sees a set of others, closed under what they saw and overwrote.
    Parallel,
    /// Nothing comes between a read of a key and the same transaction's write of it.
    Cursor,
    /// Each transaction sees what happened before it, by process order and reads.
    Causal,
}

/// A dependency between transactions, and the read that forces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Forced {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) kind: u32,
    pub(super) key: u32,
    /// The reader because of which an order of writes is forced; [`NEVER`] when the edge stands on its own.
    pub(super) reader: u32,
}

/// The transactions that took effect, what they read and wrote, and the order that must be kept between them.
pub(super) struct Problem<'a> {
    pub(super) registers: &'a Registers,
    pub(super) mode: Mode,
    pub(super) order: Order,
    pub(super) sessions: &'a [u32],
    pub(super) invoked: &'a [u32],
    pub(super) completed: &'a [u32],
}

/// Why nothing more was found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// All that is forced is in the graph, and it is acyclic.
    Settled,
    /// What is forced forms a cycle.
    Contradiction,
    /// The tables would be larger than allowed, or the steps ran out.
    Exhausted,
}

/// The graph of what is forced.
pub(super) struct Polygraph<'a> {
    pub(super) problem: &'a Problem<'a>,
    /// Edges between nodes: begins and commits, or whole transactions, and moments of real time.
    pub(super) out: Vec<Vec<u32>>,
    /// The same between transactions, with what they follow from.
    pub(super) edges: Vec<Forced>,
    known: FxHashSet<(u32, u32, u32)>,
    /// Nodes in an order that all edges keep.
    pub(super) topological: Vec<u32>,
    chain: Vec<u32>,
    position: Vec<u32>,
    chains: usize,
    /// For each node and chain, how many of the chain's nodes reach the node.
    past: Vec<u32>,
    /// For each node and chain, the position of the first node that it reaches.
    future: Vec<u32>,
    /// For each key: its writers as (chain, position of the commit, transaction), sorted.
    groups: Vec<Vec<(u32, u32, u32)>>,
    /// A read of the initial value that sees a write: reader, writer and key.
    pub(super) overtaken: Option<(u32, u32, u32)>,
}

impl Problem<'_> {
    fn split(&self) -> bool {
        matches!(self.mode, Mode::Snapshot | Mode::Prefix)
    }

    /// True when anti-dependencies order transactions.
    fn anti(&self) -> bool {
        matches!(self.mode, Mode::Serial | Mode::Snapshot | Mode::Prefix)
    }

    pub(super) fn writes(&self, txn: u32, key: u32) -> bool {
        self.registers.writes[txn as usize].iter().any(|write| write.key == key)
    }

    pub(super) fn begin(&self, txn: u32) -> u32 {
        if self.split() { 2 * txn } else { txn }
    }

    pub(super) fn commit(&self, txn: u32) -> u32 {
        if self.split() { 2 * txn + 1 } else { txn }
    }

    pub(super) fn txns(&self) -> u32 {
        self.registers.reads.len() as u32
    }

    /// Nodes that are begins or commits; those after them are moments of real time.
    pub(super) fn events(&self) -> usize {
        self.txns() as usize * if self.split() { 2 } else { 1 }
    }

    /// Between which nodes an edge of a kind leads.
    pub(super) fn ends(&self, kind: u32, from: u32, to: u32) -> (u32, u32) {
        match (kind, self.mode) {
            (RW, _) => (self.begin(from), self.commit(to)),
            (WW, Mode::Prefix) => (self.commit(from), self.commit(to)),
            _ => (self.commit(from), self.begin(to)),
        }
    }
}

impl<'a> Polygraph<'a> {
    /// Finds out all that is forced.
    pub(super) fn saturated(problem: &'a Problem<'a>, bytes: u64, steps: &mut u64) -> (Polygraph<'a>, Stop) {
        let mut all = Polygraph {
            problem,
            out: vec![Vec::new(); problem.events()],
            edges: Vec::new(),
            known: FxHashSet::default(),
            topological: Vec::new(),
            chain: Vec::new(),
            position: Vec::new(),
            chains: 0,
            past: Vec::new(),
            future: Vec::new(),
            groups: Vec::new(),
            overtaken: None,
        };
        all.given();
        if !all.sort() {
            return (all, Stop::Contradiction);
        }
        all.cover();
        let entries = all.out.len() as u64 * all.chains as u64;
        if entries * 8 > bytes {
            return (all, Stop::Exhausted);
        }
        all.group_writers();
        loop {
            all.clocks();
            let before = all.edges.len();
            all.force();
            *steps = steps.saturating_sub(entries + 1);
            if all.edges.len() == before && all.overtaken.is_none() {
                return (all, Stop::Settled);
            }
            if !all.sort() || all.overtaken.is_some() {
                return (all, Stop::Contradiction);
            }
            if problem.mode == Mode::Causal {
                return (all, Stop::Settled);
            }
            if *steps == 0 {
                return (all, Stop::Exhausted);
            }
        }
    }

    /// Adds an edge unless it is known.
    fn add(&mut self, edge: Forced) {
        if edge.kind == RW && !self.problem.anti() {
            // A reader of the initial value sees a write.
            self.overtaken = Some((edge.from, edge.to, edge.key));
        } else if self.known.insert((edge.from, edge.to, edge.kind)) {
            let (from, to) = self.problem.ends(edge.kind, edge.from, edge.to);
            self.out[from as usize].push(to);
            self.edges.push(edge);
        }
    }

    /// What is known before anything is inferred.
    fn given(&mut self) {
        let problem = self.problem;
        let registers = problem.registers;
        for txn in (0..problem.txns()).filter(|&txn| registers.committed[txn as usize]) {
            if problem.split() {
                self.out[problem.begin(txn) as usize].push(problem.commit(txn));
            }
            for read in &registers.reads[txn as usize] {
                if read.source != INITIAL && read.source != SEVERAL {
                    let key = read.key;
                    self.add(Forced { from: read.source, to: txn, kind: WR, key, reader: NEVER });
                }
            }
            let before = problem.sessions[txn as usize];
            if problem.order != Order::Any && before != super::versions::NOBODY {
                self.add(Forced { from: before, to: txn, kind: SO, key: NEVER, reader: NEVER });
            }
        }
        if problem.order == Order::RealTime {
            self.real_time();
        }
    }

    /// Moments of real time, each after the commits that had been acknowledged by then.
    fn real_time(&mut self) {
        let problem = self.problem;
        let mut events: Vec<(u32, bool, u32)> = Vec::new();
        for txn in (0..problem.txns()).filter(|&txn| problem.registers.committed[txn as usize]) {
            events.push((problem.invoked[txn as usize], false, txn));
            if problem.completed[txn as usize] != NEVER {
                events.push((problem.completed[txn as usize], true, txn));
            }
        }
        events.sort_unstable();
        let mut fresh = true;
        for (_, ends, txn) in events {
            let last = (self.out.len() > problem.events()).then(|| self.out.len() as u32 - 1);
            if ends {
                if fresh {
                    self.out.push(Vec::new());
                    let moment = self.out.len() as u32 - 1;
                    if let Some(last) = last {
                        self.out[last as usize].push(moment);
                    }
                    fresh = false;
                }
                let moment = self.out.len() as u32 - 1;
                self.out[problem.commit(txn) as usize].push(moment);
            } else {
                if let Some(last) = last {
                    self.out[last as usize].push(problem.begin(txn));
                }
                fresh = true;
            }
        }
    }

    /// Sorts the nodes; false when there is a cycle.
    fn sort(&mut self) -> bool {
        let mut entering = vec![0_u32; self.out.len()];
        self.out.iter().flatten().for_each(|&to| entering[to as usize] += 1);
        self.topological.clear();
        self.topological.extend((0..self.out.len() as u32).filter(|&node| entering[node as usize] == 0));
        let mut next = 0;
        while next < self.topological.len() {
            for &to in &self.out[self.topological[next] as usize] {
                entering[to as usize] -= 1;
                if entering[to as usize] == 0 {
                    self.topological.push(to);
                }
            }
            next += 1;
        }
        self.topological.len() == self.out.len()
    }

    /// Covers the nodes with chains: paths along edges, each node continuing the chain of one before it where that has
    /// not been continued yet. Processes are found this way, since their edges come first.
    fn cover(&mut self) {
        let nodes = self.out.len();
        let mut continues = vec![NEVER; nodes];
        let mut follower = vec![NEVER; nodes];
        let problem = self.problem;
        let mut link = |from: u32, to: u32| {
            if continues[to as usize] == NEVER && follower[from as usize] == NEVER {
                (continues[to as usize], follower[from as usize]) = (from, to);
            }
        };
        for node in problem.events() as u32 + 1..nodes as u32 {
            link(node - 1, node);
        }
        for txn in (0..problem.txns()).filter(|&txn| problem.registers.committed[txn as usize]) {
            if problem.split() {
                link(problem.begin(txn), problem.commit(txn));
            }
            let before = problem.sessions[txn as usize];
            if problem.order != Order::Any && before != super::versions::NOBODY {
                link(problem.commit(before), problem.begin(txn));
            }
        }
        for &node in &self.topological {
            if (node as usize) < problem.events() {
                self.out[node as usize]
                    .iter()
                    .filter(|&&to| (to as usize) < problem.events())
                    .for_each(|&to| link(node, to));
            }
        }
        self.chain = vec![0; nodes];
        self.position = vec![0; nodes];
        self.chains = 0;
        let unused = |node: u32| {
            let txn = if problem.split() { node / 2 } else { node };
            (node as usize) < problem.events() && !problem.registers.committed[txn as usize]
        };
        for &node in self.topological.iter().filter(|&&node| !unused(node)) {
            let before = continues[node as usize];
            if before == NEVER {
                self.chain[node as usize] = self.chains as u32;
                self.chains += 1;
            } else {
                self.chain[node as usize] = self.chain[before as usize];
                self.position[node as usize] = self.position[before as usize] + 1;
            }
        }
    }

    fn group_writers(&mut self) {
        let problem = self.problem;
        let groups = problem.registers.writers.iter().map(|writers| {
            let place = |&txn: &u32| {
                let node = problem.commit(txn) as usize;
                (self.chain[node], self.position[node], txn)
            };
            let mut group: Vec<(u32, u32, u32)> = writers.iter().map(place).collect();
            group.sort_unstable();
            group
        });
        self.groups = groups.collect();
    }

    fn clocks(&mut self) {
        let (nodes, chains) = (self.out.len(), self.chains);
        self.past.clear();
        self.past.resize(nodes * chains, 0);
        self.future.clear();
        self.future.resize(nodes * chains, NEVER);
        for &node in &self.topological {
            let node = node as usize;
            let own = (self.chain[node] as usize, self.position[node] + 1);
            for &to in &self.out[node] {
                let (from, into) = (node * chains, to as usize * chains);
                for entry in 0..chains {
                    self.past[into + entry] = self.past[into + entry].max(self.past[from + entry]);
                }
                self.past[into + own.0] = self.past[into + own.0].max(own.1);
            }
        }
        for &node in self.topological.iter().rev() {
            let node = node as usize;
            for &to in &self.out[node] {
                let (from, into) = (to as usize * chains, node * chains);
                for entry in 0..chains {
                    self.future[into + entry] = self.future[into + entry].min(self.future[from + entry]);
                }
                let place = into + self.chain[to as usize] as usize;
                self.future[place] = self.future[place].min(self.position[to as usize]);
            }
        }
    }

    /// True when edges lead from one node to another, other than itself.
    pub(super) fn reaches(&self, from: u32, to: u32) -> bool {
        self.past[to as usize * self.chains + self.chain[from as usize] as usize] > self.position[from as usize]
    }

    /// True when this edge already follows from others.
    pub(super) fn implied(&self, kind: u32, from: u32, to: u32) -> bool {
        let (from, to) = self.problem.ends(kind, from, to);
        self.reaches(from, to)
    }

    /// Adds the edges that follow from reachability.
    fn force(&mut self) {
        let problem = self.problem;
        let mut new: Vec<Forced> = Vec::new();
        for txn in (0..problem.txns()).filter(|&txn| problem.registers.committed[txn as usize]) {
            for read in problem.registers.reads[txn as usize].iter().filter(|read| read.source != SEVERAL) {
                if problem.mode == Mode::Cursor && !problem.writes(txn, read.key) {
                    continue;
                }
                self.force_read(txn, read.key, read.source, &mut new);
            }
            // In the order of prefixes, overlapping writers are not ordered yet.
            if problem.mode == Mode::Snapshot {
                for write in &problem.registers.writes[txn as usize] {
                    self.force_write(txn, write.key, &mut new);
                }
            }
        }
        new.into_iter().for_each(|edge| self.add(edge));
    }

    /// Writers that a reader has in its past come before the one it read from; those after that one come after it.
    fn force_read(&self, reader: u32, key: u32, source: u32, new: &mut Vec<Forced>) {
        let group = &self.groups[key as usize];
        let begin = self.problem.begin(reader) as usize * self.chains;
        let mut index = 0;
        while index < group.len() {
            let chain = group[index].0;
            let end = index + group[index..].partition_point(|entry| entry.0 == chain);
            let seen = self.past[begin + chain as usize];
            let visible = group[index..end].partition_point(|entry| entry.1 < seen);
            if visible > 0 {
                let other = group[index + visible - 1].2;
                if source == INITIAL {
                    // The initial value was overwritten before: this closes a cycle with the anti-dependency.
                    new.push(Forced { from: reader, to: other, kind: RW, key, reader: NEVER });
                } else if other != source && !self.implied(WW, other, source) {
                    new.push(Forced { from: other, to: source, kind: WW, key, reader });
                }
            }
            let after = match self.problem.mode {
                _ if source == INITIAL => 0,
                Mode::Prefix => self.future[self.problem.commit(source) as usize * self.chains + chain as usize],
                _ => self.future[self.problem.begin(source) as usize * self.chains + chain as usize],
            };
            let mut later = index + group[index..end].partition_point(|entry| entry.1 < after);
            while later < end && (group[later].2 == source || group[later].2 == reader) {
                later += 1;
            }
            if later < end {
                let other = group[later].2;
                if !self.problem.anti() {
                    // Whoever replaces the version it read comes right after it.
                    let adjacent = self.problem.mode != Mode::Causal && self.problem.writes(reader, key);
                    if adjacent && !self.implied(WW, reader, other) {
                        new.push(Forced { from: reader, to: other, kind: WW, key, reader: NEVER });
                    }
                } else if !self.implied(RW, reader, other) {
                    new.push(Forced { from: reader, to: other, kind: RW, key, reader: NEVER });
                }
            }
            index = end;
        }
    }

    /// Writers that commit after a writer begins come after it.
    fn force_write(&self, writer: u32, key: u32, new: &mut Vec<Forced>) {
        let group = &self.groups[key as usize];
        let begin = self.problem.begin(writer) as usize * self.chains;
        let mut index = 0;
        while index < group.len() {
            let chain = group[index].0;
            let end = index + group[index..].partition_point(|entry| entry.0 == chain);
            let after = self.future[begin + chain as usize];
            let mut later = index + group[index..end].partition_point(|entry| entry.1 < after);
            while later < end && group[later].2 == writer {
                later += 1;
            }
            if later < end && !self.implied(WW, writer, group[later].2) {
                new.push(Forced { from: writer, to: group[later].2, kind: WW, key, reader: NEVER });
            }
            index = end;
        }
    }
}
