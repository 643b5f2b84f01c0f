//! Where each message goes: to the program, to another node, to a service, to a client.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rashomon_maelstrom::{Body, Ends, Message, Traffic, services};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::links::{Link, who};
use super::program::{Input, read_line};
use super::{LatencyDistribution, Options};
use crate::start::RunError;

/// In whose name this node asks its program.
const CONTROL: &str = "c0";
/// How long the program may take to answer that.
const CONTROL_ANSWER: Duration = Duration::from_secs(10);
/// Answers that may wait for a client.
const CLIENT_QUEUE: usize = 1024;
/// How often the messages are reported that were counted.
const REPORT_EVERY: Duration = Duration::from_millis(200);
/// The variable that names the node's event channel.
const EVENTS: &str = "RASHOMON_EVENTS";

/// A node, with its ways to everybody.
pub(super) struct Node {
    name: String,
    input: Input,
    links: BTreeMap<String, Link>,
    services: Link,
    clients: Mutex<BTreeMap<String, mpsc::Sender<Vec<u8>>>>,
    /// What this node has asked its program, by number.
    asked: Mutex<BTreeMap<u64, oneshot::Sender<Message>>>,
    traffic: Mutex<Traffic>,
    latency: Latency,
    log_net: bool,
}

struct Latency {
    mean_ms: f64,
    distribution: LatencyDistribution,
    /// State of a generator: SplitMix64 (Steele, Lea and Flood 2014).
    state: Mutex<u64>,
}

impl Latency {
    fn next(&self) -> Duration {
        if self.mean_ms <= 0.0 {
            return Duration::ZERO;
        }
        let mut state = lock(&self.state);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let fraction = ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64;
        let factor = match self.distribution {
            LatencyDistribution::Constant => 1.0,
            LatencyDistribution::Uniform => 2.0 * fraction,
            LatencyDistribution::Exponential => -(1.0 - fraction).ln(),
        };
        Duration::from_secs_f64(self.mean_ms * factor / 1000.0)
    }
}

impl Node {
    /// A node whose program reads this input.
    pub(super) fn new(options: &Options, peers: BTreeMap<String, SocketAddr>, input: Input) -> Arc<Node> {
        let name = options.name.clone();
        Arc::new_cyclic(|node: &std::sync::Weak<Node>| {
            let others = peers.into_iter().filter(|(peer, _)| *peer != name);
            let links = others.map(|(peer, address)| (peer, Link::new(address, &name, |_| {}))).collect();
            let to = node.clone();
            let services = Link::new(options.services, &name, move |line| {
                if let Some(node) = to.upgrade() {
                    node.take(line, Ends::Service);
                }
            });
            let latency = Latency {
                mean_ms: options.latency_ms,
                distribution: options.latency_dist,
                state: Mutex::new(options.seed),
            };
            let (clients, asked, traffic) = Default::default();
            Node { name, input, links, services, clients, asked, traffic, latency, log_net: options.log_net }
        })
    }

    /// Sends what the program has printed; an error is the program's.
    pub(super) fn send(self: &Arc<Node>, message: Message) -> Result<(), String> {
        if self.log_net {
            eprintln!("send {}", String::from_utf8_lossy(&message.line()).trim_end());
        }
        let dest = message.dest.as_str();
        if dest == CONTROL {
            let asked = message.in_reply_to().and_then(|id| lock(&self.asked).remove(&id));
            if let Some(asked) = asked {
                // Whoever asked may have given up.
                let _ = asked.send(message);
            }
            return Ok(());
        }
        let ends = match dest {
            _ if dest == self.name || self.links.contains_key(dest) => Ends::Node,
            _ if services::NAMES.contains(&dest) => Ends::Service,
            _ if is_client(dest) => Ends::Client,
            _ => return Err(format!("there is nobody named `{dest}`")),
        };
        lock(&self.traffic).send(ends);
        let line = message.line();
        match ends {
            Ends::Service => self.services.send(line),
            Ends::Client => match lock(&self.clients).get(dest) {
                // A client that does not read loses what comes.
                Some(client) => drop(client.try_send(line)),
                None => self.services.send(line),
            },
            Ends::Node => match self.links.get(dest) {
                Some(link) => link.send(line),
                None => self.take(line, Ends::Node),
            },
        }
        Ok(())
    }

