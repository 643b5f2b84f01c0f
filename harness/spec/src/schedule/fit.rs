//! Episodes that fit: into the time that there is, and to each other.

use super::{Aim, Episode, Fault};
use crate::fault_kind::FaultClass;

/// Whom a fault hits, as far as the plan tells.
enum Hits {
    All,
    Nodes(Vec<u16>),
    /// Whoever leads then, or links instead of nodes.
    Unknown,
}

impl Episode {
    /// Whether it has a fault of a class that finds somebody to hit.
    pub(super) fn hits(&self, class: FaultClass) -> bool {
        let of_class = |place: &usize| self.faults[*place].kind.class() == class;
        (0..self.faults.len()).filter(of_class).any(|place| self.blocked_until(place).is_none())
    }

    /// Moves faults that would find nobody to hit to `gap_ms` after the end of those before them that are the reason;
    /// what follows them comes later as well.
    pub(super) fn part(&mut self, gap_ms: u64) {
        for place in 1..self.faults.len() {
            let Some(until_ms) = self.blocked_until(place) else { continue };
            let later_ms = until_ms + gap_ms - self.faults[place].at_ms;
            self.faults[place..].iter_mut().for_each(|fault| fault.at_ms += later_ms);
            self.end_ms += later_ms;
        }
    }

    /// Makes it end at `limit_ms` at the latest, with `quiet_ms` without faults: all its faults come sooner and are
    /// shorter in proportion. False, and nothing is changed, when less than `least_ms` would be left for them.
    pub(super) fn squeeze(&mut self, limit_ms: u64, quiet_ms: u64, least_ms: u64) -> bool {
        if self.end_ms <= limit_ms {
            return true;
        }
        let start_ms = self.faults.iter().map(|fault| fault.at_ms).min().unwrap_or(limit_ms);
        let healed_ms = self.faults.iter().map(|fault| fault.at_ms + fault.for_ms).max().unwrap_or(limit_ms);
        let room_ms = limit_ms.saturating_sub(start_ms + quiet_ms);
        let length_ms = healed_ms - start_ms;
        if room_ms < least_ms.min(length_ms) {
            return false;
        }
        if room_ms < length_ms {
            for fault in &mut self.faults {
                fault.at_ms = start_ms + (fault.at_ms - start_ms) * room_ms / length_ms;
                fault.for_ms = (fault.for_ms * room_ms / length_ms).max(1);
            }
        }
        self.end_ms = (start_ms + length_ms.min(room_ms) + quiet_ms).min(limit_ms);
        true
    }

    /// Until when the faults before it leave this one nobody to hit: those whom it is aimed at are down, stopped, or
    /// their clocks are off already. `None` when it finds somebody.
    fn blocked_until(&self, place: usize) -> Option<u64> {
        let planned = &self.faults[place];
        let class = planned.kind.class();
        let blocks = |before: FaultClass| match class {
            FaultClass::Kill | FaultClass::Wipe => matches!(before, FaultClass::Kill | FaultClass::Wipe),
            FaultClass::Pause => matches!(before, FaultClass::Kill | FaultClass::Wipe | FaultClass::Pause),
            FaultClass::Clock => before == FaultClass::Clock,
            FaultClass::Partition | FaultClass::Packets => false,
        };
        let under_way = (0..place).filter(|&before| {
            let before = &self.faults[before];
            blocks(before.kind.class()) && before.at_ms + before.for_ms > planned.at_ms
        });
        let mut taken = Vec::new();
        let mut all = false;
        let mut until_ms = None;
        for before in under_way {
            match self.whom(before) {
                Hits::All => all = true,
                Hits::Nodes(nodes) => taken.extend(nodes),
                Hits::Unknown => continue,
            }
            until_ms = until_ms.max(Some(self.faults[before].at_ms + self.faults[before].for_ms));
        }
        // Of two nodes that lost their disks a cluster may lose what both had: that is not risked.
        let alone = class == FaultClass::Wipe && until_ms.is_some();
        let nobody = all
            || alone
            || match self.whom(place) {
                Hits::Nodes(nodes) => nodes.iter().all(|node| taken.contains(node)),
                Hits::All | Hits::Unknown => false,
            };
        until_ms.filter(|_| nobody)
    }

