//! Connections to other nodes and to the services: a queue of lines for each, which are lost while nobody is reached.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::program::read_line;

/// Messages that may wait for a node; further ones are lost.
const QUEUE: usize = 16_384;
/// How long to wait for a connection, and for what was sent to be acknowledged.
const PATIENCE: Duration = Duration::from_millis(500);
/// A line that says nothing. It goes over every link all the time, also where programs have nothing to say: a partition
/// must meet packets to be proved, and its end is noticed at once.
const PING: &[u8] = b"\n";
const PING_EVERY: Duration = Duration::from_millis(200);

/// The way to a node or to the services.
#[derive(Clone, Debug)]
pub(super) struct Link(mpsc::Sender<Vec<u8>>);

impl Link {
    /// A way to this address, where this node gives its name. What comes back goes to `take`.
    pub(super) fn new(to: SocketAddr, name: &str, take: impl Fn(Vec<u8>) + Send + Sync + 'static) -> Link {
        let (sender, queue) = mpsc::channel(QUEUE);
        let hello = hello(name);
        tokio::spawn(carry(to, hello, queue, take));
        Link(sender)
    }

    /// Sends a line, or loses it.
    pub(super) fn send(&self, line: Vec<u8>) {
        // Full: the message is lost, as on any network.
        let _ = self.0.try_send(line);
    }
}

/// What a connection begins with: who is there.
fn hello(name: &str) -> Vec<u8> {
    format!("{}\n", serde_json::json!({ "hello": name })).into_bytes()
}

/// Who is there, by what a connection begins with.
pub(super) fn who(hello: &[u8]) -> Option<String> {
    let hello: serde_json::Value = serde_json::from_slice(hello).ok()?;
    Some(hello.get("hello")?.as_str()?.to_owned())
}

/// A connection: where to write, and what says that it is closed.
struct Connection {
    write: OwnedWriteHalf,
    closed: oneshot::Receiver<()>,
}

async fn carry<T>(to: SocketAddr, hello: Vec<u8>, mut queue: mpsc::Receiver<Vec<u8>>, take: T)
where
    T: Fn(Vec<u8>) + Send + Sync + 'static,
{
    let take = Arc::new(take);
    let mut connection: Option<Connection> = None;
    let mut pings = interval(PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let closed = async {
            match &mut connection {
                Some(open) => drop((&mut open.closed).await),
                None => std::future::pending().await,
            }
        };
        let line = tokio::select! {
            line = queue.recv() => line,
            () = closed => {
                connection = None;
                continue;
            }
            _ = pings.tick() => Some(PING.to_vec()),
        };
        let Some(line) = line else { return };
        if connection.is_none() {
            connection = connect(to, &hello, take.clone()).await;
        }
        let sent = match &mut connection {
            Some(open) => timeout(PATIENCE, open.write.write_all(&line)).await.is_ok_and(|sent| sent.is_ok()),
            None => false,
        };
        if !sent {
            connection = None;
            // What was sent while nobody was reached is lost.
            while queue.try_recv().is_ok() {}
        }
    }
}

async fn connect<T>(to: SocketAddr, hello: &[u8], take: Arc<T>) -> Option<Connection>
where
    T: Fn(Vec<u8>) + Send + Sync + 'static,
{
    let mut stream = timeout(PATIENCE, TcpStream::connect(to)).await.ok()?.ok()?;
    let _ = stream.set_nodelay(true);
    // Without it a connection lives on for minutes, and after a partition what was sent in it arrives.
    let _ = setsockopt(&stream, sockopt::TcpUserTimeout, &(PATIENCE.as_millis() as u32));
    stream.write_all(hello).await.ok()?;
    let (read, write) = stream.into_split();
    let (close, closed) = oneshot::channel();
    tokio::spawn(async move {
        let mut read = BufReader::new(read);
        while let Ok(Some(line)) = read_line(&mut read).await {
            take(line);
        }
        drop(close);
    });
    Some(Connection { write, closed })
}
