//! The smallest bad history of each anomaly, and a good one next to it.

use rashomon_checkers::Level;
use rashomon_checkers::Measured;
use rashomon_checkers::eventual;
use rashomon_history::Value;

use super::script::{NIL, list, script};

const ANY: Level = Level::EVENTUAL;
const SESSION: Level = Level::SESSION;
const REPLICA: Level = Level::REPLICA;

#[test]
fn sets_that_grow() {
    let kind = eventual::EVENTUAL_SET;
    script().did(1, "add", 1).settle().saw(2, list(&[1])).good(kind, ANY);
    let lost = script().did(1, "add", 1).settle().saw(2, list(&[])).bad(kind, ANY, &[("lost element", 2)]);
    let sentence = &lost.anomalies[0].sentence;
    assert!(
        sentence.starts_with("Element 1 was acknowledged by n1 at 1.0 ms, no operation can have removed"),
        "{sentence}"
    );
    script().did(1, "add", 1).saw(2, list(&[])).unknown(kind, ANY, "n2 lacks element 1; but the bound");
    script().info(1, "add", 1).settle().saw(2, list(&[])).good(kind, ANY);
    script().info(1, "add", 1).saw(3, list(&[1])).settle().saw(2, list(&[])).bad(kind, ANY, &[("lost element", 2)]);
    script().did(1, "add", 1).settle().saw(2, list(&[1, 1])).bad(kind, ANY, &[("duplicated element", 1)]);
    script().saw(2, list(&[7])).bad(kind, ANY, &[("unexpected element", 1)]);
    script().fail(1, "add", 7).saw(2, list(&[7])).bad(kind, ANY, &[("aborted read", 2)]);
    script().saw(2, list(&[7])).did(1, "add", 7).settle().saw(2, list(&[7])).bad(
        kind,
        ANY,
        &[("unexpected element", 2)],
    );
    // A replica that forgets for a while, which is a violation only where each node is one.
    let forgets = || script().did(1, "add", 1).saw(1, list(&[])).did(1, "add", 2).settle().saw(1, list(&[1, 2]));
    forgets().good(kind, ANY);
    forgets().bad(kind, SESSION, &[("forgotten element", 2)]);
    forgets().bad(kind, REPLICA, &[("forgotten element", 2)]);
    // Node 2 shows what node 1 added second and not what it added first: a delta was skipped.
    let gap = || script().did(1, "add", 1).did(1, "add", 2).saw(2, list(&[2])).saw(2, list(&[2])).did(1, "add", 3);
    gap().settle().saw(2, list(&[1, 2, 3])).good(kind, SESSION);
    gap().settle().saw(2, list(&[1, 2, 3])).bad(kind, REPLICA, &[("forgotten element", 2)]);
}

#[test]
fn counters() {
    let kind = eventual::EVENTUAL_COUNTER;
    script().did(1, "add", 2).settle().saw(2, 2).good(kind, ANY);
    script().did(1, "add", 2).settle().saw(2, 0).bad(kind, ANY, &[("lost addition", 2)]);
    script().did(1, "add", 2).settle().saw(2, 4).bad(
        kind,
        ANY,
        &[("counter too large", 1), ("addition counted twice", 2)],
    );
    script().did(1, "add", 2).saw(2, 0).unknown(kind, ANY, "n2 returned 0, not 2; but the bound");
    // 3 and 5 of unknown outcome explain 3, 5 and 8, and not 4.
    let doubt = || script().info(1, "add", 3).info(11, "add", 5).settle();
    for (total, good) in [(0, true), (3, true), (5, true), (8, true), (4, false), (6, false)] {
        if good {
            doubt().saw(2, total).good(kind, ANY)
        } else {
            doubt().saw(2, total).bad(kind, ANY, &[("wrong total", 1)])
        };
    }
    script().did(1, "add", -2).settle().saw(2, -2).good(kind, ANY);
    script().did(1, "add", -2).settle().saw(2, -4).bad(kind, ANY, &[("counter too small", 1), ("lost addition", 2)]);
    let back = || script().did(1, "add", 2).saw(2, 2).saw(2, 0).did(1, "add", 1).settle().saw(2, 3);
    back().good(kind, ANY);
    back().bad(kind, REPLICA, &[("non-monotonic counter read", 2)]);
    let own = || script().did(1, "add", 2).saw(1, 0).did(1, "add", 1).settle().saw(2, 3);
    own().good(kind, ANY);
    own().bad(kind, SESSION, &[("read your writes violated", 2)]);
}

