//! `wipe-one`: a node is killed and loses its data, proved by the processes and the bytes that are gone.

use rashomon_spec::fault_kind::FaultKind;
use rashomon_spec::schedule::PlannedFault;

use crate::drawing::{Drawing, Drawn};
use crate::environment::{ActionError, Pending};
use crate::fault::{Condition, Fault, FaultClassInfo, Healed, Injected, NotInjected};
use crate::kill::{kill, start_again};
use crate::stage::Stage;

/// The class. Of two nodes that lost their disks a cluster may lose what both had: that is not risked.
pub(crate) static WIPE: FaultClassInfo = FaultClassInfo {
    leaves: Some(Condition::DOWN),
    excluded_by: &[Condition::DOWN],
    alone: true,
    opt_in: Some("few systems promise to survive it"),
    notes: NOTES,
    ..FaultClassInfo::new("wipe", "Wipes", &[0.5, 1.1, 2.0, 5.0])
};

pub(crate) struct WipeOne;

impl Fault for WipeOne {
    fn kind(&self) -> FaultKind {
        FaultKind::new("wipe-one")
    }

    fn class(&self) -> &'static FaultClassInfo {
        &WIPE
    }

    fn meaning(&self) -> &'static str {
        "one node is killed, loses all its data and is started again"
    }

    fn nodes_min(&self) -> u16 {
        2
    }

    fn draw(&self, drawing: &mut Drawing<'_>) -> Drawn {
        Drawn::aimed(drawing.aim_at_one())
    }

    /// Nothing else happens to its node: what one node has lost, the others must still have.
    fn may_follow(&self) -> bool {
        false
    }

    fn inject<'a>(
        &'a self,
        planned: &'a PlannedFault,
        stage: &'a mut Stage<'_>,
    ) -> Pending<'a, Result<Injected, NotInjected>> {
        Box::pin(async move {
            let (node, who) = stage.aim_at_one(planned).await?;
            let begin_ns = stage.env().now_ns();
            if let Some(reason) = too_much(stage, node, begin_ns) {
                return Err(NotInjected::Skipped(reason));
            }
            let killed = kill(planned, stage, node).await?;
            stage.mark(Condition::DATA_LOST, node, planned.id);
            let lost = stage.env().wipe(node).await?;
            let gone = format!("{}: {} files with {} bytes are gone", stage.name(node), lost.files, lost.bytes);
            Ok(Injected {
                begin_ns,
                nodes: vec![node],
                description: format!("{who} killed, its data lost"),
                // A node that keeps nothing has nothing to lose.
                proved: lost.bytes > 0,
                proof: vec![killed, gone],
                clock_ms: None,
            })
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

/// Why a node must not lose its data now: another one is down, or may not have its own back yet.
fn too_much(stage: &Stage<'_>, node: u16, now_ns: u64) -> Option<String> {
    if let Some((other, ..)) = stage.all(Condition::DOWN).next() {
        return Some(format!("{} is down: a second loss is not survived", stage.name(other)));
    }
    let recovery_ns = stage.timing().convergence.as_nanos() as u64;
    let (other, _, since_ns) = stage
        .all(Condition::DATA_LOST)
        .find(|&(other, _, since_ns)| other != node && now_ns.saturating_sub(since_ns) < recovery_ns)?;
    let ago = now_ns.saturating_sub(since_ns) as f64 / 1e9;
    Some(format!("{} lost its data {ago:.1} s ago: a second loss is not survived", stage.name(other)))
}

const NOTES: &str = "\
The node is often the leader.

**How.** A kill; then everything in the node's data directory is removed, as when a disk was replaced; when the
fault ends, the same command is started again, with the same name and address. One node at a time: while another is
down, or lost its data less than the target's convergence time ago, a wipe is skipped. It is not aimed at the nodes
of the fault before it.

**Proof.** The node's init has reaped its processes, and the files and bytes that were removed are counted. Nothing
there to remove: unconfirmed.

**Pitfall.** Few systems promise to survive the loss of a replica that comes back empty under its old name: a Raft
node that forgot its vote may vote twice, and what was acknowledged by a quorum of two of three may be left on one.
Ask for it with `--faults wipe` where your system's documentation promises more than that.";
