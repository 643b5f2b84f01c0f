//! `majority-minority`: two groups of nodes cannot reach each other.

use rashomon_spec::fault_kind::FaultKind;
use rashomon_spec::schedule::{Aim, PlannedFault};

use super::{PARTITION, cut, grudge, uncut};
use crate::drawing::{Drawing, Drawn};
use crate::environment::{ActionError, Pending};
use crate::fault::{Fault, FaultClassInfo, Healed, Injected, NotInjected};
use crate::stage::Stage;

pub(crate) struct MajorityMinority;

impl Fault for MajorityMinority {
    fn kind(&self) -> FaultKind {
        FaultKind::new("majority-minority")
    }

    fn class(&self) -> &'static FaultClassInfo {
        &PARTITION
    }

    fn meaning(&self) -> &'static str {
        "two groups of nodes cannot reach each other"
    }

    fn weight(&self) -> f64 {
        0.20
    }

    fn nodes_min(&self) -> u16 {
        2
    }

    /// The smaller group; half of the time the leader is in it.
    fn draw(&self, drawing: &mut Drawing<'_>) -> Drawn {
        let group = drawing.some_nodes((drawing.nodes / 2).max(1));
        let with_leader = drawing.draw.chance(0.5) && drawing.leader;
        Drawn::aimed(if with_leader { Aim::LeaderAnd(group) } else { Aim::Nodes(group) })
    }

    fn may_follow(&self) -> bool {
        false
    }

    fn inject<'a>(
        &'a self,
        planned: &'a PlannedFault,
        stage: &'a mut Stage<'_>,
    ) -> Pending<'a, Result<Injected, NotInjected>> {
        Box::pin(async move {
            let group = stage.aim(planned).await?.nodes;
            let count = stage.env().nodes();
            let rest: Vec<u16> = (1..=count).filter(|node| !group.contains(node)).collect();
            let description = format!("{} cut off from {}", stage.names(&group), stage.names(&rest));
            cut(planned, stage, grudge::split(&group, count), group, description).await
        })
    }

    fn heal<'a, 'e: 'a>(
        &'a self,
        planned: &'a PlannedFault,
        _injected: &'a Injected,
        stage: &'a mut Stage<'e>,
    ) -> Pending<'a, Result<Healed<'e>, ActionError>> {
        Box::pin(uncut(planned, stage, "dropped"))
    }
}
