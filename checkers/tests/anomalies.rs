//! The checkers that are not linearizability: the smallest bad history for each anomaly, a good one next to it, what is
//! no evidence, and that no history with a linearization is ever called bad.

#[path = "anomalies/edges.rs"]
mod edges;
#[path = "anomalies/log_edges.rs"]
mod log_edges;
#[path = "anomalies/script.rs"]
mod script;

use rashomon_checkers::anomalies;
use std::sync::Arc;

use rashomon_checkers::Budget;
use rashomon_checkers::Checker;
use rashomon_checkers::Finding;
use rashomon_checkers::objects::{ObjectKind, is_linearizable};
use rashomon_checkers::small::{Call, Choices, random_history};
use rashomon_history::Value;

use script::{NIL, Script, list, polled, script};

#[test]
fn set_compares_the_last_read() {
    let kind = anomalies::SET;
    script().did(0, "add", 1).ok(0, "read", NIL, list(&[1])).good(kind);
    script().did(0, "add", 1).ok(0, "read", NIL, list(&[])).bad(kind, &[("lost element", 2)]);
    script().ok(0, "read", NIL, list(&[7])).bad(kind, &[("unexpected element", 1)]);
    script().did(0, "add", 1).ok(0, "read", NIL, list(&[1, 1])).bad(kind, &[("duplicated element", 1)]);
    script().fail(0, "add", 1).ok(0, "read", NIL, list(&[1])).bad(kind, &[("aborted read", 2)]);
    script().ok(0, "read", NIL, list(&[1])).did(0, "add", 1).bad(kind, &[("unexpected element", 2)]);
    // A retried add: it failed once and succeeded once.
    script().fail(0, "add", 1).did(0, "add", 1).ok(0, "read", NIL, list(&[1])).good(kind);
    let recovered = script().info(0, "add", 1).ok(1, "read", NIL, list(&[1])).good(kind);
    assert!(recovered.notes[0].contains("unknown outcome"), "{:?}", recovered.notes);
    script().info(0, "add", 1).ok(1, "read", NIL, list(&[])).good(kind);
    // Only the last read counts.
    let twice = script().did(0, "add", 1).ok(0, "read", NIL, list(&[1])).ok(0, "read", NIL, list(&[]));
    twice.bad(kind, &[("lost element", 2)]);
    // Nobody looked.
    script().did(0, "add", 1).unknown(kind, "no read");
    script().did(0, "add", 1).ok(0, "read", NIL, list(&[1])).did(0, "add", 2).unknown(kind, "after the last read");
    script().unknown(kind, "no operations");
    // The add is concurrent with the read: either answer will do.
    script().begin(0, "add", 1).begin(1, "read", NIL).end(0, "add", 1).end(1, "read", list(&[])).unknown(kind, "after");
}

#[test]
fn set_full_follows_each_element() {
    let (kind, linearizable) = (anomalies::SET_FULL, anomalies::SET_FULL_LINEARIZABLE);
    let stale = || script().did(0, "add", 1).ok(1, "read", NIL, list(&[])).ok(1, "read", NIL, list(&[1]));
    let judged = stale().good(kind);
    assert!(judged.notes[0].contains("came back"), "{:?}", judged.notes);
    stale().bad(linearizable, &[("stale read", 3)]);
    script().did(0, "add", 1).ok(1, "read", NIL, list(&[1])).good(linearizable);
    script().did(0, "add", 1).ok(1, "read", NIL, list(&[])).bad(kind, &[("lost element", 2)]);
    let lost = script().did(0, "add", 1).ok(1, "read", NIL, list(&[1])).ok(1, "read", NIL, list(&[]));
    let lost = lost.bad(kind, &[("lost element", 3)]);
    assert!(lost.anomalies[0].sentence.contains("1 was acknowledged 3.0 ms before"), "{}", lost.anomalies[0].sentence);
    // Seen once, an element of unknown outcome is known, and can be lost.
    script()
        .info(0, "add", 1)
        .ok(1, "read", NIL, list(&[1]))
        .ok(1, "read", NIL, list(&[]))
        .bad(kind, &[("lost element", 3)]);
    script().info(0, "add", 1).did(2, "add", 2).ok(1, "read", NIL, list(&[2])).good(kind);
    // Jepsen's checker cannot report a duplicate.
    script().did(0, "add", 1).ok(1, "read", NIL, list(&[1, 1])).bad(kind, &[("duplicated element", 1)]);
    script().ok(1, "read", NIL, list(&[9])).bad(kind, &[("unexpected element", 1)]);
    script().fail(0, "add", 9).ok(1, "read", NIL, list(&[9])).bad(kind, &[("aborted read", 2)]);
    script().ok(1, "read", NIL, list(&[9])).did(0, "add", 9).bad(kind, &[("unexpected element", 2)]);
    script().did(0, "add", 1).unknown(kind, "no read");
    script().ok(1, "read", NIL, list(&[])).did(0, "add", 1).unknown(kind, "never looked for");
    script().ok(1, "read", NIL, list(&[])).unknown(kind, "no element");
    // Two overlapping reads may see an element in either order.
    let overlapping = script().did(0, "add", 1).begin(1, "read", NIL).begin(2, "read", NIL);
    overlapping.end(1, "read", list(&[1])).end(2, "read", list(&[])).bad(linearizable, &[("stale read", 3)]);
    let concurrent = script().begin(0, "add", 1).begin(1, "read", NIL).begin(2, "read", NIL).end(2, "read", list(&[1]));
    concurrent.end(1, "read", list(&[])).end(0, "add", 1).good(linearizable);
}

