//! Clients that need no program: operations become HTTP requests, and answers their completions, as a description says.
//!
//! One connection per client and one request per operation, on `reqwest` without retries, redirects or proxies
//! (`targets/described/src/client/http/hostile_test.rs` shows that it keeps to that). What goes wrong before the
//! connection stands is `fail`; afterwards a function that changes nothing is `fail` too, and everything else `info`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use rashomon_harness::client::{Client, Completion, Invocation, Operation};
use rashomon_harness::interface::Interface;
use rashomon_history::Value;
use reqwest::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::answer::{Rule, RuleEntry, understand};
use super::parts::Parts;
use super::{ClientKind, Seat, mapped};
use crate::template::{Text, Values};
use crate::wrong::Wrong;

/// A longer answer is none, bytes.
const ANSWER_MAX: usize = 16 << 20;

/// HTTP requests for the functions of interfaces.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct HttpEntry {
    /// The port of the nodes.
    pub(crate) port: u16,
    /// Headers of every request.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Text>,
    /// By interface and function: `[client.http.functions.register.read]`.
    pub(crate) functions: BTreeMap<Text, BTreeMap<Text, ExchangeEntry>>,
}

/// The request for a function, and what its answers say.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ExchangeEntry {
    /// Method and path: `PUT /kv/{key}`.
    pub(crate) request: Text,
    /// What is sent, as JSON: `{ value = "{value}" }`. A text that is one template becomes what that stands for.
    #[schemars(with = "Option<serde_json::Value>")]
    pub(crate) json: Option<toml::Spanned<toml::Value>>,
    /// What is sent, as text.
    pub(crate) body: Option<Text>,
    /// Rules for answers; the first that holds decides, and without one the operation is `info`.
    pub(crate) answers: Vec<RuleEntry>,
    /// The same for a compare-and-set whose `from` is nil, where that needs another request.
    pub(crate) from_nil: Option<Box<ExchangeEntry>>,
}

/// The mapping of a description.
pub(super) struct Http {
    port: u16,
    headers: Vec<(String, Text)>,
    /// By interface and function.
    exchanges: Vec<(&'static Interface, String, Exchange)>,
}

/// A request and the rules for its answers.
#[derive(Clone)]
struct Exchange {
    entry: ExchangeEntry,
    method: Method,
    path: String,
    rules: Vec<Rule>,
    from_nil: Option<Box<Exchange>>,
}

impl Http {
    pub(super) fn read(entry: &HttpEntry, served: &[&'static Interface]) -> Result<Http, Wrong> {
        let mut exchanges = Vec::new();
        for (interface, function, exchange) in mapped(&entry.functions, served)? {
            exchanges.push((interface, function, Exchange::read(exchange)?));
        }
        let headers = entry.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Ok(Http { port: entry.port, headers, exchanges })
    }
}

impl Exchange {
    fn read(entry: &ExchangeEntry) -> Result<Exchange, Wrong> {
        let wrong = || {
            let what = format!("`{}` is no request", entry.request.as_str());
            Wrong::new(entry.request.at(), what, "write method and path, as PUT /kv/{key}")
        };
        let (method, path) = entry.request.as_str().split_once(' ').ok_or_else(wrong)?;
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| wrong())?;
        let path = path.trim().to_owned();
        if !path.starts_with('/') || path.contains(char::is_whitespace) {
            return Err(wrong());
        }
        if let (Some(_), Some(body)) = (&entry.json, &entry.body) {
            return Err(Wrong::new(body.at(), "a request has `json` and `body`", "give one of them"));
        }
        Ok(Exchange {
            entry: entry.clone(),
            method,
            path,
            rules: entry.answers.iter().map(Rule::read).collect::<Result<_, _>>()?,
            from_nil: entry.from_nil.as_deref().map(Exchange::read).transpose()?.map(Box::new),
        })
    }

    /// The request that an operation needs.
    fn of(&self, operation: &Operation) -> &Exchange {
        let from_nil = operation.value.as_list().and_then(<[Value]>::first).is_some_and(Value::is_nil);
        self.from_nil.as_deref().filter(|_| from_nil).unwrap_or(self)
    }

    /// Path and body.
    fn expand(&self, parts: &Parts<'_>) -> Result<(String, Option<String>), Wrong> {
        let path = parts.text(&self.path).map_err(|problem| parts.wrong(problem, self.entry.request.at()))?;
        let body = match (&self.entry.json, &self.entry.body) {
            (Some(json), _) => {
                let tree = parts.tree(json.get_ref());
                Some(tree.map_err(|problem| parts.wrong(problem, Some(json.span())))?.to_string())
            }
            (None, Some(body)) => Some(parts.text(body.as_str()).map_err(|problem| parts.wrong(problem, body.at()))?),
            (None, None) => None,
        };
        Ok((path, body))
    }

