//! Drives the clients: who sends what when, and what becomes of a client after an answer.
//!
//! Client *i* of *c* talks to node *i mod n* all its life, so that both sides of a partition have clients. It runs one
//! logical process at a time; after an `info` that process is retired (its operation may still be running) and the
//! client goes on as a new process, `stride` further, over a new connection.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rashomon_history::Outcome;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::client::{Client, Completion, Operation};
use crate::draw::{Draw, Stream};
use crate::recorder::Recorder;
use crate::workload::Generator;

/// Makes the connection of a process to a node (numbered from 1).
pub type Connect = Arc<dyn Fn(u32, u16) -> Box<dyn Client> + Send + Sync>;

/// Everything the clients share.
#[derive(Clone)]
pub struct Load {
    /// Where events go.
    pub recorder: Arc<Recorder>,
    /// What to do next.
    pub generator: Arc<Mutex<Box<dyn Generator>>>,
    /// How to reach a node.
    pub connect: Connect,
    /// How many nodes there are.
    pub nodes: u16,
    /// How many clients run at once.
    pub clients: u32,
    /// Distance between the process ids of one client.
    pub stride: u32,
    /// Operations a second over all clients; 0 is closed loop.
    pub rate: f64,
    /// The seed of the arrivals.
    pub seed: u64,
    /// The hard deadline of an operation.
    pub deadline: Duration,
    /// Arrivals that found their client busy.
    pub late: Arc<AtomicU64>,
}

/// After a `fail` a client waits a little: a node that refuses at once would otherwise be asked as fast as a loop can.
const AFTER_FAIL: Duration = Duration::from_millis(10);

/// The process id that `client` goes on with after `process` was retired.
fn next_process(process: u32, stride: u32) -> u32 {
    process.wrapping_add(stride)
}

impl Load {
    /// Runs all clients until `stop` turns true, the generator is exhausted or the history cannot be written. Every
    /// operation begun is completed before this returns, which takes up to one deadline.
    pub async fn run(&self, stop: watch::Receiver<bool>) {
        let mut clients = JoinSet::new();
        for client in 0..self.clients {
            let load = self.clone();
            let stop = stop.clone();
            clients.spawn(async move { load.run_client(client, stop).await });
        }
        while let Some(ended) = clients.join_next().await {
            // A panic in a client is a bug in the harness or in an adapter: let it end the run as `broken`.
            if let Err(panic) = ended
                && panic.is_panic()
            {
                std::panic::resume_unwind(panic.into_panic());
            }
        }
    }

    async fn run_client(&self, client: u32, mut stop: watch::Receiver<bool>) {
        let node = (client % u32::from(self.nodes)) as u16 + 1;
        let mut process = client;
        let mut connection = (self.connect)(process, node);
        let mut arrivals = Arrivals::new(self, client);
        loop {
            if *stop.borrow() || self.recorder.failed() {
                return;
            }
            tokio::select! {
                biased;
                _ = stop.changed() => continue,
                () = arrivals.wait() => {}
            }
            let Some(operation) = lock(&self.generator).next(client) else { return };
            let completion = self.invoke(&mut *connection, process, node, &operation).await;
            lock(&self.generator).observe(client, &operation, &completion);
            match completion.outcome {
                Outcome::Ok => {}
                Outcome::Fail => tokio::time::sleep(AFTER_FAIL).await,
                Outcome::Info => {
                    process = next_process(process, self.stride);
                    connection = (self.connect)(process, node);
                }
            }
        }
    }

    /// One recorded operation under its hard deadline.
    pub async fn invoke(
        &self,
        connection: &mut dyn Client,
        process: u32,
        node: u16,
        operation: &Operation,
    ) -> Completion {
        connection.get_ready().await;
        let invoked = self.recorder.invoke(process, node, operation);
        let answer = tokio::time::timeout(self.deadline, connection.invoke(operation)).await;
        let completion = answer.unwrap_or_else(|_| {
            Completion::info(operation, format!("timeout: no answer within {} ms", self.deadline.as_millis()))
        });
        self.recorder.complete(process, node, operation, invoked, &completion);
        completion
    }
}

fn lock(generator: &Mutex<Box<dyn Generator>>) -> std::sync::MutexGuard<'_, Box<dyn Generator>> {
    generator.lock().expect("a generator does not panic")
}

