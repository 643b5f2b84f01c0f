//! Convergence.

use rashomon_checkers::Checker;
use rashomon_checkers::Level;
use rashomon_checkers::Measured;
use rashomon_checkers::eventual;
use rashomon_checkers::eventual::EventualDemand;
use rashomon_history::Value;

use super::script::{MS, list, script};

const KIND: Checker = eventual::CONVERGENCE;
const ANY: Level = Level::EVENTUAL;

#[test]
fn settled_reads_agree() {
    script().did(1, "add", 1).settle().saw(1, list(&[1])).saw(2, list(&[1])).good(KIND, ANY);
    let bad = script().did(1, "add", 1).settle().saw(1, list(&[1])).saw(2, list(&[]));
    let bad = bad.bad(KIND, ANY, &[("replicas disagree", 2)]);
    let sentence = &bad.anomalies[0].sentence;
    assert!(sentence.starts_with("n1 and n2 disagree: n2 lacks 1."), "{sentence}");
    assert!(sentence.contains("The convergence bound is 100.0 ms; the later read began 1.003 s after"), "{sentence}");
    // Registers and counters.
    script().did(1, "write", 1).settle().saw(1, 1).saw(2, 2).bad(KIND, ANY, &[("replicas disagree", 2)]);
    // One node that goes back and forth has not converged, either.
    let flaps = script().did(1, "add", 1).settle().saw(1, list(&[])).saw(2, list(&[1])).saw(1, list(&[1]));
    flaps.bad(KIND, ANY, &[("replicas disagree", 2)]);
}

#[test]
fn order_matters_only_where_there_is_one() {
    script().did(1, "add", 1).settle().saw(1, list(&[1, 2])).saw(2, list(&[2, 1])).good(KIND, ANY);
    let insert = |script: super::script::Script| script.did(1, "insert", Value::pair(1.into(), Value::Nil));
    let bad = insert(script()).settle().saw(1, list(&[1, 2])).saw(2, list(&[2, 1]));
    let bad = bad.bad(KIND, ANY, &[("replicas disagree", 2)]);
    assert!(bad.anomalies[0].sentence.contains("different orders"), "{:?}", bad.anomalies);
    let map = |fields: &[(&str, &[i64])]| {
        Value::Map(fields.iter().map(|(field, values)| (Value::text(field), list(values))).collect())
    };
    let put = || script().did(1, "put", Value::pair(Value::text("a"), 1.into())).settle();
    put().saw(1, map(&[("a", &[1, 2]), ("b", &[3])])).saw(2, map(&[("b", &[3]), ("a", &[2, 1])])).good(KIND, ANY);
    let differ = put().saw(1, map(&[("a", &[1, 2])])).saw(2, map(&[("a", &[1])]));
    differ.bad(KIND, ANY, &[("replicas disagree", 2)]);
}

#[test]
fn what_came_too_early_is_no_evidence() {
    script().did(1, "add", 1).saw(1, list(&[1])).saw(2, list(&[])).unknown(KIND, ANY, "n2 lacks 1; but the bound");
    // The early read of node 2 says nothing of what it says later, and nobody asked it again.
    script().did(1, "add", 1).saw(2, list(&[])).settle().saw(1, list(&[1])).unknown(KIND, ANY, "disagree");
    // Agreement is agreement, however early.
    script().did(1, "add", 1).saw(1, list(&[1])).saw(2, list(&[1])).good(KIND, ANY);
    script().did(1, "add", 1).did(2, "add", 2).settle().saw(1, list(&[1, 2])).unknown(KIND, ANY, "n2 was not read");
    script().saw(1, list(&[])).did(1, "add", 1).unknown(KIND, ANY, "none could show");
    script().did(1, "add", 1).settle().saw(1, list(&[1])).unknown(KIND, ANY, "nothing to compare");
    script().unknown(KIND, ANY, "no operations");
    // An update of unknown outcome may take effect as long as the bound has not passed after it.
    let late = script().did(1, "add", 1).settle().info(3, "add", 2).saw(3, list(&[1, 2])).saw(1, list(&[1]));
    late.saw(2, list(&[1])).unknown(KIND, ANY, "but the bound");
    // Failed updates and reads do not count.
    let failed = script().did(1, "add", 1).settle().fail(3, "add", 2).fail(3, "read", Value::Nil).saw(1, list(&[1]));
    failed.saw(2, list(&[])).bad(KIND, ANY, &[("replicas disagree", 2)]);
}

#[test]
fn faults_delay_the_bound() {
    let history = script().did(1, "add", 1).settle().saw(1, list(&[1])).saw(2, list(&[])).history();
    for (healed, expected) in [(5 * MS, 1), (950 * MS, 0)] {
        let demand = EventualDemand { quiescent_since_ns: Some(healed), convergence_ns: 100 * MS, promise: ANY };
        let judgement = KIND.check_under(&history, &demand, &Default::default());
        assert_eq!(judgement.anomalies.len(), expected, "{judgement:#?}");
    }
}

#[test]
fn the_time_to_converge_is_measured() {
    let slow = script().key(1).did(1, "add", 1).saw(1, list(&[1])).saw(2, list(&[])).saw(2, list(&[1]));
    let both = slow.key(2).did(1, "add", 1).saw(1, list(&[1])).saw(2, list(&[1])).good(KIND, ANY);
    // Key 1's update ended at 1 ms, and the first read of those that agree began at 6 ms.
    assert_eq!(both.measurements[0].measured, Measured::Number(5.0));
    let Measured::Series { points, .. } = &both.measurements[1].measured else { panic!("{both:?}") };
    assert_eq!(points, &[(0.0, 0.5), (5.0, 1.0)]);
}
