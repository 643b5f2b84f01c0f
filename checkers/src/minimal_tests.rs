//! Minimal cores against brute force: they contradict each other, each fact of them is needed, and so is each pair of
//! events whose order is left.

use std::sync::Arc;

use rashomon_history::{History, OpId, Value};

use crate::brute::is_linearizable;
use crate::explain::Case;
use crate::minimal::core_until;
use crate::model::Model;
use crate::models::{AppendList, CasRegister, FailedCas, StringMap};
use crate::objects::{Container, Discipline};
use crate::small::{Call, Choices, random_history};
use crate::specialist::Ops;
use crate::subhistory::{Item, NEVER, compile};

struct Check<'a, M: Model>(Case<'a, M>);

impl<M: Model> Check<'_, M> {
    /// Whether some order explains these operations: tries them all.
    fn explained(&self, items: &[Item]) -> bool {
        self.extends(items, &mut Vec::new(), &self.0.model.initial())
    }

    fn extends(&self, items: &[Item], placed: &mut Vec<OpId>, state: &M::State) -> bool {
        let left = || items.iter().filter(|item| !placed.contains(&item.op));
        let Some(until) = left().map(|item| item.completed).min().filter(|&until| until != NEVER) else { return true };
        let next: Vec<Item> = left().filter(|item| item.invoked < until).copied().collect();
        next.iter().any(|item| {
            placed.push(item.op);
            let after = self.0.model.step(state, &self.0.subhistory.classes[item.class as usize]);
            let found = after.into_iter().any(|after| self.extends(items, placed, &after));
            placed.pop();
            found
        })
    }

    /// Every fact on its own weakened.
    fn every_fact_is_needed(&self, items: &[Item], facts: &[Item]) {
        let operations = self.0.operations();
        for fact in facts {
            let index = operations.items.binary_search_by_key(&fact.op, |item| item.op).expect("it is one of them");
            let weaker = items.iter().filter_map(|item| match operations.weaker[index] {
                _ if item.op != fact.op => Some(*item),
                weaker => weaker.map(|weaker| Item { invoked: item.invoked, ..weaker }),
            });
            let weaker: Vec<Item> = weaker.collect();
            assert!(self.explained(&weaker), "{:?} is not needed: {items:?}\n{:?}", fact.op, self.0.history);
        }
    }

    /// Every completion that comes just before an invocation, moved behind it.
    fn every_order_is_needed(&self, items: &[Item]) -> u32 {
        let mut needed = 0;
        for first in items.iter().filter(|item| item.is_certain()) {
            for second in items.iter().filter(|second| second.invoked > first.completed) {
                let between = |position: u32| (first.completed + 1..second.invoked).contains(&position);
                // Of what is in between, completions go before the pair and invocations after it.
                let begun = |item: &&Item| between(item.invoked);
                let ended = |item: &&Item| between(item.completed);
                let last_end = items.iter().filter(ended).map(|item| item.completed).max().unwrap_or(0);
                if items.iter().filter(begun).any(|item| item.invoked < last_end) {
                    continue;
                }
                let spread = |position: u32| if position == NEVER { NEVER } else { 4 * position + 4 };
                let mut moved: Vec<Item> = items
                    .iter()
                    .map(|item| Item { invoked: spread(item.invoked), completed: spread(item.completed), ..*item })
                    .collect();
                let middle = spread(last_end.max(first.completed));
                for item in &mut moved {
                    if item.op == first.op {
                        item.completed = middle + 2;
                    }
                    if item.op == second.op {
                        item.invoked = middle + 1;
                    }
                }
                assert!(
                    self.explained(&moved),
                    "that {:?} ended before {:?} began is not needed: {items:?}\n{:?}",
                    first.op,
                    second.op,
                    self.0.history
                );
                needed += 1;
            }
        }
        needed
    }
}

