//! Workloads played against objects in memory, for tests: whether the right object passes and a wrong one is found.

use std::collections::BTreeMap;

use rashomon_checkers::{Budget, Finding, Judgement};
use rashomon_history::{Event, EventKind, History, Outcome, Value};
use rashomon_spec::consistency::Level;
use rashomon_spec::operation::{Completion, Operation};
use rashomon_spec::workload::{Requirements, Workload};

use crate::options;

/// A cluster of three nodes: answers an operation at a node.
pub(crate) trait Object {
    /// The answer of one node (1 to 3).
    fn answer(&mut self, node: u16, operation: &Operation) -> Completion;

    /// All replicas exchange what they know; called once before the final reads.
    fn converge(&mut self) {}
}

/// The levels under which replicas may disagree for a while.
pub(crate) fn later() -> Vec<Level> {
    Level::all().filter(|level| level.converges_later()).collect()
}

/// One state per key, the same for every node: what is right under any consistency.
pub(crate) struct One<S> {
    states: BTreeMap<Value, S>,
    answer: fn(&mut S, &Operation) -> Completion,
}

impl<S> One<S> {
    pub(crate) fn new(answer: fn(&mut S, &Operation) -> Completion) -> One<S> {
        One { states: BTreeMap::new(), answer }
    }
}

impl<S: Default> Object for One<S> {
    fn answer(&mut self, _: u16, operation: &Operation) -> Completion {
        (self.answer)(self.states.entry(operation.key.clone()).or_default(), operation)
    }
}

/// One state per key and node that never hear of each other: wrong under any consistency.
pub(crate) struct Apart<S> {
    states: BTreeMap<(u16, Value), S>,
    answer: fn(&mut S, &Operation) -> Completion,
}

impl<S> Apart<S> {
    pub(crate) fn new(answer: fn(&mut S, &Operation) -> Completion) -> Apart<S> {
        Apart { states: BTreeMap::new(), answer }
    }
}

impl<S: Default> Object for Apart<S> {
    fn answer(&mut self, node: u16, operation: &Operation) -> Completion {
        (self.answer)(self.states.entry((node, operation.key.clone())).or_default(), operation)
    }
}

/// What was played.
pub(crate) struct Played {
    /// The operations of the clients, without the final reads.
    pub(crate) answers: Vec<(Operation, Completion)>,
    pub(crate) history: History,
    demand: Requirements,
}

const CLIENTS: u32 = 6;

/// Plays so many operations, one after another, by six clients at three nodes, and the final reads.
pub(crate) fn play(workload: &dyn Workload, change: &[(&str, &str)], count: usize, object: &mut dyn Object) -> Played {
    let spec = options::changed(workload.options(), change);
    let mut generator = workload.generator(&spec).unwrap();
    let mut recorded = Recorded::default();
    let mut answers = Vec::new();
    for turn in 0..count as u32 {
        let client = turn * 7 % CLIENTS;
        let operation = generator.next(client).unwrap();
        let node = (client % 3) as u16 + 1;
        let completion = object.answer(node, &operation);
        recorded.add(client, node, &operation, &completion);
        generator.observe(client, &operation, &completion);
        answers.push((operation, completion));
    }
    object.converge();
    let mut demand = Requirements::new(Level::LINEARIZABLE, spec.options);
    demand.quiet_since_ns = Some(recorded.time);
    demand.convergence_ns = 1000;
    recorded.time += 2000;
    for operation in generator.final_reads() {
        for node in 1..=3 {
            let completion = object.answer(node, &operation);
            recorded.add(100 + u32::from(node), node, &operation, &completion);
        }
    }
    let history = History::from_events(recorded.events).unwrap();
    Played { answers, history, demand }
}

impl Played {
    /// The judgements under a consistency.
    pub(crate) fn judged(&self, workload: &dyn Workload, consistency: Level) -> Vec<Judgement> {
        let demand = Requirements { consistency, ..self.demand.clone() };
        workload.check(&self.history, &demand, &Budget::default())
    }

    /// The operations of this function that were acknowledged.
    pub(crate) fn ok(&self, f: &str) -> Vec<&Operation> {
        let answers = self.answers.iter();
        let of = answers.filter(|(operation, completion)| &*operation.f == f && completion.outcome == Outcome::Ok);
        of.map(|(operation, _)| operation).collect()
    }
}

/// Fails unless every judgement of a right object says that it is.
pub(crate) fn assert_right(workload: &dyn Workload, change: &[(&str, &str)], object: &mut dyn Object) {
    let played = play(workload, change, 3000, object);
    for consistency in Level::all() {
        for judgement in played.judged(workload, consistency) {
            assert_eq!(judgement.finding, Finding::Valid, "{consistency}: {judgement:?}");
        }
    }
}

/// Fails unless the judgement of a wrong object names this anomaly under each of these consistencies.
pub(crate) fn assert_found(
    workload: &dyn Workload,
    change: &[(&str, &str)],
    object: &mut dyn Object,
    consistencies: &[Level],
    anomaly: &str,
) {
    let played = play(workload, change, 3000, object);
    for &consistency in consistencies {
        let judgements = played.judged(workload, consistency);
        let names: Vec<&str> =
            judgements.iter().flat_map(|judgement| &judgement.anomalies).map(|anomaly| anomaly.name.as_str()).collect();
        assert!(names.contains(&anomaly), "{consistency}: {names:?}");
    }
}

#[derive(Default)]
struct Recorded {
    events: Vec<Event>,
    time: u64,
}

impl Recorded {
    fn add(&mut self, process: u32, node: u16, operation: &Operation, completion: &Completion) {
        let mut event = |kind, value: &Value| {
            self.time += 1;
            self.events.push(Event {
                time: self.time,
                process,
                kind,
                f: operation.f.clone(),
                key: operation.key.clone(),
                value: value.clone(),
                node: Some(node),
                error: completion.error.clone(),
            });
        };
        event(EventKind::Invoke, &operation.value);
        event(completion.outcome.into(), &completion.value);
    }
}
