//! What a target's program says of its version. The program is not trusted: it is asked in a lab of its own, under the
//! limits of a node, and has little time.

use std::time::Duration;

use crate::lab::{self, Interrupts, LabErrorKind};
use crate::runner::RunError;
use crate::target::{NodeCommand, TargetError, Version};

/// How long a program may take to say its version.
const WITHIN: Duration = Duration::from_secs(10);
/// How much of its answer is kept, in characters.
const MOST: usize = 200;

/// The version in one line.
pub(crate) fn of(version: Version) -> Result<String, RunError> {
    match version {
        Version::Known(text) => Ok(text),
        Version::PrintedBy(command) => printed_by(&command),
    }
}

fn printed_by(command: &NodeCommand) -> Result<String, RunError> {
    let words = command.words().join(" ");
    let failed = |why: String| {
        RunError::Target(TargetError {
            what: format!("`{words}` failed: {why}"),
            remedy: "run it yourself and see what is wrong, or name another build of the program".to_owned(),
        })
    };
    let output = lab::run_once(command, WITHIN).map_err(|error| match error.kind {
        _ if Interrupts::caught().is_some() => RunError::Interrupted { how: "a signal came".to_owned() },
        LabErrorKind::Disturbed => RunError::Interrupted { how: error.what },
        LabErrorKind::MissingProgram => RunError::Target(TargetError { what: error.what, remedy: error.remedy }),
        LabErrorKind::Node | LabErrorKind::Timeout => failed(error.what),
        _ => RunError::Environment { what: error.what, remedy: error.remedy },
    })?;
    // A program that aborts has done so itself.
    if output.ending.from_outside() {
        return Err(RunError::Interrupted { how: format!("`{words}` {}", output.ending) });
    }
    if !output.ending.success() {
        let said = output.stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        let said = if said.is_empty() { String::new() } else { format!("; it said: {said}") };
        return Err(failed(format!("it {}{said}", output.ending)));
    }
    Ok(output.stdout.lines().next().unwrap_or_default().trim().chars().take(MOST).collect())
}
