//! What a node wants done: the contract between the protocol and whoever drives it.
//!
//! The driver takes an [`Output`] after each batch of inputs. If there is an identity it makes it durable and then
//! calls [`Swim::persisted`](crate::Swim::persisted) with its number. Messages may go out at once: none of them
//! announces an incarnation that is not durable yet.

use std::fmt;

use rashomon_protocol::NodeId;
use serde::{Deserialize, Serialize};

use crate::member::{Incarnation, State};
use crate::message::Envelope;

/// What a node must remember over a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its incarnation.
    pub incarnation: Incarnation,
    /// It has left, and does not come back before it is told to join.
    pub left: bool,
}

/// What to do now.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// What to make durable, replacing what was there before, and the number to report once it is.
    pub identity: Option<(u64, Identity)>,
    /// What to send.
    pub messages: Vec<Envelope>,
    /// What happened.
    pub events: Vec<Event>,
}

/// Something that the application or a reader of the node's log wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// This node's identity is durable and announced: it has joined (or left, or refuted, or changed its payload).
    Announced(Identity),
    /// Another member is held for something else than before; `from` is `None` for one that was not known.
    Changed {
        /// Which.
        id: NodeId,
        /// What it was held for.
        from: Option<State>,
        /// What it is held for now.
        to: State,
        /// In which incarnation.
        incarnation: Incarnation,
        /// Who said so first.
        by: NodeId,
    },
    /// A member that is dead or left is no longer remembered.
    Forgotten(NodeId),
    /// Somebody holds this node for dead or suspect; it contradicts.
    Accused {
        /// What it is held for.
        state: State,
        /// In which incarnation.
        incarnation: Incarnation,
        /// Who says so.
        by: NodeId,
    },
    /// This node stood still for so many ms: its own timers do not count.
    Stalled(u64),
}

impl fmt::Display for Event {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Announced(Identity { incarnation, left: false }) => write!(out, "is a member @{incarnation}"),
            Event::Announced(Identity { incarnation, left: true }) => write!(out, "has left @{incarnation}"),
            Event::Changed { id, from, to, incarnation, by } => {
                write!(out, "sees {id} {}→{to} @{incarnation} by={by}", from.map_or("-", State::as_str))
            }
            Event::Forgotten(id) => write!(out, "forgets {id}"),
            Event::Accused { state, incarnation, by } => write!(out, "is called {state} @{incarnation} by={by}"),
            Event::Stalled(ms) => write!(out, "stood still for {ms} ms"),
        }
    }
}
