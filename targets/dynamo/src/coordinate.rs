//! The coordinator's side: a client's request as reads from and writes to replicas.
//!
//! Any node coordinates. What it does depends on the object:
//!
//! - **Registers** under versions follow the multi-writer algorithm of Lynch and Shvartsman (Robust emulation of shared
//!   memory using dynamic quorum-acknowledged broadcasts, FTCS 1997), after Attiya, Bar-Noy and Dolev (Sharing memory
//!   robustly in message-passing systems, JACM 1995). A write asks R replicas for their versions and writes one more
//!   than the highest to W. A read asks R replicas; if not W of them are known to hold what it found, it writes that
//!   back to W before it answers. With R + W > N and a strict quorum that is linearizable. Where the last write wins, a
//!   write takes its wall clock for the version and asks nobody.
//! - **Siblings, sets, carts, counters** are changed by one of their replicas, to which the coordinator forwards the
//!   request: a new event belongs to a replica that knows its earlier ones. It changes its copy and writes the whole
//!   new state to all. A set's concurrent states are merged by the replicas, element by element; clients never see set
//!   siblings. A removal first reads R replicas, so that it removes what was acknowledged elsewhere.
//!
//! A read repairs replicas whose answer was behind, and a write that a replica did not acknowledge by the deadline
//! leaves it a hint. In a sloppy quorum, members further along the ring stand in for replicas that are down or silent:
//! they keep writes as hints that count for W, and answer reads. What they answer is taken in, but counts only where
//! fewer than R replicas are thought to be up and the others had their time to answer: a replica that is slow for a
//! moment must not make a read find nothing.

mod read;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use rashomon_protocol::{NodeId, RequestId};

use crate::config::{Conflict, Quorum, QuorumKind};
use crate::message::{Ask, Cause, Message};
use crate::mutant::Mutant;
use crate::node::Node;
use crate::object::{Key, Object, Space, Update, Value};
use crate::output::{Failure, Response};
use crate::ring::{Plan, place};

/// Who waits for the end of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A client of this node.
    Client(RequestId),
    /// A node that forwarded a client's request.
    Forward(NodeId, u64),
}

/// A request that another node carries out.
#[derive(Clone, Debug)]
pub(crate) struct Forwarded {
    origin: Origin,
    deadline: u64,
    /// The executor, the request and when to turn to another, for D17.
    retry: Option<(NodeId, Key, Ask, Quorum, u64)>,
}

/// What an operation is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// It waits for R answers.
    Reading,
    /// It waits for W acknowledgements of this.
    Writing(Object),
    /// It found this with nothing to write, has answered, and looks out for replicas that are behind.
    Repairing(Option<Object>),
}

/// An operation under way.
#[derive(Clone, Debug)]
pub(crate) struct Op {
    /// `None` once it has been answered.
    origin: Option<Origin>,
    pub(crate) key: Key,
    ask: Ask,
    quorum: Quorum,
    deadline: u64,
    plan: Plan,
    phase: Phase,
    /// Replicas that were asked to read.
    asked: BTreeSet<NodeId>,
    /// What replicas answered.
    answers: BTreeMap<NodeId, Option<Object>>,
    floor: u64,
    /// Replicas known to hold what is being written, and those for which a fallback node keeps it.
    holders: BTreeSet<NodeId>,
    /// Who was asked to stand in for whom.
    fallbacks: BTreeMap<NodeId, NodeId>,
    /// When to ask those that have not answered, and whom else.
    nudge_at: u64,
    nudges: u32,
}

impl Node {
    /// Begins an operation.
    pub(crate) fn coordinate(&mut self, origin: Origin, key: Key, ask: Ask, quorum: Quorum, deadline: u64) {
        if !is_supported(&key, &ask) || !(1..=quorum.n).contains(&quorum.r) || !(1..=quorum.n).contains(&quorum.w) {
            return self.end(origin, Err(Failure::Unsupported));
        }
        let plan = self.places.plan(place(&key).0, quorum.n);
        let replicas = &plan.write[plan.write.len() - 1];
        if ask == Ask::Read || key.space == Space::Register || replicas.contains(&self.config.id) {
            return self.begin(origin, key, ask, quorum, deadline, plan);
        }
        let executor = replicas.iter().copied().find(|replica| self.reachable.contains(replica));
        match executor {
            Some(executor) if matches!(origin, Origin::Client(_)) => {
                self.forward(origin, executor, key, ask, quorum, deadline);
            }
            None if self.config.kind == QuorumKind::Sloppy => self.begin(origin, key, ask, quorum, deadline, plan),
            _ => self.end(origin, Err(Failure::Unavailable)),
        }
    }

