//! Counters against the reference.

use super::call::{Call, NEVER};
use super::counter::{CounterAct, counter};
use super::reference::{Dice, Object, Tally, Weaker, compare, every_history, simulate};

struct Counter;

impl Object for Counter {
    type Act = CounterAct;
    type State = i64;

    fn start(&self) -> i64 {
        0
    }

    fn steps(&self, &value: &i64, act: CounterAct) -> Vec<(CounterAct, i64)> {
        match act {
            CounterAct::Add(amount) => vec![(act, value + amount)],
            CounterAct::FetchAdd { amount, found } if found == value => vec![(act, value + amount)],
            CounterAct::Read(read) if read == value => vec![(act, value)],
            CounterAct::FetchAdd { .. } | CounterAct::Read(_) => Vec::new(),
        }
    }
}

fn judge(calls: &[Call<CounterAct>], tally: &mut Tally) {
    compare(&Counter, calls, &counter(calls), Weaker::Alone, tally);
}

fn enough(tally: Tally) {
    println!("{tally:?}");
    assert!(tally.yes > 100 && tally.no > 100, "{tally:?}");
}

#[test]
fn equal_increments_agree_with_the_reference() {
    for amount in [1, 3] {
        let mut tally = Tally::default();
        let mut alphabet = vec![(CounterAct::Add(amount), true), (CounterAct::Add(amount), false)];
        alphabet.extend((0..4).map(|steps| (CounterAct::Read(amount * steps), true)));
        alphabet.extend((0..3).map(|steps| (CounterAct::FetchAdd { amount, found: amount * steps }, true)));
        for count in 1..=4 {
            every_history(count, &alphabet, |_| true, &mut |calls| judge(calls, &mut tally));
        }
        assert_eq!(tally.undecided, 0);
        enough(tally);
    }
}

#[test]
fn different_increments_agree_with_the_reference() {
    let mut tally = Tally::default();
    let mut alphabet: Vec<_> = (0..5).map(|value| (CounterAct::Read(value), true)).collect();
    for (amount, found) in [(1, 0), (2, 0), (1, 1), (2, 1), (3, 1), (1, 2), (1, 3), (2, 3)] {
        alphabet.push((CounterAct::FetchAdd { amount, found }, true));
    }
    for count in 1..=4 {
        every_history(count, &alphabet, |_| true, &mut |calls| judge(calls, &mut tally));
    }
    assert_eq!(tally.undecided, 0);
    enough(tally);
}

#[test]
fn random_counters_agree_with_the_reference() {
    for (unknown, amounts) in [(0, 1), (4, 1), (0, 3)] {
        let mut tally = Tally::default();
        let mut dice = Dice(11);
        for _ in 0..4000 {
            let next = |dice: &mut Dice, value: &i64| match dice.roll(if amounts == 1 { 3 } else { 2 }) {
                0 => CounterAct::Read(*value),
                1 => CounterAct::FetchAdd { amount: 1 + i64::from(dice.roll(amounts)), found: *value },
                _ => CounterAct::Add(1),
            };
            let forget = |act| match act {
                CounterAct::FetchAdd { amount, .. } => CounterAct::Add(amount),
                other => other,
            };
            let (clients, count) = (2 + dice.roll(4) as usize, 6 + dice.roll(7) as usize);
            let mut calls = simulate(&Counter, &mut dice, clients, count, unknown, next, forget);
            calls.retain(|call| call.completed != NEVER || matches!(call.act, CounterAct::Add(_)));
            judge(&calls, &mut tally);
            let index = dice.roll(calls.len() as u32) as usize;
            match &mut calls[index].act {
                CounterAct::Read(value) | CounterAct::FetchAdd { found: value, .. } => *value ^= 1,
                CounterAct::Add(_) => {}
            }
            judge(&calls, &mut tally);
        }
        assert_eq!(tally.undecided, 0);
        enough(tally);
    }
}

#[test]
fn blind_increments_of_different_amounts_are_not_this_class() {
    let calls = [
        Call { op: 0, act: CounterAct::Add(1), invoked: 0, completed: 1 },
        Call { op: 1, act: CounterAct::Add(2), invoked: 2, completed: 3 },
    ];
    assert!(matches!(counter(&calls), super::Answer::Undecided(_)));
}

#[test]
fn decrements_are_not_this_class() {
    let calls = [
        Call { op: 0, act: CounterAct::Add(-1), invoked: 0, completed: 1 },
        Call { op: 1, act: CounterAct::Read(-1), invoked: 2, completed: 3 },
    ];
    assert!(matches!(counter(&calls), super::Answer::Undecided(_)));
}
