//! A schedule found by trying: whatever may come next without making a read wrong, comes next.
//!
//! Most histories of correct systems are explained by such a schedule, and it proves the level. When it gets stuck,
//! nothing is said.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::polygraph::{Mode, Polygraph};

const FREE: u32 = u32::MAX;

/// The state while a schedule grows.
struct Schedule<'a> {
    graph: &'a Polygraph<'a>,
    /// The value of each key, as a number, and how often it was written.
    current: Vec<(u32, u32)>,
    /// Reads of a value that have not happened yet.
    pending: FxHashMap<(u32, u32), u32>,
    /// The transaction that has begun and will write the key, when snapshots must not overlap.
    locked: Vec<u32>,
}

/// The nodes of a polygraph in an order in which every read returns the state that it finds.
pub(super) fn greedy(graph: &Polygraph<'_>, steps: &mut u64) -> Option<Vec<u32>> {
    let problem = graph.problem;
    let keys = problem.registers.writers.len();
    let mut state =
        Schedule { graph, current: vec![(0, 0); keys], pending: FxHashMap::default(), locked: vec![FREE; keys] };
    for read in problem.registers.reads.iter().flatten() {
        *state.pending.entry((read.key, read.value)).or_insert(0) += 1;
    }
    let mut entering = vec![0_u32; graph.out.len()];
    graph.out.iter().flatten().for_each(|&to| entering[to as usize] += 1);
    let rank = |node: u32| -> (u8, u64, u32) {
        if node as usize >= problem.events() {
            return (0, 0, node);
        }
        let txn = if problem.mode == Mode::Serial { node } else { node / 2 };
        let commits = problem.mode != Mode::Serial && node % 2 == 1;
        let writes = !problem.registers.writes[txn as usize].is_empty();
        let (begun, ended) = (problem.invoked[txn as usize], problem.completed[txn as usize]);
        let middle = u64::from(begun) + u64::from(if ended == super::input::NEVER { begun } else { ended });
        (if commits || !writes { 1 } else { 2 }, middle, node)
    };
    let mut ready: BTreeSet<(u8, u64, u32)> =
        (0..graph.out.len() as u32).filter(|&node| entering[node as usize] == 0).map(rank).collect();
    let mut order = Vec::with_capacity(graph.out.len());
    while !ready.is_empty() {
        let mut tried = 0;
        let next = ready.iter().copied().find(|&(_, _, node)| {
            tried += 1;
            state.may_come(node)
        });
        *steps = steps.saturating_sub(tried);
        let item = next.filter(|_| *steps > 0)?;
        ready.remove(&item);
        let node = item.2;
        state.comes(node);
        order.push(node);
        for &to in &graph.out[node as usize] {
            entering[to as usize] -= 1;
            if entering[to as usize] == 0 {
                ready.insert(rank(to));
            }
        }
    }
    (order.len() == graph.out.len()).then_some(order)
}

impl Schedule<'_> {
    /// The transaction of a node, and whether the node reads and writes.
    fn parts(&self, node: u32) -> Option<(u32, bool, bool)> {
        let problem = self.graph.problem;
        match problem.mode {
            _ if node as usize >= problem.events() => None,
            Mode::Serial => Some((node, true, true)),
            _ => Some((node / 2, node.is_multiple_of(2), !node.is_multiple_of(2))),
        }
    }

    fn may_come(&self, node: u32) -> bool {
        let Some((txn, reads, writes)) = self.parts(node) else { return true };
        let registers = self.graph.problem.registers;
        let snapshots = self.graph.problem.mode == Mode::Snapshot;
        let (mine, own) = (&registers.reads[txn as usize], &registers.writes[txn as usize]);
        if reads && mine.iter().any(|read| self.current[read.key as usize].0 != read.value) {
            return false;
        }
        if snapshots && reads && own.iter().any(|write| self.locked[write.key as usize] != FREE) {
            return false;
        }
        !writes
            || own.iter().all(|write| {
                let current = self.current[write.key as usize].0;
                let waiting = self.pending.get(&(write.key, current)).copied().unwrap_or(0);
                let of_it = |read: &&super::registers::Read| read.key == write.key && read.value == current;
                let ours = if reads { mine.iter().filter(of_it).count() as u32 } else { 0 };
                waiting <= ours
            })
    }

    fn comes(&mut self, node: u32) {
        let Some((txn, reads, writes)) = self.parts(node) else { return };
        let problem = self.graph.problem;
        if reads {
            for read in &problem.registers.reads[txn as usize] {
                if let Some(count) = self.pending.get_mut(&(read.key, read.value)) {
                    *count -= 1;
                }
            }
        }
        for write in &problem.registers.writes[txn as usize] {
            if problem.mode == Mode::Snapshot {
                self.locked[write.key as usize] = if writes { FREE } else { txn };
            }
            if writes {
                let (_, count) = self.current[write.key as usize];
                self.current[write.key as usize] = (write.value, count + 1);
            }
        }
    }
}
