//! `causal-register` and `causal-convergence`: causal consistency of registers whose values are unique.
//!
//! Bouajjani, Enea, Guerraoui and Hamza, *On verifying causal consistency*, 2017. With CO the transitive closure of
//! session order and reads-from, over all registers, a history is causally consistent (CC) exactly when it has none of
//! these *bad patterns* (theorem 4): a cycle in CO; a read of a value never written; a read of nil with a write of
//! that register before it in CO; a read from a write that another write of that register separates from it in CO.
//! Causal convergence (CCv), in which all agree on the order of concurrent writes, forbids a cycle of CO and
//! *conflicts* besides: a write that is in CO before a read comes before the write that the read returned (theorem 5).
//!
//! CO is never built: each write keeps a vector clock over the sessions, and for each read only the last write of its
//! register in each session can matter, so the cost is that of the operations times the sessions that write one
//! register (as in AWDIT, PLDI 2025). A write of unknown outcome happened if somebody read it; if nobody did, nothing
//! follows it and it cannot contradict anything. A compare-and-set counts only as a write.

mod load;
mod tell;

use rashomon_history::History;

use self::load::{Entry, INITIAL, Loaded, load};
use super::EventualDemand;
use super::clocks::Clock;
use super::graph::{Edge, find_cycle};
use crate::anomalies::findings::Findings;
use crate::verdict::{Budget, Judgement};

pub(super) fn check(history: &History, _: &EventualDemand, budget: &Budget) -> Judgement {
    judge(history, "causal-register", false, budget)
}

pub(super) fn check_convergence(history: &History, _: &EventualDemand, budget: &Budget) -> Judgement {
    judge(history, "causal-convergence", true, budget)
}

/// Why one operation comes before another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The same session did one and then the other.
    Session,
    /// The other read what the one wrote.
    Read,
    /// This read, for which the one was visible, returned the other.
    Conflict(u32),
}

fn judge(history: &History, name: &'static str, convergence: bool, budget: &Budget) -> Judgement {
    let mut findings = Findings::new(name, "follows what every session knew, with vector clocks", history.len());
    let loaded = load(history, &mut findings);
    if history.is_empty() {
        findings.unknown("the history has no operations".to_owned());
    } else if loaded.reads == 0 {
        findings.unknown("no read returned: nobody looked".to_owned());
    }
    let mut walk = Walk {
        loaded: &loaded,
        history,
        clocks: vec![None; loaded.entries.len()],
        conflicts: Vec::new(),
        convergence,
        steps: budget.steps,
        findings: &mut findings,
    };
    let completed = walk.run();
    let (conflicts, spent) = (std::mem::take(&mut walk.conflicts), walk.steps == 0);
    if spent {
        let what = "too many sessions write the same register for the step budget; raise it";
        findings.unknown(what.to_owned());
    }
    if !completed {
        // Whatever waits for ever waits in a circle.
        let edges = causal_edges(&loaded);
        if let Some(cycle) = find_cycle(loaded.entries.len(), &edges) {
            tell::circle(history, &loaded, &cycle, &mut findings);
        }
    } else if convergence && !conflicts.is_empty() {
        let mut edges = causal_edges(&loaded);
        edges.extend(conflicts);
        if let Some(cycle) = find_cycle(loaded.entries.len(), &edges) {
            tell::circle(history, &loaded, &cycle, &mut findings);
        }
    }
    findings.judgement()
}

/// Session order and reads-from.
fn causal_edges(loaded: &Loaded) -> Vec<Edge<Before>> {
    let mut edges = Vec::with_capacity(2 * loaded.entries.len());
    for session in &loaded.sessions {
        for pair in session.windows(2) {
            edges.push(Edge { from: pair[0], to: pair[1], reason: Before::Session });
        }
    }
    for (to, entry) in (0..).zip(&loaded.entries) {
        if let Entry { from: Some(from), .. } = *entry
            && from != INITIAL
        {
            edges.push(Edge { from, to, reason: Before::Read });
        }
    }
    edges
}

/// Goes through the sessions in an order that keeps CO.
struct Walk<'a> {
    loaded: &'a Loaded,
    history: &'a History,
    /// Of each write that was passed, what its session knew.
    clocks: Vec<Option<Clock>>,
    conflicts: Vec<Edge<Before>>,
    convergence: bool,
    steps: u64,
    findings: &'a mut Findings,
}

impl Walk<'_> {
    /// True when every session was walked to its end.
    fn run(&mut self) -> bool {
        let loaded = self.loaded;
        let mut known: Vec<Clock> = vec![Clock::default(); loaded.sessions.len()];
        let mut at: Vec<usize> = vec![0; loaded.sessions.len()];
        // Sessions that wait for a write to be passed, as a chain per write.
        let mut waiting: Vec<u32> = vec![NOBODY; loaded.entries.len()];
        let mut after: Vec<u32> = vec![NOBODY; loaded.sessions.len()];
        let mut ready: Vec<u32> = (0..loaded.sessions.len() as u32).rev().collect();
        while let Some(session) = ready.pop() {
            let mine = session as usize;
            while let Some(&node) = loaded.sessions[mine].get(at[mine]) {
                let entry = &loaded.entries[node as usize];
                match entry.from {
                    Some(from) if from != INITIAL && self.clocks[from as usize].is_none() => {
                        after[mine] = waiting[from as usize];
                        waiting[from as usize] = session;
                        break;
                    }
                    Some(from) => {
                        if from != INITIAL {
                            let write = &loaded.entries[from as usize];
                            let clock = self.clocks[from as usize].clone().expect("it was passed");
                            known[mine].join(&clock);
                            known[mine].raise(write.session, write.index);
                        }
                        self.read(node, from, &known[mine]);
                    }
                    None => {
                        self.clocks[node as usize] = Some(known[mine].clone());
                        let mut woken = std::mem::replace(&mut waiting[node as usize], NOBODY);
                        while woken != NOBODY {
                            ready.push(woken);
                            woken = std::mem::replace(&mut after[woken as usize], NOBODY);
                        }
                    }
                }
                at[mine] += 1;
            }
        }
        at.iter().zip(&loaded.sessions).all(|(&at, session)| at == session.len())
    }

    /// Whether a write is before another operation in CO.
    fn precedes(&self, one: u32, other: u32) -> bool {
        let (first, second) = (&self.loaded.entries[one as usize], &self.loaded.entries[other as usize]);
        match &self.clocks[other as usize] {
            _ if first.session == second.session => first.index < second.index,
            Some(clock) => clock.get(first.session) >= first.index,
            None => false,
        }
    }

    /// Judges a read that returned what `from` wrote, by what its session knows, the read included.
    fn read(&mut self, node: u32, from: u32, known: &Clock) {
        let loaded = self.loaded;
        let read = &loaded.entries[node as usize];
        for (session, writes) in &loaded.writes[read.key as usize] {
            self.steps = self.steps.saturating_sub(1);
            if self.steps == 0 {
                return;
            }
            let bound = if *session == read.session { read.index } else { known.get(*session) };
            let count = writes.partition_point(|&write| loaded.entries[write as usize].index <= bound);
            let Some(&last) = count.checked_sub(1).map(|last| &writes[last]) else { continue };
            if last == from {
                continue;
            }
            if from == INITIAL || self.precedes(from, last) {
                return tell::overwritten(self.history, loaded, (from, last, node), self.findings);
            }
            if self.convergence && !self.precedes(last, from) {
                self.conflicts.push(Edge { from: last, to: from, reason: Before::Conflict(node) });
            }
        }
    }
}

const NOBODY: u32 = u32::MAX;
