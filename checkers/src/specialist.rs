//! Methods that are exact for some histories and much quicker than any search.
//!
//! A specialist decides, tells which rule is broken, or says why it is not the method: it never guesses. What it leaves
//! goes to the general engine, and the judgement says which of them decided and why.

mod scratch;

use std::borrow::Cow;

use rashomon_history::{History, OpId, Row};

use crate::engine::Answered;
use crate::keys::KeyTable;
use crate::model::Unusable;
pub use scratch::Scratch;

/// The operations of one object, in order of invocation.
#[derive(Clone, Copy, Debug)]
pub enum Ops<'a> {
    /// All operations of the history.
    All(u32),
    /// These.
    Listed(&'a [u32]),
}

impl Ops<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Ops::All(count) => *count as usize,
            Ops::Listed(ids) => ids.len(),
        }
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One of them. Panics when there are not so many.
    #[inline]
    pub fn get(&self, index: usize) -> OpId {
        match self {
            Ops::All(_) => OpId(index as u32),
            Ops::Listed(ids) => OpId(ids[index]),
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = OpId> + '_ {
        (0..self.len()).map(|index| self.get(index))
    }
}

impl<'a> From<&'a [u32]> for Ops<'a> {
    fn from(ids: &'a [u32]) -> Ops<'a> {
        Ops::Listed(ids)
    }
}

impl<'a> From<&'a Vec<u32>> for Ops<'a> {
    fn from(ids: &'a Vec<u32>) -> Ops<'a> {
        Ops::Listed(ids)
    }
}

/// The rows of one object's operations. Those of a key among many lie far apart in the history, so they are fetched
/// once.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    history: &'a History,
    which: Which<'a>,
}

#[derive(Clone, Debug)]
enum Which<'a> {
    /// All operations of the history.
    All(u32),
    /// These.
    Fetched(Cow<'a, [(OpId, Row)]>),
}

impl<'a> Rows<'a> {
    /// The rows of some operations.
    pub fn of(history: &'a History, ops: Ops<'_>) -> Rows<'a> {
        let which = match ops {
            Ops::All(count) => Which::All(count),
            Ops::Listed(_) => Which::Fetched(ops.iter().map(|op| (op, history.row(op))).collect()),
        };
        Rows { history, which }
    }

    /// Operations with their rows.
    pub(crate) fn fetched(history: &'a History, rows: &'a [(OpId, Row)]) -> Rows<'a> {
        Rows { history, which: Which::Fetched(Cow::Borrowed(rows)) }
    }

    /// How many there are.
    pub fn len(&self) -> u32 {
        match &self.which {
            Which::All(count) => *count,
            Which::Fetched(rows) => rows.len() as u32,
        }
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One of them, by its index among the object's operations. Panics when there are not so many.
    #[inline]
    pub fn get(&self, index: u32) -> Row {
        match &self.which {
            Which::All(_) => self.history.row(OpId(index)),
            Which::Fetched(rows) => rows[index as usize].1,
        }
    }

    /// The operation of a row.
    #[inline]
    pub fn op(&self, index: u32) -> OpId {
        match &self.which {
            Which::All(_) => OpId(index),
            Which::Fetched(rows) => rows[index as usize].0,
        }
    }

    /// The history they are of.
    pub fn history(&self) -> &'a History {
        self.history
    }
}

/// What a history of an object must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The anomaly's name.
    pub name: &'static str,
    /// What happened, as the beginning of a sentence.
    pub because: &'static str,
}

/// Operations that break a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The rule.
    pub rule: Rule,
    /// The operations that contradict each other by it, in order of invocation; at least one.
    pub among: Vec<OpId>,
    /// Whether they do so when all others are left out (not only when all others become unknown), so that they can be
    /// judged alone.
    pub alone: bool,
}

/// What a specialist says of one object's operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It decided them, exactly.
    Decided(Answered),
    /// They are not linearizable, because of a rule that has a name.
    Broken(Broken),
    /// It is not the method for them; why not, in a few words.
    Left(&'static str),
}

/// A method for the histories of some models.
pub trait Specialist: Sync {
    /// The method's name, as it stands in a judgement.
    fn method(&self) -> &'static str;

    /// Why it may be used where it is, in a few words.
    fn why(&self) -> &'static str;

    /// Decides the operations of one object. The error is an operation that the model cannot read.
    ///
    /// A *yes* carries a linearization when `prove` is set; otherwise it may carry an empty one. A specialist that
    /// says what it means that nothing was observed counts in `scratch` what was, whatever it decides.
    fn decide(&self, rows: &Rows<'_>, prove: bool, scratch: &mut Scratch) -> Result<Decision, (OpId, Unusable)>;

    /// Which keys are certainly linearizable, found without looking at each alone; that a key is not among them says
    /// nothing. Empty when the method has no such way. The same for any number of threads.
    fn certain(&self, _history: &History, _keys: &KeyTable, _threads: usize) -> Vec<bool> {
        Vec::new()
    }

    /// What it means that no operation of a history says anything about the objects: `nothing was ever taken out`.
    /// Then nothing was judged. `None` where such a history is simply linearizable.
    fn unobserved(&self) -> Option<&'static str> {
        None
    }
}
