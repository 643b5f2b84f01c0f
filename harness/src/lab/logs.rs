//! Collects what the nodes print into their log files.
//!
//! Each line gets the run's clock in front of it, in seconds, taken when the line was read: `[   12.345678] ready`. So
//! the logs of a cluster stay in true time order also while the nodes' own clocks lie. One thread serves all nodes; it
//! writes at once what it has read, so that a killed run keeps it. When a file cannot be written (a full disk), lines
//! are dropped and counted, and the nodes are never held up by it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::error::{Attempt, LabError, LabErrorKind, Result};

/// A line longer than this is written in pieces.
const LONGEST_LINE: usize = 64 * 1024;
/// A node that prints faster than the disk takes it has this much room before it waits.
const PIPE_BYTES: i32 = 1024 * 1024;

/// The handle of the collecting thread.
#[derive(Debug)]
pub(crate) struct LogCollector {
    dropped: Arc<AtomicU64>,
    orders: Sender<Order>,
    wake: UnixStream,
    thread: Option<JoinHandle<()>>,
}

enum Order {
    /// A line of the harness's own.
    Note { file: PathBuf, text: String },
    /// Copy from this pipe until its end.
    Follow { file: PathBuf, pipe: OwnedFd },
    /// Times are counted from this moment on.
    SetEpoch(Instant),
    /// Copy what there is, and end.
    Finish,
}

impl LogCollector {
    /// Starts the thread. Each file gets `limit_bytes` of lines at most.
    pub(crate) fn start(limit_bytes: u64) -> Result<Self> {
        let lost = || "start the log collector".to_owned();
        let (wake, woken) = UnixStream::pair().attempt(LabErrorKind::Lost, lost)?;
        woken.set_nonblocking(true).attempt(LabErrorKind::Lost, lost)?;
        let dropped = Arc::new(AtomicU64::new(0));
        let (orders, receiver) = channel();
        let mut worker =
            Worker { epoch: Instant::now(), limit_bytes, dropped: dropped.clone(), sources: vec![], files: vec![] };
        let thread = std::thread::Builder::new()
            .name("node-logs".into())
            .spawn(move || worker.run(&receiver, &woken))
            .attempt(LabErrorKind::Lost, lost)?;
        Ok(Self { dropped, orders, wake, thread: Some(thread) })
    }

    /// Makes the pipe that a node prints into: (to read, to write).
    pub(crate) fn pipe() -> Result<(OwnedFd, OwnedFd)> {
        let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)
            .attempt(LabErrorKind::Lost, || "make a pipe for a node's log".into())?;
        // Only the reader must not block; a smaller pipe works too.
        fcntl(&read, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).attempt(LabErrorKind::Lost, || "set a pipe up".into())?;
        let _ = fcntl(&read, FcntlArg::F_SETPIPE_SZ(PIPE_BYTES));
        Ok((read, write))
    }

    /// Adds a line to a log.
    pub(crate) fn note(&self, file: &Path, text: String) {
        self.order(Order::Note { file: file.to_owned(), text });
    }

    /// Copies the lines from `pipe` to a log, after those that came before.
    pub(crate) fn follow(&self, file: &Path, pipe: OwnedFd) {
        self.order(Order::Follow { file: file.to_owned(), pipe });
    }

    /// Makes `epoch` the zero of the clock for all that is printed from now on; it starts as the lab's.
    pub(crate) fn set_epoch(&self, epoch: Instant) {
        self.order(Order::SetEpoch(epoch));
    }

    /// Lines that could not be written, for want of disk space for instance.
    pub(crate) fn dropped_lines(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn order(&self, order: Order) {
        // Fails only after the thread has ended.
        let _ = self.orders.send(order);
        let _ = (&self.wake).write_all(&[0]);
    }
}

