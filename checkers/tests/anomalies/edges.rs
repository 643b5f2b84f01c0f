//! Where a rule begins and ends, which operations are named, what is noted: each line fails when one rule is broken.

use rashomon_checkers::anomalies;
use std::sync::Arc;

use rashomon_history::{EventKind, Value};

use crate::script::{NIL, Script, list, script};

#[test]
fn eight_anomalies_of_a_name_are_told() {
    let kind = anomalies::SET;
    let unexpected = |count: i64| script().ok(0, "read", NIL, list(&Vec::from_iter(0..count))).judge(kind);
    assert_eq!((unexpected(8).anomalies.len(), unexpected(8).notes.len()), (8, 0));
    let nine = unexpected(9);
    assert_eq!(nine.anomalies.len(), 8);
    assert!(nine.notes[0].contains("9 anomalies of the kind \"unexpected element\""), "{:?}", nine.notes);
}

#[test]
fn anomalies_have_operations_in_order_a_window_and_a_key() {
    let kind = anomalies::LOCK_EXCLUSION;
    let both =
        script().did(0, "acquire", NIL).did(1, "acquire", NIL).did(0, "release", NIL).did(1, "release", NIL).of(7);
    let both = both.named(kind, &[("mutual exclusion violated", &[0, 1, 2, 3])]);
    assert_eq!((both.anomalies[0].key.as_str(), both.anomalies[0].window), ("7", (0, 7_000_000)));
    // Every key is judged, and missing evidence about one hides nothing of another.
    let keys = script().did(0, "add", 1).of(1).did(0, "add", 1).ok(0, "read", NIL, list(&[])).of(2);
    let keys = keys.bad(anomalies::SET, &[("lost element", 2)]);
    assert_eq!((keys.anomalies[0].key.as_str(), keys.unknown.len()), ("2", 1));
}

#[test]
fn set() {
    let kind = anomalies::SET;
    script().did(0, "add", 1).ok(0, "read", NIL, list(&[1])).ok(0, "read", NIL, NIL).good(kind);
    script().did(0, "add", 1).not_ok(0, "read", EventKind::Fail, list(&[])).unknown(kind, "no read");
    script().did(0, "add", 1).not_ok(0, "read", EventKind::Info, list(&[])).unknown(kind, "no read");
    script().did(0, "add", 1).ok(0, "read", NIL, list(&[])).named(kind, &[("lost element", &[0, 1])]);
    let order = script().ok(0, "read", NIL, list(&[9, 7, 8])).bad(kind, &[("unexpected element", 1); 3]);
    assert!(order.anomalies[0].sentence.contains("element 7"), "{}", order.anomalies[0].sentence);
    let recovered = script().info(0, "add", 1).did(1, "add", 2).ok(1, "read", NIL, list(&[1, 2])).good(kind);
    assert!(recovered.notes[0].starts_with("1 elements"), "{:?}", recovered.notes);
    // The first of two adds may have been read; so may one that began during the read.
    script().did(0, "add", 1).ok(0, "read", NIL, list(&[1])).did(0, "add", 1).good(kind);
    script().begin(1, "read", NIL).did(0, "add", 1).end(1, "read", list(&[1])).good(kind);
}

#[test]
fn set_full() {
    let kind = anomalies::SET_FULL;
    script().did(0, "add", 1).ok(0, "read", NIL, list(&[1])).ok(0, "read", NIL, NIL).good(kind);
    let failed = script().fail(0, "add", 9).fail(0, "add", 9).ok(1, "read", NIL, list(&[9]));
    failed.named(kind, &[("aborted read", &[0, 2])]);
    let seen = script().info(0, "add", 1).ok(1, "read", NIL, list(&[1])).ok(1, "read", NIL, list(&[]));
    let seen = seen.named(kind, &[("lost element", &[0, 1, 2])]);
    assert!(seen.anomalies[0].sentence.contains("was seen by a read"), "{}", seen.anomalies[0].sentence);
    let stale = script().did(0, "add", 1).did(0, "add", 2).did(0, "add", 3).ok(1, "read", NIL, list(&[]));
    let stale = stale.ok(1, "read", NIL, list(&[1, 2, 3])).good(kind);
    let note = "3 elements were missing from a read that began after they were known, and came back; for 3.0 ms \
                (median), 3.0 ms (99 %), 5.0 ms (longest)";
    assert_eq!(stale.notes, [note]);
}

