//! The services that nodes may use: `lin-kv`, `seq-kv`, `lww-kv` and `lin-tso`. No fault reaches them.

mod lin_kv;
mod lww_kv;
mod seq_kv;

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::error::Code;
use crate::message::{Body, Message};
use lin_kv::LinKv;
use lww_kv::LwwKv;
use seq_kv::SeqKv;

/// The names of the services.
pub const NAMES: [&str; 4] = ["lin-kv", "seq-kv", "lww-kv", "lin-tso"];

/// A whole number below a bound, drawn at random.
pub type Draw<'a> = &'a mut dyn FnMut(u64) -> u64;

/// All services with their state.
#[derive(Debug, Default)]
pub struct Services {
    lin_kv: LinKv,
    seq_kv: SeqKv,
    lww_kv: LwwKv,
    last_timestamp: u64,
}

impl Services {
    /// Answers a message to a service; `None` when there is no such service.
    pub fn answer(&mut self, message: &Message, draw: Draw<'_>) -> Option<Message> {
        let answer = match &*message.dest {
            "lin-kv" => self.lin_kv.answer(&message.body),
            "seq-kv" => self.seq_kv.answer(&message.src, &message.body, draw),
            "lww-kv" => self.lww_kv.answer(&message.body, draw),
            "lin-tso" => self.timestamp(message.kind()),
            _ => return None,
        };
        Some(message.reply(answer.unwrap_or_else(Refused::body)))
    }

    fn timestamp(&mut self, kind: &str) -> Answer {
        if kind != "ts" {
            return Err(Refused::unsupported(kind));
        }
        self.last_timestamp += 1;
        Ok(body(json!({ "type": "ts_ok", "ts": self.last_timestamp })))
    }
}

/// A store holds no more keys, and no more bytes of keys and values: a program that writes without end must not fill
/// this machine.
const KEYS: usize = 50_000;
const BYTES: usize = 32 << 20;

/// What a service answers.
type Answer = Result<Body, Refused>;

/// An error of a service.
#[derive(Debug, PartialEq, Eq)]
struct Refused {
    code: Code,
    text: String,
}

impl Refused {
    fn new(code: Code, text: impl Into<String>) -> Refused {
        Refused { code, text: text.into() }
    }

    fn unsupported(kind: &str) -> Refused {
        Refused::new(Code::NOT_SUPPORTED, format!("the service has no request {kind}"))
    }

    fn body(self) -> Body {
        body(json!({ "type": "error", "code": self.code.0, "text": self.text }))
    }
}

/// A body from an object.
fn body(json: Json) -> Body {
    match json {
        Json::Object(body) => body,
        _ => Body::new(),
    }
}

/// Keys are JSON values: equal ones have equal texts.
type Map<V> = BTreeMap<String, V>;

/// A request to a store.
enum Request<'a> {
    Read,
    Write(&'a Json),
    Cas { from: &'a Json, to: &'a Json, create: bool },
}

/// Refuses what a store of so many keys and bytes has no room for.
fn has_room(keys: usize, bytes: usize, key: &str, value: &Json) -> Result<usize, Refused> {
    let more = key.len() + size(value);
    if keys < KEYS && bytes + more <= BYTES {
        return Ok(more);
    }
    Err(Refused::new(
        Code::TEMPORARILY_UNAVAILABLE,
        format!("the store is full: it takes {KEYS} keys and {BYTES} bytes"),
    ))
}

/// About how many bytes a value takes.
fn size(value: &Json) -> usize {
    match value {
        Json::String(text) => text.len(),
        Json::Array(items) => items.iter().map(|item| 8 + size(item)).sum(),
        Json::Object(fields) => fields.iter().map(|(name, field)| 8 + name.len() + size(field)).sum(),
        Json::Null | Json::Bool(_) | Json::Number(_) => 8,
    }
}

/// The key and the request of a body.
fn request(body: &Body) -> Result<(String, Request<'_>), Refused> {
    let kind = body.get("type").and_then(Json::as_str).unwrap_or_default();
    let part = |name: &str| {
        body.get(name).ok_or_else(|| Refused::new(Code::MALFORMED_REQUEST, format!("{kind} without `{name}`")))
    };
    let request = match kind {
        "read" => Request::Read,
        "write" => Request::Write(part("value")?),
        "cas" => {
            let create = body.get("create_if_not_exists").is_some_and(|create| create == &Json::Bool(true));
            Request::Cas { from: part("from")?, to: part("to")?, create }
        }
        _ => return Err(Refused::unsupported(kind)),
    };
    Ok((part("key")?.to_string(), request))
}

