//! Judging long histories of replicas that agree only later.
//!
//! Each row runs in a process of its own, so that its peak memory is its own. A history is made by five replicas that
//! exchange their states now and then; sixteen clients talk to one replica each; at the end all replicas agree and are
//! read. Names of models after `--` choose the rows. Time is processor time of the check alone; memory is what the
//! process held when it began and its peak while it judged.

use rashomon_checkers::eventual;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::Arc;

use rashomon_checkers::Checkers;
use rashomon_checkers::Level;
use rashomon_checkers::eventual::EventualDemand;
use rashomon_checkers::{Budget, Finding};
use rashomon_history::{Event, EventKind, History, HistoryBuilder, Value};

/// `(model, keys, one operation in so many is a read, one update in so many has no known outcome)`. An unknown outcome
/// ends its session: with 1/100 there are 5,000 of them, with 0 there are 16.
type Row = (&'static str, i64, u32, u32);

const OPERATIONS: usize = 1_000_000;

/// The models, and one operation in how many is a read with 1, 1,000 and 10,000 keys: sets that never shrink are read
/// seldom where they get large.
const MODELS: &[(&str, [u32; 3])] = &[
    ("convergence", [2; 3]),
    ("eventual-register", [2; 3]),
    ("session-guarantees", [2; 3]),
    ("causal-register", [2; 3]),
    ("causal-convergence", [2; 3]),
    ("eventual-counter", [2; 3]),
    ("eventual-set", [50_000, 200, 20]),
    ("set-full", [50_000, 200, 20]),
    ("or-set", [20; 3]),
    ("lww-set", [20; 3]),
    ("siblings", [2; 3]),
    ("or-map", [2; 3]),
    ("text", [50_000, 200, 20]),
    ("staleness", [2; 3]),
    ("members", [2; 3]),
];

/// The rows of the models with these names, or all.
fn rows(names: &[String]) -> Vec<Row> {
    let mut rows = Vec::new();
    for &(model, reads) in MODELS.iter().filter(|(model, _)| names.is_empty() || names.iter().any(|name| name == model))
    {
        for (keys, reads) in
            [1, 1_000, 10_000].into_iter().zip(reads).filter(|(keys, _)| model != "members" || *keys == 1)
        {
            rows.extend([0, 100].map(|unknown| (model, keys, reads, unknown)));
        }
    }
    rows
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, row] = arguments.as_slice()
        && let (true, Ok(row)) = (first == ROW, row.parse::<usize>())
    {
        return measure(rows(&[])[row]);
    }
    println!("| model | keys | reads | unknown | sessions | verdict | CPU s | million/s | history MiB | peak MiB |");
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let program = std::env::current_exe().expect("a running program has a path");
    let wanted = rows(&arguments);
    for (number, row) in rows(&[]).into_iter().enumerate() {
        if wanted.contains(&row) {
            let status = Command::new(&program).args([ROW, &number.to_string()]).status();
            let status = status.expect("this program can be started again");
            assert!(status.success(), "row {number} failed: {status}");
        }
    }
}

/// Before the number of the row that is to be measured in this process.
const ROW: &str = "row";

