//! `causal-register` and `causal-convergence`: causal consistency of registers whose values are unique.
//!
//! Bouajjani, Enea, Guerraoui and Hamza, *On verifying causal consistency*, 2017. With CO the transitive closure of
//! session order and reads-from, over all registers, a history is causally consistent (CC) exactly when it has none of
//! these *bad patterns* (theorem 4): a cycle in CO; a thin-air read; a read of nil with a write of
//! that register before it in CO; a read from a write that another write of that register separates from it in CO.
//! Causal convergence (CCv), in which all agree on the order of concurrent writes, forbids a cycle of CO and
//! *conflicts* besides: a write that is in CO before a read comes before the write that the read returned (theorem 5).
//!
//! CO is never built. Recorded histories come in an order that keeps it: a write where it was invoked, a read where it
//! completed, since a read cannot return what is written only later (and so CO never has a cycle). Along that order
//! each session's knowledge is a vector clock, and each write keeps the one it was made with. A read of `w` is in order
//! when nothing that its session knows and `w` did not know follows `w`; of each session only its last write of the
//! register can matter. So a read costs the sessions of which more is known than when `w` was made, or those that write
//! the register, whichever are fewer (AWDIT, PLDI 2025, pays for all sessions); clocks that no later read can ask for
//! are forgotten. A write of unknown outcome happened if somebody read it; if nobody did, nothing follows it and it
//! cannot contradict anything. A compare-and-set counts only as a write.
//!
//! Of replicas ([`Level::REPLICA`]) it is demanded that everybody knows everything in the end: a read that began when
//! updates had ended and the bound had passed follows all that had been acknowledged and read by then, as if its
//! session had seen it. So what was lost for good is missed although nobody comes back to look for it.

mod describe;
mod load;

use rashomon_history::{History, OpId, Outcome};

use self::load::{Entry, INITIAL, Loaded, load};
use super::EventualDemand;
use super::clocks::{Clock, Clocks, News};
use crate::findings::Findings;
use crate::graph::{Edge, find_cycle};
use crate::level::Level;
use crate::verdict::{Budget, Judgement};

pub(super) fn check(history: &History, demand: &EventualDemand, budget: &Budget) -> Judgement {
    judge(history, demand, "causal-register", budget, FEW)
}

pub(super) fn check_convergence(history: &History, demand: &EventualDemand, budget: &Budget) -> Judgement {
    judge(history, demand, CONVERGENCE, budget, FEW)
}

const CONVERGENCE: &str = "causal-convergence";

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

/// Forgets clocks whenever there are more than `few` nodes of them.
fn judge(history: &History, demand: &EventualDemand, name: &'static str, budget: &Budget, few: usize) -> Judgement {
    let mut findings = Findings::new(name, "follows what every session knew, with vector clocks", history.len());
    let loaded = load(history, &mut findings);
    if history.is_empty() {
        findings.unknown("the history has no operations".to_owned());
    } else if loaded.reads == 0 {
        findings.unknown("no read returned, so none could show an anomaly".to_owned());
    }
    let mut clocks = Clocks::of(loaded.sessions.len());
    let end = End::of(history, &loaded, demand, &mut clocks);
    let mut walk = Walk {
        loaded: &loaded,
        history,
        clocks,
        end,
        made: vec![Clock::NOTHING; loaded.entries.len()],
        conflicts: Vec::new(),
        news: Vec::new(),
        convergence: name == CONVERGENCE,
        steps: budget.steps,
        overwritten: 0,
        findings: &mut findings,
    };
    let stopped = walk.run(budget, few);
    let conflicts = std::mem::take(&mut walk.conflicts);
    drop(walk);
    if let Err(reason) = stopped {
        findings.unknown(reason.to_owned());
    }
    let edges = edges_that_may_circle(&loaded, &conflicts);
    if let Some(cycle) = find_cycle(loaded.entries.len(), &edges) {
        describe::circle(history, &loaded, &cycle, &mut findings);
    }
    findings.judgement()
}

/// A write that was visible to a read which returned another one: it must come before that.
#[derive(Clone, Copy)]
struct Conflict {
    last: u32,
    from: u32,
    read: u32,
}