    /// Gives the program a message that has come for it, a while later if it is from another node or a service.
    fn take(self: &Arc<Node>, mut line: Vec<u8>, ends: Ends) {
        line.push(b'\n');
        let latency = if ends == Ends::Client { Duration::ZERO } else { self.latency.next() };
        if latency.is_zero() {
            return self.give(line, ends);
        }
        let node = self.clone();
        tokio::spawn(async move {
            sleep(latency).await;
            node.give(line, ends);
        });
    }

    fn give(&self, line: Vec<u8>, ends: Ends) {
        if self.log_net {
            eprintln!("recv {}", String::from_utf8_lossy(&line).trim_end());
        }
        lock(&self.traffic).receive(ends);
        self.input.give(line);
    }

    /// Asks the program something that it must answer with a message of this kind.
    pub(super) async fn ask(&self, body: Json, answer: &str) -> Result<(), RunError> {
        let (sender, receiver) = oneshot::channel();
        let id = {
            let mut asked = lock(&self.asked);
            let id = if answer == "init_ok" { 1 } else { 2 };
            asked.insert(id, sender);
            id
        };
        let Json::Object(mut body): Json = body else { return Ok(()) };
        let kind = body.get("type").and_then(Json::as_str).unwrap_or_default().to_owned();
        body.insert("msg_id".to_owned(), id.into());
        self.input.give(Message::new(CONTROL, self.name.clone(), Body::from_iter(body)).line());
        let wrong = |why: String| Err(RunError::Usage(format!("the node program {why}")));
        match timeout(CONTROL_ANSWER, receiver).await {
            Ok(Ok(message)) if message.kind() == answer => Ok(()),
            Ok(Ok(message)) => wrong(format!("answers `{kind}` with {}", Json::Object(message.body))),
            Ok(Err(_)) => wrong(format!("has ended before it answered `{kind}`")),
            Err(_) => wrong(format!("does not answer `{kind}` within {} s", CONTROL_ANSWER.as_secs())),
        }
    }

    /// Takes the connections of other nodes and of clients.
    pub(super) async fn accept(self: Arc<Node>, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(self.clone().serve(stream));
                }
                Err(error) => {
                    eprintln!("WARN cannot accept a connection: {error}");
                    sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }

    /// Takes what comes over a connection, and lets a client's answers go back over it.
    async fn serve(self: Arc<Node>, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let (read, mut write) = stream.into_split();
        let mut read = BufReader::new(read);
        let Ok(Some(hello)) = read_line(&mut read).await else { return };
        let Some(name) = who(&hello) else { return };
        if !is_client(&name) {
            while let Ok(Some(line)) = read_line(&mut read).await {
                if !line.is_empty() {
                    self.take(line, Ends::Node);
                }
            }
            return;
        }
        let (answers, mut queue) = mpsc::channel::<Vec<u8>>(CLIENT_QUEUE);
        lock(&self.clients).insert(name.clone(), answers);
        tokio::spawn(async move {
            while let Some(answer) = queue.recv().await {
                if write.write_all(&answer).await.is_err() {
                    return;
                }
            }
        });
        while let Ok(Some(line)) = read_line(&mut read).await {
            self.take(line, Ends::Client);
        }
        lock(&self.clients).remove(&name);
    }

    /// Reports what was counted on the event channel, if there is one.
    pub(super) async fn report_traffic(self: Arc<Node>) {
        let Some(path) = std::env::var_os(EVENTS) else { return };
        let Ok(mut channel) = OpenOptions::new().append(true).create(true).open(path) else { return };
        loop {
            sleep(REPORT_EVERY).await;
            let counted = std::mem::take(&mut *lock(&self.traffic));
            if counted.is_empty() {
                continue;
            }
            let mut event = Body::from_iter([("event".to_owned(), json!("messages"))]);
            event.extend(
                counted.counts().filter(|(_, count)| *count > 0).map(|(name, count)| (name.to_owned(), json!(count))),
            );
            // What a node does must not depend on whether somebody listens.
            let _ = channel.write_all(format!("{}\n", Json::Object(event)).as_bytes());
        }
    }
}

/// Clients are named `c1`, `c2`, ….
fn is_client(name: &str) -> bool {
    name.strip_prefix('c').is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is a single step, so it is sound even after a panic of another task.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