fn measure((model, keys, reads, unknown): Row) {
    let history = Bench { model, keys, reads, unknown }.history(OPERATIONS);
    let sessions = history.ops().map(|op| op.process).collect::<BTreeSet<u32>>().len();
    let kind = Checkers::included().find(model).expect("the rows name models that exist");
    // Forget how much making the history took.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let before = memory("VmRSS:");
    let start = cpu_seconds();
    let budget = Budget::default();
    let registers = [eventual::EVENTUAL_REGISTER, eventual::SIBLINGS].contains(&kind);
    let promise = if registers { Level::SESSION } else { Level::REPLICA };
    let demand = EventualDemand { promise, ..EventualDemand::DEFAULT };
    let judgement = kind.check_under(&history, &demand, &budget);
    let seconds = cpu_seconds() - start;
    println!(
        "| {model} | {keys} | 1/{reads} | {} | {sessions} | {:?} | {seconds:.2} | {:.1} | {before} | {} |",
        if unknown == 0 { "none".to_owned() } else { format!("1/{unknown}") },
        judgement.finding,
        OPERATIONS as f64 / seconds / 1e6,
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
    Members,
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
    /// What each replica holds every replica for: whether it has left, and in which incarnation.
    views: [[(bool, i64); NODES]; NODES],
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
            "members" => Shape::Members,
            _ => Shape::Register,
        }
    }

    /// Whether replicas take over the updates of all objects in one order, so that they are causally consistent.
    fn together(&self) -> bool {
        self.model.starts_with("causal")
    }

    fn key(&self, key: i64) -> Value {
        if self.shape() == Shape::Members { Value::Nil } else { Value::Int(key) }
    }

    fn history(&self, operations: usize) -> History {
        let mut builder = HistoryBuilder::default();
        let mut dice = Dice(42);
        let mut objects: Vec<Object> = (0..self.keys).map(|_| Object::default()).collect();
        let mut processes: Vec<u32> = (0..CLIENTS as u32).collect();
        // The updates that each replica has of all objects together.
        let mut come = [0_usize; NODES];
        let mut time = 0;
        let names =
            ["read", "write", "add", "remove", "put", "insert", "delete", "leave", "join"].map(Arc::<str>::from);
        let mut event = |process: u32, kind, f: &str, key: i64, value: Value| {
            time += 1000;
            let f = names.iter().find(|name| ***name == *f).expect("a known function").clone();
            let node = Some((process as usize % CLIENTS % NODES) as u16 + 1);
            let event = Event { time, process, kind, f, key: self.key(key), value, node, error: None };
            builder.push(&event).expect("the simulation records a history");
        };
        for number in 0..operations {
            let client = dice.below(CLIENTS as u32) as usize;
            let (process, node) = (processes[client], client % NODES);
            let key = i64::from(dice.below(self.keys as u32));
            let object = &mut objects[key as usize];
            if dice.below(self.reads) == 0 {
                if self.together() {
                    // Its replica has come equally far with all objects.
                    come[node] += dice.below((number - come[node]).min(16) as u32 + 1) as usize;
                    object.seen[node] = object.log.partition_point(|&update| update < come[node] as i64);
                }
                event(process, EventKind::Invoke, "read", key, Value::Nil);
                event(
                    process,
                    EventKind::Ok,
                    "read",
                    key,
                    object.answer(self.shape(), node, self.together(), &mut dice),
                );
                continue;
            }
            come[node] = number + 1;
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
                object.catch_up(node);
                for (kind, value) in [
                    (EventKind::Invoke, Value::Nil),
                    (EventKind::Ok, object.answer(self.shape(), node, self.together(), &mut dice)),
                ] {
                    time += 1000;
                    let (f, key) = (Arc::from("read"), self.key(key as i64));
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
            Shape::Members => {
                let (left, incarnation) = &mut self.views[node][node];
                (*left, *incarnation) = (!*left, *incarnation + 1);
                (if *left { "leave" } else { "join" }, Value::Nil)
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

    /// A replica hears all that the others know.
    fn catch_up(&mut self, node: usize) {
        self.seen[node] = self.log.len();
        (0..NODES).for_each(|other| self.hear(node, other));
    }

    /// A replica hears of who is a member.
    fn hear(&mut self, node: usize, other: usize) {
        for member in 0..NODES {
            let news = self.views[other][member];
            let view = &mut self.views[node][member];
            *view = if news.1 > view.1 { news } else { *view };
        }
    }

    /// What a replica answers. Those of registers and counters lag behind; the others catch up first.
    fn answer(&mut self, shape: Shape, node: usize, together: bool, dice: &mut Dice) -> Value {
        let ints = |values: &mut dyn Iterator<Item = i64>| Value::list(values.map(Value::Int));
        match shape {
            Shape::Register => {
                if !together {
                    let behind = self.log.len() - self.seen[node];
                    self.seen[node] += if behind > 8 { behind } else { dice.below(behind as u32 + 1) as usize };
                }
                self.seen[node].checked_sub(1).map_or(Value::Nil, |last| Value::Int(self.log[last]))
            }
            Shape::Counter => Value::Int(self.total),
            Shape::Map => {
                let mut fields: Vec<(Value, Value)> =
                    self.live.iter().map(|&value| (Value::Int(value % 8), ints(&mut [value].into_iter()))).collect();
                fields.sort();
                Value::Map(fields.into())
            }
            Shape::Members => {
                self.hear(node, dice.below(NODES as u32) as usize);
                let row = |(member, (left, incarnation)): (i64, (bool, i64))| {
                    let state = Value::text(if left { "left" } else { "alive" });
                    Value::list([Value::Int(member), state, Value::Int(1 + incarnation)])
                };
                Value::list((1..).zip(self.views[node]).map(row))
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
