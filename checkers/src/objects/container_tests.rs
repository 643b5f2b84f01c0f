//! Queues, bags, stacks and priority queues against the reference.

use super::call::{Answer, Call, NEVER};
use super::container::{Act, NONE, sort_by_value};
use super::reference::{Dice, Object, Tally, Weaker, compare, every_history_of, replay, simulate};
use super::unknown::Complete;
use super::{bag, fifo, priority, priority_queue, stack};

/// Which value a take returns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Discipline {
    Fifo,
    Any,
    Lifo,
    Least,
}

impl Object for Discipline {
    type Act = Act;
    type State = Vec<u32>;

    fn start(&self) -> Vec<u32> {
        Vec::new()
    }

    fn steps(&self, state: &Vec<u32>, act: Act) -> Vec<(Act, Vec<u32>)> {
        let takeable: Vec<usize> = match self {
            Discipline::Fifo => (0..state.len().min(1)).collect(),
            Discipline::Lifo => (state.len().saturating_sub(1)..state.len()).collect(),
            Discipline::Least => {
                (0..state.len()).filter(|&index| state.iter().all(|&other| state[index] <= other)).collect()
            }
            Discipline::Any => (0..state.len()).collect(),
        };
        let take = |&index: &usize| {
            let mut next = state.clone();
            (Act::Take(next.remove(index)), next)
        };
        match act {
            Act::Put(value) => {
                let mut next = state.clone();
                next.push(value);
                if matches!(self, Discipline::Any | Discipline::Least) {
                    next.sort_unstable();
                }
                vec![(act, next)]
            }
            Act::Peek(WHATEVER) if state.is_empty() => vec![(Act::Empty, Vec::new())],
            Act::Peek(value) => {
                let seen = takeable.iter().map(|&index| state[index]);
                let seen = seen.filter(|&seen| seen == value || value == WHATEVER);
                seen.map(|seen| (Act::Peek(seen), state.clone())).collect()
            }
            Act::Take(value) => takeable.iter().filter(|&&index| state[index] == value).map(take).collect(),
            Act::Empty => Vec::from_iter(state.is_empty().then(|| (act, state.clone()))),
            // Finding it empty changes nothing, so a call that did is as good as one that never happened.
            Act::Unknown => takeable.iter().map(take).collect(),
        }
    }
}

/// A peek in a simulation, before it is known what it sees.
const WHATEVER: u32 = u32::MAX;

type Specialist = fn(&[Call<Act>]) -> Answer<Act>;

/// What the histories of a test may contain besides puts, takes and observations of "empty" of known outcome.
#[derive(Clone, Copy)]
struct Scope {
    /// Puts and takes of unknown outcome.
    unknown: bool,
    /// Peeks; every history then has one.
    peeks: bool,
}

/// Every history of `count` calls in which each value is put once: all overlaps, all acts, all mixtures of known and
/// unknown outcome.
fn every_history(count: usize, scope: Scope, ranked: bool, closed: bool, each: &mut impl FnMut(&[Call<Act>])) {
    let mut acts: Vec<Vec<(Act, bool)>> = Vec::new();
    choose(&mut Vec::new(), count, scope, &mut acts);
    acts.retain(|acts| !scope.peeks || acts.iter().any(|&(act, _)| matches!(act, Act::Peek(_))));
    if closed {
        let puts = |acts: &[(Act, bool)], value: u32| acts.iter().any(|&(act, _)| act == Act::Put(value));
        acts.retain(|acts| acts.iter().filter_map(|&(act, _)| value_of(act)).all(|value| puts(acts, value)));
    }
    if ranked {
        acts = acts.iter().flat_map(|acts| renamed(acts)).collect();
    }
    every_history_of(&acts, count, each);
}

/// Values are named in order of first mention, so that no two lists differ by names alone.
fn choose(prefix: &mut Vec<(Act, bool)>, count: usize, scope: Scope, all: &mut Vec<Vec<(Act, bool)>>) {
    if prefix.len() == count {
        all.push(prefix.clone());
        return;
    }
    let mentioned = prefix.iter().filter_map(|(act, _)| value_of(*act).map(|value| value + 1));
    let fresh = mentioned.max().unwrap_or(0);
    let has = |act: Act| prefix.iter().any(|&(other, _)| other == act);
    let mut next = vec![(Act::Empty, true)];
    for value in 0..=fresh {
        if !has(Act::Put(value)) {
            next.push((Act::Put(value), true));
            if scope.unknown {
                next.push((Act::Put(value), false));
            }
        }
        if !has(Act::Take(value)) {
            next.push((Act::Take(value), true));
        }
        if scope.peeks {
            next.push((Act::Peek(value), true));
        }
    }
    if scope.unknown {
        next.push((Act::Unknown, false));
    }
    for act in next {
        prefix.push(act);
        choose(prefix, count, scope, all);
        prefix.pop();
    }
}

