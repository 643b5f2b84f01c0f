//! The workload `counter` against counters in memory.

use super::*;
use crate::played::{Apart, One, assert_found, assert_right, later, play};

fn counter(total: &mut i64, operation: &Operation) -> Completion {
    *total += operation.value.as_int().unwrap_or(0);
    Completion::ok(if &*operation.f == "read" { Value::Int(*total) } else { operation.value.clone() })
}

#[test]
fn a_right_counter_passes_under_every_consistency() {
    assert_right(&COUNTER, &[], &mut One::new(counter));
    assert_right(&COUNTER, &[("amounts", "both")], &mut One::new(counter));
}

#[test]
fn a_counter_that_counts_twice_is_found() {
    let twice = |total: &mut i64, operation: &Operation| {
        if operation.value == Value::Int(7) {
            *total += 7;
        }
        counter(total, operation)
    };
    assert_found(&COUNTER, &[], &mut One::new(twice), &later(), "counter too large");
}

#[test]
fn replicas_that_never_meet_are_found() {
    assert_found(&COUNTER, &[], &mut Apart::new(counter), &later(), "replicas disagree");
}

#[test]
fn amounts_go_down_only_when_asked() {
    let least = |change: &[(&str, &str)]| {
        let played = play(&COUNTER, change, 2000, &mut One::new(counter));
        played.ok("add").iter().filter_map(|add| add.value.as_int()).min()
    };
    assert_eq!(least(&[]), Some(1));
    assert_eq!(least(&[("amounts", "both")]), Some(-(AMOUNT_MAX as i64)));
}
