//! `jump-ahead` and `jump-back`: wall clocks jump and jump back again, proved by the nodes' own answers.

use std::time::Duration;

use rashomon_spec::fault_kind::FaultKind;
use rashomon_spec::schedule::PlannedFault;

use crate::drawing::{Drawing, Drawn};
use crate::environment::{ActionError, Capability, ClockReading, ClockWitness, Pending};
use crate::fault::{Condition, Fault, FaultClassInfo, Healed, Injected, NotInjected, with_leader};
use crate::stage::Stage;

const BY_MS: &str = "by-ms";

/// How often a node is asked until it shows its new time, and how long is waited in between.
const ATTEMPTS: u32 = 10;
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// The class. A node that is down or stopped does not look at its clock, and its clock is still off when it runs again.
pub(crate) static CLOCK: FaultClassInfo = FaultClassInfo {
    needs: &[Capability::WallClocks],
    leaves: Some(Condition::CLOCK_OFF),
    excluded_by: &[Condition::CLOCK_OFF],
    pointless_after: &[Condition::DOWN, Condition::STOPPED],
    outlasts: true,
    notes: NOTES,
    ..FaultClassInfo::new("clock", "Clocks", &[1.1, 2.0, 5.0, 8.0])
};

/// Where clocks jump to.
pub(crate) enum Jump {
    /// Into the future.
    Ahead,
    /// Into the past.
    Back,
}

impl Fault for Jump {
    fn kind(&self) -> FaultKind {
        FaultKind::new(match self {
            Jump::Ahead => "jump-ahead",
            Jump::Back => "jump-back",
        })
    }

    fn class(&self) -> &'static FaultClassInfo {
        &CLOCK
    }

    fn meaning(&self) -> &'static str {
        match self {
            Jump::Ahead => "wall clocks jump ahead by 50 ms to 500 s, and back again",
            Jump::Back => "wall clocks jump back by 50 ms to 500 s, and ahead again",
        }
    }

    fn weight(&self) -> f64 {
        0.5
    }

    /// From the size of a lease to more than any: 50 ms to 500 s, evenly over the orders of magnitude.
    fn draw(&self, drawing: &mut Drawing<'_>) -> Drawn {
        let exponent = drawing.draw.fraction() * 4.0;
        let size_ms = (50.0 * 10f64.powf(exponent)) as i64;
        let by_ms = match self {
            Jump::Ahead => size_ms,
            Jump::Back => -size_ms,
        };
        Drawn::aimed(drawing.aim()).with(BY_MS, by_ms)
    }

    fn parameters(&self) -> &'static [(&'static str, i64, i64)] {
        &[(BY_MS, -1_000_000_000, 1_000_000_000)]
    }

    fn inject<'a>(
        &'a self,
        planned: &'a PlannedFault,
        stage: &'a mut Stage<'_>,
    ) -> Pending<'a, Result<Injected, NotInjected>> {
        Box::pin(async move {
            let by_ms = by_ms(planned);
            let aimed = stage.aim(planned).await?;
            let nodes = stage.free(&aimed.nodes, CLOCK.excluded_by);
            if nodes.is_empty() {
                return Err(NotInjected::Skipped(format!("the clock of {} is already off", aimed.names)));
            }
            let begin_ns = stage.env().now_ns();
            for &node in &nodes {
                stage.env().set_clock(node, by_ms).await?;
                stage.mark(Condition::CLOCK_OFF, node, planned.id);
            }
            let mut proof = Vec::new();
            let mut proved = false;
            for &node in &nodes {
                let (text, seen) = read_clock(stage, node, by_ms).await;
                proof.push(text);
                proved |= seen;
            }
            let direction = if by_ms < 0 { "back" } else { "ahead" };
            let seconds = by_ms.unsigned_abs() as f64 / 1000.0;
            let whose = with_leader(&planned.aim, &stage.names(&nodes));
            let description = format!("clock of {whose} jumped {seconds:.3} s {direction}");
            Ok(Injected { begin_ns, nodes, description, proved, proof, clock_ms: Some(by_ms) })
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
            if !injected.proved {
                // A node that was down or stopped when its clock was set may have come back since.
                for &node in &injected.nodes {
                    let (text, seen) = read_clock(stage, node, by_ms(planned)).await;
                    healed.proof.push(text);
                    healed.proved |= seen;
                }
            }
            for &node in &injected.nodes {
                stage.env().set_clock(node, 0).await?;
                stage.clear(Condition::CLOCK_OFF, node);
            }
            // What is asked below takes its time; the clocks are right from here on.
            healed.end_ns = Some(stage.env().now_ns());
            for &node in &injected.nodes {
                let (text, _) = read_clock(stage, node, 0).await;
                healed.healed.push(text);
            }
            Ok(healed)
        })
    }
}

