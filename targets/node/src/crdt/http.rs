//! Clients' requests: HTTP/1.1 with JSON bodies.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `GET /register/KEY` | | `{"value":5}`, null before the first write |
//! | `PUT /register/KEY` | `{"value":5}` | `{}` |
//! | `GET /siblings/KEY` | | `{"values":[4,5],"context":"…"}` |
//! | `PUT /siblings/KEY` | `{"value":6,"context":"…"}`; null for a blind put | `{}` |
//! | `GET /counter/KEY` | | `{"total":3}` |
//! | `POST /counter/KEY` | `{"add":1}` | `{}` |
//! | `GET /set/KEY`, `GET /cart/KEY` | | `{"elements":[1,2]}` |
//! | `POST /set/KEY` | `{"add":5}` | `{}` |
//! | `POST /cart/KEY` | `{"add":5}` or `{"remove":5}` | `{}` |
//! | `GET /map/KEY` | | `{"fields":{"f":[1,2]}}` |
//! | `POST /map/KEY` | `{"put":["f",1]}` or `{"remove":"f"}` | `{}` |
//! | `GET /text/KEY` | | `{"elements":[2,1]}`, in the text's order |
//! | `POST /text/KEY` | `{"insert":2,"after":1}` (null for the beginning) or `{"delete":2}` | `{}` |
//! | `GET /status` | | the node's name, counts and clock |
//! | `GET /healthz` | | `{}` as soon as HTTP is served |
//!
//! Values and elements are integers of 64 bits. A node answers from its own state, and not before what it tells is on
//! its disk. Bodies may carry `client` and `seq`; a node never repeats a request, so it does not need them. KEY is
//! taken as it stands in the path, undecoded.
//!
//! An error has `{"error":…,"definite":…}`. `definite` is true when the operation did not and will not happen: 400, 404
//! and 405 (not understood), 409 `unknown-element` (to be inserted after, or deleted; also one to be inserted after
//! that was deleted), `element-exists`, `unknown-context`.

use std::collections::BTreeSet;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use rashomon_crdt::types::{MapOperation, RgaOperation, SetOperation};
use rashomon_crdt::{Dot, Key, Query, Reading, Refusal, Replica, Update};
use rashomon_mutants::Mutants;
use serde::Deserialize;
use serde_json::json;

use crate::driver::Mailbox;
use crate::http::{Answer, Body, Refused, failure, read_body, reply};

/// Answers one request.
pub(super) async fn answer(request: Request<Incoming>, replica: Mailbox<Replica>) -> Answer {
    match understand(request).await {
        Err(refused) => refused.into(),
        Ok(Asked::Healthz) => reply(StatusCode::OK, "{}"),
        Ok(Asked::Status) => status(replica).await,
        Ok(Asked::Read(key, query)) => finish(replica.request(rashomon_crdt::Request::Read(key, query)).await, true),
        Ok(Asked::Update(key, update)) => {
            finish(replica.request(rashomon_crdt::Request::Update(key, update)).await, false)
        }
    }
}

/// What a request asks for.
enum Asked {
    Read(Key, Query),
    Update(Key, Update),
    Status,
    Healthz,
}

async fn understand(request: Request<Incoming>) -> Result<Asked, Refused> {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let get = request.method() == Method::GET;
    let parts: Vec<&str> = path.split('/').collect();
    let (kind, key) = match parts[..] {
        ["healthz"] if get => return Ok(Asked::Healthz),
        ["status"] if get => return Ok(Asked::Status),
        // Sets and carts are of one type, so the whole path is the name.
        [kind, key] if !key.is_empty() => (kind, Key::from(path.as_str())),
        _ => return Err(Refused::new(StatusCode::NOT_FOUND, "no-such-path")),
    };
    let (query, method) = match kind {
        "register" => (Query::Register, Method::PUT),
        "siblings" => (Query::Siblings, Method::PUT),
        "counter" => (Query::Counter, Method::POST),
        "set" | "cart" => (Query::Set, Method::POST),
        "map" => (Query::Map, Method::POST),
        "text" => (Query::Text, Method::POST),
        _ => return Err(Refused::new(StatusCode::NOT_FOUND, "no-such-path")),
    };
    if get {
        return Ok(Asked::Read(key, query));
    }
    if request.method() != method {
        return Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed"));
    }
    let update = match kind {
        "register" => body::<RegisterBody>(request).await?.update(),
        "siblings" => body::<SiblingsBody>(request).await?.update()?,
        "counter" => body::<CounterBody>(request).await?.update(),
        "set" => Update::Set(SetOperation::Add(body::<AddBody>(request).await?.add)),
        "cart" => body::<CartBody>(request).await?.update(),
        "map" => body::<MapBody>(request).await?.update(),
        _ => body::<TextBody>(request).await?.update(),
    };
    Ok(Asked::Update(key, update))
}

async fn body<T: for<'de> Deserialize<'de>>(request: Request<Incoming>) -> Result<T, Refused> {
    let body: Body<T> = read_body(request).await?;
    body.session()?;
    Ok(body.rest)
}

#[derive(Deserialize)]
struct RegisterBody {
    value: i64,
}

impl RegisterBody {
    fn update(self) -> Update {
        Update::RegisterWrite(self.value)
    }
}

#[derive(Deserialize)]
struct SiblingsBody {
    value: i64,
    context: Option<String>,
}