/// The same acts with values exchanged in every way, for objects to which values are more than names.
fn renamed(acts: &[(Act, bool)]) -> Vec<Vec<(Act, bool)>> {
    let values = acts.iter().filter_map(|(act, _)| value_of(*act)).max().map_or(0, |value| value + 1);
    let mut names: Vec<Vec<u32>> = vec![Vec::new()];
    for value in 0..values {
        names = names
            .iter()
            .flat_map(|names| (0..=names.len()).map(|at| [&names[..at], &[value], &names[at..]].concat()))
            .collect();
    }
    let rename = |names: &Vec<u32>, act: Act| match act {
        Act::Put(value) => Act::Put(names[value as usize]),
        Act::Take(value) => Act::Take(names[value as usize]),
        Act::Peek(value) => Act::Peek(names[value as usize]),
        other => other,
    };
    names.iter().map(|names| acts.iter().map(|&(act, known)| (rename(names, act), known)).collect()).collect()
}

fn value_of(act: Act) -> Option<u32> {
    match act {
        Act::Put(value) | Act::Take(value) | Act::Peek(value) => Some(value),
        Act::Empty | Act::Unknown => None,
    }
}

/// Every history of up to `count` calls. Those of the largest size take only what is put; the smaller ones anything.
fn exhaust(discipline: Discipline, specialist: Specialist, count: usize, scope: Scope) -> Tally {
    let mut tally = Tally::default();
    for size in 1..=count {
        let ranked = discipline == Discipline::Least;
        every_history(size, scope, ranked, size == count, &mut |calls| {
            compare(&discipline, calls, &specialist(calls), Weaker::Alone, &mut tally);
        });
    }
    tally
}

/// Random histories that ran, whole and then with two completions exchanged or an observation changed.
/// One call in `peeks` is a peek, if not 0.
fn randomize(discipline: Discipline, specialist: Specialist, rounds: u32, unknown: u32, peeks: u32) -> Tally {
    let mut tally = Tally::default();
    let mut dice = Dice(u64::from(unknown) + 1);
    for _ in 0..rounds {
        let clients = 2 + dice.roll(4) as usize;
        let count = 6 + dice.roll(8) as usize;
        let mut names: Vec<u32> = (0..count as u32).collect();
        for last in (1..names.len()).rev() {
            names.swap(last, dice.roll(last as u32 + 1) as usize);
        }
        let puts = 2 + dice.roll(3);
        let next = |dice: &mut Dice, state: &Vec<u32>| {
            if peeks > 0 && dice.one_in(peeks) {
                Act::Peek(WHATEVER)
            } else if dice.roll(5) < puts {
                Act::Put(names.pop().expect("one per call"))
            } else if state.is_empty() {
                Act::Empty
            } else {
                Act::Unknown
            }
        };
        let forget = |act| if matches!(act, Act::Take(_) | Act::Empty) { Act::Unknown } else { act };
        let mut calls = simulate(&discipline, &mut dice, clients, count, unknown, next, forget);
        calls.retain(|call| call.completed != NEVER || matches!(call.act, Act::Put(_) | Act::Unknown));
        compare(&discipline, &calls, &specialist(&calls), Weaker::Alone, &mut tally);
        damage(&mut calls, &mut dice);
        compare(&discipline, &calls, &specialist(&calls), Weaker::Alone, &mut tally);
    }
    tally
}