    fn check(&self, values: &Values) -> Result<(), Wrong> {
        let attempts = Parts::samples(values).map(|parts| self.expand(&parts).map(drop));
        attempts.into_iter().reduce(Result::or).unwrap_or(Ok(()))?;
        self.from_nil.as_ref().map_or(Ok(()), |exchange| exchange.check(values))
    }
}

impl ClientKind for Http {
    fn check(&self, values: &Values) -> Result<(), Wrong> {
        self.headers.iter().try_for_each(|(_, value)| value.expand(values).map(drop))?;
        self.exchanges.iter().try_for_each(|(_, _, exchange)| exchange.check(values))
    }

    fn connect(&self, seat: &Seat<'_>) -> Box<dyn Client> {
        let interface = seat.connection.interface;
        let ours = self.exchanges.iter().filter(|(of, ..)| *of == interface);
        let headers =
            self.headers.iter().filter_map(|(name, value)| Some((name.clone(), value.expand(&seat.values).ok()?)));
        Box::new(HttpClient {
            interface,
            exchanges: ours.map(|(_, function, exchange)| (function.clone(), exchange.clone())).collect(),
            address: SocketAddr::from((seat.connection.node.ip, self.port)),
            headers: headers.collect(),
            values: seat.values.clone(),
            session: seat.connection.session,
            sequence: 0,
            http: honest_client(),
        })
    }
}

/// One connection at most, nothing sent twice, nobody else asked.
fn honest_client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .retry(reqwest::retry::never())
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .pool_max_idle_per_host(1)
        .http1_only()
        .tcp_nodelay(true)
        .build()
}

/// The client of one process.
struct HttpClient {
    interface: &'static Interface,
    exchanges: Vec<(String, Exchange)>,
    address: SocketAddr,
    headers: Vec<(String, String)>,
    values: Values,
    session: u64,
    sequence: u64,
    http: reqwest::Result<reqwest::Client>,
}

impl HttpClient {
    async fn carry_out(&mut self, operation: &Operation) -> Completion {
        self.sequence += 1;
        let Some((_, exchange)) = self.exchanges.iter().find(|(function, _)| **function == *operation.f) else {
            return Completion::fail(operation, format!("unsupported: the file has no request for `{}`", operation.f));
        };
        let exchange = exchange.of(operation);
        let parts = Parts::of(operation, &self.values, self.session, self.sequence);
        let (path, body) = match exchange.expand(&parts) {
            Ok(expanded) => expanded,
            Err(wrong) => return Completion::fail(operation, format!("unsupported: {}", wrong.what)),
        };
        match self.exchange(exchange.method.clone(), &path, body).await {
            Ok((status, answer)) => understand(&exchange.rules, operation, status, &answer),
            Err(Failure { sent, text }) if !sent || !self.interface.updates(&operation.f) => {
                Completion::fail(operation, text)
            }
            Err(Failure { text, .. }) => Completion::info(operation, text),
        }
    }

    async fn exchange(&self, method: Method, path: &str, body: Option<String>) -> Result<(u16, Json), Failure> {
        let unsent =
            |error: &dyn std::error::Error| Failure { sent: false, text: format!("request: {}", chain(error)) };
        let http = self.http.as_ref().map_err(|error| unsent(error))?;
        let mut request = http.request(method, format!("http://{}{path}", self.address));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let mut response = request.send().await.map_err(|error| Failure::of(&error))?;
        let status = response.status().as_u16();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| Failure::of(&error))? {
            if bytes.len() + chunk.len() > ANSWER_MAX {
                return Err(Failure {
                    sent: true,
                    text: format!("garbage: an answer of more than {ANSWER_MAX} bytes"),
                });
            }
            bytes.extend_from_slice(&chunk);
        }
        // A body that is no JSON is a text; rules may still know its status.
        let answer = serde_json::from_slice(&bytes).unwrap_or_else(|_| Json::from(String::from_utf8_lossy(&bytes)));
        Ok((status, answer))
    }
}

impl Client for HttpClient {
    fn invoke<'a>(&'a mut self, operation: &'a Operation) -> Invocation<'a> {
        Box::pin(self.carry_out(operation))
    }
}

/// Why there is no answer.
struct Failure {
    /// False when the request certainly never left this process.
    sent: bool,
    text: String,
}

impl Failure {
    fn of(error: &reqwest::Error) -> Failure {
        let sent = !(error.is_connect() || error.is_builder());
        let class = if sent { "connection" } else { "connect" };
        Failure { sent, text: format!("{class}: {}", chain(error)) }
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod hostile_test;
