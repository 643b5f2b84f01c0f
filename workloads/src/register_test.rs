//! The workload `register` against registers in memory.

use std::collections::{BTreeMap, BTreeSet};

use rashomon_spec::workload::Workload;

use super::*;
use crate::played::{Apart, Object, One, Played, assert_found, assert_right, later, play};

fn register(held: &mut Value, operation: &Operation) -> Completion {
    match (&*operation.f, &operation.value) {
        ("read", _) => Completion::ok(held.clone()),
        ("write", value) => {
            *held = value.clone();
            Completion::ok(value.clone())
        }
        (_, Value::List(pair)) if pair[0] == *held => {
            *held = pair[1].clone();
            Completion::ok(operation.value.clone())
        }
        _ => Completion::fail(operation, "compare: the register held another value"),
    }
}

fn answered(change: &[(&str, &str)]) -> Played {
    play(&REGISTER, change, 3000, &mut One::new(register))
}

#[test]
fn a_right_register_passes_under_every_consistency() {
    assert_right(&REGISTER, &[], &mut One::new(register));
    assert_right(&REGISTER, &[("cas", "no"), ("mix", "even")], &mut One::new(register));
    assert_right(&REGISTER, &[("values", "small")], &mut One::new(register));
}

#[test]
fn a_register_that_forgets_is_found() {
    let forgetful = |held: &mut Value, operation: &Operation| match operation.value.as_int() {
        Some(value) if value % 10 == 0 => Completion::ok(operation.value.clone()),
        _ => register(held, operation),
    };
    let weaker = &later();
    assert_found(&REGISTER, &[("cas", "no")], &mut One::new(forgetful), weaker, "lost write");
    assert_found(&REGISTER, &[("cas", "no")], &mut One::new(forgetful), &[Level::LINEARIZABLE], "stale read");
}

/// All nodes start anew, with nothing, before they are read for the last time.
struct Emptied(BTreeMap<Value, Value>);

impl Object for Emptied {
    fn answer(&mut self, _: u16, operation: &Operation) -> Completion {
        register(self.0.entry(operation.key.clone()).or_default(), operation)
    }

    fn converge(&mut self) {
        self.0.clear();
    }
}

#[test]
fn that_everything_is_lost_in_the_end_is_found_whatever_the_order_of_writes() {
    let weaker = &later();
    let any = [("cas", "no"), ("last-write", "any")];
    assert_found(&REGISTER, &any, &mut Emptied(BTreeMap::new()), weaker, "lost write");
    let small = [&any[..], &[("values", "small")]].concat();
    assert_found(&REGISTER, &small, &mut Emptied(BTreeMap::new()), weaker, "lost write");
}

#[test]
fn replicas_that_never_meet_are_found() {
    assert_found(&REGISTER, &[], &mut Apart::new(register), &later(), "replicas disagree");
}

#[test]
fn written_values_are_unique_by_default_and_small_when_asked() {
    let written = |played: &Played| -> Vec<Value> {
        played.ok("write").into_iter().map(|operation| operation.value.clone()).collect()
    };
    let unique = written(&answered(&[]));
    assert_eq!(unique.iter().collect::<BTreeSet<_>>().len(), unique.len());
    let small = written(&answered(&[("values", "small")]));
    assert_eq!(small.iter().collect::<BTreeSet<_>>().len(), 5);
}

#[test]
fn most_compare_and_sets_succeed_where_nobody_interferes() {
    let played = answered(&[]);
    let asked = played.answers.iter().filter(|(operation, _)| &*operation.f == "cas").count();
    let ok = played.ok("cas").len();
    assert!(asked > 300 && ok * 10 > asked * 9, "{ok} of {asked}");
}

#[test]
fn a_store_without_compare_and_set_is_asked_for_none() {
    let played = answered(&[("cas", "no")]);
    assert!(played.answers.iter().all(|(operation, _)| &*operation.f != "cas"));
    let options = BTreeMap::from([("cas".to_owned(), "no".to_owned())]);
    assert_eq!(REGISTER.required(&options), ["read", "write"]);
    let model = REGISTER.model(&Requirements::new(Level::LINEARIZABLE, options));
    assert_eq!(model.as_deref(), Some("linearizable register"));
}

#[test]
fn what_is_demanded_follows_from_what_is_promised() {
    let names = |consistency, options: &[(&str, &str)]| {
        let options = options.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        REGISTER.model(&Requirements::new(consistency, options)).unwrap()
    };
    assert_eq!(names(Level::LINEARIZABLE, &[]), "linearizable cas-register");
    assert_eq!(names(Level::EVENTUAL, &[]), "eventual-register, convergence, staleness");
    assert_eq!(names(Level::EVENTUAL, &[("values", "small")]), "eventual-register, convergence");
    assert_eq!(
        names(Level::SESSION, &[("last-write", "any")]),
        "unordered-register, session-guarantees, convergence, staleness"
    );
    assert!(names(Level::CAUSAL, &[]).contains("causal-convergence"));
}

#[test]
fn wrong_options_are_named() {
    let wrong = |name, value| Registers::new(&options::changed(&OPTIONS, &[(name, value)])).err().unwrap();
    assert!(wrong("keys", "0").contains("`keys`"));
    assert!(wrong("values", "odd").contains("unique, small"));
    assert!(wrong("mix", "odd").contains("roles, even"));
    assert!(wrong("last-write", "first").contains("real-time, any"));
}