#[test]
fn observed_remove_sets() {
    let kind = eventual::OR_SET;
    let removed = || script().did(1, "add", 1).did(1, "remove", 1).settle();
    removed().saw(2, list(&[])).good(kind, REPLICA);
    removed().saw(2, list(&[1])).bad(kind, REPLICA, &[("resurrected element", 3)]);
    // Removed where nobody had seen it, for all that is known: both is right.
    let elsewhere = || script().did(1, "add", 1).did(2, "remove", 1).settle();
    elsewhere().saw(1, list(&[])).good(kind, REPLICA);
    elsewhere().saw(1, list(&[1])).good(kind, REPLICA);
    // The add wins over a remove that cannot have seen it.
    script().did(2, "remove", 1).did(1, "add", 1).settle().saw(2, list(&[])).bad(kind, REPLICA, &[("lost element", 2)]);
    // Node 2 has shown it before, so its remove has ended it.
    let seen = || script().did(1, "add", 1).saw(2, list(&[1])).did(2, "remove", 1);
    seen().settle().saw(1, list(&[1])).bad(kind, REPLICA, &[("resurrected element", 3)]);
    // Added again meanwhile, and the second add is what nobody removed.
    seen().did(1, "add", 1).settle().saw(1, list(&[1])).good(kind, REPLICA);
    // A zombie: both adds were seen by the node that removed, as what else it showed proves.
    let both = script().did(1, "add", 1).did(1, "add", 5).did(2, "add", 1).did(2, "add", 6);
    let both = both.saw(3, list(&[1, 5, 6])).did(3, "remove", 1).settle();
    both.clone().saw(3, list(&[5, 6])).good(kind, REPLICA);
    both.saw(3, list(&[1, 5, 6])).bad(kind, REPLICA, &[("resurrected element", 3)]);
}

#[test]
fn last_writer_wins_sets() {
    let kind = eventual::LWW_SET;
    let removed = || script().did(1, "add", 1).did(2, "remove", 1).settle();
    removed().saw(1, list(&[])).good(kind, ANY);
    removed().saw(1, list(&[1])).bad(kind, ANY, &[("resurrected element", 3)]);
    script().did(2, "remove", 1).did(1, "add", 1).settle().saw(2, list(&[])).bad(kind, ANY, &[("lost element", 2)]);
    let overlap = || script().begin(1, "add", 1).begin(2, "remove", 1).end(1, "add", 1).end(2, "remove", 1).settle();
    overlap().saw(1, list(&[1])).good(kind, ANY);
    overlap().saw(1, list(&[])).good(kind, ANY);
}

fn put(value: i64, seen: &[i64]) -> Value {
    Value::pair(value.into(), list(seen))
}

#[test]
fn registers_that_keep_siblings() {
    let kind = eventual::SIBLINGS;
    let blind = || script().did(1, "put", put(1, &[])).did(2, "put", put(2, &[])).settle();
    blind().saw(3, list(&[1, 2])).good(kind, ANY);
    blind().saw(3, list(&[2])).bad(kind, ANY, &[("lost write", 2)]);
    let chain = || script().did(1, "put", put(1, &[])).saw(2, list(&[1])).did(2, "put", put(2, &[1])).settle();
    chain().saw(3, list(&[2])).good(kind, ANY);
    chain().saw(3, list(&[1])).bad(kind, ANY, &[("false sibling", 3), ("lost write", 2)]);
    // Side by side in one answer is wrong at any time.
    let three = script().did(1, "put", put(1, &[])).saw(2, list(&[1])).did(2, "put", put(2, &[1])).saw(2, list(&[2]));
    let three = || three.clone().did(2, "put", put(3, &[2]));
    three().saw(3, list(&[1, 3])).settle().saw(3, list(&[3])).bad(kind, ANY, &[("false sibling", 3)]);
    three().saw(3, list(&[1])).settle().saw(3, list(&[3])).good(kind, ANY);
    // A process that superseded a value does not see it again.
    let again = three().saw(2, list(&[2])).settle().saw(3, list(&[3]));
    again.bad(kind, SESSION, &[("false sibling", 3), ("forgotten value", 2)]);
    let unsure = || script().did(1, "put", put(1, &[])).info(2, "put", put(2, &[1])).settle();
    unsure().saw(3, list(&[1])).good(kind, ANY);
    unsure().saw(3, list(&[2])).good(kind, ANY);
}

