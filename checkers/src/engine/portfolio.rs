//! The general engine: the frontier, bounded from both sides when its tokens are too many, and search.
//!
//! *The sandwich*: with inexhaustible tokens the frontier allows more than the history does, so a contradiction there
//! is a contradiction here; with a narrow beam it allows less, so a linearization found there is one here. Both are
//! quick. What lies between is left to the exact frontier and to search, in rounds of growing effort, until the
//! budget is spent.

use super::frontier::{Mode, frontier};
use super::search::search;
use super::{Answer, Answered, Shortage};
use crate::model::Model;
use crate::subhistory::Subhistory;
use crate::verdict::Budget;

/// The effort of the first round: this many steps and so many per operation; each further round has [`GROWTH`] times as
/// much.
const FIRST: u64 = 1 << 14;
const FIRST_PER_OPERATION: u64 = 16;
/// Without tokens there are no bounds to try, so the frontier gets more at once.
const ALONE_PER_OPERATION: u64 = 256;
/// With more tokens than this the bounds are tried before the exact frontier.
const MANY_TOKENS: usize = 16;
const GROWTH: u64 = 8;

/// How an answer was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// By following the exact frontier.
    Frontier,
    /// Refuted even with inexhaustible tokens.
    Upper,
    /// Proved within a narrow beam.
    Beam,
    /// By depth-first search.
    Search,
}

/// Decides a subhistory of any model. Within the budget the answer is exact; only steps actually taken are counted.
pub fn decide<M: Model>(model: &M, subhistory: &Subhistory<M::Op>, budget: &Budget) -> (Answered, How) {
    let tokens = subhistory.items.iter().filter(|item| !item.is_certain()).count();
    let order = if tokens > MANY_TOKENS {
        [How::Beam, How::Upper, How::Frontier, How::Search]
    } else {
        [How::Frontier, How::Beam, How::Upper, How::Search]
    };
    let per_operation = if tokens == 0 { ALONE_PER_OPERATION } else { FIRST_PER_OPERATION };
    let mut spent = 0;
    let mut last = (Shortage::Steps, How::Frontier);
    let mut effort = FIRST + per_operation * subhistory.items.len() as u64;
    let mut round = 0;
    while spent < budget.steps {
        for how in order {
            if tokens == 0 && matches!(how, How::Upper | How::Beam) {
                continue;
            }
            // A narrow beam explores so little that following it to the end is worth more.
            let share = if how == How::Beam { effort.saturating_mul(GROWTH) } else { effort };
            let steps = share.min(budget.steps - spent);
            let limits = Budget { steps, bytes: budget.bytes };
            let answered = match how {
                How::Frontier => frontier(model, subhistory, Mode::Exact, &limits),
                How::Upper => frontier(model, subhistory, Mode::Inexhaustible, &limits),
                How::Beam => frontier(model, subhistory, beam(round), &limits),
                How::Search => search(model, subhistory, &limits),
            };
            spent += answered.steps;
            match answered.answer {
                Answer::Unknown(shortage) => {
                    if shortage != Shortage::Inexact {
                        last = (shortage, how);
                    }
                }
                certain => return (Answered { answer: certain, steps: spent }, how),
            }
            if spent >= budget.steps {
                break;
            }
        }
        if matches!(last.0, Shortage::Bytes) {
            break;
        }
        effort = effort.saturating_mul(GROWTH);
        round += 1;
    }
    (Answered { answer: Answer::Unknown(last.0), steps: spent }, last.1)
}

/// Wider in each round: 1, 2, 4, … configurations. In the first round tokens are the last resort; then they are used
/// at any time, within 64, 256, 1,024, … operations.
fn beam(round: u32) -> Mode {
    let reach = if round == 0 { u32::MAX } else { 64u32.saturating_mul(4u32.saturating_pow(round - 1)) };
    Mode::Beam { width: 1 << round.min(16), reach, lazy: round == 0 }
}
