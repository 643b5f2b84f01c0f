//! From rows of a history to a specialist's calls, and back from its answer to operations.

use rashomon_history::{History, OpId, Outcome, Row};

use crate::engine::{self, Answered};
use crate::model::Unusable;
use crate::objects::call::{Answer, Call, NEVER, densify};
use crate::specialist::{Broken, Decision, Rows};

/// What each function of a history means to a model, asked once per function.
#[derive(Debug)]
pub(super) struct Verbs<V> {
    known: Vec<Option<V>>,
}

impl<V: Copy> Verbs<V> {
    pub(super) fn new() -> Verbs<V> {
        Verbs { known: Vec::new() }
    }

    pub(super) fn of(
        &mut self,
        history: &History,
        row: &Row,
        read: impl Fn(&str) -> Result<V, Unusable>,
    ) -> Result<V, Unusable> {
        let slot = row.function as usize;
        if let Some(&Some(verb)) = self.known.get(slot) {
            return Ok(verb);
        }
        let verb = read(history.function(row.function))?;
        self.known.resize(self.known.len().max(slot + 1), None);
        self.known[slot] = Some(verb);
        Ok(verb)
    }
}

/// The calls of one object: what `act` makes of each row that did not fail. `None` leaves one out.
pub(super) fn calls<A>(
    rows: &Rows<'_>,
    mut act: impl FnMut(&Row) -> Result<Option<A>, Unusable>,
) -> Result<Vec<Call<A>>, (OpId, Unusable)> {
    let mut calls = Vec::with_capacity(rows.len() as usize);
    for index in 0..rows.len() {
        let row = rows.get(index);
        if let Some(act) = act(&row).map_err(|error| (rows.op(index), error))? {
            let completed = match row.outcome {
                Outcome::Info => NEVER,
                _ => row.completed.unwrap_or(NEVER),
            };
            calls.push(Call { op: rows.op(index).0, act, invoked: row.invoked, completed });
        }
    }
    densify(&mut calls);
    Ok(calls)
}

/// How many calls returned something about the object.
pub(super) fn observations<A: Copy>(calls: &[Call<A>], observes: impl Fn(A) -> bool) -> u64 {
    calls.iter().filter(|call| !call.is_unknown() && observes(call.act)).count() as u64
}

/// A specialist's answer in operations; `alone` as in [`Broken`]. Without `prove` a linearization is not reported.
pub(super) fn decision<A>(rows: &Rows<'_>, calls: &[Call<A>], answer: Answer<A>, prove: bool, alone: bool) -> Decision {
    let op = |call: u32| OpId(calls[call as usize].op);
    let yes = |order| Decision::Decided(Answered { answer: engine::Answer::Yes(order), steps: u64::from(rows.len()) });
    match answer {
        Answer::Linearizable(_) if !prove => yes(Vec::new()),
        Answer::Linearizable(order) => yes(order.iter().map(|placed| op(placed.call)).collect()),
        Answer::Impossible(contradiction) => {
            let among = contradiction.calls.iter().map(|&call| op(call)).collect();
            Decision::Broken(Broken { rule: contradiction.rule, among, alone })
        }
        Answer::Undecided(why) => Decision::Left(why),
    }
}
