//! Draws the schedule of a run from its seed.
//!
//! Real bugs need few faults in the right order, so a schedule is a row of short *episodes* of one to three faults,
//! each followed by a heal and a quiet time in which the cluster must come back. Half of the faults are aimed at the
//! leader; durations are multiples {0.5, 0.9, 1.1, 2, 5} of the system's own election timeout; each run weighs the
//! fault classes differently (swarm testing), but every class that was asked for occurs: where episodes as they are
//! drawn leave no time for one, they are drawn again, each class with its share of the time.
//! The evidence for these rules: Alquraan et al., OSDI 2018; Yuan et al., OSDI 2014; Groce et al., ISSTA 2012.
//!
//! A seed draws the same schedule for years: the order of the draws below is a file format.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use rashomon_spec::draw::{Draw, Stream};
use rashomon_spec::fault_kind::FaultKind;
use rashomon_spec::schedule::{Aim, Episode, FaultId, PlannedFault, Schedule};
use rashomon_spec::target::TargetTiming;

use crate::catalogue::FaultCatalogue;
use crate::drawing::{Drawing, Drawn};
use crate::fault::{Fault, FaultClassInfo};
use crate::fit::Fit;

/// In a run shorter than this, episodes are as full as they may be until every class has occurred.
const SHORT_RUN_MS: u64 = 20_000;

/// Time without faults at the beginning: the cluster elects a leader and the first keys are written.
const WARM_UP_MS: u64 = 1_000;

impl FaultCatalogue {
    /// Draws the schedule of a run of `time_ms` with faults of these kinds; without a `leader`, nothing is aimed at
    /// one.
    pub fn draw(
        &self,
        seed: u64,
        nodes: u16,
        leader: bool,
        time_ms: u64,
        kinds: &[FaultKind],
        timing: TargetTiming,
    ) -> Schedule {
        let kinds = self.meaningful(kinds.iter().cloned(), nodes, leader);
        let classes = self.classes_of(&kinds);
        if classes.is_empty() {
            return Schedule::default();
        }
        let faults: Vec<Arc<dyn Fault>> = kinds.iter().filter_map(|kind| self.find(kind).cloned()).collect();
        let generator = || ScheduleGenerator::new(self, seed, (nodes, leader), &faults, &classes, timing);
        let free = generator().draw(time_ms, false);
        if self.lacks(&free, &classes).is_empty() { free } else { generator().draw(time_ms, true) }
    }

    /// Those of these classes of which a schedule has no fault that finds somebody to hit.
    pub fn lacks(&self, schedule: &Schedule, classes: &[&'static FaultClassInfo]) -> Vec<&'static FaultClassInfo> {
        let fit = Fit(self);
        let lacks = |class: &&FaultClassInfo| !schedule.episodes.iter().any(|episode| fit.hits(episode, class));
        classes.iter().copied().filter(|class| lacks(class)).collect()
    }
}

struct ScheduleGenerator<'a> {
    catalogue: &'a FaultCatalogue,
    draw: Draw,
    nodes: u16,
    leader: bool,
    election_ms: u64,
    recovery_ms: u64,
    faults: &'a [Arc<dyn Fault>],
    classes: &'a [&'static FaultClassInfo],
    weights: Vec<f64>,
    /// Classes that have not occurred often enough yet.
    owed: Vec<&'static FaultClassInfo>,
    /// Time is short: what is owed comes in few episodes.
    hurry: bool,
    last_id: u32,
}

