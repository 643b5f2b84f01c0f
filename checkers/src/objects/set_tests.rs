//! Sets against the reference.

use std::collections::BTreeSet;

use super::call::{Call, NEVER};
use super::reference::{Dice, Object, Tally, Weaker, compare, every_history, simulate};
use super::set::{SetAct, set};

/// A set whose whole reads are numbers: bit `e` of the number says whether element `e` is inside.
struct Set;

impl Object for Set {
    type Act = SetAct;
    type State = u32;

    fn start(&self) -> u32 {
        0
    }

    fn steps(&self, &state: &u32, act: SetAct) -> Vec<(SetAct, u32)> {
        match act {
            SetAct::Add(element) => vec![(act, state | 1 << element)],
            SetAct::Remove(element) => vec![(act, state & !(1 << element))],
            SetAct::Contains(element, inside) if (state >> element & 1 == 1) == inside => vec![(act, state)],
            SetAct::Read(read) if read == state => vec![(act, state)],
            SetAct::Contains(..) | SetAct::Read(_) => Vec::new(),
        }
    }
}

fn all_reads(elements: u32) -> Vec<Vec<u32>> {
    (0..1 << elements).map(|read: u32| (0..elements).filter(|element| read >> element & 1 == 1).collect()).collect()
}

fn judge(calls: &[Call<SetAct>], elements: u32, tally: &mut Tally) {
    let answer = set(calls, &all_reads(elements), true);
    compare(&Set, calls, &answer, Weaker::OthersUnknown, tally);
    let quick = set(calls, &all_reads(elements), false);
    assert_eq!(std::mem::discriminant(&quick), std::mem::discriminant(&answer));
}

fn at_most_once(word: &[(SetAct, bool)]) -> bool {
    let mut moved = BTreeSet::new();
    word.iter().all(|&(act, _)| match act {
        SetAct::Add(element) => moved.insert((element, true)),
        SetAct::Remove(element) => moved.insert((element, false)),
        _ => true,
    })
}

fn enough(tally: Tally) {
    println!("{tally:?}");
    assert!(tally.yes > 100 && tally.no > 100 && tally.undecided == 0, "{tally:?}");
}

#[test]
fn one_element_agrees_with_the_reference() {
    let mut tally = Tally::default();
    let (add, remove) = (SetAct::Add(0), SetAct::Remove(0));
    let (inside, outside) = (SetAct::Contains(0, true), SetAct::Contains(0, false));
    let alphabet = [(add, true), (add, false), (remove, true), (remove, false), (inside, true), (outside, true)];
    for count in 1..=5 {
        every_history(count, &alphabet, at_most_once, &mut |calls| judge(calls, 1, &mut tally));
    }
    enough(tally);
}

#[test]
fn a_set_that_only_grows_agrees_with_the_reference() {
    let mut tally = Tally::default();
    let mut alphabet: Vec<(SetAct, bool)> = (0..4).map(|read| (SetAct::Read(read), true)).collect();
    alphabet.extend([(SetAct::Add(0), true), (SetAct::Add(0), false), (SetAct::Add(1), true), (SetAct::Add(1), false)]);
    for count in 1..=4 {
        every_history(count, &alphabet, at_most_once, &mut |calls| judge(calls, 2, &mut tally));
    }
    enough(tally);
}

#[test]
fn random_sets_agree_with_the_reference() {
    for (whole, unknown) in [(false, 0), (false, 4), (true, 0), (true, 4)] {
        let mut tally = Tally::default();
        let mut dice = Dice(3 + u64::from(unknown));
        for _ in 0..2000 {
            let elements = 1 + dice.roll(4);
            let mut left: Vec<SetAct> = (0..elements).map(SetAct::Add).collect();
            if !whole {
                left.extend((0..elements).map(SetAct::Remove));
            }
            let next = |dice: &mut Dice, state: &u32| {
                let element = dice.roll(elements);
                match dice.one_in(2) && !left.is_empty() {
                    true => left.swap_remove(dice.roll(left.len() as u32) as usize),
                    false if whole => SetAct::Read(*state),
                    false => SetAct::Contains(element, *state >> element & 1 == 1),
                }
            };
            let (clients, count) = (2 + dice.roll(4) as usize, 5 + dice.roll(7) as usize);
            let mut calls = simulate(&Set, &mut dice, clients, count, unknown, next, |act| act);
            let moves = |call: &Call<SetAct>| matches!(call.act, SetAct::Add(_) | SetAct::Remove(_));
            calls.retain(|call| call.completed != NEVER || moves(call));
            judge(&calls, elements, &mut tally);
            let seen: Vec<usize> = (0..calls.len()).filter(|&index| !moves(&calls[index])).collect();
            if let Some(&index) = seen.get(dice.roll(seen.len().max(1) as u32) as usize) {
                calls[index].act = match calls[index].act {
                    SetAct::Contains(element, inside) => SetAct::Contains(element, !inside),
                    SetAct::Read(read) => SetAct::Read(read ^ 1 << dice.roll(elements)),
                    other => other,
                };
                judge(&calls, elements, &mut tally);
            }
        }
        enough(tally);
    }
}