#[test]
fn total_queue_counts_what_comes_out() {
    let kind = anomalies::TOTAL_QUEUE;
    script().did(0, "enqueue", 1).ok(0, "dequeue", NIL, 1).good(kind);
    script().did(0, "enqueue", 1).did(0, "enqueue", 1).ok(0, "drain", NIL, list(&[1, 1])).good(kind);
    script().did(0, "enqueue", 1).ok(0, "drain", NIL, list(&[])).bad(kind, &[("lost value", 2)]);
    script().did(0, "enqueue", 1).ok(0, "dequeue", NIL, NIL).bad(kind, &[("lost value", 2)]);
    script().did(0, "enqueue", 1).did(0, "enqueue", 1).ok(0, "drain", NIL, list(&[1])).bad(kind, &[("lost value", 2)]);
    script().ok(0, "dequeue", NIL, 1).bad(kind, &[("unexpected value", 1)]);
    script().ok(0, "dequeue", NIL, 1).did(0, "enqueue", 1).bad(kind, &[("unexpected value", 2)]);
    script().fail(0, "enqueue", 1).ok(0, "dequeue", NIL, 1).bad(kind, &[("aborted read", 2)]);
    let again = script().did(0, "enqueue", 1).ok(0, "drain", NIL, list(&[1, 1])).good(kind);
    assert!(again.notes[0].contains("at least once"), "{:?}", again.notes);
    script().info(0, "enqueue", 1).ok(1, "drain", NIL, list(&[1])).good(kind);
    script().did(0, "enqueue", 1).unknown(kind, "no dequeue could show what came out");
    script().did(0, "enqueue", 1).did(0, "enqueue", 2).ok(0, "dequeue", NIL, 1).unknown(kind, "drain it");
    script().ok(0, "drain", NIL, list(&[])).did(0, "enqueue", 1).unknown(kind, "last seen empty");
    // A dequeue of unknown outcome may have taken one value, a drain all of them.
    script()
        .did(0, "enqueue", 1)
        .info(1, "dequeue", NIL)
        .ok(0, "drain", NIL, list(&[]))
        .unknown(kind, "may have taken");
    script().did(0, "enqueue", 1).info(1, "drain", NIL).ok(0, "drain", NIL, list(&[])).unknown(kind, "may have taken");
    let two = script().did(0, "enqueue", 1).did(0, "enqueue", 2).info(1, "dequeue", NIL).ok(0, "drain", NIL, list(&[]));
    let two = two.bad(kind, &[("lost value", 2), ("lost value", 2)]);
    assert!(two.notes[0].contains("at least 1 are lost"), "{:?}", two.notes);
}

#[test]
fn queue_looks_at_what_comes_out() {
    let kind = anomalies::QUEUE;
    script().did(0, "enqueue", 1).ok(0, "dequeue", NIL, 1).good(kind);
    let twice = script().did(0, "enqueue", 1).ok(0, "dequeue", NIL, 1).ok(1, "dequeue", NIL, 1);
    twice.bad(kind, &[("duplicated value", 2)]);
    let retried = script().did(0, "enqueue", 1).info(0, "enqueue", 1).ok(1, "dequeue", NIL, 1).ok(1, "dequeue", NIL, 1);
    retried.good(kind);
    script().ok(0, "dequeue", NIL, 1).bad(kind, &[("unexpected value", 1)]);
    script().did(0, "enqueue", 1).unknown(kind, "could show");
}

