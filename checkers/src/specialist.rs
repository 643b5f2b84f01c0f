//! Methods that are exact for some histories and much quicker than any search.

use rashomon_history::{History, OpId};

use crate::engine::Answered;

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

/// A method for the histories of some models.
pub trait Specialist: Sync {
    /// The method's name, as it stands in a judgement.
    fn name(&self) -> &'static str;

    /// Why it may be used, in a few words.
    fn why(&self) -> &'static str;

    /// Decides the operations of one object, exactly; `None` when the method does not apply to them.
    ///
    /// A *yes* carries a linearization when `prove` is set; otherwise it may carry an empty one.
    fn decide(&self, history: &History, ops: Ops<'_>, prove: bool) -> Option<Answered>;
}
