//! One node: its table of members, its own identity, and what comes in and goes out.

use std::collections::BTreeMap;

use rashomon_protocol::NodeId;

use crate::config::Config;
use crate::health::Health;
use crate::member::{Incarnation, Member, Payload, Rumor, State};
use crate::message::{Envelope, Message};
use crate::mutant::Mutant;
use crate::output::{Event, Identity, Output};
use crate::probe::Prober;
use crate::protocol::Changes;
use crate::random::Random;
use crate::rumors::Rumors;
use crate::suspicion::Suspicion;

/// What is known about another member.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) member: Member,
    /// Who said first what it is held for.
    by: NodeId,
    /// When that was heard, ms.
    changed_at: u64,
    /// Runs while it is suspect.
    suspicion: Option<Suspicion>,
}

/// A node of a SWIM cluster. See the crate for how it is driven.
#[derive(Clone, Debug)]
pub struct Swim {
    pub(crate) config: Config,
    pub(crate) random: Random,
    pub(crate) health: Health,
    pub(crate) now: u64,
    /// What is durable and therefore announced; `None` until the first is.
    durable: Option<Identity>,
    payload: Payload,
    /// What is to be durable, with its number; equal to `durable` when nothing is under way.
    wanted: Identity,
    wanted_payload: Payload,
    pub(crate) persist: u64,
    /// Which identity is durable, by its number.
    pub(crate) persisted: u64,
    pub(crate) changes: Changes,
    pub(crate) table: BTreeMap<NodeId, Entry>,
    /// The last that was known of members that were forgotten.
    forgotten: BTreeMap<NodeId, (Incarnation, State)>,
    rumors: Rumors,
    pub(crate) prober: Prober,
    pub(crate) next_sync_at: u64,
    pub(crate) out: Output,
}

/// How many members hear at once that this node has a new identity.
const FANOUT: usize = 3;

impl Swim {
    /// A node from what was durable; `None` for one that never ran. It takes part once the identity in its first output
    /// is durable. A node that had left comes back as one that has left.
    pub fn new(config: Config, recovered: Option<Identity>, now_ms: u64) -> Swim {
        let recovered = match config.mutant {
            Some(Mutant::NoAccusationBack) => None, // G2: the incarnation is not on disk
            _ => recovered,
        };
        let before = recovered.unwrap_or(Identity { incarnation: 0, left: false });
        let wanted = Identity { incarnation: before.incarnation + 1, ..before };
        let seed = config.seed ^ u64::from(config.id) << 48 ^ wanted.incarnation << 20;
        let mut swim = Swim {
            random: Random::new(seed),
            health: Health::new(config.max_health_score),
            now: now_ms,
            durable: None,
            payload: config.payload.clone(),
            wanted,
            wanted_payload: config.payload.clone(),
            persist: 0,
            persisted: 0,
            changes: Changes::default(),
            table: BTreeMap::new(),
            forgotten: BTreeMap::new(),
            rumors: Rumors::default(),
            prober: Prober::new(wanted.incarnation),
            next_sync_at: now_ms,
            out: Output::default(),
            config,
        };
        swim.want(wanted);
        swim
    }

    /// Time has passed. To be called before other inputs, and at the latest at [`Swim::next_ms`]. `now_ms` is of any
    /// monotonic clock.
    pub fn advance(&mut self, now_ms: u64) {
        let late = now_ms.saturating_sub(self.next_ms());
        if self.config.is(Mutant::NoLocalHealth) {
            // G5: missed periods are made up for one by one, before anything is read that arrived meanwhile.
            while self.now + self.config.probe_interval_ms < now_ms {
                self.now += self.config.probe_interval_ms;
                self.act();
            }
        } else if late > self.config.stall_ms {
            self.stood_still(late);
        }
        self.now = self.now.max(now_ms);
        self.act();
    }

    /// A message has arrived.
    pub fn receive(&mut self, envelope: Envelope) {
        if self.durable.is_none() || envelope.to != self.config.id || envelope.from == self.config.id {
            return;
        }
        let from = envelope.from;
        envelope.rumors.into_iter().for_each(|rumor| self.hear(rumor));
        match envelope.message {
            Message::Ping { seq } => self.send(from, Message::Ack { seq }),
            Message::PingRequest { seq, target } => self.relay_probe(from, seq, target),
            Message::Ack { seq } => self.acknowledged(seq),
            Message::Nack { seq } => self.not_acknowledged(seq),
            Message::Gossip => {}
            Message::Push { members } => {
                self.hear_table(members);
                let members = self.whole_table(from);
                self.send(from, Message::Pull { members });
            }
            Message::Pull { members } => self.hear_table(members),
        }
    }

