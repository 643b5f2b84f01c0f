//! Methods that are exact for some histories and much quicker than any search.

use std::borrow::Cow;

use rashomon_history::{History, OpId, Row};

use crate::engine::Answered;
use crate::keys::KeyTable;

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

/// A method for the histories of some models.
pub trait Specialist: Sync {
    /// The method's name, as it stands in a judgement.
    fn name(&self) -> &'static str;

    /// Why it may be used, in a few words.
    fn why(&self) -> &'static str;

    /// Decides the operations of one object, exactly; `None` when the method does not apply to them.
    ///
    /// A *yes* carries a linearization when `prove` is set; otherwise it may carry an empty one.
    fn decide(&self, rows: &Rows<'_>, prove: bool) -> Option<Answered>;

    /// Which keys are certainly linearizable, found without looking at each alone; that a key is not among them says
    /// nothing. Empty when the method has no such way. The same for any number of threads.
    fn certain(&self, _history: &History, _keys: &KeyTable, _threads: usize) -> Vec<bool> {
        Vec::new()
    }
}
