//! The plan of faults, drawn from the seed before the run begins.
//!
//! Real bugs need few faults in the right order, so a schedule is a row of short *episodes* of one to three faults,
//! each followed by a heal and a quiet time in which the cluster must come back. Half of the faults are aimed at the
//! leader; durations are multiples {0.5, 0.9, 1.1, 2, 5} of the system's own election timeout; each run weighs the
//! fault classes differently (swarm testing), but every class that was asked for occurs: where episodes as they are
//! drawn leave no time for one, they are drawn again, each class with its share of the time.
//! The evidence for these rules: Alquraan et al., OSDI 2018; Yuan et al., OSDI 2014; Groce et al., ISSTA 2012.

mod fit;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, Stream};
use crate::fault_kind::{self, FaultClass, FaultKind};
use crate::target::TargetTiming;

/// All faults of a run, in order of their beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The episodes, one after the other.
    pub episodes: Vec<Episode>,
}

/// A few faults that belong together, and the quiet time after them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Episode {
    /// The faults, in order of their beginning.
    pub faults: Vec<PlannedFault>,
    /// When everything is healed and quiet time is over, milliseconds since the run began.
    pub end_ms: u64,
}

/// One fault of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedFault {
    /// Its kind.
    pub kind: FaultKind,
    /// What is done to whom.
    pub fault: Fault,
    /// When it begins, milliseconds since the run began.
    pub at_ms: u64,
    /// How long it lasts, milliseconds.
    pub for_ms: u64,
}

/// What is done to whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// One node can neither send to nor hear any other.
    Isolate(Aim),
    /// Two groups cannot reach each other; the first is listed, the second is everyone else.
    Split(Vec<u16>),
    /// The same, where the first group is whoever leads and as many of these as it takes to be as large as their list.
    SplitLeader(Vec<u16>),
    /// Every node sees a majority, and no two nodes see the same one: nodes in a ring, each cut off from those far
    /// away in it.
    MajoritiesRing(Vec<u16>),
    /// These two cannot reach each other; everyone else reaches both.
    Unlink(u16, u16),
    /// One node hears nobody but is heard by all.
    Deaf(Aim),
    /// One node is heard by nobody but hears all.
    Mute(Aim),
    /// The processes of these nodes are killed and, at the end, started again.
    Kill(Aim),
    /// The processes of all nodes are killed, one right after the other, and, at the end, started again.
    KillAll,
    /// The processes of this node are killed, its data directory is emptied and, at the end, they are started again.
    Wipe(Aim),
    /// This share of the packets between one node and every other, both ways, is lost (percent).
    LossOne(Aim, u8),
    /// This share of all packets between nodes is lost (percent).
    LossAll(u8),
    /// Packets between one node and every other, both ways, are held for so many milliseconds, half as much more or
    /// less.
    DelayOne(Aim, u32),
    /// All packets between nodes are held so.
    DelayAll(u32),
    /// The processes of these nodes are stopped and, at the end, go on.
    Pause(Aim),
    /// The wall clock of these nodes jumps by so many milliseconds, and back at the end.
    ClockJump(Aim, i64),
}

/// Which nodes a fault is aimed at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aim {
    /// Whoever leads when the fault begins.
    Leader,
    /// Those that the fault before it in its episode hit.
    Same,
    /// These.
    Nodes(Vec<u16>),
}

/// In a run shorter than this, episodes are as full as they may be until every class has occurred.
const SHORT_RUN_MS: u64 = 20_000;

/// Time without faults at the beginning: the cluster elects a leader and the first keys are written.
const WARM_UP_MS: u64 = 1_000;

