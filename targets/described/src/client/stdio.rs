//! Clients that are programs of the user: one process of the operating system for each logical process of the history.
//!
//! An operation goes to the program's standard input as a line of JSON, and its completion comes back as a line on its
//! standard output (`docs/clients.md` states the contract). It is never asked again after an `info`, and killed with
//! all that it has started when its logical process ends. Whatever it does that is no honest
//! answer makes the operation `info`: it exits, prints something else, answers another operation, or is too late.

mod lines;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio as Pipe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rashomon_harness::client::{Client, ClientLog, Completion, GetReady, Invocation, Operation};
use rashomon_harness::interface::Interface;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout, Command};

use self::lines::read_line;
use super::{ClientKind, Seat};
use crate::plan::expand_all;
use crate::program::{self, Group};
use crate::template::{Text, Values};
use crate::wrong::Wrong;
use crate::{json, program::in_folder};

/// A longer answer is none, bytes.
const ANSWER_MAX: usize = 16 << 20;
/// A longer line of standard error is cut, bytes.
const ERROR_LINE_MAX: usize = 16 << 10;
/// The line by which a program says that it has started.
const READY: &str = "ready";
/// How long a program may take to start: an interpreter on a busy machine needs its time.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// After a program that could not be started the next one waits a little.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// The program that a description names.
pub(super) struct Stdio {
    command: Vec<Text>,
    env: BTreeMap<String, Text>,
}

impl Stdio {
    pub(super) fn new(command: Vec<Text>, env: BTreeMap<String, Text>) -> Stdio {
        Stdio { command, env }
    }

    /// The command with its templates expanded, and what tells the program whom it is for.
    fn command(&self, seat: &Seat<'_>) -> Result<Command, Wrong> {
        let words = expand_all(&self.command, &seat.values)?;
        let (program, args) =
            words.split_first().ok_or_else(|| Wrong::new(None, "the client's command is empty", ""))?;
        let mut command = Command::new(in_folder(program, seat.folder));
        let connection = seat.connection;
        command.args(args).stdin(Pipe::piped()).stdout(Pipe::piped()).stderr(Pipe::piped());
        command.env("RASHOMON_NODE", &connection.node.name).env("RASHOMON_IP", connection.node.ip.to_string());
        command.env("RASHOMON_INTERFACE", connection.interface.name);
        command.env("RASHOMON_PROCESS", connection.session.to_string());
        command.env("RASHOMON_DEADLINE_MS", connection.deadline.as_millis().to_string());
        for (name, value) in &self.env {
            command.env(name, value.expand(&seat.values)?);
        }
        Ok(command)
    }
}

impl ClientKind for Stdio {
    fn prepare(&self, folder: &Path) -> Result<(), Wrong> {
        // Templates in a program's own name are possible, and then it is seen at its start.
        let Some(program) = self.command.first().filter(|program| !program.as_str().contains('{')) else {
            return Ok(());
        };
        let path = std::env::var("PATH").unwrap_or_default();
        if program::exists(&in_folder(program.as_str(), folder), &path) {
            return Ok(());
        }
        let what = format!("the client program `{}` is not there", program.as_str());
        Err(Wrong::new(program.at(), what, "install it, or write its path, absolute or from the file's folder"))
    }

    fn check(&self, values: &Values) -> Result<(), Wrong> {
        expand_all(&self.command, values)?;
        self.env.values().try_for_each(|value| value.expand(values).map(drop))
    }

    fn connect(&self, seat: &Seat<'_>) -> Box<dyn Client> {
        let started = self.command(seat).map_err(|wrong| wrong.what).and_then(|mut command| {
            let named = command.as_std().get_program().display().to_string();
            let group = Group::start(&mut command, seat.folder);
            group.map_err(|error| format!("client: {named} cannot be started: {error}"))
        });
        let connection = seat.connection;
        let program = started.and_then(|group| Program::new(group, connection.session, connection.log.clone()));
        Box::new(StdioClient { interface: connection.interface, program, ready: false, last_id: 0 })
    }
}

/// The client of one process.
struct StdioClient {
    interface: &'static Interface,
    program: Result<Program, String>,
    /// It has said so.
    ready: bool,
    last_id: u64,
}

/// A running client program.
struct Program {
    group: Group,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// The last line of its standard error.
    complaint: Arc<Mutex<String>>,
}

impl Program {
    fn new(mut group: Group, process: u64, log: ClientLog) -> Result<Program, String> {
        let lost = || "client: its standard streams are missing".to_owned();
        let input = group.child.stdin.take().ok_or_else(lost)?;
        let output = BufReader::new(group.child.stdout.take().ok_or_else(lost)?);
        let stderr = group.child.stderr.take().ok_or_else(lost)?;
        let complaint = Arc::<Mutex<String>>::default();
        // Ends with the program, which is the only one that holds the other end.
        tokio::spawn(keep_complaints(stderr, process, log, complaint.clone()));
        Ok(Program { group, input, output, complaint })
    }

    /// Sends a line and waits for one.
    async fn exchange(&mut self, request: &str) -> Result<String, String> {
        let sent = async {
            self.input.write_all(request.as_bytes()).await?;
            self.input.flush().await
        };
        let answer = match sent.await {
            Ok(()) => read_line(&mut self.output, ANSWER_MAX).await,
            Err(error) => Err(error),
        };
        self.understood(answer).await
    }