#[test]
fn maps() {
    let kind = eventual::OR_MAP;
    let field = |value: i64| Value::pair(Value::text("a"), value.into());
    let map = |values: &[i64]| match values {
        [] => Value::Map([].into()),
        values => Value::Map([(Value::text("a"), list(values))].into()),
    };
    let twice = || script().did(1, "put", field(1)).did(1, "put", field(2)).settle();
    twice().saw(2, map(&[2])).good(kind, REPLICA);
    twice().saw(2, map(&[1, 2])).bad(kind, REPLICA, &[("resurrected value", 3)]);
    twice().saw(2, map(&[])).bad(kind, REPLICA, &[("lost write", 2)]);
    let removed = || script().did(1, "put", field(1)).did(1, "remove", Value::text("a")).settle();
    removed().saw(2, map(&[])).good(kind, REPLICA);
    removed().saw(2, map(&[1])).bad(kind, REPLICA, &[("resurrected value", 3)]);
    script().saw(2, map(&[9])).bad(kind, ANY, &[("unexpected value", 1)]);
}

#[test]
fn texts() {
    let kind = eventual::TEXT;
    let insert = |element: i64, after: Option<i64>| Value::pair(element.into(), after.map_or(NIL, Value::Int));
    let two = || script().did(1, "insert", insert(1, None)).did(1, "insert", insert(2, Some(1)));
    two().settle().saw(2, list(&[1, 2])).good(kind, REPLICA);
    two().settle().saw(2, list(&[2, 1])).bad(kind, ANY, &[("contradicting order", 2)]);
    two().settle().saw(2, list(&[1])).bad(kind, ANY, &[("lost element", 2)]);
    let deleted = || two().did(2, "delete", 2).settle();
    deleted().saw(1, list(&[1])).good(kind, REPLICA);
    deleted().saw(1, list(&[1, 2])).bad(kind, ANY, &[("resurrected element", 3)]);
    // Three reads, of which each two can be explained.
    let ring = || {
        let three = script().did(1, "insert", insert(1, None)).did(2, "insert", insert(2, None));
        three.did(3, "insert", insert(3, None))
    };
    let reads = ring().saw(1, list(&[1, 2])).saw(2, list(&[2, 3])).saw(3, list(&[3, 1]));
    reads.bad(kind, ANY, &[("contradicting order", 3)]);
    // Put at the beginning by one who saw 1 there, 2 comes before 1.
    let first =
        || script().did(1, "insert", insert(1, None)).saw(1, list(&[1])).did(1, "insert", insert(2, None)).settle();
    first().saw(1, list(&[2, 1])).good(kind, REPLICA);
    first().saw(1, list(&[1, 2])).good(kind, ANY);
    first().saw(1, list(&[1, 2])).bad(kind, REPLICA, &[("contradicting order", 3)]);
}

#[test]
fn session_guarantees() {
    let kind = eventual::SESSION_GUARANTEES;
    let w = |script: super::script::Script, process, value: i64| script.did(process, "write", value);
    w(script(), 1, 1).saw(1, 1).good(kind, ANY);
    w(script(), 1, 1).saw(1, NIL).bad(kind, ANY, &[("read your writes violated", 2)]);
    w(w(script(), 1, 1), 2, 2).saw(3, 1).saw(3, 2).saw(3, 1).bad(kind, ANY, &[("monotonic reads violated", 3)]);
    w(script(), 1, 1).saw(2, 1).saw(2, NIL).bad(kind, ANY, &[("monotonic reads violated", 2)]);
    w(w(script(), 1, 1), 1, 2).saw(2, 2).saw(2, 1).bad(kind, ANY, &[("monotonic writes violated", 4)]);
    let follow = w(w(script(), 1, 1).saw(2, 1), 2, 2).saw(3, 2).saw(3, 1);
    follow.bad(kind, ANY, &[("writes follow reads violated", 4)]);
    // Another process may lag behind.
    w(w(script(), 1, 1), 1, 2).saw(2, 1).saw(2, 2).good(kind, ANY);
    w(w(script(), 1, 1), 2, 1).saw(2, 1).unknown(kind, ANY, "written twice");
}