impl Schedule {
    /// Draws the schedule of a run of `time_ms` with faults of these kinds; without a `leader`, nothing is aimed at
    /// one.
    pub fn draw(
        seed: u64,
        nodes: u16,
        leader: bool,
        time_ms: u64,
        kinds: &[FaultKind],
        timing: TargetTiming,
    ) -> Schedule {
        let kinds = fault_kind::meaningful(kinds.iter().copied(), nodes, leader);
        let mut classes: Vec<FaultClass> = kinds.iter().map(|kind| kind.class()).collect();
        classes.sort();
        classes.dedup();
        if classes.is_empty() {
            return Schedule::default();
        }
        let artist = || Artist::new(seed, nodes, leader, &kinds, &classes, timing);
        let free = artist().paint(time_ms, false);
        if free.lacks(&classes).is_empty() { free } else { artist().paint(time_ms, true) }
    }

    /// Those of these classes of which it has no fault that finds somebody to hit.
    pub fn lacks(&self, classes: &[FaultClass]) -> Vec<FaultClass> {
        let lacks = |class: &FaultClass| !self.episodes.iter().any(|episode| episode.hits(*class));
        classes.iter().copied().filter(lacks).collect()
    }

    /// All faults with the number of their episode (from 1), in order of their beginning.
    pub fn faults(&self) -> impl Iterator<Item = (u32, &PlannedFault)> {
        let numbered = self.episodes.iter().enumerate();
        numbered.flat_map(|(index, episode)| episode.faults.iter().map(move |fault| (index as u32 + 1, fault)))
    }

    /// How many faults of a class it has.
    pub fn count(&self, class: FaultClass) -> usize {
        self.faults().filter(|(_, planned)| planned.kind.class() == class).count()
    }
}

struct Artist<'a> {
    draw: Draw,
    nodes: u16,
    leader: bool,
    election_ms: u64,
    recovery_ms: u64,
    kinds: &'a [FaultKind],
    classes: &'a [FaultClass],
    weights: Vec<f64>,
    /// Classes that have not occurred often enough yet.
    owed: Vec<FaultClass>,
    /// Time is short: what is owed comes in few episodes.
    hurry: bool,
}

