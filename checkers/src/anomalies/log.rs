//! `log`: sends and polls of partitioned logs with offsets, as in Kafka; the anomalies have the names of Jepsen's
//! `kafka` workload.
//!
//! | anomaly | what is certain |
//! |---|---|
//! | inconsistent offsets | one offset holds two values |
//! | duplicate | one value is at two offsets |
//! | G1a | a value was polled whose send had failed |
//! | unexpected value | a value was polled that nobody sent |
//! | read from the future | a value was polled before its send began |
//! | precommitted read | a transaction polled what it had sent itself |
//! | lost write | an acknowledged value lies between two that a process polled one after the other, and nobody polled it |
//! | poll skip | the same, but somebody else polled it; *int* when within one operation |
//! | nonmonotonic poll | a process polled an offset that is not above the one it polled before; *int* likewise |
//! | nonmonotonic send | a process's later send got a smaller offset; *int* likewise |
//! | int send skip | a note: between two sends of one transaction lies another's value, which Kafka allows |
//! | reordered sends | the same across processes, where the first send had returned before the second began |
//!
//! A process's position is forgotten when it assigns, subscribes or seeks, and set by a poll that says where it begins.
//! Where processes subscribe, partitions may change hands at any time, so skips and nonmonotonic polls are only
//! counted. Acknowledged values that nobody polled and nobody passed are *unseen*: no evidence. Offsets with no known
//! value (*gaps*) are counted; Kafka keeps its own records there.

mod records;

use std::collections::BTreeMap;

use rashomon_history::{History, OpId, OpView, Outcome, Value};
use rustc_hash::{FxHashMap, FxHashSet};

use self::records::{Record, Records, records};
use super::findings::{Findings, between, last_moment, of_key, precedes};
use crate::verdict::Judgement;

pub(super) fn check(history: &History) -> Judgement {
    let mut findings = Findings::new("log", "compares all sends and polls by offset", history.len());
    let records = records(history);
    let mut log = Log { history, records: &records, partitions: BTreeMap::new() };
    log.index(&mut findings);
    log.sources(&mut findings);
    log.sends(&mut findings);
    log.polls(&mut findings);
    log.unseen(&mut findings);
    findings.judgement()
}

/// One partition.
#[derive(Default)]
struct Partition {
    /// Every offset that is known to hold a value, with the value and who says so.
    offsets: BTreeMap<i64, (Value, OpId)>,
    /// Values that somebody polled.
    polled: FxHashSet<Value>,
    /// Acknowledged values that a process passed by, with its polls before and after.
    passed: BTreeMap<i64, (OpId, OpId)>,
}

struct Log<'a> {
    history: &'a History,
    records: &'a Records,
    partitions: BTreeMap<Value, Partition>,
}

