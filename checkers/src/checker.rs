//! A checker as users know it: its name, what it decides, what it can read, and how it judges.
//!
//! One [`Checker`] describes one checker completely: `rashomon list models`, `rashomon check --model`, the guard
//! against histories that it cannot read (`checkers/src/guard.rs`) and the choice of a workload all go by it. Adding
//! one is one constant and its entry in a list; a crate of one's own hands its constant to the program's registry.

use std::fmt;

use rashomon_history::{History, OpView, Value};

use crate::eventual::EventualDemand;
use crate::guard;
use crate::level::Level;
use crate::verdict::{Budget, Judgement};

/// A checker.
#[derive(Clone, Copy)]
pub struct Checker {
    /// The name users write.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What it means, in one line.
    pub summary: &'static str,
    /// The consistency levels that it decides for its objects; none for what must hold at any level.
    pub levels: &'static [Level],
    /// The functions that it understands. An operation of any other function, or with a value of another shape, makes
    /// the answer *unknown*. Empty for a checker that reads whatever there is.
    pub functions: &'static [Function],
    /// What must hold of the history besides, or the answer is *unknown*: a line each.
    pub preconditions: &'static [&'static str],
    /// How an object comes to hold a value before the first operation; `None` where it cannot be said.
    pub initially: Option<Initially>,
    /// For a checker with a number of its own, as the permits of a semaphore: that number.
    pub parameter: Option<u32>,
    /// Judges a history whose operations were found to be readable.
    pub judge: fn(&History, &Request) -> Judgement,
}

/// The operation, as function and input, that puts this value into an object of a checker. The error says what the
/// value must look like.
pub type Initially = fn(&Value) -> Result<(&'static str, Value), String>;

/// What a checker is asked besides the history.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// How much it may spend.
    pub budget: Budget,
    /// What is demanded of replicas that may disagree for a while.
    pub demand: EventualDemand,
    /// The checker's number, where it has one.
    pub parameter: u32,
    /// The level to judge by, where one was named and the checker decides several.
    pub level: Option<Level>,
}

/// A function that a checker understands.
#[derive(Clone, Copy)]
pub struct Function {
    /// Its name in histories.
    pub name: &'static str,
    /// What it must be invoked with.
    pub input: Shape,
    /// What it must return where it ended `ok`.
    pub output: Shape,
    /// Whether its result says something about the object: a history without any such result is no evidence.
    pub observes: Observes,
    /// For a function that is known but cannot be judged: why, and what to do instead.
    pub refused: Option<&'static str>,
}

/// Which operations of a function say something about the object.
#[derive(Clone, Copy)]
pub enum Observes {
    /// None.
    Never,
    /// Those that ended `ok`.
    Ok,
    /// Those that ended `ok` or `fail`.
    OkOrFail,
    /// Those that ended `ok` and of which this holds.
    If(fn(&OpView<'_>) -> bool),
}

/// What a value must look like.
#[derive(Clone, Copy)]
pub enum Shape {
    /// Anything.
    Any,
    /// What this function says, given what was asked and the value.
    Of {
        /// In words, as `[from to]`.
        text: &'static str,
        /// Whether a value fits, by the operation's input and the value itself.
        fits: fn(&Value, &Value) -> bool,
    },
}

impl Shape {
    /// A 64-bit integer.
    pub const INT: Shape = Shape::Of { text: "a 64-bit integer", fits: |_, value| value.as_int().is_some() };
    /// A 64-bit integer, or nil.
    pub const INT_OR_NIL: Shape =
        Shape::Of { text: "a 64-bit integer or nil", fits: |_, value| value.is_nil() || value.as_int().is_some() };
    /// Text, or nil.
    pub const TEXT_OR_NIL: Shape =
        Shape::Of { text: "text or nil", fits: |_, value| value.is_nil() || value.as_text().is_some() };
    /// True or false.
    pub const BOOL: Shape = Shape::Of { text: "true or false", fits: |_, value| matches!(value, Value::Bool(_)) };
    /// Anything but nil.
    pub const NOT_NIL: Shape = Shape::Of { text: "a value other than nil", fits: |_, value| !value.is_nil() };
    /// A list.
    pub const LIST: Shape = Shape::Of { text: "a list", fits: |_, value| value.as_list().is_some() };
    /// A list, or nil for an empty one.
    pub const LIST_OR_NIL: Shape =
        Shape::Of { text: "a list or nil", fits: |_, value| value.is_nil() || value.as_list().is_some() };
    /// The two values of a compare-and-set.
    pub const FROM_TO: Shape = Shape::Of { text: "[from to]", fits: |_, value| is_pair(value) };

    /// Whether a value fits, given what its operation was asked.
    pub fn fits(&self, input: &Value, value: &Value) -> bool {
        match self {
            Shape::Any => true,
            Shape::Of { fits, .. } => fits(input, value),
        }
    }

    /// In words.
    pub fn text(&self) -> &'static str {
        match self {
            Shape::Any => "anything",
            Shape::Of { text, .. } => text,
        }
    }

    /// Whether everything fits.
    pub fn is_any(&self) -> bool {
        matches!(self, Shape::Any)
    }
}

/// Whether a value is a list of two.
pub(crate) fn is_pair(value: &Value) -> bool {
    value.as_list().is_some_and(|items| items.len() == 2)
}

impl Function {
    /// A function whose result says nothing about the object.
    pub const fn update(name: &'static str, input: Shape) -> Function {
        Function { name, input, output: Shape::Any, observes: Observes::Never, refused: None }
    }