impl<'a> Artist<'a> {
    fn new(
        seed: u64,
        nodes: u16,
        leader: bool,
        kinds: &'a [FaultKind],
        classes: &'a [FaultClass],
        timing: TargetTiming,
    ) -> Artist<'a> {
        let mut draw = Draw::new(seed, Stream::Schedule);
        let weights = classes.iter().map(|_| 0.15 + draw.fraction()).collect();
        // Each once before any twice; twice, because a fault may be skipped: its node is down already, nobody leads, ….
        let mut owed = Vec::new();
        for _ in 0..2 {
            let mut round = classes.to_vec();
            draw.shuffle(&mut round);
            owed.extend(round);
        }
        let election_ms = (timing.election_timeout.as_millis() as u64).max(10);
        let recovery_ms = timing.recovery.as_millis() as u64;
        Artist { draw, nodes, leader, election_ms, recovery_ms, kinds, classes, weights, owed, hurry: false }
    }

    /// Episodes until no other fits. When they are to `share` the time, an episode that brings classes that have not
    /// occurred yet has no more than their share of what is left, and is squeezed into that.
    fn paint(mut self, time_ms: u64, share: bool) -> Schedule {
        self.hurry = share || time_ms < SHORT_RUN_MS;
        let mut schedule = Schedule::default();
        let mut now_ms = WARM_UP_MS.max(self.recovery_ms / 2).min(time_ms / 4);
        loop {
            let mut episode = self.episode(now_ms);
            if share {
                episode.part(self.election_ms / 4);
                let lacks = schedule.lacks(self.classes);
                let new = lacks.iter().filter(|&&class| episode.hits(class)).count() as u64;
                let left_ms = time_ms - now_ms;
                let shares = [left_ms * new / lacks.len().max(1) as u64, left_ms];
                for share_ms in shares.into_iter().filter(|_| new > 0) {
                    if episode.squeeze(now_ms + share_ms, self.recovery_ms, self.election_ms) {
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
        let mut at_ms = start_ms;
        let mut healed_ms = start_ms;
        for _ in 0..count {
            let before: Vec<FaultClass> = faults.iter().map(|fault| fault.kind.class()).collect();
            let class = self.class(&before);
            // Two things that happen to one node are often what it takes.
            let same = before.last().is_some_and(|&last| compound(last, class)) && self.draw.chance(0.5);
            let (kind, fault) = self.fault(class, same);
            let mut for_ms = self.duration_ms(class);
            if let Some(before) = faults.last().filter(|_| same && class == FaultClass::Clock) {
                // A node that is down or stopped tells no time: its clock is still off when it runs again.
                for_ms = for_ms.max((before.at_ms + before.for_ms).saturating_sub(at_ms) + self.election_ms);
            }
            healed_ms = healed_ms.max(at_ms + for_ms);
            faults.push(PlannedFault { kind, fault, at_ms, for_ms });
            // The next fault of an episode falls into the reaction to this one: while it is missed, or just after.
            at_ms += self.draw.between(self.election_ms / 4, self.election_ms * 3);
        }
        let quiet_ms = self.recovery_ms + self.draw.below(self.recovery_ms.max(1));
        Episode { faults, end_ms: healed_ms + quiet_ms }
    }

    /// The class of an episode's next fault: one that has hardly occurred in the run yet, else by weight, where classes
    /// that are not in the episode yet count three times.
    fn class(&mut self, before: &[FaultClass]) -> FaultClass {
        if let Some(owed) = self.owed.pop() {
            return owed;
        }
        let fresh = |class: &FaultClass| if before.contains(class) { 1.0 } else { 3.0 };
        let weights: Vec<f64> =
            self.classes.iter().zip(&self.weights).map(|(class, weight)| weight * fresh(class)).collect();
        self.classes[self.draw.weighted(&weights)]
    }

    fn duration_ms(&mut self, class: FaultClass) -> u64 {
        let times = match class {
            // Those who are cut off must be missed, replaced, and then still be asked: partitions lean towards the
            // long.
            FaultClass::Partition => *self.draw.pick(&[1.1, 2.0, 5.0, 5.0, 5.0, 5.0, 8.0, 8.0]),
            FaultClass::Kill => *self.draw.pick(&[0.2, 0.5, 0.9, 1.1, 2.0, 5.0]),
            FaultClass::Pause => *self.draw.pick(&[0.9, 1.1, 2.0, 5.0, 5.0]),
            FaultClass::Clock => *self.draw.pick(&[1.1, 2.0, 5.0, 8.0]),
            FaultClass::Packets => *self.draw.pick(&[2.0, 5.0, 5.0, 8.0]),
            FaultClass::Wipe => *self.draw.pick(&[0.5, 1.1, 2.0, 5.0]),
        };
        ((self.election_ms as f64 * times) as u64).max(20)
    }

    /// A fault of a class; with `same`, aimed at whom the fault before it hit, where it can be aimed at all.
    fn fault(&mut self, class: FaultClass, same: bool) -> (FaultKind, Fault) {
        let kinds: Vec<FaultKind> = self.kinds.iter().copied().filter(|kind| kind.class() == class).collect();
        let weights: Vec<f64> = kinds.iter().map(|kind| kind.weight()).collect();
        let kind = kinds[self.draw.weighted(&weights)];
        let aimed = |otherwise: Aim| if same { Aim::Same } else { otherwise };
        let fault = match kind {
            FaultKind::IsolateLeader => Fault::Isolate(aimed(Aim::Leader)),
            FaultKind::IsolateOne => Fault::Isolate(aimed(Aim::Nodes(self.some_nodes(1)))),
            FaultKind::MajorityMinority => {
                let smaller = (self.nodes / 2).max(1);
                let group = self.some_nodes(smaller);
                if self.draw.chance(0.5) && self.leader { Fault::SplitLeader(group) } else { Fault::Split(group) }
            }
            FaultKind::MajoritiesRing => Fault::MajoritiesRing(self.some_nodes(self.nodes)),
            FaultKind::OneLink => {
                let two = self.some_nodes(2);
                Fault::Unlink(two[0], two[1])
            }
            FaultKind::OneWayIn => Fault::Deaf(aimed(self.aim_at_one())),
            FaultKind::OneWayOut => Fault::Mute(aimed(self.aim_at_one())),
            FaultKind::Kill => Fault::Kill(aimed(Aim::Nodes(self.one_or_some()))),
            FaultKind::KillLeader => Fault::Kill(aimed(Aim::Leader)),
            FaultKind::KillAll => Fault::KillAll,
            FaultKind::Pause => Fault::Pause(aimed(Aim::Nodes(self.one_or_some()))),
            FaultKind::PauseLeader => Fault::Pause(aimed(Aim::Leader)),
            FaultKind::JumpAhead => {
                let by_ms = self.jump_ms();
                Fault::ClockJump(aimed(self.aim()), by_ms)
            }
            FaultKind::JumpBack => {
                let by_ms = self.jump_ms();
                Fault::ClockJump(aimed(self.aim()), -by_ms)
            }
            FaultKind::LossOne => {
                let percent = self.loss_percent();
                Fault::LossOne(aimed(self.aim_at_one()), percent)
            }
            FaultKind::LossAll => Fault::LossAll(self.loss_percent()),
            FaultKind::DelayOne => {
                let held_ms = self.held_ms();
                Fault::DelayOne(aimed(self.aim_at_one()), held_ms)
            }
            FaultKind::DelayAll => Fault::DelayAll(self.held_ms()),
            // Nobody else is touched: what one node has lost, the others must still have.
            FaultKind::WipeOne => Fault::Wipe(self.aim_at_one()),
        };
        (kind, fault)
    }

    /// From the size of a lease to more than any: 50 ms to 500 s, evenly over the orders of magnitude.
    fn jump_ms(&mut self) -> i64 {
        let exponent = self.draw.fraction() * 4.0;
        (50.0 * 10f64.powf(exponent)) as i64
    }

    /// From what a bad network loses to what hardly lets a connection live.
    fn loss_percent(&mut self) -> u8 {
        *self.draw.pick(&[5, 15, 30, 60])
    }

    /// From a slow network to one on which leaders are missed although they are there: a request and its answer are
    /// both held.
    fn held_ms(&mut self) -> u32 {
        let times = *self.draw.pick(&[0.05, 0.15, 0.5, 1.0]);
        ((self.election_ms as f64 * times) as u32).max(2)
    }

    fn aim(&mut self) -> Aim {
        if self.draw.chance(0.5) && self.leader { Aim::Leader } else { Aim::Nodes(self.one_or_some()) }
    }

    fn aim_at_one(&mut self) -> Aim {
        if self.draw.chance(0.6) && self.leader { Aim::Leader } else { Aim::Nodes(self.some_nodes(1)) }
    }

    /// One node, a minority, or a majority that is not everyone (where there is one).
    fn one_or_some(&mut self) -> Vec<u16> {
        let minority = (self.nodes - 1) / 2;
        let count = match self.draw.weighted(&[0.6, 0.2, 0.2]) {
            0 => 1,
            1 => minority.max(1),
            _ => (minority + 1).min(self.nodes),
        };
        self.some_nodes(count)
    }

    fn some_nodes(&mut self, count: u16) -> Vec<u16> {
        let mut all: Vec<u16> = (1..=self.nodes).collect();
        self.draw.shuffle(&mut all);
        all.truncate(count as usize);
        all
    }
}

/// Whether a fault of class `next` means something to a node that one of class `last` has just hit: a node that is down
/// or stopped does not look at its clock.
fn compound(last: FaultClass, next: FaultClass) -> bool {
    let absent = matches!(last, FaultClass::Kill | FaultClass::Pause | FaultClass::Wipe);
    last != next && !(absent && matches!(next, FaultClass::Clock | FaultClass::Pause))
}
