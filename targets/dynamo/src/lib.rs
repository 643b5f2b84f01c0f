//! A Dynamo-style replicated store as a sans-IO state machine, with named mutants.
//!
//! Registers, siblings, sets, carts and counters under keys, replicated N times without a leader, after DeCandia et
//! al., *Dynamo: Amazon's Highly Available Key-value Store* (SOSP 2007; section numbers below are its). Where that
//! paper is silent or its successors learned better, theirs: Riak's dotted version vectors and actor epochs,
//! Cassandra's hints at the coordinator, quorum registers as theory has them.
//!
//! # How it is driven
//!
//! A [`Node`] has no socket, file, clock, thread or random source. It is told that time passed, that a message arrived,
//! that a client asks for something, that records are durable, which nodes a failure detector holds for up; and it is
//! asked for its [`Output`]: records to write, messages to send, answers to clients, events worth logging. The same
//! code runs as a real process (`rashomon-node dynamo`) and in the simulation of this crate's tests. Messages may be
//! lost, late, doubled and reordered; records may not.
//!
//! **Persist before answer.** Whatever promises something about a disk waits inside the node until [`Node::persisted`]
//! says that everything recorded before it is durable: acknowledgements, answers to reads, states that carry events of
//! this node's own actors.
//!
//! # What is implemented, and where
//!
//! | rule | source | here |
//! |---|---|---|
//! | consistent hashing, virtual nodes, equal partitions, preference lists | §4.2, §4.3, §6.2 | `ring.rs` |
//! | any node coordinates; N, R, W, also per request; read repair | §4.5, §5 | `coordinate.rs` |
//! | registers: versions from a quorum, write-back before a read answers | Attiya, Bar-Noy, Dolev 1995; Lynch, Shvartsman 1997 | `coordinate.rs` |
//! | siblings and client context: dotted version vectors | Preguiça et al. 2012; Almeida et al. 2014 | `causal.rs` |
//! | an actor is a node's stay with a key | Riak 2.1 | `causal.rs`, `replica.rs` |
//! | carts and sets: replicas merge element by element | Bieniusa et al. 2012 | `causal.rs` |
//! | counters | Shapiro et al. 2011 | `object.rs` |
//! | sloppy quorum and hinted handoff | §4.6 | `coordinate.rs`, `handoff.rs` |
//! | hash trees | §4.7 | `merkle.rs`, `anti_entropy.rs` |
//! | tombstones go when nothing older can come back | own | `collect.rs` |
//! | joining and leaving in stages, with streams | own, after Cassandra's pending ranges and Riak's claimant | `ring.rs`, `membership.rs` |
//!
//! Who is up comes from outside ([`Node::reach`]); a wrong opinion costs time, not correctness. `rashomon-swim` is what
//! the node program asks.
//!
//! Differences from Dynamo: sets and carts are merged by replicas, not by clients, so the paper's returning cart items
//! do not occur; a write of a register asks a quorum for its version first; what a fallback node answers to a read
//! counts only where fewer than R replicas are thought to be up, and after a while; the ring changes in stages that all
//! nodes acknowledge, where Dynamo gossips it; a tombstone is forgotten by agreement, not by age.
//!
//! # What is left out
//!
//! Compare-and-set and anything else that needs consensus; removing a node that is dead for good (a change of the ring
//! waits for every node); splitting partitions; vector clocks that are truncated (mutant D12 shows why); collections
//! made of cells with timestamps (mutant D18 shows why).
//!
//! # What a client may conclude
//!
//! Under [`QuorumKind::Strict`], R + W > N and [`Conflict::Versions`], registers are linearizable, also while the ring
//! changes, and the other objects never go back: who reads after an acknowledged update finds it. Else replicas agree
//! later: no acknowledged update is lost, except where the last write wins; a removal from a cart removes what its
//! coordinator could see. [`Failure::is_definite`] is true for what certainly did not and will not happen.
//!
//! # Mutants
//!
//! [`Mutant`] names bugs that [`Config::mutant`] builds in; [`ALL`] has their recipes. Each is one branch, marked with
//! its number:
//!
//! | id | name | what is wrong |
//! |---|---|---|
//! | D1 | `coordinator-counts` | the coordinator counts itself for W although it holds no replica |
//! | D2 | `hint-counts` | hints kept by fallback nodes count for W in a strict quorum |
//! | D3 | `version-by-clock` | versions of registers come from the writer's wall clock instead of a quorum |
//! | D4 | `tie-by-arrival` | of two versions with the same stamp each replica keeps the one that came first |
//! | D5 | `repair-overwrites` | what a repair brings replaces what the replica has, also when that is newer |
//! | D6 | `read-before-repair` | a read answers before what it found is on W replicas |
//! | D7 | `timeout-is-failure` | a write that too few replicas acknowledged in time is reported as failed |
//! | D8 | `hints-in-memory` | hints are kept in memory only |
//! | D9 | `hint-outlives-tombstone` | tombstones are forgotten while hints for their keys are still kept |
//! | D10 | `collected-by-age` | a tombstone is forgotten when it is old, whether or not all replicas have it |
//! | D11 | `dots-in-memory` | the number of an actor's events is in memory only and starts again after a restart |
//! | D12 | `context-pruned` | version vectors are cut to two actors |
//! | D13 | `context-ignored` | a write supersedes whatever the replica has, not what its client has seen |
//! | D14 | `serves-before-streamed` | a new replica is read from before it has what the old ones have |
//! | D15 | `stale-ring` | a change of the ring goes on when a majority knows of it |
//! | D16 | `merkle-range-end` | the hash of a range leaves out its last leaf |
//! | D17 | `counted-twice` | a counter's request that is not answered soon is given to another replica, too |
//! | D18 | `timestamped-cells` | elements of sets and carts are cells with timestamps, and the later one wins |

mod anti_entropy;
mod causal;
mod cells;
mod collect;
mod config;
mod coordinate;
mod durability;
mod handoff;
mod hash;
mod membership;
mod merkle;
mod message;
mod mutant;
mod node;
mod object;
mod output;
mod protocol;
mod replica;
mod ring;
mod store;

pub use causal::{Actor, Context, Dot, Dotted};
pub use cells::{Cell, Cells};
pub use config::{Config, Conflict, Quorum, QuorumKind};
pub use message::{Ask, Cause, Envelope, Message};
pub use mutant::{ALL, Mutant, MutantInfo};
pub use node::{Node, Status};
pub use object::{Counter, Key, Object, Register, Space, Update, Value, Version};
pub use output::{Event, Failure, Output, Record, Recovered, Reply, Response};
pub use protocol::Request;
pub use rashomon_protocol::{Clock, NodeId, RequestId};
pub use ring::{PARTITIONS, Ring, Stage};
