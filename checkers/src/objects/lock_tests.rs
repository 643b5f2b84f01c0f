//! Locks and semaphores against the reference.

use super::call::{Call, NEVER};
use super::holds::{Exclusion, HoldAct, HoldStep, holds};
use super::permits::{PermitAct, permits};
use super::reference::{Dice, Object, Tally, Weaker, compare, every_history, simulate};

struct Permits(u32);

impl Object for Permits {
    type Act = PermitAct;
    type State = u32;

    fn start(&self) -> u32 {
        0
    }

    fn steps(&self, &used: &u32, act: PermitAct) -> Vec<(PermitAct, u32)> {
        match act {
            PermitAct::Acquire if used < self.0 => vec![(act, used + 1)],
            PermitAct::Release if used > 0 => vec![(act, used - 1)],
            _ => Vec::new(),
        }
    }
}

/// Who holds, in which mode, and the last token.
impl Object for Exclusion {
    type Act = HoldAct;
    type State = (Vec<(u32, bool)>, Option<i64>);

    fn start(&self) -> Self::State {
        (Vec::new(), None)
    }

    fn steps(&self, (held, last): &Self::State, act: HoldAct) -> Vec<(HoldAct, Self::State)> {
        let mut next = held.clone();
        let mine = held.iter().position(|&(process, _)| process == act.process);
        match (act.step, mine) {
            (HoldStep::Acquire { shared, token }, None) => {
                // Spelled out once more: the reference shares nothing with what it judges.
                let fits = match self {
                    Exclusion::AtMost(limit) => held.len() < *limit as usize,
                    Exclusion::Fenced => held.is_empty() && (token.is_none() || token > *last),
                    Exclusion::ReadersWriter => held.iter().all(|&(_, other)| other && shared),
                };
                next.push((act.process, shared));
                next.sort_unstable();
                Vec::from_iter(fits.then(|| (act, (next, token.or(*last)))))
            }
            (HoldStep::Release { shared }, Some(mine)) if held[mine].1 == shared => {
                next.remove(mine);
                vec![(act, (next, *last))]
            }
            _ => Vec::new(),
        }
    }
}

fn enough(tally: Tally) {
    println!("{tally:?}");
    assert!(tally.yes > 100 && tally.no > 100 && tally.undecided == 0, "{tally:?}");
}

#[test]
fn permits_agree_with_the_reference() {
    let alphabet = [
        (PermitAct::Acquire, true),
        (PermitAct::Acquire, false),
        (PermitAct::Release, true),
        (PermitAct::Release, false),
    ];
    for limit in 1..=2 {
        let mut tally = Tally::default();
        for count in 1..=5 {
            every_history(count, &alphabet, |_| true, &mut |calls| {
                compare(&Permits(limit), calls, &permits(calls, limit), Weaker::Alone, &mut tally);
            });
        }
        enough(tally);
        let mut tally = Tally::default();
        let mut dice = Dice(5);
        for _ in 0..3000 {
            let next = |dice: &mut Dice, _: &u32| if dice.one_in(2) { PermitAct::Acquire } else { PermitAct::Release };
            let (clients, unknown) = (2 + dice.roll(4) as usize, dice.roll(3) * 3);
            let mut calls = simulate(&Permits(limit), &mut dice, clients, 14, unknown, next, |act| act);
            compare(&Permits(limit), &calls, &permits(&calls, limit), Weaker::Alone, &mut tally);
            if calls.is_empty() {
                continue;
            }
            let index = dice.roll(calls.len() as u32) as usize;
            calls[index].act = PermitAct::Acquire;
            compare(&Permits(limit), &calls, &permits(&calls, limit), Weaker::Alone, &mut tally);
        }
        enough(tally);
    }
}

/// The precondition: a process has one call open at a time, and none after one of unknown outcome.
fn sequential(calls: &[Call<HoldAct>]) -> bool {
    calls.iter().enumerate().all(|(index, call)| {
        calls[index + 1..].iter().all(|later| later.act.process != call.act.process || call.completed < later.invoked)
    })
}

fn exhaust(exclusion: Exclusion, steps: &[HoldStep], processes: u32, count: usize) -> Tally {
    let mut tally = Tally::default();
    let mut alphabet = Vec::new();
    for process in 0..processes {
        alphabet.extend(steps.iter().flat_map(|&step| [true, false].map(|known| (HoldAct { process, step }, known))));
    }
    // Processes are named in order of first mention, and end with an unknown outcome.
    let keep = |word: &[(HoldAct, bool)]| {
        let (last, before) = word.split_last().expect("a word that was just extended");
        let process = last.0.process;
        before.iter().all(|&(act, known)| known || act.process != process)
            && process <= before.iter().map(|(act, _)| act.process + 1).max().unwrap_or(0)
    };
    for count in 1..=count {
        every_history(count, &alphabet, keep, &mut |calls| {
            if sequential(calls) {
                compare(&exclusion, calls, &holds(calls, exclusion), Weaker::Alone, &mut tally);
            }
        });
    }
    tally
}

