//! The workloads of transactions against databases in memory.

use std::collections::{BTreeMap, BTreeSet};

use rashomon_checkers::Finding;
use rashomon_history::Value;
use rashomon_spec::operation::{Completion, Operation};

use super::*;
use crate::options;
use crate::played::{Object, assert_found, play};

/// What each key holds: a list of all that was ever written to it.
type State = BTreeMap<Value, Vec<Value>>;

/// A database whose transactions read some earlier state.
struct Database {
    objects: Objects,
    /// The state after each transaction that wrote.
    states: Vec<State>,
    /// From which state a transaction reads, and whether it takes effect.
    isolation: fn(&Database, &Operation, u16) -> (usize, bool),
    converged: bool,
}

impl Database {
    fn new(objects: Objects, isolation: fn(&Database, &Operation, u16) -> (usize, bool)) -> Database {
        Database { objects, states: vec![State::new()], isolation, converged: false }
    }

    fn latest(&self) -> usize {
        self.states.len() - 1
    }

    fn read(&self, state: &State, key: &Value) -> Value {
        let written = state.get(key).map_or(&[][..], Vec::as_slice);
        match self.objects {
            Objects::Lists => Value::list(written.iter().cloned()),
            Objects::Registers => written.last().cloned().unwrap_or_default(),
        }
    }
}

impl Object for Database {
    fn answer(&mut self, node: u16, operation: &Operation) -> Completion {
        let (from, effective) = match self.converged {
            true => (self.latest(), true),
            false => (self.isolation)(self, operation, node),
        };
        let (mut seen, mut changed) = (self.states[from].clone(), self.states[self.latest()].clone());
        let mut answers = Vec::new();
        let mut wrote = false;
        for step in operation.value.as_list().unwrap() {
            let [Value::Text(f), key, value] = step.as_list().unwrap() else { panic!("{step}") };
            let value = match &**f {
                "r" => self.read(&seen, key),
                _ => {
                    wrote = true;
                    for state in [&mut seen, &mut changed] {
                        state.entry(key.clone()).or_default().push(value.clone());
                    }
                    value.clone()
                }
            };
            answers.push(Value::list([Value::Text(f.clone()), key.clone(), value]));
        }
        if wrote && effective {
            self.states.push(changed);
        }
        Completion::ok(Value::list(answers))
    }

    fn converge(&mut self) {
        self.converged = true;
    }
}

fn only_reads(operation: &Operation) -> bool {
    let steps = operation.value.as_list().unwrap();
    steps.iter().all(|step| step.as_list().unwrap()[0] == Value::text("r"))
}

/// What a workload says of a database under these levels.
fn findings<const N: usize>(workload: &Transactional, database: &mut Database, levels: [Level; N]) -> [Finding; N] {
    let played = play(workload, &[], 600, database);
    levels.map(|level| {
        let judgements = played.judged(workload, level);
        assert_eq!(judgements.len(), 1, "{level}");
        judgements[0].finding
    })
}

const ALL: [Transactional; 4] = [APPEND, RW_REGISTER, LONG_FORK, WRITE_SKEW];

#[test]
fn a_serial_database_passes_under_every_promise() {
    let promises = [
        Level::LINEARIZABLE,
        Level::STRICT_SERIALIZABLE,
        Level::SERIALIZABLE,
        Level::SNAPSHOT_ISOLATION,
        Level::READ_COMMITTED,
    ];
    for workload in ALL {
        let mut serial = Database::new(workload.objects, |database, _, _| (database.latest(), true));
        assert_eq!(findings(&workload, &mut serial, promises), [Finding::Valid; 5], "{}", workload.name);
    }
}

#[test]
fn an_acknowledged_transaction_that_is_lost_is_found() {
    let forgets = |database: &Database, _: &Operation, node: u16| (database.latest(), node != 2);
    let mut database = Database::new(Objects::Lists, forgets);
    assert_found(&APPEND, &[], &mut database, &[Level::STRICT_SERIALIZABLE], "lost update");
}

#[test]
fn stale_reads_break_real_time_but_not_serializability() {
    let stale = |database: &Database, operation: &Operation, node: u16| {
        let behind = if node == 3 && only_reads(operation) { 20 } else { 0 };
        (database.latest().saturating_sub(behind), true)
    };
    for workload in [APPEND, RW_REGISTER] {
        let mut database = Database::new(workload.objects, stale);
        let levels = [Level::SERIALIZABLE, Level::STRICT_SERIALIZABLE];
        let expected = [Finding::Valid, Finding::Invalid];
        assert_eq!(findings(&workload, &mut database, levels), expected, "{}", workload.name);
    }
}

