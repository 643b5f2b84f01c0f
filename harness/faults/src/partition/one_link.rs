//! `one-link`: two nodes cannot reach each other, but all others reach both.

use rashomon_spec::fault_kind::FaultKind;
use rashomon_spec::schedule::{Aim, PlannedFault};

use super::{PARTITION, cut, grudge, uncut};
use crate::drawing::{Drawing, Drawn};
use crate::environment::{ActionError, Pending};
use crate::fault::{Fault, FaultClassInfo, Healed, Injected, NotInjected};
use crate::stage::Stage;

pub(crate) struct OneLink;

impl Fault for OneLink {
    fn kind(&self) -> FaultKind {
        FaultKind::new("one-link")
    }

    fn class(&self) -> &'static FaultClassInfo {
        &PARTITION
    }

    fn meaning(&self) -> &'static str {
        "two nodes cannot reach each other, but all others reach both"
    }

    fn weight(&self) -> f64 {
        0.10
    }

    fn nodes_min(&self) -> u16 {
        3
    }

    fn draw(&self, drawing: &mut Drawing<'_>) -> Drawn {
        Drawn::aimed(Aim::Nodes(drawing.some_nodes(2)))
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
            let two = stage.aim(planned).await?;
            let &[one, other] = two.nodes.as_slice() else {
                return Err(NotInjected::Skipped(format!("a link has two ends, and not {}", two.names)));
            };
            let description = format!("no link between {}", two.names);
            cut(planned, stage, grudge::unlink(one, other), two.nodes, description).await
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
