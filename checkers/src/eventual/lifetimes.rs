//! What must be there and what must be gone, for every type whose elements are added, removed and read.
//!
//! An add is visible at a replica once that replica has taken it over; a kill (a remove, or a write that supersedes)
//! ends the adds that its rule says. From the history alone some of this is certain, and only that is used:
//!
//! - an element **must be there** when it was added for certain (acknowledged, or seen) and no kill that may have
//!   happened can have ended it: every one of them had ended before the add began;
//! - an element **must be gone** when each of its adds that may have happened was certainly ended by a kill that
//!   certainly happened.
//!
//! Both are demanded of the reads of a settled object. Where more is promised than eventual agreement ([`Promise`]),
//! both are demanded of every read, too, as far as adds and kills are certainly known where it was answered
//! ([`Knowledge`]). This is one direction of replication-aware linearizability (Wang, Enea, Mutluergil and Petri,
//! *Replication-aware linearizability*, 2019): what is reported has no explanation by it; the tests say how much else
//! has none.

pub(super) mod object;
mod threats;

use rashomon_history::{OpView, Outcome, Value};
use rustc_hash::FxHashMap;

use self::object::{Lists, Object};
use self::threats::{Certain, Threats};
use super::closing::{Closing, Looked, Place};
use super::knowledge::{Knowledge, NEVER};
use super::{EventualDemand, Promise};
use crate::anomalies::findings::{Findings, begun, between, ended, of_key};
use crate::story::capital;

/// Which adds a kill ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Those that its replica had.
    Observed,
    /// Those that were older.
    RealTime,
    /// All: it names them.
    Explicit,
}

/// How to speak of one type.
pub(super) struct Words {
    /// `element`, `value`.
    pub(super) thing: &'static str,
    /// The anomaly of something that should be there.
    pub(super) lost: &'static str,
    /// The anomaly of something that should be gone.
    pub(super) back: &'static str,
    /// What removes: `removed`, `superseded`.
    pub(super) removed: &'static str,
    /// The name of the element that an operation adds.
    pub(super) adds: fn(&OpView<'_>) -> Option<Value>,
}

/// Judges one object.
pub(super) fn judge(
    object: &Object<'_>,
    (rule, words): (Rule, &Words),
    closing: &Closing,
    demand: &EventualDemand,
    findings: &mut Findings,
    looked: &mut Looked,
) {
    let mut knowledge = Knowledge::new(object.ops, demand.promise);
    let mut order: Vec<u32> = (0..object.reads.len() as u32).collect();
    order.sort_by_key(|&read| knowledge.place(object.reads[read as usize] as usize));
    let mut begins = Vec::with_capacity(order.len());
    let mut ends = Vec::with_capacity(order.len());
    let mut first_rank = vec![0];
    for (rank, &read) in order.iter().enumerate() {
        let op = object.reads[read as usize];
        begins.push(object.begun(op));
        ends.push(object.end(op));
        while first_rank.len() <= knowledge.place(op as usize) as usize {
            first_rank.push(rank);
        }
    }
    if demand.promise != Promise::Eventual {
        learn(object, &mut knowledge);
    }
    let threats = Threats::of(object, &knowledge, rule);
    let present = object.present(&order);
    let told = vec![false; object.names.len()];
    let mut judge =
        Judge { object, words, knowledge, threats, order, begins, ends, first_rank, present, told, findings };
    judge.come_from_somewhere();
    judge.remain(closing, looked);
    if demand.promise != Promise::Eventual {
        for element in 0..object.names.len() as u32 {
            judge.stay_known(element);
            judge.stay_gone(element);
        }
    }
}

/// What the reads prove of who knew what.
fn learn(object: &Object<'_>, knowledge: &mut Knowledge) {
    let mut by_end: Vec<u32> = (0..object.reads.len() as u32).collect();
    by_end.sort_by_key(|&read| object.end(object.reads[read as usize]));
    let mut shown: Vec<Vec<u64>> = Vec::new();
    for read in by_end {
        let op = object.reads[read as usize];
        let (place, end) = (knowledge.place(op as usize), object.end(op));
        if shown.len() <= place as usize {
            shown.resize(place as usize + 1, Vec::new());
        }
        let shown = &mut shown[place as usize];
        shown.resize(object.names.len().div_ceil(64), 0);
        for &element in object.found.get(read as usize) {
            let (word, bit) = (&mut shown[element as usize / 64], 1 << (element % 64));
            if *word & bit != 0 {
                continue;
            }
            *word |= bit;
            let adds = object.adds.get(element as usize);
            let possible = |&add: &u32| object.begun(add) < end;
            if adds.first().is_some_and(possible) && !adds.get(1).is_some_and(possible) {
                knowledge.shows(place, element, end, knowledge.place(adds[0] as usize), object.begun(adds[0]));
            }
        }
    }
}

struct Judge<'o, 'a> {
    object: &'o Object<'a>,
    words: &'o Words,
    knowledge: Knowledge,
    threats: Threats,
    /// The reads by place, each place's in order of invocation; a read's index there is its rank.
    order: Vec<u32>,
    /// When the read of a rank began.
    begins: Vec<u32>,
    /// When it ended.
    ends: Vec<u32>,
    /// The first rank of each place that has reads, or of the next one.
    first_rank: Vec<usize>,
    /// Per element, the ranks of the reads that have it.
    present: Lists<u32>,
    /// Elements of which something was reported.
    told: Vec<bool>,
    findings: &'o mut Findings,
}

/// Why an element must be there: what added it, or showed it.
type Evidence = Option<u32>;

impl<'a> Judge<'_, 'a> {
    fn view(&self, op: u32) -> &'a OpView<'a> {
        &self.object.ops[op as usize]
    }

