//! What is said of histories that are not linearizable, for every model, against brute force:
//!
//! - a core contradicts itself, whatever all other operations did and returned, and also alone;
//! - each of its operations is needed: weaken one more, and there is an explanation;
//! - the timestamp error that is said to explain it does, and one nanosecond less does not;
//! - the sentences name operations of the history with their times, and what they claim of them holds.

mod alphabet;
mod claims;

use rashomon_history::{Event, EventKind, History, OpId, OpView, Outcome};
use rustc_hash::FxHashSet;

use crate::brute::is_linearizable;
use crate::explain::NOT_MINIMAL;
use crate::linearizable;
use crate::model::{Model, Nature};
use crate::models::{AppendList, CasRegister, FailedCas, MultiRegister, Register, StringMap};
use crate::objects::{
    Container, Counter, Discipline, Exclusion, OwnedLock, Permits, ReentrantMutex, Set, WeightedSemaphore,
};
use crate::small::{Call, Choices, random_history};
use crate::specialist::Ops;
use crate::verdict::{Anomaly, Budget, Finding};

/// How many histories of each model are judged; about half of them are refuted.
const HISTORIES: usize = 4_000;
/// More than any history lasts, ns.
const ANY_TIME: i64 = 1 << 40;

/// An operation of a history that may be weaker than what was recorded.
#[derive(Clone, Debug)]
struct Act<Op> {
    op: Op,
    /// Nanoseconds.
    invoked: i64,
    completed: Option<i64>,
}

struct Reference<'a, M: Model> {
    model: &'a M,
    history: &'a History,
}