impl<'a> ScheduleGenerator<'a> {
    fn new(
        catalogue: &'a FaultCatalogue,
        seed: u64,
        (nodes, leader): (u16, bool),
        faults: &'a [Arc<dyn Fault>],
        classes: &'a [&'static FaultClassInfo],
        timing: TargetTiming,
    ) -> ScheduleGenerator<'a> {
        let mut draw = Draw::new(seed, Stream::Schedule);
        let weights = classes.iter().map(|_| 0.15 + draw.fraction()).collect();
        // Each once before any twice; twice, because a fault may be skipped: its node is down already, nobody leads, ….
        let mut owed = Vec::new();
        for _ in 0..2 {
            let mut round = classes.to_vec();
            draw.shuffle(&mut round);
            owed.extend(round);
        }
        ScheduleGenerator {
            catalogue,
            draw,
            nodes,
            leader,
            election_ms: (timing.election_timeout.as_millis() as u64).max(10),
            recovery_ms: timing.recovery.as_millis() as u64,
            faults,
            classes,
            weights,
            owed,
            hurry: false,
            last_id: 0,
        }
    }

    /// Episodes until no other fits. When they are to `share` the time, an episode that brings classes that have not
    /// occurred yet has no more than their share of what is left, and is squeezed into that.
    fn draw(mut self, time_ms: u64, share: bool) -> Schedule {
        self.hurry = share || time_ms < SHORT_RUN_MS;
        let fit = Fit(self.catalogue);
        let mut schedule = Schedule::default();
        let mut now_ms = WARM_UP_MS.max(self.recovery_ms / 2).min(time_ms / 4);
        loop {
            let mut episode = self.episode(now_ms);
            if share {
                fit.part(&mut episode, self.election_ms / 4);
                let lacks = self.catalogue.lacks(&schedule, self.classes);
                let new = lacks.iter().filter(|class| fit.hits(&episode, class)).count() as u64;
                let left_ms = time_ms - now_ms;
                let shares = [left_ms * new / lacks.len().max(1) as u64, left_ms];
                for share_ms in shares.into_iter().filter(|_| new > 0) {
                    if fit.squeeze(&mut episode, now_ms + share_ms, self.recovery_ms, self.election_ms) {
                        break;
                    }
                }
            }
            if episode.end_ms > time_ms {
                return schedule;
            }
            now_ms = episode.end_ms;
            schedule.episodes.push(episode);
        }
    }

    fn episode(&mut self, start_ms: u64) -> Episode {
        let drawn = 1 + self.draw.weighted(&[0.50, 0.32, 0.18]);
        let count = if self.hurry { drawn.max(self.owed.len().min(3)) } else { drawn };
        let mut faults: Vec<PlannedFault> = Vec::new();
        let mut before: Vec<&'static FaultClassInfo> = Vec::new();
        let mut at_ms = start_ms;
        let mut healed_ms = start_ms;
        for _ in 0..count {
            let class = self.class(&before);
            // Two things that happen to one node are often what it takes.
            let same = before.last().is_some_and(|&last| compound(last, class)) && self.draw.chance(0.5);
            let last = faults.last().filter(|_| same);
            let (kind, drawn) = self.fault(class, last.map(|last| last.id));
            let mut for_ms = self.duration_ms(class);
            if let Some(last) = last.filter(|_| class.outlasts) {
                for_ms = for_ms.max((last.at_ms + last.for_ms).saturating_sub(at_ms) + self.election_ms);
            }
            healed_ms = healed_ms.max(at_ms + for_ms);
            self.last_id += 1;
            let Drawn { aim, parameters } = drawn;
            faults.push(PlannedFault { id: FaultId(self.last_id), kind, aim, parameters, at_ms, for_ms });
            before.push(class);
            // The next fault of an episode falls into the reaction to this one: while it is missed, or just after.
            at_ms += self.draw.between(self.election_ms / 4, self.election_ms * 3);
        }
        let quiet_ms = self.recovery_ms + self.draw.below(self.recovery_ms.max(1));
        Episode { faults, end_ms: healed_ms + quiet_ms }
    }

    /// The class of an episode's next fault: one that has hardly occurred in the run yet, else by weight, where classes
    /// that are not in the episode yet count three times.
    fn class(&mut self, before: &[&'static FaultClassInfo]) -> &'static FaultClassInfo {
        if let Some(owed) = self.owed.pop() {
            return owed;
        }
        let fresh =
            |class: &FaultClassInfo| if before.iter().any(|other| other.name == class.name) { 1.0 } else { 3.0 };
        let weights: Vec<f64> =
            self.classes.iter().zip(&self.weights).map(|(class, weight)| weight * fresh(class)).collect();
        self.classes[self.draw.weighted(&weights)]
    }

    fn duration_ms(&mut self, class: &FaultClassInfo) -> u64 {
        let times = *self.draw.pick(class.durations);
        ((self.election_ms as f64 * times) as u64).max(20)
    }

    /// A fault of a class; after `before`, aimed at the nodes of that one, where it may be aimed so at all.
    fn fault(&mut self, class: &FaultClassInfo, before: Option<FaultId>) -> (FaultKind, Drawn) {
        let of_class: Vec<&Arc<dyn Fault>> =
            self.faults.iter().filter(|fault| fault.class().name == class.name).collect();
        let weights: Vec<f64> = of_class.iter().map(|fault| fault.weight()).collect();
        let fault = of_class[self.draw.weighted(&weights)];
        let (nodes, leader, election_ms) = (self.nodes, self.leader, self.election_ms);
        let mut drawn = fault.draw(&mut Drawing { draw: &mut self.draw, nodes, leader, election_ms });
        if let Some(before) = before.filter(|_| fault.may_follow()) {
            drawn.aim = Aim::SameAs(before);
        }
        (fault.kind(), drawn)
    }
}

/// Whether a fault of class `next` means something to a node that one of class `last` has just hit.
fn compound(last: &FaultClassInfo, next: &FaultClassInfo) -> bool {
    let pointless = last.leaves.is_some_and(|condition| next.pointless_after.contains(&condition));
    last.name != next.name && !pointless
}
