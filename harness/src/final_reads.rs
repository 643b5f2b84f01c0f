//! The final reads: what every node says once the load is over and every fault is healed.
//!
//! Where a target promises linearizability one round is enough. Where it promises less, replicas have a bound to agree
//! within, so rounds of reads are repeated until all nodes answer alike, or a round that began after the bound has
//! shown that they do not. Where they agreed sooner, everything is read once more after the bound: only then is what
//! they agree on final, so that a write that is missing is lost and not on its way. Where nodes may err for a while
//! without being wrong ([`Interface::may_err`]), those that are apart at the bound are watched for some time more.
//! Every read is recorded like any other; the judgement belongs to the checkers.

use std::sync::Arc;
use std::time::Duration;

use rashomon_history::{Outcome, Value};
use rashomon_runs::Convergence;

use crate::client::{Client, Operation};
use crate::interface::Interface;
use crate::load::Load;

/// How long the final reads may take in all, beyond the time that replicas have to agree: this, and so much for each
/// object.
const LIMIT: Duration = Duration::from_secs(15);
const LIMIT_EACH: Duration = Duration::from_millis(10);
/// How long a node that refused a final read is left alone.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);
/// How long nodes that may err are watched after the bound.
const WATCHED: Duration = Duration::from_secs(6);
/// The pause after the first round that found nodes apart, and the longest one: each is twice the one before.
const APART_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// How many objects on which nodes differ are named.
const APART_NAMED: usize = 20;

/// What replicas that may differ for a while are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Agreement {
    /// What the answers mean.
    pub interface: &'static Interface,
    /// Since when nothing was updated and every fault was healed, ns on the run's clock.
    pub quiet_since_ns: u64,
    /// How long after that they may still differ.
    pub bound: Duration,
}

/// Reads through every node what the workload wants to be read last, once. False when not every read was answered in
/// time.
pub async fn read_once(load: &Load) -> bool {
    let mut reads = Reads::new(load);
    let all: Vec<usize> = (0..reads.operations.len()).collect();
    tokio::time::timeout(limit(&reads), reads.round(load, &all)).await.is_ok()
}

/// Reads through every node until all answer alike, or until the bound has passed and they still do not; and once after
/// the bound.
pub async fn read_until_alike(load: &Load, agreement: Agreement) -> Convergence {
    let mut reads = Reads::new(load);
    let mut convergence = Convergence {
        bound_ns: agreement.bound.as_nanos() as u64,
        rounds: 0,
        after_ns: None,
        apart: Vec::new(),
        complete: false,
    };
    let limit = agreement.bound + limit(&reads);
    let rounds = repeat(load, agreement, &mut reads, &mut convergence);
    convergence.complete = tokio::time::timeout(limit, rounds).await.is_ok();
    convergence
}

fn limit(reads: &Reads) -> Duration {
    LIMIT + LIMIT_EACH * reads.operations.len() as u32
}

/// Rounds of reads: only of those objects on which nodes were apart, and of all of them once they are not any more.
async fn repeat(load: &Load, agreement: Agreement, reads: &mut Reads, convergence: &mut Convergence) {
    let bound_ns = agreement.quiet_since_ns + convergence.bound_ns;
    let watched_ns = bound_ns + if agreement.interface.may_err { WATCHED.as_nanos() as u64 } else { 0 };
    let all: Vec<usize> = (0..reads.operations.len()).collect();
    let mut asked = all.clone();
    let mut agreed_at: Vec<Option<u64>> = vec![None; all.len()];
    let mut pause = APART_PAUSE.0;
    loop {
        let began_ns = load.recorder.now_ns();
        let answers = reads.round(load, &asked).await;
        convergence.rounds += 1;
        for (at, &object) in asked.iter().enumerate() {
            let answered = || answers.iter().map(|of_node| &of_node[at]);
            let first = agreement.interface.canonical(&answers[0][at].value);
            let alike = answered().all(|answer| agreement.interface.canonical(&answer.value) == first);
            let latest_ns = answered().map(|answer| answer.at_ns).max();
            agreed_at[object] = if alike { agreed_at[object].or(latest_ns) } else { None };
        }
        let apart: Vec<usize> = all.iter().copied().filter(|&object| agreed_at[object].is_none()).collect();
        let name = |&object: &usize| reads.operations[object].key.to_string();
        convergence.apart = apart.iter().take(APART_NAMED).map(name).collect();
        let all_agree = apart.is_empty() && asked.len() == all.len();
        convergence.after_ns = all_agree.then(|| {
            let last = agreed_at.iter().flatten().max().copied().unwrap_or(agreement.quiet_since_ns);
            last.saturating_sub(agreement.quiet_since_ns)
        });
        if apart.is_empty() && !all_agree {
            // What agreed in an earlier round may have come apart since.
            asked.clone_from(&all);
            continue;
        }
        let end_ns = if began_ns <= bound_ns { bound_ns } else { watched_ns };
        if began_ns > end_ns || began_ns > bound_ns && all_agree {
            return;
        }
        let until_end = Duration::from_nanos(end_ns.saturating_sub(load.recorder.now_ns()) + 1_000_000);
        if all_agree {
            tokio::time::sleep(until_end).await;
            continue;
        }
        tokio::time::sleep(pause.min(until_end)).await;
        pause = (pause * 2).min(APART_PAUSE.1);
        asked = apart;
    }
}