    fn read(&self, rank: usize) -> &'a OpView<'a> {
        self.view(self.object.reads[self.order[rank] as usize])
    }

    fn name(&self, element: u32) -> &Value {
        self.object.names.name(element)
    }

    /// Every element was added before it was read, and is there once.
    fn come_from_somewhere(&mut self) {
        let object = self.object;
        for &(element, read) in &object.twice {
            let (thing, read) = (self.words.thing, self.view(read));
            let name = object.names.name(element);
            self.findings.anomaly(duplicated(thing), &[read], || {
                format!("One read, {}, returned {thing} {name} more than once.", begun(read))
            });
        }
        let mut failed: FxHashMap<Value, u32> = FxHashMap::default();
        for (index, op) in object.ops.iter().enumerate().filter(|(_, op)| op.outcome == Outcome::Fail) {
            if let Some(name) = (self.words.adds)(op) {
                failed.entry(name).or_insert(index as u32);
            }
        }
        for element in 0..object.names.len() as u32 {
            let ranks = self.present.get(element as usize);
            let Some(&earliest) = ranks.iter().min_by_key(|&&rank| self.ends[rank as usize]) else { continue };
            let (read, name, thing) = (self.read(earliest as usize), object.names.name(element), self.words.thing);
            match (object.adds.get(element as usize).first(), failed.get(name)) {
                (Some(&add), _) if object.begun(add) < self.ends[earliest as usize] => continue,
                (Some(&add), _) => {
                    let add = self.view(add);
                    self.findings.anomaly(unexpected(thing), &[read, add], || {
                        format!("A read returned {thing} {name} {}, before it was added {}.", ended(read), begun(add))
                    });
                }
                (None, Some(&add)) => {
                    let add = self.view(add);
                    self.findings.anomaly("failed add seen", &[add, read], || {
                        format!(
                            "A read returned {thing} {name}, but adding it had failed, which means that it did not \
                             happen."
                        )
                    });
                }
                (None, None) => self.findings.anomaly(unexpected(thing), &[read], || {
                    format!("A read, {}, returned {thing} {name}, which nobody added.", begun(read))
                }),
            }
            self.told[element as usize] = true;
        }
    }