/// When a client's operations are due: at once (closed loop) or as a Poisson process (open loop).
struct Arrivals {
    /// Mean distance, seconds; 0 is closed loop.
    mean: f64,
    draw: Draw,
    due: Instant,
    late: Arc<AtomicU64>,
}

impl Arrivals {
    fn new(load: &Load, client: u32) -> Arrivals {
        let mean = if load.rate > 0.0 { f64::from(load.clients) / load.rate } else { 0.0 };
        let draw = Draw::numbered(load.seed, Stream::Arrivals, client);
        Arrivals { mean, draw, due: Instant::now(), late: load.late.clone() }
    }

    async fn wait(&mut self) {
        if self.mean == 0.0 {
            // Closed loop: still let other clients of this thread run when every answer is there at once.
            tokio::task::yield_now().await;
            return;
        }
        let now = Instant::now();
        self.due += Duration::from_secs_f64(self.draw.exponential(self.mean));
        if self.due > now {
            tokio::time::sleep_until(self.due).await;
            return;
        }
        // The client was busy when this operation was due. A backlog of more than a second is dropped: a client that
        // waited out a partition would otherwise hammer the cluster that has just come back.
        self.late.fetch_add(1, Ordering::Relaxed);
        if now - self.due > Duration::from_secs(1) {
            self.due = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use rashomon_history::{Event, EventKind, HistoryReader, Value};

    use super::*;
    use crate::client::Invocation;

    struct CountUp(i64);

    impl Generator for CountUp {
        fn next(&mut self, _: u32) -> Option<Operation> {
            self.0 += 1;
            (self.0 <= 300).then(|| Operation { f: "write".into(), key: Value::Nil, value: Value::Int(self.0) })
        }

        fn observe(&mut self, _: u32, _: &Operation, _: &Completion) {}

        fn final_reads(&mut self) -> Vec<Operation> {
            Vec::new()
        }
    }

    /// Answers ok, fail or not at all by the value's remainder.
    struct Moody;

    impl Client for Moody {
        fn invoke<'a>(&'a mut self, operation: &'a Operation) -> Invocation<'a> {
            Box::pin(async move {
                match operation.value.as_int().unwrap() % 10 {
                    0 => std::future::pending().await,
                    1 => Completion::fail(operation, "refused: in a mood"),
                    _ => Completion::ok(operation.value.clone()),
                }
            })
        }
    }

    fn load(path: &std::path::Path, rate: f64) -> Load {
        Load {
            recorder: Arc::new(
                Recorder::create(path, std::time::Instant::now(), &crate::interface::REGISTER, 3, None).unwrap(),
            ),
            generator: Arc::new(Mutex::new(Box::new(CountUp(0)))),
            connect: Arc::new(|_, _| Box::new(Moody)),
            nodes: 3,
            clients: 4,
            stride: 7,
            rate,
            seed: 1,
            deadline: Duration::from_millis(20),
            late: Arc::default(),
        }
    }

    async fn events_of(rate: f64) -> Vec<Event> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.rhist");
        let load = load(&path, rate);
        let (_keep, stop) = watch::channel(false);
        load.run(stop).await;
        load.recorder.finish().unwrap();
        HistoryReader::new(std::fs::File::open(&path).unwrap()).map(|event| event.unwrap()).collect()
    }

    #[tokio::test]
    async fn every_operation_is_completed_and_a_process_is_retired_after_info() {
        for rate in [0.0, 50_000.0] {
            let events = events_of(rate).await;
            assert_eq!(events.len(), 600);
            let infos: Vec<u32> =
                events.iter().filter(|event| event.kind == EventKind::Info).map(|event| event.process).collect();
            assert_eq!(infos.len(), 30);
            for process in infos {
                let last = events.iter().rposition(|event| event.process == process).unwrap();
                assert_eq!(events[last].kind, EventKind::Info, "process {process} went on after an info");
            }
            rashomon_history::History::from_events(events).expect("the events are a history");
        }
    }

    #[tokio::test]
    async fn a_stopped_load_ends_within_a_deadline() {
        let folder = tempfile::tempdir().unwrap();
        let load = load(&folder.path().join("history.rhist"), 1.0);
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(async move { load.run(stopped).await });
        stop.send(true).unwrap();
        tokio::time::timeout(Duration::from_secs(5), running).await.expect("it ends").unwrap();
    }
}