#[test]
fn unique_ids_are_given_once() {
    let kind = anomalies::UNIQUE_IDS;
    script().ok(0, "generate", NIL, 1).ok(1, "generate", NIL, 2).good(kind);
    script().ok(0, "generate", NIL, 1).ok(1, "generate", NIL, 1).bad(kind, &[("duplicate ID", 2)]);
    script().info(0, "generate", NIL).unknown(kind, "no identifier");
}

#[test]
fn an_echo_is_what_was_sent() {
    let kind = anomalies::ECHO;
    script().ok(0, "echo", 5, 5).ok(1, "echo", -7, -7).good(kind);
    script().ok(0, "echo", 5, 5).ok(1, "echo", 6, 5).bad(kind, &[("wrong echo", 1)]);
    script().fail(0, "echo", 5).unknown(kind, "nothing was echoed");
}

#[test]
fn counter_reads_lie_within_bounds() {
    let kind = anomalies::COUNTER;
    script().did(0, "add", 2).ok(0, "read", NIL, 2).good(kind);
    script().did(0, "add", 2).ok(0, "read", NIL, 1).bad(kind, &[("counter too small", 2)]);
    script().did(0, "add", 2).ok(0, "read", NIL, 3).bad(kind, &[("counter too large", 1)]);
    script().fail(0, "add", 2).ok(0, "read", NIL, 2).bad(kind, &[("counter too large", 1)]);
    script().info(0, "add", 2).ok(1, "read", NIL, 2).ok(1, "read", NIL, 2).good(kind);
    script().info(0, "add", 2).ok(1, "read", NIL, 0).good(kind);
    // Within the bounds, yet back in time.
    script()
        .info(0, "add", 2)
        .ok(1, "read", NIL, 2)
        .ok(1, "read", NIL, 0)
        .bad(kind, &[("non-monotonic counter read", 2)]);
    script().did(0, "add", 2).info(1, "add", -1).ok(0, "read", NIL, 2).ok(0, "read", NIL, 1).good(kind);
    script().did(0, "add", 2).info(1, "add", -1).ok(0, "read", NIL, 0).bad(kind, &[("counter too small", 2)]);
    let open = script().begin(0, "add", 2).begin(1, "read", NIL).end(0, "add", 2).end(1, "read", 0);
    open.good(kind);
    script().did(0, "add", 2).unknown(kind, "never read");
}

#[test]
fn monotonic_reads_do_not_go_back() {
    let kind = anomalies::MONOTONIC;
    script().ok(0, "read", NIL, 1).ok(0, "read", NIL, 1).good(kind);
    script().ok(0, "read", NIL, 2).ok(0, "read", NIL, 1).bad(kind, &[("non-monotonic read", 2)]);
    script().ok(0, "read", NIL, 2).ok(1, "read", NIL, 1).unknown(kind, "twice");
}

#[test]
fn additions_become_visible_in_order() {
    let kind = anomalies::SEQUENTIAL_INSERT;
    let added = || script().did(0, "add", 1).did(0, "add", 2);
    added().ok(1, "read", NIL, list(&[1])).good(kind);
    added().ok(1, "read", NIL, list(&[2, 1])).good(kind);
    added().ok(1, "read", NIL, list(&[2])).bad(kind, &[("addition out of order", 3)]);
    // An element of another process, or of unknown outcome, may be missing.
    script().did(0, "add", 1).did(1, "add", 2).ok(2, "read", NIL, list(&[2])).good(kind);
    script().info(0, "add", 1).did(0, "add", 2).ok(2, "read", NIL, list(&[2])).good(kind);
    // The later addition's outcome does not matter once it is seen.
    script()
        .did(0, "add", 1)
        .info(0, "add", 2)
        .ok(2, "read", NIL, list(&[2]))
        .bad(kind, &[("addition out of order", 3)]);
    added().unknown(kind, "no read");
}

