//! `one-way-in` and `one-way-out`: a node hears nobody but is heard by all, or the reverse.

use rashomon_spec::fault_kind::FaultKind;
use rashomon_spec::schedule::PlannedFault;

use super::{PARTITION, cut, grudge, uncut};
use crate::drawing::{Drawing, Drawn};
use crate::environment::{ActionError, Pending};
use crate::fault::{Fault, FaultClassInfo, Healed, Injected, NotInjected};
use crate::stage::Stage;

/// Which direction is cut.
pub(crate) enum OneWay {
    /// To the node.
    In,
    /// From the node.
    Out,
}

impl Fault for OneWay {
    fn kind(&self) -> FaultKind {
        FaultKind::new(match self {
            OneWay::In => "one-way-in",
            OneWay::Out => "one-way-out",
        })
    }

    fn class(&self) -> &'static FaultClassInfo {
        &PARTITION
    }

    fn meaning(&self) -> &'static str {
        match self {
            OneWay::In => "one node, often the leader, hears nobody but is heard by all",
            OneWay::Out => "one node, often the leader, is heard by nobody but hears all",
        }
    }

    fn weight(&self) -> f64 {
        0.075
    }

    fn nodes_min(&self) -> u16 {
        2
    }

    fn draw(&self, drawing: &mut Drawing<'_>) -> Drawn {
        Drawn::aimed(drawing.aim_at_one())
    }

    fn inject<'a>(
        &'a self,
        planned: &'a PlannedFault,
        stage: &'a mut Stage<'_>,
    ) -> Pending<'a, Result<Injected, NotInjected>> {
        Box::pin(async move {
            let (node, who) = stage.aim_at_one(planned).await?;
            let count = stage.env().nodes();
            let (grudge, description) = match self {
                OneWay::In => (grudge::deaf(node, count), format!("{who} hears no other node")),
                OneWay::Out => (grudge::mute(node, count), format!("{who} is heard by no other node")),
            };
            cut(planned, stage, grudge, vec![node], description).await
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