#[test]
fn queues() {
    let (total, queue) = (anomalies::TOTAL_QUEUE, anomalies::QUEUE);
    // Of two equal values the one acknowledged later may be the one that did not come out.
    let equal =
        script().begin(0, "enqueue", 1).did(1, "enqueue", 1).ok(1, "dequeue", NIL, 1).ok(1, "dequeue", NIL, NIL);
    equal.end(0, "enqueue", 1).unknown(total, "last seen empty");
    // What a crashed drain is known to have taken came out, by its end; what a refused one says did not.
    let crashed = |script: Script| script.not_ok(2, "drain", EventKind::Info, list(&[1]));
    crashed(script().did(0, "enqueue", 1)).ok(0, "drain", NIL, list(&[])).good(total);
    let twice = crashed(script().did(0, "enqueue", 1).ok(0, "dequeue", NIL, 1));
    twice.named(queue, &[("duplicated value", &[1, 2])]);
    crashed(script()).did(0, "enqueue", 1).named(queue, &[("unexpected value", &[0, 1])]);
    let refused = script().did(0, "enqueue", 1).not_ok(0, "drain", EventKind::Fail, list(&[1]));
    refused.ok(0, "drain", NIL, list(&[])).named(total, &[("lost value", &[0, 2])]);
    // Named is the take that returned first.
    let first = script().begin(0, "dequeue", NIL).ok(1, "dequeue", NIL, 1).end(0, "dequeue", 1).did(1, "enqueue", 1);
    first.named(total, &[("unexpected value", &[1, 2])]);
    let again = script().did(0, "enqueue", 1).ok(0, "drain", NIL, list(&[1, 1, 1])).good(total);
    assert_eq!(again.notes, ["2 values came out again: delivery at least once"]);
    let recovered = script().did(0, "enqueue", 1).info(2, "enqueue", 1).ok(0, "drain", NIL, list(&[1, 1])).good(total);
    assert_eq!(recovered.notes, ["1 values of enqueues with unknown outcome came out"]);
}

#[test]
fn unique_ids() {
    let kind = anomalies::UNIQUE_IDS;
    let give = |ids: &[i64]| ids.iter().fold(script(), |script, &id| script.ok(0, "generate", NIL, id));
    assert_eq!(give(&[5, 7, 1, 6]).good(kind).notes, ["4 identifiers, from 1 to 7"]);
    give(&[1, 1, 1]).named(kind, &[("duplicate ID", &[0, 1]), ("duplicate ID", &[0, 2])]);
    give(&[1]).not_ok(0, "generate", EventKind::Fail, Value::Int(1)).good(kind);
    give(&[1]).not_ok(0, "generate", EventKind::Info, Value::Int(1)).good(kind);
    give(&[1]).ok(0, "read", NIL, 1).unknown(kind, "`read` is not an operation of unique-ids");
}

#[test]
fn counter() {
    let kind = anomalies::COUNTER;
    // Nothing is subtracted when 0 is added.
    let zero = script().did(0, "add", 0).info(2, "add", 2).ok(0, "read", NIL, 2).ok(0, "read", NIL, 0);
    zero.named(kind, &[("non-monotonic counter read", &[2, 3])]);
    let down = || script().did(0, "add", 2).did(0, "add", -1);
    down().ok(0, "read", NIL, 2).bad(kind, &[("counter too large", 2)]);
    down().ok(0, "read", NIL, 1).good(kind);
    let beside = || script().did(0, "add", 2).begin(1, "add", -1).begin(0, "read", NIL).end(1, "add", -1);
    beside().end(0, "read", 2).good(kind);
    let during = |amount: i64| script().did(0, "add", 2).begin(0, "read", NIL).did(1, "add", amount);
    during(-1).end(0, "read", 1).good(kind);
    during(3).end(0, "read", 5).good(kind);
    script().did(0, "add", Value::text("two")).ok(0, "read", NIL, 2).unknown(kind, "a 64-bit integer");
    script().did(0, "add", 2).ok(0, "read", NIL, 2).ok(0, "read", NIL, NIL).unknown(kind, "a 64-bit integer");
    script().did(0, "add", 2).fail(0, "read", NIL).ok(0, "read", NIL, 2).good(kind);
    // Which read is the one that was larger.
    let open = script().info(9, "add", 2).begin(0, "read", NIL).ok(1, "read", NIL, 2).ok(1, "read", NIL, 0);
    open.end(0, "read", 2).named(kind, &[("non-monotonic counter read", &[2, 3])]);
    let overlap = script().info(9, "add", 2).begin(0, "read", NIL).ok(1, "read", NIL, 2).end(0, "read", 0);
    overlap.good(kind);
    let reads =
        |values: &[i64]| values.iter().fold(script().info(9, "add", 3), |script, &v| script.ok(0, "read", NIL, v));
    reads(&[3, 0, 2]).bad(kind, &[("non-monotonic counter read", 2), ("non-monotonic counter read", 2)]);
    reads(&[3, 3, 0]).named(kind, &[("non-monotonic counter read", &[1, 3])]);
}