/// Checks the core of a history that is not linearizable; returns how many pairs of events were left in order.
fn examine<M: Model>(model: &M, history: &History) -> Option<(usize, u32)> {
    let ops = Ops::All(history.len() as u32);
    if is_linearizable(model, history, ops) {
        return None;
    }
    let subhistory = compile(model, history, ops).expect("the test's operations are of this model");
    let check = Check(Case::new(model, history, subhistory));
    let mut shrinking = check.0.shrinking(1_000);
    let core = core_until(check.0.operations(), NEVER - 1, true, |items| shrinking.decide(items));
    let core = core.expect("so small a history can be decided");
    assert!(core.is_minimal, "{core:?}");
    assert!(core.facts.is_sorted_by_key(|item| item.op) && core.facts.iter().all(Item::is_certain));
    assert!(!check.explained(&core.widened), "the core does not contradict itself: {core:?}\n{history:?}");
    let of = |ops: &[Item], op: OpId| ops.iter().any(|item| item.op == op);
    let near: Vec<Item> = core.widened.iter().copied().filter(|item| !of(&core.apart, item.op)).collect();
    check.every_fact_is_needed(&core.widened, &core.facts);
    let needed = check.every_order_is_needed(&near);
    for &(first, second) in &core.order {
        let find = |op: OpId| near.iter().find(|item| item.op == op).expect("it is one of the core's");
        assert!(find(first).completed < find(second).invoked, "{core:?}");
    }
    Some((core.facts.len(), needed))
}

fn examine_random<M: Model>(model: &M, calls: &[Call], rounds: usize, seed: u64) {
    let mut choices = Choices::new(seed);
    let mut bad = 0;
    let mut ordered = 0;
    let mut largest = 0;
    for round in 0..rounds {
        let history = random_history(calls, 3 + round % 5, 1 + round % 4, &mut choices);
        if let Some((facts, needed)) = examine(model, &history) {
            bad += 1;
            ordered += needed;
            largest = largest.max(facts);
        }
    }
    assert!(bad * 10 > rounds && ordered > 100 && largest > 2, "{bad} {ordered} {largest}");
}

fn int(number: i64) -> Value {
    Value::Int(number)
}

#[test]
fn cores_of_registers_are_minimal() {
    let mut calls = vec![Call::ok("read", Value::Nil, Value::Nil)];
    for value in 1..=3 {
        calls.push(Call::ok("read", Value::Nil, int(value)));
        calls.push(Call::ok("write", int(value), int(value)));
        calls.push(Call::info("write", int(value)));
        let pair = Value::pair(int(value), int(value % 3 + 1));
        calls.push(Call::ok("cas", pair.clone(), pair.clone()));
        calls.push(Call::fail("cas", pair));
    }
    examine_random(&CasRegister::default(), &calls, 3_000, 1);
    examine_random(&CasRegister { failed_cas: FailedCas::Compared }, &calls, 3_000, 2);
}

#[test]
fn cores_of_lists_and_strings_are_minimal() {
    let list = |items: &[i64]| Value::list(items.iter().copied().map(int));
    let mut calls: Vec<Call> =
        [&[][..], &[1], &[2], &[1, 2], &[2, 1]].map(|items| Call::ok("read", Value::Nil, list(items))).to_vec();
    for item in [1, 2] {
        calls.extend([Call::ok("append", int(item), int(item)), Call::info("append", int(item))]);
    }
    examine_random(&AppendList, &calls, 1_500, 3);
    let text = |text: &str| Value::Text(Arc::from(text));
    let mut calls: Vec<Call> = ["", "a", "ab", "b"].map(|found| Call::ok("get", Value::Nil, text(found))).to_vec();
    for piece in ["a", "b"] {
        calls.extend([Call::ok("append", text(piece), text(piece)), Call::info("append", text(piece))]);
        calls.push(Call::ok("put", text(piece), text(piece)));
    }
    examine_random(&StringMap, &calls, 1_500, 4);
}

#[test]
fn cores_of_containers_are_minimal() {
    for (seed, discipline) in
        [Discipline::Fifo, Discipline::Any, Discipline::Lifo, Discipline::Least].into_iter().enumerate()
    {
        let (put, take) = match discipline {
            Discipline::Lifo => ("push", "pop"),
            Discipline::Least => ("insert", "extract"),
            _ => ("enqueue", "dequeue"),
        };
        let mut calls = vec![Call::ok(take, Value::Nil, Value::Nil), Call::info(take, Value::Nil)];
        for value in [1, 2] {
            calls.push(Call::ok(put, int(value), int(value)));
            calls.push(Call::info(put, int(value)));
            calls.push(Call::ok(take, Value::Nil, int(value)));
        }
        examine_random(&Container { discipline }, &calls, 1_000, 5 + seed as u64);
    }
}
