//! A string to whose end others are appended: `get`, `put`, `append`; empty at first.

mod chunks;
mod pieces;

use std::sync::Arc;

use rashomon_history::{OpView, Value};

use crate::model::{Model, Nature, Unusable, known_result};
use crate::specialist::Specialist;
use chunks::Chunks;

/// One entry of a key-value store whose values are strings: `get`, `put`, `append`; empty at first. The keys are
/// independent, so each is judged alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct StringMap;

/// An operation on an entry of a [`StringMap`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StringOp {
    /// It returned this string.
    Get(Arc<str>),
    /// It replaced the string.
    Put(Arc<str>),
    /// It added to the end of the string.
    Append(Arc<str>),
}

fn text(value: &Value) -> Result<Arc<str>, Unusable> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        Value::Nil => Ok(Arc::from("")),
        other => Err(Unusable(format!("a kv-string holds text, not {other}"))),
    }
}

impl Model for StringMap {
    type State = Arc<str>;
    type Op = StringOp;

    fn name(&self) -> &str {
        "kv-string"
    }

    fn initial(&self) -> Arc<str> {
        Arc::from("")
    }

    fn operation(&self, op: &OpView<'_>) -> Result<Option<StringOp>, Unusable> {
        let Some(known) = known_result(op) else { return Ok(None) };
        Ok(match op.f {
            "get" => {
                if known {
                    Some(StringOp::Get(text(&op.output)?))
                } else {
                    None
                }
            }
            "put" => Some(StringOp::Put(text(&op.input)?)),
            "append" => Some(StringOp::Append(text(&op.input)?)),
            other => {
                return Err(Unusable(format!(
                    "`{other}` is not an operation of a kv-string; it knows get, put and append"
                )));
            }
        })
    }

    fn step(&self, state: &Arc<str>, op: &StringOp) -> impl IntoIterator<Item = Arc<str>> {
        match op {
            StringOp::Get(found) => (state == found).then(|| state.clone()),
            StringOp::Put(text) => Some(text.clone()),
            StringOp::Append(text) => Some(Arc::from(format!("{state}{text}"))),
        }
    }

    fn nature(&self, op: &StringOp) -> Nature {
        match op {
            StringOp::Get(_) => Nature::Observer,
            StringOp::Put(_) => Nature::Overwrite,
            StringOp::Append(text) if text.is_empty() => Nature::Observer,
            StringOp::Append(_) => Nature::Update,
        }
    }

    fn held(&self, state: &Arc<str>) -> usize {
        state.len()
    }

    fn specialist(&self) -> Option<&dyn Specialist> {
        Some(&Chunks)
    }

    fn describe(&self, op: &StringOp) -> String {
        match op {
            StringOp::Get(text) => format!("get → {text:?}"),
            StringOp::Put(text) => format!("put {text:?}"),
            StringOp::Append(text) => format!("append {text:?}"),
        }
    }
}
