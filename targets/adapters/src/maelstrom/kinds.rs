//! Maelstrom's workloads: their requests and answers, and what here does the same.

use rashomon_harness::client::Operation;
use rashomon_harness::consistency::Level;
use rashomon_harness::interface::{self, Interface};
use rashomon_history::Value;
use rashomon_maelstrom::Body;
use serde_json::{Value as Json, json};

use super::values::{from_json, to_json};

/// One of Maelstrom's workloads.
pub(super) struct Kind {
    /// Its name there.
    pub(super) name: &'static str,
    pub(super) interface: &'static Interface,
    /// What drives and judges it here.
    pub(super) workload: &'static str,
    pub(super) options: &'static [(&'static str, &'static str)],
    /// What Maelstrom demands of it.
    pub(super) consistency: Level,
    /// Its nodes are told a topology.
    pub(super) has_topology: bool,
    pub(super) functions: &'static [Function],
}

/// One function of it.
pub(super) struct Function {
    /// Its name in histories.
    pub(super) f: &'static str,
    /// Nothing depends on whether it took place.
    pub(super) reads: bool,
    /// The request, whose `type` is answered with the same and `_ok`; `None` for what cannot be asked.
    pub(super) request: fn(&Operation) -> Option<Json>,
    /// What the answer says; `None` when it makes no sense.
    pub(super) answer: fn(&Operation, &Body) -> Option<Value>,
    /// A key that does not exist is an answer: nil.
    pub(super) missing_is_nil: bool,
}

impl Function {
    const fn read(
        f: &'static str,
        request: fn(&Operation) -> Option<Json>,
        answer: fn(&Operation, &Body) -> Option<Value>,
    ) -> Function {
        Function { f, reads: true, request, answer, missing_is_nil: false }
    }

    const fn update(f: &'static str, request: fn(&Operation) -> Option<Json>) -> Function {
        Function {
            f,
            reads: false,
            request,
            answer: |operation, _| Some(operation.value.clone()),
            missing_is_nil: false,
        }
    }
}

/// One object that every client works on: the messages name none.
const ONE_OBJECT: [(&str, &str); 2] = [("keys", "1"), ("ops-per-key", "1000000000")];

