//! What must be there and what must be gone, for every type whose elements are added, removed and read.
//!
//! An add is visible at a replica once that replica has taken it over; a removal (a remove, or a write that supersedes)
//! ends the adds that its rule says. From the history alone some of this is certain, and only that is used:
//!
//! - an element **must be there** when it was added for certain (acknowledged, or seen) and no removal that may have
//!   happened can have ended it: every one of them had ended before the add began;
//! - an element **must be gone** when each of its adds that may have happened was certainly ended by a removal that
//!   certainly happened.
//!
//! Both are demanded of the reads of a settled object. Where more is promised than eventual agreement,
//! both are demanded of every read, too, as far as adds and removals are certainly known where it was answered
//! ([`Knowledge`]). This is one direction of replication-aware linearizability (Wang, Enea, Mutluergil and Petri,
//! *Replication-aware linearizability*, 2019): what is reported has no explanation by it; the tests say how much else
//! has none.

pub(super) mod object;
mod threats;

use rashomon_history::{OpView, Outcome, Value};
use rustc_hash::FxHashMap;

use self::object::{Lists, Object};
use self::threats::{Certain, Threats};
use super::EventualDemand;
use super::final_reads::{Coverage, FinalReads, Site};
use super::knowledge::{Knowledge, NEVER};
use super::sets::promises_nothing;
use crate::findings::{Findings, begun, between, ended, on_key};
use crate::story::capital;

/// Which adds a removal ends.
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
    final_reads: &FinalReads,
    demand: &EventualDemand,
    findings: &mut Findings,
    coverage: &mut Coverage,
) {
    let mut knowledge = Knowledge::new(object.ops, demand.promise);
    let mut order: Vec<u32> = (0..object.reads.len() as u32).collect();
    order.sort_by_key(|&read| knowledge.site(object.reads[read as usize] as usize));
    let mut begins = Vec::with_capacity(order.len());
    let mut ends = Vec::with_capacity(order.len());
    let mut first_rank = vec![0];
    for (rank, &read) in order.iter().enumerate() {
        let op = object.reads[read as usize];
        begins.push(object.begun(op));
        ends.push(object.end(op));
        while first_rank.len() <= knowledge.site(op as usize) as usize {
            first_rank.push(rank);
        }
    }
    if !promises_nothing(demand) {
        learn(object, &mut knowledge);
    }
    let threats = Threats::of(object, &knowledge, rule);
    let present = object.present(&order);
    let reported = vec![false; object.names.len()];
    let mut judge =
        Judge { object, words, knowledge, threats, order, begins, ends, first_rank, present, reported, findings };
    judge.come_from_somewhere();
    judge.remain(final_reads, coverage);
    if !promises_nothing(demand) {
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
        let (site, end) = (knowledge.site(op as usize), object.end(op));
        if !knowledge.is_promised(site) {
            continue;
        }
        if shown.len() <= site as usize {
            shown.resize(site as usize + 1, Vec::new());
        }
        let shown = &mut shown[site as usize];
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
                knowledge.shows(site, element, end, knowledge.site(adds[0] as usize), object.begun(adds[0]));
            }
        }
    }
}

