//! What commands in nodes print, read by threads of the controller.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, channel};

use super::error::{Attempt, LabErrorKind, Result};

/// How much of a command's output is read.
const LONGEST_OUTPUT: u64 = 16 << 20;

/// Makes the pipe that a command prints into: (to read, to write).
pub(crate) fn output_pipe() -> Result<(OwnedFd, OwnedFd)> {
    nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).attempt(LabErrorKind::Lost, || "make a pipe for a command".into())
}

/// Reads a command's output in a thread, which ends with the pipe.
pub(crate) fn read_all(pipe: OwnedFd) -> Result<Receiver<String>> {
    let (sender, receiver) = channel();
    let read = move || {
        let mut bytes = Vec::new();
        // A command that prints more is stopped by the closed pipe.
        let _ = File::from(pipe).take(LONGEST_OUTPUT).read_to_end(&mut bytes);
        // Nobody waits for it any more after a timeout.
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    };
    let thread = std::thread::Builder::new().name("command-output".into()).spawn(read);
    thread.attempt(LabErrorKind::Lost, || "read a command's output".into())?;
    Ok(receiver)
}
