//! Sends to and polls of logs with offsets, as in Kafka: one log for each key.
//!
//! Every value is sent once. Each client polls each log from where its last poll of it ended, so that whatever it
//! misses was skipped.

use std::collections::BTreeMap;
use std::sync::Arc;

use rashomon_checkers::anomalies;
use rashomon_history::{Outcome, Value};
use rashomon_spec::draw::{Draw, Stream};
use rashomon_spec::interface;
use rashomon_spec::operation::{Completion, Operation};
use rashomon_spec::workload::{Generator, GeneratorSpec, WorkloadOption};

use crate::options;
use crate::single::Single;

/// The workload `log`.
pub const LOG: Single = Single {
    name: "log",
    summary: "send to and poll logs with offsets; nothing may be lost, reordered, duplicated or skipped",
    interface: &interface::LOG,
    options: &[WorkloadOption { name: "keys", default: "4", meaning: "how many logs there are" }],
    functions: &["send", "poll"],
    checker: anomalies::LOG,
    generator: |spec| Ok(Box::new(Logs::new(spec)?)),
};

/// How likely a client is to poll.
const POLLS: f64 = 0.5;

struct Logs {
    draw: Draw,
    keys: i64,
    /// The latest value; unique over all logs.
    value: i64,
    /// The offset at which each client polls each log next.
    positions: BTreeMap<(u32, i64), i64>,
    send: Arc<str>,
    poll: Arc<str>,
}

impl Logs {
    fn new(spec: &GeneratorSpec) -> Result<Logs, String> {
        Ok(Logs {
            draw: Draw::new(spec.seed, Stream::Generator),
            keys: options::number(&spec.options, "keys", 1, 10_000)? as i64,
            value: 0,
            positions: BTreeMap::new(),
            send: "send".into(),
            poll: "poll".into(),
        })
    }

    fn poll(&self, key: i64, from: i64) -> Operation {
        Operation { f: self.poll.clone(), key: Value::Int(key), value: Value::Int(from) }
    }
}

impl Generator for Logs {
    fn next(&mut self, client: u32) -> Option<Operation> {
        let key = self.draw.below(self.keys as u64) as i64;
        if self.draw.chance(POLLS) {
            return Some(self.poll(key, self.positions.get(&(client, key)).copied().unwrap_or(0)));
        }
        self.value += 1;
        Some(Operation { f: self.send.clone(), key: Value::Int(key), value: Value::Int(self.value) })
    }

    fn observe(&mut self, client: u32, operation: &Operation, completion: &Completion) {
        if operation.f != self.poll || completion.outcome != Outcome::Ok {
            return;
        }
        let last = completion.value.as_list().and_then(|polled| polled.last()?.as_list()?.first()?.as_int());
        if let (Some(key), Some(last)) = (operation.key.as_int(), last) {
            self.positions.insert((client, key), last.saturating_add(1));
        }
    }

    fn final_reads(&mut self) -> Vec<Operation> {
        // The client that has come furthest has polled everything before.
        let furthest = |key: i64| {
            let positions = self.positions.iter().filter(|((_, of), _)| *of == key);
            positions.map(|(_, &position)| position).max().unwrap_or(0)
        };
        (0..self.keys).map(|key| self.poll(key, furthest(key))).collect()
    }
}

#[cfg(test)]
mod tests {
    use rashomon_spec::consistency::Level;

    use super::*;
    use crate::played::{Apart, One, assert_found, assert_right};

    fn log(sent: &mut Vec<Value>, operation: &Operation) -> Completion {
        if &*operation.f == "send" {
            sent.push(operation.value.clone());
            return Completion::ok(Value::Int(sent.len() as i64 - 1));
        }
        let from = operation.value.as_int().unwrap() as usize;
        let held = sent.iter().enumerate().skip(from);
        Completion::ok(Value::list(held.map(|(offset, value)| Value::list([Value::Int(offset as i64), value.clone()]))))
    }

    #[test]
    fn one_log_for_all_is_right_and_one_for_each_node_is_not() {
        assert_right(&LOG, &[], &mut One::new(log));
        assert_found(&LOG, &[], &mut Apart::new(log), &[Level::LINEARIZABLE], "inconsistent offsets");
    }

    #[test]
    fn a_log_that_skips_a_value_is_found() {
        let skips = |sent: &mut Vec<Value>, operation: &Operation| {
            let mut completion = log(sent, operation);
            if let (Some(polled), "poll") = (completion.value.as_list(), &*operation.f) {
                let kept = polled.iter().filter(|held| held.as_list().unwrap()[1].as_int().unwrap() % 50 != 0);
                completion.value = Value::list(kept.cloned());
            }
            completion
        };
        assert_found(&LOG, &[], &mut One::new(skips), &[Level::LINEARIZABLE], "lost write");
    }
}
