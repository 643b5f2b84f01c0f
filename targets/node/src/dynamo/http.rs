//! Clients' requests: HTTP/1.1 with JSON bodies.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `GET /register/KEY` | | `{"value":5}`, null before the first write and after a deletion |
//! | `PUT /register/KEY` | `{"value":5}` | `{}` |
//! | `DELETE /register/KEY` | | `{}` |
//! | `GET /siblings/KEY` | | `{"values":[4,5],"context":"…"}` |
//! | `PUT /siblings/KEY` | `{"value":6,"context":"…"}`; null for a blind put | `{}` |
//! | `DELETE /siblings/KEY` | `{"context":"…"}` | `{}` |
//! | `GET /counter/KEY` | | `{"total":3}` |
//! | `POST /counter/KEY` | `{"add":1}` | `{}` |
//! | `GET /set/KEY`, `GET /cart/KEY` | | `{"elements":[1,2]}` |
//! | `POST /set/KEY` | `{"add":5}` | `{}` |
//! | `POST /cart/KEY` | `{"add":5}` or `{"remove":5}` | `{}` |
//! | `GET /members` | | `{"members":[[1,"alive",3]]}`: node, state, incarnation |
//! | `POST /members` | `{"leave":true}` or `{"join":true}` | `{}` |
//! | `GET /status` | | the node's ring, counts and clock |
//! | `GET /healthz` | | `{}` as soon as HTTP is served |
//!
//! Any of `?n=`, `?r=` and `?w=` replaces the cluster's setting for one request. Values are integers of 64 bits, text
//! or null. Bodies may carry `client` and `seq`; a node never repeats a request, so it does not need them. KEY is taken
//! as it stands in the path, undecoded.
//!
//! An error has `{"error":…,"definite":…}`. `definite` is true when the operation did not and will not happen: 400,
//! 404, 405, 501 (not understood, not supported), 503 `unavailable` (nothing was written) and `starting`. A 504
//! `timeout` of an update has `"definite":false`. There is no compare-and-set.

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use rashomon_dynamo::{Ask, Context, Failure, Key, Quorum, Response, Space, Update};
use rashomon_mutants::Mutants;
use rashomon_swim::Change;
use serde::Deserialize;
use serde_json::json;

use super::node::StoreNode;
use super::values::{JsonValue, decode, encode};
use crate::driver::Mailbox;
use crate::http::{Answer, Body, Refused, failure, read_body, reply};

/// Answers one request. `cluster` is the cluster's quorum.
pub(super) async fn answer(request: Request<Incoming>, node: Mailbox<StoreNode>, cluster: Quorum) -> Answer {
    match understand(request, cluster).await {
        Err(refused) => refused.into(),
        Ok(Asked::Healthz) => reply(StatusCode::OK, "{}"),
        Ok(Asked::Status) => status(node).await,
        Ok(Asked::Members) => members(node).await,
        Ok(Asked::Change(change)) => match node.request(super::node::Request::Change(change)).await {
            Some(Ok(_)) => reply(StatusCode::OK, "{}"),
            // It takes part no sooner than later; the ring may change all the same.
            Some(Err(_)) => failure(StatusCode::SERVICE_UNAVAILABLE, "starting", false),
            None => failure(StatusCode::SERVICE_UNAVAILABLE, "stopping", false),
        },
        Ok(Asked::Store(key, ask, quorum)) => {
            let is_read = ask == Ask::Read;
            finish(node.request(super::node::Request::Operation(key, ask, quorum)).await, is_read)
        }
    }
}

/// What a request asks for.
enum Asked {
    Store(Key, Ask, Option<Quorum>),
    Members,
    Change(Change),
    Status,
    Healthz,
}

async fn understand(request: Request<Incoming>, cluster: Quorum) -> Result<Asked, Refused> {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let parts: Vec<&str> = path.split('/').collect();
    let get = request.method() == Method::GET;
    let (kind, name) = match parts[..] {
        ["healthz"] if get => return Ok(Asked::Healthz),
        ["status"] if get => return Ok(Asked::Status),
        ["members"] if get => return Ok(Asked::Members),
        ["members"] if request.method() == Method::POST => {
            return match body::<MembersBody>(request).await? {
                MembersBody::Join(true) => Ok(Asked::Change(Change::Join)),
                MembersBody::Leave(true) => Ok(Asked::Change(Change::Leave)),
                _ => Err(Refused::new(StatusCode::BAD_REQUEST, "bad-request: join or leave must be true")),
            };
        }
        ["register", _, "cas"] => return Err(Refused::new(StatusCode::NOT_IMPLEMENTED, "unsupported")),
        [kind, name] if !name.is_empty() => (kind, name),
        _ => return Err(Refused::new(StatusCode::NOT_FOUND, "no-such-path")),
    };
    let space = match kind {
        "register" => Space::Register,
        "siblings" => Space::Siblings,
        "counter" => Space::Counter,
        "set" => Space::Set,
        "cart" => Space::Cart,
        _ => return Err(Refused::new(StatusCode::NOT_FOUND, "no-such-path")),
    };
    let quorum = quorum(request.uri().query(), cluster)?;
    let key = Key { space, name: name.into() };
    let method = request.method().clone();
    let ask = match (space, method) {
        (_, Method::GET) => Ask::Read,
        (Space::Register, Method::PUT) => Ask::Update(Update::Write(body::<ValueBody>(request).await?.value.0)),
        (Space::Register, Method::DELETE) => Ask::Update(Update::Delete(Context::default())),
        (Space::Siblings, Method::PUT) => {
            let SiblingsBody { value, context } = body(request).await?;
            Ask::Update(Update::Put(value.0, seen(context)?))
        }
        (Space::Siblings, Method::DELETE) => {
            Ask::Update(Update::Delete(seen(body::<ContextBody>(request).await?.context)?))
        }
        (Space::Counter, Method::POST) => Ask::Update(Update::Count(body::<CountBody>(request).await?.add)),
        (Space::Set, Method::POST) => Ask::Update(Update::Add(body::<AddBody>(request).await?.add.0)),
        (Space::Cart, Method::POST) => Ask::Update(match body::<CartBody>(request).await? {
            CartBody::Add(element) => Update::Add(element.0),
            CartBody::Remove(element) => Update::Remove(element.0),
        }),
        _ => return Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed")),
    };
    Ok(Asked::Store(key, ask, quorum))
}

