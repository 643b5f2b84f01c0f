//! Replicated data types and a sans-IO replica that gossips their deltas, with named mutants.
//!
//! # What is here
//!
//! | what | source | where |
//! |---|---|---|
//! | Lamport clock, vector clock and version vector, hybrid logical clock | Lamport 1978; Mattern 1989; Kulkarni et al. 2014 | [`clock`] |
//! | dots and causal contexts, compacted to a version vector | Almeida, Shoker, Baquero 2018 | [`dot`], [`context`] |
//! | what a type is: update yields a delta, states join | Shapiro et al. 2011; Almeida et al. 2018 | [`state`] |
//! | G-Counter, PN-Counter, LWW-Register, LWW-Element-Set | Shapiro et al. 2011 | [`types`] |
//! | MV-Register, OR-Set without tombstones, OR-Map | Bieniusa et al. 2012; Almeida et al. 2018 | [`types`] |
//! | sequence (RGA) | Roh et al. 2011 | [`types`] |
//! | many objects under one causal context | Almeida et al. 2018, section 7.5 | [`store`] |
//! | anti-entropy by causal delta intervals, or by states | Almeida et al. 2018, algorithm 2 | [`Replica`] |
//! | tombstones collected when causally stable | Baquero, Almeida, Shoker 2014 | [`Replica`] |
//!
//! # How a replica is driven
//!
//! A [`Replica`] has no socket, file, clock, thread or random source. It is told that time passed, that a message
//! arrived, that a client asks for something, that records are durable; and it is asked for its [`Output`]: records to
//! write, messages to send, answers to clients, events worth logging. The same code runs as a real process
//! (`rashomon-node crdt`) and in the simulation of this crate's tests. Messages may be lost, late, doubled and
//! reordered; records may not.
//!
//! **Durable before it is told.** Whatever tells of a record, an answer to a client or a message to a peer, waits
//! inside the replica until [`Replica::persisted`] says that the record is durable. So no crash takes back what anybody
//! has seen, and in particular no dot that left the replica is given out twice. A replica whose data was lost comes
//! back under a new incarnation: to the others it is a new actor, whose dots nobody has seen.
//!
//! # What a client may conclude
//!
//! Any client may talk to any replica; updates never wait for a peer. A client that stays with one replica (and whose
//! replica keeps its data) sees causal consistency, over all objects: deltas are joined in an order that respects
//! causality, and so it reads its own writes, reads monotonically, and its writes follow its reads. Replicas that can
//! talk to each other converge. Nothing is linearizable.
//!
//! # What is left out
//!
//! Members that come and go (a tombstone waits for every configured node, for ever if need be), garbage collection of
//! a sequence's tombstones that others are anchored at, partial replication, digests (an idle cluster sends nothing,
//! but a peer that lost its data is sent everything by everybody). A replica that lost its data has lost the times that
//! it knew: with a clock that is behind, what it adds to a last-writer-wins set is older than removes whose tombstones
//! the others have collected, and stays. A message of its earlier life that is still under way when the next one has
//! joined may insert text after an element whose tombstone the others collect meanwhile; they would disagree on it.
//!
//! # Mutants
//!
//! [`Mutant`] names bugs that [`Config::mutant`] builds in; [`ALL`] has their recipes.

pub mod clock;
pub mod context;
pub mod dot;
pub mod state;
pub mod store;
pub mod types;

mod command;
mod config;
mod message;
mod mutant;
mod output;
mod protocol;
mod replica;

pub use command::{Key, Query, Reading, SetKind, Update};
pub use config::{Config, Gossip};
pub use dot::{Actor, Dot};
pub use message::{Envelope, Message};
pub use mutant::{ALL, Mutant, MutantInfo};
pub use output::{Event, Output, Record, Recovered, Reply, Snapshot};
pub use protocol::Request;
pub use rashomon_protocol::{Clock, NodeId, RequestId};
pub use replica::{Replica, Status};
pub use state::Refusal;