/// All of them.
pub(super) static KINDS: [Kind; 10] = [
    Kind {
        name: "echo",
        interface: &interface::ECHO,
        workload: "echo",
        options: &[],
        consistency: Level::LINEARIZABLE,
        has_topology: false,
        functions: &[Function::read(
            "echo",
            |operation| Some(json!({ "type": "echo", "echo": to_json(&operation.value)? })),
            |_, body| from_json(body.get("echo")?),
        )],
    },
    Kind {
        name: "unique-ids",
        interface: &interface::IDS,
        workload: "ids",
        options: &[],
        consistency: Level::LINEARIZABLE,
        has_topology: false,
        functions: &[Function {
            f: "generate",
            reads: false,
            request: |_| Some(json!({ "type": "generate" })),
            answer: |_, body| from_json(body.get("id")?).filter(|id| !id.is_nil()),
            missing_is_nil: false,
        }],
    },
    Kind {
        name: "broadcast",
        interface: &interface::SET,
        workload: "set",
        options: &ONE_OBJECT,
        consistency: Level::EVENTUAL,
        has_topology: true,
        functions: &[
            Function::update("add", |operation| {
                Some(json!({ "type": "broadcast", "message": to_json(&operation.value)? }))
            }),
            Function::read("read", read, |_, body| list(body.get("messages")?)),
        ],
    },
    Kind {
        name: "g-set",
        interface: &interface::SET,
        workload: "set",
        options: &ONE_OBJECT,
        consistency: Level::EVENTUAL,
        has_topology: false,
        functions: &[
            Function::update("add", |operation| Some(json!({ "type": "add", "element": to_json(&operation.value)? }))),
            Function::read("read", read, |_, body| list(body.get("value")?)),
        ],
    },
    Kind {
        name: "g-counter",
        interface: &interface::COUNTER,
        workload: "counter",
        options: &ONE_OBJECT,
        consistency: Level::EVENTUAL,
        has_topology: false,
        functions: &COUNTER,
    },
    Kind {
        name: "pn-counter",
        interface: &interface::COUNTER,
        workload: "counter",
        options: &[("keys", "1"), ("ops-per-key", "1000000000"), ("amounts", "both")],
        consistency: Level::EVENTUAL,
        has_topology: false,
        functions: &COUNTER,
    },
    Kind {
        name: "lin-kv",
        interface: &interface::REGISTER,
        workload: "register",
        // A few keys in use, so that processes meet on them.
        options: &[("keys", "16"), ("ops-per-key", "200")],
        consistency: Level::LINEARIZABLE,
        has_topology: false,
        functions: &[
            Function {
                missing_is_nil: true,
                ..Function::read(
                    "read",
                    |operation| Some(json!({ "type": "read", "key": to_json(&operation.key)? })),
                    |_, body| from_json(body.get("value")?),
                )
            },
            Function::update("write", |operation| {
                Some(json!({ "type": "write", "key": to_json(&operation.key)?, "value": to_json(&operation.value)? }))
            }),
            Function::update("cas", |operation| match operation.value.as_list()? {
                // There is no way to ask for a key that does not exist.
                [from, to] if !from.is_nil() => {
                    let (key, from, to) = (to_json(&operation.key)?, to_json(from)?, to_json(to)?);
                    Some(json!({ "type": "cas", "key": key, "from": from, "to": to }))
                }
                _ => None,
            }),
        ],
    },
    Kind {
        name: "kafka",
        interface: &interface::LOG,
        workload: "log",
        options: &[],
        consistency: Level::LINEARIZABLE,
        has_topology: false,
        functions: &[
            Function {
                answer: |_, body| from_json(body.get("offset")?).filter(|offset| offset.as_int().is_some()),
                ..Function::update("send", |operation| {
                    Some(json!({ "type": "send", "key": log_key(operation)?, "msg": to_json(&operation.value)? }))
                })
            },
            Function::read(
                "poll",
                |operation| {
                    Some(json!({ "type": "poll", "offsets": { log_key(operation)?: to_json(&operation.value)? } }))
                },
                |operation, body| match body.get("msgs")?.as_object()?.get(&log_key(operation)?) {
                    Some(polled) => list(polled),
                    None => Some(Value::list([])),
                },
            ),
        ],
    },
    Kind {
        name: "txn-list-append",
        interface: &interface::LIST_APPEND,
        workload: "append",
        options: &[],
        consistency: Level::LINEARIZABLE,
        has_topology: false,
        functions: &TXN,
    },
    Kind {
        name: "txn-rw-register",
        interface: &interface::RW_REGISTER,
        workload: "rw-register",
        options: &[],
        consistency: Level::LINEARIZABLE,
        has_topology: false,
        functions: &TXN,
    },
];

/// Transactions of micro-operations, as they are in histories.
static TXN: [Function; 1] = [Function {
    f: "txn",
    reads: false,
    request: |operation| Some(json!({ "type": "txn", "txn": to_json(&operation.value)? })),
    answer: |operation, body| {
        let done = list(body.get("txn")?)?;
        (done.as_list()?.len() == operation.value.as_list()?.len()).then_some(done)
    },
    missing_is_nil: false,
}];

/// Keys of logs are texts in Maelstrom's messages.
fn log_key(operation: &Operation) -> Option<String> {
    Some(operation.key.as_int()?.to_string())
}

static COUNTER: [Function; 2] = [
    Function::update("add", |operation| Some(json!({ "type": "add", "delta": to_json(&operation.value)? }))),
    Function::read("read", read, |_, body| from_json(body.get("value")?).filter(|value| value.as_int().is_some())),
];

fn read(_: &Operation) -> Option<Json> {
    Some(json!({ "type": "read" }))
}

fn list(json: &Json) -> Option<Value> {
    from_json(json).filter(|value| value.as_list().is_some())
}