fn by_ms(planned: &PlannedFault) -> i64 {
    planned.parameters.get(BY_MS).copied().unwrap_or_default()
}

/// Asks a node for its time until it shows the offset; what it answered, and whether it did.
async fn read_clock(stage: &Stage<'_>, node: u16, by_ms: i64) -> (String, bool) {
    let name = stage.name(node);
    if stage.is(Condition::DOWN, node) || stage.is(Condition::STOPPED, node) {
        return (format!("{name}: down or stopped, its clock was not read"), false);
    }
    let mut last = None;
    for _ in 0..ATTEMPTS {
        if let Some(reading) = stage.env().read_clock(node).await {
            let (off, uncertain) = (reading.off_ms, reading.uncertain_ms);
            // A slow answer proves nothing of a jump that is not much larger than what it leaves open.
            let tells = by_ms == 0 || uncertain < by_ms.abs() / 2;
            let text = described(&name, &reading);
            if tells && (off - by_ms).abs() <= uncertain && shows_all(&reading.witness) {
                return (text, true);
            }
            last = Some(text);
        }
        stage.env().sleep(ASK_AGAIN).await;
    }
    (last.unwrap_or_else(|| format!("{name}: did not report its time")), false)
}

/// A probe shows the clock of the processes that have the same clock by the same means.
fn shows_all(witness: &ClockWitness) -> bool {
    match witness {
        ClockWitness::Node => true,
        ClockWitness::Probe { without } => without.is_empty(),
    }
}

fn described(name: &str, reading: &ClockReading) -> String {
    let off = format!("{:+.3} s", reading.off_ms as f64 / 1000.0);
    match &reading.witness {
        ClockWitness::Node => format!("{name}: its clock reads {off}"),
        ClockWitness::Probe { without } if without.is_empty() => {
            format!("{name}: a process started in it reads {off}, by the clock of all its processes")
        }
        ClockWitness::Probe { without } => {
            format!("{name}: a process started in it reads {off}, but {} has the machine's clock", without.join(", "))
        }
    }
}

const NOTES: &str = "\
Sizes are spread evenly over the orders of magnitude. A jump hits the leader (half of the time), one node, a
minority or a majority. Each fault is two jumps: its end goes the other way.

**How.** When clocks are among a run's faults, the clock of each program that the nodes execute can be set, in the
way that suits the program (`--clock auto`; `vdso` and `libfaketime` choose for all):

- *vdso* (`harness/src/lab/clock.rs`): before a program executes its first instruction, the symbols of its vDSO by
  which programs read the clock are led to code that adds the node's shift. The shift is a word in a page that all
  processes of the node share with the harness, so one store sets all of their clocks at the same instant. It works
  for every program, also static ones (Go) and those with jemalloc (Redis), and for what they execute later.
- *libfaketime* (`harness/src/faults/clock/libfaketime.rs`): a library that is preloaded and reads a small file per node
  at every look at the clock. Chosen for dynamic programs that wait until a time of the wall clock (MariaDB does), by
  the functions that they link to: libfaketime shifts those times, too.

The manifest says which way each process had, and why (`nodes[].clock`).

**Proof.** The node is asked for its time (`Target::status`) and shows the jump within 20 ms and half of the round
trip. Where a target does not report its time, a process is started in the node that reads its clock (`date`), and the
memory maps of all of the node's processes must show that they have that clock. A node that is down or stopped is
asked once more at the end of the fault, and is unconfirmed if it does not answer then. **Healed** when the offset is
0; the node is asked again.

**Pitfalls.**
- Only the wall clock jumps. Faking the monotonic clock too stops timers of many runtimes, which would be a fault of
  the tool, not of the world.
- A program that makes the system call itself, without the C library and the vDSO, has the machine's clock. So have
  the time stamps of files.
- Under *vdso*, a wait until a time of the wall clock ends by the machine's clock: late after a jump ahead. That is
  why programs with such waits get libfaketime.
- libfaketime without its cache costs some microseconds at every look at the clock, and kills programs with jemalloc.
  *vdso* costs some nanoseconds; it needs x86_64 and Linux 5.5. Without either, a run with clock faults is
  `broken` before it begins.";