    /// The node is to leave the cluster: it has once [`Swim::identity`] says so.
    pub fn leave(&mut self) {
        if !self.wanted.left {
            self.want(Identity { incarnation: self.wanted.incarnation + 1, left: true });
        }
    }

    /// The node is to join again after it left: it has once [`Swim::identity`] says so.
    pub fn join(&mut self) {
        if self.wanted.left {
            self.want(Identity { incarnation: self.wanted.incarnation + 1, left: false });
        }
    }

    /// The node publishes something else about itself from its next incarnation on.
    pub fn set_payload(&mut self, payload: Payload) {
        if payload != self.wanted_payload {
            self.wanted_payload = payload;
            self.want(Identity { incarnation: self.wanted.incarnation + 1, ..self.wanted });
        }
    }

    /// The driver has noticed that its own loop was late by so much, ms: answers may be late because of this node.
    pub fn lagged(&mut self, ms: u64) {
        if ms > self.config.stall_ms && !self.config.is(Mutant::NoLocalHealth) {
            self.health.worse(1);
        }
    }

    /// The identity with that number is durable.
    pub fn persisted(&mut self, number: u64) {
        if number != self.persist || self.durable == Some(self.wanted) {
            return;
        }
        self.persisted = number;
        let first = self.durable.is_none();
        let joins = first || self.durable.is_some_and(|durable| durable.left && !self.wanted.left);
        self.durable = Some(self.wanted);
        self.payload = self.wanted_payload.clone();
        self.out.events.push(Event::Announced(self.wanted));
        let own = self.own_rumor();
        self.rumors.add(own);
        if joins {
            self.begin();
            for seed in self.config.seeds.clone() {
                self.push_to(seed);
            }
        }
        let live: Vec<NodeId> = self.live().collect();
        for id in self.random.some(live, FANOUT) {
            self.send(id, Message::Gossip);
        }
    }

    /// What is to be done since the last call.
    pub fn output(&mut self) -> Output {
        std::mem::take(&mut self.out)
    }

    /// When [`Swim::advance`] has something to do next, ms.
    pub fn next_ms(&self) -> u64 {
        if self.durable.is_none() {
            return u64::MAX;
        }
        let suspicions = self.table.values().filter_map(|entry| entry.suspicion.as_ref()).map(Suspicion::deadline_ms);
        let forgetting = self.table.values().filter_map(|entry| self.forgotten_at(entry));
        let probing = if self.has_left() { self.prober.relays_due() } else { self.prober.due() };
        suspicions.chain(forgetting).chain([probing, self.next_sync_at]).min().unwrap_or(u64::MAX)
    }

    /// Who this node is; `None` until its first identity is durable: it then serves nobody yet.
    pub fn identity(&self) -> Option<Identity> {
        self.durable
    }

    /// All members as this node sees them, itself included, ascending. Empty while [`Swim::identity`] is `None`.
    pub fn members(&self) -> Vec<Member> {
        if self.durable.is_none() {
            return Vec::new();
        }
        let mut members: Vec<Member> = self.table.values().map(|entry| entry.member.clone()).collect();
        members.push(self.own_rumor().member);
        members.sort_unstable_by_key(|member| member.id);
        members
    }

    /// The local health score: 0 is well, larger is slower to accuse.
    pub fn health_score(&self) -> u64 {
        self.health.score()
    }

    fn begin(&mut self) {
        self.next_sync_at = self.now + self.random.below(self.config.sync_interval_ms as usize) as u64;
        self.prober.begin(self.now + self.random.below(self.config.probe_interval_ms as usize) as u64);
    }

    fn want(&mut self, identity: Identity) {
        self.wanted = identity;
        self.persist += 1;
        self.out.identity = Some((self.persist, identity));
    }

    fn act(&mut self) {
        if self.durable.is_none() {
            return;
        }
        if !self.has_left() {
            self.probe();
        }
        self.answer_for_relays();
        self.end_suspicions();
        if self.now >= self.next_sync_at {
            self.next_sync_at = self.now + self.config.sync_interval_ms;
            self.sync();
        }
        self.forget();
    }

