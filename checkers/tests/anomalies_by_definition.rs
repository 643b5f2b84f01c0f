//! `set-full`, `total-queue` and `log` compared with their definitions, written as plainly as can be: every anomaly is
//! looked for among all pairs of operations. Random small histories with every mixture of ok, fail, info and no
//! completion.

use rashomon_checkers::anomalies;
use std::collections::{BTreeMap, BTreeSet};

use rashomon_checkers::Budget;
use rashomon_checkers::Checker;
use rashomon_checkers::small::{Call, Choices, random_history};
use rashomon_checkers::{Finding, Judgement};
use rashomon_history::{History, OpView, Outcome, Value};

const NIL: Value = Value::Nil;

fn list(items: &[i64]) -> Value {
    Value::list(items.iter().copied().map(Value::Int))
}

/// The last position at which it can have taken effect.
fn end(op: &OpView<'_>) -> u32 {
    op.completed.filter(|_| op.outcome != Outcome::Info).unwrap_or(u32::MAX)
}

fn is(op: &OpView<'_>, f: &str, outcome: Outcome) -> bool {
    op.f == f && op.outcome == outcome
}

/// What the definition finds: anomalies by name, and whether it is evidence enough.
type Expected = (BTreeSet<&'static str>, bool);

/// Judges random histories; every anomaly, and every finding, must come up often.
fn agree(kind: Checker, calls: &[Call], rounds: usize, definition: impl Fn(&[OpView<'_>]) -> Expected) {
    let mut choices = Choices::new(11);
    let mut often: BTreeMap<String, u32> = BTreeMap::new();
    for round in 0..rounds {
        let history: History = random_history(calls, 2 + round % 6, 1 + round % 3, &mut choices);
        let ops: Vec<OpView<'_>> = history.ops().collect();
        let (names, known) = definition(&ops);
        let judgement: Judgement = kind.check(&history, &Budget::default());
        let found: BTreeSet<&str> = judgement.anomalies.iter().map(|anomaly| anomaly.name.as_str()).collect();
        assert_eq!(found, names, "{judgement:#?}\n{ops:#?}");
        assert_eq!(judgement.unknown.is_empty(), known, "{judgement:#?}\n{ops:#?}");
        found.iter().for_each(|name| *often.entry((*name).to_owned()).or_default() += 1);
        *often.entry(format!("{:?}", judgement.finding)).or_default() += 1;
    }
    let rare: Vec<_> = often.iter().filter(|(_, count)| **count < 20).collect();
    assert!(rare.is_empty() && often.contains_key(&format!("{:?}", Finding::Valid)), "{often:?}");
}

#[test]
fn set_full() {
    let mut calls = Vec::new();
    for element in [1, 2].map(Value::Int) {
        calls.extend([
            Call::ok("add", element.clone(), element.clone()),
            Call::info("add", element.clone()),
            Call::fail("add", element.clone()),
            Call::pending("add", element),
        ]);
    }
    calls.extend([Call::ok("add", Value::Int(1), NIL), Call::info("read", NIL), Call::fail("read", NIL)]);
    calls.extend([&[][..], &[1], &[2], &[2, 1], &[1, 2], &[1, 1]].map(|read| Call::ok("read", NIL, list(read))));
    for kind in [anomalies::SET_FULL, anomalies::SET_FULL_LINEARIZABLE] {
        agree(kind, &calls, 12_000, |ops| {
            let reads: Vec<&OpView<'_>> = ops.iter().filter(|op| is(op, "read", Outcome::Ok)).collect();
            let mut names = BTreeSet::new();
            let (mut judged, mut never_read) = (false, false);
            for element in [1, 2].map(Value::Int) {
                let times = |read: &&OpView<'_>| {
                    read.output.as_list().expect("a list").iter().filter(|&other| *other == element).count()
                };
                let with: Vec<&OpView<'_>> = reads.iter().copied().filter(|read| times(read) > 0).collect();
                let adds: Vec<&OpView<'_>> = ops.iter().filter(|op| op.f == "add" && op.input == element).collect();
                let possible = || adds.iter().filter(|add| add.outcome != Outcome::Fail);
                if reads.iter().any(|read| times(read) > 1) {
                    names.insert("duplicated element");
                }
                for read in &with {
                    if adds.is_empty() || possible().count() > 0 && possible().all(|add| end(read) < add.invoked) {
                        names.insert("unexpected element");
                    } else if possible().count() == 0 {
                        names.insert("aborted read");
                    }
                }
                let acknowledged = adds.iter().filter(|add| add.outcome == Outcome::Ok);
                let Some(known) = acknowledged.chain(&with).map(|op| end(op)).min() else { continue };
                judged = true;
                never_read |= with.is_empty() && reads.iter().all(|read| read.invoked < known);
                let lacking = reads.iter().rfind(|read| times(read) == 0 && read.invoked > known);
                match lacking {
                    Some(lacking) if with.iter().all(|read| end(read) < lacking.invoked) => {
                        names.insert("lost element");
                    }
                    Some(_) if kind == anomalies::SET_FULL_LINEARIZABLE => {
                        names.insert("stale read");
                    }
                    _ => {}
                }
            }
            (if reads.is_empty() { BTreeSet::new() } else { names }, !reads.is_empty() && judged && !never_read)
        });
    }
}

#[test]
fn total_queue_and_queue() {
    let mut calls = Vec::new();
    for value in [1, 2].map(Value::Int) {
        calls.extend([
            Call::ok("enqueue", value.clone(), value.clone()),
            Call::info("enqueue", value.clone()),
            Call::fail("enqueue", value.clone()),
            Call::pending("enqueue", value.clone()),
            Call::ok("enqueue", value.clone(), NIL),
            Call::ok("dequeue", NIL, value),
        ]);
    }
    calls.extend([Call::ok("dequeue", NIL, NIL), Call::info("dequeue", NIL), Call::fail("dequeue", NIL)]);
    calls.extend([&[][..], &[], &[1], &[1, 1], &[1, 2]].map(|drained| Call::ok("drain", NIL, list(drained))));
    calls.push(Call::info("drain", NIL));
    for kind in [anomalies::TOTAL_QUEUE, anomalies::QUEUE] {
        agree(kind, &calls, 12_000, |ops| {
            let total = kind == anomalies::TOTAL_QUEUE;
            let looks = |op: &&OpView<'_>| matches!(op.f, "dequeue" | "drain") && op.outcome == Outcome::Ok;
            let mut names = BTreeSet::new();
            let (mut gone, mut unseen) = (0, 0);
            let empty = ops.iter().filter(looks).rfind(|op| op.f == "drain" || op.output == NIL);
            for value in [1, 2].map(Value::Int) {
                let took = |op: &OpView<'_>| match op.output.as_list() {
                    Some(drained) => drained.iter().filter(|&other| *other == value).count(),
                    None => usize::from(op.output == value),
                };
                let takes: Vec<&OpView<'_>> = ops.iter().filter(looks).filter(|op| took(op) > 0).collect();
                let taken: usize = takes.iter().map(|op| took(op)).sum();
                let puts: Vec<&OpView<'_>> = ops.iter().filter(|op| op.f == "enqueue" && op.input == value).collect();
                let possible: Vec<_> = puts.iter().filter(|put| put.outcome != Outcome::Fail).collect();
                if !total && !possible.is_empty() && taken > possible.len() {
                    names.insert("duplicated value");
                }
                for take in takes {
                    match possible.iter().map(|put| put.invoked).min() {
                        Some(invoked) if end(take) < invoked => _ = names.insert("unexpected value"),
                        None if puts.is_empty() => _ = names.insert("unexpected value"),
                        None => _ = names.insert("aborted read"),
                        _ => {}
                    }
                }
                // How many did not come out, and how many of these were acknowledged before it was seen empty at least.
                let done: Vec<_> = puts.iter().filter(|put| put.outcome == Outcome::Ok).collect();
                let before = done.iter().filter(|put| empty.is_some_and(|empty| end(put) < empty.invoked)).count();
                gone += before.saturating_sub(taken);
                unseen += done.len().saturating_sub(taken) - before.saturating_sub(taken);
            }
            let looked = ops.iter().any(|op| looks(&op));
            if !total {
                return (names, looked);
            }
            let crashed = |f| ops.iter().filter(|op| is(op, f, Outcome::Info)).count();
            let explained = crashed("drain") > 0 || crashed("dequeue") >= gone;
            if gone > 0 && !explained {
                names.insert("lost value");
            }
            (names, looked && unseen == 0 && (gone == 0 || !explained))
        });
    }
}

/// `[[offset value] …]` of a log in which value 10 + n is at offset n, unless it says otherwise.
fn polled(offsets: &[i64]) -> Value {
    let at = |offset: i64| Value::pair(Value::Int(offset % 100), Value::Int(10 + offset % 100 + offset / 100));
    Value::list(offsets.iter().map(|&offset| at(offset)))
}

#[test]
fn log() {
    let mut calls = Vec::new();
    for offset in 0..4 {
        let value = Value::Int(10 + offset);
        calls.extend([
            Call::ok("send", value.clone(), Value::Int(offset)),
            Call::ok("send", value.clone(), Value::Int(offset)),
            Call::ok("send", value.clone(), NIL),
            Call::info("send", value.clone()),
            Call::fail("send", value.clone()),
            Call::pending("send", value),
            Call::ok("poll", NIL, polled(&[offset])),
        ]);
    }
    let outputs = [&[][..], &[0, 1], &[0, 2], &[1, 2, 3], &[1, 3], &[2, 1], &[0, 3], &[100], &[101]];
    calls.extend(outputs.map(|read| Call::ok("poll", NIL, polled(read))));
    calls.extend([&[0, 1][..], &[1], &[2]].map(|read| Call::ok("poll", Value::Int(0), polled(read))));
    calls.extend([Call::info("poll", NIL), Call::fail("poll", NIL), Call::ok("seek", NIL, NIL)]);
    agree(anomalies::LOG, &calls, 40_000, |ops| {
        let int = |value: &Value| value.as_int().expect("an integer");
        let pairs = |op: &OpView<'_>| -> Vec<(i64, i64)> {
            let pair = |pair: &Value| pair.as_list().map(|pair| (int(&pair[0]), int(&pair[1]))).expect("a pair");
            op.output.as_list().expect("a list").iter().map(pair).collect()
        };
        let sends: Vec<&OpView<'_>> = ops.iter().filter(|op| op.f == "send").collect();
        let placed: Vec<&OpView<'_>> =
            sends.iter().copied().filter(|op| op.outcome == Outcome::Ok && op.output != NIL).collect();
        let polls: Vec<&OpView<'_>> = ops.iter().filter(|op| is(op, "poll", Outcome::Ok)).collect();
        let seen: BTreeSet<i64> = polls.iter().flat_map(|op| pairs(op)).map(|(_, value)| value).collect();
        // Who says it first is right.
        let mut at: Vec<(i64, i64)> = placed.iter().map(|op| (int(&op.output), int(&op.input))).collect();
        at.extend(polls.iter().flat_map(|op| pairs(op)));
        let held = |offset: i64| at.iter().find(|&&(other, _)| other == offset).map(|&(_, value)| value);
        let mut names = BTreeSet::new();
        for (offset, value) in &at {
            if at.iter().any(|(other, another)| other == offset && another != value) {
                names.insert("inconsistent offsets");
            }
            // Each send that did not fail may have put the value in the log once.
            let copies =
                sends.iter().filter(|send| send.outcome != Outcome::Fail && int(&send.input) == *value).count();
            let offsets: BTreeSet<i64> = at.iter().filter(|(_, other)| other == value).map(|&(at, _)| at).collect();
            if offsets.len() > copies.max(1) {
                names.insert("duplicate");
            }
        }
        for poll in &polls {
            for (_, value) in pairs(poll) {
                let sent: Vec<_> = sends.iter().filter(|send| int(&send.input) == value).collect();
                let possible: Vec<_> = sent.iter().filter(|send| send.outcome != Outcome::Fail).collect();
                if sent.is_empty() {
                    names.insert("unexpected value");
                } else if possible.is_empty() {
                    names.insert("aborted read");
                } else if possible.iter().all(|send| end(poll) < send.invoked) {
                    names.insert("read from the future");
                }
            }
        }
        for (index, second) in placed.iter().enumerate() {
            let above = |first: &&&OpView<'_>| int(&first.output) > int(&second.output);
            match placed[..index].iter().rfind(|first| first.process == second.process) {
                Some(first) if int(&first.output) >= int(&second.output) => _ = names.insert("nonmonotonic send"),
                _ if placed.iter().filter(above).any(|first| end(first) < second.invoked) => {
                    names.insert("reordered sends");
                }
                _ => {}
            }
        }
        // What each process polled, one after the other: offsets, and whether in one operation.
        let mut passed = BTreeSet::new();
        for process in ops.iter().map(|op| op.process).collect::<BTreeSet<u32>>() {
            let mut before: Option<(i64, u32)> = None;
            for op in ops.iter().filter(|op| op.process == process) {
                if op.f == "seek" {
                    before = None;
                } else if is(op, "poll", Outcome::Ok) {
                    before = op.input.as_int().map(|from| (from - 1, op.id.0)).or(before);
                    for (offset, _) in pairs(op) {
                        let Some((last, by)) = before.replace((offset, op.id.0)) else { continue };
                        let within = by == op.id.0;
                        if offset <= last {
                            names.insert(if within { "int nonmonotonic poll" } else { "nonmonotonic poll" });
                        }
                        for (skipped, value) in (last + 1..offset).filter_map(|skipped| Some((skipped, held(skipped)?)))
                        {
                            if !seen.contains(&value) {
                                passed.insert(skipped);
                            } else {
                                names.insert(if within { "int poll skip" } else { "poll skip" });
                            }
                        }
                    }
                }
            }
        }
        let unseen = sends.iter().copied().filter(|op| op.outcome == Outcome::Ok && !seen.contains(&int(&op.input)));
        let (lost, unknown): (Vec<&OpView<'_>>, Vec<&OpView<'_>>) =
            unseen.partition(|op| op.output.as_int().is_some_and(|offset| passed.contains(&offset)));
        if !lost.is_empty() {
            names.insert("lost write");
        }
        (names, !seen.is_empty() && unknown.is_empty())
    });
}
