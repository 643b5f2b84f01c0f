//! Known bugs, each switched on by name: one visible branch at the place where the real bug would be.
//!
//! All are taken from the field's history. [`ALL`] says for each what it does, what anomaly it leads to and what
//! exposes it on a real cluster. Search for a variant's name to see its branch.

/// A bug that can be built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mutant {
    /// R1.
    VoteNotPersisted,
    /// R6.
    CommitOldTerm,
    /// R7.
    VoteIgnoresLog,
    /// R10.
    AppendTruncates,
    /// R11.
    NoPrevCheck,
    /// R13.
    CommitBeyondMatch,
    /// R16.
    AckBeforeFsync,
    /// R25.
    ReadBeforeNoop,
    /// R26.
    StaleRead,
    /// R28.
    LeaseByWallClock,
    /// R37.
    NoDedup,
}

/// What a person should know about a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MutantInfo {
    /// The variant.
    pub mutant: Mutant,
    /// Its name on the command line.
    pub name: &'static str,
    /// Its number in the project's catalogue of Raft bugs.
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
    /// How many nodes.
    pub nodes: u16,
    /// The faults, by kind: a class (`partition`, `kill`, `pause`, `clock`) or a kind of the harness;
    /// `delay` and `power-loss` are not there yet.
    pub faults: &'static [&'static str],
    /// How long it should take at most, s.
    pub seconds: u32,
    /// Further options of `rashomon run`, without which it is found less often.
    pub options: &'static [&'static str],
    /// A fault that it needs and the harness does not have yet.
    pub lacks: Option<&'static str>,
    /// What must come together, and why.
    pub note: &'static str,
}

