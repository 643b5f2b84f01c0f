//! The opaque contexts that come with reads of siblings and go with the puts that supersede them.
//!
//! A put `[v [seen…]]` names the values that it supersedes: those that the process's latest read of the key returned.
//! What the node understands is not these values but the context that came with them. Both must say the same, or the
//! history would claim more or less than was asked of the node; a put for which there is no such read is not sent.

use std::collections::VecDeque;

use rashomon_harness::client::{Completion, Operation};
use rashomon_history::Value;

/// How many keys' latest reads are remembered; a workload that supersedes what it read longer ago reads again.
const REMEMBERED: usize = 1024;

/// What one process read last of each key, the latest read at the back.
#[derive(Default)]
pub(super) struct Contexts(VecDeque<Read>);

struct Read {
    key: Value,
    /// Sorted.
    values: Vec<Value>,
    context: String,
}

impl Contexts {
    /// Keeps what a read returned.
    pub(super) fn remember(&mut self, read: &Operation, completion: &Completion, context: &str) {
        self.0.retain(|earlier| earlier.key != read.key);
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        let values = sorted(completion.value.as_list().unwrap_or_default());
        self.0.push_back(Read { key: read.key.clone(), values, context: context.to_owned() });
    }

    /// The context of the read whose values a put supersedes; none for a put that supersedes nothing. An error when
    /// this process's latest read of the key returned something else.
    pub(super) fn of_put(&self, put: &Operation) -> Result<Option<String>, String> {
        let seen = put.value.as_list().and_then(|parts| parts.get(1)).and_then(Value::as_list).unwrap_or_default();
        if seen.is_empty() {
            return Ok(None);
        }
        match self.0.iter().rev().find(|read| read.key == put.key) {
            Some(read) if read.values == sorted(seen) => Ok(Some(read.context.clone())),
            _ => Err(format!(
                "the latest read of key {} by this process did not return what {} supersedes",
                put.key, put.value
            )),
        }
    }
}

fn sorted(values: &[Value]) -> Vec<Value> {
    let mut values = values.to_vec();
    values.sort();
    values
}
