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

#[cfg(test)]
mod tests {
    use rashomon_spec::schedule::Aim;

    use super::*;
    use crate::testkit::{TIMING, World, at_once, planned};

    fn world() -> World {
        let world = World::default();
        world.change(|state| (state.leader, state.packets, state.bytes) = (Some(2), 7, 100));
        world
    }

    fn skipped(outcome: Result<Injected, NotInjected>) -> String {
        match outcome {
            Err(NotInjected::Skipped(reason)) => reason,
            other => panic!("not skipped: {other:?}"),
        }
    }

    fn nodes(nodes: &[u16]) -> Aim {
        Aim::Nodes(nodes.to_vec())
    }

    #[test]
    fn every_included_fault_takes_effect_and_leaves_nothing() {
        let catalogue = FaultCatalogue::included();
        for fault in catalogue.faults().filter(|fault| !fault.kind().as_str().starts_with("delay")) {
            let world = world();
            let mut nemesis = Nemesis::new(&catalogue, &world, TIMING);
            let aim = match fault.kind().as_str() {
                "one-link" => nodes(&[1, 3]),
                "majorities-ring" => nodes(&[1, 2, 3]),
                kind if kind.ends_with("-all") => Aim::All,
                _ => Aim::Leader,
            };
            let kind: &'static str = fault.kind().to_string().leak();
            let outcome = at_once(nemesis.inject(&planned(1, kind, aim)));
            if kind == "majorities-ring" {
                // Among three nodes everybody is a neighbour.
                assert!(skipped(outcome).contains("cannot be cut off"));
                continue;
            }
            let injected = outcome.unwrap();
            assert!(
                !injected.nodes.is_empty() && injected.description.starts_with(|first: char| first.is_alphanumeric())
            );
            let healed = at_once(nemesis.heal(FaultId(1))).unwrap().unwrap();
            assert!(injected.proved || healed.proved, "{kind}: {injected:?}");
            let mut waited = healed.healed;
            waited.extend(healed.waits.into_iter().map(at_once));
            assert!(!waited.is_empty(), "{kind}: its end is seen");
            assert_eq!(nemesis.first_active(), None);
            world.change(|state| {
                assert!(state.down.is_empty() && state.stopped.is_empty() && state.slow.is_empty(), "{kind}");
                assert!(state.cuts.is_empty() && state.clocks.values().all(|&by_ms| by_ms == 0), "{kind}");
            });
        }
    }

    #[test]
    fn what_the_environment_cannot_do_is_skipped_with_its_reason() {
        let (catalogue, world) = (FaultCatalogue::included(), world());
        let mut nemesis = Nemesis::new(&catalogue, &world, TIMING);
        assert_eq!(skipped(at_once(nemesis.inject(&planned(1, "delay-all", Aim::All)))), "no packet queues");
        assert!(at_once(nemesis.heal(FaultId(1))).unwrap().is_none());
    }

    #[test]
    fn a_fault_skips_nodes_in_states_that_exclude_it() {
        let (catalogue, world) = (FaultCatalogue::included(), world());
        let mut nemesis = Nemesis::new(&catalogue, &world, TIMING);
        at_once(nemesis.inject(&planned(1, "kill-some", nodes(&[1])))).unwrap();
        let second = at_once(nemesis.inject(&planned(2, "kill-some", nodes(&[1, 3])))).unwrap();
        assert_eq!(second.nodes, [3]);
        assert!(skipped(at_once(nemesis.inject(&planned(3, "kill-some", nodes(&[1]))))).contains("n1 is already down"));
        assert!(skipped(at_once(nemesis.inject(&planned(4, "pause-some", nodes(&[3]))))).contains("down or stopped"));
        assert!(skipped(at_once(nemesis.inject(&planned(5, "wipe-one", nodes(&[2]))))).contains("n1 is down"));
        // The same nodes are those that it hit, not those that it was aimed at.
        at_once(nemesis.inject(&planned(6, "isolate-one", Aim::SameAs(FaultId(2))))).unwrap();
        let cut = world.change(|state| state.cuts[&FaultId(6)].0.clone());
        assert!(cut.iter().all(|&(from, to)| from == 3 || to == 3));
        assert!(
            skipped(at_once(nemesis.inject(&planned(7, "kill-some", Aim::SameAs(FaultId(9)))))).contains("fault 9")
        );
    }

    #[test]
    fn a_node_that_is_killed_while_it_is_stopped_is_not_resumed() {
        let (catalogue, world) = (FaultCatalogue::included(), world());
        let mut nemesis = Nemesis::new(&catalogue, &world, TIMING);
        at_once(nemesis.inject(&planned(1, "pause-leader", Aim::Leader))).unwrap();
        at_once(nemesis.inject(&planned(2, "kill-some", nodes(&[2])))).unwrap();
        at_once(nemesis.heal(FaultId(2))).unwrap();
        let healed = at_once(nemesis.heal(FaultId(1))).unwrap().unwrap();
        assert_eq!(healed.healed, ["n2 was killed meanwhile"]);
    }

    #[test]
    fn a_second_node_loses_its_data_only_when_the_first_may_have_its_own_back() {
        let (catalogue, world) = (FaultCatalogue::included(), world());
        let mut nemesis = Nemesis::new(&catalogue, &world, TIMING);
        at_once(nemesis.inject(&planned(1, "wipe-one", nodes(&[1])))).unwrap();
        at_once(nemesis.heal(FaultId(1))).unwrap();
        assert!(skipped(at_once(nemesis.inject(&planned(2, "wipe-one", nodes(&[2]))))).contains("n1 lost its data"));
        world.change(|state| state.now_ms += 5_000);
        at_once(nemesis.inject(&planned(3, "wipe-one", nodes(&[2])))).unwrap();
    }

    #[test]
    fn without_a_leader_what_is_aimed_at_one_is_skipped_after_an_election_timeout() {
        let (catalogue, world) = (FaultCatalogue::included(), world());
        world.change(|state| state.leader = None);
        let mut nemesis = Nemesis::new(&catalogue, &world, TIMING);
        assert_eq!(skipped(at_once(nemesis.inject(&planned(1, "kill-leader", Aim::Leader)))), "no node leads");
        assert!((300..400).contains(&world.change(|state| state.now_ms)));
    }

    #[test]
    fn without_packets_a_partition_is_unconfirmed() {
        let (catalogue, world) = (FaultCatalogue::included(), world());
        world.change(|state| state.packets = 0);
        let mut nemesis = Nemesis::new(&catalogue, &world, TIMING);
        let injected = at_once(nemesis.inject(&planned(1, "isolate-leader", Aim::Leader))).unwrap();
        let healed = at_once(nemesis.heal(FaultId(1))).unwrap().unwrap();
        assert!(!injected.proved && !healed.proved);
        assert_eq!(healed.reason.as_deref(), Some("no packet matched its rules"));
    }
}
