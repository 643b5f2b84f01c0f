//! Checkers of single objects that are not linearizability: what must hold of a set, a queue, a counter, a lock or a
//! log whatever its consistency model.
//!
//! They are what Jepsen's checkers of the same names look for, with their known mistakes put right. All are one or two
//! passes over the history. Each reports only what is certain: an operation of unknown outcome may have happened at any
//! time after its invocation, or never; a failed one did not. And none passes a history without evidence: where nobody
//! looked, the answer is *unknown*.

mod balance;
mod bounds;
mod echo;
mod elements;
mod exclusion;
mod final_read;
mod identifiers;
mod insertion;
mod log;
mod monotonic;
mod moved;
mod timestamps;

use crate::checker::{Checker, Function, Shape};
use crate::models::checkers::NOT_FALSE;
use crate::objects::checkers::{acquire, release};

/// All of them, in the order they are listed.
pub const CHECKERS: &[Checker] = &[
    SET,
    SET_FULL,
    SET_FULL_LINEARIZABLE,
    TOTAL_QUEUE,
    QUEUE,
    UNIQUE_IDS,
    TIMESTAMPS,
    ECHO,
    COUNTER,
    MONOTONIC,
    SEQUENTIAL_INSERT,
    LOCK_EXCLUSION,
    LOCK_FENCING,
    LOG,
    BANK,
    BANK_OVERDRAFT,
];

const ADD_READ: &[Function] = &[
    Function::update("add", Shape::Any).returning(NOT_FALSE),
    Function::observer("read", Shape::Any, Shape::LIST_OR_NIL),
];

const QUEUE_FUNCTIONS: &[Function] = &[
    Function::update("enqueue", Shape::NOT_NIL),
    Function::observer("dequeue", Shape::Any, Shape::Any),
    Function::observer("drain", Shape::Any, Shape::LIST),
];

const LOCK_FUNCTIONS: &[Function] =
    &[acquire("acquire"), release("release"), Function::update("write", exclusion::TOKEN).returning(NOT_FALSE)];

const BANK_FUNCTIONS: &[Function] =
    &[Function::update("transfer", Shape::Any), Function::observer("read", Shape::Any, balance::BALANCES)];

/// Every acknowledged element is in the final read.
pub const SET: Checker =
    Checker::new("set", "add, then read: no acknowledged element is missing from the last read", |history, _| {
        final_read::check(history)
    })
    .with_functions(ADD_READ);

/// Every acknowledged element stays in every read.
pub const SET_FULL: Checker =
    Checker::new("set-full", "add, read: no acknowledged element disappears from reads for good", |history, _| {
        elements::check(history)
    })
    .with_functions(ADD_READ);

/// The same, and it is there at once.
pub const SET_FULL_LINEARIZABLE: Checker = Checker::new(
    "set-full-linearizable",
    "set-full, and each element is in every read that begins after its add was acknowledged",
    |history, _| elements::check_linearizable(history),
)
.with_functions(ADD_READ);

/// What was enqueued comes out.
pub const TOTAL_QUEUE: Checker = Checker::new(
    "total-queue",
    "enqueue, dequeue, drain: what was acknowledged comes out at least once, and nothing else does",
    |history, _| moved::check_total(history),
)
.with_functions(QUEUE_FUNCTIONS);

/// What comes out was enqueued, once.
pub const QUEUE: Checker =
    Checker::new("queue", "enqueue, dequeue, drain: what comes out was put in, and comes out once", |history, _| {
        moved::check_once(history)
    })
    .with_functions(QUEUE_FUNCTIONS);

/// No identifier twice.
pub const UNIQUE_IDS: Checker =
    Checker::new("unique-ids", "generate: no identifier is given out twice", |history, _| identifiers::check(history))
        .with_functions(&[Function::observer("generate", Shape::Any, Shape::NOT_NIL)]);

/// Timestamps rise in real time.
pub const TIMESTAMPS: Checker = Checker::new(
    "timestamps",
    "generate: each integer is larger than all that had been returned before it was asked for, and given out once",
    |history, _| timestamps::check(history),
)
.with_aliases(&["timestamp-oracle", "tso"])
.with_functions(&[
    Function::observer("generate", Shape::Any, Shape::INT),
    Function::observer("ts", Shape::Any, Shape::INT),
]);

/// What comes back is what was sent.
pub const ECHO: Checker =
    Checker::new("echo", "echo: every answer is what was asked", |history, _| echo::check(history))
        .with_functions(&[Function::observer("echo", Shape::Any, Shape::Any)]);

/// Reads lie between what certainly and what possibly was added.
pub const COUNTER: Checker =
    Checker::new("counter", "add, read: each read lies between the certain and the possible sum", |history, _| {
        bounds::check(history)
    })
    .with_functions(&[Function::update("add", Shape::INT), Function::observer("read", Shape::Any, Shape::INT)]);

/// Reads of one process never go back.
pub const MONOTONIC: Checker =
    Checker::new("monotonic", "read: what one process reads of a key never becomes smaller", |history, _| {
        monotonic::check(history)
    })
    .with_functions(&[Function::observer("read", Shape::Any, Shape::INT_OR_NIL)]);

/// One client's additions become visible in order.
pub const SEQUENTIAL_INSERT: Checker = Checker::new(
    "sequential-insert",
    "add, read: who sees one client's element sees all that client had acknowledged before",
    |history, _| insertion::check(history),
)
.with_functions(ADD_READ)
.with_preconditions(&["each element is added once"]);

/// Nobody holds a lock beside another.
pub const LOCK_EXCLUSION: Checker =
    Checker::new("lock-exclusion", "acquire, release, write: one holder at a time; tokens rise", |history, _| {
        exclusion::check(history)
    })
    .with_functions(LOCK_FUNCTIONS);

/// Fencing tokens rise.
pub const LOCK_FENCING: Checker = Checker::new(
    "lock-fencing",
    "acquire, release, write: tokens rise, and no write with an older token is accepted",
    |history, _| exclusion::check_fencing(history),
)
.with_functions(LOCK_FUNCTIONS);

/// Sends and polls of a log with offsets.
pub const LOG: Checker = Checker::new(
    "log",
    "send, poll: nothing lost, duplicated, reordered, skipped or aborted; Jepsen's kafka anomalies",
    |history, _| log::check(history),
)
.with_functions(log::FUNCTIONS);

/// The total of all accounts never changes, none is negative.
pub const BANK: Checker =
    Checker::new("bank", "transfer, read: the total never changes and no balance is negative", |history, _| {
        balance::check(history)
    })
    .with_functions(BANK_FUNCTIONS);

/// The total of all accounts never changes.
pub const BANK_OVERDRAFT: Checker =
    Checker::new("bank-overdraft", "transfer, read: the total never changes", |history, _| {
        balance::check_overdraft(history)
    })
    .with_functions(BANK_FUNCTIONS);
