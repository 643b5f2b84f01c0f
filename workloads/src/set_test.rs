//! The workload `set` against sets in memory.

use std::collections::BTreeSet;

use super::*;
use crate::played::{Apart, One, assert_found, assert_right, later, play};

fn set(elements: &mut Vec<Value>, operation: &Operation) -> Completion {
    if &*operation.f == "read" {
        return Completion::ok(Value::list(elements.iter().cloned()));
    }
    elements.push(operation.value.clone());
    Completion::ok(operation.value.clone())
}

#[test]
fn a_right_set_passes_under_every_consistency() {
    assert_right(&SET, &[], &mut One::new(set));
}

#[test]
fn a_set_that_forgets_is_found() {
    let forgetful = |elements: &mut Vec<Value>, operation: &Operation| match operation.value.as_int() {
        Some(value) if value % 50 == 0 => Completion::ok(operation.value.clone()),
        _ => set(elements, operation),
    };
    assert_found(&SET, &[], &mut One::new(forgetful), &later(), "lost element");
}

#[test]
fn replicas_that_never_meet_are_found() {
    assert_found(&SET, &[], &mut Apart::new(set), &later(), "replicas disagree");
}

#[test]
fn every_element_is_added_once() {
    let played = play(&SET, &[], 3000, &mut One::new(set));
    let added = played.ok("add");
    let elements: BTreeSet<&Value> = added.iter().map(|add| &add.value).collect();
    assert_eq!(elements.len(), added.len());
    assert!(added.len() > 1000, "{}", added.len());
}
