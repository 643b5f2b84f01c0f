//! Clients' requests: HTTP/1.1 with JSON bodies.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `GET /register/KEY` | | `{"value":5}` |
//! | `PUT /register/KEY` | `{"value":5,"client":"c1","seq":7}` | `{}` |
//! | `POST /register/KEY/cas` | `{"from":1,"to":2,"client":"c1","seq":8}` | `{"swapped":true}` |
//! | `GET /set/KEY` | | `{"elements":[1,2]}` |
//! | `POST /set/KEY` | `{"add":5,…}` | `{}` |
//! | `GET /counter/KEY` | | `{"value":3}` |
//! | `POST /counter/KEY` | `{"add":1,…}` | `{}` |
//! | `GET /list/KEY` | | `{"elements":[1,2]}` |
//! | `POST /list/KEY` | `{"append":5,…}` | `{}` |
//! | `POST /transaction` | `{"steps":[…],…}` | `{"results":[…]}` or `{"refused":true}`: see [`super::transaction`] |
//! | `GET /status` | | the node's role, term and indices |
//! | `GET /healthz` | | `{}` as soon as HTTP is served |
//!
//! Values are integers of 64 bits, text or null. All reads are linearizable, on any node. `client` and `seq` may be
//! left out together; such a request is never repeated between nodes. KEY is taken as it stands in the path, undecoded.
//!
//! An error has `{"error":…,"definite":…}`. `definite` is true only when the operation did not and will not happen:
//! 400, 404 and 405 (not understood), 503 `no-leader` (went nowhere), 504 `timeout` of a read. A write's 504 `timeout`
//! has `"definite":false`, and so has 409 `superseded`: a later request of the same client was applied first.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use rashomon_mutants::Mutants;
use rashomon_raft::{Command, Failure, Node, Query, Response, Session, Update};
use serde::Deserialize;
use serde_json::json;

use super::transaction::{self, TransactionBody};
use super::values::JsonValue;
use crate::driver::Mailbox;
use crate::http::{Answer, Body, Refused, failure, read_body, reply};

/// What a request asks for.
enum Asked {
    Read(Query),
    Write(Command),
    Status,
    Healthz,
}

/// Answers one request.
pub(super) async fn answer(request: Request<Incoming>, node: Mailbox<Node>) -> Answer {
    match understand(request).await {
        Err(refused) => refused.into(),
        Ok(Asked::Healthz) => reply(StatusCode::OK, "{}"),
        Ok(Asked::Status) => status(node).await,
        Ok(Asked::Read(query)) => finish(node.request(rashomon_raft::Request::Read(query)).await, true),
        Ok(Asked::Write(command)) => finish(node.request(rashomon_raft::Request::Write(command)).await, false),
    }
}

async fn understand(request: Request<Incoming>) -> Result<Asked, Refused> {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let key = parts.get(1).filter(|key| !key.is_empty()).map(|key| Arc::<str>::from(*key));
    let get = method == Method::GET;
    match (parts[0], key, parts.get(2).copied()) {
        ("healthz", None, None) if get => Ok(Asked::Healthz),
        ("status", None, None) if get => Ok(Asked::Status),
        ("register", Some(key), None) if get => Ok(Asked::Read(Query::Register(key))),
        ("set", Some(key), None) if get => Ok(Asked::Read(Query::Set(key))),
        ("counter", Some(key), None) if get => Ok(Asked::Read(Query::Counter(key))),
        ("list", Some(key), None) if get => Ok(Asked::Read(Query::List(key))),
        ("register", Some(key), None) if method == Method::PUT => {
            let body: Body<WriteBody> = read_body(request).await?;
            Ok(Asked::Write(command(body, key, |body| Update::Write(body.value.0))?))
        }
        ("register", Some(key), Some("cas")) if method == Method::POST => {
            let body: Body<CasBody> = read_body(request).await?;
            Ok(Asked::Write(command(body, key, |body| Update::Cas { from: body.from.0, to: body.to.0 })?))
        }
        ("set", Some(key), None) if method == Method::POST => {
            let body: Body<AddBody> = read_body(request).await?;
            Ok(Asked::Write(command(body, key, |body| Update::SetAdd(body.add.0))?))
        }
        ("counter", Some(key), None) if method == Method::POST => {
            let body: Body<CountBody> = read_body(request).await?;
            Ok(Asked::Write(command(body, key, |body| Update::CounterAdd(body.add))?))
        }
        ("list", Some(key), None) if method == Method::POST => {
            let body: Body<AppendBody> = read_body(request).await?;
            Ok(Asked::Write(command(body, key, |body| Update::ListAppend(body.append.0))?))
        }
        ("transaction", None, None) if method == Method::POST => transact(read_body(request).await?),
        ("register" | "set" | "counter" | "list", Some(_), None) | ("register", Some(_), Some("cas")) => {
            Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed"))
        }
        _ => Err(Refused::new(StatusCode::NOT_FOUND, "no-such-path")),
    }
}