    /// What must be there in the end, and what must not.
    fn remain(&mut self, closing: &Closing, looked: &mut Looked) {
        let object = self.object;
        if closing.reads.is_empty() {
            return;
        }
        let elements = 0..object.names.len() as u32;
        let must: Vec<Evidence> = elements.clone().map(|element| self.must_be_there(element)).collect();
        let gone: Vec<Evidence> = elements.clone().map(|element| self.must_be_gone(element)).collect();
        let mut stamps = vec![0_u32; object.names.len()];
        let (mut convicted, mut early) = (false, None);
        for (stamp, closing_read) in (1..).zip(closing.judged()) {
            let number = object.reads.partition_point(|&op| (op as usize) < closing_read.read);
            for &element in object.found.get(number) {
                stamps[element as usize] = stamp;
            }
            let read = self.view(closing_read.read as u32);
            for element in elements.clone() {
                let index = element as usize;
                let there = stamps[index] == stamp;
                let Some(reason) = (if there { gone[index] } else { must[index] }) else { continue };
                if self.told[index] {
                    continue;
                }
                if !closing_read.settled {
                    early.get_or_insert((read, element, there));
                    break;
                }
                convicted = true;
                self.told[index] = true;
                if there { self.came_back(element, reason, read) } else { self.lost(element, reason, read) }
            }
        }
        let Some((read, element, there)) = early.filter(|_| !convicted) else { return };
        looked.too_early(|| {
            let still = if there { "still has" } else { "lacks" };
            let key = of_key(&read.key);
            format!("{} {still} {} {}{key}", Place::of(read), self.words.thing, self.name(element))
        });
    }

    /// Whether every replica must have an element in the end: the add that nothing can have ended, or a read.
    fn must_be_there(&self, element: u32) -> Evidence {
        let (object, threats) = (self.object, &self.threats);
        let adds = object.adds.get(element as usize);
        let last = adds.iter().rev().copied().find(|&add| object.is_acknowledged(add));
        if let Some(add) = last.filter(|&add| threats.first(object, element, object.begun(add)) == NEVER) {
            return Some(add);
        }
        let ranks = self.present.get(element as usize);
        let (&first_add, &rank) = (adds.first()?, ranks.first()?);
        let read = |rank: u32| self.object.reads[self.order[rank as usize] as usize];
        if threats.first(object, element, object.begun(first_add)) == NEVER {
            return Some(read(rank));
        }
        // Shown although all that could end it was known: so it has survived that.
        let kills = object.kills.get(object.group[element as usize] as usize);
        let survived = |&rank: &u32| {
            let place = self.knowledge.place(read(rank) as usize);
            kills.iter().filter(|kill| kill.own != element).all(|kill| {
                let known = self.knowledge.since(place, self.knowledge.place(kill.op as usize), object.end(kill.op));
                object.end(kill.op) < object.begun(first_add) || known < self.begins[rank as usize]
            })
        };
        // Where a kill names what it ends, nothing survives it.
        if kills.len() > MANY_KILLS || threats.rule == Rule::Explicit {
            return None;
        }
        let last_of_place = ranks.chunk_by(|&one, &other| {
            self.knowledge.place(read(one) as usize) == self.knowledge.place(read(other) as usize)
        });
        last_of_place.filter_map(<[u32]>::last).find(|rank| survived(rank)).map(|&rank| read(rank))
    }

    /// Whether no replica may have an element in the end: the kill that ended the last of its adds.
    fn must_be_gone(&self, element: u32) -> Evidence {
        let (object, threats) = (self.object, &self.threats);
        let mut reason = None;
        for &add in object.adds.get(element as usize) {
            let mut observers = threats
                .by_place(object, element)
                .filter_map(|kills| threats.last_observer(object, &self.knowledge, element, add, kills));
            reason = Some(observers.next()?.op);
        }
        reason
    }

