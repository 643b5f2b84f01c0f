//! `isolate-leader` and `isolate-one`: a node can neither send to nor hear any other.

use rashomon_spec::fault_kind::FaultKind;
use rashomon_spec::schedule::{Aim, PlannedFault};

use super::{PARTITION, cut, grudge, uncut};
use crate::drawing::{Drawing, Drawn};
use crate::environment::{ActionError, Pending};
use crate::fault::{Fault, FaultClassInfo, Healed, Injected, NotInjected};
use crate::stage::Stage;

/// Which node is isolated.
pub(crate) enum Isolate {
    /// The leader.
    Leader,
    /// Any node.
    One,
}

impl Fault for Isolate {
    fn kind(&self) -> FaultKind {
        FaultKind::new(match self {
            Isolate::Leader => "isolate-leader",
            Isolate::One => "isolate-one",
        })
    }

    fn class(&self) -> &'static FaultClassInfo {
        &PARTITION
    }

    fn meaning(&self) -> &'static str {
        match self {
            Isolate::Leader => "the leader can neither send to nor hear any other node",
            Isolate::One => "one node can neither send to nor hear any other node",
        }
    }

    /// 88 % of the partition failures studied need only one node isolated, and the leader is the one that hurts
    /// (Alquraan et al., OSDI 2018).
    fn weight(&self) -> f64 {
        match self {
            Isolate::Leader => 0.40,
            Isolate::One => 0.15,
        }
    }

    fn nodes_min(&self) -> u16 {
        2
    }

    fn needs_leader(&self) -> bool {
        matches!(self, Isolate::Leader)
    }

    fn draw(&self, drawing: &mut Drawing<'_>) -> Drawn {
        Drawn::aimed(match self {
            Isolate::Leader => Aim::Leader,
            Isolate::One => Aim::Nodes(drawing.some_nodes(1)),
        })
    }

    fn inject<'a>(
        &'a self,
        planned: &'a PlannedFault,
        stage: &'a mut Stage<'_>,
    ) -> Pending<'a, Result<Injected, NotInjected>> {
        Box::pin(async move {
            let (node, who) = stage.aim_at_one(planned).await?;
            let grudge = grudge::isolate(node, stage.env().nodes());
            cut(planned, stage, grudge, vec![node], format!("{who} cut off from all other nodes")).await
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
