//! The client of the included targets' objects over HTTP/JSON, whatever the interface: register, set, counter, ….
//!
//! What each interface's operations look like on the wire is a table, [`vocabulary`]. What this client adds is the same
//! for all of them, and it is what makes a history honest: one connection, one request per operation, no retry, and
//! - `ok` for an answer that is understood,
//! - `fail` where the request never left, or the node says that the operation did not and will not happen
//!   (`{"error": CLASS, "definite": true}`). A read has no effect, so a read without an answer is `fail` too,
//! - `info` for everything else: no answer, an answer that is not understood, `"definite": false`.
//!
//! Requests that change something carry the session's name and a number that grows, `"client"` and `"seq"`, by which a
//! node recognises a request that it has already carried out.

mod context;
mod json;
mod transactions;
mod vocabulary;

use std::net::SocketAddr;

use bytes::Bytes;
use hyper::Method;
use rashomon_harness::client::{Client, Completion, Invocation, Operation};
use rashomon_harness::interface::Interface;
use rashomon_history::Value;
use serde_json::{Value as Json, json};

use self::context::Contexts;
use self::vocabulary::{Function, Vocabulary};
use crate::http::{Answer, HttpConnection};

/// The client of one process for an object of this interface at a node's address. `session` is unique in the run.
///
/// An interface that the included targets do not serve gives a client whose operations all end `fail: unsupported`.
pub(crate) fn client_for(interface: &'static Interface, address: SocketAddr, session: u64) -> Box<dyn Client> {
    Box::new(ObjectClient::new(interface, address, session))
}

/// One process's connection to one node.
struct ObjectClient {
    vocabulary: Vocabulary,
    connection: HttpConnection,
    session: String,
    sequence: u64,
    contexts: Contexts,
}

/// An operation as it goes over the wire.
struct Request {
    method: Method,
    path: String,
    body: Bytes,
}

impl ObjectClient {
    fn new(interface: &'static Interface, address: SocketAddr, session: u64) -> ObjectClient {
        ObjectClient {
            vocabulary: vocabulary::of(interface),
            connection: HttpConnection::new(address),
            session: format!("c{session}"),
            sequence: 0,
            contexts: Contexts::default(),
        }
    }

    async fn carry_out(&mut self, operation: &Operation) -> Completion {
        let Some(function) = self.vocabulary.function(&operation.f) else {
            let noun = self.vocabulary.noun;
            return Completion::fail(operation, format!("unsupported: {noun} cannot `{}`", operation.f));
        };
        let Request { method, path, body } = match self.request(function, operation) {
            Ok(request) => request,
            Err(why) => return Completion::fail(operation, format!("unsupported: {why}")),
        };
        match self.connection.request(method, &path, body).await {
            Ok(answer) => self.understand(function, operation, &answer),
            Err(error) if !error.sent || !function.changes() => Completion::fail(operation, error.text),
            Err(error) => Completion::info(operation, error.text),
        }
    }

    fn request(&mut self, function: &Function, operation: &Operation) -> Result<Request, String> {
        let noun = self.vocabulary.noun;
        let path = match &operation.key {
            _ if !self.vocabulary.keyed => self.vocabulary.path.to_owned(),
            Value::Int(key) => format!("{}/{key}{}", self.vocabulary.path, function.suffix),
            key => return Err(format!("the key of {noun} is a whole number, not {key}")),
        };
        if !function.changes() {
            return Ok(Request { method: Method::GET, path, body: Bytes::new() });
        }
        let Some(mut body) = (function.body)(&operation.value) else {
            return Err(format!("{noun} cannot `{}` {}", operation.f, operation.value));
        };
        if function.supersedes {
            body["context"] = self.contexts.of_put(operation)?.map_or(Json::Null, Json::String);
        }
        self.sequence += 1;
        body["client"] = json!(self.session);
        body["seq"] = json!(self.sequence);
        Ok(Request { method: function.verb.method(), path, body: body.to_string().into() })
    }

    /// What an answer says about its operation.
    fn understand(&mut self, function: &Function, operation: &Operation, answer: &Answer) -> Completion {
        let understood = serde_json::from_slice::<Json>(&answer.body).ok().and_then(|body| {
            if answer.status != 200 {
                return refused(function, operation, &body);
            }
            let completion = (function.answer)(operation, &body)?;
            if self.vocabulary.has_context && !function.changes() {
                self.contexts.remember(operation, &completion, body.get("context")?.as_str()?);
            }
            Some(completion)
        });
        understood.unwrap_or_else(|| {
            let shown: String = String::from_utf8_lossy(&answer.body).chars().take(80).collect();
            Completion::info(operation, format!("garbage: status {} with {shown:?}", answer.status))
        })
    }
}

impl Client for ObjectClient {
    fn invoke<'a>(&'a mut self, operation: &'a Operation) -> Invocation<'a> {
        Box::pin(self.carry_out(operation))
    }
}

/// What an error answer says; `None` when it is no error answer.
fn refused(function: &Function, operation: &Operation, body: &Json) -> Option<Completion> {
    let error = body.get("error")?.as_str()?;
    Some(match body.get("definite")?.as_bool()? {
        true => Completion::fail(operation, format!("{error}: the node says it did not happen")),
        // Nothing depends on whether a read took place.
        false if !function.changes() => Completion::fail(operation, format!("{error}: no answer")),
        false => Completion::info(operation, format!("{error}: the node does not know")),
    })
}

#[cfg(test)]
#[path = "object_client/hostile_test.rs"]
mod hostile_test;
