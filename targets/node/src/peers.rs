//! Connections between nodes: frames of one encoded message each, one outgoing connection per peer.
//!
//! Messages may be lost: a queue that is full drops, and so does a peer that is not reachable. The protocols send again
//! what matters. No peer waits for another. A connection whose data is not acknowledged for twice the protocol's
//! patience is given up (`TCP_USER_TIMEOUT`) and made anew, so that a partition's end is noticed at once and not when
//! TCP's back-off ends.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use nix::sys::socket::{setsockopt, sockopt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::start::NodeId;

/// What a connection begins with: the protocol and its version.
pub(crate) type Preamble = [u8; 8];

/// Messages that may wait for a peer.
const QUEUE: usize = 1024;

/// Messages are gathered into one write up to this size.
const WRITE_BYTES: usize = 256 << 10;

/// A longer message is not one of ours.
const MESSAGE_BYTES: u32 = 1 << 30;

/// How long to wait between attempts to connect.
const RECONNECT: Duration = Duration::from_millis(50);

/// The outgoing connections.
pub(crate) struct Links {
    queues: BTreeMap<NodeId, mpsc::Sender<Bytes>>,
}

impl Links {
    /// Sends a message, or drops it.
    pub(crate) fn send(&self, to: NodeId, message: &impl Serialize) {
        let Some(queue) = self.queues.get(&to) else { return };
        if queue.capacity() == 0 {
            return;
        }
        let mut frame = BytesMut::with_capacity(128).writer();
        let start = [0_u8; 4];
        frame.get_mut().put_slice(&start);
        let frame = postcard::to_io(message, frame).expect("messages are plain data and always encode");
        let mut frame = frame.into_inner();
        let length = u32::try_from(frame.len() - start.len()).expect("a message is far below 4 GiB");
        frame[..4].copy_from_slice(&length.to_le_bytes());
        // Full or closed: the message is lost, as on any network.
        let _ = queue.try_send(frame.freeze());
    }
}

/// Keeps a connection to every peer. `patience` is how long the protocol misses a silent peer before it reacts.
pub(crate) fn connect(
    own: NodeId,
    peers: &BTreeMap<NodeId, SocketAddr>,
    preamble: Preamble,
    patience: Duration,
) -> Links {
    let queues = peers.iter().filter(|(id, _)| **id != own).map(|(id, address)| {
        let (sender, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(keep_connected(*address, receiver, preamble, patience));
        (*id, sender)
    });
    Links { queues: queues.collect() }
}

async fn keep_connected(address: SocketAddr, mut queue: mpsc::Receiver<Bytes>, preamble: Preamble, patience: Duration) {
    loop {
        if let Ok(Ok(stream)) = timeout(patience, TcpStream::connect(address)).await
            && prepare(&stream, patience * 2).is_ok()
        {
            // What waited while there was no connection is old news.
            while queue.try_recv().is_ok() {}
            if matches!(send_all(stream, preamble, &mut queue).await, Ok(())) {
                return;
            }
        }
        sleep(RECONNECT).await;
    }
}

fn prepare(stream: &TcpStream, give_up_after: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let milliseconds = u32::try_from(give_up_after.as_millis()).unwrap_or(u32::MAX);
    setsockopt(stream, sockopt::TcpUserTimeout, &milliseconds)?;
    Ok(())
}

/// Ends with `Ok` when the node stops.
async fn send_all(stream: TcpStream, preamble: Preamble, queue: &mut mpsc::Receiver<Bytes>) -> io::Result<()> {
    let (mut reader, mut writer) = stream.into_split();
    let mut buffer = BytesMut::with_capacity(WRITE_BYTES);
    buffer.put_slice(&preamble);
    let mut closed = [0_u8; 1];
    loop {
        writer.write_all(&buffer).await?;
        buffer.clear();
        tokio::select! {
            frame = queue.recv() => match frame {
                Some(frame) => buffer.put_slice(&frame),
                None => return Ok(()),
            },
            // A peer never writes here; this ends when it closed the connection or died.
            _ = reader.read(&mut closed) => return Err(io::ErrorKind::ConnectionReset.into()),
        }
        while buffer.len() < WRITE_BYTES {
            match queue.try_recv() {
                Ok(frame) => buffer.put_slice(&frame),
                Err(_) => break,
            }
        }
    }
}

/// Takes the connections of peers; what they say goes to `inputs` as `input` makes it.
pub(crate) async fn accept<M, I>(
    listener: TcpListener,
    preamble: Preamble,
    inputs: mpsc::Sender<I>,
    input: impl Fn(M) -> I + Copy + Send + 'static,
) where
    M: DeserializeOwned,
    I: Send + 'static,
{
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                let inputs = inputs.clone();
                tokio::spawn(async move {
                    if let Err(error) = receive_all(stream, preamble, inputs, input).await
                        && error.kind() == io::ErrorKind::InvalidData
                    {
                        eprintln!("ERROR peers: closes a connection from={from} why={error}");
                    }
                });
            }
            Err(error) => {
                eprintln!("WARN peers: cannot accept a connection why={error}");
                sleep(RECONNECT).await;
            }
        }
    }
}

async fn receive_all<M: DeserializeOwned, I>(
    stream: TcpStream,
    preamble: Preamble,
    inputs: mpsc::Sender<I>,
    input: impl Fn(M) -> I,
) -> io::Result<()> {
    // A peer that vanished behind a partition and came back on another connection leaves this one silent for ever.
    setsockopt(&stream, sockopt::KeepAlive, &true)?;
    setsockopt(&stream, sockopt::TcpKeepIdle, &5)?;
    setsockopt(&stream, sockopt::TcpKeepInterval, &1)?;
    setsockopt(&stream, sockopt::TcpKeepCount, &3)?;
    let mut reader = BufReader::with_capacity(64 << 10, stream);
    let mut greeting = Preamble::default();
    reader.read_exact(&mut greeting).await?;
    if greeting != preamble {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not a node of this target and version"));
    }
    let mut payload = Vec::new();
    loop {
        let length = reader.read_u32_le().await?;
        if length > MESSAGE_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message longer than any"));
        }
        payload.resize(length as usize, 0);
        reader.read_exact(&mut payload).await?;
        let message = postcard::from_bytes(&payload).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("a message does not decode: {error}"))
        })?;
        if inputs.send(input(message)).await.is_err() {
            return Ok(());
        }
    }
}
