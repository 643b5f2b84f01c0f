//! Judging long histories of replicas that agree only later.
//!
//! Each row runs in a process of its own, so that its peak memory is its own. A history is made by five replicas that
//! exchange their states now and then; sixteen clients talk to one replica each; at the end all replicas agree and are
//! read. Time is processor time of the check alone; memory is what the process held when it began and its peak while it
//! judged.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::Arc;

use rashomon_checkers::eventual::{EventualDemand, EventualKind, Promise, check};
use rashomon_checkers::{Budget, Finding, ModelKind};
use rashomon_history::{Event, EventKind, History, HistoryBuilder, Value};

/// `(model, operations, keys, one operation in so many is a read of a whole set, one in so many has no known outcome)`.
type Row = (&'static str, usize, i64, u32, u32);

const ROWS: &[Row] = &[
    ("convergence", 1_000_000, 1, 2, 100),
    ("convergence", 1_000_000, 10_000, 2, 100),
    ("eventual-register", 1_000_000, 1, 2, 100),
    ("eventual-register", 1_000_000, 10_000, 2, 100),
    ("session-guarantees", 1_000_000, 1, 2, 100),
    ("session-guarantees", 1_000_000, 10_000, 2, 100),
    ("causal-register", 1_000_000, 1, 2, 0),
    ("causal-register", 1_000_000, 10_000, 2, 10_000),
    ("causal-convergence", 1_000_000, 10_000, 2, 10_000),
    // An unknown outcome ends its session: here there are 500 of them.
    ("causal-register", 100_000, 1_000, 2, 100),
    ("eventual-counter", 1_000_000, 1, 2, 100),
    ("eventual-counter", 1_000_000, 10_000, 2, 100),
    ("eventual-set", 1_000_000, 1, 50_000, 100),
    ("eventual-set", 1_000_000, 10_000, 20, 100),
    ("set-full", 1_000_000, 1, 50_000, 100),
    ("set-full", 1_000_000, 10_000, 20, 100),
    ("or-set", 1_000_000, 1, 20, 100),
    ("or-set", 1_000_000, 10_000, 20, 100),
    ("lww-set", 1_000_000, 1, 20, 100),
    ("lww-set", 1_000_000, 10_000, 20, 100),
    ("siblings", 1_000_000, 1, 2, 100),
    ("siblings", 1_000_000, 10_000, 2, 100),
    ("or-map", 1_000_000, 1, 2, 100),
    ("or-map", 1_000_000, 10_000, 2, 100),
    ("text", 1_000_000, 1, 50_000, 100),
    ("text", 1_000_000, 10_000, 20, 100),
    ("staleness", 1_000_000, 1, 2, 100),
    ("staleness", 1_000_000, 10_000, 2, 100),
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, row] = arguments.as_slice()
        && let Ok(row) = row.parse::<usize>()
    {
        return measure(ROWS[row]);
    }
    println!("| model | operations | keys | reads | unknown | verdict | CPU s | million/s | history MiB | peak MiB |");
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let program = std::env::current_exe().expect("a running program has a path");
    for row in 0..ROWS.len() {
        let status = Command::new(&program).arg(row.to_string()).status().expect("this program can be started again");
        assert!(status.success(), "row {row} failed: {status}");
    }
}

fn measure((model, operations, keys, reads, unknown): Row) {
    let history = Bench { model, keys, reads, unknown }.history(operations);
    let kind: ModelKind = model.parse().expect("the rows name models that exist");
    // Forget how much making the history took.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let before = memory("VmRSS:");
    let start = cpu_seconds();
    let budget = Budget::default();
    let judgement = match kind {
        ModelKind::Eventual(kind) => {
            let registers = [EventualKind::Register, EventualKind::Siblings].contains(&kind);
            let promise = if registers { Promise::Session } else { Promise::Replica };
            check(&history, kind, &EventualDemand { promise, ..EventualDemand::DEFAULT }, &budget)
        }
        _ => rashomon_checkers::check(&history, kind, &budget),
    };
    let seconds = cpu_seconds() - start;
    println!(
        "| {model} | {operations} | {keys} | 1/{reads} | {} | {:?} | {seconds:.3} | {:.1} | {before} | {} |",
        if unknown == 0 { "0".to_owned() } else { format!("1/{unknown}") },
        judgement.finding,
        operations as f64 / seconds / 1e6,
        memory("VmHWM:"),
    );
    if judgement.finding != Finding::Valid {
        judgement.unknown.iter().chain(judgement.anomalies.first().map(|anomaly| &anomaly.sentence)).for_each(
            |reason| {
                println!("  {reason}");
            },
        );
    }
}

fn memory(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or("0");
    line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|number| number.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

const NODES: usize = 5;
const CLIENTS: usize = 16;

/// What an object is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Register,
    Counter,
    Set,
    Cart,
    Siblings,
    Map,
    Text,
}

/// The updates of one object that every replica has, and one that only some have yet: replicas take over all updates
/// in the one order in which they were made, each as far as it has come. So the object is causally consistent, and its
/// replicas differ.
#[derive(Default)]
struct Object {
    /// What each update left: for registers the value, for the others the step it took.
    log: Vec<i64>,
    /// How far each replica has come.
    seen: [usize; NODES],
    /// The live elements after all updates.
    live: Vec<i64>,
    total: i64,
}

struct Bench {
    model: &'static str,
    keys: i64,
    reads: u32,
    unknown: u32,
}

