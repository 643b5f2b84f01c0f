//! Cores that once named the wrong operations, too many or too few, and sentences that were not so.

use rashomon_checkers::models::{AppendList, CasRegister, Register, StringMap};
use rashomon_checkers::objects::{Counter, Exclusion, OwnedLock};
use rashomon_checkers::{Anomaly, Budget, Finding, linearizable, model::Model};
use rashomon_history::formats::{ReadOptions, read_history};

/// The first anomaly of a history in JSON lines.
fn anomaly<M: Model>(model: &M, lines: &str) -> Anomaly {
    let (history, _) = read_history(lines.as_bytes(), ReadOptions::default()).expect("the test's history can be read");
    let mut judgement = linearizable::check(model, &history, &Budget::default());
    assert_eq!(judgement.finding, Finding::Invalid, "{judgement:?}");
    judgement.anomalies.remove(0)
}

fn operations(anomaly: &Anomaly) -> Vec<u32> {
    anomaly.operations.iter().map(|op| op.0).collect()
}

fn says(anomaly: &Anomaly, what: &str) {
    assert!(anomaly.explanation.iter().any(|line| line.contains(what)), "{what}: {anomaly:#?}");
}

/// One operation after the other, each by process 0.
fn one_by_one(operations: impl IntoIterator<Item = (&'static str, String, String)>) -> String {
    let events = operations.into_iter().flat_map(|(f, asked, answer)| {
        [("invoke", asked), ("ok", answer)]
            .map(|(kind, value)| format!(r#"{{"process":0,"type":"{kind}","f":"{f}","value":{value}}}"#))
    });
    events.collect::<Vec<_>>().join("\n")
}

#[test]
fn two_long_reads_that_disagree_are_the_whole_core() {
    let append = |element: i64| ("append", element.to_string(), element.to_string());
    let read = |elements: Vec<i64>| ("read", "null".to_owned(), format!("{elements:?}"));
    let mut swapped: Vec<i64> = (0..40).collect();
    swapped.swap(24, 25);
    let appends = |range: std::ops::Range<i64>| range.map(append);
    let lines = one_by_one(appends(0..40).chain([read((0..40).collect()), read(swapped)]));
    let found = anomaly(&AppendList, &lines);
    assert_eq!(operations(&found), [40, 41], "not the appends, though they were one after the other");
    let overlapping: Vec<String> = (0..40)
        .map(|element| format!(r#"{{"process":{element},"type":"invoke","f":"append","value":{element}}}"#))
        .chain([one_by_one([read((0..40).collect()), read((0..40).rev().collect())]).replace(":0,", ":50,")])
        .collect();
    let found = anomaly(&AppendList, &overlapping.join("\n"));
    assert_eq!(operations(&found), [40, 41], "the appends overlap: only the two reads contradict each other");
}

#[test]
fn the_stale_read_is_the_one_blamed() {
    let lines = r#"{"process":0,"type":"invoke","f":"append","value":1}
{"process":0,"type":"ok","f":"append","value":1}
{"process":1,"type":"invoke","f":"read","value":null}
{"process":1,"type":"ok","f":"read","value":[]}
{"process":0,"type":"invoke","f":"append","value":2}
{"process":0,"type":"ok","f":"append","value":2}
{"process":1,"type":"invoke","f":"read","value":null}
{"process":1,"type":"ok","f":"read","value":[1,2]}"#;
    let found = anomaly(&AppendList, lines);
    assert_eq!(operations(&found), [0, 1]);
    says(&found, "Needed: process 0's append 1 completed 1 ns before process 1's read → []");
    let get = lines.replace("read", "get").replace("[]", "\"\"").replace("[1,2]", "\"ab\"");
    let get = get.replace("\"value\":1}", "\"value\":\"a\"}").replace("\"value\":2}", "\"value\":\"b\"}");
    assert_eq!(operations(&anomaly(&StringMap, &get)), [0, 1]);
}

#[test]
fn a_timestamp_error_that_explains_it_is_named() {
    let once = r#"{"process":0,"type":"invoke","f":"read","value":null,"time":0}
{"process":0,"type":"ok","f":"read","value":7,"time":10}
{"process":1,"type":"invoke","f":"write","value":7,"time":20}
{"process":1,"type":"ok","f":"write","value":7,"time":30}"#;
    let again = r#"
{"process":2,"type":"invoke","f":"write","value":7,"time":40}
{"process":2,"type":"ok","f":"write","value":7,"time":50}"#;
    for lines in [once.to_owned(), once.to_owned() + again] {
        let found = anomaly(&Register, &lines);
        assert_eq!(operations(&found), [0]);
        says(&found, "A timestamp error below 5 ns does not explain this");
    }
}

#[test]
fn both_increments_that_found_one_value_are_in_the_core() {
    let lines = r#"{"process":0,"type":"invoke","f":"fetch-add","value":1}
{"process":0,"type":"ok","f":"fetch-add","value":0}
{"process":1,"type":"invoke","f":"fetch-add","value":1}
{"process":1,"type":"ok","f":"fetch-add","value":0}"#;
    let found = anomaly(&Counter { blind: false }, lines);
    assert_eq!((found.name.as_str(), operations(&found)), ("lost increment", vec![0, 1]));
    let lines = r#"{"process":0,"type":"invoke","f":"add-fetch","value":2}
{"process":1,"type":"invoke","f":"add-fetch","value":2}
{"process":0,"type":"ok","f":"add-fetch","value":2}
{"process":2,"type":"invoke","f":"fetch-add","value":2}
{"process":0,"type":"invoke","f":"fetch-add","value":2}
{"process":0,"type":"ok","f":"fetch-add","value":4}
{"process":1,"type":"ok","f":"add-fetch","value":8}
{"process":2,"type":"ok","f":"fetch-add","value":4}"#;
    let found = anomaly(&Counter { blind: false }, lines);
    assert_eq!((found.name.as_str(), operations(&found)), ("lost increment", vec![2, 3]));
    assert!(found.sentence.starts_with("Two increments found the same value: process"), "{}", found.sentence);
}

/// The other two operations cannot change that process 1 released without a hold, but an acquire of unknown outcome at
/// another time could.
#[test]
fn an_acquire_of_unknown_outcome_may_have_come_first_at_other_times() {
    let lines = r#"{"process":1,"type":"invoke","f":"release","value":null,"time":10}
{"process":1,"type":"ok","f":"release","value":null,"time":20}
{"process":1,"type":"invoke","f":"acquire","value":null,"time":30}
{"process":1,"type":"info","f":"acquire","value":null,"time":40}"#;
    let found = anomaly(&OwnedLock { exclusion: Exclusion::AtMost(1) }, lines);
    assert_eq!(operations(&found), [0]);
    says(&found, "A timestamp error below 5 ns does not explain this");
}

/// A chain of compare-and-sets that begins with a value from nowhere: the last one is certain, the first is not.
#[test]
fn a_certain_compare_and_set_proves_the_uncertain_one_before_it() {
    let lines = r#"{"process":0,"type":"invoke","f":"cas","value":[2,3]}
{"process":0,"type":"info","f":"cas","value":[2,3]}
{"process":1,"type":"invoke","f":"cas","value":[3,1]}
{"process":1,"type":"ok","f":"cas","value":[3,1]}"#;
    assert_eq!(operations(&anomaly(&CasRegister::default(), lines)), [1]);
}

/// A compare-and-set of a value by itself sees the value; it is no write that was lost.
#[test]
fn a_compare_and_set_of_a_value_by_itself_reads_it() {
    let lines = r#"{"process":0,"type":"invoke","f":"write","value":2}
{"process":2,"type":"invoke","f":"write","value":1}
{"process":2,"type":"ok","f":"write","value":1}
{"process":0,"type":"ok","f":"write","value":2}
{"process":0,"type":"invoke","f":"cas","value":[2,2]}
{"process":0,"type":"ok","f":"cas","value":[2,2]}
{"process":2,"type":"invoke","f":"cas","value":[1,2]}
{"process":2,"type":"ok","f":"cas","value":[1,2]}"#;
    let found = anomaly(&CasRegister::default(), lines);
    assert_ne!(found.name, "lost write", "{found:#?}");
    assert_eq!(operations(&found), [1, 2, 3]);
}

/// What two nodes have missed before the next write is lost, although that one then covered it.
#[test]
fn a_write_that_two_nodes_never_saw_is_lost_also_where_others_follow() {
    let line = |process: u32, end: &str, f: &str, value: &str, node: u16| {
        format!(r#"{{"process":{process},"type":"{end}","f":"{f}","value":{value},"node":"n{node}"}}"#)
    };
    let both = |process, f, input, output, node| {
        [line(process, "invoke", f, input, node), line(process, "ok", f, output, node)].join("\n")
    };
    let lines = |second: u16| {
        let write = |value| both(0, "write", value, value, 1);
        let read = |node| both(1, "read", "null", "1", node);
        [write("1"), write("2"), read(2), read(second), write("3")].join("\n")
    };
    assert_eq!(anomaly(&Register, &lines(3)).name, "lost write");
    assert_eq!(anomaly(&Register, &lines(2)).name, "stale read");
}