#[test]
fn locks_exclude_and_tokens_rise() {
    let (kind, fencing) = (anomalies::LOCK_EXCLUSION, anomalies::LOCK_FENCING);
    let turn = |script: Script, process| script.did(process, "acquire", NIL).did(process, "release", NIL);
    turn(turn(script(), 0), 1).good(kind);
    let both = script().did(0, "acquire", NIL).did(1, "acquire", NIL).did(0, "release", NIL).did(1, "release", NIL);
    let both = both.bad(kind, &[("mutual exclusion violated", 4)]);
    assert!(both.anomalies[0].sentence.contains("for at least 1.0 ms, from 3.0 ms"), "{}", both.anomalies[0].sentence);
    // Neither of two others may hold it beside one that holds it all the time.
    let long = turn(turn(script().did(0, "acquire", NIL), 1), 2).did(0, "release", NIL);
    long.bad(kind, &[("mutual exclusion violated", 4), ("mutual exclusion violated", 4)]);
    // A release of unknown outcome may have worked; an acquire of unknown outcome may not.
    script().did(0, "acquire", NIL).info(0, "release", NIL).did(1, "acquire", NIL).good(kind);
    script().info(0, "acquire", NIL).did(1, "acquire", NIL).did(1, "release", NIL).did(2, "acquire", NIL).good(kind);
    script().did(0, "acquire", NIL).fail(1, "acquire", NIL).unknown(kind, "too few");

    let tokens = |first: i64, second: i64| script().ok(0, "acquire", NIL, first).ok(1, "acquire", NIL, second);
    tokens(1, 2).good(fencing);
    tokens(2, 1).bad(fencing, &[("fencing token does not rise", 2)]);
    tokens(1, 1).bad(fencing, &[("fencing token given twice", 2)]);
    tokens(1, 2).did(1, "write", 2).did(0, "write", 1).bad(fencing, &[("stale write accepted", 2)]);
    tokens(1, 2).did(1, "write", 2).fail(0, "write", 1).good(fencing);
    tokens(1, 2).did(0, "write", list(&[1, 77])).did(1, "write", list(&[2, 77])).good(fencing);
    script().did(0, "acquire", NIL).did(1, "acquire", NIL).unknown(fencing, "token");
}

#[test]
fn a_log_of_one_partition() {
    let kind = anomalies::LOG;
    let sent = |values: &[(i64, i64)]| {
        values.iter().fold(script(), |script, &(offset, value)| script.ok(0, "send", value, offset))
    };
    let abc = || sent(&[(0, 10), (1, 11), (2, 12)]);
    abc().ok(1, "poll", 0, polled(&[(0, 10), (1, 11), (2, 12)])).good(kind);
    abc().ok(1, "poll", NIL, polled(&[(0, 10)])).ok(1, "poll", NIL, polled(&[(1, 11), (2, 12)])).good(kind);
    abc().ok(1, "poll", 0, polled(&[(0, 10), (2, 12)])).bad(kind, &[("lost write", 2)]);
    abc().ok(1, "poll", 0, polled(&[(1, 11), (2, 12)])).bad(kind, &[("lost write", 2)]);
    let skipping = || abc().ok(2, "poll", NIL, polled(&[(1, 11)]));
    skipping().ok(1, "poll", NIL, polled(&[(0, 10), (2, 12)])).bad(kind, &[("int poll skip", 1)]);
    let skips = skipping().ok(1, "poll", NIL, polled(&[(0, 10)])).ok(1, "poll", NIL, polled(&[(2, 12)]));
    skips.bad(kind, &[("poll skip", 2)]);
    let sought =
        skipping().ok(1, "poll", NIL, polled(&[(0, 10)])).did(1, "seek", NIL).ok(1, "poll", NIL, polled(&[(2, 12)]));
    sought.good(kind);
    let back = abc().ok(1, "poll", NIL, polled(&[(0, 10), (1, 11), (2, 12)])).ok(1, "poll", NIL, polled(&[(1, 11)]));
    back.bad(kind, &[("nonmonotonic poll", 2)]);
    abc()
        .ok(1, "poll", 0, polled(&[(0, 10), (2, 12), (1, 11)]))
        .bad(kind, &[("int poll skip", 1), ("int nonmonotonic poll", 1)]);
    let subscribed = abc().did(1, "subscribe", NIL).ok(1, "poll", NIL, polled(&[(0, 10), (1, 11), (2, 12)]));
    let subscribed = subscribed.ok(1, "poll", NIL, polled(&[(1, 11)])).good(kind);
    assert!(subscribed.notes[0].contains("1 nonmonotonic"), "{:?}", subscribed.notes);
    let passed = skipping().did(1, "subscribe", NIL).ok(1, "poll", NIL, polled(&[(0, 10)]));
    let passed = passed.ok(1, "poll", NIL, polled(&[(2, 12)])).good(kind);
    assert!(passed.notes[0].contains("1 skips"), "{:?}", passed.notes);

    sent(&[(0, 10)])
        .ok(1, "poll", 0, polled(&[(0, 11)]))
        .bad(kind, &[("inconsistent offsets", 2), ("unexpected value", 1)]);
    sent(&[(0, 10)]).ok(1, "poll", 0, polled(&[(0, 10), (1, 10)])).bad(kind, &[("duplicate", 2)]);
    let aborted = sent(&[(0, 10)]).fail(2, "send", 11).ok(1, "poll", 0, polled(&[(0, 10), (1, 11)]));
    aborted.bad(kind, &[("aborted read", 2)]);
    script().info(2, "send", 11).ok(1, "poll", 0, polled(&[(0, 11)])).good(kind);
    let future = script().ok(1, "poll", 0, polled(&[(0, 10)])).ok(0, "send", 10, 0);
    future.bad(kind, &[("read from the future", 2)]);
    sent(&[(1, 10), (0, 11)]).ok(1, "poll", 0, polled(&[(0, 11), (1, 10)])).bad(kind, &[("nonmonotonic send", 2)]);
    let reordered = script().ok(0, "send", 10, 1).ok(2, "send", 11, 0).ok(1, "poll", 0, polled(&[(0, 11), (1, 10)]));
    reordered.bad(kind, &[("reordered sends", 2)]);
    let concurrent = script().begin(0, "send", 10).ok(2, "send", 11, 0).end(0, "send", 1);
    concurrent.ok(1, "poll", 0, polled(&[(0, 11), (1, 10)])).good(kind);

    abc().unknown(kind, "could show");
    abc().ok(1, "poll", 0, polled(&[(0, 10)])).unknown(kind, "2 acknowledged values were never polled");
    let gap = sent(&[(0, 10), (5, 11)]).ok(1, "poll", 0, polled(&[(0, 10), (5, 11)])).good(kind);
    assert!(gap.notes[0].contains("4 offsets"), "{:?}", gap.notes);
}

