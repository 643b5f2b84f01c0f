//! Known bugs, each switched on by name: one visible branch at the place where the real bug would be.
//!
//! All are taken from the field's history. [`ALL`] says for each what it does, what anomaly it leads to and what
//! exposes it on a real cluster. Search for a variant's name to see its branch.

use rashomon_mutants::{Mutants, Recipe};

/// A bug that can be built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mutant {
    /// D1.
    CoordinatorCounts,
    /// D2.
    HintCounts,
    /// D3.
    VersionByClock,
    /// D4.
    TieByArrival,
    /// D5.
    RepairOverwrites,
    /// D6.
    ReadBeforeRepair,
    /// D7.
    TimeoutIsFailure,
    /// D8.
    HintsInMemory,
    /// D9.
    HintOutlivesTombstone,
    /// D10.
    CollectedByAge,
    /// D11.
    DotsInMemory,
    /// D12.
    ContextPruned,
    /// D13.
    ContextIgnored,
    /// D14.
    ServesBeforeStreamed,
    /// D15.
    StaleRing,
    /// D16.
    MerkleRangeEnd,
    /// D17.
    CountedTwice,
    /// D18.
    TimestampedCells,
}

/// What a person should know about a mutant.
pub type MutantInfo = rashomon_mutants::MutantInfo<Mutant>;

