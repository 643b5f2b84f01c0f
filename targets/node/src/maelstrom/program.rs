//! The node program: a child process with pipes.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rashomon_maelstrom::{LONGEST_LINE, Message};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

use super::route::Node;
use crate::start::RunError;

/// So many bytes may wait for the program; a program that does not read loses what comes then.
const WAITING_BYTES: usize = 64 << 20;
/// As shells have it: killed by a signal.
const KILLED: i32 = 128;
/// `EX_PROTOCOL` of `sysexits.h`.
const PROTOCOL_ERROR: i32 = 76;

/// Lines that the program prints.
pub(super) type Lines = BufReader<ChildStdout>;

/// Starts the program. What it prints to its standard error goes where this program's goes.
pub(super) fn start(words: &[String]) -> Result<(Child, Input, Lines), RunError> {
    let (program, args) = words.split_first().ok_or_else(|| RunError::Usage("no node program is named".to_owned()))?;
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| RunError::Usage(format!("cannot start the node program {program}: {source}")))?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (Some(stdin), Some(stdout)) = (stdin, stdout) else {
        return Err(RunError::Usage("the node program has no pipes".to_owned()));
    };
    Ok((child, Input::new(stdin), BufReader::new(stdout)))
}

/// What the program reads, in order.
#[derive(Clone)]
pub(super) struct Input {
    lines: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
}

impl Input {
    fn new(stdin: ChildStdin) -> Input {
        let (lines, queue) = mpsc::unbounded_channel();
        let waiting = Arc::<AtomicUsize>::default();
        tokio::spawn(feed(stdin, queue, waiting.clone()));
        Input { lines, waiting }
    }

    /// Gives the program a line; false when too much waits for it already.
    pub(super) fn give(&self, line: Vec<u8>) -> bool {
        let fits = self.waiting.load(Ordering::Relaxed) + line.len() <= WAITING_BYTES;
        if fits {
            self.waiting.fetch_add(line.len(), Ordering::Relaxed);
        }
        // A program that has ended reads nothing, and ends the node.
        fits && self.lines.send(line).is_ok()
    }
}

async fn feed(mut stdin: ChildStdin, mut queue: mpsc::UnboundedReceiver<Vec<u8>>, waiting: Arc<AtomicUsize>) {
    while let Some(line) = queue.recv().await {
        let written = stdin.write_all(&line).await;
        waiting.fetch_sub(line.len(), Ordering::Relaxed);
        if written.is_err() {
            return;
        }
    }
}

/// Passes on what the program prints until it ends; the exit code of this node.
pub(super) async fn end(mut program: Child, mut lines: Lines, node: Arc<Node>) -> i32 {
    loop {
        let line = match read_line(&mut lines).await {
            Ok(Some(line)) => line,
            Ok(None) => break,
            Err(error) => return wrong(&error.to_string()),
        };
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let routed = Message::read(&line).map_err(|why| why.to_string()).and_then(|message| node.send(message));
        if let Err(why) = routed {
            return wrong(&why);
        }
    }
    // Its output is closed: a node program that prints nothing more is none.
    match program.wait().await {
        Ok(status) => {
            eprintln!("ERROR the node program {}", described(status));
            status.code().unwrap_or_else(|| KILLED + status.signal().unwrap_or(0))
        }
        Err(error) => wrong(&error.to_string()),
    }
}

fn wrong(why: &str) -> i32 {
    eprintln!("ERROR the node program printed to its standard output what is no message for anybody: {why}");
    PROTOCOL_ERROR
}

fn described(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

/// The next line without its end; `None` at the end.
pub(super) async fn read_line(source: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = source.take(LONGEST_LINE as u64 + 1).read_until(b'\n', &mut line).await?;
    if read > LONGEST_LINE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a line of more than {LONGEST_LINE} bytes")));
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok((read > 0).then_some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_read_to_the_end_and_too_long_ones_are_refused() {
        let mut source = BufReader::new(&b"one\n\ntwo"[..]);
        let mut next = async || read_line(&mut source).await.unwrap();
        assert_eq!(next().await, Some(b"one".to_vec()));
        assert_eq!(next().await, Some(Vec::new()));
        assert_eq!(next().await, Some(b"two".to_vec()));
        assert_eq!(next().await, None);
        let long = vec![b'x'; LONGEST_LINE + 5];
        assert!(read_line(&mut &long[..]).await.is_err());
    }
}
