//! The bookkeeping of a schedule that is being injected: which faults are active, and what is to be done when.
//!
//! It knows no time of its own: a lab waits for the next step, a simulator jumps to it.

use std::collections::BTreeMap;

use rashomon_spec::schedule::{FaultId, PlannedFault, Schedule};
use rashomon_spec::target::TargetTiming;

use crate::catalogue::FaultCatalogue;
use crate::environment::{ActionError, FaultEnvironment};
use crate::fault::{Healed, Injected, NotInjected};
use crate::stage::Stage;

/// Injects and heals the faults of one run.
pub struct Nemesis<'e> {
    catalogue: &'e FaultCatalogue,
    stage: Stage<'e>,
    active: BTreeMap<FaultId, (PlannedFault, Injected)>,
}

impl<'e> Nemesis<'e> {
    /// A nemesis that has not done anything yet.
    pub fn new(catalogue: &'e FaultCatalogue, env: &'e dyn FaultEnvironment, timing: TargetTiming) -> Nemesis<'e> {
        Nemesis { catalogue, stage: Stage::new(env, timing), active: BTreeMap::new() }
    }

    /// Injects a fault.
    pub async fn inject(&mut self, planned: &PlannedFault) -> Result<Injected, NotInjected> {
        let fault = self
            .catalogue
            .find(&planned.kind)
            .ok_or_else(|| NotInjected::Skipped(format!("there is no fault `{}`", planned.kind)))?;
        let injected = fault.inject(planned, &mut self.stage).await?;
        self.stage.has_hit(planned.id, &injected.nodes);
        self.active.insert(planned.id, (planned.clone(), injected.clone()));
        Ok(injected)
    }

    /// Heals a fault; `None` when it is not active.
    pub async fn heal(&mut self, id: FaultId) -> Result<Option<Healed<'e>>, ActionError> {
        let Some((planned, injected)) = self.active.remove(&id) else { return Ok(None) };
        let Some(fault) = self.catalogue.find(&planned.kind) else { return Ok(None) };
        fault.heal(&planned, &injected, &mut self.stage).await.map(Some)
    }

    /// The names of nodes.
    pub fn names(&self, nodes: &[u16]) -> Vec<String> {
        nodes.iter().map(|&node| self.stage.name(node)).collect()
    }

    /// The active fault that was planned first; `None` when none is active.
    pub fn first_active(&self) -> Option<FaultId> {
        self.active.keys().next().copied()
    }
}

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'s> {
    /// A fault is injected.
    Inject {
        /// The number of its episode, from 1.
        episode: u32,
        /// The fault.
        planned: &'s PlannedFault,
    },
    /// A fault is healed.
    Heal {
        /// Which.
        id: FaultId,
    },
}

/// The schedule as things to do with their times (milliseconds), in order; what ends at an instant goes before what
/// begins at it.
pub fn steps(schedule: &Schedule) -> Vec<(u64, Step<'_>)> {
    let mut steps = Vec::new();
    for (episode, planned) in schedule.faults() {
        steps.push((planned.at_ms, Step::Inject { episode, planned }));
        steps.push((planned.at_ms.saturating_add(planned.for_ms), Step::Heal { id: planned.id }));
    }
    steps.sort_by_key(|(at_ms, step)| (*at_ms, matches!(step, Step::Inject { .. })));
    steps
}
