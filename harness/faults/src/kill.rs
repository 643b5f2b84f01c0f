//! `kill-some`, `kill-leader` and `kill-all`: nodes are killed and started again, proved by the processes that are
//! gone.

use rashomon_spec::fault_kind::FaultKind;
use rashomon_spec::schedule::{Aim, PlannedFault};

use crate::drawing::{Drawing, Drawn};
use crate::environment::{ActionError, FaultEnvironment, Pending};
use crate::fault::{Condition, Fault, FaultClassInfo, Healed, Injected, NotInjected, with_leader};
use crate::stage::Stage;

/// The class.
pub(crate) static KILL: FaultClassInfo = FaultClassInfo {
    leaves: Some(Condition::DOWN),
    excluded_by: &[Condition::DOWN],
    notes: NOTES,
    ..FaultClassInfo::new("kill", "Kills", &[0.2, 0.5, 0.9, 1.1, 2.0, 5.0])
};

/// Who is killed.
pub(crate) enum Kill {
    /// One node, a minority or a majority.
    Some,
    /// The leader.
    Leader,
    /// All nodes.
    All,
}

impl Fault for Kill {
    fn kind(&self) -> FaultKind {
        FaultKind::new(match self {
            Kill::Some => "kill-some",
            Kill::Leader => "kill-leader",
            Kill::All => "kill-all",
        })
    }

    fn class(&self) -> &'static FaultClassInfo {
        &KILL
    }

    fn meaning(&self) -> &'static str {
        match self {
            Kill::Some => "one node, a minority or a majority is killed (SIGKILL) and started again",
            Kill::Leader => "the leader is killed (SIGKILL) and started again",
            Kill::All => "all nodes are killed (SIGKILL), one right after the other, and started again",
        }
    }

    fn weight(&self) -> f64 {
        match self {
            Kill::Some | Kill::Leader => 0.42,
            Kill::All => 0.16,
        }
    }

    fn needs_leader(&self) -> bool {
        matches!(self, Kill::Leader)
    }

    fn draw(&self, drawing: &mut Drawing<'_>) -> Drawn {
        Drawn::aimed(match self {
            Kill::Some => Aim::Nodes(drawing.one_or_some()),
            Kill::Leader => Aim::Leader,
            Kill::All => Aim::All,
        })
    }

    fn may_follow(&self) -> bool {
        !matches!(self, Kill::All)
    }

    fn inject<'a>(
        &'a self,
        planned: &'a PlannedFault,
        stage: &'a mut Stage<'_>,
    ) -> Pending<'a, Result<Injected, NotInjected>> {
        Box::pin(async move {
            let aimed = stage.aim(planned).await?;
            let nodes = stage.free(&aimed.nodes, KILL.excluded_by);
            if nodes.is_empty() {
                return Err(NotInjected::Skipped(format!("{} is already down", aimed.names)));
            }
            let begin_ns = stage.env().now_ns();
            let mut proof = Vec::new();
            // One right after the other, as machines of one rack lose their power: what the last one still accepts is
            // what the others have not seen.
            for &node in &nodes {
                proof.push(kill(planned, stage, node).await?);
            }
            let description = format!("{} killed", with_leader(&planned.aim, &stage.names(&nodes)));
            Ok(Injected { begin_ns, nodes, description, proved: true, proof, clock_ms: None })
        })
    }

    fn heal<'a, 'e: 'a>(
        &'a self,
        _planned: &'a PlannedFault,
        injected: &'a Injected,
        stage: &'a mut Stage<'e>,
    ) -> Pending<'a, Result<Healed<'e>, ActionError>> {
        Box::pin(start_again(&injected.nodes, stage))
    }
}

/// Kills a node; says what was seen.
pub(crate) async fn kill(planned: &PlannedFault, stage: &mut Stage<'_>, node: u16) -> Result<String, ActionError> {
    let killed = stage.env().kill(node).await?;
    stage.mark(Condition::DOWN, node, planned.id);
    // What was stopped is gone; started again, it runs.
    stage.clear(Condition::STOPPED, node);
    Ok(format!("{}: {killed} is gone", stage.name(node)))
}

/// Starts nodes again. The fault is over when all of them serve, for which nothing else waits.
pub(crate) async fn start_again<'e>(nodes: &[u16], stage: &mut Stage<'e>) -> Result<Healed<'e>, ActionError> {
    let env: &'e dyn FaultEnvironment = stage.env();
    let mut healed = Healed::default();
    for &node in nodes {
        env.start(node).await?;
        stage.clear(Condition::DOWN, node);
    }
    for &node in nodes {
        let name = stage.name(node);
        healed.waits.push(Box::pin(async move {
            match env.wait_ready(node).await {
                Ok(took) => format!("{name} serves again after {} ms", took.as_millis()),
                // Whether it comes up at all is the target's affair: the final reads will show it.
                Err(error) => format!("{name} was started but does not serve: {error}"),
            }
        }));
    }
    Ok(healed)
}

const NOTES: &str = "\
`kill-some` hits one node (60 %), a minority (20 %) or a majority (20 %).

**How.** SIGKILL to all processes of a node, by its PID 1: whatever they forked dies too. The node's address, files
and `/tmp` stay. When the fault ends, the same command is started again.

**Proof.** The node's init has reaped the processes: `n2: pid 2 after 6.3 ms is gone`.

**Healed** when the node serves again (its readiness probe succeeds), with the time that took. A node that was
started and does not serve within 20 s is noted; the final reads then fail, and the run is inconclusive.

**Pitfalls.**
- A killed process loses nothing that it wrote: the kernel still has it. Kills find state that was kept in memory
  only; they do not find a missing `fsync`. That needs a power failure, which this version cannot make.
- Nodes of one fault are killed one after the other; the last may die some tens of milliseconds after the first.
- A node that exits on its own is not a fault but a finding: the run reports it and does not pass.";