/// The final reads and who carries them out.
struct Reads {
    operations: Arc<[Operation]>,
    readers: Vec<Reader>,
}

/// What one node answered to one read.
struct Answer {
    value: Value,
    at_ns: u64,
}

impl Reads {
    fn new(load: &Load) -> Reads {
        let operations = load.generator.lock().expect("a generator does not panic").final_reads();
        let readers = (1..=load.nodes).map(|node| Reader::new(load, node)).collect();
        Reads { operations: operations.into(), readers }
    }

    /// The answers of every node (in order) to the chosen reads.
    async fn round(&mut self, load: &Load, chosen: &[usize]) -> Vec<Vec<Answer>> {
        let operations = &self.operations;
        let readers = self.readers.iter_mut().map(|reader| async move {
            let mut answers = Vec::with_capacity(chosen.len());
            for &object in chosen {
                answers.push(reader.read(load, &operations[object]).await);
            }
            answers
        });
        futures_util::future::join_all(readers).await
    }
}

/// One process after another that reads through one node.
struct Reader {
    node: u16,
    process: u32,
    connection: Box<dyn Client>,
}

impl Reader {
    fn new(load: &Load, node: u16) -> Reader {
        let process = load.clients + u32::from(node) - 1;
        Reader { node, process, connection: (load.connect)(process, node) }
    }

