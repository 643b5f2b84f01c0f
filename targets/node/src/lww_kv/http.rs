//! Clients' requests: HTTP/1.1 with JSON bodies.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `GET /register/KEY` | | `{"value":5}` |
//! | `PUT /register/KEY` | `{"value":5}` | `{}` |
//! | `GET /set/KEY` | | `{"elements":[1,2]}` |
//! | `POST /set/KEY` | `{"add":5}` | `{}` |
//! | `GET /status` | | how many cells, how many writes thrown away, the wall clock |
//! | `GET /healthz` | | `{}` as soon as all peers are heard; 503 before |
//!
//! Values are integers of 64 bits, text or null; elements are not null. Reads and writes are the node's own affair and
//! never wait for a peer. `client` and `seq` of a body are not looked at: writing twice what was written once changes
//! nothing but its time.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use rashomon_lww::{Cell, Node, Value};
use rashomon_protocol::Clock;
use serde::{Deserialize, Deserializer};
use serde_json::{Value as Json, json};

use crate::driver::Mailbox;
use crate::http::{Answer, Body, Refused, failure, read_body, reply};

/// A node that has not heard all of its peers serves without them after so long.
const ALONE_MS: u64 = 500;

#[derive(Deserialize)]
struct WriteBody {
    #[serde(deserialize_with = "value")]
    value: Value,
}

#[derive(Deserialize)]
struct AddBody {
    #[serde(deserialize_with = "value")]
    add: Value,
}

/// Answers one request.
pub(super) async fn answer(request: Request<Incoming>, node: Mailbox<Node>) -> Answer {
    respond(request, node).await.unwrap_or_else(Answer::from)
}

async fn respond(request: Request<Incoming>, node: Mailbox<Node>) -> Result<Answer, Refused> {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let key = parts.get(1).filter(|key| !key.is_empty()).map(|key| Arc::<str>::from(*key));
    match (parts[0], key, parts.len()) {
        ("healthz", None, 1) => Ok(healthz(&node).await),
        ("status", None, 1) => Ok(status(&node).await),
        ("register", Some(key), 2) if method == Method::GET => {
            let value = node.look(move |node, _| node.register(&key)).await;
            Ok(value.map_or_else(|| stopping(true), |value| answered(&json!({ "value": to_json(&value) }))))
        }
        ("register", Some(key), 2) if method == Method::PUT => {
            let body: Body<WriteBody> = read_body(request).await?;
            Ok(write(&node, Cell::Register(key), body.rest.value).await)
        }
        ("set", Some(key), 2) if method == Method::GET => {
            let elements = node.look(move |node, _| node.set(&key)).await;
            let listed = |elements: Vec<Value>| elements.iter().map(to_json).collect::<Vec<Json>>();
            Ok(elements.map_or_else(|| stopping(true), |all| answered(&json!({ "elements": listed(all) }))))
        }
        ("set", Some(key), 2) if method == Method::POST => {
            let body: Body<AddBody> = read_body(request).await?;
            if body.rest.add == Value::Null {
                return Err(Refused::new(StatusCode::BAD_REQUEST, "bad-request: null is no element"));
            }
            Ok(write(&node, Cell::Element(key, body.rest.add), Value::Int(1)).await)
        }
        ("register" | "set", Some(_), 2) => Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed")),
        _ => Err(Refused::new(StatusCode::NOT_FOUND, "no-such-path")),
    }
}

async fn write(node: &Mailbox<Node>, cell: Cell, value: Value) -> Answer {
    match node.request(rashomon_lww::Request::Write(cell, value)).await {
        Some(_) => reply(StatusCode::OK, "{}"),
        None => stopping(false),
    }
}

async fn healthz(node: &Mailbox<Node>) -> Answer {
    let ready = |node: &Node, clock: Clock| node.status().heard_all || clock.monotonic_ms >= ALONE_MS;
    match node.look(ready).await {
        Some(true) => reply(StatusCode::OK, "{}"),
        Some(false) => failure(StatusCode::SERVICE_UNAVAILABLE, "starting", true),
        None => stopping(true),
    }
}

async fn status(node: &Mailbox<Node>) -> Answer {
    let Some((status, clock)) = node.look(|node, clock| (node.status(), clock)).await else { return stopping(true) };
    answered(&json!({
        "cells": status.cells,
        "discarded": status.discarded,
        "heard_all": status.heard_all,
        "wall_clock_ms": clock.wall_ms(),
        "pid": std::process::id(),
    }))
}

fn stopping(nothing_happened: bool) -> Answer {
    failure(StatusCode::SERVICE_UNAVAILABLE, "stopping", nothing_happened)
}

fn answered(body: &Json) -> Answer {
    reply(StatusCode::OK, body.to_string())
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Int(number) => Json::from(*number),
        Value::Text(text) => Json::from(&**text),
    }
}

fn value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    let value = match Json::deserialize(deserializer)? {
        Json::Null => Some(Value::Null),
        Json::String(text) => Some(Value::Text(text.into())),
        Json::Number(number) => number.as_i64().map(Value::Int),
        _ => None,
    };
    value.ok_or_else(|| serde::de::Error::custom("a value is an integer of 64 bits, text or null"))
}