    /// The ranks of a place's reads that began after one moment and before another.
    fn between(&self, place: u32, after: u32, before: u32) -> std::ops::Range<usize> {
        let end = |place: usize| self.first_rank.get(place).copied().unwrap_or(self.order.len());
        let (first, last) = (end(place as usize), end(place as usize + 1));
        let of_place = &self.begins[first..last];
        let low = of_place.partition_point(|&begun| begun <= after);
        let high = of_place.partition_point(|&begun| begun < before).max(low);
        first + low..first + high
    }

    /// A place that knows an element has it in every later read, as long as nothing can have ended it.
    fn stay_known(&mut self, element: u32) {
        let object = self.object;
        let adds = object.adds.get(element as usize);
        let mut last = (NEVER, 0, 0);
        for &add in adds.iter().filter(|&&add| object.is_acknowledged(add)) {
            let threat = self.threats.first(object, element, object.begun(add));
            let place = self.knowledge.place(add as usize);
            for other in self.knowledge.reach(place) {
                let since = self.knowledge.since(other, place, object.end(add));
                // Adds that nothing separates make the same demand.
                if since != NEVER && !(last.0 == other && last.1 == threat && last.2 <= since) {
                    last = (other, threat, since);
                    self.known(element, other, since, threat, add);
                }
            }
        }
        let (Some(&add), false) = (adds.first(), self.told[element as usize]) else { return };
        let threat = self.threats.first(object, element, object.begun(add));
        let shown: Vec<u32> = self
            .present
            .get(element as usize)
            .chunk_by(|&one, &other| self.place(one) == self.place(other))
            .filter_map(|ranks| ranks.iter().copied().min_by_key(|&rank| self.ends[rank as usize]))
            .collect();
        for rank in shown {
            let evidence = self.object.reads[self.order[rank as usize] as usize];
            self.known(element, self.place(rank), self.ends[rank as usize], threat, evidence);
        }
    }

    fn place(&self, rank: u32) -> u32 {
        self.knowledge.place(self.object.reads[self.order[rank as usize] as usize] as usize)
    }

    /// Reads at a place that began after it knew an element, and ended before anything can have ended that, have it.
    fn known(&mut self, element: u32, place: u32, since: u32, threat: u32, evidence: u32) {
        if self.told[element as usize] {
            return;
        }
        let ranks = self.between(place, since, threat);
        let present = self.present.get(element as usize);
        let from = present.partition_point(|&rank| (rank as usize) < ranks.start);
        let to = present.partition_point(|&rank| (rank as usize) < ranks.end);
        if to - from == ranks.len() {
            return;
        }
        let mut present = present[from..to].iter().peekable();
        let missing = ranks
            .into_iter()
            .find(|&rank| present.next_if(|&&other| other as usize == rank).is_none() && self.ends[rank] < threat);
        let Some(missing) = missing else { return };
        self.told[element as usize] = true;
        let (evidence, read) = (self.view(evidence), self.read(missing));
        let (name, words) = (self.object.names.name(element), self.words);
        self.findings.anomaly(forgotten(words.thing), &[evidence, read], || {
            let how = match (evidence.f, Place::of(evidence) == Place::of(read)) {
                ("read", _) => format!("had shown {} {name} {}", words.thing, ended(evidence)),
                (_, true) => format!("had acknowledged {} {name} {}", words.thing, ended(evidence)),
                (_, false) => {
                    format!("had shown something that {} was told after {} {name}", Place::of(evidence), words.thing)
                }
            };
            format!(
                "{} {how}, and nothing can have {} it since; yet a read there that began {} later lacks it.",
                capital(Place::of(read)),
                words.removed,
                between(evidence, read)
            )
        });
    }

