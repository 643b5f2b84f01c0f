//! Raft as a sans-IO state machine, with named mutants.
//!
//! A replicated store of named registers, sets, counters and lists, with transactions over them, after Ongaro and
//! Ousterhout, *In Search of an Understandable Consensus Algorithm* (2014; section numbers below are of its extended
//! version) and Ongaro's dissertation *Consensus: Bridging Theory and Practice* (2014; marked D).
//!
//! # How it is driven
//!
//! A [`Node`] has no socket, file, clock, thread or random source. It is told that time passed, that a message arrived,
//! that a client asks for something, that records are durable; and it is asked for its [`Output`]: records to write,
//! messages to send, answers to clients, events worth logging. The same code runs as a real process (`rashomon-node
//! raft-kv`) and in the simulation of this crate's tests. Messages may be lost, late, doubled and reordered; records
//! may not.
//!
//! **Persist before answer.** Whatever promises something about a disk waits inside the node until
//! [`Node::persisted`] says that the records it rests on are durable: votes, requests for votes, acknowledgements of
//! entries. Nothing else waits. A leader sends entries while it still writes them itself, and counts itself for a
//! commit only when they are durable (D §10.2.1). How many outputs share one fsync is the driver's choice.
//!
//! # What is implemented, and where
//!
//! | rule | source | here |
//! |---|---|---|
//! | one vote per term, randomised election timeouts of one to two times the configured | §5.2 | `election.rs` |
//! | votes only for logs that are at least as up-to-date | §5.4.1 | `election.rs`, [`Log::is_not_ahead_of`] |
//! | pre-vote: the term does not grow until a majority would elect | D §9.6 | `election.rs` |
//! | check-quorum: a leader that has not heard from a majority for an election timeout steps down | D §6.2 | `election.rs` |
//! | who hears from a leader takes no part in elections | D §4.2.3 | `election.rs`, `node.rs` |
//! | consistency check, conflicting suffixes replaced, what is there already kept | §5.3 | `replication.rs` |
//! | back-off by whole terms: both ends skip terms that cannot match | §5.3, last paragraphs | `replication.rs`, [`Log::agree_at_most`] |
//! | batches, and a bounded pipeline of unanswered AppendEntries per follower | D §10.2 | `progress.rs`, `replication.rs` |
//! | an entry is committed by counting only if it is of the leader's term | §5.4.2 | `replication.rs` |
//! | a leader begins its term with a no-op entry | §8 | `election.rs` |
//! | snapshots every n entries with a tail of the log kept, InstallSnapshot | §7 | `snapshot.rs`, `node.rs`, `replication.rs` |
//! | linearizable reads by ReadIndex, many per round, on any node | D §6.4 | `read_index.rs` |
//! | transactions over many keys in one entry, those that only read at one state | — | `machine/transaction.rs` |
//! | client sessions: a retry applies once and gets the first answer | D §6.3 | `sessions.rs`, `machine.rs` |
//! | followers forward, and hand requests on to a new leader until their deadline | D §6.2 | `requests.rs` |
//!
//! Differences from the paper, all of them refinements: a heartbeat is an AppendEntries without entries at the place
//! up to which the logs are known to be equal; a follower does not compare what it knows to be committed; a follower
//! that reads learns a commit index from the leader's answer; a follower that keeps rejecting what it acknowledged is
//! taken to have lost its disk, is reported, and is sent everything again (nothing keeps it from voting meanwhile,
//! which is not safe: a node that lost its disk should come back under a new number).
//!
//! # What is left out
//!
//! Membership change (§6), leadership transfer (D §3.10), snapshots in chunks (a snapshot is one message), witness or
//! learner nodes, leases for reads, flow control by bytes, and sessions that are registered: a session begins with its
//! first request and expires when [`Config::max_sessions`] others were used since.
//!
//! # What a client may conclude
//!
//! An answer is linearizable. [`Failure::is_definite`] is true for a request that went nowhere and for reads;
//! everything else may have happened or may still happen, even after the answer.
//!
//! # Mutants
//!
//! [`Mutant`] names bugs that [`Config::mutant`] builds in; [`ALL`] has their recipes. Each is one branch, marked with
//! its number:
//!
//! | id | name | what is wrong |
//! |---|---|---|
//! | R1 | `vote-not-persisted` | the current term and the vote are kept in memory only |
//! | R6 | `commit-old-term` | an entry of an earlier term is committed by counting its copies (Figure 8) |
//! | R7 | `vote-ignores-log` | a vote is given without looking at the candidate's log |
//! | R10 | `append-truncates` | an AppendEntries cuts the log after what it carries |
//! | R11 | `no-prev-check` | entries are appended without comparing the entry before them |
//! | R13 | `commit-beyond-match` | a follower commits beyond where the logs are known to agree |
//! | R16 | `ack-before-fsync` | votes and entries are acknowledged before they are on disk |
//! | R25 | `read-before-noop` | a new leader answers reads before it committed an entry of its term |
//! | R26 | `stale-read` | a leader answers reads without asking a quorum, and never steps down by itself |
//! | R27 | `round-of-old-term` | a follower repeats the read round of an AppendEntries of an old term in its own, later term |
//! | R28 | `lease-by-wall-clock` | reads under a leader lease that is judged by the wall clock |
//! | R37 | `no-dedup` | a request that is sent again is applied again |
//! | R38 | `reads-outside-log` | a transaction's reads are looked up when it is asked for |
//! | R39 | `torn-snapshot` | a snapshot has half of the transaction at which it is due |
//! | R40 | `judged-when-proposed` | a transaction's condition is judged when it is proposed |
//! | R41 | `retry-applies-half` | a transaction that is sent again is carried out again by half |

mod config;
mod durability;
mod election;
mod log;
mod machine;
mod message;
mod mutant;
mod node;
mod output;
mod progress;
mod protocol;
mod random;
mod read_index;
mod replication;
mod requests;
mod sessions;
mod snapshot;

pub use config::Config;
pub use log::{Entry, Index, Log, Term};
pub use machine::{Command, Machine, Query, Response, Step, Update, Value};
pub use message::{Envelope, Message};
pub use mutant::{ALL, Mutant, MutantInfo};
pub use node::{Node, Status};
pub use output::{Checkpoint, Event, Failure, HardState, Output, Record, Recovered, Reply};
pub use protocol::Request;
pub use rashomon_protocol::{Clock, NodeId, RequestId};
pub use sessions::{Seen, Session, Sessions};
pub use snapshot::{BadSnapshot, Snapshot};
