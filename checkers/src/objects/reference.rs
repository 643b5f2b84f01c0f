//! The obviously correct reference that every specialist is compared with: try every order. And the histories to
//! compare on.

use std::fmt::Debug;
use std::hash::Hash;

use rustc_hash::FxHashSet;

use super::call::{Answer, Call, NEVER, Placed};

/// An object by its sequential meaning.
pub(super) trait Object {
    type Act: Copy + Debug + Eq + Hash;
    type State: Clone + Eq + Hash;

    fn start(&self) -> Self::State;

    /// What the call can turn out to do in a state, with the state after it. Nothing when it cannot happen there.
    fn steps(&self, state: &Self::State, act: Self::Act) -> Vec<(Self::Act, Self::State)>;
}

/// Whether some order explains the calls, by trying them all.
pub(super) fn linearizable<O: Object>(object: &O, calls: &[Call<O::Act>]) -> bool {
    assert!(calls.len() <= 32);
    let must: u32 = calls.iter().enumerate().filter(|(_, call)| !call.is_unknown()).map(|(i, _)| 1 << i).sum();
    let mut seen = FxHashSet::default();
    let mut stack = vec![(0_u32, object.start())];
    while let Some((placed, state)) = stack.pop() {
        if placed & must == must {
            return true;
        }
        let left = |i: usize| placed & (1 << i) == 0;
        let first_end = calls.iter().enumerate().filter(|&(i, _)| left(i)).map(|(_, call)| call.completed).min();
        for (i, call) in calls.iter().enumerate() {
            if left(i) && call.invoked < first_end.unwrap_or(NEVER) {
                for (_, next) in object.steps(&state, call.act) {
                    let entry = (placed | 1 << i, next);
                    if seen.insert(entry.clone()) {
                        stack.push(entry);
                    }
                }
            }
        }
    }
    false
}

/// Replays a linearization: every completed call once, no unknown call twice, real time kept, every step possible.
pub(super) fn replay<O: Object>(object: &O, calls: &[Call<O::Act>], order: &[Placed<O::Act>]) -> Result<(), String> {
    let mut placed = vec![false; calls.len()];
    let mut latest_invocation = 0;
    let mut state = object.start();
    for step in order {
        let call = &calls[step.call as usize];
        if std::mem::replace(&mut placed[step.call as usize], true) {
            return Err(format!("call {} is placed twice", step.call));
        }
        latest_invocation = call.invoked.max(latest_invocation);
        if call.completed < latest_invocation {
            return Err(format!("call {} is placed after one invoked after its completion", step.call));
        }
        let found = object.steps(&state, call.act).into_iter().find(|&(act, _)| act == step.act);
        state = found.ok_or_else(|| format!("call {} cannot be {:?} there", step.call, step.act))?.1;
    }
    match calls.iter().zip(&placed).position(|(call, &placed)| !placed && !call.is_unknown()) {
        Some(missing) => Err(format!("call {missing} is missing")),
        None => Ok(()),
    }
}

/// How often a specialist said what; a test that never saw one of them proves nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) yes: u64,
    pub(super) no: u64,
    pub(super) undecided: u64,
}

/// Which weaker history a contradiction has to contradict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weaker {
    /// The calls of the contradiction alone: sound where values, or holds, can be left out one by one.
    Alone,
    /// All calls, but those that are not of the contradiction became unknown.
    OthersUnknown,
}

/// Compares a specialist with the reference on one history: verdict, linearization, and that the contradiction
/// contradicts.
pub(super) fn compare<O: Object>(
    object: &O,
    calls: &[Call<O::Act>],
    answer: &Answer<O::Act>,
    weaker: Weaker,
    tally: &mut Tally,
) {
    let expected = linearizable(object, calls);
    match answer {
        Answer::Linearizable(order) => {
            tally.yes += 1;
            assert!(expected, "the specialist says yes, the reference no: {calls:#?}\n{order:?}");
            if let Err(error) = replay(object, calls, order) {
                panic!("{error}: {calls:#?}\n{order:?}");
            }
        }
        Answer::Impossible(contradiction) => {
            tally.no += 1;
            assert!(!expected, "the specialist says no ({}), the reference yes: {calls:#?}", contradiction.rule.name);
            let mut core = calls.to_vec();
            let of_core = |index: usize| contradiction.calls.contains(&(index as u32));
            match weaker {
                Weaker::Alone => core = (0..calls.len()).filter(|&i| of_core(i)).map(|i| calls[i]).collect(),
                Weaker::OthersUnknown => {
                    (0..calls.len()).filter(|&i| !of_core(i)).for_each(|i| core[i].completed = NEVER);
                }
            }
            assert!(
                !linearizable(object, &core),
                "no contradiction: {}: {core:#?}\nof {calls:#?}",
                contradiction.rule.name
            );
        }
        Answer::Undecided(_) => tally.undecided += 1,
    }
}

