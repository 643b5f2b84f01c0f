//! Further attempts for classes of faults that have shown no effect, after the plan is over.
//!
//! A run that asked for a class of faults and never saw one take effect proves nothing about it. Often the only fault
//! of the class was skipped or too short to be noticed, and time is left.

use std::collections::BTreeMap;

use rashomon_spec::fault_kind::FaultKind;
use rashomon_spec::schedule::{FaultId, PlannedFault, Schedule};
use rashomon_spec::target::TargetTiming;

use crate::catalogue::FaultCatalogue;
use crate::fault::FaultClassInfo;

/// What has had no effect so often will have none in this run.
const ATTEMPTS: usize = 5;

/// A retry lasts at least so many election timeouts, where there is time: many that had no effect were too short.
const LEAST_ELECTIONS: u64 = 2;

/// Plans further attempts, one at a time.
pub struct Retries<'a> {
    catalogue: &'a FaultCatalogue,
    schedule: &'a Schedule,
    time_ms: u64,
    timing: TargetTiming,
    next_id: FaultId,
    attempts: BTreeMap<&'static str, usize>,
}

/// A further attempt: an episode of one fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The fault of the plan that it repeats.
    pub of: FaultId,
    /// The fault, with an identity of its own.
    pub planned: PlannedFault,
    /// When the quiet time after it is over, milliseconds since the run began.
    pub end_ms: u64,
}

impl<'a> Retries<'a> {
    /// No attempt was made yet at the faults of this plan, in a run of `time_ms`.
    pub fn new(
        catalogue: &'a FaultCatalogue,
        schedule: &'a Schedule,
        time_ms: u64,
        timing: TargetTiming,
    ) -> Retries<'a> {
        Retries { catalogue, schedule, time_ms, timing, next_id: schedule.next_id(), attempts: BTreeMap::new() }
    }

    /// The next attempt that fits into the time from now on, at the class that has had the fewest of those that are not
    /// `installed`.
    pub fn next(&mut self, now_ms: u64, installed: impl Fn(&str) -> bool) -> Option<Retry> {
        let kinds: Vec<FaultKind> = self.schedule.faults().map(|(_, planned)| planned.kind.clone()).collect();
        let had = |class: &&'static FaultClassInfo| self.attempts.get(class.name).copied().unwrap_or(0);
        let missing = self.catalogue.classes_of(&kinds).into_iter().filter(|class| !installed(class.name));
        let class = missing.filter(|class| had(class) < ATTEMPTS).min_by_key(had)?;
        let attempt = had(&class);

        let of_class =
            |planned: &&PlannedFault| self.catalogue.class(&planned.kind).is_some_and(|of| of.name == class.name);
        let mut candidates: Vec<&PlannedFault> =
            self.schedule.faults().map(|(_, planned)| planned).filter(of_class).collect();
        // The longest had the best chance.
        candidates.sort_by_key(|planned| (std::cmp::Reverse(planned.for_ms), planned.id));
        let of = candidates[attempt % candidates.len()];

        let election_ms = (self.timing.election_timeout.as_millis() as u64).max(10);
        let recovery_ms = self.timing.recovery.as_millis() as u64;
        // What had no effect may have found the cluster without a leader: it gets time to elect one.
        let at_ms = now_ms + election_ms;
        let room_ms = self.time_ms.checked_sub(at_ms + recovery_ms).filter(|&room_ms| room_ms >= election_ms)?;
        let for_ms = of.for_ms.max(LEAST_ELECTIONS * election_ms).min(room_ms);
        let planned = PlannedFault { id: self.next_id, at_ms, for_ms, ..of.clone() };
        self.attempts.insert(class.name, attempt + 1);
        self.next_id = FaultId(self.next_id.0.saturating_add(1));
        Some(Retry { of: of.id, planned, end_ms: at_ms + for_ms + recovery_ms })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rashomon_spec::schedule::{Aim, Episode};

    use super::*;

    const TIMING: TargetTiming = TargetTiming {
        election_timeout: Duration::from_millis(300),
        recovery: Duration::from_millis(1200),
        convergence: Duration::from_secs(5),
    };

    fn plan() -> Schedule {
        let planned = |id, kind, for_ms| PlannedFault {
            id: FaultId(id),
            kind: FaultKind::new(kind),
            aim: Aim::Nodes(vec![1]),
            parameters: BTreeMap::new(),
            at_ms: 1000,
            for_ms,
        };
        let faults = vec![planned(1, "kill-some", 60), planned(4, "pause-some", 900), planned(9, "pause-leader", 1500)];
        Schedule { episodes: vec![Episode { faults, end_ms: 5000 }] }
    }

    #[test]
    fn classes_without_effect_get_attempts_in_turn_while_time_is_left() {
        let (catalogue, plan) = (FaultCatalogue::included(), plan());
        let mut retries = Retries::new(&catalogue, &plan, 14_000, TIMING);
        let mut now_ms = 5000;
        let mut seen = Vec::new();
        while let Some(retry) = retries.next(now_ms, |_| false) {
            assert!(retry.planned.at_ms >= now_ms && retry.end_ms <= 14_000);
            seen.push((retry.planned.id.0, retry.of.0, retry.planned.for_ms));
            now_ms = retry.end_ms;
        }
        assert_eq!(seen, [(10, 1, 600), (11, 9, 1500), (12, 1, 600), (13, 4, 300)]);
    }

    #[test]
    fn what_took_effect_is_not_repeated_and_nothing_is_repeated_for_ever() {
        let (catalogue, plan) = (FaultCatalogue::included(), plan());
        let mut retries = Retries::new(&catalogue, &plan, 1_000_000, TIMING);
        assert_eq!(retries.next(5000, |_| true), None);
        let attempts = std::iter::from_fn(|| retries.next(5000, |class| class == "kill")).count();
        assert_eq!(attempts, ATTEMPTS);
        assert_eq!(Retries::new(&catalogue, &plan, 6_500, TIMING).next(5000, |_| false), None);
    }
}