impl Drop for LogCollector {
    fn drop(&mut self) {
        self.order(Order::Finish);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Source {
    file: usize,
    pipe: File,
    /// The beginning of a line, and when it was read.
    partial: Vec<u8>,
    partial_nanos: i64,
}

struct Worker {
    epoch: Instant,
    limit_bytes: u64,
    dropped: Arc<AtomicU64>,
    sources: Vec<Source>,
    files: Vec<LogFile>,
}

struct LogFile {
    path: PathBuf,
    /// Opened with the first line.
    open: Option<File>,
    written_bytes: u64,
    full: bool,
}

impl Worker {
    fn run(&mut self, orders: &Receiver<Order>, woken: &UnixStream) {
        let mut buffer = vec![0u8; LONGEST_LINE];
        loop {
            let mut ready = vec![PollFd::new(woken.as_fd(), PollFlags::POLLIN)];
            ready.extend(self.sources.iter().map(|source| PollFd::new(source.pipe.as_fd(), PollFlags::POLLIN)));
            // Fails only with EINTR: then nothing is ready.
            let _ = poll(&mut ready, PollTimeout::NONE);
            let woke = ready[0].any().unwrap_or(false);
            let printed: Vec<bool> = ready[1..].iter().map(|fd| fd.any().unwrap_or(false)).collect();
            // Lines before orders: what a node printed before it was killed comes before the note of its next start.
            for index in (0..printed.len()).rev().filter(|index| printed[*index]) {
                self.copy(index, &mut buffer);
            }
            if woke {
                let _ = (&*woken).read(&mut buffer);
                while let Ok(order) = orders.try_recv() {
                    match order {
                        Order::Note { file, text } => {
                            // All of what ended before must be in the log before the note.
                            self.drain(&mut buffer);
                            let file = self.file(file);
                            // Few, and needed most where the node prints too much.
                            self.append(file, nanos_since(self.epoch), text.as_bytes());
                        }
                        Order::Follow { file, pipe } => {
                            let file = self.file(file);
                            self.sources.push(Source {
                                file,
                                pipe: pipe.into(),
                                partial: Vec::new(),
                                partial_nanos: 0,
                            });
                        }
                        Order::SetEpoch(epoch) => {
                            self.drain(&mut buffer);
                            self.epoch = epoch;
                        }
                        Order::Finish => {
                            self.drain(&mut buffer);
                            for index in (0..self.sources.len()).rev() {
                                self.end(index);
                            }
                            return;
                        }
                    }
                }
            }
        }
    }

    /// Copies what all pipes hold at this moment.
    fn drain(&mut self, buffer: &mut [u8]) {
        for index in (0..self.sources.len()).rev() {
            // As much as a pipe can hold; a node that prints all the time cannot keep us here.
            for _ in 0..=PIPE_BYTES as usize / buffer.len() {
                if !self.copy(index, buffer) {
                    break;
                }
            }
        }
    }

    /// Copies once from a pipe; false if it was empty or has ended.
    fn copy(&mut self, index: usize, buffer: &mut [u8]) -> bool {
        let source = &mut self.sources[index];
        match source.pipe.read(buffer) {
            Ok(0) => {
                self.end(index);
                false
            }
            Ok(len) => {
                let now = nanos_since(self.epoch);
                if source.partial.is_empty() {
                    source.partial_nanos = now;
                }
                source.partial.extend_from_slice(&buffer[..len]);
                let whole = match source.partial.iter().rposition(|byte| *byte == b'\n') {
                    Some(newline) => newline + 1,
                    None if source.partial.len() >= LONGEST_LINE => source.partial.len(),
                    None => return true,
                };
                let rest = source.partial.split_off(whole);
                let lines = std::mem::replace(&mut source.partial, rest);
                let (file, nanos) = (source.file, source.partial_nanos);
                source.partial_nanos = now;
                self.write_lines(file, nanos, &lines);
                true
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => true,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => false,
            Err(_) => {
                self.end(index);
                false
            }
        }
    }

    /// Forgets a pipe that has ended, after writing what was left of its last line.
    fn end(&mut self, index: usize) {
        let source = self.sources.remove(index);
        if !source.partial.is_empty() {
            self.write_lines(source.file, source.partial_nanos, &source.partial);
        }
    }

    fn file(&mut self, path: PathBuf) -> usize {
        if let Some(index) = self.files.iter().position(|known| known.path == path) {
            return index;
        }
        self.files.push(LogFile { path, open: None, written_bytes: 0, full: false });
        self.files.len() - 1
    }

    /// Appends lines of a node, unless its log is full.
    fn write_lines(&mut self, file: usize, nanos: i64, lines: &[u8]) {
        let log = &mut self.files[file];
        if !log.full && log.written_bytes + lines.len() as u64 <= self.limit_bytes {
            log.written_bytes += lines.len() as u64;
            return self.append(file, nanos, lines);
        }
        let count = lines.strip_suffix(b"\n").unwrap_or(lines).split(|byte| *byte == b'\n').count();
        self.dropped.fetch_add(count as u64, Ordering::Relaxed);
        if !std::mem::replace(&mut log.full, true) {
            let note = format!("--- the log has reached its limit of {} bytes: no more is kept ---", self.limit_bytes);
            self.append(file, nanos, note.as_bytes());
        }
    }

    fn append(&mut self, file: usize, nanos: i64, lines: &[u8]) {
        let mut text = Vec::with_capacity(lines.len() + 64);
        let mut count = 0;
        for line in lines.strip_suffix(b"\n").unwrap_or(lines).split(|byte| *byte == b'\n') {
            text.extend_from_slice(prefix(nanos).as_bytes());
            text.extend_from_slice(line);
            text.push(b'\n');
            count += 1;
        }
        let LogFile { path, open, .. } = &mut self.files[file];
        if open.is_none() {
            // Neither through a link nor into a pipe that nobody reads.
            let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
            *open = File::options().append(true).create(true).custom_flags(flags).open(path).ok();
        }
        let written = open.as_mut().is_some_and(|file| file.write_all(&text).is_ok());
        if !written {
            self.dropped.fetch_add(count, Ordering::Relaxed);
        }
    }
}

/// Negative before the epoch.
fn nanos_since(epoch: Instant) -> i64 {
    let now = Instant::now();
    let after = now.saturating_duration_since(epoch).as_nanos() as i64;
    after - epoch.saturating_duration_since(now).as_nanos() as i64
}

fn prefix(nanos: i64) -> String {
    format!("[{:>12.6}] ", nanos as f64 / 1e9)
}

/// Makes the folder of a node's logs.
pub(crate) fn make_log_dir(dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).map_err(|error| LabError::file(format!("cannot make {}", dir.display()), &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(path).expect("read the log");
        text.lines().map(|line| line.split_once("] ").expect("a time in front").1.to_owned()).collect()
    }

    #[test]
    fn lines_of_two_lives_are_appended_in_order() {
        let dir = tempfile::tempdir().expect("make a folder");
        let log = dir.path().join("node.log");
        for life in 1..=2 {
            let collector = LogCollector::start(u64::MAX).expect("start");
            collector.note(&log, format!("--- started, pid {life} ---"));
            let (read, write) = LogCollector::pipe().expect("make a pipe");
            collector.follow(&log, read);
            let mut write = File::from(write);
            write.write_all(b"one\ntwo\nunfini").expect("print");
            write.write_all(b"shed").expect("print");
            drop(write);
            drop(collector);
        }
        let life = |n| vec![format!("--- started, pid {n} ---"), "one".into(), "two".into(), "unfinished".into()];
        assert_eq!(lines(&log), [life(1), life(2)].concat());
    }

    #[test]
    fn a_log_that_cannot_be_written_is_counted_and_does_not_block() {
        let collector = LogCollector::start(u64::MAX).expect("start");
        let (read, write) = LogCollector::pipe().expect("make a pipe");
        collector.follow(Path::new("/dev/full"), read);
        let mut write = File::from(write);
        for _ in 0..100_000 {
            write.write_all(b"a line that goes nowhere, for there is no room on this disk\n").expect("print");
        }
        drop(write);
        while collector.dropped_lines() < 100_000 {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_full_log_says_so_and_takes_notes_only() {
        let dir = tempfile::tempdir().expect("make a folder");
        let log = dir.path().join("node.log");
        let collector = LogCollector::start(1000).expect("start");
        let (read, write) = LogCollector::pipe().expect("make a pipe");
        collector.follow(&log, read);
        let mut write = File::from(write);
        for _ in 0..1000 {
            write.write_all(b"ten bytes\n").expect("print");
            std::thread::sleep(std::time::Duration::from_micros(10));
        }
        drop(write);
        while collector.dropped_lines() < 900 {
            std::thread::yield_now();
        }
        collector.note(&log, "--- killed ---".into());
        let dropped = collector.dropped.clone();
        drop(collector);
        let lines = lines(&log);
        let kept = lines.iter().filter(|line| *line == "ten bytes").count();
        assert_eq!(kept as u64 + dropped.load(Ordering::Relaxed), 1000, "each line is kept or counted");
        assert!(kept <= 100);
        assert!(lines[kept].contains("limit of 1000 bytes") && lines[kept + 1] == "--- killed ---", "{lines:?}");
        assert_eq!(lines.len(), kept + 2);
    }

    #[test]
    fn the_clock_can_be_set() {
        let dir = tempfile::tempdir().expect("make a folder");
        let log = dir.path().join("node.log");
        let collector = LogCollector::start(u64::MAX).expect("start");
        collector.note(&log, "first".into());
        collector.set_epoch(Instant::now() + std::time::Duration::from_secs(1000));
        collector.note(&log, "then".into());
        drop(collector);
        let text = std::fs::read_to_string(&log).expect("read the log");
        let times: Vec<f64> =
            text.lines().map(|line| line[1..13].trim().parse().expect("a time of twelve places")).collect();
        assert!(times[0] >= 0.0 && (-1000.0..-900.0).contains(&times[1]), "{text}");
        assert_eq!(prefix(12_345_678_000), "[   12.345678] ");
        assert_eq!(prefix(-123_456_000), "[   -0.123456] ");
    }
}
