//! Known bugs on top of the design, each switched on by name: one visible branch at the place where the real bug would
//! be.

use rashomon_mutants::{Mutants, Recipe};

/// A bug that can be built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mutant {
    /// D4.
    TimestampTies,
}

/// What a person should know about a mutant.
pub type MutantInfo = rashomon_mutants::MutantInfo<Mutant>;

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
        note: "two nodes take writes of one key within a millisecond, and nobody writes it again: few keys, retired soon",
    },
}];

impl Mutants for Mutant {
    const ALL: &'static [MutantInfo] = ALL;
}
