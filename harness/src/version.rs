//! What a target's program says of its version. The program is not trusted: it is asked in a lab of its own, under the
//! limits of a node, and has little time.

use std::path::Path;
use std::time::Duration;

use crate::faults::clock;
use crate::lab::{self, Interrupts, LabErrorKind};
use crate::runner::RunError;
use crate::target::{NodeCommand, TargetError, Version};

/// How long a program may take to say its version.
const WITHIN: Duration = Duration::from_secs(10);
/// How much of its answer is kept, in characters.
const MOST: usize = 200;

/// The version in one line. With a clock library, the program must start with it, too.
pub(crate) fn of(version: Version, clock_library: Option<&Path>) -> Result<String, RunError> {
    match version {
        Version::Known(text) => Ok(text),
        Version::PrintedBy(command) => {
            let text = printed_by(&command)?;
            clock_library.map_or(Ok(()), |library| starts_with(&command, library))?;
            Ok(text)
        }
    }
}

/// Some programs do not start when the clock library is loaded into them. Found before the run, for otherwise every
/// node of every seed dies at its start.
fn starts_with(command: &NodeCommand, library: &Path) -> Result<(), RunError> {
    let mut preloaded = command.clone();
    preloaded.env.extend(clock::environment(library, Path::new("/")));
    match printed_by(&preloaded) {
        Err(RunError::Target(error)) => Err(RunError::Environment {
            what: format!("with {}, which clock faults need, {}", library.display(), error.what),
            remedy:
                "leave `clock` out of --faults, or use a build of the program without jemalloc, which does not work \
                     with libfaketime (Redis: make MALLOC=libc)"
                    .to_owned(),
        }),
        started => started.map(|_| ()),
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
