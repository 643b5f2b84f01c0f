//! Micro-operations, and the transactions that are made of them.

use std::sync::Arc;

use rashomon_history::Value;
use rashomon_spec::operation::Operation;

/// The function of a transaction.
pub(super) const TXN: &str = "txn";
/// Reads of a final transaction.
const READS_AT_ONCE: usize = 16;

/// A word of micro-operations, made once.
#[derive(Clone)]
pub(super) struct Word(Arc<str>);

impl Word {
    /// Reads a key.
    pub(super) fn read() -> Word {
        Word("r".into())
    }

    /// Appends to a list.
    pub(super) fn append() -> Word {
        Word("append".into())
    }

    /// Writes a register.
    pub(super) fn write() -> Word {
        Word("w".into())
    }

    /// This word with a key and a value.
    pub(super) fn of(&self, key: i64, value: Value) -> Value {
        Value::list([Value::Text(self.0.clone()), Value::Int(key), value])
    }

    /// A read of a key.
    pub(super) fn of_key(&self, key: i64) -> Value {
        self.of(key, Value::Nil)
    }
}

/// A transaction of some micro-operations.
pub(super) fn transaction(micro_operations: Vec<Value>) -> Operation {
    Operation { f: TXN.into(), key: Value::Nil, value: Value::list(micro_operations) }
}

/// Transactions that read each of these keys once.
pub(super) fn final_reads(keys: &[i64]) -> Vec<Operation> {
    let read = Word::read();
    keys.chunks(READS_AT_ONCE).map(|some| transaction(some.iter().map(|&key| read.of_key(key)).collect())).collect()
}
