//! One command in a lab of its own: for programs that are asked something before there is a run. They are as little
//! trusted as the nodes that they will be.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::enter::{EnterSpec, Errand, LabStdout, enter_for};
use super::error::{Attempt, LabError, LabErrorKind, Result};
use super::{CommandOutput, Inside, LAB_DIR, Lab, LabSpec, Limits, NamespaceLab};
use crate::target::NodeCommand;

/// More than a command's answer is worth reading, as JSON.
const LONGEST_ANSWER: u64 = 64 << 20;

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    program: PathBuf,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    reads: Vec<PathBuf>,
    within: Duration,
}

/// Runs a command to its end in a node of a lab that is made for it, and gone afterwards with all that it did.
///
/// # Errors
///
/// When there can be no lab, the command cannot be started, uses more than a node may, or does not end within `within`.
pub fn run_once(command: &NodeCommand, within: Duration) -> Result<CommandOutput> {
    let order = Order {
        program: command.program.clone(),
        args: command.args.clone(),
        env: command.env.iter().cloned().collect(),
        reads: command.reads.clone(),
        within,
    };
    let spec = EnterSpec {
        label: "once".into(),
        payload: serde_json::to_string(&order)
            .attempt(LabErrorKind::Usage, || "pass on a path that is no text".into())?,
        visible: [&order.reads[..], std::slice::from_ref(&order.program)].concat(),
        stdout: LabStdout::Captured,
        ..EnterSpec::default()
    };
    let mut lab = enter_for(&spec, Errand::Once)?;
    let mut answer = String::new();
    if let Some(stdout) = lab.take_stdout() {
        let read = stdout.take(LONGEST_ANSWER).read_to_string(&mut answer);
        read.attempt(LabErrorKind::Lost, || "hear from a command's lab".into())?;
    }
    let end = lab.wait()?;
    serde_json::from_str(&answer).unwrap_or_else(|_| {
        Err(LabError::disturbed(format!("the lab of {} ended: {end:?}", command.program.display())))
    })
}

/// Carries the order out, and prints what came of it.
pub(crate) fn once_inside(inside: Inside) -> ! {
    out!("{}", serde_json::to_string(&carry_out(inside)).unwrap_or_default());
    std::process::exit(0)
}

fn carry_out(inside: Inside) -> Result<CommandOutput> {
    let order: Order =
        serde_json::from_str(&inside.payload).attempt(LabErrorKind::Lost, || "read what is to be run".into())?;
    let command = NodeCommand {
        program: order.program,
        args: order.args,
        env: order.env.into_iter().collect(),
        reads: order.reads,
    };
    // Its logs go with the lab.
    let spec = LabSpec { limits: small(Limits::for_machine(1)), ..LabSpec::new(1, Path::new(LAB_DIR).join("once")) };
    NamespaceLab::up(inside, &spec)?.exec(1, &command, order.within)
}

/// What a program needs to answer a question.
fn small(limits: Limits) -> Limits {
    Limits { memory_bytes: limits.memory_bytes.min(1 << 30), processes: limits.processes.min(256), ..limits }
}