    /// A place that knows that all adds of an element are ended does not show it, until it is added again.
    fn stay_gone(&mut self, element: u32) {
        let object = self.object;
        if self.told[element as usize] || self.threats.certain(object, element).is_empty() {
            return;
        }
        let at: Vec<u32> = self.threats.by_place(object, element).map(|kills| kills[0].place).collect();
        let reach: Vec<u32> = match at.as_slice() {
            [] => Vec::new(),
            places if self.knowledge.reach(places[0]).len() <= 1 => at,
            places => self.knowledge.reach(places[0]).collect(),
        };
        // Which kills ended an add is the same for all places: per add, found when the first place asks.
        let mut observers = Vec::new();
        for place in reach {
            if let Some((kill, rank)) = self.shown_though_gone(element, place, &mut observers) {
                self.told[element as usize] = true;
                let read = self.read(rank);
                return self.came_back(element, kill, read);
            }
        }
    }

    fn shown_though_gone(&self, element: u32, place: u32, observers: &mut Vec<Vec<Certain>>) -> Option<(u32, usize)> {
        let (object, threats) = (self.object, &self.threats);
        let adds = object.adds.get(element as usize);
        let (mut moment, mut reason) = (0, 0);
        for (index, &add) in adds.iter().enumerate() {
            if observers.len() == index {
                let of_place = |kills| threats.first_observer(object, &self.knowledge, element, add, kills);
                observers.push(threats.by_place(object, element).filter_map(of_place).collect());
            }
            let known = |kill: &Certain| (self.knowledge.since(place, kill.place, kill.end), kill.op);
            let (known, kill) = observers[index].iter().map(known).min()?;
            if known == NEVER {
                return None;
            }
            if known >= moment {
                (moment, reason) = (known, kill);
            }
            let again = adds.get(index + 1).map_or(NEVER, |&add| object.begun(add));
            let ranks = self.between(place, moment, again);
            let present = self.present.get(element as usize);
            let from = present.partition_point(|&rank| (rank as usize) < ranks.start);
            let shown = present[from..].iter().map(|&rank| rank as usize).take_while(|&rank| rank < ranks.end);
            if let Some(rank) = shown.into_iter().find(|&rank| self.ends[rank] < again) {
                return Some((reason, rank));
            }
        }
        None
    }

    fn lost(&mut self, element: u32, evidence: u32, read: &OpView<'_>) {
        let (evidence, words, name) = (self.view(evidence), self.words, self.object.names.name(element));
        let thing = capital(words.thing);
        self.findings.anomaly(words.lost, &[evidence, read], || {
            let known = if evidence.f == "read" { "shown" } else { "acknowledged" };
            format!(
                "{thing} {name} was {known} by {} {}, nothing can have {} it since, and {} lacks it: a read that began \
                 {} later, when all had to agree, does not have it.",
                Place::of(evidence),
                ended(evidence),
                words.removed,
                Place::of(read),
                between(evidence, read)
            )
        });
    }

    fn came_back(&mut self, element: u32, kill: u32, read: &OpView<'_>) {
        let (kill, words, name) = (self.view(kill), self.words, self.object.names.name(element));
        let adds = self.object.adds.get(element as usize);
        let mut told = vec![kill, read];
        told.extend(adds.last().map(|&add| self.view(add)));
        let thing = capital(words.thing);
        self.findings.anomaly(words.back, &told, || {
            let several = if adds.len() > 1 { "all its adds" } else { "it" };
            format!(
                "{thing} {name} was {} by {}, acknowledged {}, which ended {several} for certain; yet {} returned it in \
                 a read that began {} later.",
                words.removed,
                Place::of(kill),
                ended(kill),
                Place::of(read),
                between(kill, read)
            )
        });
    }
}

/// With more kills of one group than this, a read is not compared with each of them.
const MANY_KILLS: usize = 32;

fn duplicated(thing: &str) -> &'static str {
    if thing == "value" { "duplicated value" } else { "duplicated element" }
}

fn unexpected(thing: &str) -> &'static str {
    if thing == "value" { "unexpected value" } else { "unexpected element" }
}

fn forgotten(thing: &str) -> &'static str {
    if thing == "value" { "forgotten value" } else { "forgotten element" }
}
