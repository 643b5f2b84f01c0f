//! `cargo xtask bench transactions`: how long histories of transactions take to judge, and in how much memory.
//!
//! Each row runs in a process of its own, so that its memory is its own. The time is processor time of the judgement,
//! without making the history; the memory is the peak beyond what the history held before. `bench_transactions ROW`
//! runs one row.
//!
//! The histories come from a simulated database: serial, snapshot isolation with the first committer winning, or every
//! micro-operation at its own moment (no isolation); some transactions may read an old state.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use rashomon_checkers::small::Choices;
use rashomon_checkers::transactions::{Objects, Options, check};
use rashomon_checkers::{Budget, Finding};
use rashomon_history::{Event, EventKind, History, HistoryBuilder, Value};

/// How the simulated database isolates transactions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Isolation {
    Serial,
    Snapshot,
    None,
}

/// One row of the table.
#[derive(Clone)]
struct Row {
    name: &'static str,
    objects: Objects,
    isolation: Isolation,
    level: &'static str,
    expected: Finding,
    /// At most this many milliseconds.
    limit: u64,
    transactions: usize,
    /// Micro-operations of a transaction: from, to.
    length: (usize, usize),
    clients: usize,
    /// Keys in use at any time, and how often each is written before another takes its place.
    keys: (usize, usize),
    /// One of this many transactions has no known outcome; 0 for none.
    unknown: usize,
    /// So many transactions read an old state.
    stale: usize,
}

fn rows() -> Vec<Row> {
    let lists = Row {
        name: "list-append, strict serializable, 1,000,000 transactions",
        objects: Objects::Lists,
        isolation: Isolation::Serial,
        level: "strict-serializable",
        expected: Finding::Valid,
        limit: 1000,
        transactions: 1_000_000,
        length: (1, 4),
        clients: 20,
        keys: (10, 32),
        unknown: 0,
        stale: 0,
    };
    let registers = Row {
        name: "rw-register, serializable, 16,000 transactions of 8, 25 clients",
        objects: Objects::Registers,
        level: "serializable",
        transactions: 16_000,
        length: (8, 8),
        clients: 25,
        keys: (1000, usize::MAX),
        ..lists.clone()
    };
    let si = Row { isolation: Isolation::Snapshot, ..lists.clone() };
    vec![
        lists.clone(),
        Row {
            name: "list-append, snapshot isolation where serializable is asked for, 1,000,000 transactions",
            level: "serializable",
            expected: Finding::Invalid,
            ..si.clone()
        },
        Row {
            name: "list-append, snapshot isolation, 1,000,000 transactions",
            level: "snapshot-isolation",
            ..si.clone()
        },
        Row {
            name: "list-append, 100 stale transactions among 1,000,000",
            stale: 100,
            expected: Finding::Invalid,
            ..lists.clone()
        },
        Row {
            name: "list-append, no isolation, 100,000 transactions",
            isolation: Isolation::None,
            transactions: 100_000,
            expected: Finding::Invalid,
            limit: 5000,
            ..lists.clone()
        },
        Row {
            name: "list-append, 17,000 transactions, 10 % unknown",
            transactions: 17_000,
            unknown: 10,
            limit: 300,
            ..lists.clone()
        },
        registers.clone(),
        Row {
            name: "rw-register, snapshot isolation, 10,000 transactions of 8, 25 clients",
            isolation: Isolation::Snapshot,
            level: "snapshot-isolation",
            transactions: 10_000,
            ..registers.clone()
        },
    ]
}

/// The simulated database: what each key held after each commit.
struct Database {
    lists: bool,
    /// By key: commit number and value, oldest first.
    versions: Vec<Vec<(u64, i64)>>,
    commits: u64,
}

impl Database {
    fn read(&self, key: usize, at: u64, own: &[i64]) -> Value {
        let versions = &self.versions[key];
        let seen = &versions[..versions.partition_point(|&(commit, _)| commit <= at)];
        if self.lists {
            let all = seen.iter().map(|&(_, value)| value).chain(own.iter().copied());
            return Value::list(all.map(Value::Int).collect::<Vec<_>>());
        }
        own.last().copied().or(seen.last().map(|&(_, value)| value)).map_or(Value::Nil, Value::Int)
    }
}

/// A transaction in flight.
struct Open {
    process: u32,
    /// Key, and the value to write or none to read.
    steps: Vec<(usize, Option<i64>)>,
    output: Vec<Value>,
    snapshot: u64,
    /// How many of its moments have passed.
    passed: usize,
    end: EventKind,
}

fn step(lists: bool, key: usize, write: bool, value: Value) -> Value {
    let f = if !write {
        "r"
    } else if lists {
        "append"
    } else {
        "w"
    };
    Value::list([Value::text(f), Value::Int(key as i64), value])
}