/// Session order, reads-from and conflicts, without those that cannot be on a cycle. All but some conflicts lead to
/// later entries; so a cycle stays within a segment of entries that those few cover without a gap.
fn edges_that_may_circle(loaded: &Loaded, conflicts: &[Conflict]) -> Vec<Edge<Before>> {
    let mut back: Vec<(u32, u32)> =
        conflicts.iter().map(|conflict| (conflict.from, conflict.last)).filter(|(from, last)| from < last).collect();
    if back.is_empty() {
        return Vec::new();
    }
    back.sort_unstable();
    // Of each entry its segment; 0 for none.
    let mut segment = vec![0_u32; loaded.entries.len()];
    let (mut number, mut end) = (0, 0);
    for (from, last) in back {
        if number == 0 || from > end {
            number += 1;
            end = from;
            segment[from as usize] = number;
        }
        for entry in end..=last.max(end) {
            segment[entry as usize] = number;
        }
        end = end.max(last);
    }
    let mut edges = Vec::new();
    let mut edge = |from: u32, to: u32, reason| {
        let within = segment[from as usize];
        if within != 0 && within == segment[to as usize] {
            edges.push(Edge { from, to, reason });
        }
    };
    for pair in loaded.sessions.iter().flat_map(|session| session.windows(2)) {
        edge(pair[0], pair[1], Before::Session);
    }
    for (to, entry) in (0..).zip(&loaded.entries) {
        if let Entry { from: Some(from), .. } = *entry
            && from != INITIAL
        {
            edge(from, to, Before::Read);
        }
    }
    for conflict in conflicts {
        edge(conflict.last, conflict.from, Before::Conflict(conflict.read));
    }
    edges
}

/// What everybody knows once replicas had their time to agree.
#[derive(Clone, Copy)]
struct End {
    /// The first position of which that is demanded.
    settled: u32,
    known: Clock,
}

impl End {
    /// Nobody needs to know anything.
    const NEVER: End = End { settled: u32::MAX, known: Clock::NOTHING };

    fn of(history: &History, loaded: &Loaded, demand: &EventualDemand, clocks: &mut Clocks) -> End {
        if !demand.promise.implies(Level::REPLICA) {
            return End::NEVER;
        }
        let rows = || (0..history.len() as u32).map(|id| history.row(OpId(id)));
        let updates = rows().filter(|row| row.outcome != Outcome::Fail && &**history.function(row.function) != "read");
        let ended = updates.map(|row| history.time_at(row.completed.unwrap_or(row.invoked))).max().unwrap_or(0);
        let quiet_ns = ended.max(demand.quiescent_since_ns.unwrap_or(0));
        let settled_ns = quiet_ns.saturating_add(demand.convergence_ns);
        let Some(settled) = rows().map(|row| row.invoked).find(|&at| history.time_at(at) >= settled_ns) else {
            return End::NEVER;
        };
        let mut known = Clock::NOTHING;
        for entry in &loaded.entries {
            let row = history.row(entry.op);
            // A write of unknown outcome may happen later than anything, unless somebody has read it.
            let by_then = row.completed.is_some_and(|completed| history.time_at(completed) <= quiet_ns);
            if row.outcome != Outcome::Ok || !by_then {
                continue;
            }
            known = clocks.raise(known, entry.session, entry.index);
            if let Some(write) = entry.from.filter(|&write| write != INITIAL) {
                let Entry { session, index, .. } = loaded.entries[write as usize];
                known = clocks.raise(known, session, index);
            }
        }
        End { settled, known }
    }
}

/// Goes through the entries in their order, which keeps CO.
struct Walk<'a> {
    loaded: &'a Loaded,
    history: &'a History,
    clocks: Clocks,
    end: End,
    /// Of each write that was passed, what its session knew then, the write included.
    made: Vec<Clock>,
    conflicts: Vec<Conflict>,
    /// What the session of a read knows that the write it read did not.
    news: Vec<News>,
    convergence: bool,
    steps: u64,
    /// How many reads returned what had been overwritten.
    overwritten: u64,
    findings: &'a mut Findings,
}

/// For how many anomalies it is searched by which way the one operation came to be known by the other.
const PATHS: u64 = 32;

/// Nodes of clocks among which nothing is forgotten yet.
const FEW: usize = 1 << 20;

