//! Known bugs, each switched on by name: a small visible branch at the place where the real bug would be.
//!
//! All are taken from the field's history. [`ALL`] says for each what it does, what anomaly it leads to and what
//! exposes it on a real cluster. Search for a variant's name to see its branch.

mod recipes;

use rashomon_mutants::Mutants;

pub use recipes::ALL;

/// A bug that can be built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mutant {
    /// C1.
    MergeBySum,
    /// C2.
    DotsReused,
    /// C3.
    RemoveByValue,
    /// C4.
    KeepsCommonElements,
    /// C5.
    FlagByBothSides,
    /// C6.
    BlindMapRemove,
    /// C9.
    CollectsUnstable,
    /// C10.
    NoTiebreak,
    /// C11.
    DeltaGap,
    /// C12.
    AppliedAgain,
    /// C13.
    RemoveIgnoresStamp,
    /// C14.
    SiblingOrderNotTotal,
}

/// What a person should know about a mutant.
pub type MutantInfo = rashomon_mutants::MutantInfo<Mutant>;

impl Mutants for Mutant {
    const ALL: &'static [MutantInfo] = ALL;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_is_found_by_its_name_and_only_once() {
        rashomon_testkit::assert_distinct::<Mutant>();
    }
}