/// The quorum that a query asks for; `None` without one.
fn quorum(query: Option<&str>, cluster: Quorum) -> Result<Option<Quorum>, Refused> {
    let Some(query) = query else { return Ok(None) };
    let refused = || Refused::new(StatusCode::BAD_REQUEST, "bad-request: the query takes n, r and w from 1 to N");
    let mut quorum = cluster;
    for part in query.split('&') {
        let (name, number) = part.split_once('=').ok_or_else(refused)?;
        let number = number.parse().map_err(|_| refused())?;
        match name {
            "n" => quorum.n = number,
            "r" => quorum.r = number,
            "w" => quorum.w = number,
            _ => return Err(refused()),
        }
    }
    let fits = |number: u16| (1..=quorum.n).contains(&number);
    if (1..=cluster.n).contains(&quorum.n) && fits(quorum.r) && fits(quorum.w) {
        Ok(Some(quorum))
    } else {
        Err(refused())
    }
}

async fn body<T: for<'de> Deserialize<'de>>(request: Request<Incoming>) -> Result<T, Refused> {
    let body: Body<T> = read_body(request).await?;
    body.session()?;
    Ok(body.rest)
}

fn seen(context: Option<String>) -> Result<Context, Refused> {
    let Some(context) = context else { return Ok(Context::default()) };
    decode(&context).ok_or_else(|| Refused::new(StatusCode::BAD_REQUEST, "bad-request: this is no context of a read"))
}

#[derive(Deserialize)]
struct ValueBody {
    value: JsonValue,
}

#[derive(Deserialize)]
struct SiblingsBody {
    value: JsonValue,
    context: Option<String>,
}

#[derive(Deserialize)]
struct ContextBody {
    context: Option<String>,
}

#[derive(Deserialize)]
struct CountBody {
    add: i64,
}

#[derive(Deserialize)]
struct AddBody {
    add: JsonValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum CartBody {
    Add(JsonValue),
    Remove(JsonValue),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum MembersBody {
    Join(bool),
    Leave(bool),
}

/// The answer to an operation. Without a result the node is stopping.
fn finish(result: Option<Result<Response, Failure>>, is_read: bool) -> Answer {
    let list = |values: Vec<rashomon_dynamo::Value>| values.into_iter().map(JsonValue).collect::<Vec<_>>();
    match result {
        Some(Ok(response)) => match response {
            Response::Done => reply(StatusCode::OK, "{}"),
            Response::Value(value) => reply(StatusCode::OK, json!({ "value": JsonValue(value) }).to_string()),
            Response::Siblings(values, context) => {
                let body = json!({ "values": list(values), "context": encode(&context) });
                reply(StatusCode::OK, body.to_string())
            }
            Response::Elements(elements) => reply(StatusCode::OK, json!({ "elements": list(elements) }).to_string()),
            Response::Total(total) => reply(StatusCode::OK, json!({ "total": total }).to_string()),
        },
        Some(Err(why)) => {
            let status = match why {
                Failure::Timeout | Failure::TakenForFailed => StatusCode::GATEWAY_TIMEOUT,
                Failure::Unsupported => StatusCode::NOT_IMPLEMENTED,
                Failure::Unavailable | Failure::Starting => StatusCode::SERVICE_UNAVAILABLE,
            };
            failure(status, why.class(), why.is_definite())
        }
        None => failure(StatusCode::SERVICE_UNAVAILABLE, "stopping", is_read),
    }
}

async fn members(node: Mailbox<StoreNode>) -> Answer {
    let Some(members) = node.look(|node, _| node.members()).await else {
        return failure(StatusCode::SERVICE_UNAVAILABLE, "stopping", true);
    };
    if members.is_empty() {
        return failure(StatusCode::SERVICE_UNAVAILABLE, "starting", true);
    }
    let members: Vec<_> =
        members.iter().map(|member| json!([member.id, member.state.as_str(), member.incarnation])).collect();
    reply(StatusCode::OK, json!({ "members": members }).to_string())
}

async fn status(node: Mailbox<StoreNode>) -> Answer {
    let Some((status, clock)) = node.look(|node, clock| (node.store().status(), clock)).await else {
        return failure(StatusCode::SERVICE_UNAVAILABLE, "stopping", true);
    };
    let body = json!({
        "id": status.id,
        "ring_version": status.ring.version,
        "ring_stage": format!("{:?}", status.ring.stage).to_lowercase(),
        "ring_members": status.ring.members,
        "keys": status.keys,
        "hints": status.hints.1,
        "hints_for": status.hints.0,
        "operations": status.operations,
        "mutant": status.mutant.map(|mutant| mutant.info().name),
        "wall_clock_ms": clock.wall_ms(),
        "pid": std::process::id(),
    });
    reply(StatusCode::OK, body.to_string())
}
