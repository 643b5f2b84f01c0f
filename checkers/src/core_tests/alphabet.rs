//! What clients may do with each model's object.

use rashomon_history::Value;

use crate::objects::Discipline;
use crate::small::Call;

fn int(number: i64) -> Value {
    Value::Int(number)
}

fn list(items: &[i64]) -> Value {
    Value::list(items.iter().copied().map(int))
}

/// Every way in which an operation that returns nothing can end.
fn ends(f: &'static str, input: Value) -> [Call; 3] {
    [Call::ok(f, input.clone(), input.clone()), Call::ok(f, input.clone(), input.clone()), Call::info(f, input)]
}

pub(super) fn register() -> Vec<Call> {
    let mut calls = vec![Call::ok("read", Value::Nil, Value::Nil)];
    for value in 1..=4 {
        calls.extend(ends("write", int(value)));
        calls.push(Call::ok("read", Value::Nil, int(value)));
        calls.push(Call::ok("read", Value::Nil, int(value % 3)));
    }
    calls
}

pub(super) fn cas_register() -> Vec<Call> {
    let mut calls = register();
    for (from, to) in [(1, 2), (2, 3), (3, 1), (1, 4), (2, 2)] {
        let pair = Value::pair(int(from), int(to));
        calls.extend([Call::ok("cas", pair.clone(), pair.clone()), Call::info("cas", pair.clone())]);
        calls.push(Call::fail("cas", pair));
    }
    calls
}

pub(super) fn append_list() -> Vec<Call> {
    let mut calls: Vec<Call> = [&[][..], &[1], &[2], &[1, 2], &[2, 1], &[1, 2, 3]]
        .map(|items| Call::ok("read", Value::Nil, list(items)))
        .to_vec();
    (1..=4).for_each(|item| calls.extend(ends("append", int(item))));
    calls
}

pub(super) fn strings(pieces: &[&'static str]) -> Vec<Call> {
    let mut calls = vec![Call::ok("get", Value::Nil, Value::text(""))];
    for piece in pieces {
        calls.extend(ends("append", Value::text(piece)));
        calls.extend(ends("put", Value::text(piece)));
    }
    calls.extend(["a", "ab", "b", "ba", "abc", "cab"].map(|text| Call::ok("get", Value::Nil, Value::text(text))));
    calls
}

pub(super) fn transactions() -> Vec<Call> {
    let step = |f: &str, key, value| Value::list([Value::text(f), int(key), value]);
    let mut calls = Vec::new();
    let mut push = |steps: Vec<Value>| {
        let steps = Value::list(steps);
        calls.extend([Call::ok("txn", steps.clone(), steps.clone()), Call::info("txn", steps)]);
    };
    for key in 0..2 {
        for value in [Value::Nil, int(1), int(2)] {
            push(vec![step("read", key, value.clone())]);
            push(vec![step("read", key, value.clone()), step("write", 1 - key, int(1 + key))]);
            push(vec![step("write", key, value)]);
        }
        push(vec![step("append", key + 2, int(1))]);
        push(vec![step("append", key + 2, int(2)), step("read", 3 - key, list(&[1]))]);
    }
    calls
}

pub(super) fn container(discipline: Discipline) -> Vec<Call> {
    let (put, take) = match discipline {
        Discipline::Lifo => ("push", "pop"),
        Discipline::Least => ("insert", "extract"),
        Discipline::Fifo | Discipline::Any => ("enqueue", "dequeue"),
    };
    let mut calls = vec![Call::ok(take, Value::Nil, Value::Nil), Call::info(take, Value::Nil)];
    for value in 1..=4 {
        calls.extend(ends(put, int(value)));
        calls.push(Call::ok(take, Value::Nil, int(value)));
    }
    calls.extend([1, 2].map(|value| Call::ok("peek", Value::Nil, int(value))));
    calls
}

pub(super) fn set() -> Vec<Call> {
    let mut calls = set_of_single_elements();
    calls.extend([&[][..], &[1], &[2], &[1, 2], &[3]].map(|items| Call::ok("read", Value::Nil, list(items))));
    calls.extend([1, 2, 3].map(|element| Call::ok("add", int(element), int(element))));
    calls
}

pub(super) fn set_of_single_elements() -> Vec<Call> {
    let mut calls = Vec::new();
    for element in [1, 2] {
        calls.extend(ends("add", int(element)));
        calls.extend(ends("remove", int(element)));
        calls.extend([true, false].map(|inside| Call::ok("contains", int(element), Value::Bool(inside))));
    }
    calls
}

pub(super) fn counter() -> Vec<Call> {
    let mut calls = fetch_and_add();
    calls.extend(ends("add", int(1)));
    calls.extend(ends("add", int(2)));
    calls
}

pub(super) fn fetch_and_add() -> Vec<Call> {
    let mut calls = vec![Call::info("fetch-add", int(1)), Call::info("add-fetch", int(2))];
    for value in 0..4 {
        calls.push(Call::ok("read", Value::Nil, int(value)));
        calls.push(Call::ok("fetch-add", int(1), int(value)));
        calls.push(Call::ok("add-fetch", int(1), int(value)));
    }
    calls.push(Call::ok("fetch-add", int(2), int(1)));
    calls
}

/// All increments by one.
pub(super) fn ones() -> Vec<Call> {
    let mut calls = ends("add", int(1)).to_vec();
    for value in 0..4 {
        calls.push(Call::ok("read", Value::Nil, int(value)));
        calls.push(Call::ok("fetch-add", int(1), int(value)));
    }
    calls
}

pub(super) fn lock() -> Vec<Call> {
    [ends("acquire", Value::Nil), ends("release", Value::Nil)].concat()
}

pub(super) fn weighted() -> Vec<Call> {
    (1..=3).flat_map(|permits| [ends("acquire", int(permits)), ends("release", int(permits))].concat()).collect()
}

pub(super) fn readers_writer() -> Vec<Call> {
    let names = ["acquire-read", "release-read", "acquire-write", "release-write"];
    names.into_iter().flat_map(|f| ends(f, Value::Nil)).collect()
}

pub(super) fn fenced() -> Vec<Call> {
    let mut calls = lock();
    calls.extend((1..=3).map(|token| Call::ok("acquire", Value::Nil, int(token))));
    calls
}
