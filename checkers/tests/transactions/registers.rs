//! Registers: random small histories against the definitions, and what published checkers say.

use std::collections::BTreeMap;

use rashomon_checkers::small::Choices;
use rashomon_checkers::transactions::Objects;
use rashomon_history::{EventKind, History, Value};

use crate::small::{Sketch, Tally, arrange, compare, random_order, step};

/// A random history: the transactions run in some order, each on the state that some of those before it left; now and
/// then a read returns anything that was written.
fn random(choices: &mut Choices, txns: usize, most: usize, keys: usize, chaos: usize) -> History {
    let mut order: Vec<usize> = (0..txns).collect();
    for place in (1..txns).rev() {
        order.swap(place, choices.below(place + 1));
    }
    let shapes: Vec<Vec<(i64, bool)>> = (0..txns)
        .map(|_| (0..1 + choices.below(most)).map(|_| (choices.below(keys) as i64, choices.below(2) == 0)).collect())
        .collect();
    let value = |txn: usize, place: usize| Value::Int(10 * (txn as i64 + 1) + place as i64);
    let mut states: Vec<BTreeMap<i64, Value>> = vec![BTreeMap::new()];
    let mut sketches: Vec<Option<Sketch>> = vec![None; txns];
    let mut used: Vec<u32> = Vec::new();
    for &txn in &order {
        let end = match choices.below(10) {
            0 => EventKind::Fail,
            1 => EventKind::Info,
            _ => EventKind::Ok,
        };
        let old = choices.below(3) == 0;
        let state = if old { choices.below(states.len()) } else { states.len() - 1 };
        let mut seen = states[state].clone();
        let mut next = states.last().expect("there is one").clone();
        let (mut input, mut output) = (Vec::new(), Vec::new());
        for (place, &(key, write)) in shapes[txn].iter().enumerate() {
            if write {
                let written = value(txn, place);
                seen.insert(key, written.clone());
                next.insert(key, written.clone());
                input.push(step("w", key, written.clone()));
                output.push(step("w", key, written));
                continue;
            }
            let mut result = seen.get(&key).cloned().unwrap_or_default();
            if choices.below(chaos) == 0 {
                let writes = shapes.iter().enumerate().flat_map(|(txn, steps)| {
                    steps
                        .iter()
                        .enumerate()
                        .filter(|(_, step)| step.1 && step.0 == key)
                        .map(move |(place, _)| value(txn, place))
                });
                let all: Vec<Value> = writes.chain([Value::Nil]).collect();
                result = all[choices.below(all.len())].clone();
            }
            input.push(step("r", key, Value::Nil));
            output.push(step("r", key, result));
        }
        if end != EventKind::Fail && choices.below(8) > 0 {
            states.push(next);
        }
        let process = choices.below(txns.min(3)) as u32;
        // A process does not go on after an operation of unknown outcome.
        let process = if used.contains(&process) || end == EventKind::Info { txn as u32 + 10 } else { process };
        if end == EventKind::Info {
            used.push(process);
        }
        let input = Value::list(input);
        let output = if end == EventKind::Ok { Value::list(output) } else { input.clone() };
        sketches[txn] = Some(Sketch { process, input, output, end });
    }
    let sketches: Vec<Sketch> = sketches.into_iter().map(|sketch| sketch.expect("each is made")).collect();
    let order = random_order(&sketches, choices);
    arrange(&sketches, &order)
}

#[test]
fn random_small_histories_have_the_levels_that_the_definitions_give_them() {
    let mut choices = Choices::new(16);
    let mut tally = Tally::default();
    for round in 0..5_000 {
        let history = random(&mut choices, 2 + round % 3, 3, 2, 10);
        compare(&history, Objects::Registers, &mut tally);
    }
    println!("{tally:#?}");
    for (level, held) in &tally.held {
        assert!(*held > 40 && *held < tally.histories - 4, "{level} is tested one way only: {held}");
    }
    assert!(tally.open * 50 < tally.histories, "{} verdicts are open", tally.open);
}

#[test]
#[ignore = "a few minutes"]
fn many_random_histories_have_the_levels_that_the_definitions_give_them() {
    let mut choices = Choices::new(17);
    let mut tally = Tally::default();
    for round in 0..300_000 {
        let history = random(&mut choices, 2 + round % 4, 1 + round % 5, 1 + round % 3, [4, 10, 100][round % 3]);
        compare(&history, Objects::Registers, &mut tally);
    }
    println!("{tally:#?}");
}
