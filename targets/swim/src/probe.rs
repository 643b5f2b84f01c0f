//! Failure detection: in each period one member is probed, directly and then through others (SWIM §3.1, §4.3).
//!
//! Members are probed in a random order, each once before any twice, so that the time until a failure is noticed is
//! bounded. A member that answers neither way until the period ends is suspected.

use std::collections::BTreeMap;

use rashomon_protocol::NodeId;

use crate::member::{Incarnation, State};
use crate::message::Message;
use crate::mutant::Mutant;
use crate::node::Swim;
use crate::random::Random;

/// Who is probed, and for whom this node probes.
#[derive(Clone, Debug)]
pub(crate) struct Prober {
    /// The members of this round, the next one last.
    round: Vec<NodeId>,
    next_at: u64,
    current: Option<Probe>,
    relays: BTreeMap<u64, Relay>,
    last_seq: u64,
}

#[derive(Clone, Debug)]
struct Probe {
    target: NodeId,
    seq: u64,
    /// When others are asked; `None` when they have been.
    ask_at: Option<u64>,
    ends_at: u64,
    /// How many of those who were asked have not answered at all.
    silent: usize,
    asked: usize,
}

/// A probe on behalf of another node.
#[derive(Clone, Debug)]
struct Relay {
    origin: NodeId,
    origin_seq: u64,
    /// When the origin hears that there is no answer yet; `None` when it has.
    nack_at: Option<u64>,
    ends_at: u64,
}

impl Prober {
    /// Numbers begin with the incarnation, so that no answer to an earlier life of the node is taken for one to this.
    pub(crate) fn new(incarnation: Incarnation) -> Prober {
        let last_seq = incarnation << 32;
        Prober { round: Vec::new(), next_at: 0, current: None, relays: BTreeMap::new(), last_seq }
    }

    /// The first probe is to be made at this time.
    pub(crate) fn begin(&mut self, at: u64) {
        self.current = None;
        self.next_at = at;
    }

    /// A member that takes part from now on: it comes at any place in what is left of the round.
    pub(crate) fn add(&mut self, id: NodeId, random: &mut Random) {
        if !self.round.contains(&id) {
            self.round.insert(random.below(self.round.len() + 1), id);
        }
    }

    /// When there is something to do next, ms.
    pub(crate) fn due(&self) -> u64 {
        let probe = self.current.as_ref().map_or(self.next_at, |probe| probe.ask_at.unwrap_or(probe.ends_at));
        probe.min(self.relays_due())
    }

    /// The same, for a node that probes nobody itself.
    pub(crate) fn relays_due(&self) -> u64 {
        self.relays.values().map(|relay| relay.nack_at.unwrap_or(relay.ends_at)).min().unwrap_or(u64::MAX)
    }

    /// All ends so many ms later.
    pub(crate) fn postpone(&mut self, ms: u64) {
        self.next_at += ms;
        if let Some(probe) = &mut self.current {
            probe.ends_at += ms;
            probe.ask_at = probe.ask_at.map(|at| at + ms);
        }
        for relay in self.relays.values_mut() {
            relay.ends_at += ms;
            relay.nack_at = relay.nack_at.map(|at| at + ms);
        }
    }

    fn seq(&mut self) -> u64 {
        self.last_seq += 1;
        self.last_seq
    }
}

impl Swim {
    /// Goes on with the current probe, and begins the next one when it is time.
    pub(crate) fn probe(&mut self) {
        if let Some(probe) = &self.prober.current {
            if probe.ends_at <= self.now {
                self.fail_probe();
            } else if probe.ask_at.is_some_and(|at| at <= self.now) {
                self.ask_others();
            }
        }
        if self.prober.current.is_none() && self.prober.next_at <= self.now {
            self.begin_probe();
        }
    }

    fn begin_probe(&mut self) {
        let period = self.health.stretch(self.config.probe_interval_ms);
        self.prober.next_at = self.now + period;
        let Some(target) = self.next_target() else { return };
        let seq = self.prober.seq();
        let ask_at = Some(self.now + self.health.stretch(self.config.probe_timeout_ms));
        self.prober.current = Some(Probe { target, seq, ask_at, ends_at: self.now + period, silent: 0, asked: 0 });
        self.send(target, Message::Ping { seq });
    }

    fn next_target(&mut self) -> Option<NodeId> {
        for _ in 0..2 {
            while let Some(id) = self.prober.round.pop() {
                if self.table.get(&id).is_some_and(|entry| entry.member.state.is_live()) {
                    return Some(id);
                }
            }
            self.prober.round = self.live().collect();
            self.random.shuffle(&mut self.prober.round);
        }
        None
    }

    fn ask_others(&mut self) {
        let Some(probe) = &mut self.prober.current else { return };
        probe.ask_at = None;
        let (target, seq) = (probe.target, probe.seq);
        let others: Vec<NodeId> = self.live().filter(|id| *id != target).collect();
        let count = match self.config.is(Mutant::NoIndirectProbe) {
            true => 0, // G4
            false => self.config.indirect_probes,
        };
        let asked = self.random.some(others, count);
        if let Some(probe) = &mut self.prober.current {
            (probe.asked, probe.silent) = (asked.len(), asked.len());
        }
        asked.into_iter().for_each(|id| self.send(id, Message::PingRequest { seq, target }));
    }

    /// The period is over without an answer. When all who were asked say the same, it is not this node's fault.
    fn fail_probe(&mut self) {
        let Some(probe) = self.prober.current.take() else { return };
        if (probe.asked == 0 || probe.silent > 0) && !self.config.is(Mutant::NoLocalHealth) {
            self.health.worse(1);
        }
        self.accuse(probe.target, State::Suspect);
    }

    /// An answer: to this node's probe, or to one on behalf of another.
    pub(crate) fn acknowledged(&mut self, seq: u64) {
        if self.prober.current.take_if(|probe| probe.seq == seq).is_some() {
            self.health.better();
        } else if let Some(relay) = self.prober.relays.remove(&seq) {
            self.send(relay.origin, Message::Ack { seq: relay.origin_seq });
        }
    }

    pub(crate) fn not_acknowledged(&mut self, seq: u64) {
        if let Some(probe) = self.prober.current.as_mut().filter(|probe| probe.seq == seq) {
            probe.silent = probe.silent.saturating_sub(1);
        }
    }

    /// Probes a member for another node.
    pub(crate) fn relay_probe(&mut self, origin: NodeId, origin_seq: u64, target: NodeId) {
        if target == self.config.id {
            return self.send(origin, Message::Ack { seq: origin_seq });
        }
        let seq = self.prober.seq();
        let nack_at = Some(self.now + self.config.probe_timeout_ms * 4 / 5);
        let ends_at = self.now + 4 * self.config.probe_interval_ms;
        self.prober.relays.insert(seq, Relay { origin, origin_seq, nack_at, ends_at });
        self.send(target, Message::Ping { seq });
    }

    /// Tells those for whom this node probes that there is no answer yet, and drops what is too old.
    pub(crate) fn answer_for_relays(&mut self) {
        let now = self.now;
        self.prober.relays.retain(|_, relay| relay.ends_at > now);
        let late = self.prober.relays.values_mut();
        let late = late.filter_map(|relay| relay.nack_at.take_if(|at| *at <= now).map(|_| relay));
        let late: Vec<(NodeId, u64)> = late.map(|relay| (relay.origin, relay.origin_seq)).collect();
        late.into_iter().for_each(|(origin, seq)| self.send(origin, Message::Nack { seq }));
    }
}
