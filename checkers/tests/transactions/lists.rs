//! Lists: all small histories, random ones, and the names of anomalies.

use rashomon_checkers::small::Choices;
use rashomon_checkers::transactions::Objects;
use rashomon_history::{EventKind, Value};

use crate::small::{Sketch, Tally, arrange, compare, random_order, step};

/// What one micro-operation of a shape is: its key, and whether it appends.
type Shape = Vec<Vec<(i64, bool)>>;

/// The elements that each transaction appends, in order: `10 * transaction + place`.
fn element(txn: usize, place: usize) -> Value {
    Value::Int(10 * (txn as i64 + 1) + place as i64)
}

fn appended(shape: &Shape, key: i64) -> Vec<Value> {
    let mut all = Vec::new();
    for (txn, steps) in shape.iter().enumerate() {
        for (place, &(of, append)) in steps.iter().enumerate() {
            if append && of == key {
                all.push(element(txn, place));
            }
        }
    }
    all
}

/// All lists of distinct elements out of some.
fn arrangements(elements: &[Value]) -> Vec<Vec<Value>> {
    let mut all = vec![Vec::new()];
    let mut next = 0;
    while next < all.len() {
        for element in elements {
            if !all[next].contains(element) {
                let mut longer = all[next].clone();
                longer.push(element.clone());
                all.push(longer);
            }
        }
        next += 1;
    }
    all
}

fn sketches(
    shape: &Shape,
    processes: &[u32],
    ends: &[EventKind],
    lists: &mut dyn FnMut(i64) -> Vec<Value>,
) -> Vec<Sketch> {
    let one = |txn: usize, steps: &Vec<(i64, bool)>, lists: &mut dyn FnMut(i64) -> Vec<Value>| {
        let write = |place: usize, key: i64| step("append", key, element(txn, place));
        let input = steps.iter().enumerate().map(
            |(place, &(key, append))| {
                if append { write(place, key) } else { step("r", key, Value::Nil) }
            },
        );
        let input = Value::list(input.collect::<Vec<_>>());
        let output = steps.iter().enumerate().map(|(place, &(key, append))| {
            if append { write(place, key) } else { step("r", key, Value::list(lists(key))) }
        });
        let output = Value::list(output.collect::<Vec<_>>());
        let output = if ends[txn] == EventKind::Ok { output } else { input.clone() };
        Sketch { process: processes[txn], input, output, end: ends[txn] }
    };
    shape.iter().enumerate().map(|(txn, steps)| one(txn, steps, lists)).collect()
}

fn random_shape(txns: usize, most: usize, keys: usize, choices: &mut Choices) -> Shape {
    let steps = |choices: &mut Choices| {
        let count = 1 + choices.below(most);
        (0..count).map(|_| (choices.below(keys) as i64, choices.below(2) == 0)).collect()
    };
    (0..txns).map(|_| steps(choices)).collect()
}

/// A random history. Most reads return a beginning of one order of each key's elements, perhaps with their own at the
/// end; some anything.
fn random(choices: &mut Choices, txns: usize, most: usize, keys: usize) -> rashomon_history::History {
    let shape = random_shape(txns, most, keys, choices);
    let ends: Vec<EventKind> = (0..txns)
        .map(|_| match choices.below(8) {
            0 => EventKind::Fail,
            1 => EventKind::Info,
            _ => EventKind::Ok,
        })
        .collect();
    let mut shuffled: Vec<Vec<Value>> = (0..keys as i64).map(|key| appended(&shape, key)).collect();
    if choices.below(3) == 0 {
        for order in &mut shuffled {
            for place in (1..order.len()).rev() {
                order.swap(place, choices.below(place + 1));
            }
        }
    }
    let mut processes: Vec<u32> = (0..txns).map(|_| choices.below(txns.min(3)) as u32).collect();
    for txn in 0..txns {
        // A process does not go on after an operation of unknown outcome.
        if ends[txn] == EventKind::Info && processes[txn + 1..].contains(&processes[txn]) {
            processes[txn] = (3 + txn) as u32 % txns.max(4) as u32;
        }
    }
    let mut lists = |key: i64| -> Vec<Value> {
        let order = &shuffled[key as usize];
        if choices.below(12) == 0 {
            let all = arrangements(&order[..order.len().min(4)]);
            return all[choices.below(all.len())].clone();
        }
        let length = if choices.below(2) == 0 { order.len() } else { choices.below(order.len() + 1) };
        order[..length].to_vec()
    };
    let sketches = sketches(&shape, &processes, &ends, &mut lists);
    let order = random_order(&sketches, choices);
    arrange(&sketches, &order)
}

