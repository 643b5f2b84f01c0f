//! The services, where the clients are; and the mailboxes of clients for answers that come from other nodes than
//! theirs.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rashomon_harness::draw::{Draw, Stream};
use rashomon_maelstrom::{LONGEST_LINE, Message, Services};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Answers that may wait for a client.
const WAITING: usize = 64;

/// The clients that are connected somewhere, by name.
#[derive(Default)]
pub(super) struct Mailboxes(Mutex<BTreeMap<String, mpsc::Sender<Message>>>);

impl Mailboxes {
    /// The mailbox of a process; processes are numbered from 0, and clients named from `c1`.
    pub(super) fn open(self: &Arc<Mailboxes>, session: u64) -> Mailbox {
        let name = format!("c{}", session + 1);
        let (sender, receiver) = mpsc::channel(WAITING);
        lock(&self.0).insert(name.clone(), sender);
        Mailbox { name, receiver, of: self.clone() }
    }

    fn deliver(&self, message: Message) {
        if let Some(mailbox) = lock(&self.0).get(&message.dest) {
            // A client that asked for nothing does not read.
            let _ = mailbox.try_send(message);
        }
    }
}

/// What comes for a client over other nodes.
pub(super) struct Mailbox {
    name: String,
    receiver: mpsc::Receiver<Message>,
    of: Arc<Mailboxes>,
}

impl Mailbox {
    /// The client's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The next message.
    pub(super) async fn next(&mut self) -> Message {
        match self.receiver.recv().await {
            Some(message) => message,
            // The sender lives as long as the mailbox is open.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        lock(&self.of.0).remove(&self.name);
    }
}

/// Offers the services on this port, from now on.
pub(super) fn serve(port: u16, seed: u64, mailboxes: Arc<Mailboxes>) -> io::Result<()> {
    let listener = std::net::TcpListener::bind(("0.0.0.0", port))?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let offered = Arc::new(Offered {
        services: Mutex::new((Services::default(), Draw::numbered(seed, Stream::Generator, u32::MAX))),
        mailboxes,
    });
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(offered.clone().answer(stream));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    });
    Ok(())
}

struct Offered {
    services: Mutex<(Services, Draw)>,
    mailboxes: Arc<Mailboxes>,
}

impl Offered {
    /// Answers a node until it closes its connection.
    async fn answer(self: Arc<Offered>, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        // The first line says which node it is; messages say it, too.
        while let Ok(read) = (&mut stream).take(LONGEST_LINE as u64).read_until(b'\n', &mut line).await {
            if read == 0 || !line.ends_with(b"\n") {
                return;
            }
            let message = Message::read(&line);
            line.clear();
            let Ok(message) = message else { continue };
            let answer = {
                let (services, draw) = &mut *lock(&self.services);
                services.answer(&message, &mut |bound| draw.below(bound))
            };
            match answer {
                Some(answer) => {
                    if stream.write_all(&answer.line()).await.is_err() {
                        return;
                    }
                }
                None => self.mailboxes.deliver(message),
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is a single step, so it is sound even after a panic of another task.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