/// All mutants, by id.
pub const ALL: &[MutantInfo] = &[
    MutantInfo {
        mutant: Mutant::CoordinatorCounts,
        name: "coordinator-counts",
        id: "D1",
        summary: "the coordinator counts itself for W although it holds no replica",
        exposes: "stale reads: an acknowledged write is on fewer replicas than a read may miss",
        recipe: Recipe {
            workload: "register",
            nodes: 5,
            faults: &["partition"],
            seconds: 30,
            options: &["--set n=2", "--set r=1", "--set w=2"],
            note: "of two replicas each is on its own side of a partition; a coordinator that is no replica is content with the one that it reaches",
        },
    },
    MutantInfo {
        mutant: Mutant::HintCounts,
        name: "hint-counts",
        id: "D2",
        summary: "hints kept by fallback nodes count for W in a strict quorum",
        exposes: "stale reads: an acknowledged write that no replica has yet",
        recipe: Recipe {
            workload: "register",
            nodes: 5,
            faults: &["partition"],
            seconds: 30,
            options: &["--set r=1", "--set w=3"],
            note: "a write that needs all three replicas is acknowledged with fallback nodes for those on the other side of a partition, where a read needs only one",
        },
    },
    MutantInfo {
        mutant: Mutant::VersionByClock,
        name: "version-by-clock",
        id: "D3",
        summary: "versions of registers come from the writer's wall clock instead of a quorum",
        exposes: "lost writes: an acknowledged write is older than what it overwrites",
        recipe: Recipe {
            workload: "register",
            nodes: 5,
            faults: &["clock"],
            seconds: 30,
            options: &[],
            note: "clocks differ by more than the time between two writes of a key",
        },
    },
    MutantInfo {
        mutant: Mutant::TieByArrival,
        name: "tie-by-arrival",
        id: "D4",
        summary: "of two versions with the same stamp each replica keeps the one that came first",
        exposes: "replicas disagree for good: a value comes back, reads contradict each other",
        recipe: Recipe {
            workload: "register",
            nodes: 5,
            faults: &["partition", "pause"],
            seconds: 30,
            options: &["--set r=1", "--set w=3"],
            note: "two coordinators write a key at once, and their writes reach replicas in different order; reads that ask one replica tell what it has",
        },
    },
    MutantInfo {
        mutant: Mutant::RepairOverwrites,
        name: "repair-overwrites",
        id: "D5",
        summary: "what a repair brings replaces what the replica has, also when that is newer",
        exposes: "lost writes, values that go back",
        recipe: Recipe {
            workload: "register",
            nodes: 5,
            faults: &["partition", "pause"],
            seconds: 30,
            options: &[],
            note: "a replica that was behind is repaired while a new write arrives",
        },
    },
    MutantInfo {
        mutant: Mutant::ReadBeforeRepair,
        name: "read-before-repair",
        id: "D6",
        summary: "a read answers before what it found is on W replicas",
        exposes: "non-monotonic reads: a value is seen and then not",
        recipe: Recipe {
            workload: "register",
            nodes: 5,
            faults: &["partition"],
            seconds: 30,
            options: &["--set r=1", "--set w=3"],
            note: "a write reaches the replicas on one side of a partition only; reads on both sides need one replica",
        },
    },
    MutantInfo {
        mutant: Mutant::TimeoutIsFailure,
        name: "timeout-is-failure",
        id: "D7",
        summary: "a write that too few replicas acknowledged in time is reported as failed",
        exposes: "a failed write is read",
        recipe: Recipe {
            workload: "register",
            nodes: 5,
            faults: &["partition"],
            seconds: 20,
            options: &["--set r=1", "--set w=3"],
            note: "a coordinator reaches a replica to learn the version, but not all that a write needs; what it wrote is read later",
        },
    },
    MutantInfo {
        mutant: Mutant::HintsInMemory,
        name: "hints-in-memory",
        id: "D8",
        summary: "hints are kept in memory only",
        exposes: "acknowledged elements are lost",
        recipe: Recipe {
            workload: "set",
            nodes: 5,
            faults: &["isolate-one", "kill-all"],
            seconds: 20,
            options: &[
                "--clients 20",
                "--set n=2",
                "--set quorum=sloppy",
                "--set r=1",
                "--set w=1",
                "--set handoff-ms=6000",
                "--set probe-ms=100",
                "--set patience-ms=20",
                "--set request-timeout-ms=150",
                "--set anti-entropy-ms=100",
                "-o mix=writes",
            ],
            note: "a node that is cut off keeps the only copies of what is written there under keys of others, and is killed before it hands them over",
        },
    },
    MutantInfo {
        mutant: Mutant::HintOutlivesTombstone,
        name: "hint-outlives-tombstone",
        id: "D9",
        summary: "tombstones are forgotten while hints for their keys are still kept",
        exposes: "a removed element comes back",
        recipe: Recipe {
            workload: "cart",
            nodes: 5,
            faults: &["isolate-one"],
            seconds: 20,
            options: &[
                "--clients 2",
                "--set n=5",
                "--set r=3",
                "--set w=3",
                "--set patience-ms=20",
                "--set request-timeout-ms=300",
                "--set handoff-ms=3000",
                "--set grace-ms=300",
                "--set anti-entropy-ms=100",
                "-o elements=1",
                "-o keys=1000",
                "-o mix=even",
            ],
            note: "a hint older than a removal is handed over after the tombstone was forgotten; a cart of one element is a tombstone when that is removed. Where every node is a replica and clients are few, a process often knows every addition that it removes",
        },
    },
    MutantInfo {
        mutant: Mutant::CollectedByAge,
        name: "collected-by-age",
        id: "D10",
        summary: "a tombstone is forgotten when it is old, whether or not all replicas have it",
        exposes: "a removed element comes back",
        recipe: Recipe {
            workload: "cart",
            nodes: 5,
            faults: &["isolate-one"],
            seconds: 20,
            options: &[
                "--clients 2",
                "--set n=5",
                "--set r=3",
                "--set w=3",
                "--set patience-ms=20",
                "--set hints=no",
                "--set grace-ms=300",
                "--set anti-entropy-ms=100",
                "-o elements=1",
                "-o keys=1000",
                "-o mix=even",
            ],
            note: "a replica misses a removal for longer than the grace period, and its old state is taken for news; a cart of one element is a tombstone when that is removed. Where every node is a replica and clients are few, a process often knows every addition that it removes",
        },
    },
    MutantInfo {
        mutant: Mutant::DotsInMemory,
        name: "dots-in-memory",
        id: "D11",
        summary: "the number of an actor's events is in memory only and starts again after a restart",
        exposes: "acknowledged siblings are lost: their dots were seen before",
        recipe: Recipe {
            workload: "siblings",
            nodes: 5,
            faults: &["kill"],
            seconds: 40,
            options: &[],
            note: "a node is killed and writes keys again that it had written before",
        },
    },
    MutantInfo {
        mutant: Mutant::ContextPruned,
        name: "context-pruned",
        id: "D12",
        summary: "version vectors are cut to two actors",
        exposes: "superseded siblings come back",
        recipe: Recipe {
            workload: "siblings",
            nodes: 5,
            faults: &["partition", "kill"],
            seconds: 40,
            options: &[],
            note: "keys written through more than two nodes; replicas that missed something meet",
        },
    },
    MutantInfo {
        mutant: Mutant::ContextIgnored,
        name: "context-ignored",
        id: "D13",
        summary: "a write supersedes whatever the replica has, not what its client has seen",
        exposes: "concurrent acknowledged siblings are lost",
        recipe: Recipe {
            workload: "siblings",
            nodes: 5,
            faults: &["partition"],
            seconds: 20,
            options: &[],
            note: "two clients write without having seen each other's values",
        },
    },
    MutantInfo {
        mutant: Mutant::ServesBeforeStreamed,
        name: "serves-before-streamed",
        id: "D14",
        summary: "a new replica is read from before it has what the old ones have",
        exposes: "stale reads after the ring changed",
        recipe: Recipe {
            workload: "register",
            nodes: 5,
            faults: &["delay-all", "delay-one"],
            seconds: 20,
            options: &["--set r=1", "--set w=3", "--set churn-ms=500", "--set anti-entropy-ms=5000", "-o keys=600"],
            note: "the ring changes under load, and what is streamed takes longer than the next stage; a read that asks one replica asks the new one, and nothing else mends it soon",
        },
    },
    MutantInfo {
        mutant: Mutant::StaleRing,
        name: "stale-ring",
        id: "D15",
        summary: "a change of the ring goes on when a majority knows of it",
        exposes: "stale reads, lost writes: coordinators with an old ring write to old replicas",
        recipe: Recipe {
            workload: "register",
            nodes: 5,
            faults: &["isolate-one"],
            seconds: 20,
            options: &["--set r=1", "--set w=3", "--set churn-ms=500"],
            note: "the ring changes while a node is cut off; its clients go on reading from it alone what is now written elsewhere",
        },
    },
    MutantInfo {
        mutant: Mutant::MerkleRangeEnd,
        name: "merkle-range-end",
        id: "D16",
        summary: "the hash of a range leaves out its last leaf",
        exposes: "replicas disagree for good",
        recipe: Recipe {
            workload: "set",
            nodes: 5,
            faults: &["partition"],
            seconds: 15,
            options: &["--set r=1", "--set w=1", "--set hints=no", "--set read-repair=no", "--set anti-entropy-ms=100"],
            note: "nothing but anti-entropy repairs, and it does not see one key in eight",
        },
    },
    MutantInfo {
        mutant: Mutant::CountedTwice,
        name: "counted-twice",
        id: "D17",
        summary: "a counter's request that is not answered soon is given to another replica, too",
        exposes: "more was counted than was added",
        recipe: Recipe {
            workload: "counter",
            nodes: 5,
            faults: &["pause", "isolate-one"],
            seconds: 30,
            options: &[],
            note: "a replica is slow or cut off after it got the request",
        },
    },
    MutantInfo {
        mutant: Mutant::TimestampedCells,
        name: "timestamped-cells",
        id: "D18",
        summary: "elements of sets and carts are cells with timestamps, and the later one wins",
        exposes: "acknowledged elements are lost, removed ones come back or stay",
        recipe: Recipe {
            workload: "cart",
            nodes: 5,
            faults: &["clock"],
            seconds: 20,
            options: &[],
            note: "an element is added or removed through a node whose clock is behind that of the last who did so",
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
