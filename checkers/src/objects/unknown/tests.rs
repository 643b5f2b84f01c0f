//! The search against all ways to give takes to values, on objects made so that choices are needed.
//!
//! Real histories hardly ever leave a choice, so these rules do not come from one: values are in groups, and a group is
//! content when one of its values is taken early enough for that value, or all are taken early enough for the group.

use super::super::call::{Answer, Call, NEVER, Placed, Rule};
use super::super::container::{Act, Container, Item, NONE, Seen};
use super::super::reference::Dice;
use super::with_unknown_takes;

/// Values of one group have the same hundred.
fn group(item: &Item) -> u32 {
    item.value / 100
}

/// A put's invocation is when one value must have gone, its completion when all must.
fn content(items: &[&Item]) -> bool {
    let by = |gap: fn(&Item) -> u32| move |item: &&Item| item.take != NONE && item.take_invoked < gap(item);
    items.iter().copied().any(|item| by(|item| item.put_invoked)(&item))
        || items.iter().copied().all(|item| by(|item| item.put_completed)(&item))
}

fn complete(_: &[Call<Act>], container: &Container) -> Answer<Act> {
    let mut groups: Vec<u32> = container.items.iter().map(group).collect();
    groups.dedup();
    for number in groups {
        let items: Vec<&Item> = container.items.iter().filter(|item| group(item) == number).collect();
        if !content(&items) {
            let rule = Rule { name: "a group", because: "Nobody left" };
            return super::impossible(rule, items.iter().map(|item| item.put).collect());
        }
    }
    let taken = container.items.iter().filter(|item| item.take != NONE);
    Answer::Linearizable(taken.map(|item| Placed { call: item.take, act: Act::Take(item.value) }).collect())
}

/// Whether takes can be given to the values of some groups, by trying every way.
fn possible(calls: &[Call<Act>], container: &mut Container, index: usize) -> bool {
    if index == container.items.len() {
        return matches!(complete(calls, container), Answer::Linearizable(_));
    }
    for take in container.unknown_takes.clone() {
        if container.items[..index].iter().all(|item| item.take != take) {
            container.items[index].give(take, calls[take as usize].invoked);
            let found = possible(calls, container, index + 1);
            container.items[index].take_back();
            if found {
                return true;
            }
        }
    }
    possible(calls, container, index + 1)
}

fn random(dice: &mut Dice) -> (Vec<Call<Act>>, Container) {
    let sizes: Vec<u32> = (0..2 + dice.roll(3)).map(|_| 1 + dice.roll(3)).collect();
    let mut groups: Vec<u32> = (0..).zip(sizes).flat_map(|(group, size)| vec![group; size as usize]).collect();
    groups.truncate(6);
    let takes = 2 + dice.roll(3);
    let mut places: Vec<u32> = (0..2 * groups.len() as u32 + takes).collect();
    for last in (1..places.len()).rev() {
        places.swap(last, dice.roll(last as u32 + 1) as usize);
    }
    let mut calls = Vec::new();
    let positions = places.len() as u32;
    let mut container =
        Container { items: Vec::new(), empties: Vec::new(), unknown_takes: Vec::new(), peeks: Vec::new(), positions };
    for (nth, group) in groups.iter().enumerate() {
        let (one, other) = (places.pop().expect("enough"), places.pop().expect("enough"));
        let (put_invoked, put_completed) = (one.min(other), one.max(other));
        let (value, put) = (100 * group + nth as u32, calls.len() as u32);
        let act = Act::Put(value);
        calls.push(Call { op: put, act, invoked: put_invoked, completed: put_completed });
        let (take_invoked, take_completed) = (NEVER, NEVER);
        let seen = Seen::NEVER;
        let item = Item { value, put, take: NONE, put_invoked, put_completed, take_invoked, take_completed, seen };
        container.items.push(item);
    }
    places.sort_unstable();
    for invoked in places {
        container.unknown_takes.push(calls.len() as u32);
        calls.push(Call { op: calls.len() as u32, act: Act::Unknown, invoked, completed: NEVER });
    }
    (calls, container)
}

#[test]
fn every_way_to_give_takes_is_considered() {
    let mut dice = Dice(5);
    let (mut yes, mut no) = (0, 0);
    for _ in 0..4000 {
        let (calls, mut container) = random(&mut dice);
        let expected = possible(&calls, &mut container, 0);
        match with_unknown_takes(&calls, container.clone(), complete, |_, _| Vec::new()) {
            Answer::Linearizable(order) => {
                yes += 1;
                assert!(expected, "{container:#?}");
                for (nth, placed) in order.iter().enumerate() {
                    assert!(order[..nth].iter().all(|other| other.call != placed.call), "taken twice: {order:?}");
                }
            }
            Answer::Impossible(contradiction) => {
                no += 1;
                assert!(!expected, "{container:#?}");
                container.items.retain(|item| contradiction.calls.contains(&item.put));
                // Without them the history would say more.
                assert!(container.unknown_takes.iter().all(|take| contradiction.calls.contains(take)));
                assert!(!possible(&calls, &mut container, 0), "no contradiction: {container:#?}");
            }
            Answer::Undecided(why) => panic!("{why}: {container:#?}"),
        }
    }
    assert!(yes > 500 && no > 500, "{yes} yes, {no} no");
}
