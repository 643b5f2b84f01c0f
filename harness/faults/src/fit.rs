//! Episodes that fit: into the time that there is, and to each other.

use rashomon_spec::schedule::{Aim, Episode, PlannedFault};

use crate::catalogue::FaultCatalogue;
use crate::fault::{Fault, FaultClassInfo};

/// Whom a fault hits, as far as the plan says.
enum Hits {
    All,
    Nodes(Vec<u16>),
    /// Whoever leads then, or links instead of nodes.
    Unknown,
}

/// Knows what the kinds of a plan mean.
pub(crate) struct Fit<'a>(pub(crate) &'a FaultCatalogue);

impl Fit<'_> {
    /// Whether an episode has a fault of a class that finds somebody to hit.
    pub(crate) fn hits(&self, episode: &Episode, class: &FaultClassInfo) -> bool {
        let of_class = |planned: &PlannedFault| self.class(planned).is_some_and(|of| of.name == class.name);
        let places = (0..episode.faults.len()).filter(|&place| of_class(&episode.faults[place]));
        places.into_iter().any(|place| self.blocked_until(episode, place).is_none())
    }

    /// Moves faults that would find nobody to hit to `gap_ms` after the end of those before them that are the reason;
    /// what follows them comes later as well.
    pub(crate) fn part(&self, episode: &mut Episode, gap_ms: u64) {
        for place in 1..episode.faults.len() {
            let Some(until_ms) = self.blocked_until(episode, place) else { continue };
            let later_ms = until_ms + gap_ms - episode.faults[place].at_ms;
            episode.faults[place..].iter_mut().for_each(|fault| fault.at_ms += later_ms);
            episode.end_ms += later_ms;
        }
    }

    /// Makes an episode end at `limit_ms` at the latest, with `quiet_ms` without faults: all its faults come sooner and
    /// are shorter in proportion. False, and nothing is changed, when less than `least_ms` would be left for them.
    pub(crate) fn squeeze(&self, episode: &mut Episode, limit_ms: u64, quiet_ms: u64, least_ms: u64) -> bool {
        if episode.end_ms <= limit_ms {
            return true;
        }
        let start_ms = episode.faults.iter().map(|fault| fault.at_ms).min().unwrap_or(limit_ms);
        let healed_ms = episode.faults.iter().map(|fault| fault.at_ms + fault.for_ms).max().unwrap_or(limit_ms);
        let room_ms = limit_ms.saturating_sub(start_ms + quiet_ms);
        let length_ms = healed_ms - start_ms;
        if room_ms < least_ms.min(length_ms) {
            return false;
        }
        if room_ms < length_ms {
            for fault in &mut episode.faults {
                fault.at_ms = start_ms + (fault.at_ms - start_ms) * room_ms / length_ms;
                fault.for_ms = (fault.for_ms * room_ms / length_ms).max(1);
            }
        }
        episode.end_ms = (start_ms + length_ms.min(room_ms) + quiet_ms).min(limit_ms);
        true
    }

    /// Until when the faults before it leave this one nobody to hit: those whom it is aimed at are in states that
    /// exclude it. `None` when it finds somebody.
    fn blocked_until(&self, episode: &Episode, place: usize) -> Option<u64> {
        let planned = &episode.faults[place];
        let class = self.class(planned)?;
        let blocks = |before: &FaultClassInfo| before.leaves.is_some_and(|state| class.excluded_by.contains(&state));
        let under_way = (0..place).filter(|&before| {
            let before = &episode.faults[before];
            self.class(before).is_some_and(blocks) && before.at_ms + before.for_ms > planned.at_ms
        });
        let mut taken = Vec::new();
        let mut all = false;
        let mut until_ms = None;
        for before in under_way {
            match self.whom(episode, before) {
                Hits::All => all = true,
                Hits::Nodes(nodes) => taken.extend(nodes),
                Hits::Unknown => continue,
            }
            until_ms = until_ms.max(Some(episode.faults[before].at_ms + episode.faults[before].for_ms));
        }
        let alone = class.alone && until_ms.is_some();
        let nobody = all
            || alone
            || match self.whom(episode, place) {
                Hits::Nodes(nodes) => nodes.iter().all(|node| taken.contains(node)),
                Hits::All | Hits::Unknown => false,
            };
        until_ms.filter(|_| nobody)
    }

    fn whom(&self, episode: &Episode, place: usize) -> Hits {
        let planned = &episode.faults[place];
        if self.fault(planned).is_none_or(|fault| fault.hits_links()) {
            return Hits::Unknown;
        }
        match &planned.aim {
            Aim::All => Hits::All,
            Aim::Nodes(nodes) => Hits::Nodes(nodes.clone()),
            Aim::SameAs(other) => {
                let other = episode.faults[..place].iter().position(|before| before.id == *other);
                other.map_or(Hits::Unknown, |other| self.whom(episode, other))
            }
            Aim::Leader | Aim::LeaderAnd(_) => Hits::Unknown,
        }
    }

    fn fault(&self, planned: &PlannedFault) -> Option<&dyn Fault> {
        self.0.find(&planned.kind).map(|fault| &**fault)
    }

    fn class(&self, planned: &PlannedFault) -> Option<&'static FaultClassInfo> {
        self.fault(planned).map(Fault::class)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rashomon_spec::fault_kind::FaultKind;
    use rashomon_spec::schedule::FaultId;

    use super::*;
    use crate::pause::PAUSE;

    fn planned(id: u32, kind: &'static str, aim: Aim, at_ms: u64, for_ms: u64) -> PlannedFault {
        let kind = FaultKind::new(kind);
        PlannedFault { id: FaultId(id), kind, aim, parameters: BTreeMap::new(), at_ms, for_ms }
    }

    fn pause_after(kind: &'static str, aim: Aim) -> Episode {
        let pause = planned(2, "pause-some", Aim::Nodes(vec![2]), 1500, 300);
        Episode { faults: vec![planned(1, kind, aim, 1000, 1000), pause], end_ms: 3000 }
    }

    #[test]
    fn who_is_down_cannot_be_stopped() {
        let catalogue = FaultCatalogue::included();
        let fit = Fit(&catalogue);
        let in_vain = [
            ("kill-all", Aim::All),
            ("kill-some", Aim::Nodes(vec![3, 2])),
            ("pause-some", Aim::Nodes(vec![2])),
            ("wipe-one", Aim::Nodes(vec![2])),
        ];
        for (kind, aim) in in_vain {
            let mut episode = pause_after(kind, aim);
            assert_eq!(fit.blocked_until(&episode, 1), Some(2000), "{episode:?}");
            fit.part(&mut episode, 50);
            assert_eq!((episode.faults[1].at_ms, episode.end_ms), (2050, 3550));
            assert!(fit.hits(&episode, &PAUSE));
        }
        for (kind, aim) in [("kill-some", Aim::Nodes(vec![1, 3])), ("isolate-one", Aim::Nodes(vec![2]))] {
            let episode = pause_after(kind, aim);
            assert!(fit.hits(&episode, &PAUSE), "{episode:?}");
        }
        let mut same = pause_after("kill-some", Aim::Nodes(vec![1]));
        same.faults[1].aim = Aim::SameAs(FaultId(1));
        assert!(!fit.hits(&same, &PAUSE));
    }

    #[test]
    fn squeezed_faults_keep_their_order_and_their_proportions() {
        let catalogue = FaultCatalogue::included();
        let fit = Fit(&catalogue);
        let mut episode = pause_after("kill-some", Aim::Nodes(vec![1]));
        assert!(!fit.squeeze(&mut episode.clone(), 1900, 500, 600), "{episode:?}");
        assert!(fit.squeeze(&mut episode, 2000, 500, 500));
        let times: Vec<(u64, u64)> = episode.faults.iter().map(|fault| (fault.at_ms, fault.for_ms)).collect();
        assert_eq!((times, episode.end_ms), (vec![(1000, 500), (1250, 150)], 2000));
    }
}
