//! How long reading 1,000,000 operations takes, for each format, with and without building the history.
//!
//! Prints a table, CPU time as the least of five rounds of four (of this thread, so that a busy machine does not
//! matter; the system counts in steps of a few milliseconds), and
//! exits with 1 when a limit is not kept. The limits are for the mix of 5 values; the other row says what values that
//! are all different cost on top. `--quick` measures a tenth of the operations against a tenth of the limits.

use std::process::ExitCode;

use rashomon_history::formats::{EdnWriter, JsonWriter, ReadOptions, read_events, read_history};
use rashomon_history::{Event, EventKind, HistoryWriter, Value};

const OPERATIONS: usize = 1_000_000;
const ROUNDS: usize = 5;
/// The system counts a thread's time in steps: so many times what is measured.
const TIMES: usize = 4;

fn main() -> ExitCode {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let operations = if quick { OPERATIONS / 10 } else { OPERATIONS };
    let mut kept = true;
    println!("| {operations} operations | bytes | events, s | history, s | limit, s | |");
    println!("|---|---|---|---|---|---|");
    for (workload, unique) in [("cas mix, 5 values", false), ("cas mix, unique values", true)] {
        let files = files(operations, unique);
        for (format, bytes, limit) in files {
            let limit = limit * operations as f64 / OPERATIONS as f64;
            let events = least(|| {
                let mut sum = 0u64;
                let summary = read_events(&bytes[..], ReadOptions::default(), &mut |event| {
                    sum = sum.wrapping_add(event.time);
                    Ok(())
                });
                assert_eq!(summary.expect("it was just written").events, operations as u64 * 2);
                assert!(sum > 0);
            });
            let history = least(|| {
                let (history, _) = read_history(&bytes[..], ReadOptions::default()).expect("it was just written");
                assert_eq!(history.len(), operations);
            });
            print!("| {format}, {workload} | {} | {events:.3} | {history:.3} |", bytes.len());
            if unique {
                println!(" | |");
                continue;
            }
            let word = if history <= limit { "ok" } else { "TOO SLOW" };
            kept &= history <= limit;
            println!(" {limit:.2} | {word} |");
        }
    }
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The same history in each format, with the format's name and limit in seconds.
fn files(operations: usize, unique: bool) -> [(&'static str, Vec<u8>, f64); 3] {
    let mut own = HistoryWriter::new(Vec::new()).expect("memory does not fail");
    let mut json = JsonWriter::new(Vec::new());
    let mut edn = EdnWriter::new(Vec::new(), false);
    generate(operations, unique, &mut |event| {
        own.push(event).expect("memory does not fail");
        json.push(event.borrowed()).expect("memory does not fail");
        edn.push(event.borrowed()).expect("memory does not fail");
    });
    [
        ("own format", own.finish().expect("memory does not fail"), 0.1),
        ("JSON lines", json.finish().expect("memory does not fail"), 0.6),
        ("Jepsen EDN", edn.finish().expect("memory does not fail"), 1.0),
    ]
}

/// A mix of reads, writes and compare-and-sets by 20 always-busy clients over 100 keys. The values are arbitrary: this
/// measures reading, not judging.
fn generate(operations: usize, unique: bool, push: &mut dyn FnMut(&Event)) {
    let mut random = SplitMix(42);
    let mut open: Vec<Option<Event>> = vec![None; 20];
    let (mut time, mut invoked, mut next) = (0, 0, 0);
    while invoked < operations || open.iter().any(Option::is_some) {
        let client = (random.next() % 20) as usize;
        time += 20_000 + random.next() % 60_000;
        if let Some(mut event) = open[client].take() {
            event.time = time;
            event.kind = match random.next() % 100 {
                0 => EventKind::Info,
                1..5 => EventKind::Fail,
                _ => EventKind::Ok,
            };
            if &*event.f == "read" && event.kind == EventKind::Ok {
                event.value = value(&mut random, unique, &mut next);
            }
            push(&event);
        } else if invoked < operations {
            invoked += 1;
            let (f, value) = match random.next() % 3 {
                0 => ("read", Value::Nil),
                1 => ("write", value(&mut random, unique, &mut next)),
                _ => {
                    let from = value(&mut random, unique, &mut next);
                    ("cas", Value::pair(from, value(&mut random, unique, &mut next)))
                }
            };
            let key = Value::Int((random.next() % 100) as i64);
            let kind = EventKind::Invoke;
            let process = client as u32;
            let event = Event { time, process, kind, f: f.into(), key, value, node: None, error: None };
            push(&event);
            open[client] = Some(event);
        }
    }
}

fn value(random: &mut SplitMix, unique: bool, next: &mut i64) -> Value {
    *next += 1;
    Value::Int(if unique { *next } else { (random.next() % 5) as i64 })
}

/// The SplitMix64 generator: the same numbers everywhere, and nothing to depend on.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// The least CPU time of a few rounds, in seconds.
fn least(mut work: impl FnMut()) -> f64 {
    (0..ROUNDS)
        .map(|_| {
            let begin = cpu_seconds();
            (0..TIMES).for_each(|_| work());
            (cpu_seconds() - begin) / TIMES as f64
        })
        .fold(f64::INFINITY, f64::min)
}

/// CPU time of this thread so far, in seconds.
fn cpu_seconds() -> f64 {
    // The kernel's own account: nanoseconds on a CPU, the first number of the file.
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux has the file");
    let nanoseconds = text.split(' ').next().and_then(|number| number.parse::<u64>().ok());
    nanoseconds.expect("the file begins with a number") as f64 / 1e9
}
