//! The thread that follows the nodes' channels and logs.
//!
//! A channel is a pipe with a name: what a node writes is here at once, whatever becomes of the node's data, and the
//! node cannot replace it, for it lies in a folder that the node may only read.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;

use super::line::{Lines, Reported};
use super::{EventLog, LogLines};

/// How often logs are looked at, and how soon the thread ends, milliseconds.
const PAUSE_MS: u8 = 10;
/// So much is read of one source before the next one has its turn, bytes.
const PIECE: usize = 64 * 1024;

/// Something of a node to follow.
pub enum Followed {
    /// The node's channel, a pipe with a name that is made here.
    Channel {
        /// The node's name.
        node: String,
        /// Where the node finds it.
        path: PathBuf,
    },
    /// The node's log.
    Log {
        /// The node's name.
        node: String,
        /// The file, which need not be there yet.
        path: PathBuf,
        /// Which lines are events.
        lines: LogLines,
    },
}

/// The following thread; it ends when this is dropped.
pub struct Follower {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Makes the channels and starts to follow everything.
    pub fn start(sources: Vec<Followed>, log: Arc<EventLog>) -> io::Result<Follower> {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut channels, mut logs) = (Vec::new(), Vec::new());
        for source in sources {
            match source {
                Followed::Channel { node, path } => {
                    channels.push(Source { node, file: make_channel(&path)?, cutter: Lines::default() });
                }
                Followed::Log { node, path, lines } => logs.push(Log { node, path, lines, open: None }),
            }
        }
        if channels.is_empty() && logs.is_empty() {
            return Ok(Follower { stop, thread: None });
        }
        let stopped = stop.clone();
        let thread = std::thread::Builder::new()
            .name("protocol-events".to_owned())
            .spawn(move || follow(&mut channels, &mut logs, &log, &stopped))?;
        Ok(Follower { stop, thread: Some(thread) })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Makes a pipe with a name that everybody may write to. It is opened for writing too: it never ends, and a node that
/// opens it does not wait.
fn make_channel(path: &Path) -> io::Result<File> {
    match nix::unistd::mkfifo(path, Mode::from_bits_truncate(0o622)) {
        Ok(()) | Err(nix::errno::Errno::EEXIST) => {}
        Err(error) => return Err(error.into()),
    }
    std::fs::set_permissions(path, Permissions::from_mode(0o622))?;
    let flags = nix::libc::O_NONBLOCK | nix::libc::O_CLOEXEC | nix::libc::O_NOFOLLOW;
    OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)
}

struct Source {
    node: String,
    file: File,
    cutter: Lines,
}

struct Log {
    node: String,
    path: PathBuf,
    lines: LogLines,
    open: Option<(File, Lines)>,
}

fn follow(channels: &mut [Source], logs: &mut [Log], log: &EventLog, stop: &AtomicBool) {
    let mut buffer = vec![0u8; PIECE];
    loop {
        // What was written before the stop is still read.
        let last = stop.load(Ordering::Acquire);
        for channel in channels.iter_mut() {
            channel.read(&mut buffer, log);
        }
        for source in logs.iter_mut() {
            source.read(&mut buffer, log);
        }
        if last {
            return;
        }
        let mut ready: Vec<PollFd<'_>> =
            channels.iter().map(|channel| PollFd::new(channel.file.as_fd(), PollFlags::POLLIN)).collect();
        // Fails only with EINTR: then nothing is ready.
        let _ = poll(&mut ready, PollTimeout::from(PAUSE_MS));
    }
}

impl Source {
    fn read(&mut self, buffer: &mut [u8], log: &EventLog) {
        // Nothing to read is an error of this file. A node that writes all the time gets its turn again.
        let Ok(length) = self.file.read(buffer) else { return };
        let node = &self.node;
        let mut senseless = 0;
        let too_long = self.cutter.push(&buffer[..length], |line| match Reported::from_json(line) {
            Some(event) => log.record(node, event),
            None => senseless += 1,
        });
        log.unreadable(too_long + senseless);
    }
}

impl Log {
    fn read(&mut self, buffer: &mut [u8], log: &EventLog) {
        if self.open.is_none() {
            let opened = File::open(&self.path).and_then(|mut file| file.seek(SeekFrom::Start(0)).map(|_| file));
            self.open = opened.ok().map(|file| (file, Lines::default()));
        }
        let Some((file, cutter)) = &mut self.open else { return };
        let (node, lines) = (&self.node, &self.lines);
        // A log that grows faster than this is followed further behind, but not forever.
        for _ in 0..16 {
            let length = file.read(buffer).unwrap_or(0);
            if length == 0 {
                return;
            }
            cutter.push(&buffer[..length], |line| {
                if let Some(event) = lines.event(&String::from_utf8_lossy(line)) {
                    log.record(node, event);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::target::LogPattern;

    fn wait_until(what: &str, reached: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !reached() {
            assert!(Instant::now() < deadline, "{what}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn channels_and_logs_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (channel, node_log) = (folder.path().join("events"), folder.path().join("node.log"));
        let log = Arc::new(EventLog::in_memory());
        let pattern = LogPattern::new("leader", "elected in term (?<term>[0-9]+)");
        let lines = LogLines::new(&[pattern]).unwrap();
        let sources = vec![
            Followed::Channel { node: "n1".to_owned(), path: channel.clone() },
            Followed::Log { node: "n2".to_owned(), path: node_log.clone(), lines },
        ];
        let follower = Follower::start(sources, log.clone()).unwrap();
        for _ in 0..2 {
            // As a node that is started, killed and started again.
            let mut node = OpenOptions::new().append(true).create(true).open(&channel).unwrap();
            node.write_all(b"{\"event\":\"leader\",\"term\":3}\nnonsense\n").unwrap();
        }
        wait_until("the channel is read", || log.leaderships().len() == 2 && log.left_out().unreadable == 2);
        std::fs::write(&node_log, "[    1.000000] INFO elected in term 4\n[    2.000000] else\n").unwrap();
        wait_until("the log is read", || log.leaderships().len() == 3);
        let last = log.latest_leader().unwrap();
        assert_eq!((last.node.as_str(), last.term), ("n2", Some(4)));
        drop(follower);
    }

    #[test]
    fn a_node_that_never_stops_writing_does_not_stop_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        let log = Arc::new(EventLog::in_memory());
        let source = Followed::Channel { node: "n1".to_owned(), path: path.clone() };
        let follower = Follower::start(vec![source], log.clone()).unwrap();
        let done = Arc::new(AtomicBool::new(false));
        let (writer_done, mut node) = (done.clone(), OpenOptions::new().append(true).open(&path).unwrap());
        let writer =
            std::thread::spawn(
                move || {
                    while !writer_done.load(Ordering::Acquire) && node.write_all(&[b'x'; 1000]).is_ok() {}
                },
            );
        wait_until("it is read", || log.left_out().unreadable > 0);
        // The writer may wait for room in the pipe, which then is closed.
        done.store(true, Ordering::Release);
        drop(follower);
        writer.join().unwrap();
    }
}