/// Exchanges what two takes or peeks returned, or makes one of them find nothing.
fn damage(calls: &mut [Call<Act>], dice: &mut Dice) {
    let found = |act: Act| matches!(act, Act::Take(_) | Act::Peek(_) | Act::Empty);
    let found: Vec<usize> = (0..calls.len()).filter(|&i| found(calls[i].act)).collect();
    if found.len() > 1 {
        let one = found[dice.roll(found.len() as u32) as usize];
        let two = found[dice.roll(found.len() as u32) as usize];
        if dice.one_in(4) {
            calls[one].act = Act::Empty;
            return;
        }
        (calls[one].act, calls[two].act) = match (calls[one].act, calls[two].act) {
            (Act::Take(taken), Act::Peek(seen)) => (Act::Take(seen), Act::Peek(taken)),
            (Act::Peek(seen), Act::Take(taken)) => (Act::Peek(taken), Act::Take(seen)),
            (one, two) => (two, one),
        };
    }
}

fn trust(discipline: Discipline, specialist: Specialist) {
    let scope = |unknown, peeks| Scope { unknown, peeks };
    for (name, tally) in [
        ("exhaustive, known", exhaust(discipline, specialist, 5, scope(false, false))),
        ("exhaustive, unknown", exhaust(discipline, specialist, 4, scope(true, false))),
        ("exhaustive, peeks", exhaust(discipline, specialist, 4, scope(false, true))),
        ("exhaustive, unknown and peeks", exhaust(discipline, specialist, 4, scope(true, true))),
        ("random, known", randomize(discipline, specialist, 1000, 0, 0)),
        ("random, few unknown", randomize(discipline, specialist, 1000, 10, 0)),
        ("random, many unknown", randomize(discipline, specialist, 1000, 3, 0)),
        ("random, few peeks", randomize(discipline, specialist, 1000, 0, 5)),
        ("random, many peeks", randomize(discipline, specialist, 1000, 0, 2)),
        ("random, few unknown, peeks", randomize(discipline, specialist, 1000, 10, 3)),
        ("random, many unknown, peeks", randomize(discipline, specialist, 1000, 3, 3)),
    ] {
        println!("{name}: {tally:?}");
        assert!(tally.yes > 100 && tally.no > 100 && tally.undecided == 0, "{name}: {tally:?}");
    }
}

#[test]
fn fifo_agrees_with_the_reference() {
    trust(Discipline::Fifo, fifo);
}

#[test]
fn bag_agrees_with_the_reference() {
    trust(Discipline::Any, bag);
}

#[test]
fn stack_agrees_with_the_reference() {
    trust(Discipline::Lifo, stack);
}

#[test]
fn priority_queue_agrees_with_the_reference() {
    trust(Discipline::Least, priority_queue);
}

/// Calls by their positions; `None` for an unknown outcome.
fn calls(acts: &[(Act, u32, Option<u32>)]) -> Vec<Call<Act>> {
    let call = |(op, &(act, invoked, completed)): (usize, &(Act, u32, Option<u32>))| Call {
        op: op as u32,
        act,
        invoked,
        completed: completed.unwrap_or(NEVER),
    };
    acts.iter().enumerate().map(call).collect()
}

/// The value that is blamed first needs the later of two takes: the earlier one is for another value.
#[test]
fn every_take_of_unknown_outcome_is_tried() {
    let (v, b, w, a) = (1, 2, 3, 4);
    let calls = calls(&[
        (Act::Put(w), 0, Some(1)),
        (Act::Unknown, 2, None),
        (Act::Put(a), 3, Some(4)),
        (Act::Take(a), 5, Some(6)),
        (Act::Unknown, 7, None),
        (Act::Put(v), 8, Some(9)),
        (Act::Put(b), 10, Some(11)),
        (Act::Take(b), 12, Some(13)),
    ]);
    let mut tally = Tally::default();
    compare(&Discipline::Least, &calls, &priority_queue(&calls), Weaker::Alone, &mut tally);
    assert_eq!(tally.yes, 1);
}

/// Two values are blamed, and only the second can have been taken.
#[test]
fn every_blamed_value_is_tried() {
    let (x, a, b) = (0, 1, 2);
    let calls = calls(&[
        (Act::Put(x), 0, Some(1)),
        (Act::Put(a), 2, Some(8)),
        (Act::Put(b), 3, Some(4)),
        (Act::Unknown, 5, None),
        (Act::Take(x), 6, Some(7)),
    ]);
    let mut tally = Tally::default();
    compare(&Discipline::Lifo, &calls, &stack(&calls), Weaker::Alone, &mut tally);
    assert_eq!(tally.yes, 1);
}

