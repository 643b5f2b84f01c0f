//! Write skew (Adya's G2-item): two transactions read the same two keys, and each then writes one of them. In a serial
//! order the second sees the first one's write. Snapshot isolation allows that neither does.
//!
//! The two transactions of a pair are handed to two clients in a row, so that they meet; then the pair is read. The
//! keys are lists, of which an append is a write: in which order a key's versions came is then known, and long runs are
//! judged.

use std::collections::VecDeque;

use rashomon_checkers::transactions::Objects;
use rashomon_history::Value;
use rashomon_spec::draw::{Draw, Stream};
use rashomon_spec::interface;
use rashomon_spec::operation::{Completion, Operation};
use rashomon_spec::workload::{Generator, GeneratorSpec, WorkloadOption};

use super::Transactional;
use super::keys;
use super::micro::{self, Word};
use crate::options;

/// The workload `write-skew`.
pub const WRITE_SKEW: Transactional = Transactional {
    name: "write-skew",
    summary: "pairs of transactions that read two lists and append to one each: one of them must see the other",
    interface: &interface::LIST_APPEND,
    objects: Objects::Lists,
    options: &OPTIONS,
    generator: |spec| Ok(Box::new(WriteSkew::new(spec)?)),
};

const OPTIONS: [WorkloadOption; 1] = [WorkloadOption {
    name: "reads",
    default: "20",
    meaning: "how many of 100 transactions only read a pair that was written before",
}];

struct WriteSkew {
    draw: Draw,
    reads: f64,
    /// Pairs that were begun; a pair's keys are twice its number, and the next one.
    pairs: i64,
    /// Transactions that wait for a client.
    waiting: VecDeque<Operation>,
    read: Word,
    append: Word,
}

impl WriteSkew {
    fn new(spec: &GeneratorSpec) -> Result<WriteSkew, String> {
        Ok(WriteSkew {
            draw: Draw::new(spec.seed, Stream::Generator),
            reads: options::number(&spec.options, "reads", 0, 90)? as f64 / 100.0,
            pairs: 0,
            waiting: VecDeque::new(),
            read: Word::read(),
            append: Word::append(),
        })
    }

    fn reads_of(&self, pair: i64) -> Vec<Value> {
        vec![self.read.of_key(2 * pair), self.read.of_key(2 * pair + 1)]
    }

    fn begin_pair(&mut self) {
        let pair = self.pairs;
        self.pairs += 1;
        for (key, value) in [(2 * pair, 1), (2 * pair + 1, 1)] {
            let mut micro_operations = self.reads_of(pair);
            micro_operations.push(self.append.of(key, Value::Int(value)));
            self.waiting.push_back(micro::transaction(micro_operations));
        }
    }
}

impl Generator for WriteSkew {
    fn next(&mut self, _: u32) -> Option<Operation> {
        if self.waiting.is_empty() {
            if self.pairs > 0 && self.draw.chance(self.reads) {
                // One of the latest pairs: transactions that still run are seen or not.
                let pair = (self.pairs - 1 - self.draw.below(8) as i64).max(0);
                return Some(micro::transaction(self.reads_of(pair)));
            }
            self.begin_pair();
        }
        self.waiting.pop_front()
    }

    fn observe(&mut self, _: u32, _: &Operation, _: &Completion) {}

    fn final_reads(&mut self) -> Vec<Operation> {
        micro::final_reads(&keys::to_read_at_last(2 * self.pairs))
    }
}