impl<'a> Log<'a> {
    fn op(&self, id: OpId) -> OpView<'a> {
        self.history.op(id)
    }

    /// Learns which value is at which offset.
    fn index(&mut self, findings: &mut Findings) {
        let mut offset_of: FxHashMap<(&Value, &Value), (i64, OpId)> = FxHashMap::default();
        for (record, polled) in self.records.all() {
            let partition = self.partitions.entry(record.key.clone()).or_default();
            if polled {
                partition.polled.insert(record.value.clone());
            }
            let Some(offset) = record.offset else { continue };
            let known = partition.offsets.entry(offset).or_insert_with(|| (record.value.clone(), record.op));
            if known.0 != record.value {
                let (first, second) = (self.history.op(known.1), self.history.op(record.op));
                findings.anomaly("inconsistent offsets", &[&first, &second], || {
                    format!("Offset {offset}{} holds both {} and {}.", of_key(&record.key), known.0, record.value)
                });
            }
            let (other, by) = *offset_of.entry((&record.key, &record.value)).or_insert((offset, record.op));
            if other != offset {
                let (first, second) = (self.history.op(by), self.history.op(record.op));
                findings.anomaly("duplicate", &[&first, &second], || {
                    format!("Value {}{} is at offsets {other} and {offset}.", record.value, of_key(&record.key))
                });
                offset_of.insert((&record.key, &record.value), (offset, record.op));
            }
        }
    }

    /// Where polled values came from.
    fn sources(&self, findings: &mut Findings) {
        let mut sends: FxHashMap<(&Value, &Value), OpId> = FxHashMap::default();
        for send in &self.records.sends {
            // The best send of a value: one that may have happened, the earliest.
            let rank = |id: OpId| (self.op(id).outcome == Outcome::Fail, id);
            sends
                .entry((&send.key, &send.value))
                .and_modify(|known| *known = std::cmp::min_by_key(*known, send.op, |&id| rank(id)))
                .or_insert(send.op);
        }
        let mut told: FxHashSet<(&Value, &Value)> = FxHashSet::default();
        for polled in self.records.polls.iter().flat_map(|poll| &poll.records) {
            let op = self.op(polled.op);
            let id = (&polled.key, &polled.value);
            let Some(send) = sends.get(&id).map(|&send| self.op(send)) else {
                if told.insert(id) {
                    findings.anomaly("unexpected value", &[&op], || {
                        format!("A poll returned {}{}, which nobody sent.", polled.value, of_key(&polled.key))
                    });
                }
                continue;
            };
            let value = &polled.value;
            let key = of_key(&polled.key);
            if send.outcome == Outcome::Fail && told.insert(id) {
                findings.anomaly("G1a", &[&send, &op], || {
                    format!(
                        "A poll returned {value}{key}, but its send had failed, which means that it did not happen."
                    )
                });
            } else if last_moment(&op) < send.invoked && told.insert(id) {
                findings.anomaly("read from the future", &[&op, &send], || {
                    format!("A poll returned {value}{key} {} before its send began.", between(&op, &send))
                });
            } else if send.id == op.id && told.insert(id) {
                findings.anomaly("precommitted read", &[&op], || {
                    format!("A transaction polled {value}{key}, which it had sent itself and not yet committed.")
                });
            }
        }
    }

    /// The order of sends.
    fn sends(&self, findings: &mut Findings) {
        let known = |send: &&Record| send.offset.is_some() && self.op(send.op).outcome == Outcome::Ok;
        let mut by_key: BTreeMap<&Value, Vec<&Record>> = BTreeMap::new();
        for send in self.records.sends.iter().filter(known) {
            by_key.entry(&send.key).or_default().push(send);
        }
        let mut skips = 0_u64;
        for (key, sends) in by_key {
            let offsets = self.partitions.get(key).map(|partition| &partition.offsets);
            let between_them = |first: Option<i64>, second: Option<i64>| {
                let (Some(first), Some(second), Some(offsets)) = (first, second, offsets) else { return false };
                first < second && offsets.range(first + 1..second).next().is_some()
            };
            let mut last: FxHashMap<u32, &Record> = FxHashMap::default();
            let mut ended = sends.clone();
            ended.sort_by_key(|send| last_moment(&self.op(send.op)));
            let mut ended = ended.into_iter().peekable();
            let mut largest: Option<&Record> = None;
            for send in sends {
                let op = self.op(send.op);
                while let Some(earlier) = ended.next_if(|earlier| precedes(&self.op(earlier.op), &op)) {
                    if largest.is_none_or(|largest| largest.offset < earlier.offset) {
                        largest = Some(earlier);
                    }
                }
                let offsets = |first: &Record| (first.offset.unwrap_or(0), send.offset.unwrap_or(0));
                let earlier = last.insert(op.process, send);
                let same = earlier.filter(|earlier| earlier.op == send.op);
                skips += u64::from(same.is_some_and(|earlier| between_them(earlier.offset, send.offset)));
                if let Some(earlier) = earlier.filter(|earlier| earlier.offset >= send.offset) {
                    let (first, second) = offsets(earlier);
                    let name = if earlier.op == send.op { "int nonmonotonic send" } else { "nonmonotonic send" };
                    findings.anomaly(name, &[&self.op(earlier.op), &op], || {
                        format!(
                            "Process {} sent{} to offset {first}, then to offset {second}.",
                            op.process,
                            of_key(key)
                        )
                    });
                } else if let Some(earlier) = largest.filter(|earlier| earlier.offset > send.offset) {
                    let (first, second) = offsets(earlier);
                    let before = self.op(earlier.op);
                    findings.anomaly("reordered sends", &[&before, &op], || {
                        format!(
                            "A send{} got offset {first}; one that began {} after it had returned got offset {second}.",
                            of_key(key),
                            between(&before, &op)
                        )
                    });
                }
            }
        }
        if skips > 0 {
            findings.note(format!(
                "{skips} times another's value lies between two sends of one transaction (int send skip): allowed, because \
                 transactions' sends may be mixed"
            ));
        }
    }

    /// What each process polled, one after the other.
    fn polls(&mut self, findings: &mut Findings) {
        // Where a process is in a partition: the last offset it polled and by which operation. A poll that says where
        // it begins puts it right before that.
        let mut at: FxHashMap<(u32, &Value), (i64, OpId)> = FxHashMap::default();
        let subscribed = self.records.resets.iter().any(|&reset| self.op(reset).f == "subscribe");
        let mut resets = self.records.resets.iter().copied().peekable();
        let (mut skips, mut backs) = (0_u64, 0_u64);
        for poll in &self.records.polls {
            while let Some(reset) = resets.next_if(|&reset| reset < poll.op) {
                let process = self.op(reset).process;
                at.retain(|&(other, _), _| other != process);
            }
            let op = self.history.op(poll.op);
            if let Some((key, from)) = &poll.from {
                at.insert((op.process, key), (from.saturating_sub(1), poll.op));
            }
            for record in &poll.records {
                let Some(offset) = record.offset else { continue };
                let Some((last, by)) = at.insert((op.process, &record.key), (offset, poll.op)) else { continue };
                let before = self.history.op(by);
                let within = by == poll.op;
                let key = of_key(&record.key);
                if offset <= last {
                    if subscribed && !within {
                        backs += 1;
                        continue;
                    }
                    let name = if within { "int nonmonotonic poll" } else { "nonmonotonic poll" };
                    findings.anomaly(name, &[&before, &op], || {
                        format!(
                            "Process {} polled offset {offset}{key} when it was at offset {last} already.",
                            op.process
                        )
                    });
                    continue;
                }
                let partition = self.partitions.entry(record.key.clone()).or_default();
                let mut first_skipped = None;
                for (&skipped, (value, _)) in partition.offsets.range(last + 1..offset) {
                    if !partition.polled.contains(value) {
                        partition.passed.entry(skipped).or_insert((by, poll.op));
                    } else if first_skipped.is_none() {
                        first_skipped = Some((skipped, value.clone()));
                    }
                }
                if let Some((skipped, value)) = first_skipped {
                    if subscribed && !within {
                        skips += 1;
                        continue;
                    }
                    let name = if within { "int poll skip" } else { "poll skip" };
                    findings.anomaly(name, &[&before, &op], || {
                        format!(
                            "Process {} polled offset {offset}{key} after {last} and skipped {value} at offset {skipped}.",
                            op.process
                        )
                    });
                }
            }
        }
        if skips + backs > 0 {
            findings.note(format!(
                "{skips} skips and {backs} nonmonotonic polls between polls of subscribed processes: allowed, because \
                 partitions may have changed hands"
            ));
        }
    }

    /// Acknowledged values that nobody polled.
    fn unseen(&self, findings: &mut Findings) {
        let (mut unseen, mut gaps) = (0_u64, 0_u64);
        for send in self.records.sends.iter().filter(|send| self.op(send.op).outcome == Outcome::Ok) {
            let Some(partition) = self.partitions.get(&send.key) else { continue };
            if partition.polled.contains(&send.value) {
                continue;
            }
            match send.offset.and_then(|offset| partition.passed.get(&offset)) {
                None => unseen += 1,
                Some(&(before, after)) => {
                    let op = self.op(send.op);
                    findings.anomaly("lost write", &[&op, &self.op(before), &self.op(after)], || {
                        format!(
                            "Value {}{} was acknowledged at offset {} and nobody polled it, although process {} polled \
                             around it.",
                            send.value,
                            of_key(&send.key),
                            send.offset.unwrap_or(0),
                            self.op(after).process
                        )
                    });
                }
            }
        }
        for partition in self.partitions.values() {
            if let (Some((first, _)), Some((last, _))) =
                (partition.offsets.first_key_value(), partition.offsets.last_key_value())
            {
                gaps += last.abs_diff(*first) + 1 - partition.offsets.len() as u64;
            }
        }
        if self.records.polls.iter().all(|poll| poll.records.is_empty()) {
            findings.unknown("no poll returned a value: nobody looked whether what was sent is there".to_owned());
        } else if unseen > 0 {
            findings.unknown(format!(
                "{unseen} acknowledged values were never polled, and nobody polled past them: poll to the end after the last send"
            ));
        }
        if gaps > 0 {
            findings.note(format!("{gaps} offsets between known ones hold no known value"));
        }
    }
}