    /// Waits until it says that it has started.
    async fn started(&mut self) -> Result<(), String> {
        let said = match tokio::time::timeout(READY_WITHIN, read_line(&mut self.output, ANSWER_MAX)).await {
            Ok(line) => self.understood(line).await?,
            Err(_) => return Err(format!("client: the program is not ready after {} s", READY_WITHIN.as_secs())),
        };
        if said.trim() == READY {
            return Ok(());
        }
        let shown: String = said.chars().take(80).collect();
        Err(format!("client: the program must print `{READY}` when it has started, and printed {shown:?}"))
    }

    /// A line, or why there is none.
    async fn understood(&mut self, line: std::io::Result<Option<String>>) -> Result<String, String> {
        match line {
            Ok(Some(line)) => Ok(line),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err(format!("garbage: {error}")),
            Ok(None) | Err(_) => Err(self.ending().await),
        }
    }

    /// How the program ended, with its last words.
    async fn ending(&mut self) -> String {
        // It has closed its output: then it is about to end, or does not play by the rules and is killed.
        let wait = tokio::time::timeout(Duration::from_millis(200), self.group.child.wait()).await;
        let how = match wait {
            Ok(Ok(status)) => format!("the client program ended ({status})"),
            _ => "the client program closed its standard output".to_owned(),
        };
        // Its last line may still be on its way to the task that keeps it.
        tokio::task::yield_now().await;
        let complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        if complaint.is_empty() { format!("client: {how}") } else { format!("client: {how}; it said: {complaint}") }
    }
}

async fn keep_complaints(from: impl AsyncRead + Unpin, process: u64, log: ClientLog, last: Arc<Mutex<String>>) {
    let mut from = BufReader::new(from);
    loop {
        match read_line(&mut from, ERROR_LINE_MAX).await {
            Ok(Some(line)) => {
                log.line(process, &line);
                if !line.trim().is_empty() {
                    let shown = line.trim().chars().take(200).collect();
                    *last.lock().unwrap_or_else(PoisonError::into_inner) = shown;
                }
            }
            Ok(None) => return,
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => log.line(process, "(a line too long)"),
            Err(_) => return,
        }
    }
}

/// A completion as the program writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    id: u64,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default, deserialize_with = "present")]
    value: Option<Json>,
    #[serde(default)]
    error: Option<String>,
    /// The number of the node that answered, where another one did.
    #[serde(default)]
    node: Option<u16>,
}

/// A value that is there, also when it is null.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(from).map(Some)
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Ok,
    Fail,
    Info,
}

impl StdioClient {
    async fn get_ready_once(&mut self) {
        if self.ready {
            return;
        }
        if let Ok(program) = &mut self.program
            && let Err(why) = program.started().await
        {
            self.program = Err(why);
        }
        self.ready = true;
        if self.program.is_err() {
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }

    async fn carry_out(&mut self, operation: &Operation) -> Completion {
        let program = match &mut self.program {
            Ok(program) => program,
            // Nothing was sent; but only after an `info` is there another attempt, with a program started anew.
            Err(why) => return Completion::info(operation, why),
        };
        self.last_id += 1;
        let request = json!({
            "id": self.last_id,
            "type": "invoke",
            "f": &*operation.f,
            "key": json::of(&operation.key),
            "value": json::of(&operation.value),
        });
        match program.exchange(&format!("{request}\n")).await {
            Ok(line) => understand(self.interface, operation, self.last_id, &line)
                .unwrap_or_else(|why| Completion::info(operation, why)),
            Err(why) => Completion::info(operation, why),
        }
    }
}

/// What an answer says, or why it says nothing.
fn understand(interface: &Interface, operation: &Operation, id: u64, line: &str) -> Result<Completion, String> {
    let shown = || line.chars().take(80).collect::<String>();
    let Answer { id: answered, kind, value, error, node } =
        serde_json::from_str(line).map_err(|error| format!("garbage: {error} in {:?}", shown()))?;
    if answered != id {
        return Err(format!("garbage: the client program answered operation {answered} instead of {id}"));
    }
    let completion = match kind {
        Kind::Ok => {
            let value = match value {
                Some(value) => json::value(&value).ok_or_else(|| format!("garbage: no value in {:?}", shown()))?,
                // What shows nothing returns what was asked; what shows something must say what.
                None if !interface.observes(&operation.f, &operation.value) => operation.value.clone(),
                None => return Err(format!("garbage: `{}` is ok without a value", operation.f)),
            };
            Completion::ok(value)
        }
        Kind::Fail => Completion::fail(operation, error.as_deref().unwrap_or("failed: the client program said so")),
        Kind::Info => Completion::info(operation, error.as_deref().unwrap_or("unknown: the client program said so")),
    };
    Ok(Completion { node, ..completion })
}

impl Client for StdioClient {
    fn get_ready(&mut self) -> GetReady<'_> {
        Box::pin(self.get_ready_once())
    }

    fn invoke<'a>(&'a mut self, operation: &'a Operation) -> Invocation<'a> {
        Box::pin(self.carry_out(operation))
    }
}

#[cfg(test)]
mod tests;