/// All mutants, by id.
pub const ALL: &[MutantInfo] = &[
    MutantInfo {
        mutant: Mutant::VoteNotPersisted,
        name: "vote-not-persisted",
        id: "R1",
        summary: "the current term and the vote are kept in memory only",
        exposes: "lost or conflicting writes: two leaders of one term, logs that differ under equal terms",
        recipe: Recipe {
            nodes: 3,
            faults: &["kill-all"],
            seconds: 40,
            options: &[
                "--clients 40",
                "--rate 4000",
                "-o keys=3000",
                "-o mix=writes",
                "--set election-timeout-ms=100",
                "--set heartbeat-ms=20",
            ],
            lacks: None,
            note: "all nodes are killed together under load and start again with term 0: a new leader reuses a term, and \
                   tails written by two leaders of one term count as equal. What differs stays visible until the key \
                   is written again, so there are many keys",
        },
    },
    MutantInfo {
        mutant: Mutant::CommitOldTerm,
        name: "commit-old-term",
        id: "R6",
        summary: "an entry of an earlier term is committed by counting its copies (Figure 8)",
        exposes: "an acknowledged or already visible write disappears",
        recipe: Recipe {
            nodes: 5,
            faults: &["isolate-leader", "kill-leader"],
            seconds: 60,
            options: &[],
            lacks: Some(
                "leaders cut off within a round trip of being elected, twice in a row, over a network with tens of milliseconds of delay",
            ),
            note: "the simulation in this crate finds it; a fast network gives the new leader's first entry to a majority \
                   together with the old ones",
        },
    },
    MutantInfo {
        mutant: Mutant::VoteIgnoresLog,
        name: "vote-ignores-log",
        id: "R7",
        summary: "a vote is given without looking at the candidate's log",
        exposes: "acknowledged writes are lost",
        recipe: Recipe {
            nodes: 3,
            faults: &["isolate-one", "kill-leader"],
            seconds: 60,
            options: &[
                "--clients 40",
                "--rate 3000",
                "-o keys=3000",
                "--set election-timeout-ms=100",
                "--set heartbeat-ms=20",
            ],
            lacks: None,
            note: "a node that missed writes must meet an election before it caught up: faults that \
                   overlap do it",
        },
    },
    MutantInfo {
        mutant: Mutant::AppendTruncates,
        name: "append-truncates",
        id: "R10",
        summary: "an AppendEntries cuts the log after what it carries, even when it is older than what the log holds",
        exposes: "acknowledged writes are lost",
        recipe: Recipe {
            nodes: 3,
            faults: &["isolate-leader", "kill-leader"],
            seconds: 20,
            options: &[],
            lacks: None,
            note: "heartbeats overtake the acknowledgement of entries in flight and cut them off again; then the leader must \
                   go away",
        },
    },
    MutantInfo {
        mutant: Mutant::NoPrevCheck,
        name: "no-prev-check",
        id: "R11",
        summary: "entries are appended without comparing the entry before them",
        exposes: "nodes disagree: stale reads, writes that failed or timed out show on one node only",
        recipe: Recipe {
            nodes: 3,
            faults: &["isolate-leader", "kill"],
            seconds: 60,
            options: &["--clients 20", "-o keys=200", "-o ops-per-key=100", "--set snapshot-every=100000"],
            lacks: None,
            note: "a leader that was cut off keeps its own tail when two other leaders followed, or a follower keeps a gap. \
                   A snapshot would mend it, so there is none; and what differs stays visible until the key is written \
                   again, so there are many keys",
        },
    },
    MutantInfo {
        mutant: Mutant::CommitBeyondMatch,
        name: "commit-beyond-match",
        id: "R13",
        summary: "a follower commits up to the leader's commit index without checking how far the logs agree",
        exposes: "nodes disagree: an overwritten write stays visible on one node",
        recipe: Recipe {
            nodes: 3,
            faults: &["isolate-leader"],
            seconds: 60,
            options: &["--clients 20", "-o keys=200", "-o ops-per-key=100", "--set snapshot-every=100000"],
            lacks: None,
            note: "a leader is cut off while its clients write, and comes back: the first heartbeat commits its own tail. A \
                   snapshot would mend it, so there is none; and what differs stays visible until the key is written \
                   again, so there are many keys",
        },
    },
    MutantInfo {
        mutant: Mutant::AckBeforeFsync,
        name: "ack-before-fsync",
        id: "R16",
        summary: "votes and entries are acknowledged before they are on disk",
        exposes: "acknowledged writes are lost",
        recipe: Recipe {
            nodes: 3,
            faults: &["kill-all"],
            seconds: 60,
            options: &[],
            lacks: Some("a power loss, in which a majority loses what it had not synced"),
            note: "killing a process is not enough, the kernel still writes its pages",
        },
    },
    MutantInfo {
        mutant: Mutant::ReadBeforeNoop,
        name: "read-before-noop",
        id: "R25",
        summary: "a new leader answers reads before it committed an entry of its own term",
        exposes: "stale read just after an election",
        recipe: Recipe {
            nodes: 3,
            faults: &["isolate-leader", "kill-leader"],
            seconds: 40,
            options: &[
                "--clients 30",
                "-o mix=even",
                "-o keys=60",
                "--set election-timeout-ms=100",
                "--set heartbeat-ms=20",
            ],
            lacks: None,
            note: "many elections under load on few keys: a read that waited for the leader is answered from a commit index \
                   that lags behind what the old leader acknowledged",
        },
    },
    MutantInfo {
        mutant: Mutant::StaleRead,
        name: "stale-read",
        id: "R26",
        summary: "a leader answers reads from its own state without asking a quorum, and never steps down by itself",
        exposes: "stale reads",
        recipe: Recipe {
            nodes: 3,
            faults: &["isolate-leader"],
            seconds: 20,
            options: &[],
            lacks: None,
            note: "the leader is cut off from its peers for more than an election timeout, its clients are not",
        },
    },
    MutantInfo {
        mutant: Mutant::LeaseByWallClock,
        name: "lease-by-wall-clock",
        id: "R28",
        summary: "reads are served under a leader lease that is judged by the wall clock",
        exposes: "stale reads",
        recipe: Recipe {
            nodes: 3,
            faults: &["clock", "isolate-leader"],
            seconds: 60,
            options: &[
                "--clients 60",
                "-o mix=reads",
                "--set request-timeout-ms=300",
                "--set election-timeout-ms=150",
                "--set heartbeat-ms=30",
            ],
            lacks: None,
            note: "the leader's clock is set back (also at the end of a jump ahead) by more than two election timeouts, and \
                   within that time the leader is cut off. A client of that leader that writes hangs, so there are many and \
                   they mostly read",
        },
    },
    MutantInfo {
        mutant: Mutant::NoDedup,
        name: "no-dedup",
        id: "R37",
        summary: "a request that is sent again is applied again",
        exposes: "duplicate effects: a failed compare-and-set whose value is read, a value that comes back",
        recipe: Recipe {
            nodes: 3,
            faults: &["isolate-leader", "kill-leader"],
            seconds: 60,
            options: &["--clients 30", "-o keys=60", "-o ops-per-key=100"],
            lacks: None,
            note: "the leader goes away with requests in flight, the nodes hand them to its successor again; a compare-and-set \
                   then fails although it took place",
        },
    },
];

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
