//! The workload `text` against sequences in memory.

use rashomon_spec::consistency::Level;
use rashomon_spec::workload::Workload;

use super::*;
use crate::played::{Apart, One, assert_found, assert_right, later, play};

/// The elements in order, and which of them are deleted.
type Sequence = Vec<(Value, bool)>;

fn text(sequence: &mut Sequence, operation: &Operation) -> Completion {
    let unknown = || Completion::fail(operation, "unknown-element: the node says it did not happen");
    match (&*operation.f, &operation.value) {
        ("insert", Value::List(pair)) => {
            let at = sequence.iter().position(|(element, _)| *element == pair[1]);
            if at.is_none() && !pair[1].is_nil() {
                return unknown();
            }
            sequence.insert(at.map_or(0, |at| at + 1), (pair[0].clone(), false));
        }
        ("delete", element) => match sequence.iter_mut().find(|(there, _)| there == element) {
            Some((_, deleted)) => *deleted = true,
            None => return unknown(),
        },
        _ => {
            let left = sequence.iter().filter(|(_, deleted)| !deleted).map(|(element, _)| element.clone());
            return Completion::ok(Value::list(left));
        }
    }
    Completion::ok(operation.value.clone())
}

#[test]
fn a_right_text_passes_under_every_consistency_that_it_can_be_judged_by() {
    assert_right(&TEXT, &[], &mut One::new(text));
    assert_eq!(TEXT.model(&Requirements::new(Level::LINEARIZABLE, BTreeMap::new())), None);
}

#[test]
fn a_text_that_moves_elements_is_found() {
    let moves = |sequence: &mut Sequence, operation: &Operation| {
        if &*operation.f == "delete" && sequence.len() > 3 {
            sequence.swap(0, 2);
        }
        text(sequence, operation)
    };
    assert_found(&TEXT, &[], &mut One::new(moves), &later(), "contradicting order");
}

#[test]
fn replicas_that_never_meet_are_found() {
    assert_found(&TEXT, &[], &mut Apart::new(text), &later(), "replicas disagree");
}

#[test]
fn every_anchor_and_every_deleted_element_is_known_where_it_is_used() {
    let played = play(&TEXT, &[], 4000, &mut Apart::new(text));
    let refused = played.answers.iter().filter(|(_, completion)| completion.outcome == Outcome::Fail).count();
    assert_eq!(refused, 0, "each client stays at one node, and uses only what that node has told it");
    assert!(played.ok("insert").len() > 1000 && played.ok("delete").len() > 200);
}

#[test]
fn a_process_that_is_retired_takes_what_it_knows_with_it() {
    let mut texts = Texts::new(&crate::options::changed(&OPTIONS, &[("keys", "1"), ("mix", "writes")])).unwrap();
    let read = Operation { f: "read".into(), key: Value::Int(0), value: Value::Nil };
    texts.observe(0, &read, &Completion::ok(Value::list([Value::Int(-1)])));
    texts.observe(0, &read, &Completion::info(&read, "timeout: none"));
    for _ in 0..100 {
        let next = texts.next(0).unwrap();
        assert!(&*next.f == "read" || next.value.as_list().is_some_and(|pair| pair[1].is_nil()), "{next:?}");
    }
}
