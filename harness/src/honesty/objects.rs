//! The operations of an examination: an update and a read of the interfaces that are known here.

use rashomon_history::Value;

use super::NotExamined;
use crate::client::Operation;
use crate::interface::Interface;

/// How an interface's objects are updated and read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object {
    update: &'static str,
    /// What a read returns after these updates.
    read: fn(&[i64]) -> Value,
}

const KNOWN: [(&str, Object); 3] = [
    (
        "register",
        Object { update: "write", read: |updates| updates.last().map_or(Value::Nil, |last| Value::Int(*last)) },
    ),
    ("set", Object { update: "add", read: |updates| Value::list(updates.iter().map(|number| Value::Int(*number))) }),
    ("counter", Object { update: "add", read: |updates| Value::Int(updates.iter().sum()) }),
];

impl Object {
    pub(super) fn of(interface: &Interface) -> Result<Object, NotExamined> {
        let known = KNOWN.iter().find(|(name, _)| *name == interface.name);
        known.map(|(_, object)| *object).ok_or_else(|| NotExamined {
            what: format!("the interface `{interface}` is none of those that clients are examined with"),
            remedy: format!("name one of them with --interface: {}", KNOWN.map(|(name, _)| name).join(", ")),
        })
    }

    pub(super) fn update(self, key: i64, value: i64) -> Operation {
        Operation { f: self.update.into(), key: Value::Int(key), value: Value::Int(value) }
    }

    pub(super) fn read(self, key: i64) -> Operation {
        Operation { f: "read".into(), key: Value::Int(key), value: Value::Nil }
    }

    /// What a read of a key with these updates returns.
    pub(super) fn state(self, updates: &[i64]) -> Value {
        (self.read)(updates)
    }
}
