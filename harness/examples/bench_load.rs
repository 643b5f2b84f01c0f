//! Times the harness's own part of a run: generator, recorder and clients whose operations are answered at once.
//!
//! `cargo run --release -p rashomon-workloads --example bench_load [-- SECONDS]`; it prints operations a second, how
//! fast each generator alone is, and how much memory the process held half-way and at the end, which must not grow with
//! the length of the run.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rashomon_harness::client::{Client, Completion, Invocation, Operation};
use rashomon_harness::load::Load;
use rashomon_harness::recorder::Recorder;
use rashomon_history::Value;
use rashomon_spec::workload::{GeneratorSpec, Workload};
use rashomon_workloads::{CART, COUNTER, MAP, REGISTER, SET, SIBLINGS, TEXT};
use tokio::sync::watch;

/// Acknowledges everything at once.
struct NoOp;

impl Client for NoOp {
    fn invoke<'a>(&'a mut self, operation: &'a Operation) -> Invocation<'a> {
        let value = if &*operation.f == "read" { Value::Int(1) } else { operation.value.clone() };
        Box::pin(std::future::ready(Completion::ok(value)))
    }
}

fn main() {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(5);
    generators();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be started");
    runtime.block_on(bench(Duration::from_secs(seconds)));
}

/// Operations that each generator is timed for.
const OPERATIONS: u32 = 1_000_000;

/// Times each generator alone, its operations acknowledged at once; reads return eight elements.
fn generators() {
    let workloads: [&dyn Workload; 7] = [&REGISTER, &SET, &COUNTER, &CART, &SIBLINGS, &TEXT, &MAP];
    println!("| generator | operations/s |");
    println!("|---|---|");
    let elements = Value::list((1..=8).map(Value::Int));
    for workload in workloads {
        let mut generator = workload.generator(&defaults(workload)).expect("the defaults are right");
        let began = Instant::now();
        for turn in 0..OPERATIONS {
            let client = turn % CLIENTS;
            let operation = generator.next(client).expect("it never ends");
            let value = if &*operation.f == "read" { elements.clone() } else { operation.value.clone() };
            generator.observe(client, &operation, &Completion::ok(value));
        }
        println!("| {} | {:.0} |", workload.name(), f64::from(OPERATIONS) / began.elapsed().as_secs_f64());
    }
    println!();
}

/// A workload's default options, for this many clients.
fn defaults(workload: &dyn Workload) -> GeneratorSpec {
    let options = workload.options().iter().map(|option| (option.name.to_owned(), option.default.to_owned()));
    GeneratorSpec { seed: 1, clients: CLIENTS, options: options.collect() }
}

const CLIENTS: u32 = 20;

async fn bench(length: Duration) {
    let path = std::env::temp_dir().join(format!("rashomon-bench-load-{}.rhist", std::process::id()));
    let recorder = Arc::new(
        Recorder::create(&path, Instant::now(), REGISTER.interface(), 5, None)
            .expect("the temporary folder can be written"),
    );
    let generator = REGISTER.generator(&defaults(&REGISTER)).expect("the defaults are right");
    let load = Load {
        recorder: recorder.clone(),
        generator: Arc::new(Mutex::new(generator)),
        connect: Arc::new(|_, _| Box::new(NoOp)),
        nodes: 5,
        clients: CLIENTS,
        stride: 25,
        rate: 0.0,
        seed: 1,
        deadline: Duration::from_secs(1),
        late: Arc::new(AtomicU64::new(0)),
    };
    let (stop, stopped) = watch::channel(false);
    let began = Instant::now();
    let running = tokio::spawn(async move { load.run(stopped).await });
    tokio::time::sleep(length / 2).await;
    let half_way = resident_mib();
    tokio::time::sleep(length / 2).await;
    let at_end = resident_mib();
    stop.send(true).expect("the load is running");
    running.await.expect("the load ends");
    let seconds = began.elapsed().as_secs_f64();
    recorder.finish().expect("the history can be written");
    let operations = recorder.with_tally(|tally| tally.acknowledged());
    let bytes = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
    let _ = std::fs::remove_file(&path);
    println!("| what | measured | at least |");
    println!("|---|---|---|");
    println!("| recorder and generator, no-op clients | {:.0} operations/s | 200,000 |", operations as f64 / seconds);
    println!("| memory half-way, at the end | {half_way} MiB, {at_end} MiB | equal |");
    println!("| history on disk | {:.1} B/operation | |", bytes as f64 / operations.max(1) as f64);
}

/// Resident memory of this process, MiB.
fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
