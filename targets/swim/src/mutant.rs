//! Known bugs, each switched on by name: one visible branch at the place where the real bug would be.
//!
//! All are taken from the field's history. [`ALL`] says for each what it does, what anomaly it leads to and what
//! exposes it on a real cluster. Search for a variant's name to see its branch.

use rashomon_mutants::{Mutants, Recipe};

/// A bug that can be built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mutant {
    /// G1.
    StaleAlive,
    /// G2.
    NoAccusationBack,
    /// G3.
    SuspectAdds,
    /// G4.
    NoIndirectProbe,
    /// G5.
    NoLocalHealth,
    /// G6.
    DropDeadSeeds,
}

/// What a person should know about a mutant.
pub type MutantInfo = rashomon_mutants::MutantInfo<Mutant>;

/// All mutants, by id.
pub const ALL: &[MutantInfo] = &[
    MutantInfo {
        mutant: Mutant::StaleAlive,
        name: "stale-alive",
        id: "G1",
        summary: "a member's death or departure does not advance the incarnation that is remembered of it",
        exposes: "a member that left is alive again",
        recipe: Recipe {
            workload: "members",
            nodes: 5,
            faults: &["isolate-one", "majority-minority"],
            seconds: 40,
            options: &["--stop-on-violation"],
            note: "a node misses some incarnations of a member and hears that it left; then somebody who has not heard \
                   that yet tells it that the member is alive in one of those it missed",
        },
    },
    MutantInfo {
        mutant: Mutant::NoAccusationBack,
        name: "no-accusation-back",
        id: "G2",
        summary: "a restarted node begins again with incarnation 1, and nobody tells it that it is held for dead",
        exposes: "a node that serves stays dead for the others",
        recipe: Recipe {
            workload: "members",
            nodes: 5,
            faults: &["kill"],
            seconds: 30,
            options: &["-o movers=3", "--stop-on-violation"],
            note: "a node is down for longer than a suspicion lasts",
        },
    },
    MutantInfo {
        mutant: Mutant::SuspectAdds,
        name: "suspect-adds",
        id: "G3",
        summary: "a suspicion of a member that is no longer known makes it a member again",
        exposes: "a member that left and was forgotten is a member again",
        recipe: Recipe {
            workload: "members",
            nodes: 5,
            faults: &["isolate-one", "one-way-in"],
            seconds: 50,
            options: &["--set forget-after-ms=50", "-o movers=3", "-o stay=100", "-o away=250", "--stop-on-violation"],
            note: "a member leaves, or dies for others, while a node hears nothing; those others forget it, and hear of that \
                   node's suspicion",
        },
    },
    MutantInfo {
        mutant: Mutant::NoIndirectProbe,
        name: "no-indirect-probe",
        id: "G4",
        summary: "a member is suspected when it does not answer a direct probe; nobody else is asked to probe it",
        exposes: "members that every node can reach through others are suspected again and again",
        recipe: Recipe {
            workload: "members",
            nodes: 5,
            faults: &["one-link"],
            seconds: 50,
            options: &[
                "-o accusations=no-suspicions",
                "-o gap-ms=200",
                "-o movers=0",
                "--set probe-interval-ms=800",
                "--set probe-timeout-ms=300",
                "--set suspicion-periods=1",
                "--set sync-interval-ms=1000",
                "--rate 400",
                "--stop-on-violation",
            ],
            note: "two nodes cannot reach each other, but there is always a way through a third one; nobody stands still \
                   for so long that it could not answer",
        },
    },
    MutantInfo {
        mutant: Mutant::NoLocalHealth,
        name: "no-local-health",
        id: "G5",
        summary: "a node that stood still makes up for the time by the clock and accuses those whose answers it has not \
                  read yet; timeouts do not grow with its own failures",
        exposes: "healthy members are declared dead",
        recipe: Recipe {
            workload: "members",
            nodes: 5,
            faults: &["pause"],
            seconds: 50,
            options: &[
                "-o accusations=no-deaths",
                "-o gap-ms=400",
                "-o movers=0",
                "--set probe-interval-ms=300",
                "--set probe-timeout-ms=120",
                "--set suspicion-periods=2",
                "--set sync-interval-ms=1000",
                "--rate 500",
                "--stop-on-violation",
            ],
            note: "a node is stopped for longer than a suspicion lasts, and goes on",
        },
    },
    MutantInfo {
        mutant: Mutant::DropDeadSeeds,
        name: "drop-dead-seeds",
        id: "G6",
        summary: "nobody tries to reach a member that is dead, not even a seed",
        exposes: "two halves of the cluster never find together again",
        recipe: Recipe {
            workload: "members",
            nodes: 5,
            faults: &["majority-minority"],
            seconds: 30,
            options: &["-o movers=0", "--set suspicion-periods=2"],
            note: "a partition lasts until both sides hold each other for dead; nobody joins, which would call all seeds",
        },
    },
];

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
