//! `log`: sends and polls of partitioned logs with offsets, as in Kafka; the anomalies have the names of Jepsen's
//! `kafka` workload.
//!
//! | anomaly | what is certain |
//! |---|---|
//! | inconsistent offsets | one offset holds two values |
//! | duplicate | one value is at two offsets |
//! | aborted read (Jepsen: G1a) | a value was polled whose send had failed |
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

mod partition;
mod records;

pub(super) use records::FUNCTIONS;

use std::collections::BTreeSet;

use rashomon_history::{History, OpId, Outcome};
use rustc_hash::FxHashMap;

use self::partition::{Held, Partition};
use self::records::{Polled, Records, Send, records};
use crate::findings::{Findings, between};
use crate::operations::Operation;
use crate::verdict::Judgement;

pub(super) fn check(history: &History) -> Judgement {
    let mut findings = Findings::new("log", "compares all sends and polls by offset", history.len());
    let records = records(history);
    let log = Log { history, records: &records };
    let partitions = log.index(&mut findings);
    let polled = log.sources(&mut findings);
    log.sends(&partitions, &mut findings);
    let passed = log.polls(&partitions, &polled, &mut findings);
    log.unseen(&polled, &passed, &mut findings);
    let gaps = partitions.iter().fold(0_u64, |gaps, partition| gaps.saturating_add(partition.gaps()));
    if gaps > 0 {
        findings.note(format!("{gaps} offsets between known ones hold no known value"));
    }
    findings.judgement()
}

/// Partitions and offsets that a process passed by, with its polls before and after.
type Passed = FxHashMap<(u32, i64), (OpId, OpId)>;

struct Log<'a> {
    history: &'a History,
    records: &'a Records,
}