    fn forward(&mut self, origin: Origin, to: NodeId, key: Key, ask: Ask, quorum: Quorum, deadline: u64) {
        let Some(id) = self.birth() else { return self.end(origin, Err(Failure::Starting)) };
        // D17: a counter's request that is not answered soon is given to another replica.
        let retries = self.is(Mutant::CountedTwice) && key.space == Space::Counter;
        let again_at = self.now() + self.config.patience_ms;
        let retry = retries.then(|| (to, key.clone(), ask.clone(), quorum, again_at));
        self.forwarded.insert(id, Forwarded { origin, deadline, retry });
        let remaining_ms = deadline.saturating_sub(self.now());
        let fence = self.fence(to);
        self.send(to, Message::Forward { id, key, ask, quorum, remaining_ms, fence });
    }

    pub(crate) fn take_forwarded(&mut self, id: u64, result: Result<Response, Failure>) {
        if let Some(forwarded) = self.forwarded.remove(&id) {
            self.end(forwarded.origin, result);
        }
    }

    fn end(&mut self, origin: Origin, result: Result<Response, Failure>) {
        match origin {
            Origin::Client(request) => self.reply(request, result),
            Origin::Forward(to, id) => self.send(to, Message::Forwarded { id, result }),
        }
    }

    fn begin(&mut self, origin: Origin, key: Key, ask: Ask, quorum: Quorum, deadline: u64, plan: Plan) {
        let Some(id) = self.birth() else { return self.end(origin, Err(Failure::Starting)) };
        let op = Op {
            origin: Some(origin),
            key,
            ask,
            quorum,
            deadline,
            plan,
            phase: Phase::Reading,
            asked: BTreeSet::new(),
            answers: BTreeMap::new(),
            floor: 0,
            holders: BTreeSet::new(),
            fallbacks: BTreeMap::new(),
            nudge_at: self.now() + self.config.patience_ms,
            nudges: 0,
        };
        let reads_first = match &op.ask {
            Ask::Read | Ask::Update(Update::Remove(_)) => true,
            Ask::Update(Update::Write(_) | Update::Delete(_)) => {
                op.key.space == Space::Register && !self.writes_by_clock()
            }
            Ask::Update(_) => false,
        };
        self.ops.insert(id, op);
        if reads_first {
            let mut readers = self.readers(id);
            let (op, needed) = (&self.ops[&id], usize::from(quorum.r));
            // Where too few replicas are thought to be up, all are asked: they may be.
            if readers[..needed].iter().all(|node| op.plan.read.contains(node)) {
                readers.truncate(needed);
            }
            self.ask_replicas(id, readers);
        } else {
            self.change_and_write(id);
        }
    }

    /// Whether a register's version is the writer's wall clock.
    fn writes_by_clock(&self) -> bool {
        // D3: versions from the wall clock although they should come from a quorum.
        self.config.conflict == Conflict::LastWriteWins || self.is(Mutant::VersionByClock)
    }

    /// Tells whoever waits that it succeeded; a read, with what it found when it decided and nothing later.
    fn answer(&mut self, id: u64, found: Option<&Object>) {
        let op = self.ops.get_mut(&id).expect("the caller has it");
        let Some(origin) = op.origin.take() else { return };
        let response = match &op.ask {
            Ask::Update(_) => Response::Done,
            Ask::Read => {
                respond(found.cloned().unwrap_or_else(|| Object::empty(op.key.space, self.config.mutant)), op.key.space)
            }
        };
        self.end(origin, Ok(response));
    }

    fn fail(&mut self, id: u64, failure: Failure) {
        if let Some(origin) = self.ops.remove(&id).and_then(|op| op.origin) {
            self.end(origin, Err(failure));
        }
    }

    /// Deadlines, and those who have not answered.
    pub(crate) fn time_operations(&mut self) {
        let now = self.now();
        let due = |op: &&Op| now >= op.deadline || op.origin.is_some() && now >= op.nudge_at;
        let due: Vec<u64> = self.ops.iter().filter(|(_, op)| due(op)).map(|(id, _)| *id).collect();
        for id in due {
            if now >= self.ops[&id].deadline {
                self.give_up(id);
            } else {
                self.nudge(id);
            }
        }
        let due = |one: &&Forwarded| now >= one.deadline || one.retry.as_ref().is_some_and(|retry| now >= retry.4);
        let due: Vec<u64> = self.forwarded.iter().filter(|(_, one)| due(one)).map(|(id, _)| *id).collect();
        for id in due {
            let Some(forwarded) = self.forwarded.remove(&id) else { continue };
            match forwarded.retry {
                Some((tried, key, ask, quorum, _)) if now < forwarded.deadline => {
                    let replicas = self.places.plan(place(&key).0, quorum.n).preference_list();
                    let other = replicas.into_iter().find(|replica| *replica != tried).unwrap_or(tried);
                    self.forward(forwarded.origin, other, key, ask, quorum, forwarded.deadline);
                }
                _ => self.end(forwarded.origin, Err(self.write_timeout())),
            }
        }
    }

