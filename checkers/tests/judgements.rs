//! What a person reads: names, sentences and cores of small contradictions.

use rashomon_checkers::models;
use std::sync::Arc;

use rashomon_checkers::{Budget, Finding, Judgement, check};
use rashomon_history::{Event, EventKind, History, OpId, Value};

/// A history from lines `process kind f value`, one millisecond apart; a value is `nil`, a number or `from,to`.
fn history(lines: &str) -> History {
    let events = lines.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate().map(|(position, line)| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [process, kind, f, value] = words[..] else { panic!("`{line}` is not four words") };
        let number = |text: &str| text.parse().map_or(Value::Nil, Value::Int);
        let value = match value.split_once(',') {
            Some((from, to)) => Value::pair(number(from), number(to)),
            None => number(value),
        };
        let kind = match kind {
            "invoke" => EventKind::Invoke,
            "ok" => EventKind::Ok,
            "fail" => EventKind::Fail,
            "info" => EventKind::Info,
            other => panic!("`{other}` is no kind of event"),
        };
        let process = process.parse().expect("a process is a number");
        Event {
            time: position as u64 * 1_000_000,
            process,
            kind,
            f: Arc::from(f),
            key: Value::Nil,
            value,
            node: None,
            error: None,
        }
    });
    History::from_events(events).expect("the test's history is one")
}

fn judge(lines: &str) -> Judgement {
    check(&history(lines), models::CAS_REGISTER, &Budget::default())
}

/// The anomaly's name, sentence and operations.
fn anomaly(lines: &str) -> (String, String, Vec<u32>) {
    let judgement = judge(lines);
    assert_eq!(judgement.finding, Finding::Invalid, "{judgement:?}");
    let anomaly = &judgement.anomalies[0];
    (anomaly.name.clone(), anomaly.sentence.clone(), anomaly.operations.iter().map(|OpId(id)| *id).collect())
}

#[test]
fn a_read_that_misses_an_acknowledged_write_is_stale() {
    let (name, sentence, operations) = anomaly(
        "0 invoke write 1
         0 ok write 1
         0 invoke write 2
         0 ok write 2
         1 invoke read nil
         1 ok read 2
         1 invoke read nil
         1 ok read 1
         1 invoke read nil
         1 ok read 2",
    );
    assert_eq!(name, "stale read");
    assert_eq!(
        sentence,
        "Process 1 read 1 (from 6.0 ms to 7.0 ms), 3.0 ms after its replacement 2 was acknowledged: \
         process 0 wrote 2 (from 2.0 ms to 3.0 ms)."
    );
    assert_eq!(operations, [0, 1, 3]);
}

#[test]
fn how_far_off_it_was_is_told() {
    let stale = "0 invoke write 1
         0 ok write 1
         0 invoke write 2
         0 ok write 2
         0 invoke write 3
         2 invoke write 4
         0 ok write 3
         2 ok write 4
         1 invoke read nil
         1 ok read 1
         1 invoke read nil
         1 ok read 4";
    let told = &judge(stale).anomalies[0].explanation;
    let tells = |what: &str| assert!(told.iter().any(|line| line.contains(what)), "{what}: {told:#?}");
    tells("at least 3 versions stale");
    tells("process 0's write 1 completed 1.0 ms before process 0's write 2 was invoked");
    tells("process 0's write 2 completed 5.0 ms before process 1's read → 1 was invoked");
    // Half of the shorter gap closes it from both sides.
    tells("A timestamp error below 500 µs does not explain this");
    let nowhere = judge("1 invoke read nil\n1 ok read 7");
    assert!(nowhere.anomalies[0].explanation.iter().any(|line| line.contains("No timestamp error explains this")));
}

#[test]
fn a_write_that_nobody_ever_saw_is_lost() {
    let (name, _, operations) = anomaly(
        "0 invoke write 1
         0 ok write 1
         2 invoke write 3
         1 invoke read nil
         1 ok read nil
         2 info write 3",
    );
    assert_eq!((name.as_str(), operations), ("lost write", vec![0, 2]));
}