impl<M: Model> Reference<'_, M> {
    /// The history with only these operations as recorded, and the others weakened, or left out.
    fn weaker(&self, facts: &[OpId], alone: bool) -> Vec<Act<M::Op>> {
        let acts = self.history.ops().filter_map(|view| {
            let op = self.model.operation(&view).expect("the test's operations are of this model")?;
            let (invoked, completed) = (view.invoke_time as i64, view.complete_time.map(|time| time as i64));
            let act = |op, completed| Act { op, invoked, completed };
            match view.outcome {
                Outcome::Info if alone => None,
                Outcome::Info => Some(act(op, None)),
                _ if facts.contains(&view.id) => Some(act(op, completed)),
                _ if alone || self.model.nature(&op) == Nature::Observer => None,
                _ => {
                    let unknown = OpView { outcome: Outcome::Info, output: view.input.clone(), ..view.clone() };
                    let op = self.model.operation(&unknown).expect("so is this one");
                    Some(act(op.expect("an operation of unknown outcome may have changed something"), None))
                }
            }
        });
        acts.collect()
    }

    /// Whether some order explains these operations, each begun so much earlier and ended so much later: tries them
    /// all.
    fn explained(&self, acts: &[Act<M::Op>], error: i64) -> bool {
        let mut seen = FxHashSet::default();
        self.extends(acts, error, 0, &self.model.initial(), &mut seen)
    }

    fn extends(
        &self,
        acts: &[Act<M::Op>],
        error: i64,
        placed: u32,
        state: &M::State,
        seen: &mut FxHashSet<(u32, M::State)>,
    ) -> bool {
        let left = || acts.iter().enumerate().filter(|(index, _)| placed >> index & 1 == 0);
        let Some(until) = left().filter_map(|(_, act)| act.completed).min() else { return true };
        if !seen.insert((placed, state.clone())) {
            return false;
        }
        // What happens at once overlaps.
        let next: Vec<usize> =
            left().filter(|(_, act)| act.invoked - error <= until + error).map(|(index, _)| index).collect();
        next.into_iter().any(|index| {
            let after: Vec<M::State> = self.model.step(state, &acts[index].op).into_iter().collect();
            after.iter().any(|after| self.extends(acts, error, placed | 1 << index, after, seen))
        })
    }

    fn check(&self, anomaly: &Anomaly) {
        let context = || format!("{anomaly:#?}\n{}", self.told());
        let facts = &anomaly.operations;
        assert!(!facts.is_empty() && facts.is_sorted(), "{}", context());
        assert!(facts.iter().all(|&fact| self.history.op(fact).outcome != Outcome::Info), "{}", context());
        assert!(!self.explained(&self.weaker(facts, true), 0), "the core alone is explained: {}", context());
        assert!(!self.explained(&self.weaker(facts, false), 0), "the others explain the core: {}", context());
        assert!(!anomaly.explanation.iter().any(|sentence| sentence == NOT_MINIMAL), "{}", context());
        for fact in facts {
            let fewer: Vec<OpId> = facts.iter().copied().filter(|other| other != fact).collect();
            assert!(self.explained(&self.weaker(&fewer, false), 0), "{fact:?} is not needed: {}", context());
        }
        self.check_uncertainty(anomaly, &context);
        let times = facts.iter().map(|&fact| self.history.op(fact)).map(|op| (op.invoke_time, op.complete_time));
        let window = times.fold((u64::MAX, 0), |(from, to), (invoked, completed)| {
            (from.min(invoked), to.max(completed.unwrap_or(invoked)))
        });
        assert_eq!(anomaly.window, window, "{}", context());
        claims::check(self.history, anomaly).unwrap_or_else(|wrong| panic!("{wrong}: {}", context()));
    }

    /// What is said of the timestamp error that would explain the core.
    fn check_uncertainty(&self, anomaly: &Anomaly, context: &impl Fn() -> String) {
        let (core, whole) = (self.weaker(&anomaly.operations, false), self.weaker(&self.everything(), false));
        match claims::uncertainty(anomaly) {
            None => panic!("nothing is said of timestamps: {}", context()),
            Some(Some(error)) => {
                let error = error as i64;
                assert!(self.explained(&core, error), "{error} ns do not explain it: {}", context());
                assert!(!self.explained(&core, error - 1), "less than {error} ns explain it: {}", context());
                assert!(!self.explained(&whole, error - 1), "less than {error} ns explain all: {}", context());
            }
            Some(None) => {
                assert!(!self.explained(&core, ANY_TIME), "other times explain it: {}", context());
                assert!(!self.explained(&whole, ANY_TIME), "other times explain all: {}", context());
            }
        }
    }

    fn everything(&self) -> Vec<OpId> {
        self.history.ops().map(|op| op.id).collect()
    }

    fn told(&self) -> String {
        self.history.ops().map(|op| format!("{op:?}")).collect::<Vec<_>>().join("\n")
    }
}

