//! How the operations of each interface look on the wire.
//!
//! | interface | operation | request | answer |
//! |---|---|---|---|
//! | register | read | `GET /register/K` | `{"value": V}` |
//! | | write | `PUT /register/K` `{"value": V}` | `{}` |
//! | | cas | `POST /register/K/cas` `{"from": V, "to": V}` | `{"swapped": true or false}` |
//! | set | read | `GET /set/K` | `{"elements": [E…]}` |
//! | | add | `POST /set/K` `{"add": E}` | `{}` |
//! | counter | read | `GET /counter/K` | `{"total": N}` |
//! | | add | `POST /counter/K` `{"add": N}` | `{}` |
//! | cart | read | `GET /cart/K` | `{"elements": [E…]}` |
//! | | add, remove | `POST /cart/K` `{"add": E}`, `{"remove": E}` | `{}` |
//! | siblings | read | `GET /siblings/K` | `{"values": [V…], "context": TEXT}` |
//! | | put | `PUT /siblings/K` `{"value": V, "context": TEXT or null}` | `{}` |
//! | text | read | `GET /text/K` | `{"elements": [E…]}` |
//! | | insert | `POST /text/K` `{"insert": E, "after": E or null}` | `{}` |
//! | | delete | `POST /text/K` `{"delete": E}` | `{}` |
//! | map | read | `GET /map/K` | `{"fields": {NAME: [V…]…}}` |
//! | | put | `POST /map/K` `{"put": [NAME, V]}` | `{}` |
//! | | remove | `POST /map/K` `{"remove": NAME}` | `{}` |
//! | list-append, rw-register, bank | | `POST /transaction`, see `targets/adapters/src/object_client/transactions.rs` | |
//! | members | read | `GET /members` | `{"members": [[ID, STATE, INCARNATION]…]}` |
//! | | leave, join | `POST /members` `{"leave": true}`, `{"join": true}` | `{}` |
//!
//! Every body also has `"client"` and `"seq"`.

use hyper::Method;
use rashomon_harness::client::{Completion, Operation};
use rashomon_harness::interface::Interface;
use rashomon_history::Value;
use serde_json::{Value as Json, json};

use super::json::{element_to_json, elements_from_json, fields_from_json, from_json, to_json};
use super::transactions::{BANK, LISTS, REGISTERS, TRANSACTION};

/// How something is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// For what changes nothing.
    Get,
    /// For what replaces.
    Put,
    /// For what changes otherwise.
    Post,
}

impl Verb {
    /// As HTTP says it.
    pub(super) fn method(self) -> Method {
        match self {
            Verb::Get => Method::GET,
            Verb::Put => Method::PUT,
            Verb::Post => Method::POST,
        }
    }
}

/// An interface.
pub(super) struct Vocabulary {
    /// What messages call an object of it.
    pub(super) noun: &'static str,
    /// Where its objects are.
    pub(super) path: &'static str,
    /// Whether there are many objects, each with a key.
    pub(super) keyed: bool,
    /// Whether reads come with a context.
    pub(super) has_context: bool,
    functions: &'static [Function],
}

/// One function of an interface.
pub(super) struct Function {
    name: &'static str,
    pub(super) verb: Verb,
    /// Follows the key in the path.
    pub(super) suffix: &'static str,
    /// The body of a request with this value; `None` when the value makes no sense. Not asked for a `GET`.
    pub(super) body: fn(&Value) -> Option<Json>,
    /// Whether the body also has the context of what the process read.
    pub(super) supersedes: bool,
    /// What an answer of status 200 means; `None` when it is not understood.
    pub(super) answer: fn(&Operation, &Json) -> Option<Completion>,
}

impl Vocabulary {
    /// The function of this name.
    pub(super) fn function(&self, name: &str) -> Option<&'static Function> {
        self.functions.iter().find(|function| function.name == name)
    }
}

impl Function {
    /// Whether something is different afterwards.
    pub(super) fn changes(&self) -> bool {
        self.verb != Verb::Get
    }

    const fn read(answer: fn(&Operation, &Json) -> Option<Completion>) -> Function {
        Function { name: "read", verb: Verb::Get, suffix: "", body: |_| None, supersedes: false, answer }
    }

    const fn change(name: &'static str, verb: Verb, body: fn(&Value) -> Option<Json>) -> Function {
        Function { name, verb, suffix: "", body, supersedes: false, answer: done }
    }

    /// A change with an answer of its own.
    pub(super) const fn answered(
        name: &'static str,
        body: fn(&Value) -> Option<Json>,
        answer: fn(&Operation, &Json) -> Option<Completion>,
    ) -> Function {
        Function { answer, ..Function::change(name, Verb::Post, body) }
    }

    const fn post(name: &'static str, body: fn(&Value) -> Option<Json>) -> Function {
        Function::change(name, Verb::Post, body)
    }
}