#[test]
fn monotonic() {
    let kind = anomalies::MONOTONIC;
    let reads = |values: &[i64]| values.iter().fold(script(), |script, &value| script.ok(0, "read", NIL, value));
    reads(&[3, 1, 2]).named(kind, &[("non-monotonic read", &[0, 1]), ("non-monotonic read", &[0, 2])]);
    reads(&[1, 3, 2]).named(kind, &[("non-monotonic read", &[1, 2])]);
    reads(&[2]).ok(0, "read", NIL, NIL).ok(0, "read", NIL, 2).good(kind);
    reads(&[2, 2]).ok(0, "count", NIL, 1).unknown(kind, "`count` is not an operation of monotonic; it knows read;");
    reads(&[2, 2]).not_ok(0, "read", EventKind::Fail, Value::Int(1)).good(kind);
    reads(&[2, 2]).not_ok(0, "read", EventKind::Info, Value::Int(1)).good(kind);
    reads(&[2, 2]).ok(0, "read", NIL, Value::text("1")).unknown(kind, "a 64-bit integer");
    reads(&[2, 2]).of(1).ok(0, "read", NIL, 1).of(2).good(kind);
}

#[test]
fn sequential_insert() {
    let kind = anomalies::SEQUENTIAL_INSERT;
    let hole = |ops: &'static [u32]| ("addition out of order", ops);
    let added = || script().did(0, "add", 1).did(0, "add", 2).did(0, "add", 3);
    // Named are the first that is missing and the last that is there.
    added().ok(1, "read", NIL, list(&[3])).named(kind, &[hole(&[0, 2, 3])]);
    added().ok(1, "read", NIL, list(&[2, 3])).named(kind, &[hole(&[0, 2, 3])]);
    added().ok(1, "read", NIL, list(&[3, 2])).named(kind, &[hole(&[0, 2, 3])]);
    added().ok(1, "read", NIL, list(&[1, 3])).named(kind, &[hole(&[1, 2, 3])]);
    added().ok(1, "read", NIL, list(&[3])).ok(1, "read", NIL, list(&[3])).bad(kind, &[("addition out of order", 3); 2]);
    // Neither an element twice nor one of unknown outcome fills a hole.
    added().ok(1, "read", NIL, list(&[1, 3, 3])).named(kind, &[hole(&[1, 2, 3])]);
    let unknown = || script().did(0, "add", 1).did(0, "add", 2).info(0, "add", 3);
    unknown().ok(1, "read", NIL, list(&[2, 3])).named(kind, &[hole(&[0, 2, 3])]);
    unknown().ok(1, "read", NIL, list(&[3, 2])).named(kind, &[hole(&[0, 2, 3])]);
    // In order of processes.
    let two = script().did(1, "add", 1).did(1, "add", 2).did(0, "add", 3).did(0, "add", 4);
    two.ok(2, "read", NIL, list(&[2, 4])).named(kind, &[hole(&[2, 3, 4]), hole(&[0, 1, 4])]);
    script().fail(0, "add", 1).did(0, "add", 2).ok(1, "read", NIL, list(&[2])).good(kind);
    script().fail(0, "add", 1).did(0, "add", 1).ok(1, "read", NIL, list(&[1])).good(kind);
    script().did(0, "add", 1).did(0, "add", 1).ok(1, "read", NIL, list(&[1])).unknown(kind, "added twice");
    added().ok(1, "read", NIL, list(&[])).unknown(kind, "no read");
    added().not_ok(1, "read", EventKind::Fail, list(&[3])).unknown(kind, "no read");
    added().not_ok(1, "read", EventKind::Info, list(&[3])).unknown(kind, "no read");
}