/// The events of some operations: these as recorded, the others as `weaker` says (dropped, or without an answer, by a
/// process of their own).
fn events(history: &History, facts: &[OpId], dropped: impl Fn(&OpView<'_>) -> bool) -> Vec<Event> {
    let mut events: Vec<(u32, Event)> = Vec::new();
    for op in history.ops() {
        let is_fact = facts.contains(&op.id);
        if !is_fact && dropped(&op) {
            continue;
        }
        let process = if is_fact { op.process } else { 1_000 + op.id.0 };
        let event = |time, kind, value: &rashomon_history::Value| Event {
            time,
            process,
            kind,
            f: op.f.into(),
            key: op.key.clone(),
            value: value.clone(),
            node: None,
            error: None,
        };
        events.push((op.invoked, event(op.invoke_time, EventKind::Invoke, &op.input)));
        if let (Some(completed), Some(time), true) = (op.completed, op.complete_time, is_fact) {
            let kind = match op.outcome {
                Outcome::Ok => EventKind::Ok,
                Outcome::Fail => EventKind::Fail,
                Outcome::Info => EventKind::Info,
            };
            events.push((completed, event(time, kind, &op.output)));
        }
    }
    events.sort_by_key(|&(position, _)| position);
    events.into_iter().map(|(_, event)| event).collect()
}

/// The same history at irregular times, a few nanoseconds apart.
fn at_odd_times(history: &History, choices: &mut Choices) -> History {
    let everything: Vec<OpId> = history.ops().map(|op| op.id).collect();
    let mut time = 0;
    let events = events(history, &everything, |_| false).into_iter().map(|event| {
        time += 1 + choices.below(20) as u64;
        Event { time, ..event }
    });
    History::from_events(events.collect::<Vec<_>>()).expect("only the times differ")
}

/// Checks what is said of random histories; returns how many were refuted.
fn examine<M: Model>(model: &M, calls: &[Call], clients: usize, seed: u64) -> usize {
    let mut choices = Choices::new(seed);
    let (mut refuted, mut largest) = (0, 0);
    for round in 0..HISTORIES {
        let history = random_history(calls, 3 + round % 6, 1 + round % clients, &mut choices);
        let history = at_odd_times(&history, &mut choices);
        if is_linearizable(model, &history, Ops::All(history.len() as u32)) {
            continue;
        }
        let judgement = linearizable::check(model, &history, &Budget::default());
        assert_eq!((judgement.finding, judgement.anomalies.len()), (Finding::Invalid, 1), "{history:?}");
        Reference { model, history: &history }.check(&judgement.anomalies[0]);
        refuted += 1;
        largest = largest.max(judgement.anomalies[0].operations.len());
    }
    println!("{}: {refuted} refuted of {HISTORIES}, the largest core {largest}", model.name());
    assert!(refuted * 5 > HISTORIES && largest > 2, "{}: {refuted} {largest}", model.name());
    refuted
}

#[test]
fn registers() {
    examine(&Register, &alphabet::register(), 4, 1);
    examine(&CasRegister::default(), &alphabet::cas_register(), 4, 2);
    examine(&CasRegister { failed_cas: FailedCas::Compared }, &alphabet::cas_register(), 4, 3);
}

#[test]
fn lists_and_strings() {
    examine(&AppendList, &alphabet::append_list(), 4, 4);
    examine(&StringMap, &alphabet::strings(&["a", "b", "c"]), 4, 5);
    examine(&StringMap, &alphabet::strings(&["a", "b", "ab"]), 4, 6);
}

#[test]
fn transactions() {
    examine(&MultiRegister, &alphabet::transactions(), 4, 7);
}

#[test]
fn containers() {
    for (seed, discipline) in
        [Discipline::Fifo, Discipline::Any, Discipline::Lifo, Discipline::Least].into_iter().enumerate()
    {
        examine(&Container { discipline }, &alphabet::container(discipline), 4, 8 + seed as u64);
    }
}

#[test]
fn sets() {
    examine(&Set, &alphabet::set(), 4, 12);
    examine(&Set, &alphabet::set_of_single_elements(), 4, 13);
}

#[test]
fn counters() {
    examine(&Counter { blind: true }, &alphabet::counter(), 4, 14);
    examine(&Counter { blind: false }, &alphabet::fetch_and_add(), 4, 15);
    examine(&Counter { blind: true }, &alphabet::ones(), 4, 16);
}

#[test]
fn locks() {
    examine(&Permits { limit: 1 }, &alphabet::lock(), 4, 17);
    examine(&Permits { limit: 2 }, &alphabet::lock(), 4, 18);
    examine(&OwnedLock { exclusion: Exclusion::AtMost(1) }, &alphabet::lock(), 3, 19);
    examine(&OwnedLock { exclusion: Exclusion::AtMost(2) }, &alphabet::lock(), 3, 20);
    examine(&OwnedLock { exclusion: Exclusion::ReadersWriter }, &alphabet::readers_writer(), 3, 21);
    examine(&OwnedLock { exclusion: Exclusion::Fenced }, &alphabet::fenced(), 3, 22);
    examine(&ReentrantMutex, &alphabet::lock(), 3, 23);
    examine(&WeightedSemaphore { limit: 3 }, &alphabet::weighted(), 4, 24);
}