    /// Time during which this node stood still does not count: neither had it read the answers that came meanwhile.
    fn stood_still(&mut self, late: u64) {
        self.out.events.push(Event::Stalled(late));
        self.health.worse(1);
        let by = late + self.config.probe_timeout_ms;
        self.prober.postpone(by);
        self.table.values_mut().filter_map(|entry| entry.suspicion.as_mut()).for_each(|suspicion| {
            suspicion.postpone(by);
        });
    }

    pub(crate) fn has_left(&self) -> bool {
        self.durable.is_none_or(|durable| durable.left)
    }

    /// Other members that take part, ascending.
    pub(crate) fn live(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.table.values().filter(|entry| entry.member.state.is_live()).map(|entry| entry.member.id)
    }

    /// How many take part, this node included.
    pub(crate) fn live_count(&self) -> usize {
        self.live().count() + 1
    }

    pub(crate) fn own_rumor(&self) -> Rumor {
        let Identity { incarnation, left } = self.durable.unwrap_or(self.wanted);
        let state = if left { State::Left } else { State::Alive };
        let id = self.config.id;
        Rumor { member: Member { id, state, incarnation, payload: self.payload.clone() }, by: id }
    }

    /// Whatever is sent to a node that is not held for alive begins with that, so that it can contradict (Lifeguard's
    /// buddy system, §IV-C; here also for the dead, and for those who were forgotten).
    fn opinion_of(&self, id: NodeId) -> Option<Rumor> {
        if self.config.is(Mutant::NoAccusationBack) {
            return None; // G2
        }
        let Some(entry) = self.table.get(&id) else {
            let (incarnation, state) = *self.forgotten.get(&id)?;
            let member = Member { id, state, incarnation, payload: Payload::from([]) };
            return Some(Rumor { member, by: self.config.id });
        };
        (entry.member.state != State::Alive).then(|| entry.rumor())
    }

    pub(crate) fn send(&mut self, to: NodeId, message: Message) {
        if self.durable.is_none() || to == self.config.id {
            return;
        }
        let mut rumors: Vec<Rumor> = self.opinion_of(to).into_iter().collect();
        if self.has_left() {
            rumors.push(self.own_rumor());
        }
        let times = self.config.transmissions(self.live_count());
        rumors.extend(self.rumors.take(self.config.max_rumors, times, to));
        self.out.messages.push(Envelope { from: self.config.id, to, message, rumors });
    }

    /// The whole table, for another node.
    pub(crate) fn whole_table(&self, to: NodeId) -> Vec<Rumor> {
        let others = self.table.values().filter(|entry| entry.member.id != to).map(Entry::rumor);
        others.chain(self.opinion_of(to)).chain([self.own_rumor()]).collect()
    }

    /// Whole tables travel late: who is dead there may have come back. It is given time to contradict.
    fn hear_table(&mut self, members: Vec<Rumor>) {
        for mut rumor in members {
            let held = self.table.get(&rumor.member.id).map(|entry| entry.member.state);
            if rumor.member.state == State::Dead && held.is_some_and(State::is_live) {
                rumor.member.state = State::Suspect;
            }
            self.hear(rumor);
        }
    }

