//! Strings of many clients, one bad key among hard ones: how long a violation takes to find, and a pass to prove.
//!
//! `bench_strings` judges every row and prints a table; `bench_strings ROW` prints the row's history as JSON lines, for
//! other checkers. Times are of one thread by the wall clock, the least of five rounds; the judgement includes the
//! explanation.

use std::io::Write;
use std::time::Instant;

use rashomon_checkers::linearizable::{Options, check_with};
use rashomon_checkers::models::StringMap;
use rashomon_checkers::small::Choices;
use rashomon_checkers::{Finding, Judgement};
use rashomon_history::{EventKind, EventRef, History, HistoryBuilder, Value};

const ROUNDS: usize = 5;

/// What to simulate: clients that are always busy, on strings chosen at random.
#[derive(Clone, Copy)]
struct Simulation {
    name: &'static str,
    operations: usize,
    clients: usize,
    keys: usize,
    /// Weights of get, put and append.
    mix: [usize; 3],
    /// Of a thousand writes, how many end with an unknown outcome.
    unknown: usize,
    /// Whether pieces are one of a few letters, so that most strings can be cut in several ways.
    letters: bool,
    /// Whether one get of key 0 misses the last piece that an earlier one had returned.
    stale: bool,
    /// At most so many milliseconds.
    limit: f64,
}

fn rows() -> Vec<Simulation> {
    let base = Simulation {
        name: "50 clients, 10 keys, 2,000 operations",
        operations: 2_000,
        clients: 50,
        keys: 10,
        mix: [2, 1, 2],
        unknown: 0,
        letters: false,
        stale: false,
        limit: 200.0,
    };
    let bad = |name, row: Simulation| Simulation { name, stale: true, limit: 20.0, ..row };
    let few = Simulation { name: "the same without puts, 2 keys", keys: 2, mix: [1, 0, 2], ..base };
    let unknown = Simulation { name: "the same, 10 % unknown", unknown: 100, ..base };
    let one =
        Simulation { name: "the same, 1 key, 20,000 operations", keys: 1, operations: 20_000, mix: [1, 1, 2], ..base };
    let letters = Simulation { name: "the same, pieces of four letters", letters: true, mix: [4, 1, 1], ..base };
    vec![
        base,
        bad("50 clients, 10 keys, 2,000 operations, a stale get", base),
        few,
        bad("the same without puts, 2 keys, a stale get", few),
        unknown,
        bad("the same, 10 % unknown, a stale get", unknown),
        one,
        letters,
        bad("the same, pieces of four letters, a stale get", letters),
    ]
}

/// A client's open operation.
struct Open {
    function: &'static str,
    key: usize,
    piece: String,
    acted: bool,
    found: String,
}

impl Simulation {
    /// Every operation takes effect at a random moment; which client moves next is drawn uniformly.
    fn run(&self) -> History {
        let mut choices = Choices::new(1);
        let mut builder = HistoryBuilder::default();
        let mut state = vec![String::new(); self.keys];
        // What a get of key 0 returned, less the last piece, once one did in the second half.
        let mut older: Option<String> = None;
        let mut planted = !self.stale;
        let mut open: Vec<Option<Open>> = (0..self.clients).map(|_| None).collect();
        let mut process: Vec<u32> = (0..self.clients as u32).collect();
        let (mut started, mut time) = (0, 0);
        while started < self.operations || open.iter().any(Option::is_some) {
            let client = choices.below(self.clients);
            time += 1_000;
            match open[client].take() {
                None if started < self.operations => {
                    let mut call = self.invoke(&mut choices, client, started);
                    if let ("get", 0, Some(older)) = (call.function, call.key, older.take()) {
                        (call.found, call.acted, planted) = (older, true, true);
                    }
                    push(&mut builder, time, process[client], EventKind::Invoke, &call, asked(&call));
                    open[client] = Some(call);
                    started += 1;
                }
                None => {}
                Some(mut call) if !call.acted => {
                    let held = &mut state[call.key];
                    match call.function {
                        "get" => call.found.clone_from(held),
                        "put" => held.clone_from(&call.piece),
                        _ => held.push_str(&call.piece),
                    }
                    call.acted = true;
                    open[client] = Some(call);
                }
                Some(call) if call.function != "get" && choices.below(1_000) < self.unknown => {
                    push(&mut builder, time, process[client], EventKind::Info, &call, asked(&call));
                    process[client] += self.clients as u32;
                }
                Some(call) => {
                    let answer = if call.function == "get" { Value::text(&call.found) } else { asked(&call) };
                    push(&mut builder, time, process[client], EventKind::Ok, &call, answer);
                    let late = started > self.operations / 2 && call.function == "get" && call.key == 0;
                    if late && !planted {
                        let less = if self.letters { call.found.len().checked_sub(1) } else { call.found.rfind('x') };
                        older = less.filter(|&less| less > 0).map(|less| call.found[..less].to_owned());
                    }
                }
            }
        }
        builder.finish()
    }

