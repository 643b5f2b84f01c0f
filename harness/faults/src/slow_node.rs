//! `slow-node`: a node's processes get a small share of the CPU, proved by what the scheduler says that they ran.

use std::time::Duration;

use rashomon_spec::fault_kind::FaultKind;
use rashomon_spec::schedule::PlannedFault;

use crate::drawing::{Drawing, Drawn};
use crate::environment::{ActionError, CpuUse, Pending};
use crate::fault::{Condition, Fault, FaultClassInfo, Healed, Injected, NotInjected};
use crate::stage::Stage;

const PERCENT: &str = "percent";

/// Its processes get a small share of the CPU.
const SLOW: Condition = Condition("slow");

/// The class.
static CPU: FaultClassInfo = FaultClassInfo {
    leaves: Some(SLOW),
    excluded_by: &[Condition::DOWN, Condition::STOPPED, SLOW],
    pointless_after: &[Condition::DOWN, Condition::STOPPED],
    opt_in: Some("`all` draws for a seed what it drew before this fault existed"),
    notes: NOTES,
    ..FaultClassInfo::new("cpu", "Slow nodes", &[2.0, 5.0, 5.0, 8.0])
};

pub(crate) struct SlowNode;

impl Fault for SlowNode {
    fn kind(&self) -> FaultKind {
        FaultKind::new("slow-node")
    }

    fn class(&self) -> &'static FaultClassInfo {
        &CPU
    }

    fn meaning(&self) -> &'static str {
        "the processes of one node, often the leader, run for 5 % to 20 % of the time"
    }

    fn draw(&self, drawing: &mut Drawing<'_>) -> Drawn {
        let percent = *drawing.draw.pick(&[5, 10, 20]);
        Drawn::aimed(drawing.aim_at_one()).with(PERCENT, percent)
    }

    fn parameters(&self) -> &'static [(&'static str, i64, i64)] {
        &[(PERCENT, 1, 99)]
    }

    fn inject<'a>(
        &'a self,
        planned: &'a PlannedFault,
        stage: &'a mut Stage<'_>,
    ) -> Pending<'a, Result<Injected, NotInjected>> {
        Box::pin(async move {
            let (node, who) = stage.aim_at_one(planned).await?;
            if stage.free(&[node], CPU.excluded_by).is_empty() {
                return Err(NotInjected::Skipped(format!("{who} is already down, stopped or slow")));
            }
            let percent = planned.parameters.get(PERCENT).copied().unwrap_or_default().clamp(0, 100) as u8;
            let begin_ns = stage.env().now_ns();
            let before = stage.env().limit_cpu(node, percent).await?;
            stage.mark(SLOW, node, planned.id);
            Ok(Injected {
                begin_ns,
                nodes: vec![node],
                description: format!("{who} runs for {percent} % of the time"),
                proof: vec![format!("{}: used {:.1} % of a CPU before", stage.name(node), before.percent())],
                ..Injected::default()
            })
        })
    }

    fn heal<'a, 'e: 'a>(
        &'a self,
        planned: &'a PlannedFault,
        injected: &'a Injected,
        stage: &'a mut Stage<'e>,
    ) -> Pending<'a, Result<Healed<'e>, ActionError>> {
        Box::pin(async move {
            let percent = planned.parameters.get(PERCENT).copied().unwrap_or_default();
            let mut healed = Healed::default();
            for &node in &injected.nodes {
                let used = stage.env().lift_cpu_limit(node).await?;
                stage.clear(SLOW, node);
                let name = stage.name(node);
                let (held, percent_used) = (share(used.held, used.time), used.percent());
                healed
                    .proof
                    .push(format!("{name}: held for {held:.1} % of the time, used {percent_used:.1} % of a CPU"));
                healed.reason = no_effect(&used, percent);
                healed.proved = healed.reason.is_none();
                healed.healed.push(format!("{name} runs freely again"));
            }
            Ok(healed)
        })
    }
}

/// Why what the scheduler says does not show that the processes were slow.
fn no_effect(used: &CpuUse, percent: i64) -> Option<String> {
    if used.cpu.is_zero() {
        return Some("its processes did not run at all".to_owned());
    }
    // Processes that are told to stop run on for a moment.
    let leak = share(used.cpu_held, used.held);
    if leak > 5.0 {
        return Some(format!("its processes used {leak:.1} % of a CPU while they were held"));
    }
    let held = share(used.held, used.time);
    let wanted = 100.0 - 2.0 * percent as f64;
    (held < wanted).then(|| format!("its processes were held for only {held:.1} % of the time"))
}

/// A part of a time in percent.
fn share(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { 100.0 * part.as_secs_f64() / whole.as_secs_f64() }
}

const NOTES: &str = "\
To the others it looks like a node on an overloaded machine: it answers, but late, and its timers fire late. Failure
detectors suspect it now and then, and a leader that is slow may lose its office and not know it yet.

**How.** The node's init stops its processes (SIGSTOP) and continues them (SIGCONT) in turn: 5 ms of running, then 20
to 95 ms of standing still (`harness/src/lab/throttle.rs`). That works alike with and without root, and leaves nothing
on the host. Processes that are started meanwhile are slow, too.

**Proof.** The scheduler's figures of all threads (`schedstat`), read at every turn: the processes ran, they used next
to no CPU in the time in which they were held, and that was about the time that was planned. Processes that never ran
prove nothing: unconfirmed. **Healed** by a last SIGCONT.

**Pitfalls.**
- A node that is idle most of the time loses little by it: look at the share of a CPU that it used before.
- The processes stand still for up to 95 ms at a stretch. A system whose timeouts are shorter sees short pauses rather
  than a slow node.
- Where the kernel keeps no such figures (`CONFIG_SCHED_INFO`), the fault is skipped, with the reason.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn used(held_ms: u64, cpu_ms: u64, cpu_held_ms: u64) -> CpuUse {
        let [held, cpu, cpu_held] = [held_ms, cpu_ms, cpu_held_ms].map(Duration::from_millis);
        CpuUse { time: Duration::from_secs(1), cpu, held, cpu_held }
    }

    #[test]
    fn only_what_the_scheduler_shows_is_a_proof() {
        assert_eq!(no_effect(&used(900, 60, 3), 10), None);
        assert!(no_effect(&used(900, 0, 0), 10).unwrap().contains("not run at all"));
        assert!(no_effect(&used(900, 500, 450), 10).unwrap().contains("50.0 % of a CPU while"));
        assert!(no_effect(&used(500, 60, 0), 10).unwrap().contains("only 50.0 %"));
    }
}
