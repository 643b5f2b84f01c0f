//! The checkers of transactions, as users know them.

use rashomon_history::History;

use super::levels::ISOLATION_LEVELS;
use super::{Objects, Options, input, judge};
use crate::checker::{Checker, Function, Observes, Request, Shape};
use crate::level::Level;
use crate::verdict::Judgement;

/// Transactions over lists.
pub const LIST_APPEND: Checker = Checker::new(
    "list-append",
    "transactions over lists (Elle): txn, a list of [append key element], [r key list]; with --consistency LEVEL",
    |history, request| judge_objects(history, request, Objects::Lists),
)
.with_levels(ISOLATION_LEVELS)
.with_functions(&[TXN]);

/// Transactions over registers.
pub const RW_REGISTER: Checker = Checker::new(
    "rw-register",
    "transactions over registers (Elle): txn, a list of [w key value], [r key value]; with --consistency LEVEL",
    |history, request| judge_objects(history, request, Objects::Registers),
)
.with_levels(ISOLATION_LEVELS)
.with_functions(&[TXN]);

/// Its shape is read micro-operation by micro-operation ([`input`]), which can say more than a table.
const TXN: Function = Function::observer("txn", Shape::Any, Shape::Any).observing(Observes::If(input::reads));

/// The included checkers of transactions.
pub(crate) const CHECKERS: &[Checker] = &[LIST_APPEND, RW_REGISTER];

fn judge_objects(history: &History, request: &Request, objects: Objects) -> Judgement {
    let level = request.level.unwrap_or(Level::STRICT_SERIALIZABLE);
    judge(history, &Options { objects, level }, &request.budget)
}
