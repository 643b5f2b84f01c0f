//! The workload `map` against maps in memory.

use rashomon_spec::consistency::Level;
use std::collections::BTreeMap;

use rashomon_spec::workload::Workload;

use super::*;
use crate::played::{Apart, One, assert_found, assert_right, later, play};

fn map(fields: &mut BTreeMap<Value, Value>, operation: &Operation) -> Completion {
    match (&*operation.f, &operation.value) {
        ("put", Value::List(pair)) => drop(fields.insert(pair[0].clone(), pair[1].clone())),
        ("remove", field) => drop(fields.remove(field)),
        _ => {
            let held = |(field, value): (&Value, &Value)| (field.clone(), Value::list([value.clone()]));
            return Completion::ok(Value::Map(fields.iter().map(held).collect()));
        }
    }
    Completion::ok(operation.value.clone())
}

#[test]
fn a_right_map_passes_under_every_consistency_that_it_can_be_judged_by() {
    assert_right(&MAP, &[], &mut One::new(map));
    assert_eq!(MAP.model(&Requirements::new(Level::LINEARIZABLE, BTreeMap::new())), None);
}

#[test]
fn a_map_that_forgets_is_found() {
    let forgetful = |fields: &mut BTreeMap<Value, Value>, operation: &Operation| match operation.value.as_list() {
        Some([_, Value::Int(value)]) if value % 20 == 0 => Completion::ok(operation.value.clone()),
        _ => map(fields, operation),
    };
    assert_found(&MAP, &[], &mut One::new(forgetful), &later(), "lost write");
}

#[test]
fn replicas_that_never_meet_are_found() {
    assert_found(&MAP, &[], &mut Apart::new(map), &later(), "replicas disagree");
}

#[test]
fn removes_name_fields_that_are_believed_to_be_there() {
    let played = play(&MAP, &[], 3000, &mut One::new(map));
    assert!(played.ok("remove").len() > 300);
    let mut inside: BTreeMap<Value, BTreeMap<Value, Value>> = BTreeMap::new();
    for (operation, _) in &played.answers {
        let fields = inside.entry(operation.key.clone()).or_default();
        assert!(&*operation.f != "remove" || fields.contains_key(&operation.value));
        map(fields, operation);
    }
}
