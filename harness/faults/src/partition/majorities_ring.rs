//! `majorities-ring`: every node sees a majority, and no two nodes see the same one.

use rashomon_spec::fault_kind::FaultKind;
use rashomon_spec::schedule::{Aim, PlannedFault};

use super::{PARTITION, cut, grudge, uncut};
use crate::drawing::{Drawing, Drawn};
use crate::environment::{ActionError, Pending};
use crate::fault::{Fault, FaultClassInfo, Healed, Injected, NotInjected};
use crate::stage::Stage;

pub(crate) struct MajoritiesRing;

impl Fault for MajoritiesRing {
    fn kind(&self) -> FaultKind {
        FaultKind::new("majorities-ring")
    }

    fn class(&self) -> &'static FaultClassInfo {
        &PARTITION
    }

    fn meaning(&self) -> &'static str {
        "every node sees a majority, no two nodes see the same one"
    }

    fn weight(&self) -> f64 {
        0.10
    }

    fn nodes_min(&self) -> u16 {
        4
    }

    /// The nodes in a ring, each cut off from those far away in it.
    fn draw(&self, drawing: &mut Drawing<'_>) -> Drawn {
        Drawn::aimed(Aim::Nodes(drawing.some_nodes(drawing.nodes)))
    }

    fn may_follow(&self) -> bool {
        false
    }

    fn hits_links(&self) -> bool {
        true
    }

    fn inject<'a>(
        &'a self,
        planned: &'a PlannedFault,
        stage: &'a mut Stage<'_>,
    ) -> Pending<'a, Result<Injected, NotInjected>> {
        Box::pin(async move {
            let ring = stage.aim(planned).await?;
            let description = format!("majorities ring {}", ring.names);
            cut(planned, stage, grudge::majorities_ring(&ring.nodes), ring.nodes, description).await
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