#[test]
fn a_value_from_nowhere() {
    let (name, sentence, operations) = anomaly(
        "0 invoke write 1
         0 ok write 1
         1 invoke read nil
         1 ok read 7",
    );
    assert_eq!((name.as_str(), operations), ("thin-air read", vec![1]));
    assert_eq!(sentence, "Process 1 read 7 (from 2.0 ms to 3.0 ms), a value that no operation wrote.");
}

#[test]
fn a_value_from_the_future() {
    let (name, _, operations) = anomaly(
        "1 invoke read nil
         1 ok read 7
         0 invoke write 7
         0 ok write 7",
    );
    assert_eq!((name.as_str(), operations), ("read from the future", vec![0]));
}

#[test]
fn two_compare_and_sets_of_one_value_lose_an_update() {
    let (name, _, operations) = anomaly(
        "0 invoke write 1
         0 ok write 1
         0 invoke cas 1,2
         1 invoke cas 1,3
         0 ok cas 1,2
         1 ok cas 1,3",
    );
    assert_eq!((name.as_str(), operations), ("lost update", vec![1, 2]));
}

#[test]
fn reads_that_go_back_in_time() {
    let (name, sentence, _) = anomaly(
        "0 invoke write 1
         0 ok write 1
         0 invoke write 2
         1 invoke read nil
         1 ok read 2
         1 invoke read nil
         1 ok read 1
         0 ok write 2",
    );
    assert_eq!(name, "stale read");
    assert!(sentence.contains("although the newer 2 had been read 1.0 ms before"), "{sentence}");
}

#[test]
fn a_value_that_was_still_there_later_is_the_newer_one() {
    let (name, sentence, _) = anomaly(
        "0 invoke write 1
         0 ok write 1
         0 invoke write 2
         0 ok write 2
         1 invoke read nil
         1 ok read 1
         0 invoke read nil
         0 ok read 2",
    );
    assert_eq!(name, "stale read");
    assert!(
        sentence.starts_with("Process 1 read 1 (from 4.0 ms to 5.0 ms), 1.0 ms after its replacement 2"),
        "{sentence}"
    );
}

/// Were the whole history weakened, all twenty writes of 1 would have to be in the core.
#[test]
fn a_core_stays_small_where_values_repeat() {
    let rounds = "0 invoke write 1\n0 ok write 1\n0 invoke write 2\n0 ok write 2\n".repeat(20);
    let lines = rounds.clone() + "1 invoke read nil\n1 ok read 1\n" + &rounds;
    let (name, _, operations) = anomaly(&lines);
    assert_eq!(name, "stale read", "the 2 was written over: it need not have been lost");
    assert!(operations.len() <= 16 && operations.contains(&40), "{operations:?}");
    let explanation = &judge(&lines).anomalies[0].explanation[0];
    assert!(explanation.starts_with("Every explanation of what had completed by "), "{explanation}");
}

#[test]
fn an_unknown_write_excuses_a_read() {
    let judgement = judge(
        "0 invoke write 1
         0 ok write 1
         1 invoke write 2
         1 info write 2
         2 invoke read nil
         2 ok read 2
         2 invoke read nil
         2 ok read 2",
    );
    assert_eq!(judgement.finding, Finding::Valid);
}

#[test]
fn an_operation_of_another_model_is_named() {
    let judgement = judge("0 invoke enqueue 1\n0 ok enqueue 1");
    assert_eq!(judgement.finding, Finding::Unknown);
    assert!(judgement.unknown[0].contains("`enqueue` is not an operation of cas-register"), "{judgement:?}");
}

#[test]
fn a_spent_budget_is_unknown_never_a_pass() {
    let lines: String = (0..8).map(|process| format!("{process} invoke write {}\n", process % 4)).collect::<String>()
        + &(0..8).map(|process| format!("{process} ok write {}\n", process % 4)).collect::<String>()
        + "0 invoke read nil\n0 ok read 9\n1 invoke write 9\n1 ok write 9";
    let judgement = check(&history(&lines), models::REGISTER, &Budget { steps: 3, ..Budget::default() });
    assert_eq!(judgement.finding, Finding::Unknown, "{judgement:?}");
    assert!(judgement.unknown[0].contains("raise the step budget"), "{judgement:?}");
}
