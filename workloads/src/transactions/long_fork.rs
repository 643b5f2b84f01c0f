//! Long forks (Jepsen's `long-fork`): two transactions write a key each; one reader sees the first write but not the
//! second, another the second but not the first. Snapshot isolation forbids it, parallel snapshot isolation does not.
//!
//! Keys are in groups. Each key is written once, alone, and transactions read all keys of a group, in any order. The
//! keys are lists, of which an append is a write: in which order a key's versions came is then known, and long runs are
//! judged.

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

/// The workload `long-fork`.
pub const LONG_FORK: Transactional = Transactional {
    name: "long-fork",
    summary: "single appends to groups of lists, and reads of whole groups: all readers see one order of appends",
    interface: &interface::LIST_APPEND,
    objects: Objects::Lists,
    options: &OPTIONS,
    generator: |spec| Ok(Box::new(LongFork::new(spec)?)),
};

const OPTIONS: [WorkloadOption; 3] = [
    WorkloadOption { name: "groups", default: "4", meaning: "how many groups of keys are in use at a time" },
    WorkloadOption { name: "group-size", default: "2", meaning: "how many keys a group has" },
    WorkloadOption { name: "reads-per-group", default: "12", meaning: "reads after which a new group replaces one" },
];

struct LongFork {
    draw: Draw,
    groups: Vec<Group>,
    size: i64,
    reads: u64,
    next: i64,
    read: Word,
    append: Word,
}

/// The keys of a group follow each other.
struct Group {
    first: i64,
    /// Those that were not written yet, in the order in which they will be.
    unwritten: Vec<i64>,
    reads: u64,
}

impl LongFork {
    fn new(spec: &GeneratorSpec) -> Result<LongFork, String> {
        let groups = options::number(&spec.options, "groups", 1, 10_000)?;
        let mut fork = LongFork {
            draw: Draw::new(spec.seed, Stream::Generator),
            groups: Vec::new(),
            size: options::number(&spec.options, "group-size", 2, 100)? as i64,
            reads: options::number(&spec.options, "reads-per-group", 1, 1_000_000)?,
            next: 0,
            read: Word::read(),
            append: Word::append(),
        };
        for _ in 0..groups {
            let group = fork.new_group();
            fork.groups.push(group);
        }
        Ok(fork)
    }

    fn new_group(&mut self) -> Group {
        let first = self.next;
        self.next += self.size;
        let mut unwritten: Vec<i64> = (first..self.next).collect();
        self.draw.shuffle(&mut unwritten);
        Group { first, unwritten, reads: 0 }
    }
}

impl Generator for LongFork {
    fn next(&mut self, _: u32) -> Option<Operation> {
        let place = self.draw.below(self.groups.len() as u64) as usize;
        let group = &mut self.groups[place];
        // Writes lie among the first reads: later ones only see what all agree on.
        let due = self.reads * (self.size - group.unwritten.len() as i64) as u64 / (2 * self.size as u64);
        if group.reads >= due
            && let Some(key) = group.unwritten.pop()
        {
            return Some(micro::transaction(vec![self.append.of(key, Value::Int(1))]));
        }
        group.reads += 1;
        let (first, done) = (group.first, group.reads >= self.reads);
        if done {
            self.groups[place] = self.new_group();
        }
        let mut keys: Vec<i64> = (first..first + self.size).collect();
        self.draw.shuffle(&mut keys);
        Some(micro::transaction(keys.into_iter().map(|key| self.read.of_key(key)).collect()))
    }

    fn observe(&mut self, _: u32, _: &Operation, _: &Completion) {}

    fn final_reads(&mut self) -> Vec<Operation> {
        micro::final_reads(&keys::to_read_at_last(self.next))
    }
}