    /// Somebody says something about a member: the greater statement holds (SWIM §4.2).
    pub(crate) fn hear(&mut self, rumor: Rumor) {
        let said = &rumor.member;
        if said.id == self.config.id {
            return self.hear_of_self(&rumor);
        }
        let Some(entry) = self.table.get_mut(&said.id) else { return self.meet(rumor) };
        match said.precedence().cmp(&entry.member.precedence()) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => {
                let news = entry.suspicion.as_mut().is_some_and(|suspicion| suspicion.confirm(rumor.by));
                if news {
                    self.rumors.add(rumor);
                }
            }
            std::cmp::Ordering::Greater => self.believe(rumor),
        }
    }

    /// Somebody has a newer opinion of this node than itself: it contradicts under a new incarnation (SWIM §4.2).
    fn hear_of_self(&mut self, rumor: &Rumor) {
        let own = (self.wanted.incarnation, if self.wanted.left { State::Left } else { State::Alive });
        let Member { state, incarnation, .. } = rumor.member;
        if (incarnation, state) <= own {
            return;
        }
        self.out.events.push(Event::Accused { state, incarnation, by: rumor.by });
        self.health.worse(1);
        self.want(Identity { incarnation: incarnation + 1, ..self.wanted });
    }

    /// Somebody says something about a member that is not known. Only its own word makes it one that takes part.
    fn meet(&mut self, rumor: Rumor) {
        let said = &rumor.member;
        let known = self.forgotten.get(&said.id).is_some_and(|last| said.precedence() <= *last);
        let ghost = known || said.state == State::Suspect;
        if ghost && !(said.state == State::Suspect && self.config.is(Mutant::SuspectAdds)) {
            return; // G3: a suspicion adds it all the same
        }
        self.forgotten.remove(&said.id);
        let nothing = Member { state: State::Alive, incarnation: 0, payload: Payload::from([]), id: said.id };
        let entry = Entry { member: nothing, by: rumor.by, changed_at: self.now, suspicion: None };
        self.table.insert(said.id, entry);
        self.take_over(rumor, None);
    }

    /// Another member is held for something else from now on.
    pub(crate) fn believe(&mut self, rumor: Rumor) {
        let before = self.table.get(&rumor.member.id).map(|entry| entry.member.state);
        self.take_over(rumor, before);
    }

    fn take_over(&mut self, rumor: Rumor, from: Option<State>) {
        let live = self.live_count();
        let Rumor { member: said, by } = rumor.clone();
        let entry = self.table.get_mut(&said.id).expect("callers have looked it up or inserted it");
        let ends = matches!(said.state, State::Dead | State::Left);
        let advance = !(ends && from.is_some() && self.config.is(Mutant::StaleAlive)); // G1
        if advance && said.incarnation > entry.member.incarnation {
            entry.member.incarnation = said.incarnation;
            entry.member.payload = said.payload;
        }
        entry.member.state = said.state;
        (entry.by, entry.changed_at) = (by, self.now);
        entry.suspicion = (said.state == State::Suspect).then(|| {
            let min_ms = self.config.suspicion_min_ms(live);
            // Those who could confirm: neither this node, nor the suspect, nor the first accuser.
            let needed = match self.config.is(Mutant::NoLocalHealth) {
                true => 0, // G5
                false => self.config.confirmations.min(live.saturating_sub(3)),
            };
            Suspicion::new(self.now, by, min_ms, min_ms * self.config.suspicion_stretch, needed)
        });
        if said.state.is_live() && !from.is_some_and(State::is_live) {
            self.prober.add(said.id, &mut self.random);
        }
        self.rumors.add(rumor);
        let (id, incarnation) = (said.id, said.incarnation);
        self.out.events.push(Event::Changed { id, from, to: said.state, incarnation, by });
    }

    /// This node accuses a member itself.
    pub(crate) fn accuse(&mut self, id: NodeId, state: State) {
        let Some(entry) = self.table.get(&id) else { return };
        if entry.member.state.is_live() {
            let member = Member { state, ..entry.member.clone() };
            self.hear(Rumor { member, by: self.config.id });
        }
    }

    fn end_suspicions(&mut self) {
        let over = |entry: &&Entry| entry.suspicion.as_ref().is_some_and(|it| it.deadline_ms() <= self.now);
        let ended: Vec<NodeId> = self.table.values().filter(over).map(|entry| entry.member.id).collect();
        ended.into_iter().for_each(|id| self.accuse(id, State::Dead));
    }

    fn forgotten_at(&self, entry: &Entry) -> Option<u64> {
        (!entry.member.state.is_live()).then(|| entry.changed_at.saturating_add(self.config.forget_after_ms))
    }

    /// Who has been gone for long is dropped from the table. Its last incarnation is kept, so that a late message does
    /// not bring it back.
    fn forget(&mut self) {
        let due = |entry: &&Entry| self.forgotten_at(entry).is_some_and(|at| at <= self.now);
        let ids: Vec<NodeId> = self.table.values().filter(due).map(|entry| entry.member.id).collect();
        for id in ids {
            let entry = self.table.remove(&id).expect("it was just listed");
            self.forgotten.insert(id, entry.member.precedence());
            self.rumors.remove(id);
            self.out.events.push(Event::Forgotten(id));
        }
    }
}

impl Entry {
    fn rumor(&self) -> Rumor {
        Rumor { member: self.member.clone(), by: self.by }
    }
}
