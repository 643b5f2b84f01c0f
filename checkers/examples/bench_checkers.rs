//! `cargo xtask bench checkers`: how long registers of all sizes take to judge, and in how much memory.
//!
//! Each row runs in a process of its own, so that its peak memory is its own; that includes the history. Times are of
//! the judgement alone, without making the history. `bench_checkers ROW` runs one row, `bench_checkers etcd FOLDER` a
//! folder of recorded logs.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use rashomon_checkers::engine::decide;
use rashomon_checkers::linearizable::{Options, check_with};
use rashomon_checkers::models::{CasRegister, FailedCas};
use rashomon_checkers::part::compile;
use rashomon_checkers::simulated::Simulation;
use rashomon_checkers::specialist::Ops;
use rashomon_checkers::{Budget, Finding, Judgement};
use rashomon_history::{Event, EventKind, History, Value};

/// One row of the table.
struct Row {
    name: &'static str,
    /// At most this many milliseconds.
    limit: f64,
    /// At most this many MiB, the history included.
    memory: u64,
    threads: usize,
    expected: Finding,
    simulation: Simulation,
}

fn rows() -> Vec<Row> {
    let row =
        |name, limit, memory, simulation| Row { name, limit, memory, threads: 1, expected: Finding::Valid, simulation };
    let base = Simulation::default();
    let mut rows = Vec::new();
    let small = |operations, clients| Simulation { operations, clients, ..base.clone() };
    rows.push(row("5 values, 1 key, 10,000 operations, 20 clients", 500.0, 1024, small(10_000, 20)));
    rows.push(row("5 values, 1 key, 10,000 operations, 24 clients", 2000.0, 1024, small(10_000, 24)));
    rows.push(row("5 values, 1 key, 100,000 operations, 10 clients", 300.0, 300, small(100_000, 10)));
    rows.push(row("5 values, 1 key, 1,000,000 operations, 5 clients", 1000.0, 300, small(1_000_000, 5)));
    let unknown = Simulation { values: 0, info: 0.05, ..small(100_000, 100) };
    rows.push(row("unique values, 100,000 operations, 100 clients, 5 % unknown", 500.0, 1024, unknown));
    for (name, clients) in [
        ("unique values, 10,000 operations, 3 clients, 1 % unknown, a stale read", 3),
        ("unique values, 10,000 operations, 5 clients, 1 % unknown, a stale read", 5),
        ("unique values, 10,000 operations, 10 clients, 1 % unknown, a stale read", 10),
    ] {
        let simulation = Simulation { values: 0, info: 0.01, stale: 1, ..small(10_000, clients) };
        rows.push(Row { expected: Finding::Invalid, ..row(name, 500.0, 1024, simulation) });
    }
    for (name, clients) in [
        ("5 values, 10,000 operations, 3 clients, 1 % unknown, an impossible read", 3),
        ("5 values, 10,000 operations, 5 clients, 1 % unknown, an impossible read", 5),
        ("5 values, 10,000 operations, 10 clients, 1 % unknown, an impossible read", 10),
    ] {
        let simulation = Simulation { info: 0.01, impossible: 1, ..small(10_000, clients) };
        rows.push(Row { expected: Finding::Invalid, ..row(name, 10_000.0, 2048, simulation) });
    }
    for (name, clients) in [
        ("5 values, 10,000 operations, 10 clients, 1 % unknown", 10),
        ("5 values, 10,000 operations, 20 clients, 1 % unknown", 20),
    ] {
        rows.push(row(name, 10_000.0, 2048, Simulation { info: 0.01, ..small(10_000, clients) }));
    }
    for (name, keys) in [
        ("unique values, 10,000,000 reads and writes, 1 key", 1),
        ("unique values, 10,000,000 reads and writes, 1,000 keys", 1_000),
        ("unique values, 10,000,000 reads and writes, 100,000 keys", 100_000),
    ] {
        let simulation = Simulation { values: 0, mix: [1.0, 1.0, 0.0], keys, ..small(10_000_000, 16) };
        rows.push(row(name, 700.0, 400, simulation));
    }
    for (name, clients, info) in [
        ("5 values, 1,000,000 operations, 100 keys, 20 clients, two cores", 20, 0.0),
        ("5 values, 1,000,000 operations, 100 keys, 100 clients, two cores", 100, 0.0),
        ("5 values, 1,000,000 operations, 100 keys, 20 clients, 5 % unknown, two cores", 20, 0.05),
        ("5 values, 1,000,000 operations, 100 keys, 100 clients, 5 % unknown, two cores", 100, 0.05),
    ] {
        let simulation = Simulation { keys: 100, info, ..small(1_000_000, clients) };
        rows.push(Row { threads: 2, ..row(name, 150.0, 100, simulation) });
    }
    rows
}

