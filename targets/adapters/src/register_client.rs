//! The client of keyed registers over the included targets' HTTP/JSON.
//!
//! | operation | request | answer |
//! |---|---|---|
//! | read | `GET /register/KEY` | `{"value": V}` |
//! | write | `PUT /register/KEY` `{"value": V, "client": C, "seq": N}` | `{}` |
//! | cas | `POST /register/KEY/cas` `{"from": V, "to": V, "client": C, "seq": N}` | `{"swapped": true or false}` |
//!
//! An error answer is `{"error": CLASS, "definite": true or false}`; definite means that the operation did not and
//! will not happen. Whatever is not one of these answers makes the operation `info`. A read has no effect, so a read
//! without an answer is `fail`; only an answer that is not understood makes it `info`, so that it is seen.

use std::net::SocketAddr;

use bytes::Bytes;
use hyper::Method;
use rashomon_harness::client::{Client, Completion, Invocation, Operation};
use rashomon_history::Value;
use serde_json::{Value as Json, json};

use crate::http::{Answer, HttpConnection};

/// One process's connection to one node.
pub(crate) struct RegisterClient {
    connection: HttpConnection,
    session: String,
    sequence: u64,
}

impl RegisterClient {
    pub(crate) fn new(address: SocketAddr, session: u64) -> RegisterClient {
        RegisterClient { connection: HttpConnection::new(address), session: format!("c{session}"), sequence: 0 }
    }

    async fn carry_out(&mut self, operation: &Operation) -> Completion {
        let (method, path, body) = match self.request(operation) {
            Ok(request) => request,
            Err(error) => return Completion::fail(operation, error),
        };
        match self.connection.request(method, &path, body).await {
            Ok(answer) => understand(operation, &answer),
            Err(error) if !error.sent || &*operation.f == "read" => Completion::fail(operation, error.text),
            Err(error) => Completion::info(operation, error.text),
        }
    }

    fn request(&mut self, operation: &Operation) -> Result<(Method, String, Bytes), String> {
        let path = match &operation.key {
            Value::Int(key) => format!("/register/{key}"),
            key => return Err(format!("unsupported: a register's key is a whole number, not {key}")),
        };
        self.sequence += 1;
        let (client, seq) = (&self.session, self.sequence);
        match (&*operation.f, &operation.value) {
            ("read", _) => Ok((Method::GET, path, Bytes::new())),
            ("write", value) => {
                let body = json!({"value": to_json(value)?, "client": client, "seq": seq});
                Ok((Method::PUT, path, body.to_string().into()))
            }
            ("cas", Value::List(pair)) if pair.len() == 2 => {
                let (from, to) = (to_json(&pair[0])?, to_json(&pair[1])?);
                let body = json!({"from": from, "to": to, "client": client, "seq": seq});
                Ok((Method::POST, path + "/cas", body.to_string().into()))
            }
            (f, value) => Err(format!("unsupported: a register cannot `{f}` {value}")),
        }
    }
}

impl Client for RegisterClient {
    fn invoke<'a>(&'a mut self, operation: &'a Operation) -> Invocation<'a> {
        Box::pin(self.carry_out(operation))
    }
}

/// What an answer says about its operation.
fn understand(operation: &Operation, answer: &Answer) -> Completion {
    let garbage = || {
        let shown: String = String::from_utf8_lossy(&answer.body).chars().take(80).collect();
        Completion::info(operation, format!("garbage: status {} with {shown:?}", answer.status))
    };
    let Ok(body) = serde_json::from_slice::<Json>(&answer.body) else { return garbage() };
    if answer.status != 200 {
        let Some(error) = body.get("error").and_then(Json::as_str) else { return garbage() };
        return match body.get("definite").and_then(Json::as_bool) {
            Some(true) => Completion::fail(operation, format!("{error}: the node says it did not happen")),
            // Nothing depends on whether a read took place.
            Some(false) if &*operation.f == "read" => Completion::fail(operation, format!("{error}: no answer")),
            Some(false) => Completion::info(operation, format!("{error}: the node does not know")),
            None => garbage(),
        };
    }
    match &*operation.f {
        "read" => match body.get("value").and_then(from_json) {
            Some(value) => Completion::ok(value),
            None => garbage(),
        },
        "write" if body.is_object() => Completion::ok(operation.value.clone()),
        "cas" => match body.get("swapped").and_then(Json::as_bool) {
            Some(true) => Completion::ok(operation.value.clone()),
            Some(false) => Completion::fail(operation, "compare: the register held another value"),
            None => garbage(),
        },
        _ => garbage(),
    }
}

fn to_json(value: &Value) -> Result<Json, String> {
    match value {
        Value::Nil => Ok(Json::Null),
        Value::Int(number) => Ok(json!(number)),
        Value::Text(text) => Ok(json!(&**text)),
        other => Err(format!("unsupported: a register cannot hold {other}")),
    }
}

fn from_json(json: &Json) -> Option<Value> {
    match json {
        Json::Null => Some(Value::Nil),
        Json::Number(number) => number.as_i64().map(Value::Int),
        Json::String(text) => Some(Value::text(text)),
        _ => None,
    }
}

#[cfg(test)]
#[path = "register_client_test.rs"]
mod tests;