/// The vocabulary of an interface; one without functions when the included targets do not serve it.
pub(super) fn of(interface: &'static Interface) -> Vocabulary {
    let keyed = |noun, path, functions| Vocabulary { noun, path, keyed: true, has_context: false, functions };
    match interface.name {
        "register" => keyed("a register", "/register", REGISTER),
        "set" => keyed("a set", "/set", SET),
        "counter" => keyed("a counter", "/counter", COUNTER),
        "cart" => keyed("a cart", "/cart", CART),
        "siblings" => Vocabulary { has_context: true, ..keyed("a register with siblings", "/siblings", SIBLINGS) },
        "text" => keyed("a text", "/text", TEXT),
        "map" => keyed("a map", "/map", MAP),
        "list-append" => Vocabulary { keyed: false, ..keyed("transactions over lists", TRANSACTION, LISTS) },
        "rw-register" => Vocabulary { keyed: false, ..keyed("transactions over registers", TRANSACTION, REGISTERS) },
        "bank" => Vocabulary { keyed: false, ..keyed("a bank", TRANSACTION, BANK) },
        "members" => Vocabulary { keyed: false, ..keyed("the list of members", "/members", MEMBERS) },
        _ => keyed("an object of another interface", "/", &[]),
    }
}

const REGISTER: &[Function] = &[
    Function::read(|_, body| Some(Completion::ok(from_json(body.get("value")?)?))),
    Function::change("write", Verb::Put, |value| Some(json!({"value": to_json(value)?}))),
    Function {
        name: "cas",
        verb: Verb::Post,
        suffix: "/cas",
        body: |value| {
            let [from, to] = value.as_list()? else { return None };
            Some(json!({"from": to_json(from)?, "to": to_json(to)?}))
        },
        supersedes: false,
        answer: |operation, body| {
            Some(match body.get("swapped")?.as_bool()? {
                true => Completion::ok(operation.value.clone()),
                false => Completion::fail(operation, "compare: the register held another value"),
            })
        },
    },
];

const SET: &[Function] = &[Function::read(elements), Function::post("add", add_element)];

const COUNTER: &[Function] = &[
    Function::read(|_, body| Some(Completion::ok(Value::Int(body.get("total")?.as_i64()?)))),
    Function::post("add", |value| Some(json!({"add": value.as_int()?}))),
];

const CART: &[Function] = &[
    Function::read(elements),
    Function::post("add", add_element),
    Function::post("remove", |value| Some(json!({"remove": element_to_json(value)?}))),
];

const SIBLINGS: &[Function] = &[
    Function::read(|_, body| Some(Completion::ok(elements_from_json(body.get("values")?)?))),
    Function {
        name: "put",
        verb: Verb::Put,
        suffix: "",
        body: |value| {
            let [value, Value::List(_)] = value.as_list()? else { return None };
            Some(json!({"value": element_to_json(value)?}))
        },
        supersedes: true,
        answer: done,
    },
];

const TEXT: &[Function] = &[
    Function::read(elements),
    Function::post("insert", |value| {
        let [element, after] = value.as_list()? else { return None };
        Some(json!({"insert": element_to_json(element)?, "after": to_json(after)?}))
    }),
    Function::post("delete", |value| Some(json!({"delete": element_to_json(value)?}))),
];

const MAP: &[Function] = &[
    Function::read(|_, body| Some(Completion::ok(fields_from_json(body.get("fields")?)?))),
    Function::post("put", |value| {
        let [Value::Text(field), value] = value.as_list()? else { return None };
        Some(json!({"put": [&**field, element_to_json(value)?]}))
    }),
    Function::post("remove", |value| Some(json!({"remove": value.as_text()?}))),
];

const MEMBERS: &[Function] = &[
    Function::read(members),
    Function::post("leave", |_| Some(json!({"leave": true}))),
    Function::post("join", |_| Some(json!({"join": true}))),
];

fn add_element(value: &Value) -> Option<Json> {
    Some(json!({"add": element_to_json(value)?}))
}

fn elements(_: &Operation, body: &Json) -> Option<Completion> {
    Some(Completion::ok(elements_from_json(body.get("elements")?)?))
}

fn members(_: &Operation, body: &Json) -> Option<Completion> {
    let member = |row: &Json| {
        let [id, state, incarnation] = row.as_array()?.as_slice() else { return None };
        let state = state.as_str().filter(|state| ["alive", "suspect", "dead", "left"].contains(state))?;
        Some(Value::list([Value::Int(id.as_i64()?), Value::text(state), Value::Int(incarnation.as_i64()?)]))
    };
    let mut rows = body.get("members")?.as_array()?.iter().map(member).collect::<Option<Vec<Value>>>()?;
    rows.sort();
    Some(Completion::ok(Value::list(rows)))
}

/// The answer to what has no result.
fn done(operation: &Operation, body: &Json) -> Option<Completion> {
    // An error under a status of success is not an acknowledgement.
    let acknowledged = body.as_object().is_some_and(|object| !object.contains_key("error"));
    acknowledged.then(|| Completion::ok(operation.value.clone()))
}
