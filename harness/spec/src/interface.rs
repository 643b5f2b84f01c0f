//! The interfaces between workloads and targets: N + M, not N × M.
//!
//! A workload speaks one interface; a target says which ones it serves; any workload runs on any target that serves
//! its interface. An interface is a vocabulary: its functions, what their value and their answer are, and which of them
//! observe or update. It is a descriptor, so a crate of your own brings interfaces of its own: a `static` of this type
//! that its workload and its target both name. Those of the included targets are constants of this module, listed in
//! [`INCLUDED`].

mod included;

use std::fmt;

use rashomon_history::Value;

pub use included::{
    BANK, BANK_ACCOUNTS, BANK_BALANCE, CART, COUNTER, ECHO, IDS, INCLUDED, LIST_APPEND, LOCK, LOG, MAP, MEMBERS, QUEUE,
    REGISTER, RW_REGISTER, SET, SIBLINGS, TEXT,
};

/// What a target can be asked to do.
#[derive(Clone, Copy, Debug)]
pub struct Interface {
    /// The word used on the command line and in reports. Interfaces are equal when their names are.
    pub name: &'static str,
    /// What its objects are, in one line.
    pub summary: &'static str,
    /// What can be asked of them.
    pub functions: &'static [Function],
    /// Brings what a read answered into a form in which two answers are equal when they mean the same.
    pub canonical: fn(&Value) -> Value,
    /// Whether nodes that agreed may differ again although nothing was updated: a failure detector errs now and then,
    /// so one read at a late time proves nothing.
    pub may_err: bool,
}

/// One function of an interface.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Its name in histories.
    pub name: &'static str,
    /// What it takes and answers, in one line.
    pub meaning: &'static str,
    /// Whether an acknowledged operation with this value shows something of the object's state, so that it could show
    /// that something was lost.
    pub observes: fn(&Value) -> bool,
    /// Whether it may change the object.
    pub updates: bool,
}

impl Function {
    /// A function that only observes.
    pub const fn read(name: &'static str, meaning: &'static str) -> Function {
        Function { name, meaning, observes: |_| true, updates: false }
    }

    /// A function that only updates: its answer shows nothing of the object's state.
    pub const fn update(name: &'static str, meaning: &'static str) -> Function {
        Function { name, meaning, observes: |_| false, updates: true }
    }

    /// A function that updates and whose answer shows something of the object's state.
    pub const fn take(name: &'static str, meaning: &'static str) -> Function {
        Function { name, meaning, observes: |_| true, updates: true }
    }
}

impl Interface {
    /// The function of this name.
    pub fn function(&self, name: &str) -> Option<&'static Function> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// Whether an acknowledged operation shows something of its object's state; a function that the interface does not
    /// have shows nothing.
    pub fn observes(&self, function: &str, value: &Value) -> bool {
        self.function(function).is_some_and(|function| (function.observes)(value))
    }

    /// Whether an operation may change its object; a function that the interface does not have may.
    pub fn updates(&self, function: &str) -> bool {
        self.function(function).is_none_or(|function| function.updates)
    }

    /// What a read answered, in a form in which two answers are equal when they mean the same: elements are sorted
    /// where their order means nothing.
    pub fn canonical(&self, answer: &Value) -> Value {
        (self.canonical)(answer)
    }
}

impl PartialEq for Interface {
    fn eq(&self, other: &Interface) -> bool {
        self.name == other.name
    }
}

impl Eq for Interface {}

impl fmt::Display for Interface {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name)
    }
}

/// An answer whose form is canonical already.
pub fn as_answered(answer: &Value) -> Value {
    answer.clone()
}

/// A list with its elements in order, for answers in which their order means nothing; anything else as it is.
pub fn sorted(value: &Value) -> Value {
    let Some(elements) = value.as_list() else { return value.clone() };
    let mut elements = elements.to_vec();
    elements.sort();
    Value::list(elements)
}
