//! The workload `siblings` against registers in memory.

use rashomon_spec::consistency::Level;
use std::collections::BTreeSet;

use rashomon_spec::workload::Workload;

use super::*;
use crate::played::{Apart, One, assert_found, assert_right, later, play};

fn parts(operation: &Operation) -> (Value, BTreeSet<Value>) {
    let parts = operation.value.as_list().unwrap();
    (parts[0].clone(), parts[1].as_list().unwrap().iter().cloned().collect())
}

fn register(values: &mut BTreeSet<Value>, operation: &Operation) -> Completion {
    if &*operation.f == "read" {
        return Completion::ok(Value::list(values.iter().cloned()));
    }
    let (value, seen) = parts(operation);
    values.retain(|value| !seen.contains(value));
    values.insert(value);
    Completion::ok(operation.value.clone())
}

#[test]
fn a_right_register_passes_under_every_consistency_that_it_can_be_judged_by() {
    assert_right(&SIBLINGS, &[], &mut One::new(register));
    assert_eq!(SIBLINGS.model(&Requirements::new(Level::LINEARIZABLE, BTreeMap::new())), None);
}

#[test]
fn a_register_that_keeps_only_the_last_put_is_found() {
    let last = |values: &mut BTreeSet<Value>, operation: &Operation| {
        if &*operation.f == "put" {
            values.clear();
        }
        register(values, operation)
    };
    assert_found(&SIBLINGS, &[], &mut One::new(last), &later(), "lost write");
}

#[test]
fn replicas_that_never_meet_are_found() {
    assert_found(&SIBLINGS, &[], &mut Apart::new(register), &later(), "replicas disagree");
}

#[test]
fn a_put_supersedes_what_the_clients_latest_read_of_the_key_returned_or_is_blind() {
    let played = play(&SIBLINGS, &[], 4000, &mut One::new(register));
    let mut read: BTreeMap<(usize, Value), BTreeSet<Value>> = BTreeMap::new();
    let (mut blind, mut superseding) = (0, 0);
    for (turn, (operation, completion)) in played.answers.iter().enumerate() {
        // The client that is next is the one that `play` says.
        let client = turn * 7 % 6;
        if &*operation.f == "read" {
            let values = completion.value.as_list().unwrap().iter().cloned().collect();
            read.insert((client, operation.key.clone()), values);
            continue;
        }
        let (_, seen) = parts(operation);
        match seen.is_empty() {
            true => blind += 1,
            false => superseding += 1,
        }
        assert!(seen.is_empty() || read.get(&(client, operation.key.clone())) == Some(&seen), "{operation:?}");
    }
    assert!(blind > 100 && superseding > 300, "{blind} {superseding}");
}

#[test]
fn a_process_that_is_retired_takes_its_reads_with_it() {
    let mut registers = Registers::new(&crate::options::changed(&OPTIONS, &[("mix", "writes")])).unwrap();
    let read = Operation { f: "read".into(), key: Value::Int(0), value: Value::Nil };
    registers.observe(0, &read, &Completion::ok(Value::list([Value::Int(1)])));
    registers.observe(0, &read, &Completion::info(&read, "timeout: none"));
    for _ in 0..200 {
        let next = registers.next(0).unwrap();
        assert!(&*next.f == "read" || parts(&next).1.is_empty());
    }
}