/// Calls `each` with every history of `count` calls whose acts, each of known or unknown outcome, are of an alphabet
/// and pass `keep`.
pub(super) fn every_history<A: Copy>(
    count: usize,
    alphabet: &[(A, bool)],
    keep: impl Fn(&[(A, bool)]) -> bool,
    each: &mut impl FnMut(&[Call<A>]),
) {
    let mut words: Vec<Vec<(A, bool)>> = vec![Vec::new()];
    for _ in 0..count {
        words = words.iter().flat_map(|word| alphabet.iter().map(|&act| [&word[..], &[act]].concat())).collect();
        words.retain(|word| keep(word));
    }
    every_history_of(&words, count, each);
}

/// Calls `each` with every history of `count` calls that do what some word says.
pub(super) fn every_history_of<A: Copy>(words: &[Vec<(A, bool)>], count: usize, each: &mut impl FnMut(&[Call<A>])) {
    every_overlap(count, &mut |intervals| {
        for word in words {
            let calls: Vec<Call<A>> = (0..count)
                .map(|index| {
                    let ((invoked, completed), (act, known)) = (intervals[index], word[index]);
                    Call { op: index as u32, act, invoked, completed: if known { completed } else { NEVER } }
                })
                .collect();
            each(&calls);
        }
    });
}

/// Calls `each` with every way in which `count` operations can overlap: their intervals, in order of invocation.
/// (2n - 1)!! of them.
pub(super) fn every_overlap(count: usize, each: &mut impl FnMut(&[(u32, u32)])) {
    fn fill(
        intervals: &mut Vec<(u32, u32)>,
        open: &mut Vec<usize>,
        at: u32,
        count: usize,
        each: &mut impl FnMut(&[(u32, u32)]),
    ) {
        if at as usize == 2 * count {
            return each(intervals);
        }
        if intervals.len() < count {
            open.push(intervals.len());
            intervals.push((at, 0));
            fill(intervals, open, at + 1, count, each);
            intervals.pop();
            open.pop();
        }
        for nth in 0..open.len() {
            let index = open.remove(nth);
            intervals[index].1 = at;
            fill(intervals, open, at + 1, count, each);
            open.insert(nth, index);
        }
    }
    fill(&mut Vec::new(), &mut Vec::new(), 0, count, each);
}

/// A small fast generator, so that tests need no crate and replay for ever.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// A number below `bound`.
    pub(super) fn roll(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as u32) % bound
    }

    /// True once in `times`.
    pub(super) fn one_in(&mut self, times: u32) -> bool {
        self.roll(times) == 0
    }
}

/// A random history that truly ran: `clients` clients call, the object acts at a random moment within each call, calls
/// end. With `unknown > 0` one call in so many loses its completion, and half of those their effect.
pub(super) fn simulate<O: Object>(
    object: &O,
    dice: &mut Dice,
    clients: usize,
    count: usize,
    unknown: u32,
    mut next_act: impl FnMut(&mut Dice, &O::State) -> O::Act,
    mut forget: impl FnMut(O::Act) -> O::Act,
) -> Vec<Call<O::Act>> {
    #[derive(Clone, Copy)]
    enum Client<A> {
        Idle,
        Called(usize, A),
        Acted(usize),
    }
    let mut calls: Vec<Call<O::Act>> = Vec::new();
    let mut at = vec![Client::Idle; clients];
    let mut state = object.start();
    let mut position = 0;
    let mut stuck = 0;
    while stuck < 20 * clients {
        let client = dice.roll(clients as u32) as usize;
        match at[client] {
            Client::Idle if calls.len() < count => {
                let act = next_act(dice, &state);
                at[client] = Client::Called(calls.len(), act);
                calls.push(Call { op: calls.len() as u32, act, invoked: position, completed: NEVER });
                position += 1;
            }
            Client::Idle => stuck += 1,
            Client::Called(index, act) => {
                let lost = unknown > 0 && dice.one_in(unknown);
                if lost && dice.one_in(2) {
                    calls[index].act = forget(act);
                    at[client] = Client::Idle;
                    continue;
                }
                let mut steps = object.steps(&state, act);
                if steps.is_empty() {
                    stuck += 1;
                    continue;
                }
                let (act, next) = steps.swap_remove(dice.roll(steps.len() as u32) as usize);
                state = next;
                calls[index].act = act;
                if lost {
                    calls[index].act = forget(act);
                    at[client] = Client::Idle;
                } else {
                    at[client] = Client::Acted(index);
                }
            }
            Client::Acted(index) => {
                calls[index].completed = position;
                position += 1;
                at[client] = Client::Idle;
            }
        }
    }
    calls.retain(|call| call.completed != NEVER || unknown > 0);
    calls
}
