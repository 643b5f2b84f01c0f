//! Anti-entropy (Almeida, Shoker and Baquero, Delta State Replicated Data Types, 2018, section 6.1, algorithm 2).
//!
//! What is joined into the state, by a client's update or by a peer's message, is numbered and kept. A peer is sent all
//! deltas from its last acknowledgement on, joined, again and again until it acknowledges them; or the whole state,
//! when it has acknowledged nothing in this life of the two or when these deltas are no longer there. A delta interval
//! thus only ever meets a state that includes the state it was made from (the paper's causal delta-merging condition),
//! and the cluster is causally consistent, over all objects.
//!
//! Refinements: deltas are not sent back to whom they came from (Enes et al., Efficient Synchronization of State-based
//! CRDTs, ICDE 2019, section III, "avoid back-propagation"); messages name incarnations, since the paper's replicas
//! never lose their data.

use std::sync::Arc;

use rashomon_protocol::NodeId;

use super::{Effect, Replica};
use crate::clock::VersionVector;
use crate::config::Gossip;
use crate::dot::{Actor, Dot};
use crate::message::{Envelope, Message};
use crate::mutant::Mutant;
use crate::output::Event;
use crate::store::Store;

/// A delta that not all peers are known to have.
#[derive(Clone, Debug)]
pub(super) struct Buffered {
    pub(super) delta: Arc<Store>,
    /// Whose update it is, or who sent it.
    pub(super) from: Actor,
}

/// A peer that does not answer is sent to less often, down to once in this many rounds.
const PATIENCE_MAX: u32 = 8;

/// What is known of a peer.
#[derive(Clone, Debug, Default)]
pub(super) struct Peer {
    /// How many rounds to wait for an answer to the last message, and how many of them are left.
    patience: u32,
    rounds_left: u32,
    /// Up to which delta it has everything; nothing is known of a peer that was not heard of yet, or that lost its
    /// data.
    acked: Option<Acked>,
    /// What it had seen, as it said last.
    seen: Option<(Actor, VersionVector)>,
}

#[derive(Clone, Copy, Debug)]
struct Acked {
    by: Actor,
    upto: u64,
}

impl Peer {
    /// Whether an update is stable as far as this peer goes: the peer has seen it, and `own`, what this replica has
    /// seen, includes all that the peer had seen when it said so.
    pub(super) fn has_seen(&self, dot: Dot, own: &VersionVector) -> bool {
        self.seen.as_ref().is_some_and(|(_, seen)| seen.contains(dot) && seen <= own)
    }
}

impl Replica {
    /// Sends every peer what it has not acknowledged.
    pub(super) fn gossip(&mut self) {
        let peers: Vec<NodeId> = self.peers.keys().copied().collect();
        let mut whole = None;
        for to in peers {
            if !self.is_due(to) {
                continue;
            }
            if let Some((continues, content)) = self.news_for(to, &mut whole) {
                self.send(to, Message::Gossip { continues, content, upto: self.sequence });
                if self.config.mutant == Some(Mutant::DeltaGap)
                    && let Some(acked) = self.peers.get_mut(&to).and_then(|peer| peer.acked.as_mut())
                {
                    acked.upto = self.sequence;
                }
            }
        }
        let everybody_has = |peer: &super::Peer| peer.acked.map_or(0, |acked| acked.upto);
        let oldest = self.peers.values().map(everybody_has).min().unwrap_or(self.sequence);
        self.deltas = self.deltas.split_off(&oldest);
    }

    /// Whether it is time to send to a peer.
    fn is_due(&mut self, to: NodeId) -> bool {
        let Some(peer) = self.peers.get_mut(&to) else { return false };
        if peer.rounds_left > 0 {
            peer.rounds_left -= 1;
            return false;
        }
        peer.rounds_left = peer.patience;
        peer.patience = (2 * peer.patience + 1).min(PATIENCE_MAX - 1);
        true
    }

    /// What a peer lacks, and what that continues; `None` when it lacks nothing.
    fn news_for(&mut self, to: NodeId, whole: &mut Option<Arc<Store>>) -> Option<(Option<u32>, Arc<Store>)> {
        let peer = self.peers.get_mut(&to)?;
        let oldest = self.deltas.first_key_value().map(|(oldest, _)| *oldest);
        let why = match &peer.acked {
            Some(acked) if acked.upto >= self.sequence => {
                (peer.patience, peer.rounds_left) = (0, 0);
                return None;
            }
            None => Some("nothing is known of it"),
            Some(_) if self.config.gossip == Gossip::States => Some("states are gossiped"),
            Some(acked) if oldest.is_none_or(|oldest| oldest > acked.upto) => Some("it is far behind"),
            Some(_) => None,
        };
        if let Some(why) = why {
            // Once, not whenever it is sent again.
            if self.config.gossip == Gossip::Deltas && peer.patience <= 1 {
                self.output.events.push(Event::SendsState { to, why });
            }
            let content = whole.get_or_insert_with(|| Arc::new(self.store.clone()));
            return Some((None, content.clone()));
        }
        let acked = peer.acked.as_mut()?;
        let by = acked.by;
        let mut news = self.deltas.range(acked.upto..).map(|(_, kept)| kept).filter(|kept| kept.from != by).peekable();
        if news.peek().is_none() {
            // All of it came from the peer itself.
            acked.upto = self.sequence;
            return None;
        }
        let mut interval = Store::default();
        for kept in news {
            interval.join(&kept.delta, self.config.mutant);
        }
        Some((Some(by.incarnation), Arc::new(interval)))
    }

    /// A peer sent a message.
    pub fn receive(&mut self, envelope: Envelope) {
        let Envelope { from, to, seen, message } = envelope;
        if to != self.config.id || !self.peers.contains_key(&from.node) {
            return;
        }
        if let Some(peer) = self.peers.get_mut(&from.node)
            && peer.acked.is_some_and(|acked| acked.by != from)
        {
            // It lost its data, or this message is from before it did; either way it may need the whole state.
            peer.acked = None;
        }
        match message {
            Message::Gossip { continues, content, upto } => {
                if continues.is_some_and(|incarnation| incarnation != self.origin.actor.incarnation) {
                    self.send(from.node, Message::Stranger { of: from });
                    return;
                }
                self.take_in(content, from);
                self.send(from.node, Message::Ack { of: from, upto });
            }
            Message::Ack { of, upto } => {
                if of == self.origin.actor
                    && let Some(peer) = self.peers.get_mut(&from.node)
                {
                    let before = peer.acked.filter(|acked| acked.by == from).map_or(0, |acked| acked.upto);
                    peer.acked = Some(Acked { by: from, upto: upto.max(before) });
                    (peer.patience, peer.rounds_left) = (0, 0);
                }
            }
            Message::Stranger { of } => {
                if of == self.origin.actor
                    && let Some(peer) = self.peers.get_mut(&from.node)
                {
                    peer.acked = None;
                }
            }
        }
        if let Some(peer) = self.peers.get_mut(&from.node) {
            // An older message of the same life says nothing new.
            let outdated = peer.seen.as_ref().is_some_and(|(by, known)| *by == from && *known >= seen);
            if !outdated {
                peer.seen = Some((from, seen));
            }
        }
    }

    fn send(&mut self, to: NodeId, message: Message) {
        let (from, seen) = (self.origin.actor, self.store.context().vector().clone());
        self.held.push_back((self.issued, Effect::Send(Envelope { from, to, seen, message })));
    }
}
