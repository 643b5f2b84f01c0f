//! One connection to one node, and what its answers say about an operation.
//!
//! The rule that decides whether a history can be trusted: `fail` only when the operation certainly did not happen and
//! never will; whatever else goes wrong is `info`.

use std::net::SocketAddr;

use rashomon_harness::client::{Client, Completion, Invocation, Operation};
use rashomon_history::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// One connection; opened at its first operation and again after it broke.
pub(crate) struct TinyClient {
    address: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
    /// What a key holds that was never written.
    absent: Value,
}

impl TinyClient {
    pub(crate) fn new(address: SocketAddr, absent: Value) -> TinyClient {
        TinyClient { address, connection: None, absent }
    }

    async fn carry_out(&mut self, operation: &Operation) -> Completion {
        let Some(request) = request(operation) else {
            return Completion::fail(operation, format!("unsupported: {} {}", operation.f, operation.value));
        };
        if self.connection.is_none() {
            match TcpStream::connect(self.address).await {
                Ok(connection) => self.connection = Some(BufReader::new(connection)),
                // Nothing was sent.
                Err(error) => return Completion::fail(operation, format!("connect: {error}")),
            }
        }
        match self.ask(&request).await {
            Ok(answer) => self.understand(operation, &answer),
            Err(error) => {
                self.connection = None;
                // A read changes nothing, whether or not it took place.
                let end = if matches!(&*operation.f, "read" | "peak") { Completion::fail } else { Completion::info };
                end(operation, format!("connection: {error}"))
            }
        }
    }

    /// Sends a line and waits for the answer's; for no longer than the deadline that the harness sets.
    pub(crate) async fn ask(&mut self, request: &str) -> std::io::Result<String> {
        let connection = self.connection.as_mut().ok_or(std::io::ErrorKind::NotConnected)?;
        connection.write_all(format!("{request}\n").as_bytes()).await?;
        let mut answer = String::new();
        connection.read_line(&mut answer).await?;
        answer.strip_suffix('\n').map(str::to_owned).ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
    }

    fn understand(&self, operation: &Operation, answer: &str) -> Completion {
        match (answer.split_once(' ').unwrap_or((answer, "")), &*operation.f) {
            (("ok", "nil"), "read" | "peak") => Completion::ok(self.absent.clone()),
            (("ok", value), "read" | "peak") => match value.parse() {
                Ok(value) => Completion::ok(Value::Int(value)),
                Err(_) => Completion::info(operation, format!("garbage: {answer:?}")),
            },
            (("ok", ""), _) => Completion::ok(operation.value.clone()),
            (("no", ""), "cas") => Completion::fail(operation, "compare: the key held another value"),
            (("refused:", why), _) => Completion::fail(operation, format!("refused: {why}")),
            _ => Completion::info(operation, format!("garbage: {answer:?}")),
        }
    }
}

/// The request for an operation of the interfaces `register`, `counter` and `peak`; `None` when it is none of theirs.
fn request(operation: &Operation) -> Option<String> {
    let key = operation.key.as_int()?;
    let number = |value: &Value| value.as_int();
    Some(match (&*operation.f, &operation.value) {
        ("read" | "peak", _) => format!("get {key}"),
        ("write", value) => format!("put {key} {}", number(value)?),
        ("raise", value) => format!("max {key} {}", number(value)?),
        ("add", value) => format!("add {key} {}", number(value)?),
        ("cas", Value::List(pair)) if pair.len() == 2 => format!("cas {key} {} {}", pair[0], number(&pair[1])?),
        _ => return None,
    })
}

impl Client for TinyClient {
    fn invoke<'a>(&'a mut self, operation: &'a Operation) -> Invocation<'a> {
        Box::pin(self.carry_out(operation))
    }
}

/// What a node says of itself.
pub(crate) async fn status(address: SocketAddr) -> std::io::Result<String> {
    let connection = BufReader::new(TcpStream::connect(address).await?);
    TinyClient { address, connection: Some(connection), absent: Value::Nil }.ask("status").await
}