impl Walk<'_> {
    /// Why it did not come to the end, if so.
    fn run(&mut self, budget: &Budget, few: usize) -> Result<(), &'static str> {
        let loaded = self.loaded;
        let mut known: Vec<Clock> = vec![Clock::NOTHING; loaded.sessions.len()];
        let floors = floors(loaded);
        let mut enough = few;
        for (node, entry) in (0_u32..).zip(&loaded.entries) {
            let mine = entry.session as usize;
            match entry.from {
                Some(from) => {
                    let write = if from == INITIAL { Clock::NOTHING } else { self.made[from as usize] };
                    known[mine] = self.clocks.join(known[mine], write);
                    let own = known[mine];
                    if self.history.row(entry.op).invoked >= self.end.settled {
                        known[mine] = self.clocks.join(own, self.end.known);
                    }
                    self.read(node, from, (known[mine], own), write);
                }
                None => {
                    known[mine] = self.clocks.raise(known[mine], entry.session, entry.index);
                    self.made[node as usize] = known[mine];
                }
            }
            if self.conflicts.len() as u64 * size_of::<Conflict>() as u64 > budget.bytes / 4 {
                return Err("too many writes of the same registers are concurrent for the memory budget; raise it");
            } else if self.steps == 0 {
                return Err("too many sessions write the same register for the step budget; raise it");
            }
            if entry.index as usize == loaded.sessions[mine].len() {
                known[mine] = Clock::NOTHING;
            }
            if self.clocks.len() > enough {
                self.forget(node, &floors, &mut known);
                enough = (self.clocks.len() + self.clocks.len() / 2).max(few);
                if self.clocks.len() as u64 * Clocks::NODE > budget.bytes {
                    return Err("too many sessions know different things for the memory budget; raise it");
                }
            }
        }
        Ok(())
    }

    /// Forgets the clocks for which no read behind this entry can ask: those of writes before all that are read of
    /// their register from there on.
    fn forget(&mut self, passed: u32, floors: &[u32], known: &mut [Clock]) {
        let mut floor: Vec<u32> = vec![u32::MAX; self.loaded.writers.len()];
        for (node, entry) in self.loaded.entries.iter().enumerate().skip(passed as usize + 1).rev() {
            if entry.from.is_some() {
                floor[entry.key as usize] = floors[node];
            }
        }
        for (node, entry) in self.loaded.entries.iter().enumerate().take(passed as usize + 1) {
            if (node as u32) < floor[entry.key as usize] {
                self.made[node] = Clock::NOTHING;
            }
        }
        let mut end = [self.end.known];
        self.clocks.keep(&mut [&mut self.made, known, &mut end]);
        [self.end.known] = end;
    }

    /// Whether a write is before another one in CO.
    fn precedes(&self, one: u32, other: u32) -> bool {
        let first = &self.loaded.entries[one as usize];
        one < other && self.clocks.get(self.made[other as usize], first.session) >= first.index
    }

    /// Judges a read that returned what `from` wrote, which knew what `write` says, by what its session knows, the
    /// read included, and by what it knows of itself.
    fn read(&mut self, node: u32, from: u32, (known, own): (Clock, Clock), write: Clock) {
        let key = self.loaded.entries[node as usize].key as usize;
        let writers = &self.loaded.writers[key];
        let mut news = std::mem::take(&mut self.news);
        if self.clocks.news(known, write, writers.len(), &mut news) {
            self.steps = self.steps.saturating_sub(1 + news.len() as u64);
        } else {
            self.steps = self.steps.saturating_sub(2 * writers.len() as u64);
            news.clear();
            let of = |&session: &u32| News {
                session,
                known: self.clocks.get(known, session),
                before: self.clocks.get(write, session),
            };
            news.extend(writers.sessions().iter().map(of).filter(|news| news.known > news.before));
        }
        for &News { session, known, before } in &news {
            // What the write knew it had overwritten.
            let Some(last) = writers.last(session, (before, known)) else { continue };
            if from == INITIAL || self.precedes(from, last) {
                self.overwritten += 1;
                let with_path = self.overwritten <= PATHS;
                let Entry { session, index, .. } = self.loaded.entries[last as usize];
                let reported =
                    if self.clocks.get(own, session) >= index { describe::overwritten } else { describe::lost };
                reported(self.history, self.loaded, (from, last, node), with_path, self.findings);
                break;
            }
            if self.convergence {
                self.conflicts.push(Conflict { last, from, read: node });
            }
        }
        self.news = news;
    }
}

/// Per read, the earliest write that it or a later read of its register returned.
fn floors(loaded: &Loaded) -> Vec<u32> {
    let mut floors = vec![u32::MAX; loaded.entries.len()];
    let mut floor = vec![u32::MAX; loaded.writers.len()];
    for (node, entry) in loaded.entries.iter().enumerate().rev() {
        if let Some(from) = entry.from {
            let floor = &mut floor[entry.key as usize];
            *floor = (*floor).min(if from == INITIAL { 0 } else { from });
            floors[node] = *floor;
        }
    }
    floors
}

