//! `cargo xtask bench checkers`: how long registers of all sizes take to judge, and in how much memory.
//!
//! Each row runs in a process of its own, so that its peak memory is its own; that includes the history. Times are of
//! the judgement alone, without making the history: the least of three rounds. `bench_checkers ROW` runs one row.
//!
//! With `--logs FOLDER`, or the folder's path in the variable `RASHOMON_ETCD_LOGS`, also recorded logs of Jepsen's etcd
//! test: every `.log` file in the folder, with the right verdicts in `expected.tsv` there or one folder up.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use rashomon_checkers::engine::{Answer, decide};
use rashomon_checkers::linearizable::{Options, check_with};
use rashomon_checkers::models::{CasRegister, FailedCas};
use rashomon_checkers::simulated::Simulation;
use rashomon_checkers::specialist::Ops;
use rashomon_checkers::subhistory::compile;
use rashomon_checkers::{Finding, Judgement};
use rashomon_history::History;
use rashomon_history::formats::{ReadOptions, read_history};

/// How often each judgement is made.
const ROUNDS: usize = 3;
/// The logs are so short that they are judged more often.
const LOG_ROUNDS: usize = 20;
/// How much faster two cores are to be.
const SPEED_UP: f64 = 1.7;

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
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [row] = &arguments[..]
        && let Ok(row) = row.parse::<usize>()
    {
        return run(&rows()[row]);
    }
    if let [option, row] = &arguments[..]
        && option == "--speed-up"
    {
        return speed_up(&rows()[row.parse::<usize>().expect("the number of a row")]);
    }
    println!("| work | time | at most | processor time | peak memory | at most | verdict |");
    println!("|---|---|---|---|---|---|---|");
    for index in 0..rows().len() {
        start_again(&[&index.to_string()]);
    }
    let folder = match &arguments[..] {
        [option, folder] if option == "--logs" => Some(PathBuf::from(folder)),
        _ => std::env::var_os("RASHOMON_ETCD_LOGS").map(PathBuf::from),
    };
    match folder {
        Some(folder) => logs(&folder),
        None => println!("\nNo recorded logs of etcd: their folder is given by --logs or RASHOMON_ETCD_LOGS."),
    }
    println!("\n| work | one core | two cores | ratio | at least |");
    println!("|---|---|---|---|---|");
    for (index, row) in rows().iter().enumerate() {
        if row.simulation.keys > 1 {
            start_again(&["--speed-up", &index.to_string()]);
        }
    }
}

/// Runs a part of this program in a process of its own.
fn start_again(arguments: &[&str]) {
    let program = std::env::current_exe().expect("a program knows where it is");
    let status = Command::new(&program).args(arguments).status().expect("it can start itself");
    assert!(status.success(), "{arguments:?} failed");
}

/// Runs one row and prints it.
fn run(row: &Row) {
    let history = row.simulation.run();
    let (judgement, time, spent) = least(&history, row.threads);
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

/// Runs one row on one and on two threads and prints how they compare.
fn speed_up(row: &Row) {
    let history = row.simulation.run();
    let [one, two] = [1, 2].map(|threads| least(&history, threads).1);
    let name = row.name.trim_end_matches(", two cores");
    println!("| {name} | {one:.0} ms | {two:.0} ms | {:.2} | {SPEED_UP} |", one / two);
}

/// Judges a few times; the least milliseconds of the wall clock and of the processor.
fn least(history: &History, threads: usize) -> (Judgement, f64, f64) {
    let options = Options { threads, ..Options::default() };
    let rounds = (0..ROUNDS).map(|_| {
        let (start, before) = (Instant::now(), processor_ms());
        let judgement = check_with(&CasRegister::default(), history, &options);
        (judgement, start.elapsed().as_secs_f64() * 1e3, processor_ms() - before)
    });
    rounds.reduce(|best, next| (best.0, best.1.min(next.1), best.2.min(next.2))).expect("there is a round")
}

/// Judges all logs of a folder and prints two rows: the verdicts alone, and the judgements with explanations.
fn logs(folder: &Path) {
    let files = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a folder's files can be listed").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "log"));
    files.sort();
    let right = right_verdicts(folder);
    // Here a failed compare-and-set compared.
    let model = CasRegister { failed_cas: FailedCas::Compared };
    let options = Options { threads: 1, ..Options::default() };
    let (mut verdicts, mut judgements, mut wrong) = (0.0, 0.0, 0);
    for file in &files {
        let bytes = std::fs::read(file).unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
        let (history, _) =
            read_history(&bytes[..], ReadOptions::default()).unwrap_or_else(|error| panic!("{error} in {file:?}"));
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut answer = None;
        verdicts += least_ms(|| {
            let ops = Ops::All(history.len() as u32);
            let subhistory = compile(&model, &history, ops).expect("a log is of this model");
            answer = Some(decide(&model, &subhistory, &options.budget).0.answer);
        });
        let linearizable = matches!(answer, Some(Answer::Yes(_)));
        let mut finding = Finding::Unknown;
        judgements += least_ms(|| finding = check_with(&model, &history, &options).finding);
        wrong += usize::from(right.get(&name) != Some(&linearizable) || linearizable != (finding == Finding::Valid));
    }
    let said = if wrong == 0 { "all verdicts right".to_owned() } else { format!("{wrong} verdicts wrong") };
    let memory = peak_memory_mib();
    let count = files.len();
    println!("| {count} logs of etcd, the verdicts | {verdicts:.2} ms | 3 ms | | {memory} MiB | 100 MiB | {said} |");
    println!(
        "| {count} logs of etcd, with explanations | {judgements:.2} ms | 20 ms | | {memory} MiB | 100 MiB | {said} |"
    );
}

/// Which logs are linearizable, from lines like `folder/etcd_000.log<tab>not-linearizable`.
fn right_verdicts(folder: &Path) -> BTreeMap<String, bool> {
    let places = [Some(folder), folder.parent()].into_iter().flatten().map(|place| place.join("expected.tsv"));
    let text = places.into_iter().find_map(|place| std::fs::read_to_string(place).ok());
    let text = text.unwrap_or_else(|| panic!("there is no expected.tsv in {} or one folder up", folder.display()));
    let lines = text.lines().filter_map(|line| line.split_once('\t'));
    let named = lines.map(|(file, verdict)| (file.rsplit('/').next().unwrap_or(file), verdict.trim()));
    named.map(|(file, verdict)| (file.to_owned(), verdict == "linearizable")).collect()
}

/// The least milliseconds of the wall clock.
fn least_ms(mut work: impl FnMut()) -> f64 {
    let rounds = (0..LOG_ROUNDS).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e3
    });
    rounds.fold(f64::INFINITY, f64::min)
}

/// The most memory this process has held.
fn peak_memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().map_or(0, |kib| kib / 1024)
}

/// Processor time of this process and its threads, of the kernel's part too, in steps of 10 ms.
fn processor_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() * 10.0
}