    fn invoke(&self, choices: &mut Choices, client: usize, number: usize) -> Open {
        let drawn = choices.below(self.mix.iter().sum());
        let function = match drawn {
            drawn if drawn < self.mix[0] => "get",
            drawn if drawn < self.mix[0] + self.mix[1] => "put",
            _ => "append",
        };
        let piece = match self.letters {
            true => ["a", "b", "c", "d"][choices.below(4)].to_owned(),
            false => format!("x {client} {number} y"),
        };
        Open { function, key: choices.below(self.keys), piece, acted: false, found: String::new() }
    }
}

fn asked(call: &Open) -> Value {
    if call.function == "get" { Value::Nil } else { Value::text(&call.piece) }
}

fn push(builder: &mut HistoryBuilder, time: u64, process: u32, kind: EventKind, call: &Open, value: Value) {
    let key = Value::Int(call.key as i64);
    let event = EventRef { time, process, kind, f: call.function, key: &key, value: &value, node: None, error: None };
    builder.push_ref(event).expect("a client has one operation open at a time");
}

fn main() {
    let rows = rows();
    if let Some(row) = std::env::args().nth(1) {
        let row = row.parse::<usize>().expect("the number of a row");
        return print(&rows[row].run());
    }
    println!("| strings | time | at most | verdict |");
    println!("|---|---|---|---|");
    for row in rows {
        let history = row.run();
        let expected = if row.stale { Finding::Invalid } else { Finding::Valid };
        let (judgement, time) = least(&history);
        let verdict = format!("{:?}", judgement.finding).to_lowercase();
        let methods: Vec<&str> = judgement.methods.iter().map(|method| method.method.as_str()).collect();
        let missed = if judgement.finding == expected { "" } else { " (wrong)" };
        let (name, limit) = (row.name, row.limit);
        println!("| {name} | {time:.1} ms | {limit:.0} ms | {verdict}{missed}: {} |", methods.join(", "));
    }
}

fn least(history: &History) -> (Judgement, f64) {
    let options = Options { threads: 1, ..Options::default() };
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        let judgement = check_with(&StringMap, history, &options);
        (judgement, start.elapsed().as_secs_f64() * 1e3)
    });
    rounds.reduce(|best, next| (best.0, best.1.min(next.1))).expect("there is a round")
}

fn print(history: &History) {
    let mut out = std::io::stdout().lock();
    let mut events: Vec<(u32, String)> = Vec::new();
    for op in history.ops() {
        let line = |kind: &str, value: &Value| {
            let value = value.as_text().map_or("null".to_owned(), |text| format!("{text:?}"));
            format!(r#"{{"process":{},"type":"{kind}","f":"{}","key":{},"value":{value}}}"#, op.process, op.f, op.key)
        };
        events.push((op.invoked, line("invoke", &op.input)));
        if let Some(completed) = op.completed {
            let kind = format!("{:?}", op.outcome).to_lowercase();
            events.push((completed, line(&kind, &op.output)));
        }
    }
    events.sort_unstable();
    for (_, line) in events {
        writeln!(out, "{line}").expect("standard output can be written");
    }
}