#[test]
fn a_log_written_as_jepsen_writes_it() {
    let kind = anomalies::LOG;
    let text = Value::text;
    let send = |key: i64, value: Value| Value::list([Value::list([text("send"), Value::Int(key), value])]);
    let asked = || Value::list([Value::list([text("poll")])]);
    let got = |items: &[(i64, i64)]| {
        let map = Value::Map(Arc::from([(Value::Int(5), polled(items))]));
        Value::list([Value::list([text("poll"), map])])
    };
    let sent = |value: i64, offset: i64| {
        (send(5, Value::Int(value)), send(5, Value::pair(Value::Int(offset), Value::Int(value))))
    };
    let (first, first_done) = sent(10, 0);
    let (second, second_done) = sent(11, 1);
    let history =
        || script().ok(0, "send", first.clone(), first_done.clone()).ok(0, "txn", second.clone(), second_done.clone());
    history().ok(1, "poll", asked(), got(&[(0, 10), (1, 11)])).good(kind);
    history().ok(1, "poll", asked(), got(&[(0, 10), (2, 11)])).bad(kind, &[("duplicate", 2), ("int poll skip", 1)]);
    let own = |f: &[Value]| Value::list(f.iter().flat_map(|list| list.as_list().expect("micro-operations").to_vec()));
    let both = script().ok(0, "txn", own(&[first.clone(), asked()]), own(&[first_done.clone(), got(&[(0, 10)])]));
    both.bad(kind, &[("precommitted read", 1)]);
    // Another may have sent the same; unless it lies where the own send put it.
    let another = || script().info(1, "send", first.clone());
    let both =
        |at: i64| another().ok(0, "txn", own(&[first.clone(), asked()]), own(&[first_done.clone(), got(&[(at, 10)])]));
    both(0).bad(kind, &[("precommitted read", 1)]);
    // Two sends of one value, two offsets.
    both(1).good(kind);
    // Another's value between two of one transaction: Kafka allows it.
    let (last, last_done) = sent(12, 2);
    let around = script()
        .begin(0, "txn", own(&[first.clone(), last.clone()]))
        .ok(2, "txn", second.clone(), second_done.clone())
        .end(0, "txn", own(&[first_done.clone(), last_done]))
        .ok(1, "poll", asked(), got(&[(0, 10), (1, 11), (2, 12)]));
    let around = around.good(kind);
    assert!(around.notes.iter().any(|note| note.contains("int send skip")), "{:?}", around.notes);
    let backwards = script().ok(0, "txn", own(&[second, first]), own(&[second_done, first_done]));
    backwards.ok(1, "poll", asked(), got(&[(0, 10), (1, 11)])).bad(kind, &[("int nonmonotonic send", 1)]);
}

