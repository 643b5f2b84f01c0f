//! SWIM with Lifeguard as a sans-IO state machine, with named mutants.
//!
//! Who is in the cluster, as each node sees it: a weakly consistent view that all nodes' views converge to. After Das,
//! Gupta and Motivala, *SWIM: Scalable Weakly-consistent Infection-style Process Group Membership Protocol* (DSN 2002),
//! and Dadgar, Phillips and Currey, *Lifeguard: Local Health Awareness for More Accurate Failure Detection* (DSN 2018).
//!
//! # How it is driven
//!
//! A [`Swim`] has no socket, file, clock, thread or random source of its own. It is told that time passed
//! ([`Swim::advance`]), that a message arrived, that an identity is durable, that the node is to leave or join; and it
//! is asked for its [`Output`]: an identity to make durable, messages to send, events. Random choices come from
//! [`Config::seed`]. Messages may be lost, late, doubled and reordered.
//!
//! ```
//! use rashomon_swim::{Config, State, Swim};
//!
//! let mut nodes = [Swim::new(Config::new(1, [1, 2]), None, 0), Swim::new(Config::new(2, [1, 2]), None, 0)];
//! for now_ms in (0..2_000).step_by(10) {
//!     for at in 0..2 {
//!         nodes[at].advance(now_ms);
//!         let output = nodes[at].output();
//!         if let Some((number, _identity)) = output.identity {
//!             // A driver writes the identity to a file here, with fsync.
//!             nodes[at].persisted(number);
//!         }
//!         for message in output.messages {
//!             nodes[usize::from(message.to) - 1].receive(message);
//!         }
//!     }
//! }
//! let seen: Vec<_> = nodes[0].members().into_iter().map(|member| (member.id, member.state)).collect();
//! assert_eq!(seen, [(1, State::Alive), (2, State::Alive)]);
//! ```
//!
//! **Persist before announce.** An incarnation is spoken of only when it is durable, so a node never comes back with
//! one that it has used before. A node that starts raises its incarnation first and serves nobody until that is on
//! disk.
//!
//! # What is implemented, and where
//!
//! | rule | source | here |
//! |---|---|---|
//! | one member is probed per period, in a random order, each once before any twice | SWIM §3.1, §4.3 | `probe.rs` |
//! | a member that does not answer is probed through *k* others | SWIM §3.1 | `probe.rs` |
//! | suspicion before death; refutation with a higher incarnation, which only the member itself raises | SWIM §4.2 | `node.rs` |
//! | rumors ride on other messages, the least told first, each λ·log n times | SWIM §4.1 | `rumors.rs` |
//! | timeouts grow while this node's own probes fail, nobody even answers a request, or it must refute | Lifeguard §IV-A | `health.rs`, `probe.rs` |
//! | a suspicion is the shorter, the more members confirm it | Lifeguard §IV-B | `suspicion.rs` |
//! | who is accused hears it first from whoever writes to it | Lifeguard §IV-C | `node.rs` |
//! | whole tables are exchanged now and then; the dead and missing seeds are tried again | as in Serf | `sync.rs` |
//! | members that are gone are forgotten after a time; their last incarnation is not | as in Serf | `node.rs` |
//!
//! Differences from the papers: statements about a member are totally ordered by (incarnation, alive < suspect < dead <
//! left), so a death does not outweigh a later incarnation; a whole table's *dead* counts as *suspect* for a member
//! that is live here; a node that has stood still (its timers go off late) does not count that time; a new identity is
//! also sent to three members at once; a node that has left goes on listening, so that it can join again.
//!
//! # What it promises
//!
//! - Views converge: some seconds after messages get through again, all nodes that are up see the same members.
//! - At one observer, within one life of it, statements about a member only get greater.
//! - A member that left is live again only after it joined.
//! - A member that answers is not declared dead by nodes that can reach it directly or through somebody else, also not
//!   by nodes that stand still now and then.
//!
//! # What is left out
//!
//! Encryption, compression, a stream for large tables (a table is one message), clusters in several places, and
//! reclaiming the name of a dead node by another one.
//!
//! # Mutants
//!
//! [`Mutant`] names bugs that [`Config::mutant`] builds in; [`ALL`] has their recipes. Each is a branch, marked with
//! its number:
//!
//! | id | name | what is wrong |
//! |---|---|---|
//! | G1 | `stale-alive` | a death or departure does not advance the incarnation that is remembered |
//! | G2 | `no-accusation-back` | a restarted node begins with incarnation 1, and is not told that it is held for dead |
//! | G3 | `suspect-adds` | a suspicion of an unknown member adds it |
//! | G4 | `no-indirect-probe` | nobody else is asked to probe |
//! | G5 | `no-local-health` | a node that stood still trusts its own timers |
//! | G6 | `drop-dead-seeds` | nobody tries to reach the dead, not even seeds |

mod config;
mod health;
mod member;
mod message;
mod mutant;
mod node;
mod output;
mod probe;
mod protocol;
mod random;
mod rumors;
mod suspicion;
mod sync;

pub use config::Config;
pub use member::{Incarnation, Member, Payload, Rumor, State};
pub use message::{Envelope, Message};
pub use mutant::{ALL, Mutant, MutantInfo};
pub use node::Swim;
pub use output::{Event, Identity, Output};
pub use protocol::{Change, NotYet, Remembered};
pub use rashomon_protocol::NodeId;
