//! Judging long histories of queues, stacks, priority queues, sets, counters, locks, logs and banks.
//!
//! Each row runs in a process of its own, so that its peak memory is its own. A history is made by running the object:
//! sixteen clients always busy, each operation taking effect at a random moment while it is open. Time is processor
//! time of `rashomon_checkers::check` alone; memory is what the process held when it began and its peak while it
//! judged. Names of models after `--` choose the rows.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::process::Command;
use std::sync::Arc;

use rashomon_checkers::Checkers;
use rashomon_checkers::{Budget, check};
use rashomon_history::{Event, EventKind, History, HistoryBuilder, Value};

/// `(model, operations, clients, one operation in so many has no known outcome (0: none), keys)`.
type Row = (&'static str, usize, usize, u32, i64);

const ROWS: &[Row] = &[
    ("fifo-queue", 1_000_000, 16, 0, 1),
    ("fifo-queue", 1_000_000, 16, 100, 1),
    ("unordered-queue", 1_000_000, 16, 0, 1),
    ("priority-queue", 1_000_000, 16, 0, 1),
    ("stack", 1_000_000, 16, 0, 1),
    ("linearizable-set", 1_000_000, 16, 0, 1),
    ("linearizable-set", 1_000_000, 16, 100, 1),
    ("linearizable-counter", 1_000_000, 16, 100, 1),
    ("mutex", 1_000_000, 16, 100, 1),
    ("owned-mutex", 1_000_000, 16, 100, 1),
    ("fenced-lock", 1_000_000, 16, 0, 1),
    ("fifo-queue", 1_000_000, 16, 0, 1000),
    ("total-queue", 1_000_000, 16, 0, 1),
    ("queue", 1_000_000, 16, 0, 1),
    ("set", 1_000_000, 16, 100, 1),
    ("set-full", 200_000, 16, 100, 1),
    ("set-full-linearizable", 200_000, 16, 100, 1),
    ("sequential-insert", 200_000, 16, 100, 1),
    ("unique-ids", 1_000_000, 16, 0, 1),
    ("counter", 1_000_000, 16, 100, 1),
    ("monotonic", 1_000_000, 16, 0, 1),
    ("lock-exclusion", 1_000_000, 16, 0, 1),
    ("lock-fencing", 1_000_000, 16, 0, 1),
    ("log", 1_000_000, 16, 0, 16),
    ("bank", 1_000_000, 16, 0, 1),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [row] = arguments.as_slice()
        && let Ok(row) = row.parse::<usize>()
    {
        return measure(ROWS[row]);
    }
    println!(
        "| model | operations | clients | unknown | keys | verdict | CPU s | million/s | history MiB | peak MiB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let program = std::env::current_exe().expect("a running program has a path");
    let chosen = |row: &usize| arguments.is_empty() || arguments.iter().any(|name| name == ROWS[*row].0);
    for row in (0..ROWS.len()).filter(chosen) {
        let status = Command::new(&program).arg(row.to_string()).status().expect("this program can be started again");
        assert!(status.success(), "row {row} failed: {status}");
    }
}

fn measure((model, operations, clients, unknown, keys): Row) {
    let history = Bench { model, clients, unknown, keys }.history(operations);
    let kind = Checkers::included().find(model).expect("the rows name models that exist");
    // Forget how much making the history took.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let before = memory("VmRSS:");
    let start = cpu_seconds();
    let judgement = check(&history, kind, &Budget::default());
    let [mine, all] = cpu_seconds();
    let (mine, all) = (mine - start[0], all - start[1]);
    // The exact number where there was but one thread.
    let seconds = if all > mine + 0.02 { all } else { mine };
    println!(
        "| {model} | {operations} | {clients} | {} | {keys} | {:?} | {seconds:.3} | {:.1} | {before} | {} |",
        if unknown == 0 { "0".to_owned() } else { format!("1/{unknown}") },
        judgement.finding,
        operations as f64 / seconds / 1e6,
        memory("VmHWM:"),
    );
    judgement.unknown.iter().chain(judgement.anomalies.first().map(|anomaly| &anomaly.sentence)).for_each(|reason| {
        println!("  {reason}");
    });
}

fn memory(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or("0");
    line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Processor seconds of this thread, exactly, and of all threads, in hundredths.
fn cpu_seconds() -> [f64; 2] {
    let read = |file| fs::read_to_string(file).unwrap_or_default();
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    let mine = number(read("/proc/self/schedstat").split_whitespace().next()) / 1e9;
    // After the program's name, which may hold spaces: user and system time are the 12th and 13th field.
    let stat = read("/proc/self/stat");
    let mut fields = stat.rsplit(')').next().unwrap_or("").split_whitespace().skip(11);
    [mine, (number(fields.next()) + number(fields.next())) / 100.0]
}

/// An object of the simulated system.
#[derive(Default)]
struct Object {
    values: VecDeque<i64>,
    sorted: BTreeMap<i64, ()>,
    number: i64,
    holder: Option<u32>,
}

struct Bench {
    model: &'static str,
    clients: usize,
    unknown: u32,
    keys: i64,
}

/// What a client is doing.
#[derive(Clone)]
enum Client {
    Idle,
    Open { f: &'static str, key: i64, input: Value },
    Acted { f: &'static str, key: i64, output: Value },
}

impl Bench {
    fn history(&self, operations: usize) -> History {
        let mut builder = HistoryBuilder::default();
        let mut dice = Dice(42);
        let mut objects: Vec<Object> = (0..self.keys).map(|_| Object::default()).collect();
        let mut clients = vec![Client::Idle; self.clients];
        let mut processes: Vec<u32> = (0..self.clients as u32).collect();
        let mut holds: Vec<bool> = vec![false; self.clients];
        let (mut invoked, mut fresh, mut time) = (0, 0, 0);
        let names: BTreeMap<&str, Arc<str>> = FUNCTIONS.iter().map(|&f| (f, Arc::from(f))).collect();
        let mut polled: BTreeMap<(usize, i64), i64> = BTreeMap::new();
        let mut idle = 0;
        while idle < 64 * self.clients {
            let client = dice.below(self.clients as u32) as usize;
            let process = processes[client];
            let mut event = |kind, f: &str, key: i64, value: Value| {
                time += 1000;
                let key = if self.keys == 1 { Value::Nil } else { Value::Int(key) };
                let event = Event { time, process, kind, f: names[f].clone(), key, value, node: None, error: None };
                builder.push(&event).expect("the simulation records a history");
            };
            match clients[client].clone() {
                Client::Idle if invoked < operations => {
                    invoked += 1;
                    let key = i64::from(dice.below(self.keys as u32));
                    let (f, mut input) =
                        self.next(&mut dice, &mut fresh, holds[client], invoked * 20 > operations * 19);
                    if f == "poll" {
                        input = Value::Int(*polled.entry((client, key)).or_default());
                    }
                    event(EventKind::Invoke, f, key, input.clone());
                    clients[client] = Client::Open { f, key, input };
                }
                Client::Idle => idle += 1,
                Client::Open { f, key, input } => {
                    let lost = self.unknown > 0 && dice.below(self.unknown) == 0;
                    if !lost || dice.below(2) == 0 {
                        let Some(output) = objects[key as usize].act(self.model, f, process, &input) else {
                            idle += 1;
                            continue;
                        };
                        idle = 0;
                        if f == "poll" {
                            *polled.entry((client, key)).or_default() +=
                                output.as_list().map_or(0, <[Value]>::len) as i64;
                        } else if f == "acquire" {
                            holds[client] = true;
                        } else if f == "release" {
                            holds[client] = false;
                        }
                        clients[client] = Client::Acted { f, key, output };
                    }
                    if lost {
                        // Whoever held the lock never comes back; somebody's timeout gives it back.
                        if objects[key as usize].holder == Some(process) {
                            objects[key as usize].holder = None;
                        }
                        event(EventKind::Info, f, key, input);
                        clients[client] = Client::Idle;
                        processes[client] += self.clients as u32;
                        holds[client] = false;
                    }
                }
                Client::Acted { f, key, output } => {
                    event(EventKind::Ok, f, key, output);
                    clients[client] = Client::Idle;
                }
            }
        }
        builder.finish()
    }

    fn next(&self, dice: &mut Dice, fresh: &mut i64, holds: bool, last: bool) -> (&'static str, Value) {
        let mut new = || {
            *fresh += 1;
            Value::Int(*fresh)
        };
        match self.model {
            "fifo-queue" | "unordered-queue" | "total-queue" | "queue" if !last && dice.below(2) == 0 => {
                ("enqueue", new())
            }
            "fifo-queue" | "unordered-queue" | "total-queue" | "queue" => ("dequeue", Value::Nil),
            "stack" if dice.below(2) == 0 => ("push", new()),
            "stack" => ("pop", Value::Nil),
            // Priorities in no order of time, each once.
            "priority-queue" if dice.below(2) == 0 => {
                ("insert", Value::Int((new().as_int().unwrap_or(0) * 611_953) % 1_000_003))
            }
            "priority-queue" => ("extract", Value::Nil),
            "linearizable-set" => match dice.below(4) {
                0 => ("add", new()),
                _ => ("contains", Value::Int(1 + i64::from(dice.below(*fresh as u32 + 1)))),
            },
            "set" if dice.below(200_000) == 0 => ("read", Value::Nil),
            "set-full" | "set-full-linearizable" | "sequential-insert" if dice.below(1000) == 0 => ("read", Value::Nil),
            "set" | "set-full" | "set-full-linearizable" | "sequential-insert" => ("add", new()),
            "unique-ids" => ("generate", Value::Nil),
            "monotonic" if dice.below(2) == 0 => ("read", Value::Nil),
            "linearizable-counter" | "counter" if dice.below(2) == 0 => ("read", Value::Nil),
            "linearizable-counter" | "counter" | "monotonic" => ("add", Value::Int(1)),
            "bank" if dice.below(2) == 0 => ("read", Value::Nil),
            "bank" => ("transfer", Value::Int(i64::from(dice.below(8)))),
            "log" if !last && dice.below(4) == 0 => ("send", new()),
            "log" => ("poll", Value::Nil),
            _ if holds => ("release", Value::Nil),
            _ => ("acquire", Value::Nil),
        }
    }
}

const FUNCTIONS: &[&str] = &[
    "enqueue", "dequeue", "push", "pop", "insert", "extract", "add", "contains", "read", "send", "poll", "release",
    "acquire", "generate", "transfer",
];

/// The models of numbers that only grow.
const NUMBERS: &[&str] = &["linearizable-counter", "counter", "monotonic"];

impl Object {
    /// Acts and returns the result; `None` when it has to wait.
    fn act(&mut self, model: &str, f: &str, process: u32, input: &Value) -> Option<Value> {
        let int = input.as_int().unwrap_or(0);
        let taken = |value: Option<i64>| value.map_or(Value::Nil, Value::Int);
        Some(match f {
            "enqueue" | "push" => {
                self.values.push_back(int);
                Value::Nil
            }
            "dequeue" => taken(self.values.pop_front()),
            "pop" => taken(self.values.pop_back()),
            "insert" => {
                self.sorted.insert(int, ());
                Value::Nil
            }
            "extract" => taken(self.sorted.pop_first().map(|(value, ())| value)),
            "add" if NUMBERS.contains(&model) => {
                self.number += int;
                Value::Nil
            }
            "read" if NUMBERS.contains(&model) => Value::Int(self.number),
            "generate" => {
                self.number += 1;
                Value::Int(self.number)
            }
            // One unit beyond everybody's hundred goes from account to account.
            "transfer" => {
                self.number = int;
                Value::Nil
            }
            "read" if model == "bank" => {
                Value::list((0..8).map(|account| Value::Int(100 + i64::from(account == self.number))))
            }
            "add" => {
                self.sorted.insert(int, ());
                Value::Nil
            }
            "contains" => Value::Bool(self.sorted.contains_key(&int)),
            "read" => Value::list(self.sorted.keys().copied().map(Value::Int)),
            "send" => {
                self.values.push_back(int);
                Value::Int(self.values.len() as i64 - 1)
            }
            "poll" => {
                let end = (int + 8).min(self.values.len() as i64);
                Value::list((int..end).map(|at| Value::pair(Value::Int(at), Value::Int(self.values[at as usize]))))
            }
            "release" => {
                self.holder = None;
                Value::Nil
            }
            "acquire" => {
                if self.holder.is_some() {
                    return None;
                }
                self.holder = Some(process);
                self.number += 1;
                if matches!(model, "fenced-lock" | "lock-exclusion" | "lock-fencing") {
                    Value::Int(self.number)
                } else {
                    Value::Nil
                }
            }
            _ => return None,
        })
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
