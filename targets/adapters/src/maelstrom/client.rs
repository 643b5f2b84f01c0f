//! A client of a Maelstrom node: one message a request, one answer, over one connection.
//!
//! `ok` for an answer that is understood; `fail` where the request never left, or the node answers with an error that
//! is definite; `info` for everything else. A read has no effect, so a read without an answer is `fail` too.

use std::net::SocketAddr;

use rashomon_harness::client::{Client, Completion, Invocation, Operation};
use rashomon_history::Value;
use rashomon_maelstrom::{Body, Code, LONGEST_LINE, Message, is_definite};
use serde_json::Value as Json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::kinds::Function;
use super::services::Mailbox;

/// One process's connection to one node.
pub(super) struct MaelstromClient {
    functions: &'static [Function],
    address: SocketAddr,
    node: String,
    connection: Option<BufReader<TcpStream>>,
    /// What comes over other nodes.
    mailbox: Mailbox,
    last_id: u64,
}

/// Why there is no answer.
struct Unanswered {
    /// The request may have reached the node.
    sent: bool,
    why: String,
}

impl MaelstromClient {
    pub(super) fn new(
        functions: &'static [Function],
        address: SocketAddr,
        node: String,
        mailbox: Mailbox,
    ) -> MaelstromClient {
        MaelstromClient { functions, address, node, connection: None, mailbox, last_id: 0 }
    }

    async fn carry_out(&mut self, operation: &Operation) -> Completion {
        let Some(function) = self.functions.iter().find(|function| function.f == &*operation.f) else {
            return Completion::fail(operation, format!("unsupported: there is no `{}`", operation.f));
        };
        let Some(Json::Object(body)) = (function.request)(operation) else {
            return Completion::fail(operation, format!("unsupported: `{}` of {}", operation.f, operation.value));
        };
        match self.ask(body).await {
            Ok(answer) => understand(function, operation, &answer),
            Err(unanswered) => {
                // Whatever comes late over this connection is for nobody.
                self.connection = None;
                if !unanswered.sent || function.reads {
                    Completion::fail(operation, unanswered.why)
                } else {
                    Completion::info(operation, unanswered.why)
                }
            }
        }
    }

    async fn ask(&mut self, mut body: Body) -> Result<Message, Unanswered> {
        self.last_id += 1;
        let id = self.last_id;
        body.insert("msg_id".to_owned(), id.into());
        let request = Message::new(self.mailbox.name(), self.node.clone(), body).line();
        let failed =
            |sent: bool| move |error: std::io::Error| Unanswered { sent, why: format!("unreachable: {error}") };
        if self.connection.is_none() {
            let mut stream = TcpStream::connect(self.address).await.map_err(failed(false))?;
            let _ = stream.set_nodelay(true);
            let hello = format!("{}\n", serde_json::json!({ "hello": self.mailbox.name() }));
            stream.write_all(hello.as_bytes()).await.map_err(failed(false))?;
            self.connection = Some(BufReader::new(stream));
        }
        let Some(connection) = &mut self.connection else {
            return Err(Unanswered { sent: false, why: "unreachable: no connection".to_owned() });
        };
        connection.write_all(&request).await.map_err(failed(true))?;
        let mut line = Vec::new();
        loop {
            let message = tokio::select! {
                read = read_line(connection, &mut line) => {
                    read.map_err(failed(true))?;
                    let message = Message::read(&line);
                    line.clear();
                    message.map_err(|why| Unanswered { sent: true, why: format!("garbage: {why}") })?
                }
                message = self.mailbox.next() => message,
            };
            if message.in_reply_to() == Some(id) {
                return Ok(message);
            }
        }
    }
}

/// Adds to a line until it is whole; what was read is kept when this is given up.
async fn read_line(source: &mut BufReader<TcpStream>, line: &mut Vec<u8>) -> std::io::Result<()> {
    let room = (LONGEST_LINE - line.len().min(LONGEST_LINE)) as u64;
    source.take(room).read_until(b'\n', line).await?;
    if line.ends_with(b"\n") {
        return Ok(());
    }
    Err(std::io::Error::other(if line.len() >= LONGEST_LINE {
        "the answer is too long"
    } else {
        "the node has closed"
    }))
}

fn understand(function: &Function, operation: &Operation, answer: &Message) -> Completion {
    let body = &answer.body;
    if answer.kind() == "error" {
        let Some(code) = body.get("code").and_then(Json::as_u64).map(Code) else {
            return Completion::info(operation, format!("garbage: an error without a code: {}", shown(body)));
        };
        if code == Code::KEY_DOES_NOT_EXIST && function.missing_is_nil {
            return Completion::ok(Value::Nil);
        }
        let text = body.get("text").and_then(Json::as_str).unwrap_or_default();
        let text: String = text.chars().take(120).collect();
        let name = if code.name().is_empty() { code.0.to_string() } else { code.name().to_owned() };
        return if is_definite(code) || function.reads {
            Completion::fail(operation, format!("{name}: {text}"))
        } else {
            Completion::info(operation, format!("{name}: {text}"))
        };
    }
    let expected =
        (function.request)(operation).and_then(|request| Some(format!("{}_ok", request.get("type")?.as_str()?)));
    if expected.as_deref() != Some(answer.kind()) {
        return Completion::info(operation, format!("garbage: an answer of another kind: {}", shown(body)));
    }
    match (function.answer)(operation, body) {
        Some(value) => Completion::ok(value),
        None => Completion::info(operation, format!("garbage: {}", shown(body))),
    }
}

fn shown(body: &Body) -> String {
    Json::Object(body.clone()).to_string().chars().take(120).collect()
}

impl Client for MaelstromClient {
    fn invoke<'a>(&'a mut self, operation: &'a Operation) -> Invocation<'a> {
        Box::pin(self.carry_out(operation))
    }
}