fn transact(body: Body<TransactionBody>) -> Result<Asked, Refused> {
    let steps = body.rest.steps().ok_or(Refused::new(StatusCode::BAD_REQUEST, "bad-step"))?;
    if let Some(queries) = transaction::queries(&steps) {
        return Ok(Asked::Read(Query::Many(queries)));
    }
    Ok(Asked::Write(command(body, "".into(), |_| Update::Transaction(steps))?))
}

#[derive(Deserialize)]
struct WriteBody {
    value: JsonValue,
}

#[derive(Deserialize)]
struct CasBody {
    from: JsonValue,
    to: JsonValue,
}

#[derive(Deserialize)]
struct AddBody {
    add: JsonValue,
}

#[derive(Deserialize)]
struct CountBody {
    add: i64,
}

#[derive(Deserialize)]
struct AppendBody {
    append: JsonValue,
}

fn command<T>(body: Body<T>, key: Arc<str>, update: impl FnOnce(T) -> Update) -> Result<Command, Refused> {
    let session = body.session()?.map(|(client, seq)| Session { client, seq });
    Ok(Command { session, key, update: update(body.rest) })
}

/// The answer to an operation. Without a result the node is stopping.
fn finish(result: Option<Result<Response, Failure>>, is_read: bool) -> Answer {
    match result {
        Some(Ok(response)) => match response {
            Response::Done => reply(StatusCode::OK, "{}"),
            Response::Swapped(true) => reply(StatusCode::OK, r#"{"swapped":true}"#),
            Response::Swapped(false) => reply(StatusCode::OK, r#"{"swapped":false}"#),
            Response::Value(value) => reply(StatusCode::OK, json!({ "value": JsonValue(value) }).to_string()),
            Response::Count(value) => reply(StatusCode::OK, json!({ "value": value }).to_string()),
            Response::Elements(elements) => {
                let elements: Vec<JsonValue> = elements.into_iter().map(JsonValue).collect();
                reply(StatusCode::OK, json!({ "elements": elements }).to_string())
            }
            Response::Many(answers) => reply(StatusCode::OK, transaction::results(answers).to_string()),
            Response::Refused => reply(StatusCode::OK, r#"{"refused":true}"#),
            Response::Superseded => failure(StatusCode::CONFLICT, "superseded", false),
        },
        Some(Err(why)) => {
            let (status, error) = match why {
                Failure::NoLeader => (StatusCode::SERVICE_UNAVAILABLE, "no-leader"),
                Failure::WriteTimeout | Failure::ReadTimeout => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
            };
            failure(status, error, why.is_definite())
        }
        None => failure(StatusCode::SERVICE_UNAVAILABLE, "stopping", is_read),
    }
}

async fn status(node: Mailbox<Node>) -> Answer {
    let Some((status, clock)) = node.look(|node, clock| (node.status(), clock)).await else {
        return failure(StatusCode::SERVICE_UNAVAILABLE, "stopping", true);
    };
    let body = json!({
        "id": status.id,
        "role": status.role,
        "term": status.term,
        "leader": status.leader,
        "commit": status.commit,
        "applied": status.applied,
        "last_index": status.last_index,
        "first_index": status.first_index,
        "snapshot_index": status.snapshot_index,
        "mutant": status.mutant.map(|mutant| mutant.info().name),
        "wall_clock_ms": clock.wall_ms(),
        "pid": std::process::id(),
    });
    reply(StatusCode::OK, body.to_string())
}
