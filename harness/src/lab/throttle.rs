//! Gives a node's processes a small share of the CPU: stops and continues them in turn, from the node's init.
//!
//! A control group could do it too, but only as root, and in a hierarchy of the host that outlives the lab. Turns of
//! signals work alike for root and for anybody, and end with the init. How much the processes ran, in their turns and
//! out of them, is what the scheduler says (`/proc/PID/task/TID/schedstat`).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use nix::poll::PollTimeout;
use nix::sys::signal::Signal;

use super::error::{LabError, LabErrorKind, Result};
use super::protocol::CpuUse;
use super::{node_init, sys};

/// How long the processes run in each turn.
const RUN: Duration = Duration::from_millis(5);

/// The limit of one node's processes.
pub(crate) struct Throttle {
    stop: Duration,
    began: Instant,
    /// The processes are stopped, by this and nothing else.
    stopped: bool,
    turn_began: Instant,
    next_turn: Instant,
    /// CPU time of each thread at the beginning of the turn, ns.
    threads: BTreeMap<i32, u64>,
    used: CpuUse,
}

impl Throttle {
    /// A limit that begins now, and what the processes used in their lives so far.
    pub(crate) fn begin(percent: u8) -> Result<(Throttle, CpuUse)> {
        if !(1..=99).contains(&percent) {
            return Err(LabError::usage(format!("{percent} % is no share of the CPU: choose from 1 to 99")));
        }
        if own_cpu_time().is_none() {
            return Err(LabError::new(
                LabErrorKind::Node,
                "the kernel has no scheduler figures (/proc/PID/schedstat)",
                "use a kernel with CONFIG_SCHED_INFO, or other faults",
            ));
        }
        let stop = RUN * (100 - u32::from(percent)) / u32::from(percent);
        let now = Instant::now();
        let threads = threads();
        let before =
            CpuUse { time_us: longest_life_us(), cpu_us: threads.values().sum::<u64>() / 1000, ..CpuUse::default() };
        let throttle = Throttle {
            stop,
            began: now,
            stopped: false,
            turn_began: now,
            next_turn: now + RUN,
            threads,
            used: CpuUse::default(),
        };
        Ok((throttle, before))
    }

    /// How long to wait until the next turn.
    pub(crate) fn pause(&self) -> PollTimeout {
        let left = self.next_turn.saturating_duration_since(Instant::now());
        PollTimeout::try_from(left.as_micros().div_ceil(1000)).unwrap_or(PollTimeout::MAX)
    }

    /// Stops or continues the processes, if it is time. While they are `paused` by somebody else, they stay so.
    pub(crate) fn turn(&mut self, paused: bool) -> Result<()> {
        if Instant::now() < self.next_turn {
            return Ok(());
        }
        if paused {
            self.account();
            self.stopped = true;
            self.next_turn = Instant::now() + self.stop;
            return Ok(());
        }
        if self.stopped {
            self.account();
            self.stopped = false;
            node_init::signal_all(Signal::SIGCONT)?;
            self.next_turn = Instant::now() + RUN;
        } else {
            node_init::signal_all(Signal::SIGSTOP)?;
            self.account();
            self.stopped = true;
            self.next_turn = Instant::now() + self.stop;
        }
        Ok(())
    }

    /// The processes run now, and for a whole turn.
    pub(crate) fn run_first(&mut self) {
        self.account();
        self.stopped = false;
        self.next_turn = Instant::now() + RUN;
    }

    /// Ends the limit; the processes continue unless somebody else has `paused` them.
    pub(crate) fn end(mut self, paused: bool) -> Result<CpuUse> {
        self.account();
        if !paused {
            node_init::signal_all(Signal::SIGCONT)?;
        }
        self.used.time_us = self.began.elapsed().as_micros() as u64;
        Ok(self.used)
    }

    /// Adds what the processes used since the turn began.
    fn account(&mut self) {
        let now = Instant::now();
        let threads = threads();
        let before = |thread| self.threads.get(thread).copied().unwrap_or(0);
        let used_us = threads.iter().map(|(thread, ns)| ns.saturating_sub(before(thread))).sum::<u64>() / 1000;
        self.used.cpu_us += used_us;
        if self.stopped {
            self.used.held_us += (now - self.turn_began).as_micros() as u64;
            self.used.cpu_held_us += used_us;
        }
        self.threads = threads;
        self.turn_began = now;
    }
}

fn own_cpu_time() -> Option<u64> {
    let own = std::process::id() as i32;
    sys::thread_cpu_time_ns(own, own)
}

/// CPU time of each thread of the node but those of its init, ns.
fn threads() -> BTreeMap<i32, u64> {
    let own = std::process::id() as i32;
    let processes = sys::process_ids().unwrap_or_default().into_iter().filter(|pid| *pid != own);
    let threads = processes.flat_map(|pid| sys::thread_ids(pid).into_iter().map(move |thread| (pid, thread)));
    threads.filter_map(|(pid, thread)| Some((thread, sys::thread_cpu_time_ns(pid, thread)?))).collect()
}

/// How long the oldest process of the node has lived, µs.
fn longest_life_us() -> u64 {
    let own = std::process::id() as i32;
    let processes = sys::process_ids().unwrap_or_default().into_iter().filter(|pid| *pid != own);
    processes.filter_map(sys::process_age_us).max().unwrap_or(0)
}
