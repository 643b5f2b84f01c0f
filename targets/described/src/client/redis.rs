//! Clients of Redis and of what speaks its protocol: operations become commands, and replies their completions, as a
//! description says.
//!
//! One connection, one command at a time, nothing sent twice. With a Sentinel the client asks that of its node who the
//! primary is, when it connects and after an error, and talks to the primary; nothing has been sent until then. What it
//! is answered counts for its own node, through whose eyes it sees the cluster: two Sentinels may name two primaries.
//! An error reply is `fail` where the description knows that the server refuses so before it does anything, or the
//! command changes nothing; whatever else happens after the command was sent is `info`.

mod resp;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use rashomon_harness::client::{Client, Completion, Invocation, Operation};
use rashomon_harness::interface::Interface;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use self::resp::{Connection, Reply};
use super::answer::{Rule, RuleEntry, understand};
use super::parts::Parts;
use super::{ClientKind, Seat, mapped};
use crate::template::{Text, Values};
use crate::wrong::Wrong;

/// Redis commands for the functions of interfaces.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RedisEntry {
    /// The port of the nodes.
    pub(crate) port: u16,
    /// Where the client learns who the primary is; without it, it talks to its node.
    pub(crate) sentinel: Option<SentinelEntry>,
    /// After an update, `WAIT` for so many replicas; when fewer have it in time the update is `info`. None by default.
    pub(crate) wait: Option<Text>,
    /// How long `WAIT` may take, ms.
    #[serde(default = "half_a_second")]
    pub(crate) wait_ms: u64,
    /// How error replies begin with which the server refuses a command before it does anything: `READONLY`.
    #[serde(default)]
    pub(crate) refused: Vec<String>,
    /// By interface and function: `[client.redis.functions.register.read]`.
    pub(crate) functions: BTreeMap<Text, BTreeMap<Text, CommandEntry>>,
}

fn half_a_second() -> u64 {
    500
}

/// A Sentinel beside each node.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SentinelEntry {
    /// Its port.
    pub(crate) port: u16,
    /// The name under which it knows the primary.
    pub(crate) name: String,
}

/// The command for a function, and what its replies say.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CommandEntry {
    /// Its words: `["SET", "{key}", "{value}"]`.
    pub(crate) command: Vec<Text>,
    /// Rules for replies, as JSON; the first that holds decides, and without one the operation is `info`.
    pub(crate) answers: Vec<RuleEntry>,
}

/// The mapping of a description.
#[derive(Clone)]
pub(super) struct Redis {
    entry: RedisEntry,
    commands: Vec<(&'static Interface, String, Vec<Text>, Vec<Rule>)>,
}

impl Redis {
    pub(super) fn read(entry: &RedisEntry, served: &[&'static Interface]) -> Result<Redis, Wrong> {
        let mut commands = Vec::new();
        for (interface, function, mapping) in mapped(&entry.functions, served)? {
            let rules = mapping.answers.iter().map(Rule::read).collect::<Result<_, _>>()?;
            commands.push((interface, function, mapping.command.clone(), rules));
        }
        Ok(Redis { entry: entry.clone(), commands })
    }

    fn wait(&self, values: &Values) -> Result<u64, Wrong> {
        let Some(text) = &self.entry.wait else { return Ok(0) };
        let count = text.expand(values)?;
        count.parse().map_err(|_| Wrong::new(text.at(), format!("`{count}` is no number of replicas"), "give 0, 1, …"))
    }
}

fn words(command: &[Text], parts: &Parts<'_>) -> Result<Vec<String>, Wrong> {
    let word = |text: &Text| parts.text(text.as_str()).map_err(|problem| parts.wrong(problem, text.at()));
    command.iter().map(word).collect()
}

impl ClientKind for Redis {
    fn check(&self, values: &Values) -> Result<(), Wrong> {
        self.wait(values)?;
        for (_, _, command, _) in &self.commands {
            let attempts = Parts::samples(values).map(|parts| words(command, &parts).map(drop));
            attempts.into_iter().reduce(Result::or).unwrap_or(Ok(()))?;
        }
        Ok(())
    }