/// The second value was seen early only because of the first one, and is inside when the third is seen: all three are
/// needed to contradict.
#[test]
fn a_value_seen_early_because_of_another_is_blamed_with_it() {
    let calls = calls(&[
        (Act::Put(2), 0, Some(1)),
        (Act::Put(1), 2, Some(12)),
        (Act::Peek(1), 3, Some(8)),
        (Act::Put(0), 4, Some(5)),
        (Act::Peek(2), 6, Some(11)),
        (Act::Take(0), 9, Some(10)),
    ]);
    let mut tally = Tally::default();
    compare(&Discipline::Least, &calls, &priority_queue(&calls), Weaker::Alone, &mut tally);
    assert_eq!(tally.no, 1);
}

/// What is possible without a take is possible when a value may be taken from some time on: it need not be. The search
/// relies on it, and hardly any history shows it.
#[test]
fn a_take_more_never_harms() {
    for (discipline, complete) in
        [(Discipline::Lifo, stack::complete as Complete), (Discipline::Least, priority::complete as Complete)]
    {
        let mut dice = Dice(3);
        let mut tested = 0;
        for _ in 0..4000 {
            let (clients, count) = (2 + dice.roll(4) as usize, 4 + dice.roll(8) as usize);
            let mut names: Vec<u32> = (0..count as u32).collect();
            for last in (1..names.len()).rev() {
                names.swap(last, dice.roll(last as u32 + 1) as usize);
            }
            let next = |dice: &mut Dice, state: &Vec<u32>| match state.is_empty() {
                _ if dice.roll(3) > 0 => Act::Put(names.pop().expect("one per call")),
                true => Act::Empty,
                false => Act::Unknown,
            };
            let mut calls = simulate(&discipline, &mut dice, clients, count, 0, next, |act| act);
            let positions = 2 * calls.len() as u32;
            // Takes of unknown outcome anywhere: every position moves up to make room for one at an even place.
            for call in &mut calls {
                call.invoked = 2 * call.invoked + 1;
                call.completed = 2 * call.completed + 1;
            }
            for _ in 0..3 {
                let invoked = 2 * dice.roll(positions);
                calls.push(Call { op: 0, act: Act::Unknown, invoked, completed: NEVER });
            }
            let mut container = sort_by_value(&calls).expect("it truly ran");
            container.items.sort_unstable_by_key(|item| item.value);
            if matches!(complete(&calls, &container), Answer::Impossible(_)) {
                continue;
            }
            tested += 1;
            let mut left = container.unknown_takes.clone();
            for item in container.items.iter_mut().filter(|item| item.take == NONE) {
                if dice.one_in(2)
                    && let Some(take) = left.pop()
                {
                    item.take = take;
                    item.take_invoked = calls[take as usize].invoked;
                }
            }
            match complete(&calls, &container) {
                Answer::Linearizable(order) => {
                    replay(&discipline, &calls, &order)
                        .unwrap_or_else(|error| panic!("{error}: {calls:#?}\n{order:?}"));
                }
                answer => panic!("{answer:?}: {calls:#?}\n{container:#?}"),
            }
        }
        assert!(tested > 1000, "{tested}");
    }
}

/// One size larger than the others, minutes instead of seconds: run it after changing a specialist.
#[test]
#[ignore = "takes minutes"]
fn every_container_agrees_with_the_reference_on_larger_histories() {
    let specialists: [(Discipline, Specialist); 4] = [
        (Discipline::Fifo, fifo),
        (Discipline::Any, bag),
        (Discipline::Lifo, stack),
        (Discipline::Least, priority_queue),
    ];
    for (discipline, specialist) in specialists {
        println!("known: {:?}", exhaust(discipline, specialist, 6, Scope { unknown: false, peeks: false }));
        println!("unknown: {:?}", exhaust(discipline, specialist, 5, Scope { unknown: true, peeks: false }));
        println!("peeks: {:?}", exhaust(discipline, specialist, 5, Scope { unknown: true, peeks: true }));
        println!("random: {:?}", randomize(discipline, specialist, 100_000, 4, 0));
        for peeks in [2, 4] {
            println!("random, peeks: {:?}", randomize(discipline, specialist, 100_000, 0, peeks));
            println!("random, unknown, peeks: {:?}", randomize(discipline, specialist, 100_000, 4, peeks));
        }
    }
}
