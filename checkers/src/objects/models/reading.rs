//! From rows of a history to a lane's calls, and back from its answer to operations.

use rashomon_history::{History, OpId, Outcome, Row};
use rustc_hash::FxHashMap;

use crate::model::{Model, Unusable};
use crate::objects::call::{Answer, Call, NEVER, Rule, densify};

/// What a lane decided about one object's operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::objects) enum Decision {
    /// This order explains them.
    Linearizable(Vec<OpId>),
    /// These contradict each other, in order of invocation.
    Impossible(Rule, Vec<OpId>),
    /// The lane is not the method for them.
    Undecided(&'static str),
}

/// A model that has a lane.
pub(in crate::objects) trait Lane: Model {
    /// The method's name.
    const METHOD: &'static str;

    /// Why it can be used, where it is.
    const WHY: &'static str;

    /// Whether a contradiction's operations contradict each other when all others are left out (not only when all
    /// others become unknown), so that they can be judged alone.
    const ALONE: bool;

    /// What it means that nothing was observed: `nothing was ever taken out`.
    const UNOBSERVED: &'static str;

    /// Decides one object's operations, and counts those whose result says something. Without `proof` a linearization
    /// is not told.
    fn decide(
        &self,
        history: &History,
        ops: &[u32],
        scratch: &mut Scratch,
        proof: bool,
    ) -> Result<Decision, (OpId, Unusable)>;
}

/// Small numbers for the values of one object, in tables that are used again from one object to the next.
#[derive(Debug)]
pub(in crate::objects) struct Scratch {
    /// For integers from zero on, as workloads write them: one more than their number; 0 for none.
    dense: Vec<u32>,
    /// `dense` never grows beyond this.
    limit: usize,
    /// For all other values, by id.
    sparse: FxHashMap<u32, u32>,
    /// The values that have a number, in order of their numbers.
    used: Vec<u32>,
    /// Operations so far whose result says something about the object.
    pub(in crate::objects) observed: u64,
}

/// Set in a history's value ids for integers that are their own id.
const INTEGER: u32 = 1 << 31;

impl Scratch {
    /// For a history.
    pub(in crate::objects) fn new(history: &History) -> Scratch {
        Scratch {
            dense: Vec::new(),
            limit: 4 * history.len() + 1024,
            sparse: FxHashMap::default(),
            used: Vec::new(),
            observed: 0,
        }
    }

    /// A small number for a value id, the same each time until [`Scratch::reset`].
    pub(super) fn local(&mut self, value: u32) -> u32 {
        // Which ids are dense only matters for speed: equal ids are equal values whatever they stand for.
        let slot = (value ^ INTEGER) as usize;
        let known = if slot < self.limit {
            if self.dense.len() <= slot {
                self.dense.resize((slot + 1).next_power_of_two(), 0);
            }
            &mut self.dense[slot]
        } else {
            self.sparse.entry(value).or_insert(0)
        };
        if *known == 0 {
            self.used.push(value);
            *known = self.used.len() as u32;
        }
        *known - 1
    }

    /// The values that have a number, in order of their numbers.
    pub(super) fn values(&self) -> &[u32] {
        &self.used
    }

    /// Forgets all numbers.
    pub(super) fn reset(&mut self) {
        for value in self.used.drain(..) {
            if let Some(known) = self.dense.get_mut((value ^ INTEGER) as usize) {
                *known = 0;
            }
        }
        self.sparse.clear();
    }
}

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
    history: &History,
    ops: &[u32],
    mut act: impl FnMut(&Row) -> Result<Option<A>, Unusable>,
) -> Result<Vec<Call<A>>, (OpId, Unusable)> {
    let mut calls = Vec::with_capacity(ops.len());
    for &op in ops {
        let row = history.row(OpId(op));
        if let Some(act) = act(&row).map_err(|error| (OpId(op), error))? {
            let completed = match row.outcome {
                Outcome::Info => NEVER,
                _ => row.completed.unwrap_or(NEVER),
            };
            calls.push(Call { op, act, invoked: row.invoked, completed });
        }
    }
    densify(&mut calls);
    Ok(calls)
}

/// How many calls returned something about the object.
pub(super) fn observations<A: Copy>(calls: &[Call<A>], observes: impl Fn(A) -> bool) -> u64 {
    calls.iter().filter(|call| !call.is_unknown() && observes(call.act)).count() as u64
}

/// A lane's answer in operations.
pub(super) fn decision<A>(calls: &[Call<A>], answer: Answer<A>, proof: bool) -> Decision {
    let op = |call: u32| OpId(calls[call as usize].op);
    match answer {
        Answer::Linearizable(_) if !proof => Decision::Linearizable(Vec::new()),
        Answer::Linearizable(order) => Decision::Linearizable(order.iter().map(|placed| op(placed.call)).collect()),
        Answer::Impossible(contradiction) => {
            Decision::Impossible(contradiction.rule, contradiction.calls.iter().map(|&call| op(call)).collect())
        }
        Answer::Undecided(why) => Decision::Undecided(why),
    }
}
