//! The same for `log`: where a rule begins and ends, which operations are named, how histories may be written.

use rashomon_checkers::anomalies;
use std::sync::Arc;

use rashomon_checkers::Checker;
use rashomon_history::{EventKind, Value};

use crate::script::{NIL, Script, polled, script};

const KIND: Checker = anomalies::LOG;

fn sent(values: &[(i64, i64)]) -> Script {
    values.iter().fold(script(), |script, &(offset, value)| script.ok(0, "send", value, offset))
}

/// Ten at offset 0, eleven at 1, and so on.
fn four() -> Script {
    sent(&[(0, 10), (1, 11), (2, 12), (3, 13)])
}

#[test]
fn positions() {
    let seen = || four().ok(2, "poll", NIL, polled(&[(0, 10), (1, 11), (2, 12), (3, 13)]));
    let skips = |resets: fn(Script) -> Script| {
        resets(seen().ok(1, "poll", NIL, polled(&[(0, 10)]))).ok(1, "poll", NIL, polled(&[(3, 13)]))
    };
    let skipped = skips(|script| script).named(KIND, &[("poll skip", &[5, 6])]);
    assert!(skipped.anomalies[0].sentence.contains("skipped 11 at offset 1"), "{}", skipped.anomalies[0].sentence);
    // Only who assigns or seeks forgets where it was.
    skips(|script| script.did(1, "assign", NIL)).good(KIND);
    skips(|script| script.did(3, "seek", NIL)).bad(KIND, &[("poll skip", 2)]);
    // Partitions do not change hands within one poll.
    let subscribed = || seen().did(1, "subscribe", NIL);
    subscribed().ok(1, "poll", NIL, polled(&[(0, 10), (3, 13)])).bad(KIND, &[("int poll skip", 1)]);
    subscribed().ok(1, "poll", NIL, polled(&[(1, 11), (0, 10)])).bad(KIND, &[("int nonmonotonic poll", 1)]);
    // A poll that begins where it says skips nothing there, and may go back.
    seen().ok(2, "poll", 1, polled(&[(1, 11)])).good(KIND);
    seen().ok(2, "poll", 1, polled(&[(2, 12)])).bad(KIND, &[("int poll skip", 1)]);
    seen()
        .ok(1, "poll", NIL, polled(&[(1, 11)]))
        .ok(1, "poll", NIL, polled(&[(1, 11)]))
        .bad(KIND, &[("nonmonotonic poll", 2)]);
    for kind in [EventKind::Fail, EventKind::Info] {
        seen().ok(1, "poll", NIL, polled(&[(1, 11)])).not_ok(1, "poll", kind, polled(&[(0, 10)])).good(KIND);
    }
}

#[test]
fn what_is_lost() {
    let lost =
        script().begin(9, "send", 10).begin(8, "send", 12).ok(0, "send", 11, 1).end(9, "send", 0).end(8, "send", 2);
    let lost = lost.ok(1, "poll", NIL, polled(&[(0, 10), (2, 12)])).ok(2, "poll", NIL, polled(&[(0, 10), (2, 12)]));
    lost.named(KIND, &[("lost write", &[2, 3])]);
    // The same where offsets lie far apart.
    let far = [(0, 10), (1_000_000, 11), (2_000_000, 12)];
    let jumped = || sent(&far).ok(1, "poll", NIL, polled(&[far[0], far[2]]));
    jumped().named(KIND, &[("lost write", &[1, 3])]);
    let all = sent(&far).ok(1, "poll", NIL, polled(&far)).good(KIND);
    assert!(all.notes[0].contains("1999998 offsets"), "{:?}", all.notes);
    let other = sent(&far).ok(1, "poll", 0, polled(&[(0, 10), (1_000_000, 12)]));
    other.judge(KIND).anomalies.iter().find(|found| found.name == "inconsistent offsets").expect("two values there");
    // Nobody needs to see what may not have happened.
    let refused = |kind| sent(&[(0, 10)]).not_ok(5, "send", kind, NIL).ok(1, "poll", NIL, polled(&[(0, 10)]));
    refused(EventKind::Fail).good(KIND);
    refused(EventKind::Info).good(KIND);
}

