//! Known bugs on top of the design, each switched on by name: one visible branch at the place where the real bug would
//! be.

/// A bug that can be built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mutant {
    /// D4.
    TimestampTies,
}

/// What a person should know about a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MutantInfo {
    /// The variant.
    pub mutant: Mutant,
    /// Its name on the command line.
    pub name: &'static str,
    /// Its number in the catalogue of known bugs.
    pub id: &'static str,
    /// What is wrong, in a sentence.
    pub summary: &'static str,
    /// The anomaly a client sees.
    pub exposes: &'static str,
    /// What to run to see it.
    pub recipe: Recipe,
    /// What must come together, and why.
    pub note: &'static str,
}

/// A run that exposes a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The workload.
    pub workload: &'static str,
    /// How many nodes.
    pub nodes: u16,
    /// The faults, by class or kind.
    pub faults: &'static [&'static str],
    /// How long it should take at most, s.
    pub seconds: u32,
    /// Further options of `rashomon run`.
    pub options: &'static [&'static str],
}

/// All mutants, by id.
pub const ALL: &[MutantInfo] = &[MutantInfo {
    mutant: Mutant::TimestampTies,
    name: "timestamp-ties",
    id: "D4",
    summary: "stamps are whole milliseconds, and of two equal ones each node keeps what it heard first",
    exposes: "replicas disagree",
    recipe: Recipe {
        workload: "register",
        nodes: 3,
        faults: &["none"],
        seconds: 10,
        options: &["-o keys=40", "-o ops-per-key=40"],
    },
    note: "two nodes take writes of one key within a millisecond, and nobody writes it again: few keys, retired soon",
}];

impl Mutant {
    /// What there is to know about it.
    pub fn info(self) -> &'static MutantInfo {
        ALL.iter().find(|info| info.mutant == self).expect("every mutant is listed")
    }

    /// The mutant of this name.
    pub fn by_name(name: &str) -> Option<Mutant> {
        ALL.iter().find(|info| info.name == name).map(|info| info.mutant)
    }
}
