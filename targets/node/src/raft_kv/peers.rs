//! Connections between nodes: frames of one encoded message each, one outgoing connection per peer.
//!
//! Messages may be lost: a queue that is full drops, and so does a peer that is not reachable. Raft sends again what
//! matters. No peer waits for another. A connection whose data is not acknowledged for two election timeouts is given
//! up (`TCP_USER_TIMEOUT`) and made anew, so that a partition's end is noticed at once and not when TCP's back-off
//! ends.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use nix::sys::socket::{setsockopt, sockopt};
use rashomon_raft::{Envelope, NodeId};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::driver::Input;

/// What a connection begins with: the protocol and its version.
const PREAMBLE: &[u8; 8] = b"RAFTKV01";

/// Messages that may wait for a peer.
const QUEUE: usize = 1024;

/// Messages are gathered into one write up to this size.
const WRITE_BYTES: usize = 256 << 10;

/// A longer message is not one of ours.
const MESSAGE_BYTES: u32 = 1 << 30;

/// How long to wait between attempts to connect.
const RECONNECT: Duration = Duration::from_millis(50);

/// The outgoing connections.
pub(super) struct Links {
    queues: BTreeMap<NodeId, mpsc::Sender<Bytes>>,
}

impl Links {
    /// Sends a message, or drops it.
    pub(super) fn send(&self, envelope: &Envelope) {
        let Some(queue) = self.queues.get(&envelope.to) else { return };
        if queue.capacity() == 0 {
            return;
        }
        let mut frame = BytesMut::with_capacity(128).writer();
        let start = [0_u8; 4];
        frame.get_mut().put_slice(&start);
        let frame = postcard::to_io(envelope, frame).expect("messages are plain data and always encode");
        let mut frame = frame.into_inner();
        let length = u32::try_from(frame.len() - start.len()).expect("a message is far below 4 GiB");
        frame[..4].copy_from_slice(&length.to_le_bytes());
        // Full or closed: the message is lost, as on any network.
        let _ = queue.try_send(frame.freeze());
    }
}

/// Keeps a connection to every peer.
pub(super) fn connect(own: NodeId, peers: &BTreeMap<NodeId, SocketAddr>, election_timeout_ms: u64) -> Links {
    let queues = peers.iter().filter(|(id, _)| **id != own).map(|(id, address)| {
        let (sender, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(keep_connected(*address, receiver, Duration::from_millis(election_timeout_ms)));
        (*id, sender)
    });
    Links { queues: queues.collect() }
}

async fn keep_connected(address: SocketAddr, mut queue: mpsc::Receiver<Bytes>, election_timeout: Duration) {
    loop {
        if let Ok(Ok(stream)) = timeout(election_timeout, TcpStream::connect(address)).await
            && prepare(&stream, election_timeout * 2).is_ok()
        {
            // What waited while there was no connection is old news.
            while queue.try_recv().is_ok() {}
            if matches!(send_all(stream, &mut queue).await, Ok(())) {
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
async fn send_all(stream: TcpStream, queue: &mut mpsc::Receiver<Bytes>) -> io::Result<()> {
    let (mut reader, mut writer) = stream.into_split();
    let mut buffer = BytesMut::with_capacity(WRITE_BYTES);
    buffer.put_slice(PREAMBLE);
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

/// Takes the connections of peers.
pub(super) async fn accept(listener: TcpListener, inputs: mpsc::Sender<Input>) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                let inputs = inputs.clone();
                tokio::spawn(async move {
                    if let Err(error) = receive_all(stream, inputs).await
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

async fn receive_all(stream: TcpStream, inputs: mpsc::Sender<Input>) -> io::Result<()> {
    // A peer that vanished behind a partition and came back on another connection leaves this one silent for ever.
    setsockopt(&stream, sockopt::KeepAlive, &true)?;
    setsockopt(&stream, sockopt::TcpKeepIdle, &5)?;
    setsockopt(&stream, sockopt::TcpKeepInterval, &1)?;
    setsockopt(&stream, sockopt::TcpKeepCount, &3)?;
    let mut reader = BufReader::with_capacity(64 << 10, stream);
    let mut preamble = [0; PREAMBLE.len()];
    reader.read_exact(&mut preamble).await?;
    if preamble != *PREAMBLE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not a raft-kv node of this version"));
    }
    let mut payload = Vec::new();
    loop {
        let length = reader.read_u32_le().await?;
        if length > MESSAGE_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message longer than any"));
        }
        payload.resize(length as usize, 0);
        reader.read_exact(&mut payload).await?;
        let envelope = postcard::from_bytes(&payload).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("a message does not decode: {error}"))
        })?;
        if inputs.send(Input::Message(envelope)).await.is_err() {
            return Ok(());
        }
    }
}