    fn whom(&self, place: usize) -> Hits {
        let aim = match &self.faults[place].fault {
            Fault::KillAll => return Hits::All,
            Fault::Isolate(aim)
            | Fault::Deaf(aim)
            | Fault::Mute(aim)
            | Fault::Kill(aim)
            | Fault::Wipe(aim)
            | Fault::LossOne(aim, _)
            | Fault::DelayOne(aim, _)
            | Fault::Pause(aim)
            | Fault::ClockJump(aim, _) => aim,
            Fault::Split(nodes) => return Hits::Nodes(nodes.clone()),
            Fault::SplitLeader(_)
            | Fault::MajoritiesRing(_)
            | Fault::Unlink(..)
            | Fault::LossAll(_)
            | Fault::DelayAll(_) => return Hits::Unknown,
        };
        match aim {
            Aim::Nodes(nodes) => Hits::Nodes(nodes.clone()),
            Aim::Same if place > 0 => self.whom(place - 1),
            Aim::Same | Aim::Leader => Hits::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault_kind::FaultKind;
    use crate::schedule::PlannedFault;

    fn planned(kind: FaultKind, fault: Fault, at_ms: u64, for_ms: u64) -> PlannedFault {
        PlannedFault { kind, fault, at_ms, for_ms }
    }

    fn pause_after(kind: FaultKind, before: Fault) -> Episode {
        let pause = planned(FaultKind::Pause, Fault::Pause(Aim::Nodes(vec![2])), 1500, 300);
        Episode { faults: vec![planned(kind, before, 1000, 1000), pause], end_ms: 3000 }
    }

    #[test]
    fn who_is_down_cannot_be_stopped() {
        let in_vain = [
            (FaultKind::KillAll, Fault::KillAll),
            (FaultKind::Kill, Fault::Kill(Aim::Nodes(vec![3, 2]))),
            (FaultKind::Pause, Fault::Pause(Aim::Nodes(vec![2]))),
        ];
        for (kind, before) in in_vain {
            let mut episode = pause_after(kind, before);
            assert_eq!(episode.blocked_until(1), Some(2000), "{episode:?}");
            episode.part(50);
            assert_eq!((episode.faults[1].at_ms, episode.end_ms), (2050, 3550));
            assert!(episode.hits(FaultClass::Pause));
        }
        let not_in_vain = [
            (FaultKind::Kill, Fault::Kill(Aim::Nodes(vec![1, 3]))),
            (FaultKind::IsolateOne, Fault::Isolate(Aim::Nodes(vec![2]))),
        ];
        for (kind, before) in not_in_vain {
            let episode = pause_after(kind, before);
            assert!(episode.hits(FaultClass::Pause), "{episode:?}");
        }
        let mut same = pause_after(FaultKind::Kill, Fault::Kill(Aim::Nodes(vec![1])));
        same.faults[1].fault = Fault::Pause(Aim::Same);
        assert!(!same.hits(FaultClass::Pause));
    }

    #[test]
    fn squeezed_faults_keep_their_order_and_their_proportions() {
        let mut episode = pause_after(FaultKind::Kill, Fault::Kill(Aim::Nodes(vec![1])));
        assert!(!episode.clone().squeeze(1900, 500, 600), "{episode:?}");
        assert!(episode.squeeze(2000, 500, 500));
        let times: Vec<(u64, u64)> = episode.faults.iter().map(|fault| (fault.at_ms, fault.for_ms)).collect();
        assert_eq!((times, episode.end_ms), (vec![(1000, 500), (1250, 150)], 2000));
    }
}
