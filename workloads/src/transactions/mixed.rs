//! Transactions of reads and writes in a mix: the generator of `append` and `rw-register`.

use rashomon_history::Value;
use rashomon_spec::draw::{Draw, Stream};
use rashomon_spec::operation::{Completion, Operation};
use rashomon_spec::workload::{Generator, GeneratorSpec, WorkloadOption};

use super::keys::{self, Keys};
use super::micro::{self, Word};
use crate::options;

/// The options of both workloads.
pub(super) const OPTIONS: [WorkloadOption; 6] = [
    keys::IN_USE,
    keys::SHARE,
    keys::DISTRIBUTION,
    WorkloadOption { name: "min-length", default: "1", meaning: "micro-operations of a transaction, at least" },
    WorkloadOption { name: "max-length", default: "4", meaning: "micro-operations of a transaction, at most" },
    WorkloadOption { name: "reads", default: "50", meaning: "how many of 100 micro-operations read" },
];

/// Transactions whose micro-operations read, or write in this word's way.
pub(super) struct Mixed {
    draw: Draw,
    keys: Keys,
    length: (u64, u64),
    reads: f64,
    read: Word,
    write: Word,
}

impl Mixed {
    pub(super) fn new(spec: &GeneratorSpec, write: Word) -> Result<Mixed, String> {
        let longest = options::number(&spec.options, "max-length", 1, 1_000)?;
        let shortest = options::number(&spec.options, "min-length", 1, longest)?;
        Ok(Mixed {
            draw: Draw::new(spec.seed, Stream::Generator),
            keys: Keys::new(spec)?,
            length: (shortest, longest),
            reads: options::number(&spec.options, "reads", 0, 100)? as f64 / 100.0,
            read: Word::read(),
            write,
        })
    }

    fn micro_operation(&mut self) -> Value {
        if self.draw.chance(self.reads) {
            return self.read.of_key(self.keys.choose(&mut self.draw));
        }
        let (key, value) = self.keys.choose_to_write(&mut self.draw);
        self.write.of(key, Value::Int(value))
    }
}

impl Generator for Mixed {
    fn next(&mut self, _: u32) -> Option<Operation> {
        let length = self.draw.between(self.length.0, self.length.1);
        Some(micro::transaction((0..length).map(|_| self.micro_operation()).collect()))
    }

    fn observe(&mut self, _: u32, _: &Operation, _: &Completion) {}

    fn final_reads(&mut self) -> Vec<Operation> {
        micro::final_reads(&self.keys.to_read_at_last())
    }
}