#[test]
fn holds() {
    let kind = anomalies::LOCK_EXCLUSION;
    let held = || script().did(0, "acquire", NIL);
    held().fail(1, "acquire", NIL).did(0, "release", NIL).did(2, "acquire", NIL).good(kind);
    held().fail(0, "release", NIL).did(1, "acquire", NIL).named(kind, &[("mutual exclusion violated", &[0, 2])]);
    held().info(0, "release", NIL).did(1, "acquire", NIL).good(kind);
    held().did(1, "release", NIL).did(2, "acquire", NIL).named(kind, &[("mutual exclusion violated", &[0, 2])]);
    // It may begin until the acquire returns, and end as soon as the release is invoked.
    held().begin(0, "release", NIL).did(1, "acquire", NIL).end(0, "release", NIL).good(kind);
    held().begin(1, "acquire", NIL).did(0, "release", NIL).end(1, "acquire", NIL).good(kind);
    held().did(0, "release", NIL).did(1, "acquire", NIL).did(0, "release", NIL).good(kind);
    let late = script().begin(0, "acquire", NIL).did(1, "acquire", NIL).did(1, "release", NIL).end(0, "acquire", NIL);
    late.good(kind);
    let inner = held().did(1, "acquire", NIL).did(1, "release", NIL).did(0, "release", NIL);
    let inner = inner.named(kind, &[("mutual exclusion violated", &[0, 1, 2, 3])]);
    assert!(inner.anomalies[0].sentence.contains("at least 1.0 ms,"), "{}", inner.anomalies[0].sentence);
    let ever =
        held().did(1, "acquire", NIL).info(2, "acquire", NIL).named(kind, &[("mutual exclusion violated", &[0, 1])]);
    assert!(ever.anomalies[0].sentence.contains("at least 2.0 ms,"), "{}", ever.anomalies[0].sentence);
}

#[test]
fn tokens() {
    let kind = anomalies::LOCK_FENCING;
    let given = |tokens: &[i64]| tokens.iter().fold(script(), |script, &token| script.ok(0, "acquire", NIL, token));
    let (falls, twice) = ("fencing token does not rise", "fencing token given twice");
    given(&[3, 1, 2]).named(kind, &[(falls, &[0, 1]), (falls, &[0, 2])]);
    let to_each = (0..3).fold(script(), |script, process| script.ok(process, "acquire", NIL, 1));
    to_each.named(kind, &[(twice, &[0, 1]), (twice, &[0, 2])]);
    // A holder that acquires again may be told its own token again, but not an older one.
    given(&[1, 1, 1]).good(kind);
    given(&[2]).of(1).ok(0, "acquire", NIL, 1).of(2).unknown(kind, "too few to compare");
    given(&[1, 3]).not_ok(1, "acquire", EventKind::Fail, Value::Int(2)).good(kind);
    given(&[1, 3]).not_ok(1, "acquire", EventKind::Info, Value::Int(2)).good(kind);
    let overlap = script().begin(0, "acquire", NIL).ok(1, "acquire", NIL, 2).end(0, "acquire", 1);
    overlap.good(kind);
    let open = script().begin(0, "acquire", NIL).ok(1, "acquire", NIL, 3).ok(1, "acquire", NIL, 2).end(0, "acquire", 4);
    open.named(kind, &[(falls, &[1, 2])]);
    // Writes may share a token, and only those that a larger one preceded are stale.
    given(&[1, 2]).did(0, "write", 2).did(0, "write", 2).good(kind);
    let equal = given(&[1, 2]).did(0, "write", 2).did(0, "write", 2).did(0, "write", 1);
    equal.named(kind, &[("stale write accepted", &[2, 4])]);
    given(&[1, 2]).begin(1, "write", 1).did(0, "write", 2).end(1, "write", 1).good(kind);
    given(&[1, 2])
        .did(0, "write", list(&[2, 7]))
        .did(0, "write", list(&[1, 9]))
        .bad(kind, &[("stale write accepted", 2)]);
}

#[test]
fn bank() {
    let kind = anomalies::BANK;
    let map = |entries: [(i64, i64); 2]| Value::Map(Arc::from(entries.map(|(a, b)| (Value::Int(a), Value::Int(b)))));
    let moved = || script().ok(0, "read", NIL, map([(1, 5), (2, 5)])).did(0, "transfer", 1);
    moved().ok(0, "read", NIL, map([(2, 10), (1, 0)])).good(kind);
    moved().ok(0, "read", NIL, map([(1, 5), (3, 5)])).bad(kind, &[("other accounts", 2)]);
    moved().ok(0, "read", NIL, 10).unknown(kind, "a map from account to balance, or a list of balances");
    moved().not_ok(0, "read", EventKind::Fail, map([(1, 5), (2, 6)])).good(kind);
    moved().not_ok(0, "read", EventKind::Info, map([(1, 5), (2, 6)])).good(kind);
    script().ok(0, "read", NIL, list(&[5])).fail(0, "transfer", 1).unknown(kind, "no transfer");
    // The first whole read is the measure for all others.
    let nine = moved().ok(0, "read", NIL, map([(1, 5), (2, 4)])).ok(0, "read", NIL, map([(1, 4), (2, 5)]));
    nine.named(kind, &[("wrong total", &[0, 2]), ("wrong total", &[0, 3])]);
    let partly = script().ok(0, "read", NIL, Value::list([Value::Int(9), NIL])).did(0, "transfer", 1);
    partly.ok(0, "read", NIL, list(&[5, 5])).bad(kind, &[("nil balance", 1)]);
}