#[test]
fn random_small_histories_have_the_levels_that_the_definitions_give_them() {
    let mut choices = Choices::new(14);
    let mut tally = Tally::default();
    for round in 0..8_000 {
        let history = random(&mut choices, 2 + round % 3, 3, 2);
        compare(&history, Objects::Lists, &mut tally);
    }
    println!("{tally:#?}");
    for (level, held) in &tally.held {
        assert!(*held > 100 && *held < tally.histories - 100, "{level} is tested one way only: {held}");
    }
    assert!(tally.open * 50 < tally.histories, "{} verdicts are open", tally.open);
}

#[test]
#[ignore = "a few minutes"]
fn many_random_histories_have_the_levels_that_the_definitions_give_them() {
    let mut choices = Choices::new(15);
    let mut tally = Tally::default();
    for round in 0..400_000 {
        let history = random(&mut choices, 2 + round % 4, 1 + round % 5, 1 + round % 3);
        compare(&history, Objects::Lists, &mut tally);
    }
    println!("{tally:#?}");
}

/// Every history of up to three transactions of two micro-operations on two keys, with every result that a read could
/// have: every list of distinct elements that anybody appends. `every` skips shapes.
fn exhaustive(every: usize, tally: &mut Tally) {
    let kinds = [(0, false), (0, true), (1, false), (1, true)];
    let one: Vec<Vec<(i64, bool)>> = kinds.iter().flat_map(|&first| kinds.map(|second| vec![first, second])).collect();
    let mut count = 0;
    for first in &one {
        for second in &one {
            for third in &one {
                // The first micro-operation may as well be on key 0: the keys are alike.
                if first[0].0 != 0 {
                    continue;
                }
                count += 1;
                if count % every == 0 {
                    each_result(&vec![first.clone(), second.clone(), third.clone()], tally);
                }
            }
        }
    }
}

fn each_result(shape: &Shape, tally: &mut Tally) {
    let reads: Vec<i64> = shape.iter().flatten().filter(|step| !step.1).map(|step| step.0).collect();
    let possible: Vec<Vec<Vec<Value>>> = reads.iter().map(|&key| arrangements(&appended(shape, key))).collect();
    let mut picked = vec![0; reads.len()];
    // Who runs what, and which begin before others have ended: 0, 1 and 2 begin and end.
    let arrangements: [([u32; 3], [usize; 6]); 4] = [
        ([0, 1, 2], [0, 1, 2, 0, 1, 2]),
        ([0, 0, 0], [0, 0, 1, 1, 2, 2]),
        ([0, 1, 0], [0, 1, 0, 2, 2, 1]),
        ([0, 1, 2], [0, 0, 1, 2, 2, 1]),
    ];
    loop {
        for (processes, order) in &arrangements {
            let mut next = 0;
            let mut lists = |_: i64| {
                next += 1;
                possible[next - 1][picked[next - 1]].clone()
            };
            let sketches = sketches(shape, processes, &[EventKind::Ok; 3], &mut lists);
            compare(&arrange(&sketches, order), Objects::Lists, tally);
        }
        let Some(place) = (0..picked.len()).rev().find(|&place| picked[place] + 1 < possible[place].len()) else {
            return;
        };
        picked[place] += 1;
        picked[place + 1..].fill(0);
    }
}

#[test]
fn a_sample_of_all_small_shapes_has_the_levels_that_the_definitions_give_them() {
    let mut tally = Tally::default();
    exhaustive(97, &mut tally);
    println!("{tally:#?}");
    assert!(tally.histories > 1000 && tally.open * 1000 < tally.histories * 21, "{tally:#?}");
}

#[test]
#[ignore = "many minutes"]
fn all_small_histories_have_the_levels_that_the_definitions_give_them() {
    let mut tally = Tally::default();
    exhaustive(1, &mut tally);
    println!("{tally:#?}");
}