#[cfg(test)]
mod tests {
    use rashomon_history::{Event, EventKind, Value};

    use super::*;
    use crate::small::Choices;
    use crate::verdict::Finding;

    /// Twelve clients that read what was written lately, or long ago, and some of whose writes have no known outcome.
    fn random(choices: &mut Choices) -> History {
        let mut events: Vec<Event> = Vec::new();
        let mut processes: Vec<u32> = (0..12).collect();
        let mut written: Vec<Vec<i64>> = vec![Vec::new(); 3];
        // How far back reads look: not at all, or more and more often.
        let back = 1 + choices.below(6);
        for value in 1..=200 {
            let (client, key) = (choices.below(12), choices.below(3));
            let mut event = |kind, f: &str, value| {
                let (time, key) = (events.len() as u64, Value::Int(key as i64));
                events.push(Event {
                    time,
                    process: processes[client],
                    kind,
                    f: f.into(),
                    key,
                    value,
                    node: None,
                    error: None,
                });
            };
            if choices.below(2) == 0 {
                let known = &written[key];
                let late = known.len().saturating_sub(1 + choices.below(back * 2) / 2);
                let value = known.get(late).map_or(Value::Nil, |&value| Value::Int(value));
                event(EventKind::Invoke, "read", Value::Nil);
                event(EventKind::Ok, "read", value);
                continue;
            }
            written[key].push(value);
            event(EventKind::Invoke, "write", Value::Int(value));
            if choices.below(8) == 0 {
                event(EventKind::Info, "write", Value::Int(value));
                processes[client] += 12;
            } else {
                event(EventKind::Ok, "write", Value::Int(value));
            }
        }
        History::from_events(events).expect("a history")
    }

    #[test]
    fn what_is_forgotten_is_not_asked_for() {
        let mut choices = Choices::new(9);
        let mut valid = 0;
        for round in 0..300 {
            let history = random(&mut choices);
            let name = if round % 2 == 0 { CONVERGENCE } else { "causal-register" };
            // Every third time what is read after the last write must know everything.
            let promise = if round % 3 == 0 { Level::REPLICA } else { Level::EVENTUAL };
            let demand = EventualDemand { promise, convergence_ns: 1, ..EventualDemand::DEFAULT };
            let judged = |few| judge(&history, &demand, name, &Budget::default(), few);
            assert_eq!(judged(0), judged(FEW));
            valid += u32::from(judged(FEW).finding == Finding::Valid);
        }
        assert!((30..270).contains(&valid), "{valid} of 300 are valid");
    }
    #[test]
    fn what_is_left_out_is_on_no_cycle() {
        let mut choices = Choices::new(31);
        let mut cycles = 0;
        for _ in 0..3000 {
            let mut loaded = Loaded { sessions: vec![Vec::new(); 8], ..Loaded::default() };
            for node in 0..40 {
                let session = choices.below(8) as u32;
                loaded.sessions[session as usize].push(node);
                let index = loaded.sessions[session as usize].len() as u32;
                let from = (node > 0 && choices.below(3) == 0).then(|| choices.below(node as usize) as u32);
                loaded.entries.push(Entry { op: rashomon_history::OpId(node), session, index, key: 0, from });
            }
            let conflict = |choices: &mut Choices| {
                let last = choices.below(40) as u32;
                let back = last.saturating_sub(1 + choices.below(6) as u32);
                let from = if choices.below(3) == 0 { back } else { (last + 1 + choices.below(20) as u32).min(39) };
                Conflict { last, from, read: 0 }
            };
            let conflicts: Vec<Conflict> = (0..6).map(|_| conflict(&mut choices)).collect();
            let conflicts: Vec<Conflict> = conflicts.into_iter().filter(|pair| pair.last != pair.from).collect();
            let mut all: Vec<Edge<()>> = Vec::new();
            let mut edge = |from, to| all.push(Edge { from, to, reason: () });
            loaded.sessions.iter().flat_map(|session| session.windows(2)).for_each(|pair| edge(pair[0], pair[1]));
            (0..).zip(&loaded.entries).for_each(|(to, entry)| entry.from.into_iter().for_each(|from| edge(from, to)));
            conflicts.iter().for_each(|pair| edge(pair.last, pair.from));
            let expected = find_cycle(40, &all).is_some();
            assert_eq!(find_cycle(40, &edges_that_may_circle(&loaded, &conflicts)).is_some(), expected);
            cycles += u32::from(expected);
        }
        assert!((300..2700).contains(&cycles), "{cycles} of 3000 have a cycle");
    }
}