    fn connect(&self, seat: &Seat<'_>) -> Box<dyn Client> {
        Box::new(RedisClient {
            mapping: self.clone(),
            interface: seat.connection.interface,
            node: seat.connection.node.ip,
            wait: self.wait(&seat.values).unwrap_or(0),
            values: seat.values.clone(),
            session: seat.connection.session,
            sequence: 0,
            open: None,
        })
    }
}

/// The client of one process.
struct RedisClient {
    mapping: Redis,
    interface: &'static Interface,
    node: Ipv4Addr,
    wait: u64,
    values: Values,
    session: u64,
    sequence: u64,
    open: Option<Connection>,
}

impl RedisClient {
    async fn carry_out(&mut self, operation: &Operation) -> Completion {
        self.sequence += 1;
        let interface = self.interface;
        let mapped = self.mapping.commands.iter();
        let found = mapped.clone().find(|(of, f, ..)| *of == interface && **f == *operation.f);
        let Some((_, _, command, rules)) = found else {
            return Completion::fail(operation, format!("unsupported: the file has no command for `{}`", operation.f));
        };
        let parts = Parts::of(operation, &self.values, self.session, self.sequence);
        let command = match words(command, &parts) {
            Ok(command) => command,
            Err(wrong) => return Completion::fail(operation, format!("unsupported: {}", wrong.what)),
        };
        let rules = rules.clone();
        let mut connection = match self.take_open().await {
            Ok(open) => open,
            Err(why) => return Completion::fail(operation, format!("connect: {why}")),
        };
        let changes = self.interface.updates(&operation.f);
        let unknown = if changes { Completion::info } else { Completion::fail };
        let completion = match connection.ask(&command).await {
            Ok(Reply::Error(error)) => {
                let refused = self.mapping.entry.refused.iter().any(|beginning| error.starts_with(beginning.as_str()));
                // The connection is not kept: who is the primary may have changed.
                return (if refused { Completion::fail } else { unknown })(operation, format!("refused: {error}"));
            }
            Ok(Reply::Value(reply)) => understand(&rules, operation, 0, &reply),
            Err(error) => return unknown(operation, format!("connection: {error}")),
        };
        let completion = match changes && completion.outcome == rashomon_history::Outcome::Ok && self.wait > 0 {
            true => self.replicated(operation, completion, &mut connection).await,
            false => completion,
        };
        self.open = Some(connection);
        completion
    }

    /// Whether enough replicas have an update.
    async fn replicated(&self, operation: &Operation, done: Completion, connection: &mut Connection) -> Completion {
        let wanted = self.wait;
        let command = ["WAIT".to_owned(), wanted.to_string(), self.mapping.entry.wait_ms.to_string()];
        match connection.ask(&command).await {
            Ok(Reply::Value(Json::Number(count))) if count.as_u64().is_some_and(|count| count >= wanted) => done,
            Ok(Reply::Value(count)) => {
                Completion::info(operation, format!("not replicated: {count} of {wanted} replicas"))
            }
            Ok(Reply::Error(error)) => Completion::info(operation, format!("not replicated: {error}")),
            Err(error) => Completion::info(operation, format!("connection: {error}")),
        }
    }

    async fn take_open(&mut self) -> Result<Connection, String> {
        if let Some(open) = self.open.take() {
            return Ok(open);
        }
        let address = match &self.mapping.entry.sentinel {
            None => SocketAddr::from((self.node, self.mapping.entry.port)),
            Some(sentinel) => primary(SocketAddr::from((self.node, sentinel.port)), &sentinel.name).await?,
        };
        Connection::open(address).await.map_err(|error| error.to_string())
    }
}

/// Who is the primary, as a Sentinel has it.
async fn primary(sentinel: SocketAddr, name: &str) -> Result<SocketAddr, String> {
    let mut connection = Connection::open(sentinel).await.map_err(|error| format!("the Sentinel: {error}"))?;
    let command = ["SENTINEL", "get-master-addr-by-name", name].map(str::to_owned);
    let reply = match connection.ask(&command).await {
        Ok(Reply::Value(reply)) => reply,
        Ok(Reply::Error(error)) => return Err(format!("the Sentinel: {error}")),
        Err(error) => return Err(format!("the Sentinel: {error}")),
    };
    let address = || format!("{}:{}", reply.get(0)?.as_str()?, reply.get(1)?.as_str()?).parse().ok();
    address().ok_or_else(|| format!("the Sentinel knows no primary `{name}`: {reply}"))
}

impl Client for RedisClient {
    fn invoke<'a>(&'a mut self, operation: &'a Operation) -> Invocation<'a> {
        Box::pin(self.carry_out(operation))
    }
}

#[cfg(test)]
mod tests;
