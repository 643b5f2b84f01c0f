//! What a target's program says of its version. The program is not trusted: it gets little time and little room.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::target::{NodeCommand, TargetError, Version};

/// How long a program may take to say its version.
const WITHIN: Duration = Duration::from_secs(10);
/// How much of its answer is read, bytes.
const MOST: u64 = 4096;

/// The version in one line.
pub(crate) fn of(version: Version) -> Result<String, TargetError> {
    match version {
        Version::Known(text) => Ok(text),
        Version::PrintedBy(command) => printed_by(&command),
    }
}

fn printed_by(command: &NodeCommand) -> Result<String, TargetError> {
    let words = command.words().join(" ");
    let failed = |why: String| TargetError {
        what: format!("`{words}` failed: {why}"),
        remedy: "run it yourself and see what is wrong, or name another build of the program".to_owned(),
    };
    let mut program = Command::new(&command.program);
    program.args(&command.args).envs(command.env.iter().cloned());
    let spawned = program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = spawned.map_err(|error| failed(error.to_string()))?;
    let (sender, answer) = mpsc::channel();
    let stdout = child.stdout.take();
    // A thread of its own: a program that hangs keeps the pipe open.
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.map(|stdout| stdout.take(MOST).read_to_end(&mut bytes));
        // After the time limit nobody waits for it.
        let _ = sender.send(read.map(|_| bytes));
    });
    let deadline = Instant::now() + WITHIN;
    let printed = answer.recv_timeout(WITHIN);
    // It may have closed its output and go on.
    let status = loop {
        match child.try_wait().map_err(|error| failed(error.to_string()))? {
            Some(status) => break Some(status),
            None if Instant::now() >= deadline => break None,
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let (Ok(bytes), Some(status)) = (printed, status) else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(failed(format!("it did not end within {} s", WITHIN.as_secs())));
    };
    if !status.success() {
        return Err(failed(format!("it ended with {status}")));
    }
    let text = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Version {
        Version::PrintedBy(NodeCommand::new("/bin/sh").args(["-c", script]))
    }

    #[test]
    fn the_first_line_is_the_version_and_no_more_than_a_little_is_read() {
        assert_eq!(of(Version::Known("1.2".to_owned())).as_deref(), Ok("1.2"));
        assert_eq!(of(shell("echo server 1.2; echo built today")).as_deref(), Ok("server 1.2"));
        assert!(of(shell("exit 3")).is_err_and(|error| error.what.contains("exit status: 3")));
        assert!(of(shell("yes")).is_err(), "it is killed by the closed pipe");
        let missing = Version::PrintedBy(NodeCommand::new("/no/such/program").args(["--version"]));
        assert!(of(missing).is_err_and(|error| error.what.contains("/no/such/program")));
    }
}
