//! Holding packets back: a small process in the hub's network namespace that takes packets from a queue of netfilter
//! and lets each go on after its time.
//!
//! The hub starts this program anew for it (`__delay QUEUE LEAST MOST`, microseconds), waits for the line `ready`, and
//! closes its standard input when the fault is over: what is held then goes on at once. The order of packets between
//! two members stays what it was; how long they are held varies from packet to packet. When the process is gone, rules
//! with `--queue-bypass` let packets pass.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nfq::{Message, Queue, Verdict};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::error::{Attempt, LabError, LabErrorKind, Result};
use super::sys;

/// First argument of the program when it is started to hold packets back.
const DELAY_COMMAND: &str = "__delay";
/// What it says when the queue is open.
const READY: &str = "ready";
/// Packets held at most; the kernel drops what comes beyond.
const HELD_MAX: u32 = 65_536;
/// Bytes of a packet that are looked at: the addresses of an IPv4 header.
const LOOKED_AT: u16 = 20;

/// A queue whose packets are held back for as long as this lives.
#[derive(Debug)]
pub(crate) struct Delay {
    child: Child,
    /// Held open until the end.
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Delay {
    /// Starts to hold back what comes into a queue, in this process's network namespace.
    pub(crate) fn start(queue: u16, least_us: u32, most_us: u32) -> Result<Delay> {
        let failed = || "start a process that holds packets back".to_owned();
        let mut command = Command::new("/proc/self/exe");
        command.arg(DELAY_COMMAND).args([u32::from(queue), least_us, most_us].map(|number| number.to_string()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = sys::spawn_with_signals(&mut command).attempt(LabErrorKind::Lost, failed)?;
        let stdin = child.stdin.take();
        let Some(stdout) = child.stdout.take() else { return Err(LabError::lost("it has no output")) };
        let mut delay = Delay { child, stdin, stdout: BufReader::new(stdout) };
        let said = delay.line().attempt(LabErrorKind::Lost, failed)?;
        if said == READY {
            return Ok(delay);
        }
        let _ = delay.child.wait();
        Err(LabError::new(
            LabErrorKind::Network,
            format!("packets cannot be held back: {said}"),
            "load the module once, as root: modprobe nfnetlink_queue; or use other faults",
        ))
    }

    /// Lets everything go on; how many packets were held back.
    pub(crate) fn end(mut self) -> Result<u64> {
        self.stdin = None;
        let failed = || "end the process that holds packets back".to_owned();
        let said = self.line().attempt(LabErrorKind::Lost, failed)?;
        self.child.wait().attempt(LabErrorKind::Lost, failed)?;
        said.parse().map_err(|_| LabError::lost(format!("the process that holds packets back said: {said}")))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

/// In the re-executed program: holds packets back and never returns. Returns at once in any other start.
pub(crate) fn become_delay() {
    // An ordinary start may have arguments that are no text.
    let words = std::env::args_os().skip(1).take(4).map(|word| word.to_string_lossy().into_owned());
    let words: Vec<String> = words.collect();
    if words.first().is_none_or(|word| word != DELAY_COMMAND) {
        return;
    }
    sys::name_process("lab-delay");
    let numbers: Vec<u32> = words[1..].iter().filter_map(|word| word.parse().ok()).collect();
    let &[queue, least_us, most_us] = &numbers[..] else {
        err!("{DELAY_COMMAND} is not a command for users");
        std::process::exit(254);
    };
    let said = match hold(queue as u16, least_us, most_us) {
        Ok(held) => held.to_string(),
        Err(error) => error.to_string(),
    };
    out!("{said}");
    std::process::exit(0)
}

/// Holds back what comes into the queue until standard input ends; how many packets that were.
fn hold(number: u16, least_us: u32, most_us: u32) -> io::Result<u64> {
    let mut queue = Queue::open()?;
    queue.bind(number)?;
    queue.set_queue_max_len(number, HELD_MAX)?;
    queue.set_copy_range(number, LOOKED_AT)?;
    // Large segments stay whole: cutting them up would cost more than the delay.
    queue.set_recv_gso(number, true)?;
    queue.set_nonblocking(true);
    out!("{READY}");
    io::stdout().flush()?;
    let stdin = io::stdin();
    let mut waiting = Waiting::new(least_us, most_us);
    loop {
        loop {
            match queue.recv() {
                Ok(message) => waiting.push(link_of(message.get_payload()), Instant::now(), message),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // The kernel had more packets than its buffer holds: those are lost, as they are in a full router.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {}
                Err(error) => return Err(error),
            }
        }
        for message in waiting.due(Some(Instant::now())) {
            pass(&mut queue, message)?;
        }
        // A millisecond is as fine as delays need to be.
        let mut ended = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ended, PollTimeout::from(1u8))? > 0 {
            break;
        }
    }
    for message in waiting.due(None) {
        pass(&mut queue, message)?;
    }
    Ok(waiting.count)
}

fn pass(queue: &mut Queue, mut message: Message) -> io::Result<()> {
    message.set_verdict(Verdict::Accept);
    queue.verdict(message)
}

/// Source and destination of an IPv4 packet.
fn link_of(packet: &[u8]) -> [u8; 8] {
    packet.get(12..20).and_then(|addresses| addresses.try_into().ok()).unwrap_or_default()
}

/// What is held, in order per link.
struct Waiting<T> {
    links: BTreeMap<[u8; 8], VecDeque<(Instant, T)>>,
    least_us: u32,
    span_us: u32,
    /// State of a small generator: what it draws decides no verdict and need not be repeated.
    state: u64,
    count: u64,
}

impl<T> Waiting<T> {
    fn new(least_us: u32, most_us: u32) -> Waiting<T> {
        let span_us = most_us.saturating_sub(least_us) + 1;
        Waiting { links: BTreeMap::new(), least_us, span_us, state: 0x9e37_79b9_7f4a_7c15, count: 0 }
    }

    fn push(&mut self, link: [u8; 8], now: Instant, item: T) {
        // Xorshift (Marsaglia, 2003).
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let held_us = self.least_us + ((self.state >> 32) % u64::from(self.span_us)) as u32;
        let held = self.links.entry(link).or_default();
        let due = now + Duration::from_micros(u64::from(held_us));
        let due = held.back().map_or(due, |&(last, _)| due.max(last));
        held.push_back((due, item));
        self.count += 1;
    }

    /// Takes what is due by now, or everything.
    fn due(&mut self, now: Option<Instant>) -> Vec<T> {
        let mut due = Vec::new();
        for held in self.links.values_mut() {
            while held.front().is_some_and(|&(at, _)| now.is_none_or(|now| at <= now)) {
                due.extend(held.pop_front().map(|(_, item)| item));
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_held_for_its_time_and_a_link_keeps_its_order() {
        let now = Instant::now();
        let after = |ms| Some(now + Duration::from_millis(ms));
        let mut waiting = Waiting::new(10_000, 30_000);
        for number in 0..100u32 {
            waiting.push(if number % 2 == 0 { [1; 8] } else { [2; 8] }, now, number);
        }
        assert!(waiting.due(after(9)).is_empty());
        let mut seen = Vec::new();
        for ms in 10..=30 {
            seen.extend(waiting.due(after(ms)));
        }
        assert_eq!(seen.len(), 100);
        for parity in 0..2 {
            let link: Vec<u32> = seen.iter().copied().filter(|number| number % 2 == parity).collect();
            assert!(link.is_sorted());
        }
        assert_eq!(waiting.count, 100);
    }

    #[test]
    fn at_the_end_everything_goes_on() {
        let mut waiting = Waiting::new(1_000_000, 1_000_000);
        waiting.push([0; 8], Instant::now(), "held");
        assert!(waiting.due(Some(Instant::now())).is_empty());
        assert_eq!(waiting.due(None), ["held"]);
    }

    #[test]
    fn a_short_packet_has_a_link_too() {
        assert_eq!(link_of(&[1, 2, 3]), [0; 8]);
        let packet: Vec<u8> = (0..20).collect();
        assert_eq!(link_of(&packet), [12, 13, 14, 15, 16, 17, 18, 19]);
    }
}