impl SiblingsBody {
    fn update(self) -> Result<Update, Refused> {
        let dots = self.context.iter().flat_map(|context| context.split_ascii_whitespace());
        let seen: Result<BTreeSet<Dot>, _> = dots.map(str::parse).collect();
        let seen =
            seen.map_err(|_| Refused::new(StatusCode::BAD_REQUEST, "bad-request: this is no context of a read"))?;
        Ok(Update::SiblingsPut { value: self.value, seen })
    }
}

#[derive(Deserialize)]
struct CounterBody {
    add: i64,
}

impl CounterBody {
    fn update(self) -> Update {
        Update::CounterAdd(self.add)
    }
}

#[derive(Deserialize)]
struct AddBody {
    add: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum CartBody {
    Add(i64),
    Remove(i64),
}

impl CartBody {
    fn update(self) -> Update {
        Update::Set(match self {
            CartBody::Add(element) => SetOperation::Add(element),
            CartBody::Remove(element) => SetOperation::Remove(element),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum MapBody {
    Put((Arc<str>, i64)),
    Remove(Arc<str>),
}

impl MapBody {
    fn update(self) -> Update {
        Update::Map(match self {
            MapBody::Put((field, value)) => MapOperation::Put(field, value),
            MapBody::Remove(field) => MapOperation::Remove(field),
        })
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TextBody {
    Insert { insert: i64, after: Option<i64> },
    Delete { delete: i64 },
}

impl TextBody {
    fn update(self) -> Update {
        Update::Text(match self {
            TextBody::Insert { insert, after } => RgaOperation::Insert(insert, after),
            TextBody::Delete { delete } => RgaOperation::Delete(delete),
        })
    }
}

/// The answer to an operation. Without a result the node is stopping.
fn finish(result: Option<Result<Option<Reading>, Refusal>>, is_read: bool) -> Answer {
    match result {
        Some(Ok(None)) => reply(StatusCode::OK, "{}"),
        Some(Ok(Some(reading))) => {
            let body = match reading {
                Reading::Total(total) => json!({ "total": total }),
                Reading::Register(value) => json!({ "value": value }),
                Reading::Siblings(siblings) => {
                    let values: Vec<i64> = siblings.iter().map(|(_, value)| *value).collect();
                    let dots: Vec<String> = siblings.iter().map(|(dot, _)| dot.to_string()).collect();
                    json!({ "values": values, "context": dots.join(" ") })
                }
                Reading::Elements(elements) => json!({ "elements": elements }),
                Reading::Fields(fields) => json!({ "fields": fields }),
            };
            reply(StatusCode::OK, body.to_string())
        }
        Some(Err(why)) => {
            let error = match why {
                Refusal::UnknownElement => "unknown-element",
                Refusal::ElementExists => "element-exists",
                Refusal::UnknownContext => "unknown-context",
            };
            failure(StatusCode::CONFLICT, error, true)
        }
        None => failure(StatusCode::SERVICE_UNAVAILABLE, "stopping", is_read),
    }
}

async fn status(replica: Mailbox<Replica>) -> Answer {
    let Some((status, clock)) = replica.look(|replica, clock| (replica.status(), clock)).await else {
        return failure(StatusCode::SERVICE_UNAVAILABLE, "stopping", true);
    };
    let body = json!({
        "id": status.actor.node,
        "actor": status.actor.to_string(),
        "sequence": status.sequence,
        "deltas": status.deltas,
        "tombstones": status.tombstones,
        "mutant": status.mutant.map(|mutant| mutant.info().name),
        "wall_clock_ms": clock.wall_ms(),
        "pid": std::process::id(),
    });
    reply(StatusCode::OK, body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, String> {
        serde_json::from_str::<Body<T>>(text).map(|body| body.rest).map_err(|error| error.to_string())
    }

    #[test]
    fn bodies_are_read_as_the_table_says() {
        let text = |text| parsed::<TextBody>(text).map(TextBody::update);
        let inserted = |after| Ok(Update::Text(RgaOperation::Insert(2, after)));
        assert_eq!(text(r#"{"insert":2,"after":1,"client":"c","seq":1}"#), inserted(Some(1)));
        assert_eq!(text(r#"{"insert":2,"after":null}"#), inserted(None));
        assert_eq!(text(r#"{"delete":2}"#), Ok(Update::Text(RgaOperation::Delete(2))));
        assert!(text(r#"{"remove":2}"#).is_err());
        let cart = |text| parsed::<CartBody>(text).map(CartBody::update);
        assert_eq!(cart(r#"{"client":"c","seq":1,"add":5}"#), Ok(Update::Set(SetOperation::Add(5))));
        assert_eq!(cart(r#"{"remove":5,"client":"c","seq":1}"#), Ok(Update::Set(SetOperation::Remove(5))));
        let map = |text| parsed::<MapBody>(text).map(MapBody::update);
        assert_eq!(map(r#"{"put":["f",1],"client":"c","seq":1}"#), Ok(Update::Map(MapOperation::Put("f".into(), 1))));
        assert_eq!(map(r#"{"remove":"f"}"#), Ok(Update::Map(MapOperation::Remove("f".into()))));
        let siblings = |text| parsed::<SiblingsBody>(text).map(|body| body.update().map_err(|refused| refused.error));
        let dot: Dot = "1.ab.7".parse().unwrap();
        let put = |seen: &[Dot]| Ok(Update::SiblingsPut { value: 3, seen: seen.iter().copied().collect() });
        assert_eq!(siblings(r#"{"value":3,"context":"1.ab.7"}"#), Ok(put(&[dot])));
        assert_eq!(siblings(r#"{"value":3,"context":null}"#), Ok(put(&[])));
        assert!(siblings(r#"{"value":3,"context":"1.2"}"#).unwrap().is_err());
    }
}