fn read(key: &str, value: Option<&Json>) -> Answer {
    let value = value.ok_or_else(|| Refused::new(Code::KEY_DOES_NOT_EXIST, format!("there is no key {key}")))?;
    Ok(body(json!({ "type": "read_ok", "value": value })))
}

fn written() -> Body {
    body(json!({ "type": "write_ok" }))
}

fn swapped() -> Body {
    body(json!({ "type": "cas_ok" }))
}

/// Whether a compare-and-set may take place.
fn compare(key: &str, held: Option<&Json>, from: &Json, create: bool) -> Result<(), Refused> {
    match held {
        Some(held) if held == from => Ok(()),
        Some(held) => Err(Refused::new(Code::PRECONDITION_FAILED, format!("key {key} holds {held}, not {from}"))),
        None if create => Ok(()),
        None => Err(Refused::new(Code::KEY_DOES_NOT_EXIST, format!("there is no key {key}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(services: &mut Services, service: &str, from: &str, json: Json) -> Json {
        let message = Message::new(from, service, body(json));
        let reply = services.answer(&message, &mut |_| 0).expect("a service");
        assert_eq!((&*reply.src, &*reply.dest), (service, from));
        Json::Object(reply.body)
    }

    #[test]
    fn stores_read_write_and_compare() {
        for store in ["lin-kv", "seq-kv", "lww-kv"] {
            let services = &mut Services::default();
            let mut ask = |json: Json| ask(services, store, "n1", json);
            assert_eq!(ask(json!({"type": "read", "key": "k", "msg_id": 1}))["code"], 20, "{store}");
            assert_eq!(ask(json!({"type": "cas", "key": "k", "from": 1, "to": 2}))["code"], 20, "{store}");
            let wrote = ask(json!({"type": "write", "key": "k", "value": {"a": [1]}, "msg_id": 9}));
            assert_eq!(wrote, json!({"type": "write_ok", "in_reply_to": 9}), "{store}");
            let read = ask(json!({"type": "read", "key": "k", "msg_id": 2}));
            assert_eq!(read, json!({"type": "read_ok", "value": {"a": [1]}, "in_reply_to": 2}), "{store}");
            assert_eq!(ask(json!({"type": "cas", "key": "k", "from": 1, "to": 2}))["code"], 22, "{store}");
            assert_eq!(ask(json!({"type": "cas", "key": "k", "from": {"a": [1]}, "to": 2}))["type"], "cas_ok");
            assert_eq!(ask(json!({"type": "read", "key": "k"}))["value"], 2, "{store}");
            assert_eq!(ask(json!({"type": "write", "key": "k"}))["code"], 12, "{store}");
            assert_eq!(ask(json!({"type": "read"}))["code"], 12, "{store}");
            assert_eq!(ask(json!({"type": "sing", "key": "k"}))["code"], 10, "{store}");
        }
    }

    #[test]
    fn a_compare_and_set_may_create() {
        for (store, creates) in [("lin-kv", true), ("seq-kv", true), ("lww-kv", false)] {
            let services = &mut Services::default();
            let cas = json!({"type": "cas", "key": 5, "from": 0, "to": 2, "create_if_not_exists": true});
            assert_eq!(ask(services, store, "n1", cas)["type"] == "cas_ok", creates, "{store}");
        }
    }

    #[test]
    fn a_store_that_is_full_refuses() {
        for store in ["lin-kv", "seq-kv", "lww-kv"] {
            let services = &mut Services::default();
            let large = "x".repeat(BYTES / 4);
            let mut codes = Vec::new();
            for key in 0..5 {
                let answer = ask(services, store, "n1", json!({"type": "write", "key": key, "value": large}));
                codes.push(answer["code"].as_u64());
            }
            assert_eq!(codes[..3], [None; 3], "{store}");
            assert_eq!(codes[4], Some(11), "{store}");
            let again = ask(services, store, "n1", json!({"type": "write", "key": 0, "value": "small"}));
            assert_eq!(again["type"], "write_ok", "{store}");
            assert_eq!(ask(services, store, "n1", json!({"type": "read", "key": 0}))["value"], "small", "{store}");
        }
    }

    #[test]
    fn timestamps_grow() {
        let services = &mut Services::default();
        let stamps: Vec<u64> =
            (0..5).map(|_| ask(services, "lin-tso", "n1", json!({"type": "ts"}))["ts"].as_u64().unwrap()).collect();
        assert!(stamps.is_sorted_by(|one, next| one < next), "{stamps:?}");
        assert_eq!(ask(services, "lin-tso", "n1", json!({"type": "read"}))["code"], 10);
        assert!(services.answer(&Message::new("n1", "no-kv", Body::new()), &mut |_| 0).is_none());
    }
}