    /// Repeats a read (as a new operation) until it is answered.
    async fn read(&mut self, load: &Load, operation: &Operation) -> Answer {
        loop {
            let completion = load.invoke(&mut *self.connection, self.process, self.node, operation).await;
            match completion.outcome {
                Outcome::Ok => return Answer { value: completion.value, at_ns: load.recorder.now_ns() },
                Outcome::Fail => tokio::time::sleep(REFUSED_PAUSE).await,
                Outcome::Info => {
                    self.process = self.process.wrapping_add(load.stride);
                    self.connection = (load.connect)(self.process, self.node);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Instant;

    use super::*;
    use crate::client::{Completion, Invocation};
    use crate::recorder::Recorder;
    use crate::workload::Generator;

    /// Nothing but two final reads.
    struct TwoSets;

    impl Generator for TwoSets {
        fn next(&mut self, _: u32) -> Option<Operation> {
            None
        }

        fn observe(&mut self, _: u32, _: &Operation, _: &Completion) {}

        fn final_reads(&mut self) -> Vec<Operation> {
            let read = |key| Operation { f: "read".into(), key: Value::Int(key), value: Value::Nil };
            vec![read(1), read(2)]
        }
    }

    /// Node 2 lacks an element of the second set until it has been asked so many times.
    struct Replica {
        node: u16,
        asked: Arc<AtomicU64>,
        lacking: u64,
    }

    impl Client for Replica {
        fn invoke<'a>(&'a mut self, operation: &'a Operation) -> Invocation<'a> {
            let mut elements = if self.node == 1 { [1, 2].to_vec() } else { [2, 1].to_vec() };
            if self.node == 2 && operation.key == Value::Int(2) {
                let times = self.asked.fetch_add(1, Ordering::Relaxed);
                if times < self.lacking {
                    elements.pop();
                }
            }
            Box::pin(async move { Completion::ok(Value::list(elements.into_iter().map(Value::Int))) })
        }
    }

    fn load(folder: &tempfile::TempDir, lacking: u64) -> Load {
        let path = folder.path().join("history.rhist");
        let asked = Arc::new(AtomicU64::new(0));
        Load {
            recorder: Arc::new(Recorder::create(&path, Instant::now(), &crate::interface::REGISTER, 2, None).unwrap()),
            generator: Arc::new(Mutex::new(Box::new(TwoSets))),
            connect: Arc::new(move |_, node| Box::new(Replica { node, asked: asked.clone(), lacking })),
            nodes: 2,
            clients: 1,
            stride: 3,
            rate: 0.0,
            seed: 1,
            deadline: Duration::from_millis(100),
            late: Arc::default(),
        }
    }

    async fn converge(lacking: u64, bound_ms: u64) -> (Convergence, [u64; 3]) {
        converge_as(&crate::interface::SET, lacking, bound_ms).await
    }

    async fn converge_as(interface: &'static Interface, lacking: u64, bound_ms: u64) -> (Convergence, [u64; 3]) {
        let folder = tempfile::tempdir().unwrap();
        let load = load(&folder, lacking);
        let bound = Duration::from_millis(bound_ms);
        let agreement = Agreement { interface, quiet_since_ns: 0, bound };
        let convergence = read_until_alike(&load, agreement).await;
        let totals = load.recorder.with_tally(|tally| tally.totals());
        load.recorder.finish().unwrap();
        (convergence, totals)
    }

    #[tokio::test]
    async fn what_agrees_at_once_in_whatever_order_is_read_once_more_after_the_bound() {
        let (convergence, totals) = converge(0, 200).await;
        assert_eq!((convergence.rounds, totals), (2, [4 + 4, 0, 0]));
        assert!(convergence.complete && convergence.apart.is_empty());
        assert!(convergence.after_ns.is_some_and(|after_ns| after_ns < 200_000_000), "{convergence:?}");
    }

    #[tokio::test]
    async fn what_was_apart_is_read_again_and_everything_once_more_in_the_end() {
        let (convergence, totals) = converge(2, 1000).await;
        // All, the second set twice more, all again, all after the bound.
        assert_eq!((convergence.rounds, totals), (5, [4 + 2 + 2 + 4 + 4, 0, 0]));
        assert!(convergence.complete && convergence.apart.is_empty());
        // Two pauses were needed.
        assert!(convergence.after_ns.unwrap() >= 150_000_000, "{convergence:?}");
    }

    #[tokio::test]
    async fn replicas_that_stay_apart_are_read_once_more_after_the_bound() {
        let (convergence, _) = converge(u64::MAX, 120).await;
        assert!(convergence.complete && convergence.after_ns.is_none());
        assert_eq!(convergence.apart, ["2"]);
        assert!(convergence.rounds >= 3);
    }

    #[tokio::test]
    async fn nodes_that_may_err_are_watched_after_the_bound_until_they_agree() {
        // They agree when asked for the seventh time, after more than 1.5 s of pauses.
        let (convergence, _) = converge_as(&crate::interface::MEMBERS, 6, 200).await;
        assert!(convergence.complete && convergence.apart.is_empty(), "{convergence:?}");
        assert!(convergence.after_ns.is_some_and(|after_ns| after_ns > 200_000_000), "{convergence:?}");
        let (convergence, _) = converge_as(&crate::interface::SET, 6, 200).await;
        assert_eq!(convergence.apart, ["2"]);
    }

    /// Never answers.
    struct Silent;

    impl Client for Silent {
        fn invoke<'a>(&'a mut self, _: &'a Operation) -> Invocation<'a> {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nodes_that_never_answer_end_it_at_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let mut load = load(&folder, 0);
        load.connect = Arc::new(|_, _| Box::new(Silent));
        let agreement =
            Agreement { interface: &crate::interface::SET, quiet_since_ns: 0, bound: Duration::from_secs(5) };
        let began = tokio::time::Instant::now();
        let convergence = read_until_alike(&load, agreement).await;
        assert!(!convergence.complete && convergence.after_ns.is_none() && convergence.rounds == 0);
        assert!(began.elapsed() < Duration::from_secs(21));
        assert!(!read_once(&load).await);
        load.recorder.finish().unwrap();
    }
}
