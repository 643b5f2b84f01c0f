//! The checkers of registers, maps and lists, as users know them.

use rashomon_history::{OpView, Value};

use super::{AppendList, CasRegister, FailedCas, MultiRegister, Register, StringMap};
use crate::checker::{Checker, Function, Observes, Shape};
use crate::level::Level;
use crate::{linearizable, sequential};

/// All of them, in the order they are listed.
pub const CHECKERS: &[Checker] = &[
    REGISTER,
    CAS_REGISTER,
    CAS_REGISTER_COMPARED,
    KV_STRING,
    MULTI_REGISTER,
    APPEND_LIST,
    SEQUENTIAL_REGISTER,
    SEQUENTIAL_CAS_REGISTER,
];

/// What an update returns that happened: anything but false.
pub(crate) const NOT_FALSE: Shape = Shape::Of {
    text: "anything but false (an update that was refused ends `fail`)",
    fits: |_, value| *value != Value::Bool(false),
};

/// A read of a register.
pub(crate) const READ: Function = Function::observer("read", Shape::Any, Shape::Any);
/// A write of a register.
pub(crate) const WRITE: Function = Function::update("write", Shape::Any).returning(NOT_FALSE);
/// A compare-and-set, which found its first value where it ended `ok`.
pub(crate) const CAS: Function = Function::observer("cas", Shape::FROM_TO, NOT_FALSE);

fn written(value: &Value) -> Result<(&'static str, Value), String> {
    Ok(("write", value.clone()))
}

/// The registers of a map, written by one transaction.
fn all_written(value: &Value) -> Result<(&'static str, Value), String> {
    let Value::Map(registers) = value else {
        return Err("a multi-register begins with a map of its registers, as {\"x\": 0, \"y\": 0}".to_owned());
    };
    let write = |(key, value): &(Value, Value)| Value::list([Value::text("write"), key.clone(), value.clone()]);
    Ok(("txn", Value::list(registers.iter().map(write))))
}

const READ_WRITE: &[Function] = &[READ, WRITE];
const READ_WRITE_CAS: &[Function] = &[READ, WRITE, CAS];

/// Read and write.
pub const REGISTER: Checker = Checker::new(
    "register",
    "linearizable register per key: read, write; nil before the first write",
    |history, request| linearizable::check(&Register, history, &request.budget),
)
.with_functions(READ_WRITE)
.starting_with(written)
.with_levels(&[Level::LINEARIZABLE]);

/// Read, write and compare-and-set.
pub const CAS_REGISTER: Checker = Checker::new(
    "cas-register",
    "linearizable register per key: read, write, cas [from to]; a failed cas says nothing",
    |history, request| linearizable::check(&CasRegister::default(), history, &request.budget),
)
.with_functions(READ_WRITE_CAS)
.starting_with(written)
.with_levels(&[Level::LINEARIZABLE]);

/// The same where a failed compare-and-set says that it compared.
pub const CAS_REGISTER_COMPARED: Checker = Checker::new(
    "cas-register-compared",
    "cas-register in whose histories a failed cas means that it found another value",
    |history, request| linearizable::check(&CasRegister { failed_cas: FailedCas::Compared }, history, &request.budget),
)
.with_functions(&[READ, WRITE, CAS.observing(Observes::OkOrFail)])
.starting_with(written)
.with_levels(&[Level::LINEARIZABLE]);

/// A string per key: get, put, append.
pub const KV_STRING: Checker =
    Checker::new("kv-string", "linearizable string per key: get, put, append; empty at first", |history, request| {
        linearizable::check(&StringMap, history, &request.budget)
    })
    .with_functions(&[
        Function::observer("get", Shape::Any, Shape::TEXT_OR_NIL),
        Function::update("put", Shape::TEXT_OR_NIL),
        Function::update("append", Shape::TEXT_OR_NIL),
    ])
    .starting_with(|value| match value {
        Value::Text(_) => Ok(("put", value.clone())),
        _ => Err("a kv-string begins with text".to_owned()),
    })
    .with_levels(&[Level::LINEARIZABLE]);

/// Registers read and written several at a time.
pub const MULTI_REGISTER: Checker = Checker::new(
    "multi-register",
    "linearizable registers: txn, a list of [read key value], [write key value], [append key element]",
    |history, request| linearizable::check(&MultiRegister, history, &request.budget),
)
.with_functions(&[Function::update("txn", STEPS).returning(STEPS).observing(Observes::If(reads))])
.starting_with(all_written)
.with_levels(&[Level::LINEARIZABLE]);

const STEPS: Shape = Shape::Of { text: "a list of [read|write|append key value]", fits: |_, value| are_steps(value) };

/// Whether a value is a transaction's list of steps.
fn are_steps(value: &Value) -> bool {
    let is_step = |step: &Value| match step.as_list() {
        Some([Value::Text(f), _, _]) => matches!(&**f, "read" | "r" | "write" | "w" | "append"),
        _ => false,
    };
    value.as_list().is_some_and(|steps| steps.iter().all(is_step))
}

fn reads(op: &OpView<'_>) -> bool {
    let is_read = |step: &Value| {
        let f = step.as_list().and_then(|step| step.first()).and_then(Value::as_text);
        matches!(f, Some("read" | "r"))
    };
    op.output.as_list().is_some_and(|steps| steps.iter().any(is_read))
}

/// An append-only list per key.
pub const APPEND_LIST: Checker =
    Checker::new("append-list", "linearizable list per key: append, read; empty at first", |history, request| {
        linearizable::check(&AppendList, history, &request.budget)
    })
    .with_functions(&[
        Function::update("append", Shape::Any).returning(NOT_FALSE),
        Function::observer("read", Shape::Any, Shape::LIST_OR_NIL),
    ])
    .with_levels(&[Level::LINEARIZABLE]);

/// Read and write, sequentially consistent.
pub const SEQUENTIAL_REGISTER: Checker = Checker::new(
    "sequential-register",
    "sequentially consistent registers (small histories): read, write",
    |history, request| sequential::judge(&Register, history, &request.budget),
)
.with_functions(READ_WRITE)
.starting_with(written)
.with_levels(&[Level::SEQUENTIAL]);

/// Read, write and compare-and-set, sequentially consistent.
pub const SEQUENTIAL_CAS_REGISTER: Checker = Checker::new(
    "sequential-cas-register",
    "sequentially consistent registers (small histories): read, write, cas",
    |history, request| sequential::judge(&CasRegister::default(), history, &request.budget),
)
.with_functions(READ_WRITE_CAS)
.starting_with(written)
.with_levels(&[Level::SEQUENTIAL]);
