//! Known bugs, each switched on by name: one visible branch at the place where the real bug would be.
//!
//! All are taken from the field's history. [`ALL`] says for each what it does, what anomaly it leads to and what
//! exposes it on a real cluster. Search for a variant's name to see its branch.

use rashomon_mutants::{Mutants, Recipe};

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
    /// R27.
    RoundOfOldTerm,
    /// R28.
    LeaseByWallClock,
    /// R37.
    NoDedup,
    /// R38.
    ReadsOutsideLog,
    /// R39.
    TornSnapshot,
    /// R40.
    JudgedWhenProposed,
    /// R41.
    RetryAppliesHalf,
}

/// What a person should know about a mutant.
pub type MutantInfo = rashomon_mutants::MutantInfo<Mutant>;

/// All mutants, by id.
pub const ALL: &[MutantInfo] = &[
    MutantInfo {
        mutant: Mutant::VoteNotPersisted,
        name: "vote-not-persisted",
        id: "R1",
        summary: "the current term and the vote are kept in memory only",
        exposes: "lost or conflicting writes: two leaders of one term, logs that differ under equal terms",
        recipe: Recipe {
            workload: "register",
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
            workload: "register",
            nodes: 5,
            faults: &[],
            seconds: 60,
            options: &[],
            note: "leaders must be cut off within a round trip of being elected, twice in a row, over a network with tens \
                   of milliseconds of delay: a fast one gives the new leader's first entry to a majority together with \
                   the old ones. The simulation in this crate finds it",
        },
    },
    MutantInfo {
        mutant: Mutant::VoteIgnoresLog,
        name: "vote-ignores-log",
        id: "R7",
        summary: "a vote is given without looking at the candidate's log",
        exposes: "acknowledged writes are lost",
        recipe: Recipe {
            workload: "register",
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
            workload: "register",
            nodes: 3,
            faults: &["isolate-leader", "kill-leader"],
            seconds: 20,
            options: &[],
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
            workload: "register",
            nodes: 3,
            faults: &["isolate-leader", "kill"],
            seconds: 60,
            options: &["--clients 20", "-o keys=200", "-o ops-per-key=100", "--set snapshot-every=100000"],
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
            workload: "register",
            nodes: 3,
            faults: &["isolate-leader"],
            seconds: 60,
            options: &["--clients 20", "-o keys=200", "-o ops-per-key=100", "--set snapshot-every=100000"],
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
            workload: "register",
            nodes: 3,
            faults: &[],
            seconds: 60,
            options: &[],
            note: "needs a power loss, in which a majority loses what it had not synced. Killing a process is not enough: \
                   the kernel still writes its pages",
        },
    },
    MutantInfo {
        mutant: Mutant::ReadBeforeNoop,
        name: "read-before-noop",
        id: "R25",
        summary: "a new leader answers reads before it committed an entry of its own term",
        exposes: "stale read just after an election",
        recipe: Recipe {
            workload: "register",
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
            workload: "register",
            nodes: 3,
            faults: &["isolate-leader"],
            seconds: 20,
            options: &[],
            note: "the leader is cut off from its peers for more than an election timeout, its clients are not",
        },
    },
    MutantInfo {
        mutant: Mutant::RoundOfOldTerm,
        name: "round-of-old-term",
        id: "R27",
        summary: "a follower repeats the read round of an AppendEntries of an old term in its own, later term",
        exposes: "stale reads",
        recipe: Recipe {
            workload: "register",
            nodes: 3,
            faults: &[],
            seconds: 60,
            options: &[],
            note: "the same node must lead two terms in a row while its last messages of the first are under way to a node \
                   that is in the second already, and must then be cut off. On one connection messages cannot overtake each \
                   other, so a network without reordering does not show it. The simulation in this crate finds it",
        },
    },
    MutantInfo {
        mutant: Mutant::LeaseByWallClock,
        name: "lease-by-wall-clock",
        id: "R28",
        summary: "reads are served under a leader lease that is judged by the wall clock",
        exposes: "stale reads",
        recipe: Recipe {
            workload: "register",
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
            workload: "register",
            nodes: 3,
            faults: &["isolate-leader", "kill-leader"],
            seconds: 60,
            options: &["--clients 30", "-o keys=60", "-o ops-per-key=100"],
            note: "the leader goes away with requests in flight, the nodes hand them to its successor again; a compare-and-set \
                   then fails although it took place",
        },
    },
    MutantInfo {
        mutant: Mutant::ReadsOutsideLog,
        name: "reads-outside-log",
        id: "R38",
        summary: "what a transaction reads is looked up when it is asked for, and only its writes go through the log",
        exposes: "lost update, G-single, write skew: a transaction misses what was committed before its writes",
        recipe: Recipe {
            workload: "append",
            nodes: 3,
            faults: &["pause"],
            seconds: 10,
            options: &[],
            note: "transactions that meet on a key are enough: each round trip to a majority leaves them time",
        },
    },
    MutantInfo {
        mutant: Mutant::TornSnapshot,
        name: "torn-snapshot",
        id: "R39",
        summary: "a snapshot that is due at a transaction is taken when half of its steps are carried out",
        exposes: "nodes disagree after a restart: half of a transaction is lost there",
        recipe: Recipe {
            workload: "append",
            nodes: 3,
            faults: &["kill"],
            seconds: 20,
            options: &["--set snapshot-every=40", "-o min-length=3", "-o max-length=6", "-o reads=20"],
            note: "a node that is killed starts again from its snapshot, and lacks what the snapshot lacks. Transactions \
                   that write much, and many snapshots",
        },
    },
    MutantInfo {
        mutant: Mutant::JudgedWhenProposed,
        name: "judged-when-proposed",
        id: "R40",
        summary: "the leader judges a transaction's condition when it proposes the transaction, not when it is applied",
        exposes: "a negative balance: two transfers that each were covered when they were proposed",
        recipe: Recipe {
            workload: "bank",
            nodes: 3,
            faults: &["pause"],
            seconds: 15,
            options: &["-o max-transfer=60", "-o mix=writes", "--clients 30"],
            note: "transfers that nearly empty an account, several from one account at the same time",
        },
    },
    MutantInfo {
        mutant: Mutant::RetryAppliesHalf,
        name: "retry-applies-half",
        id: "R41",
        summary: "of a transaction that is sent again the second half of the steps is carried out again",
        exposes: "duplicate elements: an append that took place twice",
        recipe: Recipe {
            workload: "append",
            nodes: 3,
            faults: &["isolate-leader", "kill-leader"],
            seconds: 40,
            options: &["--clients 30", "-o reads=20"],
            note: "the leader goes away with transactions in flight, the nodes hand them to its successor again",
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
