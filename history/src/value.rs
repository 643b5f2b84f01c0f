//! The values that operations carry.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A value read or written by an operation, or the key that names the object it works on.
///
/// Cheap to clone: everything larger than a word is shared. Equality and hashing are structural, so a value can be
/// interned. EDN keywords and symbols become [`Value::Text`] without their colon.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Value {
    /// Nothing: what a register holds before its first write, and what a read's invocation carries.
    #[default]
    Nil,
    /// A truth value.
    Bool(bool),
    /// A number, as almost every workload writes.
    Int(i64),
    /// An integer that does not fit 64 bits, or a decimal, in its canonical decimal text.
    Number(Arc<str>),
    /// Text.
    Text(Arc<str>),
    /// A sequence: the pair of a compare-and-set, the elements a set read returned, a transaction's micro-operations.
    List(Arc<[Value]>),
    /// A map in the order written.
    Map(Arc<[(Value, Value)]>),
}

/// How deep a value may be nested; readers refuse deeper ones, so that code may walk a value recursively.
pub const MAX_DEPTH: usize = 100;

impl Value {
    /// The number, when this is a 64-bit integer.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The text, when this is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The elements, when this is a sequence.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// True for [`Value::Nil`].
    pub fn is_nil(&self) -> bool {
        matches!(self, Value::Nil)
    }

    /// Text as a value.
    pub fn text(text: &str) -> Value {
        Value::Text(Arc::from(text))
    }

    /// A sequence as a value.
    pub fn list(items: impl IntoIterator<Item = Value>) -> Value {
        Value::List(items.into_iter().collect())
    }

    /// The `[from, to]` of a compare-and-set.
    pub fn pair(from: Value, to: Value) -> Value {
        Value::List(Arc::from([from, to]))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Int(number)
    }
}

/// As a person would write it: `nil`, `7`, `"text"`, `[1 2]`.
/// As it is displayed, so that a model's state of whatever type reads well.
impl fmt::Debug for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Nil => out.write_str("nil"),
            Value::Bool(truth) => write!(out, "{truth}"),
            Value::Int(number) => write!(out, "{number}"),
            Value::Number(text) => out.write_str(text),
            Value::Text(text) => write!(out, "{text:?}"),
            Value::List(items) => {
                out.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    let space = if index == 0 { "" } else { " " };
                    write!(out, "{space}{item}")?;
                }
                out.write_str("]")
            }
            Value::Map(entries) => {
                out.write_str("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(out, "{comma}{key} {value}")?;
                }
                out.write_str("}")
            }
        }
    }
}