    /// A function whose result says something about the object.
    pub const fn observer(name: &'static str, input: Shape, output: Shape) -> Function {
        Function { name, input, output, observes: Observes::Ok, refused: None }
    }

    /// A function that is known but cannot be judged.
    pub const fn refused(name: &'static str, why: &'static str) -> Function {
        Function { refused: Some(why), ..Function::update(name, Shape::Any) }
    }

    /// The same with a result of this shape.
    pub const fn returning(self, output: Shape) -> Function {
        Function { output, ..self }
    }

    /// The same where these operations say something about the object.
    pub const fn observing(self, observes: Observes) -> Function {
        Function { observes, ..self }
    }
}

impl Checker {
    /// The rest of a checker that reads everything, and has neither aliases, levels nor preconditions.
    pub const fn new(name: &'static str, summary: &'static str, judge: fn(&History, &Request) -> Judgement) -> Checker {
        Checker {
            name,
            aliases: &[],
            summary,
            levels: &[],
            functions: &[],
            preconditions: &[],
            initially: None,
            parameter: None,
            judge,
        }
    }

    /// The same with functions.
    pub const fn with_functions(self, functions: &'static [Function]) -> Checker {
        Checker { functions, ..self }
    }

    /// The same with levels.
    pub const fn with_levels(self, levels: &'static [Level]) -> Checker {
        Checker { levels, ..self }
    }

    /// The same with preconditions.
    pub const fn with_preconditions(self, preconditions: &'static [&'static str]) -> Checker {
        Checker { preconditions, ..self }
    }

    /// The same with other names.
    pub const fn with_aliases(self, aliases: &'static [&'static str]) -> Checker {
        Checker { aliases, ..self }
    }

    /// The same whose objects may begin with a value.
    pub const fn starting_with(self, initially: Initially) -> Checker {
        Checker { initially: Some(initially), ..self }
    }

    /// The same with a number.
    pub const fn with_parameter(self, parameter: u32) -> Checker {
        Checker { parameter: Some(parameter), ..self }
    }

    /// Judges a history, with nothing promised of replicas that disagree for a while ([`EventualDemand::DEFAULT`]).
    pub fn check(&self, history: &History, budget: &Budget) -> Judgement {
        self.check_under(history, &EventualDemand::DEFAULT, budget)
    }

    /// Judges a history under a demand. What cannot be read, and what shows nothing, is *unknown*.
    pub fn check_under(&self, history: &History, demand: &EventualDemand, budget: &Budget) -> Judgement {
        guard::judge(self, history, &self.request(demand, budget))
    }

    /// Judges a history by one of the levels that the checker decides.
    pub fn check_at(&self, history: &History, level: Level, budget: &Budget) -> Judgement {
        let request = Request { level: Some(level), ..self.request(&EventualDemand::DEFAULT, budget) };
        guard::judge(self, history, &request)
    }

    /// Whether it judges transactions, by an isolation level.
    pub fn is_transactional(&self) -> bool {
        self.functions.iter().any(|function| function.name == "txn") && self.levels.len() > 1
    }

    fn request(&self, demand: &EventualDemand, budget: &Budget) -> Request {
        Request { budget: *budget, demand: *demand, parameter: self.parameter.unwrap_or(1), level: None }
    }
}

impl PartialEq for Checker {
    fn eq(&self, other: &Checker) -> bool {
        (self.name, self.parameter) == (other.name, other.parameter)
    }
}

impl Eq for Checker {}

impl fmt::Debug for Checker {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// The name, with the number of permits and the like: `register`, `semaphore:2`.
impl fmt::Display for Checker {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parameter {
            Some(parameter) => write!(out, "{}:{parameter}", self.name),
            None => out.write_str(self.name),
        }
    }
}