#[test]
fn sources() {
    let twice = script().ok(1, "poll", NIL, polled(&[(0, 10)])).ok(2, "poll", NIL, polled(&[(0, 10)]));
    twice.named(KIND, &[("unexpected value", &[0])]);
    // A send during the poll, a retried send.
    script().begin(1, "poll", NIL).ok(0, "send", 10, 0).end(1, "poll", polled(&[(0, 10)])).good(KIND);
    sent(&[(0, 10)]).ok(1, "poll", NIL, polled(&[(0, 10)])).info(0, "send", 10).good(KIND);
    script().fail(0, "send", 10).ok(0, "send", 10, 0).ok(1, "poll", NIL, polled(&[(0, 10)])).good(KIND);
    let twice = sent(&[(0, 10)]).ok(1, "poll", NIL, polled(&[(1, 10)])).ok(2, "poll", NIL, polled(&[(1, 10)]));
    twice.named(KIND, &[("duplicate", &[0, 1])]);
    let both = sent(&[(0, 10), (1, 11)]).ok(1, "poll", NIL, polled(&[(0, 11), (1, 11)]));
    both.named(KIND, &[("inconsistent offsets", &[0, 2]), ("duplicate", &[1, 2]), ("duplicate", &[2])]);
}

#[test]
fn sends() {
    let seen = |script: Script, offsets: &[(i64, i64)]| script.ok(1, "poll", NIL, polled(offsets));
    // The largest before, whichever came last and whoever is open.
    let falling = script().ok(0, "send", 10, 3).ok(2, "send", 11, 1).ok(3, "send", 12, 2);
    let falling = seen(falling, &[(1, 11), (2, 12), (3, 10)]);
    falling.named(KIND, &[("reordered sends", &[0, 1]), ("reordered sends", &[0, 2])]);
    let open = script().begin(9, "send", 10).ok(0, "send", 11, 2).ok(2, "send", 12, 1).end(9, "send", 0);
    seen(open, &[(0, 10), (1, 12), (2, 11)]).named(KIND, &[("reordered sends", &[1, 2])]);
    seen(sent(&[(0, 10), (0, 10)]), &[(0, 10)]).named(KIND, &[("nonmonotonic send", &[0, 1])]);
    let equal = script().ok(0, "send", 10, 0).ok(2, "send", 10, 0);
    seen(equal, &[(0, 10)]).good(KIND);
    let between = script().ok(0, "send", 10, 0).ok(2, "send", 11, 1).ok(0, "send", 12, 2);
    assert!(seen(between, &[(0, 10), (1, 11), (2, 12)]).good(KIND).notes.is_empty());
}

#[test]
fn ways_to_write() {
    // Another word; an offset with its value; no offsets at all; a map of partitions.
    script().ok(0, "append", 10, 0).ok(1, "poll", NIL, polled(&[(0, 10)])).good(KIND);
    let pair = |offset: i64, value: i64| Value::pair(Value::Int(offset), Value::Int(value));
    let pairs = script().ok(0, "send", 10, pair(1, 10)).ok(2, "send", 11, pair(0, 11));
    pairs.ok(1, "poll", NIL, polled(&[(0, 11), (1, 10)])).bad(KIND, &[("reordered sends", 2)]);
    let repeated = script().did(0, "send", 11).did(2, "send", 10);
    repeated.ok(1, "poll", NIL, polled(&[(0, 10), (1, 11)])).good(KIND);
    let map = |entries: &[(i64, i64)]| {
        let held = entries.iter().map(|&(key, value)| (Value::Int(key), polled(&[(0, value)])));
        Value::Map(Arc::from_iter(held))
    };
    // Equal values in two partitions are two messages.
    let two = || script().ok(0, "send", 10, 0).of(1).ok(0, "send", 10, 0).of(2);
    two().ok(1, "poll", NIL, map(&[(1, 10), (2, 10)])).good(KIND);
    two().ok(1, "poll", NIL, map(&[(1, 10)])).unknown(KIND, "1 acknowledged values were never polled");
    // Partitions are told in order of their names.
    let falls = |script: Script, key| script.ok(0, "send", 10, 1).ok(0, "send", 11, 0).of(key);
    let order = falls(falls(script(), 2), 1)
        .ok(1, "poll", NIL, NIL)
        .named(KIND, &[("nonmonotonic send", &[2, 3]), ("nonmonotonic send", &[0, 1])]);
    assert_eq!(order.anomalies[0].key, "1");
    // A transaction that did not succeed polled and sent nothing that counts.
    let micro = |items: &[Value]| Value::list([Value::list(items.to_vec())]);
    let got = micro(&[Value::text("poll"), Value::Map(Arc::from([(NIL, polled(&[(0, 99)]))]))]);
    for kind in [EventKind::Fail, EventKind::Info] {
        let tried = sent(&[(0, 10)]).begin(2, "txn", micro(&[Value::text("poll")])).event(2, kind, "txn", got.clone());
        tried.ok(1, "poll", NIL, polled(&[(0, 10)])).good(KIND);
        let offset =
            sent(&[(5, 10)]).not_ok(3, "poll", kind, NIL).begin(2, "send", 11).event(2, kind, "send", Value::Int(1));
        offset.ok(1, "poll", NIL, polled(&[(5, 10)])).good(KIND);
    }
}