#[test]
fn write_skew_is_found_and_snapshot_isolation_allows_it() {
    // Both of a pair read what was there before the first.
    let skewed = |database: &Database, operation: &Operation, _: u16| {
        let latest = database.latest();
        (if only_reads(operation) { latest } else { latest - latest % 2 }, true)
    };
    let mut database = Database::new(Objects::Lists, skewed);
    let levels = [Level::SNAPSHOT_ISOLATION, Level::REPEATABLE_READ];
    assert_eq!(findings(&WRITE_SKEW, &mut database, levels), [Finding::Valid, Finding::Invalid]);
    let mut database = Database::new(Objects::Lists, skewed);
    assert_found(&WRITE_SKEW, &[], &mut database, &[Level::SERIALIZABLE], "G2-item");
}

/// Node 2 sees writes of even keys late, node 3 those of odd keys.
struct Forked(State);

impl Object for Forked {
    fn answer(&mut self, node: u16, operation: &Operation) -> Completion {
        let mut answers = Vec::new();
        for step in operation.value.as_list().unwrap() {
            let [Value::Text(f), key, value] = step.as_list().unwrap() else { panic!("{step}") };
            let number = key.as_int().unwrap();
            let value = if &**f == "r" {
                let visible = self.0.get(key).is_some_and(|reads| reads.len() > 6 || number % 2 + 2 != i64::from(node));
                // Each read makes a write a little older.
                self.0.entry(key.clone()).and_modify(|reads| reads.push(Value::Nil));
                Value::list(visible.then_some(Value::Int(1)))
            } else {
                self.0.insert(key.clone(), Vec::new());
                value.clone()
            };
            answers.push(Value::list([Value::Text(f.clone()), key.clone(), value]));
        }
        Completion::ok(Value::list(answers))
    }
}

#[test]
fn a_long_fork_is_found_and_parallel_snapshot_isolation_allows_it() {
    let played = play(&LONG_FORK, &[], 1000, &mut Forked(State::new()));
    let finding = |level| played.judged(&LONG_FORK, level)[0].finding;
    assert_eq!(finding(Level::PARALLEL_SNAPSHOT_ISOLATION), Finding::Valid);
    assert_eq!(finding(Level::SNAPSHOT_ISOLATION), Finding::Invalid);
    let judged = &played.judged(&LONG_FORK, Level::SNAPSHOT_ISOLATION)[0];
    assert_eq!(judged.anomalies[0].name, "G-nonadjacent");
    assert!(judged.anomalies[0].edges.len() >= 4, "two readers, two writers: {judged:?}");
}

#[test]
fn transactions_are_as_long_as_asked_and_final_reads_visit_all_keys() {
    let mut generator = APPEND.generator(&options::changed(APPEND.options, &[("max-length", "7")])).unwrap();
    let mut written = BTreeSet::new();
    let (mut longest, mut reads, mut all) = (0, 0, 0);
    for _ in 0..2000 {
        let operation = generator.next(0).unwrap();
        let steps = operation.value.as_list().unwrap();
        longest = longest.max(steps.len());
        for step in steps.iter().map(|step| step.as_list().unwrap()) {
            all += 1;
            match step[0].as_text() {
                Some("r") => reads += 1,
                _ => assert!(written.insert((step[1].clone(), step[2].clone())), "{step:?} twice"),
            }
        }
    }
    assert_eq!(longest, 7);
    assert!((45..55).contains(&(100 * reads / all)), "{reads} of {all}");
    let last = generator.final_reads();
    let read: BTreeSet<Value> = last
        .iter()
        .flat_map(|operation| operation.value.as_list().unwrap())
        .map(|step| step.as_list().unwrap()[1].clone())
        .collect();
    assert!(written.iter().all(|(key, _)| read.contains(key)) && last.iter().all(only_reads));
}

#[test]
fn the_same_seed_gives_the_same_transactions() {
    for workload in ALL {
        let run = |seed| {
            let spec = GeneratorSpec { seed, ..options::changed(workload.options, &[]) };
            let mut generator = workload.generator(&spec).unwrap();
            (0..200).map(|_| generator.next(0).unwrap().value.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2), "{}", workload.name);
    }
}

#[test]
fn levels_that_say_nothing_of_transactions_are_refused_and_wrong_options_are_named() {
    let model = |level| APPEND.model(&Requirements::new(level, BTreeMap::new()));
    assert_eq!(model(Level::SERIALIZABLE).as_deref(), Some("serializable list-append"));
    assert!(model(Level::SESSION).is_none() && model(Level::EVENTUAL).is_none());
    let wrong = |workload: Transactional, name, value| {
        workload.generator(&options::changed(workload.options, &[(name, value)])).err().unwrap()
    };
    assert!(wrong(APPEND, "max-length", "0").contains("`max-length`"));
    assert!(wrong(RW_REGISTER, "distribution", "odd").contains("exponential, uniform"));
    assert!(wrong(LONG_FORK, "group-size", "1").contains("`group-size`"));
    assert!(wrong(WRITE_SKEW, "reads", "100").contains("`reads`"));
}
