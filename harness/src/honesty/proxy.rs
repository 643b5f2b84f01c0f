//! A proxy in front of a healthy server that counts what crosses it and spoils answers on demand.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long the server may take to answer a request whose answer is to be spoiled.
const ANSWER_WITHIN: Duration = Duration::from_millis(700);
/// What is no answer in any protocol.
const GARBAGE: &[u8] = b"\x00\xff\x17 this is no answer \xfe\r\n\r\n";

/// What the proxy does to the next request that it gets; once, then it passes everything on again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// Nothing.
    None,
    /// Accepts a connection, and resets it at once.
    ResetOnAccept,
    /// Lets the server execute the request, and resets the connection in the place of an answer.
    ResetAfterRequest,
    /// The same, with an orderly end of the connection.
    CloseAfterRequest,
    /// Resets the connection without showing the request to the server.
    ResetUnseen,
    /// Lets the server execute the request, and answers garbage.
    Garbage,
    /// Lets the server execute the request, and holds its answer back until it is told to let it go.
    Hold,
}

/// What crossed the proxy during an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections that were made.
    pub connections: u64,
    /// Connections that carried bytes to the server, new or not.
    pub carrying: u64,
}

/// A running proxy.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    server: SocketAddr,
    state: Mutex<State>,
    /// Connections of an older generation end.
    generation: watch::Sender<u64>,
    /// Held answers go on.
    holding: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    next: Option<Disturbance>,
    /// Counts operations.
    operation: u64,
    traffic: Traffic,
}

impl Proxy {
    /// Starts a proxy on a loopback address of its own, on the server's port.
    ///
    /// # Errors
    ///
    /// When the port cannot be listened on.
    pub async fn start(server: SocketAddr) -> io::Result<Proxy> {
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for host in 2..32 {
            let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, host), server.port()));
            match TcpListener::bind(address).await {
                Ok(listener) => return Ok(Proxy::on(listener, address, server)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn on(listener: TcpListener, address: SocketAddr, server: SocketAddr) -> Proxy {
        let shared = Arc::new(Shared {
            server,
            state: Mutex::default(),
            generation: watch::Sender::new(0),
            holding: watch::Sender::new(false),
        });
        let accepted = shared.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(stream, accepted.clone()));
            }
        });
        Proxy { address, shared, accepting }
    }

    /// Where clients connect.
    pub fn ip(&self) -> Ipv4Addr {
        match self.address {
            SocketAddr::V4(address) => *address.ip(),
            SocketAddr::V6(_) => Ipv4Addr::LOCALHOST,
        }
    }

    /// Spoils the next request in this way.
    pub fn disturb_next(&self, how: Disturbance) {
        self.shared.lock().next = Some(how).filter(|how| *how != Disturbance::None);
        self.shared.holding.send_replace(how == Disturbance::Hold);
    }

    /// Lets held answers go.
    pub fn let_go(&self) {
        self.shared.holding.send_replace(false);
    }

    /// Closes all connections.
    pub fn close_all(&self) {
        self.shared.generation.send_modify(|generation| *generation += 1);
    }

    /// A new operation begins; what follows is counted for it.
    pub fn begin_operation(&self) {
        let mut state = self.shared.lock();
        state.operation += 1;
        state.traffic = Traffic::default();
    }

    /// What has crossed since then.
    pub fn traffic(&self) -> Traffic {
        self.shared.lock().traffic
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.close_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the disturbance, if it is this kind.
    fn take(&self, wanted: impl Fn(Disturbance) -> bool) -> Disturbance {
        let next = &mut self.lock().next;
        match *next {
            Some(how) if wanted(how) => next.take().unwrap_or(Disturbance::None),
            _ => Disturbance::None,
        }
    }
}

/// Carries one connection until it ends, is spoiled, or all are closed.
async fn carry(mut client: TcpStream, shared: Arc<Shared>) {
    shared.lock().traffic.connections += 1;
    if shared.take(|how| how == Disturbance::ResetOnAccept) != Disturbance::None {
        return reset(&client);
    }
    let Ok(mut server) = TcpStream::connect(shared.server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let mut closed = shared.generation.subscribe();
    tokio::select! {
        _ = closed.changed() => {}
        () = exchange(&mut client, &mut server, &shared) => {}
    }
}

async fn exchange(client: &mut TcpStream, server: &mut TcpStream, shared: &Shared) {
    let (mut request, mut answer) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    // The operation for which this connection was counted last.
    let mut counted = None;
    loop {
        tokio::select! {
            read = client.read(&mut request) => {
                let Ok(length @ 1..) = read else { return };
                {
                    let mut state = shared.lock();
                    if counted != Some(state.operation) {
                        counted = Some(state.operation);
                        state.traffic.carrying += 1;
                    }
                }
                let how = shared.take(|how| how != Disturbance::ResetOnAccept);
                if how == Disturbance::ResetUnseen {
                    return reset(client);
                }
                if server.write_all(&request[..length]).await.is_err() {
                    return;
                }
                if how != Disturbance::None && !spoil(how, client, server, shared).await {
                    return;
                }
            }
            read = server.read(&mut answer) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&answer[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Waits until the server begins to answer, passing on what is left of the request, and spoils the answer. False when
/// the connection is over.
async fn spoil(how: Disturbance, client: &mut TcpStream, server: &mut TcpStream, shared: &Shared) -> bool {
    let (mut rest, mut answer) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let answered = async {
        loop {
            tokio::select! {
                read = client.read(&mut rest) => match read {
                    Ok(length @ 1..) if server.write_all(&rest[..length]).await.is_ok() => {}
                    _ => return 0,
                },
                read = server.read(&mut answer) => return read.unwrap_or(0),
            }
        }
    };
    let length = tokio::time::timeout(ANSWER_WITHIN, answered).await.unwrap_or(0);
    match how {
        Disturbance::ResetAfterRequest => reset(client),
        Disturbance::Garbage => {
            let _ = client.write_all(GARBAGE).await;
        }
        Disturbance::Hold => {
            let mut holding = shared.holding.subscribe();
            let let_go = holding.wait_for(|holding| !holding).await.is_ok();
            return let_go && length > 0 && client.write_all(&answer[..length]).await.is_ok();
        }
        _ => {}
    }
    false
}

/// Closes with a reset in the place of an end.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}
