//! Small histories for testing checkers: all of them up to a size, and random ones from a seed.
//!
//! Together with [`crate::brute`] this is how every checker here is tested; use it for your own model too. Most bugs
//! of a checker show in a history of three or four operations.

use std::sync::Arc;

use rashomon_history::{Event, EventKind, History, Outcome, Value};

/// One thing that a client may do, and how that ended.
#[derive(Clone, Debug)]
pub struct Call {
    /// The operation.
    pub f: &'static str,
    /// What is asked.
    pub input: Value,
    /// How it ended and what came back; `None` when there is no completion.
    pub end: Option<(EventKind, Value)>,
}

impl Call {
    /// It returned `output`.
    pub fn ok(f: &'static str, input: Value, output: Value) -> Call {
        Call { f, input, end: Some((EventKind::Ok, output)) }
    }

    /// It certainly did not happen.
    pub fn fail(f: &'static str, input: Value) -> Call {
        Call { f, end: Some((EventKind::Fail, input.clone())), input }
    }

    /// Nobody knows, and its client says so.
    pub fn info(f: &'static str, input: Value) -> Call {
        Call { f, end: Some((EventKind::Info, input.clone())), input }
    }

    /// It has no completion.
    pub fn pending(f: &'static str, input: Value) -> Call {
        Call { f, input, end: None }
    }
}

/// Every history of exactly `size` operations, each of them any of `calls`, in every order of invocations and
/// completions. Each operation has a process of its own.
pub fn each_history(calls: &[Call], size: usize, mut visit: impl FnMut(&History)) {
    let mut orders = Vec::new();
    interleave(size, &mut Vec::new(), &mut orders);
    let mut picked = vec![0; size];
    loop {
        let chosen: Vec<&Call> = picked.iter().map(|&index| &calls[index]).collect();
        for order in &orders {
            if let Some(history) = arrange(&chosen, order) {
                visit(&history);
            }
        }
        let Some(place) = (0..size).rev().find(|&place| picked[place] + 1 < calls.len()) else { return };
        picked[place] += 1;
        picked[place + 1..].fill(0);
    }
}

/// All orders of invocations and completions in which operation `i` is the `i`-th to be invoked.
fn interleave(size: usize, events: &mut Vec<(usize, bool)>, orders: &mut Vec<Vec<(usize, bool)>>) {
    if events.len() == 2 * size {
        orders.push(events.clone());
        return;
    }
    let invoked = events.iter().filter(|event| !event.1).count();
    let open: Vec<usize> = (0..invoked).filter(|&op| !events.contains(&(op, true))).collect();
    let next = (invoked < size).then_some((invoked, false));
    for event in next.into_iter().chain(open.into_iter().map(|op| (op, true))) {
        events.push(event);
        interleave(size, events, orders);
        events.pop();
    }
}

/// The history, or `None` when another order of events gives the same one: an operation without a completion is taken
/// to end right after its invocation.
fn arrange(calls: &[&Call], order: &[(usize, bool)]) -> Option<History> {
    let mut events = Vec::with_capacity(order.len());
    for (position, &(op, completion)) in order.iter().enumerate() {
        let call = calls[op];
        if !completion {
            events.push(event(position, op, EventKind::Invoke, call.f, &call.input));
        } else if let Some((kind, value)) = &call.end {
            events.push(event(position, op, *kind, call.f, value));
        } else if order[position - 1] != (op, false) {
            return None;
        }
    }
    Some(History::from_events(events).expect("an arranged history is one"))
}

fn event(position: usize, process: usize, kind: EventKind, f: &str, value: &Value) -> Event {
    Event {
        time: position as u64 * 1_000_000,
        process: process as u32,
        kind,
        f: Arc::from(f),
        key: Value::Nil,
        value: value.clone(),
        node: None,
        error: None,
    }
}

/// A seeded source of choices (SplitMix64; Steele, Lea and Flood 2014): the same seed gives the same choices for ever.
#[derive(Clone, Debug)]
pub struct Choices(u64);

impl Choices {
    /// From a seed.
    pub fn new(seed: u64) -> Choices {
        Choices(seed)
    }

    /// A number below `bound`. Panics when `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound as u64) as usize
    }

    /// A number in `[0, 1)`.
    pub fn fraction(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// A random history of `size` operations from `calls`, run by `clients` clients.
pub fn random_history(calls: &[Call], size: usize, clients: usize, choices: &mut Choices) -> History {
    let picked: Vec<Call> = (0..size).map(|_| calls[choices.below(calls.len())].clone()).collect();
    overlap(&picked, clients, choices)
}

/// These calls, invoked in this order by `clients` clients, overlapping at random. A client whose operation has no
/// known outcome goes on under a new process id.
pub fn overlap(calls: &[Call], clients: usize, choices: &mut Choices) -> History {
    let mut events = Vec::new();
    let mut open: Vec<Option<&Call>> = vec![None; clients];
    let mut process: Vec<usize> = (0..clients).collect();
    let mut waiting = calls.iter();
    while waiting.len() > 0 || open.iter().any(Option::is_some) {
        let client = choices.below(clients);
        match open[client].take() {
            None => {
                if let Some(call) = waiting.next() {
                    events.push(event(events.len(), process[client], EventKind::Invoke, call.f, &call.input));
                    open[client] = Some(call);
                }
            }
            Some(call) => {
                if let Some((kind, value)) = &call.end {
                    events.push(event(events.len(), process[client], *kind, call.f, value));
                }
                if !matches!(call.end, Some((EventKind::Ok | EventKind::Fail, _))) {
                    process[client] += clients;
                }
            }
        }
    }
    History::from_events(events).expect("a client has one operation open at a time")
}

/// Histories as one, their events interleaved at random: each becomes the history of a key of its own, numbered from 0,
/// with processes of its own.
pub fn beside(histories: &[History], choices: &mut Choices) -> History {
    let mut rest: Vec<std::vec::IntoIter<Event>> = Vec::new();
    for (key, history) in histories.iter().enumerate() {
        let mut events: Vec<(u32, Event)> = Vec::new();
        for op in history.ops() {
            let process = op.process as usize * histories.len() + key;
            let event = |kind, value| Event { key: Value::Int(key as i64), ..event(0, process, kind, op.f, value) };
            events.push((op.invoked, event(EventKind::Invoke, &op.input)));
            if let Some(completed) = op.completed {
                let kind = match op.outcome {
                    Outcome::Ok => EventKind::Ok,
                    Outcome::Fail => EventKind::Fail,
                    Outcome::Info => EventKind::Info,
                };
                events.push((completed, event(kind, &op.output)));
            }
        }
        events.sort_by_key(|&(position, _)| position);
        rest.push(events.into_iter().map(|(_, event)| event).collect::<Vec<_>>().into_iter());
    }
    let mut all = Vec::new();
    while !rest.is_empty() {
        let from = choices.below(rest.len());
        match rest[from].next() {
            Some(event) => all.push(Event { time: all.len() as u64 * 1_000_000, ..event }),
            None => drop(rest.swap_remove(from)),
        }
    }
    History::from_events(all).expect("each process works on one key")
}