    /// When the next operation's time is over, or others are to be asked for it.
    pub(crate) fn operations_due(&self) -> Option<u64> {
        let own = self.ops.values().map(|op| match op.origin {
            Some(_) => op.deadline.min(op.nudge_at),
            None => op.deadline,
        });
        let forwarded = self.forwarded.values().map(|one| match &one.retry {
            Some(retry) => one.deadline.min(retry.4),
            None => one.deadline,
        });
        own.chain(forwarded).min()
    }

    /// Asks everyone who has not answered, again or for the first time.
    fn nudge(&mut self, id: u64) {
        let patience = self.config.patience_ms;
        let op = self.ops.get_mut(&id).expect("the caller has it");
        op.nudges += 1;
        op.nudge_at += patience << op.nudges.min(6);
        let replicas = op.plan.preference_list();
        match &op.phase {
            Phase::Reading => {
                let silent = self.readers(id).into_iter().filter(|node| !self.ops[&id].answers.contains_key(node));
                let mut silent: Vec<NodeId> = silent.collect();
                if self.config.kind == QuorumKind::Sloppy {
                    silent.extend(self.ops[&id].plan.others.iter().copied());
                }
                self.ask_replicas(id, silent);
                // Fallback nodes that have answered may count by now.
                self.count_answers(id);
            }
            Phase::Writing(object) => {
                let (key, object, cause) = (op.key.clone(), object.clone(), cause_of(&op.ask));
                let silent: Vec<NodeId> =
                    replicas.into_iter().filter(|replica| !op.holders.contains(replica)).collect();
                for replica in &silent {
                    self.send_write(*replica, id, key.clone(), object.clone(), cause, None);
                }
                self.use_fallbacks(id, &silent);
            }
            Phase::Repairing(_) => {}
        }
    }

    /// The deadline has passed: answers if nobody did, and leaves hints for the replicas that were silent.
    fn give_up(&mut self, id: u64) {
        let op = &self.ops[&id];
        let failure = match (&op.ask, &op.phase) {
            (Ask::Update(_), Phase::Writing(_)) => self.write_timeout(),
            _ => Failure::Unavailable,
        };
        if let (Phase::Writing(object), true) = (&op.phase, self.config.hints && op.plan.write.len() == 1) {
            let (key, object) = (op.key.clone(), object.clone());
            let silent = op.plan.preference_list().into_iter().filter(|replica| !op.holders.contains(replica));
            let silent: Vec<NodeId> = silent.filter(|replica| *replica != self.config.id).collect();
            for replica in silent {
                self.keep_hint(replica, &key, &object);
            }
        }
        self.fail(id, failure);
    }

    fn write_timeout(&self) -> Failure {
        // D7: it did not succeed, so it failed.
        if self.is(Mutant::TimeoutIsFailure) { Failure::TakenForFailed } else { Failure::Timeout }
    }

    /// The ring changed: what is under way follows the new one.
    pub(crate) fn follow_ring(&mut self) {
        for id in self.ops.keys().copied().collect::<Vec<_>>() {
            let op = self.ops.get_mut(&id).expect("it is there");
            let before = op.plan.preference_list();
            op.plan = self.places.plan(place(&op.key).0, op.quorum.n);
            op.fallbacks.clear();
            match &op.phase {
                Phase::Reading => {
                    let readers = self.readers(id);
                    self.ask_replicas(id, readers);
                    self.count_answers(id);
                }
                Phase::Writing(object) => {
                    let (key, object, cause) = (op.key.clone(), object.clone(), cause_of(&op.ask));
                    for replica in op.plan.preference_list().into_iter().filter(|replica| !before.contains(replica)) {
                        self.send_write(replica, id, key.clone(), object.clone(), cause, None);
                    }
                    self.count_acknowledgements(id);
                }
                Phase::Repairing(_) => {
                    self.ops.remove(&id);
                }
            }
        }
    }
}

/// A read writes only what it found.
fn cause_of(ask: &Ask) -> Cause {
    if *ask == Ask::Read { Cause::Repair } else { Cause::Update }
}

/// Whether the store has this operation on this kind of key.
fn is_supported(key: &Key, ask: &Ask) -> bool {
    let Ask::Update(update) = ask else { return true };
    match key.space {
        Space::Register => matches!(update, Update::Write(_) | Update::Delete(_)),
        Space::Siblings => matches!(update, Update::Put(..) | Update::Delete(_)),
        Space::Set => matches!(update, Update::Add(_)),
        Space::Cart => matches!(update, Update::Add(_) | Update::Remove(_)),
        Space::Counter => matches!(update, Update::Count(_)),
    }
}

/// What a client gets to see of an object.
fn respond(object: Object, space: Space) -> Response {
    match object {
        Object::Register(register) => Response::Value(register.value.unwrap_or(Value::Null)),
        Object::Dotted(dotted) if space == Space::Siblings => {
            Response::Siblings(dotted.values.into_values().collect(), dotted.context)
        }
        Object::Dotted(dotted) => Response::Elements(dotted.distinct()),
        Object::Counter(counter) => Response::Total(counter.total()),
        Object::Cells(cells) => Response::Elements(cells.live().cloned().collect()),
    }
}
