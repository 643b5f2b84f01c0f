//! The checkers of objects that have a specialist of their own, as users know them.

use rashomon_history::{History, Value};

use super::kind::{ObjectKind, check};
use super::models::{ReentrantMutex, WeightedSemaphore};
use crate::checker::{Checker, Function, Request, Shape};
use crate::level::Level;
use crate::verdict::Judgement;

/// All of them, in the order they are listed.
pub const CHECKERS: &[Checker] = &[
    LINEARIZABLE_SET,
    LINEARIZABLE_COUNTER,
    FETCH_AND_ADD,
    FIFO_QUEUE,
    UNORDERED_QUEUE,
    STACK,
    PRIORITY_QUEUE,
    MUTEX,
    SEMAPHORE,
    OWNED_MUTEX,
    OWNED_SEMAPHORE,
    REENTRANT_MUTEX,
    WEIGHTED_SEMAPHORE,
    READERS_WRITER_LOCK,
    FENCED_LOCK,
];

const fn linearizable(
    name: &'static str,
    summary: &'static str,
    functions: &'static [Function],
    judge: fn(&History, &Request) -> Judgement,
) -> Checker {
    Checker::new(name, summary, judge).with_functions(functions).with_levels(&[Level::LINEARIZABLE])
}

/// Elements added, removed, asked for, read.
pub const LINEARIZABLE_SET: Checker = linearizable(
    "linearizable-set",
    "linearizable set per key: add, remove, contains, read",
    &[
        Function::update("add", Shape::Any),
        Function::update("remove", Shape::Any),
        Function::observer("contains", Shape::Any, Shape::BOOL),
        Function::observer("read", Shape::Any, Shape::LIST),
    ],
    |history, request| check(history, ObjectKind::Set, &request.budget),
);

const READ: Function = Function::observer("read", Shape::Any, Shape::INT);
const FETCH_ADD: Function = Function::observer("fetch-add", Shape::INT_OR_NIL, Shape::INT);
const ADD_FETCH: Function = Function::observer("add-fetch", Shape::INT_OR_NIL, Shape::INT);

/// Amounts added, the value read.
pub const LINEARIZABLE_COUNTER: Checker = linearizable(
    "linearizable-counter",
    "linearizable counter per key: add, read, fetch-add, add-fetch",
    &[Function::update("add", Shape::INT_OR_NIL), READ, FETCH_ADD, ADD_FETCH],
    |history, request| check(history, ObjectKind::Counter, &request.budget),
)
.starting_with(|value| match value {
    Value::Int(_) => Ok(("add", value.clone())),
    _ => Err("a counter begins with an integer".to_owned()),
});

/// Amounts added by operations that learn the value before or after.
pub const FETCH_AND_ADD: Checker = linearizable(
    "fetch-and-add",
    "linearizable fetch-and-add per key: fetch-add, add-fetch, read; 0 at first",
    &[READ, FETCH_ADD, ADD_FETCH],
    |history, request| check(history, ObjectKind::FetchAndAdd, &request.budget),
);

/// Why a container does not judge a drain.
const DRAIN: Function =
    Function::refused("drain", "takes several values at different moments; judge this history with total-queue");

const fn put(name: &'static str) -> Function {
    Function::update(name, Shape::NOT_NIL)
}

const fn take(name: &'static str) -> Function {
    Function::observer(name, Shape::Any, Shape::Any)
}

const CONTAINER: &[Function] =
    &[put("enqueue"), take("dequeue"), put("push"), take("pop"), put("insert"), take("extract"), take("peek"), DRAIN];

const fn put_integer(name: &'static str) -> Function {
    Function::update(
        name,
        Shape::Of { text: "an integer: the smallest comes first", fits: |_, value| value.as_int().is_some() },
    )
}

const fn take_integer(name: &'static str) -> Function {
    Function::observer(name, Shape::Any, Shape::INT_OR_NIL)
}

const PRIORITY: &[Function] = &[
    put_integer("insert"),
    take_integer("extract"),
    put_integer("enqueue"),
    take_integer("dequeue"),
    put_integer("push"),
    take_integer("pop"),
    take_integer("peek"),
    DRAIN,
];

/// First in, first out.
pub const FIFO_QUEUE: Checker = linearizable(
    "fifo-queue",
    "linearizable queue per key: enqueue, dequeue, peek; nil from an empty one; first in, first out",
    CONTAINER,
    |history, request| check(history, ObjectKind::FifoQueue, &request.budget),
);

/// Any order.
pub const UNORDERED_QUEUE: Checker = linearizable(
    "unordered-queue",
    "linearizable queue per key without order: enqueue, dequeue, peek; nil from an empty one",
    CONTAINER,
    |history, request| check(history, ObjectKind::UnorderedQueue, &request.budget),
);