fn main() {
    let argument = std::env::args().nth(1).filter(|argument| !argument.starts_with("--"));
    match argument {
        Some(row) if row == "etcd" => etcd(Path::new(&std::env::args().nth(2).expect("a folder of logs"))),
        Some(row) => run(&rows()[row.parse::<usize>().expect("the number of a row")]),
        None => {
            println!("| work | time | at most | processor time | peak memory | at most | verdict |");
            println!("|---|---|---|---|---|---|---|");
            let program = std::env::current_exe().expect("a program knows where it is");
            for index in 0..rows().len() {
                let status = Command::new(&program).arg(index.to_string()).status().expect("it can start itself");
                assert!(status.success(), "row {index} failed");
            }
        }
    }
}

/// Runs one row and prints it.
fn run(row: &Row) {
    let history = row.simulation.run();
    let options = Options { threads: row.threads, ..Options::default() };
    let (judgement, time, spent) = judge(&history, FailedCas::Nothing, &options);
    let memory = peak_memory_mib();
    let verdict = format!("{:?}", judgement.finding).to_lowercase();
    let methods: Vec<&str> = judgement.methods.iter().map(|method| method.method.as_str()).collect();
    let missed = if judgement.finding == row.expected { "" } else { " (wrong)" };
    println!(
        "| {} | {time:.0} ms | {:.0} ms | {spent:.0} ms | {memory} MiB | {} MiB | {verdict}{missed}: {} |",
        row.name,
        row.limit,
        row.memory,
        methods.join(", ")
    );
}

/// Judges; milliseconds of the wall clock and of the processor.
fn judge(history: &History, failed_cas: FailedCas, options: &Options) -> (Judgement, f64, f64) {
    let (start, before) = (Instant::now(), processor_ms());
    let judgement = check_with(&CasRegister { failed_cas }, history, options);
    (judgement, start.elapsed().as_secs_f64() * 1e3, processor_ms() - before)
}

/// Judges all logs of a folder, in the text format of a Jepsen test of etcd, and prints the totals: of the verdicts
/// alone by the general engine, and of whole judgements.
fn etcd(folder: &Path) {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder can be read")
        .map(|file| file.expect("so can its files").path())
        .collect();
    files.sort();
    let mut histories = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "log")) {
        let text = std::fs::read_to_string(file).expect("a log is text");
        histories.push((file.file_name().expect("it is a file").to_owned(), parse_log(&text)));
    }
    let options = Options { budget: Budget::default(), certify: false, threads: 1 };
    let mut total = 0.0;
    for (name, history) in &histories {
        let (judgement, time, _) = judge(history, FailedCas::Compared, &options);
        total += time;
        println!("{}\t{:?}\t{time:.3} ms", name.display(), judgement.finding);
    }
    let start = Instant::now();
    let model = CasRegister { failed_cas: FailedCas::Compared };
    for (_, history) in &histories {
        let part = compile(&model, history, Ops::All(history.len() as u32)).expect("a log is of this model");
        std::hint::black_box(decide(&model, &part, &options.budget));
    }
    let verdicts = start.elapsed().as_secs_f64() * 1e3;
    println!("{} logs: verdicts in {verdicts:.2} ms, verdicts with explanations in {total:.2} ms", histories.len());
}

fn parse_log(text: &str) -> History {
    let number = |text: &str| text.parse().map_or(Value::Nil, Value::Int);
    let events = text.lines().filter_map(|line| line.split_once("jepsen.util - ")).enumerate().filter_map(
        |(time, (_, line))| {
            let words: Vec<&str> = line.split('\t').map(str::trim).collect();
            let [process, kind, f, value] = words[..] else { return None };
            let process = process.parse().ok()?;
            let kind = match kind {
                ":invoke" => EventKind::Invoke,
                ":ok" => EventKind::Ok,
                ":fail" => EventKind::Fail,
                ":info" => EventKind::Info,
                _ => return None,
            };
            let value = match value.trim_matches(['[', ']']).split_once(' ') {
                Some((from, to)) => Value::pair(number(from), number(to)),
                None => number(value),
            };
            let f = f.trim_start_matches(':').into();
            Some(Event { time: time as u64, process, kind, f, key: Value::Nil, value, node: None, error: None })
        },
    );
    History::from_events(events).expect("a log is a history")
}

/// The most memory this process has held.
fn peak_memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().map_or(0, |kib| kib / 1024)
}

/// Processor time of this process and its threads: user time, in steps of 10 ms.
fn processor_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after_name.split_whitespace().nth(11).and_then(|ticks| ticks.parse().ok()).unwrap_or(0.0);
    ticks * 10.0
}