#[test]
fn causal_consistency() {
    let (causal, convergence) = (eventual::CAUSAL_REGISTER, eventual::CAUSAL_CONVERGENCE);
    // The lost ring: 1 says the ring is lost, then that it is found; 2 answers; 3 sees the answer without the news.
    let lost = || script().key(1).did(1, "write", 1).did(1, "write", 2).saw(2, 2).key(2).did(2, "write", 3).saw(3, 3);
    lost().key(1).saw(3, 2).good(causal, ANY);
    let stale = lost().key(1).saw(3, 1).bad(causal, ANY, &[("causal stale read", 6)]);
    assert!(stale.anomalies[0].sentence.contains("although 2 comes between 1 and it"), "{stale:#?}");
    lost().key(1).saw(3, NIL).bad(causal, ANY, &[("missed causal write", 5)]);
    // Two writers, and two readers who see them in opposite orders: causal, but nobody converges.
    let both = script().key(1).did(1, "write", 1).did(2, "write", 2).saw(3, 1).saw(3, 2).saw(4, 2).saw(4, 1);
    both.clone().bad(convergence, ANY, &[("conflict cycle", 4)]);
    both.good(causal, ANY);
    script().key(1).saw(1, 7).bad(causal, ANY, &[("thin-air read", 1)]);
    // What is lost for good, although nobody comes back to look: replicas must know it in the end.
    let gone = || script().key(1).did(1, "write", 1).settle().saw(2, NIL);
    gone().good(causal, SESSION);
    let gone = gone().bad(causal, REPLICA, &[("lost write", 2)]);
    let sentence = "Write 1 on key 1 was acknowledged by n1 at 1.0 ms; yet n2 returned nil in a read that began";
    assert!(gone.anomalies[0].sentence.starts_with(sentence), "{gone:#?}");
    let older = script().key(1).did(1, "write", 1).saw(2, 1).did(2, "write", 2).settle().saw(3, 1);
    let older = older.bad(causal, REPLICA, &[("lost write", 4)]);
    assert!(older.anomalies[0].sentence.contains("made by one that knew 1"), "{older:#?}");
    script().key(1).did(1, "write", 1).did(2, "write", 2).settle().saw(3, 1).good(convergence, REPLICA);
    script().key(1).info(1, "write", 1).settle().saw(2, NIL).good(causal, REPLICA);
    script().key(1).did(1, "write", 1).saw(2, NIL).good(causal, REPLICA);
    // Each read the other's write before its own: only overlapping operations could.
    let circle = script().key(1).begin(1, "read", NIL).key(2).begin(2, "read", NIL);
    let circle = circle.key(2).begin(11, "write", 2).key(1).begin(12, "write", 1);
    circle.key(2).end(11, "write", 2).end(2, "read", 2).key(1).end(12, "write", 1).end(1, "read", 1).good(causal, ANY);
}

#[test]
fn staleness_is_measured() {
    let kind = eventual::STALENESS;
    // Write 1 ends at 1 ms, write 2 at 3 ms; the read of 1 begins at 4 ms, that of 2 at 6 ms.
    let measured = script().did(1, "write", 1).did(1, "write", 2).saw(2, 1).saw(2, 2).good(kind, ANY);
    let number = |name: &str| {
        let found = measured.measurements.iter().find(|measurement| measurement.name == name);
        match found.map(|measurement| &measurement.measured) {
            Some(Measured::Number(number)) => *number,
            other => panic!("{name}: {other:?}"),
        }
    };
    assert_eq!((number("stale reads"), number("max staleness"), number("max version staleness")), (50.0, 1.0, 1.0));
    let curve = measured.measurements.last().expect("a curve");
    let Measured::Series { points, .. } = &curve.measured else { panic!("{curve:?}") };
    assert_eq!((curve.name.as_str(), points.as_slice()), ("t-visibility", &[(1.0, 0.0), (3.0, 1.0)][..]));
    // Three writes that the read has missed; nil is older than all.
    let three = script().did(1, "write", 1).did(1, "write", 2).did(1, "write", 3).saw(2, NIL).good(kind, ANY);
    assert!(
        three
            .measurements
            .iter()
            .any(|all| all.name == "max version staleness" && all.measured == Measured::Number(3.0))
    );
    let set = script().did(1, "add", 1).did(1, "add", 2).saw(2, list(&[2])).good(kind, ANY);
    assert!(
        set.measurements.iter().any(|all| all.name == "max staleness" && all.measured == Measured::Number(3.0)),
        "{set:#?}"
    );
    script().saw(1, NIL).unknown(kind, ANY, "nothing to measure");
}