/// Last in, first out.
pub const STACK: Checker = linearizable(
    "stack",
    "linearizable stack per key: push, pop, peek; nil from an empty one",
    CONTAINER,
    |history, request| check(history, ObjectKind::Stack, &request.budget),
);

/// The smallest integer first.
pub const PRIORITY_QUEUE: Checker = linearizable(
    "priority-queue",
    "linearizable priority queue per key: insert, extract the smallest integer, peek; nil from an empty one",
    PRIORITY,
    |history, request| check(history, ObjectKind::PriorityQueue, &request.budget),
);

/// What an operation on a lock returns besides nothing, or its input again: whether it succeeded, or a token.
pub(crate) const LOCKED: Shape = Shape::Of {
    text: "nil, true, false, an integer token, or its input again",
    fits: |input, value| input == value || matches!(value, Value::Nil | Value::Bool(_) | Value::Int(_)),
};

/// What a release returns.
pub(crate) const RELEASED: Shape = Shape::Of {
    text: "nil, true, false, or its input again",
    fits: |input, value| input == value || matches!(value, Value::Nil | Value::Bool(_)),
};

/// One permit: the models take and give back one at a time.
const ONE: Shape = Shape::Of {
    text: "one permit at a time (nil or 1; otherwise see weighted-semaphore)",
    fits: |_, value| !matches!(value, Value::Int(permits) if *permits != 1) && value.as_list().is_none(),
};

/// Several permits.
const SEVERAL: Shape = Shape::Of {
    text: "a number of permits (nil is one)",
    fits: |_, value| value.is_nil() || value.as_int().is_some_and(|permits| u32::try_from(permits).is_ok()),
};

/// Takes a lock.
pub(crate) const fn acquire(name: &'static str) -> Function {
    Function::observer(name, Shape::Any, LOCKED)
}

/// Gives a lock back.
pub(crate) const fn release(name: &'static str) -> Function {
    Function::update(name, Shape::Any).returning(RELEASED)
}

const LOCK: &[Function] = &[acquire("acquire"), release("release")];

const PERMITS: &[Function] =
    &[Function::observer("acquire", ONE, LOCKED), Function::update("release", ONE).returning(RELEASED)];

/// One permit, without owners.
pub const MUTEX: Checker =
    linearizable("mutex", "linearizable mutex per key: acquire, release by anyone", LOCK, |history, request| {
        check(history, ObjectKind::Mutex, &request.budget)
    });

/// Several permits, without owners.
pub const SEMAPHORE: Checker = linearizable(
    "semaphore",
    "linearizable semaphore per key: acquire, release by anyone; two permits, or as many as semaphore:N says",
    PERMITS,
    |history, request| check(history, ObjectKind::Semaphore(request.parameter), &request.budget),
)
.with_parameter(2);

/// One holder, who alone releases.
pub const OWNED_MUTEX: Checker = linearizable(
    "owned-mutex",
    "linearizable mutex per key: acquire, release by the holder",
    LOCK,
    |history, request| check(history, ObjectKind::OwnedMutex, &request.budget),
);

/// Several holders, who alone release.
pub const OWNED_SEMAPHORE: Checker = linearizable(
    "owned-semaphore",
    "linearizable semaphore per key: acquire, release by a holder; two permits, or owned-semaphore:N",
    PERMITS,
    |history, request| check(history, ObjectKind::OwnedSemaphore(request.parameter), &request.budget),
)
.with_parameter(2);

/// One holder, who may acquire again and then releases as often.
pub const REENTRANT_MUTEX: Checker = linearizable(
    "reentrant-mutex",
    "owned-mutex that its holder may acquire again, and releases as often",
    LOCK,
    |history, request| crate::linearizable::check(&ReentrantMutex, history, &request.budget),
);

/// Permits taken and given back several at a time.
pub const WEIGHTED_SEMAPHORE: Checker = linearizable(
    "weighted-semaphore",
    "semaphore whose acquire and release say how many permits; two, or as many as weighted-semaphore:N says",
    &[Function::observer("acquire", SEVERAL, LOCKED), Function::update("release", SEVERAL).returning(RELEASED)],
    |history, request| {
        crate::linearizable::check(&WeightedSemaphore { limit: request.parameter }, history, &request.budget)
    },
)
.with_parameter(2);

/// Readers beside each other, writers alone.
pub const READERS_WRITER_LOCK: Checker = linearizable(
    "readers-writer-lock",
    "linearizable readers-writer lock per key: acquire-read, release-read, acquire-write, release-write",
    &[acquire("acquire-read"), release("release-read"), acquire("acquire-write"), release("release-write")],
    |history, request| check(history, ObjectKind::ReadersWriterLock, &request.budget),
);

/// One holder with a rising token.
pub const FENCED_LOCK: Checker = linearizable(
    "fenced-lock",
    "owned-mutex whose acquire returns an integer token; tokens rise from holder to holder",
    LOCK,
    |history, request| check(history, ObjectKind::FencedLock, &request.budget),
);
