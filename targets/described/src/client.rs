//! How clients talk to a node: the kinds of clients that a description can ask for.
//!
//! A kind is one module and one line in [`ClientEntry::kind`].

mod answer;
mod http;
mod parts;
mod redis;
mod stdio;

use std::collections::BTreeMap;
use std::path::Path;

use rashomon_harness::client::Client;
use rashomon_harness::interface::Interface;
use rashomon_harness::target::Connection;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::template::{Text, Values};
use crate::wrong::Wrong;

/// How clients talk to a node: a program of your own (`command`), or requests that need none (`http`,
/// `redis`).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ClientEntry {
    /// A program that gets each operation as a line of JSON on its standard input, and answers with a line.
    #[serde(default)]
    pub(crate) command: Vec<Text>,
    /// Variables added to that program's environment.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, Text>,
    /// HTTP requests for the functions of interfaces.
    pub(crate) http: Option<http::HttpEntry>,
    /// Redis commands for the functions of interfaces.
    pub(crate) redis: Option<redis::RedisEntry>,
}

/// A kind of clients, as one description has it.
pub(crate) trait ClientKind: Send + Sync {
    /// That everything is there that it needs to run.
    fn prepare(&self, _folder: &Path) -> Result<(), Wrong> {
        Ok(())
    }

    /// That its templates can be expanded.
    fn check(&self, values: &Values) -> Result<(), Wrong>;

    /// A client for a process.
    fn connect(&self, seat: &Seat<'_>) -> Box<dyn Client>;
}

/// What a client is made for.
pub(crate) struct Seat<'a> {
    pub(crate) connection: &'a Connection<'a>,
    /// What names in templates stand for.
    pub(crate) values: Values,
    /// The folder that relative paths start from.
    pub(crate) folder: &'a Path,
}

impl ClientEntry {
    /// The kind of clients that the file asks for.
    pub(crate) fn kind(&self, served: &[&'static Interface]) -> Result<Box<dyn ClientKind>, Wrong> {
        let mut kinds: Vec<Box<dyn ClientKind>> = Vec::new();
        if !self.command.is_empty() {
            kinds.push(Box::new(stdio::Stdio::new(self.command.clone(), self.env.clone())));
        }
        if let Some(http) = &self.http {
            kinds.push(Box::new(http::Http::read(http, served)?));
        }
        if let Some(redis) = &self.redis {
            kinds.push(Box::new(redis::Redis::read(redis, served)?));
        }
        match (kinds.pop(), kinds.is_empty()) {
            (Some(kind), true) => Ok(kind),
            _ => Err(Wrong::in_table(
                "client",
                "`client` must say one thing",
                "give one of `command`, `http` and `redis`",
            )),
        }
    }
}

/// What a mapping has by interface and function, the names checked.
fn mapped<'a, T>(
    functions: &'a BTreeMap<Text, BTreeMap<Text, T>>,
    served: &[&'static Interface],
) -> Result<Vec<(&'static Interface, String, &'a T)>, Wrong> {
    let mut found = Vec::new();
    for (name, functions) in functions {
        let interface = *served.iter().find(|served| served.name == name.as_str()).ok_or_else(|| {
            let known = served.iter().map(|served| served.name);
            Wrong::unknown(name.at(), "promised interface", name.as_str(), known)
        })?;
        for (function, mapping) in functions {
            if interface.function(function.as_str()).is_none() {
                let known = interface.functions.iter().map(|known| known.name);
                let kind = format!("function of {}", interface.name);
                return Err(Wrong::unknown(function.at(), &kind, function.as_str(), known));
            }
            found.push((interface, function.as_str().to_owned(), mapping));
        }
    }
    Ok(found)
}
