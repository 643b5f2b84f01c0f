//! Registers in which the last write remains.

use rashomon_checkers::Checker;
use rashomon_checkers::Level;
use rashomon_checkers::eventual;
use rashomon_history::Value;

use super::script::{NIL, script};

const KIND: Checker = eventual::EVENTUAL_REGISTER;
const ANY: Level = Level::EVENTUAL;

#[test]
fn an_older_write_must_not_win() {
    script().did(1, "write", 1).did(2, "write", 2).settle().saw(1, 2).good(KIND, ANY);
    let bad = script().did(1, "write", 1).did(2, "write", 2).settle().saw(3, 1).bad(KIND, ANY, &[("lost write", 3)]);
    let sentence = &bad.anomalies[0].sentence;
    let expected = "Write 2, acknowledged by n2 at 3.0 ms, was overwritten by the older write 1, which n1 had \
                    acknowledged 1.0 ms before that write began: n3 still returned 1 at 1.004 s.";
    assert_eq!(sentence, expected);
    // Once per object.
    let twice = script().did(1, "write", 1).did(2, "write", 2).settle().saw(3, 1).saw(2, 1);
    twice.bad(KIND, ANY, &[("lost write", 3)]);
    script().did(1, "write", 1).settle().saw(1, NIL).bad(KIND, ANY, &[("lost write", 2)]);
    let more = script().did(1, "write", 1).did(2, "write", 2).did(2, "write", 3).settle().saw(3, 1);
    let more = more.bad(KIND, ANY, &[("lost write", 3)]);
    assert!(
        more.anomalies[0].sentence.ends_with("One more acknowledged write was lost the same way."),
        "{:?}",
        more.anomalies
    );
    let cas = script().did(1, "write", 1).did(2, "cas", Value::pair(1.into(), 2.into())).settle();
    cas.clone().saw(1, 2).good(KIND, ANY);
    cas.saw(1, 1).bad(KIND, ANY, &[("lost write", 3)]);
}

#[test]
fn concurrent_writes_may_win_either_way() {
    let both = || script().begin(1, "write", 1).begin(2, "write", 2).end(1, "write", 1).end(2, "write", 2).settle();
    both().saw(1, 1).good(KIND, ANY);
    both().saw(1, 2).good(KIND, ANY);
    // The first overlaps with the second, the second with the third; yet the third follows the first.
    let chain = script().begin(1, "write", 1).begin(2, "write", 2).end(1, "write", 1).begin(3, "write", 3);
    let chain = || chain.clone().end(2, "write", 2).end(3, "write", 3).settle();
    chain().saw(1, 2).good(KIND, ANY);
    chain().saw(1, 1).bad(KIND, ANY, &[("lost write", 3)]);
}

#[test]
fn a_write_of_unknown_outcome_may_happen_late() {
    script().info(1, "write", 1).did(2, "write", 2).settle().saw(1, 1).good(KIND, ANY);
    script().did(1, "write", 1).info(2, "write", 2).settle().saw(1, 1).good(KIND, ANY);
    script().info(2, "write", 2).settle().saw(1, NIL).good(KIND, ANY);
    // But not later than it was seen.
    let seen = script().info(1, "write", 1).saw(2, 1).did(2, "write", 2).settle().saw(1, 1);
    let seen = seen.bad(KIND, ANY, &[("lost write", 4)]);
    let sentence = &seen.anomalies[0].sentence;
    assert!(sentence.contains("was taken by n1 and had been read 1.0 ms before that write began"), "{sentence}");
    // Unless the same was written twice: then nobody knows which was seen.
    let twice = script().info(1, "write", 1).info(11, "write", 1).saw(2, 1).did(2, "write", 2).settle().saw(1, 1);
    twice.good(KIND, ANY);
    script().did(1, "write", 1).did(2, "write", 2).did(1, "write", 1).settle().saw(1, 1).good(KIND, ANY);
}

#[test]
fn in_any_order_something_that_was_written_remains() {
    let kind = eventual::UNORDERED_REGISTER;
    let both = || script().did(1, "write", 1).did(2, "write", 2).settle();
    both().saw(1, 2).good(kind, ANY);
    both().saw(1, 1).good(kind, ANY);
    both().saw(1, NIL).bad(kind, ANY, &[("lost write", 2)]);
    both().saw(1, 7).bad(kind, ANY, &[("thin-air read", 1)]);
    script().did(1, "write", 1).saw(2, NIL).unknown(kind, ANY, "n2 still answered nil");
    script().info(1, "write", 1).settle().saw(2, NIL).good(kind, ANY);
    script().fail(1, "write", 1).did(1, "write", 2).settle().saw(2, 1).bad(kind, ANY, &[("aborted read", 2)]);
}

#[test]
fn only_settled_reads_convict() {
    let early = script().did(1, "write", 1).did(2, "write", 2).saw(3, 1);
    early.clone().unknown(KIND, ANY, "n3 still answered 1 though write 2 had been acknowledged; but the bound");
    early.clone().settle().saw(3, 2).good(KIND, ANY);
    script().did(1, "write", 1).saw(2, 1).did(2, "write", 2).unknown(KIND, ANY, "none could show");
    let retired = script().key(1).did(1, "write", 1).key(2).did(1, "write", 2).settle().saw(1, 2).good(KIND, ANY);
    assert!(retired.notes[0].contains("1 of 2 objects were not read"), "{:?}", retired.notes);
}

#[test]
fn values_come_from_writes() {
    script().saw(1, 7).bad(KIND, ANY, &[("thin-air read", 1)]);
    script().fail(1, "write", 7).saw(1, 7).bad(KIND, ANY, &[("aborted read", 2)]);
    script().saw(1, 7).did(1, "write", 7).settle().saw(1, 7).bad(KIND, ANY, &[("read from the future", 2)]);
    script().fail(1, "write", 7).did(1, "write", 7).settle().saw(1, 7).good(KIND, ANY);
    script().saw(1, NIL).good(KIND, ANY);
}
