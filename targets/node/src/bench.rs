//! A load of closed-loop clients for a running raft-kv cluster; a rough measure, not a checker.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::start::{self, RunError};

/// What to load, how much, how long.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The nodes' client addresses; clients are spread over them
    #[arg(long, value_delimiter = ',', required = true)]
    nodes: Vec<SocketAddr>,
    /// How many clients, each with a connection of its own
    #[arg(long, default_value_t = 64)]
    clients: u64,
    /// How long, s
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How many keys
    #[arg(long, default_value_t = 100)]
    keys: u64,
    /// How many of a hundred operations are reads
    #[arg(long, default_value_t = 50)]
    reads: u64,
}

/// Runs the load and prints what was acknowledged.
pub(crate) fn run(options: Options) -> Result<(), RunError> {
    start::block_on(async {
        let started = Instant::now();
        let end = started + Duration::from_secs(options.seconds);
        let clients: Vec<_> = (0..options.clients)
            .map(|client| {
                let node = options.nodes[client as usize % options.nodes.len()];
                tokio::spawn(run_client(client, node, options.keys.max(1), options.reads, end))
            })
            .collect();
        let (mut ok, mut failed, mut latencies) = (0_u64, 0_u64, Vec::new());
        for client in clients {
            match client.await {
                Ok(Ok(count)) => {
                    ok += count.ok;
                    failed += count.failed;
                    latencies.extend(count.latencies);
                }
                Ok(Err(error)) => eprintln!("a client ended early: {error}"),
                Err(error) => eprintln!("a client died: {error}"),
            }
        }
        latencies.sort_unstable();
        let at = |share: f64| latencies.get((latencies.len() as f64 * share) as usize).copied().unwrap_or_default();
        let rate = ok as f64 / started.elapsed().as_secs_f64();
        println!("{ok} acknowledged, {failed} not, {rate:.0} ops/s, p50 {:?}, p99 {:?}", at(0.5), at(0.99));
        Ok(())
    })
}

struct Count {
    ok: u64,
    failed: u64,
    latencies: Vec<Duration>,
}

async fn run_client(client: u64, node: SocketAddr, keys: u64, reads: u64, end: Instant) -> io::Result<Count> {
    let mut stream = TcpStream::connect(node).await?;
    stream.set_nodelay(true)?;
    let mut count = Count { ok: 0, failed: 0, latencies: Vec::new() };
    let mut buffer = vec![0; 4096];
    let name = format!("bench-{}-{client}", std::process::id());
    let mut seq = 0;
    while Instant::now() < end {
        seq += 1;
        let mixed = (client * 1_000_003 + seq).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
        let key = mixed % keys;
        let request = if (mixed / keys) % 100 < reads {
            format!("GET /register/k{key} HTTP/1.1\r\nhost: n\r\n\r\n")
        } else {
            let body = format!(r#"{{"value":{seq},"client":"{name}","seq":{seq}}}"#);
            format!("PUT /register/k{key} HTTP/1.1\r\nhost: n\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        };
        let begun = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        if read_answer(&mut stream, &mut buffer).await? {
            count.ok += 1;
            count.latencies.push(begun.elapsed());
        } else {
            count.failed += 1;
        }
    }
    Ok(count)
}

/// Reads one answer; true for a status of 200.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<bool> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += read;
        let text = String::from_utf8_lossy(&buffer[..filled]);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned))
            .and_then(|length| length.trim().parse::<usize>().ok())
            .unwrap_or(0);
        if body.len() >= length {
            return Ok(head.starts_with("HTTP/1.1 200"));
        }
    }
}
