//! Judging long histories in which outcomes are unknown: how often there is an answer, and how long it takes.
//!
//! `bench_takes MODEL OPERATIONS CLIENTS UNKNOWN_PER_MILLE FAULT SEEDS` judges that many simulated histories of one
//! object and prints a row of a table; without arguments it runs a table of its own, each row in a process of its own.
//!
//! Clients are always busy; an operation takes effect at a random moment while it is open. Of the operations of unknown
//! outcome half never happen, a quarter happens before the client gives up, and a quarter some time later. FAULT is
//! `none`, or one of these, once in the middle of the history: `order` (a take returns the fourth of those inside),
//! `lost` (a value that was put is not inside), `twice` (a take returns a value and leaves it inside). With `scarce-`
//! before it every take of unknown outcome happens, so that none is to spare; with `peeks-` one operation in ten is a
//! peek, none of them of unknown outcome.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::process::Command;

use rashomon_checkers::Checkers;
use rashomon_checkers::{Budget, Finding, check};
use rashomon_history::{EventKind, EventRef, History, HistoryBuilder, Value};

/// What is judged without arguments: every combination of a line.
struct Line {
    operations: usize,
    faults: &'static [&'static str],
    seeds: u64,
}

const TABLE: &[Line] = &[
    Line { operations: 1_000, faults: &["none", "order", "lost", "scarce-lost"], seeds: 10 },
    Line { operations: 10_000, faults: &["none", "order", "lost", "scarce-lost"], seeds: 5 },
    Line { operations: 100_000, faults: &["none", "order", "lost"], seeds: 2 },
    Line { operations: 1_000_000, faults: &["none", "order"], seeds: 1 },
];
const MODELS: [&str; 2] = ["stack", "priority-queue"];
const CLIENTS: [usize; 2] = [5, 50];
/// In a thousand.
const UNKNOWN: [u32; 3] = [1, 10, 50];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [model, operations, clients, unknown, fault, seeds] = arguments.as_slice() {
        let number = |text: &String| text.parse::<u64>().expect("numbers of operations, clients, unknown and seeds");
        let plan = Plan {
            model,
            operations: number(operations) as usize,
            clients: number(clients) as usize,
            unknown: number(unknown) as u32,
            fault,
        };
        return measure(&plan, number(seeds));
    }
    println!(
        "| model | operations | clients | unknown | fault | valid | invalid | unknown | CPU s each | most | steps |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let program = std::env::current_exe().expect("a running program has a path");
    for (line, model) in TABLE.iter().flat_map(|line| MODELS.map(|model| (line, model))) {
        for (clients, unknown) in CLIENTS.iter().flat_map(|&clients| UNKNOWN.map(|unknown| (clients, unknown))) {
            for fault in line.faults {
                let numbers = [line.operations.to_string(), clients.to_string(), unknown.to_string()];
                let mut row = Command::new(&program);
                row.arg(model).args(numbers).args([fault, line.seeds.to_string().as_str()]);
                let status = row.status().expect("this program can be started again");
                assert!(status.success(), "{model} failed: {status}");
            }
        }
    }
}

struct Plan<'a> {
    model: &'a str,
    operations: usize,
    clients: usize,
    /// Operations of unknown outcome in a thousand.
    unknown: u32,
    fault: &'a str,
}

fn measure(plan: &Plan<'_>, seeds: u64) {
    let kind = Checkers::included().find(plan.model).expect("a model that exists");
    let mut counts = [0; 3];
    let (mut total, mut most) = (0.0, 0.0_f64);
    let mut reasons = BTreeSet::new();
    for seed in 1..=seeds {
        let history = simulate(plan, seed);
        let start = cpu_seconds();
        let judgement = check(&history, kind, &Budget::default());
        let seconds = cpu_seconds() - start;
        total += seconds;
        most = most.max(seconds);
        counts[match judgement.finding {
            Finding::Valid => 0,
            Finding::Invalid => 1,
            Finding::Unknown => 2,
        }] += 1;
        let methods: Vec<&str> = judgement.methods.iter().map(|method| method.method.as_str()).collect();
        reasons.insert(methods.join("+"));
    }
    println!(
        "| {} | {} | {} | {} % | {} | {} | {} | {} | {:.3} | {most:.3} | {} |",
        plan.model,
        plan.operations,
        plan.clients,
        f64::from(plan.unknown) / 10.0,
        plan.fault,
        counts[0],
        counts[1],
        counts[2],
        total / seeds as f64,
        Vec::from_iter(reasons).join(" / "),
    );
}

fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|number| number.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// The object of the simulated system.
#[derive(Default)]
struct Object {
    queue: VecDeque<i64>,
    sorted: BTreeSet<i64>,
    number: i64,
    holders: u32,
    readers: u32,
}

/// What a client is doing.
#[derive(Clone)]
enum Client {
    Idle,
    Open(&'static str, Value),
    Acted(&'static str, Value),
}

fn simulate(plan: &Plan<'_>, seed: u64) -> History {
    let mut builder = HistoryBuilder::default();
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut object = Object::default();
    let mut clients = vec![Client::Idle; plan.clients];
    let mut processes: Vec<u32> = (0..plan.clients as u32).collect();
    let mut holds: Vec<Option<&'static str>> = vec![None; plan.clients];
    let (mut invoked, mut fresh, mut time, mut idle) = (0, 0, 0_u64, 0);
    let mut late: Vec<(u64, &'static str, Value)> = Vec::new();
    let (fault, peeks) = match plan.fault.strip_prefix("peeks-") {
        Some(fault) => (fault, true),
        None => (plan.fault.trim_start_matches("scarce-"), false),
    };
    let mut planted = fault == "none";
    while idle < 64 * plan.clients {
        time += 1000;
        if let Some(due) = late.iter().position(|&(at, ..)| at <= time) {
            let (_, f, input) = late.swap_remove(due);
            object.act(plan.model, f, &input, "none");
        }
        let client = dice.below(plan.clients as u32) as usize;
        let mut event = |process: u32, kind, f: &str, value: &Value| {
            builder
                .push_ref(EventRef { time, process, kind, f, key: &Value::Nil, value, node: None, error: None })
                .expect("the simulation records a history");
        };
        match clients[client].clone() {
            Client::Idle if invoked < plan.operations => {
                invoked += 1;
                let (f, input) = match peeks && dice.below(10) == 0 {
                    true => ("peek", Value::Nil),
                    false => next(plan.model, &mut dice, &mut fresh, holds[client]),
                };
                event(processes[client], EventKind::Invoke, f, &input);
                clients[client] = Client::Open(f, input);
            }
            Client::Idle => idle += 1,
            Client::Open(f, input) if f != "peek" && dice.below(1000) < plan.unknown => {
                // Nobody would ever give back what a crashed client holds, so its acquire did not happen.
                let scarce = plan.fault.starts_with("scarce") && matches!(f, "dequeue" | "pop" | "extract");
                match dice.below(if scarce { 2 } else { 4 }) {
                    _ if f.starts_with("acquire") => {}
                    _ if f.starts_with("release") => drop(object.act(plan.model, f, &input, "none")),
                    0 => drop(object.act(plan.model, f, &input, "none")),
                    1 => late.push((time + 1000 * u64::from(dice.below(20 * plan.clients as u32)), f, input.clone())),
                    _ => {}
                }
                event(processes[client], EventKind::Info, f, &input);
                clients[client] = Client::Idle;
                processes[client] += plan.clients as u32;
                holds[client] = None;
            }
            Client::Open(f, input) => {
                let now = !planted && invoked * 2 > plan.operations && object.can(fault, f);
                let Some(output) = object.act(plan.model, f, &input, if now { fault } else { "none" }) else {
                    idle += 1;
                    continue;
                };
                planted |= now;
                idle = 0;
                match f {
                    "release" | "release-read" | "release-write" => holds[client] = None,
                    "acquire" => holds[client] = Some("release"),
                    "acquire-write" => holds[client] = Some("release-write"),
                    "acquire-read" => holds[client] = Some("release-read"),
                    _ => {}
                }
                clients[client] = Client::Acted(f, output);
            }
            Client::Acted(f, output) => {
                event(processes[client], EventKind::Ok, f, &output);
                clients[client] = Client::Idle;
            }
        }
    }
    builder.finish()
}

fn next(model: &str, dice: &mut Dice, fresh: &mut i64, holds: Option<&'static str>) -> (&'static str, Value) {
    let mut new = || {
        *fresh += 1;
        Value::Int(*fresh)
    };
    let put = dice.below(2) == 0;
    match model {
        "fifo-queue" | "unordered-queue" if put => ("enqueue", new()),
        "fifo-queue" | "unordered-queue" => ("dequeue", Value::Nil),
        "stack" if put => ("push", new()),
        "stack" => ("pop", Value::Nil),
        // Priorities in no order of time, each once.
        "priority-queue" if put => ("insert", Value::Int((new().as_int().unwrap_or(0) * 611_953) % 1_000_003)),
        "priority-queue" => ("extract", Value::Nil),
        "linearizable-set" => match dice.below(4) {
            0 => ("add", new()),
            _ => ("contains", Value::Int(1 + i64::from(dice.below(*fresh as u32 + 1)))),
        },
        "linearizable-counter" if put => ("read", Value::Nil),
        "linearizable-counter" => ("add", Value::Int(1)),
        "fetch-and-add" => ("fetch-add", Value::Int(1)),
        "readers-writer-lock" => match (holds, put) {
            (Some("release-read"), _) => ("release-read", Value::Nil),
            (Some(_), _) => ("release-write", Value::Nil),
            (None, true) => ("acquire-read", Value::Nil),
            (None, false) => ("acquire-write", Value::Nil),
        },
        _ if holds.is_some() => ("release", Value::Nil),
        _ => ("acquire", Value::Nil),
    }
}

impl Object {
    /// Whether this call can show the fault now.
    fn can(&self, fault: &str, f: &str) -> bool {
        match fault {
            "order" => matches!(f, "dequeue" | "pop" | "extract") && self.queue.len().max(self.sorted.len()) > 3,
            "twice" => matches!(f, "dequeue" | "pop" | "extract") && self.queue.len().max(self.sorted.len()) > 0,
            _ => matches!(f, "enqueue" | "push" | "insert" | "add"),
        }
    }

    /// Acts and returns the result; `None` when it has to wait.
    fn act(&mut self, model: &str, f: &str, input: &Value, fault: &str) -> Option<Value> {
        let int = input.as_int().unwrap_or(0);
        let taken = |value: Option<i64>| Some(value.map_or(Value::Nil, Value::Int));
        let skip = if fault == "order" { 3 } else { 0 };
        match f {
            "enqueue" | "push" | "insert" | "add" if fault == "lost" => {}
            "enqueue" | "push" => self.queue.push_back(int),
            "dequeue" | "pop" => {
                let last = self.queue.len().wrapping_sub(1);
                let at = if f == "pop" { last.wrapping_sub(skip) } else { skip };
                return taken(if fault == "twice" { self.queue.get(at).copied() } else { self.queue.remove(at) });
            }
            "peek" if model == "priority-queue" => return taken(self.sorted.first().copied()),
            "peek" if model == "stack" => return taken(self.queue.back().copied()),
            "peek" => return taken(self.queue.front().copied()),
            "insert" => drop(self.sorted.insert(int)),
            "extract" => {
                let found = self.sorted.iter().nth(skip).copied();
                if let Some(found) = found.filter(|_| fault != "twice") {
                    self.sorted.remove(&found);
                }
                return taken(found);
            }
            "add" if model == "linearizable-counter" => self.number += int,
            "read" => return Some(Value::Int(self.number)),
            "fetch-add" => {
                self.number += int;
                return Some(Value::Int(self.number - int));
            }
            "add" => drop(self.sorted.insert(int)),
            "contains" => return Some(Value::Bool(self.sorted.contains(&int))),
            "acquire-read" if self.holders == 0 => self.readers += 1,
            "release-read" => self.readers -= 1,
            "release" | "release-write" => self.holders = self.holders.saturating_sub(1),
            "acquire" | "acquire-write" if self.readers == 0 && self.holders < permits(model) => {
                self.holders += 1;
                self.number += 1;
                if model == "fenced-lock" {
                    return Some(Value::Int(self.number));
                }
            }
            _ => return None,
        }
        Some(Value::Nil)
    }
}

fn permits(model: &str) -> u32 {
    model.split_once(':').map_or(1, |(_, permits)| permits.parse().expect("a number of permits"))
}

/// A linear congruential generator (Knuth, TAOCP 2, 3.3.4): the same plan makes the same histories for ever.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as u32) % bound
    }
}
