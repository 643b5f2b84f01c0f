//! Known bugs, each switched on by name: a small visible branch at the place where the real bug would be.
//!
//! All are taken from the field's history. [`ALL`] says for each what it does, what anomaly it leads to and what
//! exposes it on a real cluster. Search for a variant's name to see its branch.

mod recipes;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MutantInfo {
    /// The variant.
    pub mutant: Mutant,
    /// Its name on the command line.
    pub name: &'static str,
    /// Its number in the project's catalogue of bugs of replicated data types.
    pub id: &'static str,
    /// What is wrong, in a sentence.
    pub summary: &'static str,
    /// The anomaly a client sees.
    pub exposes: &'static str,
    /// What to run to see it.
    pub recipe: Recipe,
}

/// A run that exposes a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The workload.
    pub workload: &'static str,
    /// How many nodes.
    pub nodes: u16,
    /// The faults, by kind: a class (`partition`, `kill`, `pause`, `clock`) or a kind of the harness.
    pub faults: &'static [&'static str],
    /// How long it should take at most, s.
    pub seconds: u32,
    /// Further options of `rashomon run`, without which it is found less often.
    pub options: &'static [&'static str],
    /// What must come together, and why.
    pub note: &'static str,
}

impl Mutant {
    /// The mutant of that name.
    pub fn by_name(name: &str) -> Option<Mutant> {
        ALL.iter().find(|info| info.name == name).map(|info| info.mutant)
    }

    /// What is known about it.
    pub fn info(self) -> &'static MutantInfo {
        ALL.iter().find(|info| info.mutant == self).expect("ALL lists every mutant, as a test shows")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_is_found_by_its_name_and_only_once() {
        for info in ALL {
            assert_eq!(Mutant::by_name(info.name), Some(info.mutant));
            assert_eq!(info.mutant.info().id, info.id);
            assert_eq!(ALL.iter().filter(|other| other.id == info.id || other.name == info.name).count(), 1);
        }
        assert_eq!(Mutant::by_name("no-such"), None);
    }
}