impl Bench {
    fn shape(&self) -> Shape {
        match self.model {
            "eventual-counter" => Shape::Counter,
            "eventual-set" | "set-full" => Shape::Set,
            "or-set" | "lww-set" => Shape::Cart,
            "siblings" => Shape::Siblings,
            "or-map" => Shape::Map,
            "text" => Shape::Text,
            _ => Shape::Register,
        }
    }

    fn history(&self, operations: usize) -> History {
        let mut builder = HistoryBuilder::default();
        let mut dice = Dice(42);
        let mut objects: Vec<Object> = (0..self.keys).map(|_| Object::default()).collect();
        let mut processes: Vec<u32> = (0..CLIENTS as u32).collect();
        let mut time = 0;
        let names = ["read", "write", "add", "remove", "put", "insert", "delete"].map(Arc::<str>::from);
        let mut event = |process: u32, kind, f: &str, key: i64, value: Value| {
            time += 1000;
            let f = names.iter().find(|name| ***name == *f).expect("a known function").clone();
            let node = Some((process as usize % CLIENTS % NODES) as u16 + 1);
            let event = Event { time, process, kind, f, key: Value::Int(key), value, node, error: None };
            builder.push(&event).expect("the simulation records a history");
        };
        for number in 0..operations {
            let client = dice.below(CLIENTS as u32) as usize;
            let (process, node) = (processes[client], client % NODES);
            let key = i64::from(dice.below(self.keys as u32));
            let object = &mut objects[key as usize];
            if dice.below(self.reads) == 0 {
                event(process, EventKind::Invoke, "read", key, Value::Nil);
                event(process, EventKind::Ok, "read", key, object.answer(self.shape(), node, &mut dice));
                continue;
            }
            let (f, input) = object.update(self.shape(), node, number as i64, &mut dice);
            event(process, EventKind::Invoke, f, key, input.clone());
            let lost = self.unknown > 0 && dice.below(self.unknown) == 0;
            event(process, if lost { EventKind::Info } else { EventKind::Ok }, f, key, input);
            if lost {
                processes[client] += CLIENTS as u32;
            }
        }
        let mut time = 60_000_000_000;
        for (key, object) in objects.iter_mut().enumerate() {
            for (node, &process) in processes.iter().enumerate().take(NODES) {
                object.seen[node] = object.log.len();
                for (kind, value) in
                    [(EventKind::Invoke, Value::Nil), (EventKind::Ok, object.answer(self.shape(), node, &mut dice))]
                {
                    time += 1000;
                    let (f, key) = (Arc::from("read"), Value::Int(key as i64));
                    let node = Some(node as u16 + 1);
                    let event = Event { time, process, kind, f, key, value, node, error: None };
                    builder.push(&event).expect("the simulation records a history");
                }
            }
        }
        builder.finish()
    }
}

impl Object {
    /// A client updates the object at a replica, which catches up first.
    fn update(&mut self, shape: Shape, node: usize, number: i64, dice: &mut Dice) -> (&'static str, Value) {
        let done = match shape {
            Shape::Register => ("write", Value::Int(number)),
            Shape::Counter => {
                self.total += 1 + number % 3;
                ("add", Value::Int(1 + number % 3))
            }
            Shape::Set => {
                self.live.push(number);
                ("add", Value::Int(number))
            }
            Shape::Cart => {
                let element = i64::from(dice.below(20));
                match self.live.iter().position(|&other| other == element) {
                    Some(at) => {
                        self.live.swap_remove(at);
                        ("remove", Value::Int(element))
                    }
                    None => {
                        self.live.push(element);
                        ("add", Value::Int(element))
                    }
                }
            }
            Shape::Siblings => {
                let seen = Value::list(self.live.iter().copied().map(Value::Int));
                self.live = vec![number];
                ("put", Value::pair(Value::Int(number), seen))
            }
            Shape::Map => {
                let field = i64::from(dice.below(8));
                self.live.retain(|value| value % 8 != field);
                let value = number * 8 + field;
                self.live.push(value);
                ("put", Value::pair(Value::Int(field), Value::Int(value)))
            }
            Shape::Text if dice.below(10) == 0 && !self.live.is_empty() => {
                ("delete", Value::Int(self.live.pop().unwrap_or(0)))
            }
            Shape::Text => {
                let after = self.live.last().map_or(Value::Nil, |&last| Value::Int(last));
                self.live.push(number);
                ("insert", Value::pair(Value::Int(number), after))
            }
        };
        self.log.push(number);
        self.seen[node] = self.log.len();
        done
    }

    /// What a replica answers. Those of registers and counters lag behind; the others catch up first.
    fn answer(&mut self, shape: Shape, node: usize, dice: &mut Dice) -> Value {
        let ints = |values: &mut dyn Iterator<Item = i64>| Value::list(values.map(Value::Int));
        match shape {
            Shape::Register => {
                let behind = self.log.len() - self.seen[node];
                self.seen[node] += if behind > 8 { behind } else { dice.below(behind as u32 + 1) as usize };
                self.seen[node].checked_sub(1).map_or(Value::Nil, |last| Value::Int(self.log[last]))
            }
            Shape::Counter => Value::Int(self.total),
            Shape::Map => {
                let mut fields: Vec<(Value, Value)> =
                    self.live.iter().map(|&value| (Value::Int(value % 8), ints(&mut [value].into_iter()))).collect();
                fields.sort();
                Value::Map(fields.into())
            }
            Shape::Text => ints(&mut self.live.iter().copied()),
            _ => {
                let sorted: BTreeSet<i64> = self.live.iter().copied().collect();
                ints(&mut sorted.into_iter())
            }
        }
    }
}

/// A linear congruential generator (Knuth, TAOCP 2, 3.3.4): the same rows make the same histories for ever.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as u32) % bound
    }
}