/// Plays a row: clients take turns at random, so that their transactions overlap.
fn play(row: &Row) -> History {
    let mut choices = Choices::new(7);
    let lists = row.objects == Objects::Lists;
    let mut database = Database { lists, versions: vec![Vec::new(); row.keys.0], commits: 0 };
    let mut active: Vec<usize> = (0..row.keys.0).collect();
    let mut written = vec![0_usize; row.keys.0];
    let mut open: Vec<Option<Open>> = (0..row.clients).map(|_| None).collect();
    let mut processes: Vec<u32> = (0..row.clients as u32).collect();
    let mut builder = HistoryBuilder::default();
    let (mut begun, mut time) = (0, 0);
    let mut push = |process: u32, kind: EventKind, value: Value| {
        time += 1000;
        let event = Event { time, process, kind, f: Arc::from("txn"), key: Value::Nil, value, node: None, error: None };
        builder.push(&event).expect("the simulated history is one");
    };
    while begun < row.transactions || open.iter().any(Option::is_some) {
        let client = choices.below(row.clients);
        let Some(mut txn) = open[client].take() else {
            if begun < row.transactions {
                begun += 1;
                let mut steps = Vec::new();
                for _ in 0..row.length.0 + choices.below(row.length.1 - row.length.0 + 1) {
                    // Lists as in Elle's generator: each key half as often as the next one.
                    let slot = match lists {
                        true => row.keys.0 - 1 - (choices.bits().trailing_zeros() as usize).min(row.keys.0 - 1),
                        false => choices.below(row.keys.0),
                    };
                    let key = active[slot];
                    let write = choices.below(2) == 0;
                    steps.push((key, write.then(|| written[key] as i64 + 1)));
                    written[key] += usize::from(write);
                    if written[key] >= row.keys.1 {
                        active[slot] = written.len();
                        written.push(0);
                        database.versions.push(Vec::new());
                    }
                }
                let end =
                    if row.unknown > 0 && choices.below(row.unknown) == 0 { EventKind::Info } else { EventKind::Ok };
                let input = steps
                    .iter()
                    .map(|&(key, write)| step(lists, key, write.is_some(), write.map_or(Value::Nil, Value::Int)));
                push(processes[client], EventKind::Invoke, Value::list(input.collect::<Vec<_>>()));
                let process = processes[client];
                open[client] = Some(Open { process, steps, output: Vec::new(), snapshot: 0, passed: 0, end });
            }
            continue;
        };
        let last = match row.isolation {
            Isolation::Serial => 1,
            Isolation::Snapshot => 2,
            Isolation::None => txn.steps.len(),
        };
        if txn.passed < last {
            let stale = row.stale > 0 && begun % (row.transactions / row.stale) == 1;
            advance(row, &mut database, &mut txn, stale);
            txn.passed += 1;
            open[client] = Some(txn);
            continue;
        }
        let input = txn
            .steps
            .iter()
            .map(|&(key, write)| step(lists, key, write.is_some(), write.map_or(Value::Nil, Value::Int)));
        let value = if txn.end == EventKind::Ok { txn.output } else { input.collect() };
        push(txn.process, txn.end, Value::list(value));
        if txn.end == EventKind::Info {
            processes[client] += row.clients as u32;
        }
    }
    builder.finish()
}

/// The next moment of a transaction: all of it, its begin, its commit, or one micro-operation.
fn advance(row: &Row, database: &mut Database, txn: &mut Open, stale: bool) {
    let now = database.commits;
    match row.isolation {
        Isolation::Serial => {
            txn.snapshot = if stale { now.saturating_sub(30) } else { now };
            read_all(database, txn);
            commit(database, txn);
        }
        Isolation::Snapshot if txn.passed == 0 => {
            txn.snapshot = now;
            read_all(database, txn);
        }
        Isolation::Snapshot => {
            let changed = |&(key, write): &(usize, Option<i64>)| {
                write.is_some() && database.versions[key].last().is_some_and(|&(commit, _)| commit > txn.snapshot)
            };
            if txn.steps.iter().any(changed) {
                txn.end = EventKind::Fail;
            } else {
                commit(database, txn);
            }
        }
        Isolation::None => {
            let (key, write) = txn.steps[txn.passed];
            match write {
                Some(value) => {
                    database.commits += 1;
                    database.versions[key].push((database.commits, value));
                    txn.output.push(step(database.lists, key, true, Value::Int(value)));
                }
                None => txn.output.push(step(database.lists, key, false, database.read(key, now, &[]))),
            }
        }
    }
}

fn read_all(database: &Database, txn: &mut Open) {
    for (place, &(key, write)) in txn.steps.iter().enumerate() {
        let own = txn.steps[..place].iter().filter(|before| before.0 == key).filter_map(|before| before.1);
        let value = match write {
            Some(value) => Value::Int(value),
            None => database.read(key, txn.snapshot, &own.collect::<Vec<_>>()),
        };
        txn.output.push(step(database.lists, key, write.is_some(), value));
    }
}

fn commit(database: &mut Database, txn: &Open) {
    database.commits += 1;
    for &(key, write) in &txn.steps {
        if let Some(value) = write {
            database.versions[key].push((database.commits, value));
        }
    }
}

/// Processor time of this process so far, ms.
fn processor_time() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    (ticks(11) + ticks(12)) * 10
}

fn memory(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) >> 10
}

fn run(row: &Row) {
    let history = play(row);
    // What making the history took at its peak does not count.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let (before, began) = (memory("VmRSS:"), processor_time());
    let options = Options { objects: row.objects, level: row.level.parse().expect("a level") };
    let result = check(&history, &options, &Budget::default());
    let took = processor_time() - began;
    let names: Vec<&str> =
        result.anomalies.iter().chain(&result.allowed).map(|anomaly| anomaly.name.as_str()).collect();
    let right = if result.finding == row.expected { "" } else { "WRONG " };
    let within = if took <= row.limit { "" } else { " (over)" };
    println!(
        "{:<87} {right}{:?} {took:>6} ms of {:>5}{within}  {:>4} MiB beyond {before:>5}  {}",
        row.name,
        result.finding,
        row.limit,
        memory("VmHWM:").saturating_sub(before),
        names.join(", ")
    );
    result.unknown.iter().for_each(|reason| println!("  {reason}"));
}

fn main() {
    let rows = rows();
    let chosen = std::env::args().nth(1).and_then(|row| row.parse::<usize>().ok());
    if let Some(row) = chosen.and_then(|row| rows.get(row)) {
        return run(row);
    }
    for row in 0..rows.len() {
        let program = std::env::current_exe().expect("this program has a path");
        let status = Command::new(program).arg(row.to_string()).status().expect("it can be started again");
        assert!(status.success(), "row {row} failed");
    }
}
