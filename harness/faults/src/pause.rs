//! `pause-some` and `pause-leader`: nodes are stopped and continue, proved by the state of their threads.

use rashomon_spec::fault_kind::FaultKind;
use rashomon_spec::schedule::{Aim, PlannedFault};

use crate::drawing::{Drawing, Drawn};
use crate::environment::{ActionError, Pending};
use crate::fault::{Condition, Fault, FaultClassInfo, Healed, Injected, NotInjected, with_leader};
use crate::stage::Stage;

/// The class.
pub(crate) static PAUSE: FaultClassInfo = FaultClassInfo {
    leaves: Some(Condition::STOPPED),
    excluded_by: &[Condition::DOWN, Condition::STOPPED],
    pointless_after: &[Condition::DOWN, Condition::STOPPED],
    notes: NOTES,
    ..FaultClassInfo::new("pause", "Pauses", &[0.9, 1.1, 2.0, 5.0, 5.0])
};

/// Who is stopped.
pub(crate) enum Pause {
    /// One node, a minority or a majority.
    Some,
    /// The leader.
    Leader,
}

impl Fault for Pause {
    fn kind(&self) -> FaultKind {
        FaultKind::new(match self {
            Pause::Some => "pause-some",
            Pause::Leader => "pause-leader",
        })
    }

    fn class(&self) -> &'static FaultClassInfo {
        &PAUSE
    }

    fn meaning(&self) -> &'static str {
        match self {
            Pause::Some => "one node, a minority or a majority is stopped (SIGSTOP) and continues",
            Pause::Leader => "the leader is stopped (SIGSTOP) and continues",
        }
    }

    fn weight(&self) -> f64 {
        0.5
    }

    fn needs_leader(&self) -> bool {
        matches!(self, Pause::Leader)
    }

    fn draw(&self, drawing: &mut Drawing<'_>) -> Drawn {
        Drawn::aimed(match self {
            Pause::Some => Aim::Nodes(drawing.one_or_some()),
            Pause::Leader => Aim::Leader,
        })
    }

    fn inject<'a>(
        &'a self,
        planned: &'a PlannedFault,
        stage: &'a mut Stage<'_>,
    ) -> Pending<'a, Result<Injected, NotInjected>> {
        Box::pin(async move {
            let aimed = stage.aim(planned).await?;
            let nodes = stage.free(&aimed.nodes, PAUSE.excluded_by);
            if nodes.is_empty() {
                return Err(NotInjected::Skipped(format!("{} is already down or stopped", aimed.names)));
            }
            let begin_ns = stage.env().now_ns();
            let mut proof = Vec::new();
            for &node in &nodes {
                let stopped = stage.env().pause(node).await?;
                stage.mark(Condition::STOPPED, node, planned.id);
                proof.push(format!("{}: {stopped} stopped (state T)", stage.name(node)));
            }
            let description = format!("{} stopped", with_leader(&planned.aim, &stage.names(&nodes)));
            Ok(Injected { begin_ns, nodes, description, proved: true, proof, clock_ms: None })
        })
    }

    fn heal<'a, 'e: 'a>(
        &'a self,
        planned: &'a PlannedFault,
        injected: &'a Injected,
        stage: &'a mut Stage<'e>,
    ) -> Pending<'a, Result<Healed<'e>, ActionError>> {
        Box::pin(async move {
            let mut healed = Healed::default();
            for &node in &injected.nodes {
                // Another fault may have killed it, and started it again, and a third one stopped it.
                if stage.left_by(Condition::STOPPED, node) != Some(planned.id) {
                    healed.healed.push(format!("{} was killed meanwhile", stage.name(node)));
                    continue;
                }
                stage.clear(Condition::STOPPED, node);
                let resumed = stage.env().resume(node).await?;
                healed.healed.push(format!("{}: {resumed} runs again", stage.name(node)));
            }
            Ok(healed)
        })
    }
}

const NOTES: &str = "\
`pause-some` hits one node (60 %), a minority (20 %) or a majority (20 %).

**How.** SIGSTOP to all processes of a node, then SIGCONT. To the others it looks like a long garbage collection or
a stalled virtual machine: connections stay open, and the node continues as if no time had passed.

**Proof.** Every thread is seen in state T. **Healed** when all run again; a node that was killed meanwhile needs
nothing.

**Pitfall.** The kernel still acknowledges packets to a stopped process. A peer that waits for it learns nothing
from TCP.";
