//! The workload `cart` against carts in memory.

use rashomon_spec::consistency::Level;
use std::collections::BTreeMap;

use super::*;
use crate::played::{Apart, One, assert_found, later, play};

fn cart(elements: &mut BTreeSet<Value>, operation: &Operation) -> Completion {
    match &*operation.f {
        "read" => return Completion::ok(Value::list(elements.iter().cloned())),
        "add" => drop(elements.insert(operation.value.clone())),
        _ => drop(elements.remove(&operation.value)),
    }
    Completion::ok(operation.value.clone())
}

#[test]
fn a_right_cart_passes_wherever_less_than_linearizability_is_promised() {
    for wins in ["add", "last"] {
        let played = play(&CART, &[("wins", wins)], 3000, &mut One::new(cart));
        for consistency in later() {
            for judgement in played.judged(&CART, consistency) {
                assert_eq!(judgement.finding, rashomon_checkers::Finding::Valid, "{consistency}: {judgement:?}");
            }
        }
    }
}

#[test]
fn a_cart_that_does_not_remove_is_found() {
    let keeps = |elements: &mut BTreeSet<Value>, operation: &Operation| match &*operation.f {
        "remove" if operation.value == Value::Int(3) => Completion::ok(operation.value.clone()),
        _ => cart(elements, operation),
    };
    // Where not even a process reads its own writes, a remove need not have seen the add that it follows.
    let promising = [Level::CAUSAL, Level::SESSION];
    assert_found(&CART, &[], &mut One::new(keeps), &promising, "resurrected element");
}

#[test]
fn replicas_that_never_meet_are_found() {
    assert_found(&CART, &[], &mut Apart::new(cart), &later(), "replicas disagree");
}

#[test]
fn most_removes_find_their_element() {
    let mut inside: BTreeMap<Value, BTreeSet<Value>> = BTreeMap::new();
    let (mut found, mut all) = (0, 0);
    for (operation, _) in play(&CART, &[], 3000, &mut One::new(cart)).answers {
        let elements = inside.entry(operation.key.clone()).or_default();
        if &*operation.f == "remove" {
            all += 1;
            found += u32::from(elements.contains(&operation.value));
        }
        cart(elements, &operation);
    }
    assert!(all > 300 && found * 3 > all * 2, "{found} of {all}");
}