impl<'a> Log<'a> {
    fn op(&self, id: OpId) -> Operation<'a> {
        Operation::of(self.history, id)
    }

    /// Messages at offsets, as those who sent them know, then as those who polled them do.
    fn placed(&self) -> impl Iterator<Item = (u32, i64, OpId)> + '_ {
        let sent = self.records.sends.iter().filter_map(|send| Some((send.message, send.offset?, send.op)));
        let polls = self.records.polls();
        sent.chain(polls.flat_map(|(poll, polled)| polled.iter().map(|at| (at.message, at.offset, poll.op))))
    }

    /// Learns what is at which offset.
    fn index(&self, findings: &mut Findings) -> Vec<Partition> {
        let messages = &self.records.messages;
        let mut bounds = vec![(i64::MAX, i64::MIN, 0); messages.partitions()];
        for (message, offset, _) in self.placed() {
            let (first, last, count) = &mut bounds[messages.partition(message) as usize];
            (*first, *last, *count) = ((*first).min(offset), (*last).max(offset), *count + 1);
        }
        let expecting = |&(first, last, count): &_| Partition::expecting(first, last, count);
        let mut partitions: Vec<Partition> = bounds.iter().map(expecting).collect();
        let mut offset_of: Vec<Option<(i64, OpId)>> = vec![None; messages.len()];
        // A value that was sent several times may be at as many offsets.
        let copies = self.copies();
        let mut offsets: FxHashMap<u32, BTreeSet<i64>> = FxHashMap::default();
        for (message, offset, op) in self.placed() {
            let key = || messages.on_key(message);
            let value = messages.value(message);
            let held = partitions[messages.partition(message) as usize].hold(offset, Held { message, by: op });
            if held.message != message {
                findings.report("inconsistent offsets", [self.op(held.by), self.op(op)], |_| {
                    format!("Offset {offset}{} holds both {} and {value}.", key(), messages.value(held.message))
                });
            }
            let (other, by) = *offset_of[message as usize].get_or_insert((offset, op));
            if let Some(&copies) = copies.get(&message) {
                let known = offsets.entry(message).or_default();
                let is_new = known.insert(offset);
                if !is_new || known.len() <= copies as usize {
                    continue;
                }
            }
            if other != offset {
                findings.report("duplicate", [self.op(by), self.op(op)], |_| {
                    format!("Value {value}{} is at offsets {other} and {offset}.", key())
                });
                offset_of[message as usize] = Some((offset, op));
            }
        }
        partitions
    }

    /// The values that more than one send may have put in the log, and how many sends.
    fn copies(&self) -> FxHashMap<u32, u32> {
        let mut sent: Vec<u32> = vec![0; self.records.messages.len()];
        for send in &self.records.sends {
            sent[send.message as usize] += u32::from(self.op(send.op).outcome != Outcome::Fail);
        }
        (0..).zip(sent).filter(|&(_, count)| count > 1).collect()
    }

    /// Where polled messages came from. Returns which messages were polled.
    fn sources(&self, findings: &mut Findings) -> Vec<bool> {
        let messages = &self.records.messages;
        // The best send of a message: one that may have happened, the earliest. With whether it failed, and its
        // invocation's position. Where several operations sent it, also the best of the others.
        let mut sends: Vec<Option<(bool, OpId, u32)>> = vec![None; messages.len()];
        let mut others: FxHashMap<u32, (bool, OpId, u32)> = FxHashMap::default();
        for send in &self.records.sends {
            let op = self.op(send.op);
            let this = (op.outcome == Outcome::Fail, op.id, op.invoked);
            let best = sends[send.message as usize].get_or_insert(this);
            let worse = (*best).max(this);
            *best = (*best).min(this);
            if worse.1 != best.1 {
                let other = others.entry(send.message).or_insert(worse);
                *other = (*other).min(worse);
            }
        }
        let mut seen = vec![false; messages.len()];
        let mut reported = vec![false; messages.len()];
        for (poll, polled) in self.records.polls() {
            let op = self.op(poll.op);
            for &Polled { message, offset } in polled {
                seen[message as usize] = true;
                let send = sends[message as usize];
                let fine = |(failed, send, invoked): (bool, OpId, u32)| {
                    !failed && op.last_moment() >= invoked && send != op.id
                };
                // What lies where its own send put it is its own.
                let is_own = || self.sends_of(op.id).any(|send| (send.message, send.offset) == (message, Some(offset)));
                let explained = match others.get(&message) {
                    None => send.is_some_and(fine),
                    Some(&other) => (send.is_some_and(fine) || fine(other)) && !is_own(),
                };
                if explained || std::mem::replace(&mut reported[message as usize], true) {
                    continue;
                }
                let (value, key) = (messages.value(message), messages.on_key(message));
                match send.map(|(failed, send, invoked)| (failed, self.op(send), invoked)) {
                    None => findings.report("unexpected value", [op], |_| {
                        format!("A poll returned {value}{key}, which no operation sent.")
                    }),
                    Some((true, send, _)) => findings.report("aborted read", [send, op], |_| {
                        format!(
                            "A poll returned {value}{key}, but its send had failed, which means that it did not happen."
                        )
                    }),
                    Some((_, send, invoked)) if op.last_moment() < invoked => {
                        findings.report("read from the future", [op, send], |[op, send]| {
                            format!("A poll returned {value}{key} {} before its send began.", between(op, send))
                        });
                    }
                    Some(_) => findings.report("precommitted read", [op], |_| {
                        format!("A transaction polled {value}{key}, which it had sent itself and not yet committed.")
                    }),
                }
            }
        }
        seen
    }

    /// What an operation sent.
    fn sends_of(&self, op: OpId) -> impl Iterator<Item = &Send> {
        let sends = &self.records.sends;
        let begin = sends.partition_point(|send| send.op < op);
        sends[begin..].iter().take_while(move |send| send.op == op)
    }

    /// The order of sends.
    fn sends(&self, partitions: &[Partition], findings: &mut Findings) {
        let messages = &self.records.messages;
        let ranks = messages.ranks();
        let rank = |(send, _): &(&Send, i64)| ranks[messages.partition(send.message) as usize];
        let mut sends: Vec<(&Send, i64)> =
            self.records.sends.iter().filter_map(|send| Some((send, send.offset?))).collect();
        sends.sort_by_key(rank);
        let mut skips = 0_u64;
        for sends in sends.chunk_by(|first, second| rank(first) == rank(second)) {
            let key = messages.on_key(sends[0].0.message);
            let partition = &partitions[messages.partition(sends[0].0.message) as usize];
            let mut last: FxHashMap<u32, (OpId, i64)> = FxHashMap::default();
            let ended = sends.iter().enumerate().map(|(index, (send, _))| (self.op(send.op).last_moment(), index));
            let mut ended: Vec<(u32, usize)> = ended.collect();
            ended.sort_unstable();
            let mut ended = ended.into_iter().peekable();
            let mut largest: Option<(OpId, i64)> = None;
            for &(send, second) in sends {
                let op = self.op(send.op);
                while let Some((_, index)) = ended.next_if(|&(ended, _)| ended < op.invoked) {
                    let (earlier, offset) = sends[index];
                    if largest.is_none_or(|(_, largest)| largest < offset) {
                        largest = Some((earlier.op, offset));
                    }
                }
                let earlier = last.insert(op.process, (op.id, second));
                if let Some((_, first)) = earlier.filter(|&(earlier, first)| earlier == op.id && first < second) {
                    skips += u64::from(partition.between(first, second).next().is_some());
                }
                if let Some((earlier, first)) = earlier.filter(|&(_, first)| first >= second) {
                    let name = if earlier == op.id { "int nonmonotonic send" } else { "nonmonotonic send" };
                    findings.report(name, [self.op(earlier), op], |[_, op]| {
                        format!("Process {} sent{key} to offset {first}, then to offset {second}.", op.process)
                    });
                } else if let Some((earlier, first)) = largest.filter(|&(_, first)| first > second) {
                    findings.report("reordered sends", [self.op(earlier), op], |[earlier, op]| {
                        format!(
                            "A send{key} got offset {first}; one that began {} after it had returned got offset {second}.",
                            between(earlier, op)
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

    /// Whether consumers share out partitions among themselves.
    fn is_subscribed(&self) -> bool {
        self.records.resets.iter().any(|&reset| self.op(reset).f() == "subscribe")
    }

    /// What each process polled, one after the other. Returns what it passed by and nobody polled.
    fn polls(&self, partitions: &[Partition], seen: &[bool], findings: &mut Findings) -> Passed {
        let messages = &self.records.messages;
        let mut passed = Passed::default();
        // Per process, where it is in each partition: the last offset it polled and by which operation. A poll that
        // says where it begins puts it right before that.
        let mut positions: FxHashMap<u32, FxHashMap<u32, (i64, OpId)>> = FxHashMap::default();
        let subscribed = self.is_subscribed();
        let mut resets = self.records.resets.iter().copied().peekable();
        let (mut skips, mut backs) = (0_u64, 0_u64);
        for (poll, polled) in self.records.polls() {
            while let Some(reset) = resets.next_if(|&reset| reset < poll.op) {
                positions.remove(&self.op(reset).process);
            }
            let op = self.op(poll.op);
            let at = positions.entry(op.process).or_default();
            if let Some((partition, from)) = poll.from {
                at.insert(partition, (from.saturating_sub(1), poll.op));
            }
            for polled in polled {
                let (partition, offset) = (messages.partition(polled.message), polled.offset);
                let Some((last, by)) = at.insert(partition, (offset, poll.op)) else { continue };
                let within = by == poll.op;
                if offset <= last {
                    if subscribed && !within {
                        backs += 1;
                        continue;
                    }
                    let name = if within { "int nonmonotonic poll" } else { "nonmonotonic poll" };
                    findings.report(name, [self.op(by), op], |[_, op]| {
                        let key = messages.on_key(polled.message);
                        format!(
                            "Process {} polled offset {offset}{key} when it was at offset {last} already.",
                            op.process
                        )
                    });
                    continue;
                }
                let mut first_skipped = None;
                for (skipped, held) in partitions[partition as usize].between(last, offset) {
                    if !seen[held.message as usize] {
                        passed.entry((partition, skipped)).or_insert((by, poll.op));
                    } else if first_skipped.is_none() {
                        first_skipped = Some((skipped, held.message));
                    }
                }
                let Some((skipped, message)) = first_skipped else { continue };
                if subscribed && !within {
                    skips += 1;
                    continue;
                }
                let name = if within { "int poll skip" } else { "poll skip" };
                findings.report(name, [self.op(by), op], |[_, op]| {
                    format!(
                        "Process {} polled offset {offset}{} after {last} and skipped {} at offset {skipped}.",
                        op.process,
                        messages.on_key(message),
                        messages.value(message)
                    )
                });
            }
        }
        if skips + backs > 0 {
            findings.note(format!(
                "{skips} skips and {backs} nonmonotonic polls between polls of subscribed processes: allowed, because \
                 partitions may have changed hands"
            ));
        }
        passed
    }

    /// Acknowledged values that nobody polled.
    fn unseen(&self, seen: &[bool], passed: &Passed, findings: &mut Findings) {
        let messages = &self.records.messages;
        let (mut unseen, mut taken) = (0_u64, 0_u64);
        // Subscribed consumers share out partitions: what one passed by, another may have polled.
        let polls_unknown = self.records.unknown_polls > 0 && self.is_subscribed();
        for send in self.records.sends.iter().filter(|send| !seen[send.message as usize]) {
            let op = self.op(send.op);
            if op.outcome != Outcome::Ok {
                continue;
            }
            let around = |offset| Some((offset, passed.get(&(messages.partition(send.message), offset))?));
            let Some((offset, &(before, after))) = send.offset.and_then(around) else {
                unseen += 1;
                continue;
            };
            if polls_unknown {
                taken += 1;
                continue;
            }
            findings.report("lost write", [op, self.op(before), self.op(after)], |[_, _, after]| {
                format!(
                    "Value {}{} was acknowledged at offset {offset} and no poll returned it, although process {} polled \
                     around it.",
                    messages.value(send.message),
                    messages.on_key(send.message),
                    after.process
                )
            });
        }
        if taken > 0 {
            findings.unknown(format!(
                "{taken} acknowledged values were passed by and never polled, but {} polls of unknown outcome may have \
                 returned them",
                self.records.unknown_polls
            ));
        }
        if self.records.polled.is_empty() {
            findings.unknown("no poll returned a value: no poll could show what was sent".to_owned());
        } else if unseen > 0 {
            findings.unknown(format!(
                "{unseen} acknowledged values were never polled, and nobody polled past them: poll to the end after the last send"
            ));
        }
    }
}