const LOCK: HoldStep = HoldStep::Acquire { shared: false, token: None };
const UNLOCK: HoldStep = HoldStep::Release { shared: false };
const SHARE: HoldStep = HoldStep::Acquire { shared: true, token: None };
const UNSHARE: HoldStep = HoldStep::Release { shared: true };

fn token(token: i64) -> HoldStep {
    HoldStep::Acquire { shared: false, token: Some(token) }
}

#[test]
fn owned_locks_agree_with_the_reference() {
    enough(exhaust(Exclusion::AtMost(1), &[LOCK, UNLOCK], 3, 5));
    enough(exhaust(Exclusion::AtMost(2), &[LOCK, UNLOCK], 4, 5));
    enough(exhaust(Exclusion::ReadersWriter, &[LOCK, UNLOCK, SHARE, UNSHARE], 3, 4));
    enough(exhaust(Exclusion::Fenced, &[LOCK, token(1), token(2), UNLOCK], 3, 4));
}

#[test]
fn random_owned_locks_agree_with_the_reference() {
    for exclusion in [Exclusion::AtMost(1), Exclusion::AtMost(2), Exclusion::ReadersWriter, Exclusion::Fenced] {
        let mut tally = Tally::default();
        let mut dice = Dice(9);
        for _ in 0..3000 {
            let mut calls = run(exclusion, &mut dice);
            compare(&exclusion, &calls, &holds(&calls, exclusion), Weaker::Alone, &mut tally);
            // Another process took it, too; or the tokens are exchanged.
            let acquires: Vec<usize> =
                (0..calls.len()).filter(|&i| matches!(calls[i].act.step, HoldStep::Acquire { .. })).collect();
            if let Some(&index) = acquires.get(dice.roll(acquires.len().max(1) as u32) as usize) {
                let other = acquires[dice.roll(acquires.len() as u32) as usize];
                if exclusion == Exclusion::Fenced && dice.one_in(2) {
                    (calls[index].act.step, calls[other].act.step) = (calls[other].act.step, calls[index].act.step);
                } else {
                    calls[index].act.process = 90;
                }
                compare(&exclusion, &calls, &holds(&calls, exclusion), Weaker::Alone, &mut tally);
            }
        }
        enough(tally);
    }
}

/// Clients acquire and release in turn; after an unknown outcome a client goes on as another process.
fn run(exclusion: Exclusion, dice: &mut Dice) -> Vec<Call<HoldAct>> {
    let unknown = dice.roll(3) * 3;
    let mut calls: Vec<Call<HoldAct>> = Vec::new();
    let mut state = exclusion.start();
    let mut clients: Vec<(u32, Option<usize>, bool)> = (0..4).map(|process| (process, None, false)).collect();
    let (mut position, mut tokens) = (0, 0);
    for _ in 0..60 {
        let client = dice.roll(4) as usize;
        let (process, open, acted) = clients[client];
        match open {
            None if calls.len() < 12 => {
                let mine = state.0.iter().find(|&&(holder, _)| holder == process);
                let shared = exclusion == Exclusion::ReadersWriter && dice.one_in(2);
                let step = match mine {
                    Some(&(_, shared)) => HoldStep::Release { shared },
                    None => HoldStep::Acquire { shared, token: None },
                };
                clients[client].1 = Some(calls.len());
                let act = HoldAct { process, step };
                calls.push(Call { op: calls.len() as u32, act, invoked: position, completed: NEVER });
                position += 1;
            }
            None => {}
            Some(index) if !acted => {
                let lost = unknown > 0 && dice.one_in(unknown);
                let mut act = calls[index].act;
                if let HoldStep::Acquire { token, .. } = &mut act.step
                    && exclusion == Exclusion::Fenced
                {
                    *token = Some(tokens);
                }
                if let Some((act, next)) = exclusion.steps(&state, act).pop().filter(|_| !lost || dice.one_in(2)) {
                    (state, tokens) = (next, tokens + 1);
                    calls[index].act = act;
                    clients[client].2 = true;
                }
                if lost {
                    clients[client] = (process + 4, None, false);
                }
            }
            Some(index) => {
                calls[index].completed = position;
                position += 1;
                clients[client] = (process, None, false);
            }
        }
    }
    calls
}

#[test]
fn a_process_that_goes_on_after_an_unknown_outcome_is_not_this_class() {
    let act = |step| HoldAct { process: 0, step };
    let calls = [
        Call { op: 0, act: act(LOCK), invoked: 0, completed: NEVER },
        Call { op: 1, act: act(UNLOCK), invoked: 1, completed: 2 },
    ];
    assert!(matches!(holds(&calls, Exclusion::AtMost(1)), super::Answer::Undecided(_)));
}