struct Judge<'o, 'a> {
    object: &'o Object<'a>,
    words: &'o Words,
    knowledge: Knowledge,
    threats: Threats,
    /// The reads by site, each site's in order of invocation; a read's index there is its rank.
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
    reported: Vec<bool>,
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
                    self.findings.anomaly("aborted read", &[add, read], || {
                        format!(
                            "A read returned {thing} {name}, but its add had failed and so never took \
                             effect."
                        )
                    });
                }
                (None, None) => self.findings.anomaly(unexpected(thing), &[read], || {
                    format!("A read, {}, returned {thing} {name}, which no operation added.", begun(read))
                }),
            }
            self.reported[element as usize] = true;
        }
    }

    /// What must be there in the end, and what must not.
    fn remain(&mut self, final_reads: &FinalReads, coverage: &mut Coverage) {
        let object = self.object;
        if final_reads.reads.is_empty() {
            return;
        }
        let elements = 0..object.names.len() as u32;
        let must: Vec<Evidence> = elements.clone().map(|element| self.must_be_there(element)).collect();
        let gone: Vec<Evidence> = elements.clone().map(|element| self.must_be_gone(element)).collect();
        let mut stamps = vec![0_u32; object.names.len()];
        let (mut convicted, mut early) = (false, None);
        for (stamp, final_read) in (1..).zip(final_reads.judged()) {
            let number = object.reads.partition_point(|&op| (op as usize) < final_read.read);
            for &element in object.found.get(number) {
                stamps[element as usize] = stamp;
            }
            let read = self.view(final_read.read as u32);
            for element in elements.clone() {
                let index = element as usize;
                let there = stamps[index] == stamp;
                let Some(reason) = (if there { gone[index] } else { must[index] }) else { continue };
                if self.reported[index] {
                    continue;
                }
                if !final_read.settled {
                    early.get_or_insert((read, element, there));
                    break;
                }
                convicted = true;
                self.reported[index] = true;
                if there { self.came_back(element, reason, read) } else { self.lost(element, reason, read) }
            }
        }
        let Some((read, element, there)) = early.filter(|_| !convicted) else { return };
        coverage.too_early(|| {
            let still = if there { "still has" } else { "lacks" };
            let key = on_key(&read.key);
            format!("{} {still} {} {}{key}", Site::of(read), self.words.thing, self.name(element))
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
        let removals = object.removals.get(object.group[element as usize] as usize);
        let survived = |&rank: &u32| {
            let site = self.knowledge.site(read(rank) as usize);
            removals.iter().filter(|removal| removal.own != element).all(|removal| {
                let known =
                    self.knowledge.since(site, self.knowledge.site(removal.op as usize), object.end(removal.op));
                object.end(removal.op) < object.begun(first_add) || known < self.begins[rank as usize]
            })
        };
        // Where a removal names what it ends, nothing survives it.
        if removals.len() > MANY_REMOVALS || threats.rule == Rule::Explicit {
            return None;
        }
        let last_of_site = ranks.chunk_by(|&one, &other| {
            self.knowledge.site(read(one) as usize) == self.knowledge.site(read(other) as usize)
        });
        last_of_site.filter_map(<[u32]>::last).find(|rank| survived(rank)).map(|&rank| read(rank))
    }

    /// Whether no replica may have an element in the end: the removal that ended the last of its adds.
    fn must_be_gone(&self, element: u32) -> Evidence {
        let (object, threats) = (self.object, &self.threats);
        let mut reason = None;
        for &add in object.adds.get(element as usize) {
            let mut observers = threats
                .by_site(object, element)
                .filter_map(|removals| threats.last_observer(object, &self.knowledge, element, add, removals));
            reason = Some(observers.next()?.op);
        }
        reason
    }

    /// The ranks of a site's reads that began after one moment and before another.
    fn between(&self, site: u32, after: u32, before: u32) -> std::ops::Range<usize> {
        let end = |site: usize| self.first_rank.get(site).copied().unwrap_or(self.order.len());
        let (first, last) = (end(site as usize), end(site as usize + 1));
        let of_site = &self.begins[first..last];
        let low = of_site.partition_point(|&begun| begun <= after);
        let high = of_site.partition_point(|&begun| begun < before).max(low);
        first + low..first + high
    }

    /// A site that knows an element has it in every later read, as long as nothing can have ended it.
    fn stay_known(&mut self, element: u32) {
        let object = self.object;
        let adds = object.adds.get(element as usize);
        let mut last = (NEVER, 0, 0);
        for &add in adds.iter().filter(|&&add| object.is_acknowledged(add)) {
            let threat = self.threats.first(object, element, object.begun(add));
            let site = self.knowledge.site(add as usize);
            for other in self.knowledge.reach(site) {
                let since = self.knowledge.since(other, site, object.end(add));
                // Adds that nothing separates make the same demand.
                if since != NEVER && !(last.0 == other && last.1 == threat && last.2 <= since) {
                    last = (other, threat, since);
                    self.known(element, other, since, threat, add);
                }
            }
        }
        let (Some(&add), false) = (adds.first(), self.reported[element as usize]) else { return };
        let threat = self.threats.first(object, element, object.begun(add));
        let shown: Vec<u32> = self
            .present
            .get(element as usize)
            .chunk_by(|&one, &other| self.site(one) == self.site(other))
            .filter_map(|ranks| ranks.iter().copied().min_by_key(|&rank| self.ends[rank as usize]))
            .collect();
        for rank in shown {
            let evidence = self.object.reads[self.order[rank as usize] as usize];
            self.known(element, self.site(rank), self.ends[rank as usize], threat, evidence);
        }
    }

    fn site(&self, rank: u32) -> u32 {
        self.knowledge.site(self.object.reads[self.order[rank as usize] as usize] as usize)
    }

    /// Reads at a site that began after it knew an element, and ended before anything can have ended that, have it.
    fn known(&mut self, element: u32, site: u32, since: u32, threat: u32, evidence: u32) {
        if self.reported[element as usize] {
            return;
        }
        let ranks = self.between(site, since, threat);
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
        self.reported[element as usize] = true;
        let (evidence, read) = (self.view(evidence), self.read(missing));
        let (name, words) = (self.object.names.name(element), self.words);
        self.findings.anomaly(forgotten(words.thing), &[evidence, read], || {
            let how = match (evidence.f, Site::of(evidence) == Site::of(read)) {
                ("read", _) => format!("had shown {} {name} {}", words.thing, ended(evidence)),
                (_, true) => format!("had acknowledged {} {name} {}", words.thing, ended(evidence)),
                (_, false) => {
                    format!("had shown something that {} was told after {} {name}", Site::of(evidence), words.thing)
                }
            };
            format!(
                "{} {how}, and no operation can have {} it since, but a read there {} later lacks it.",
                Site::of(read).opening(),
                words.removed,
                between(evidence, read)
            )
        });
    }

    /// A site that knows that all adds of an element are ended does not show it, until it is added again.
    fn stay_gone(&mut self, element: u32) {
        let object = self.object;
        if self.reported[element as usize] || self.threats.certain(object, element).is_empty() {
            return;
        }
        let at: Vec<u32> = self.threats.by_site(object, element).map(|removals| removals[0].site).collect();
        let reach: Vec<u32> = match at.as_slice() {
            [] => Vec::new(),
            sites if self.knowledge.reach(sites[0]).len() <= 1 => at,
            sites => self.knowledge.reach(sites[0]).collect(),
        };
        // Which removals ended an add is the same for all sites: per add, found when the first site asks.
        let mut observers = Vec::new();
        for site in reach {
            if let Some((removal, rank)) = self.shown_though_gone(element, site, &mut observers) {
                self.reported[element as usize] = true;
                let read = self.read(rank);
                return self.came_back(element, removal, read);
            }
        }
    }

    fn shown_though_gone(&self, element: u32, site: u32, observers: &mut Vec<Vec<Certain>>) -> Option<(u32, usize)> {
        let (object, threats) = (self.object, &self.threats);
        let adds = object.adds.get(element as usize);
        let (mut moment, mut reason) = (0, 0);
        for (index, &add) in adds.iter().enumerate() {
            if observers.len() == index {
                let of_site = |removals| threats.first_observer(object, &self.knowledge, element, add, removals);
                observers.push(threats.by_site(object, element).filter_map(of_site).collect());
            }
            let known = |removal: &Certain| (self.knowledge.since(site, removal.site, removal.end), removal.op);
            let (known, removal) = observers[index].iter().map(known).min()?;
            if known == NEVER {
                return None;
            }
            if known >= moment {
                (moment, reason) = (known, removal);
            }
            let again = adds.get(index + 1).map_or(NEVER, |&add| object.begun(add));
            let ranks = self.between(site, moment, again);
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
                "{thing} {name} was {known} by {} {}, no operation can have {} it since, and {} lacks it: a read that began \
                 {} later, after the convergence bound, does not have it.",
                Site::of(evidence),
                ended(evidence),
                words.removed,
                Site::of(read),
                between(evidence, read)
            )
        });
    }

    fn came_back(&mut self, element: u32, removal: u32, read: &OpView<'_>) {
        let (removal, words, name) = (self.view(removal), self.words, self.object.names.name(element));
        let adds = self.object.adds.get(element as usize);
        let mut reported = vec![removal, read];
        reported.extend(adds.last().map(|&add| self.view(add)));
        let thing = capital(words.thing);
        self.findings.anomaly(words.back, &reported, || {
            let several = if adds.len() > 1 { "all its adds" } else { "its add" };
            format!(
                "{thing} {name}, {} by {} (acknowledged {}), was returned by {} in a read {} later; the {} covers \
                 {several}.",
                words.removed,
                Site::of(removal),
                ended(removal),
                Site::of(read),
                between(removal, read),
                removal.f,
            )
        });
    }
}

/// With more removals of one group than this, a read is not compared with each of them.
const MANY_REMOVALS: usize = 32;

fn duplicated(thing: &str) -> &'static str {
    if thing == "value" { "duplicated value" } else { "duplicated element" }
}

fn unexpected(thing: &str) -> &'static str {
    if thing == "value" { "unexpected value" } else { "unexpected element" }
}

fn forgotten(thing: &str) -> &'static str {
    if thing == "value" { "forgotten value" } else { "forgotten element" }
}