#[test]
fn the_bank_keeps_its_total() {
    let (kind, overdraft) = (anomalies::BANK, anomalies::BANK_OVERDRAFT);
    let moved = || script().ok(0, "read", NIL, list(&[5, 5])).did(0, "transfer", 1);
    moved().ok(0, "read", NIL, list(&[4, 6])).good(kind);
    moved().ok(0, "read", NIL, list(&[4, 5])).bad(kind, &[("wrong total", 2)]);
    moved().ok(0, "read", NIL, list(&[-1, 11])).bad(kind, &[("negative balance", 1)]);
    moved().ok(0, "read", NIL, list(&[-1, 11])).good(overdraft);
    moved().ok(0, "read", NIL, list(&[4, 5, 1])).bad(kind, &[("other accounts", 2)]);
    moved().ok(0, "read", NIL, Value::list([Value::Int(10), NIL])).bad(kind, &[("nil balance", 1)]);
    script().did(0, "transfer", 1).unknown(kind, "no read");
    script().ok(0, "read", NIL, list(&[5])).unknown(kind, "no transfer");
}

/// These checkers look for less than linearizability, so a history with a linearization must never be called bad.
#[test]
fn what_is_linearizable_is_never_bad() {
    let int = Value::Int;
    let mut set = Vec::new();
    for element in [1, 2] {
        set.extend([
            Call::ok("add", int(element), int(element)),
            Call::info("add", int(element)),
            Call::fail("add", int(element)),
        ]);
    }
    set.extend([vec![], vec![1], vec![2], vec![1, 2]].map(|read| Call::ok("read", NIL, list(&read))));
    let mut queue = vec![Call::ok("dequeue", NIL, NIL), Call::info("dequeue", NIL), Call::fail("dequeue", NIL)];
    for value in [1, 2] {
        queue.extend([
            Call::ok("enqueue", int(value), NIL),
            Call::info("enqueue", int(value)),
            Call::ok("dequeue", NIL, int(value)),
        ]);
    }
    let mut counter = vec![Call::ok("add", int(1), NIL), Call::info("add", int(2)), Call::ok("add", int(-1), NIL)];
    counter.extend((0..4).map(|value| Call::ok("read", NIL, int(value))));
    let mut lock: Vec<Call> =
        ["acquire", "release"].into_iter().flat_map(|f| [Call::ok(f, NIL, NIL), Call::fail(f, NIL)]).collect();
    lock.extend([Call::info("release", NIL), Call::ok("acquire", NIL, int(1)), Call::ok("acquire", NIL, int(2))]);
    let cases: [(ObjectKind, &[Checker], Vec<Call>); 4] = [
        (
            ObjectKind::Set,
            &[anomalies::SET, anomalies::SET_FULL, anomalies::SET_FULL_LINEARIZABLE, anomalies::SEQUENTIAL_INSERT],
            set,
        ),
        (ObjectKind::UnorderedQueue, &[anomalies::TOTAL_QUEUE, anomalies::QUEUE], queue),
        (ObjectKind::Counter, &[anomalies::COUNTER], counter),
        (ObjectKind::FencedLock, &[anomalies::LOCK_EXCLUSION, anomalies::LOCK_FENCING], lock),
    ];
    for (object, kinds, calls) in cases {
        let (mut linearizable, mut bad) = (0, 0);
        let mut choices = Choices::new(3);
        for round in 0..4000 {
            let history = random_history(&calls, 2 + round % 5, 1 + round % 3, &mut choices);
            let ops: Vec<u32> = (0..history.len() as u32).collect();
            let possible = is_linearizable(&history, &ops, object);
            linearizable += usize::from(possible);
            for &kind in kinds {
                let judgement = kind.check(&history, &Budget::default());
                bad += usize::from(judgement.finding == Finding::Invalid);
                if possible && judgement.finding == Finding::Invalid {
                    panic!("{}: {judgement:#?}\n{:#?}", kind, history.ops().collect::<Vec<_>>());
                }
            }
        }
        assert!(linearizable > 100 && bad > 100, "{object:?}: {linearizable} linearizable, {bad} bad");
    }
}
