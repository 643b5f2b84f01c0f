//! Watches what memory and how many processes a node uses, from the node's init.
//!
//! What counts is what the processes hold in memory that is not backed by files, shared pages once. A limit of address
//! space would be simpler, and would kill every JVM and every Go program, which reserve far more than they use. How
//! often it looks follows from how much is left: a process cannot fill the rest before the next look.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::PollTimeout;

use super::isolation::{Limits, available_memory};
use super::sys;

/// How fast processes fill memory at most, on an ordinary machine: bytes per second.
const FASTEST_GROWTH: u64 = 4 << 30;
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));
/// With less than this share of the machine's memory available, a node that uses half of its limit is too much.
const RESERVE_SHARE: u64 = 20;

/// A node's watchdog.
pub(crate) struct Watchdog {
    memory_bytes: u64,
    processes: u64,
    reserve_bytes: u64,
    next_look: Instant,
}

/// What all processes of a node use together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Use {
    threads: u64,
    /// Private memory, and shared memory once for each process that uses it: at least what is used.
    bytes_at_most: u64,
}

impl Watchdog {
    pub(crate) fn new(limits: &Limits) -> Self {
        let reserve_bytes = total_memory() / RESERVE_SHARE;
        let Limits { memory_bytes, processes, .. } = *limits;
        Self { memory_bytes, processes, reserve_bytes, next_look: Instant::now() }
    }

    /// How long to wait until the next look.
    pub(crate) fn pause(&self) -> PollTimeout {
        let left = self.next_look.saturating_duration_since(Instant::now());
        // Rounded up: a wait of nothing would turn in circles until the time has come.
        PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX)
    }

    /// Looks, if it is time; the reason why the node must be killed, if there is one.
    pub(crate) fn look(&mut self) -> Option<String> {
        if Instant::now() < self.next_look {
            return None;
        }
        let own = std::process::id() as i32;
        let processes: Vec<i32> =
            sys::process_ids().unwrap_or_default().into_iter().filter(|pid| *pid != own).collect();
        let used = processes.iter().filter_map(|pid| usage(&read(*pid, "status"))).fold(Use::default(), Use::plus);
        self.next_look = Instant::now() + pause_for(self.memory_bytes.saturating_sub(used.bytes_at_most));
        if used.threads > self.processes {
            return Some(format!("it had {} processes and threads; its limit is {}", used.threads, self.processes));
        }
        let scarce = available_memory().is_some_and(|available| available < self.reserve_bytes);
        if used.bytes_at_most <= self.memory_bytes && !scarce {
            return None;
        }
        let mut bytes: u64 = processes.iter().map(|pid| proportional(*pid)).sum();
        if scarce {
            bytes += unmapped_files(&processes);
        }
        if bytes > self.memory_bytes {
            return Some(format!("it used {} of memory; its limit is {}", size(bytes), size(self.memory_bytes)));
        }
        (scarce && bytes > self.memory_bytes / 2).then(|| {
            format!(
                "it used {} of memory when the machine had less than {} left",
                size(bytes),
                size(self.reserve_bytes)
            )
        })
    }
}

impl Use {
    fn plus(self, other: Self) -> Self {
        Self { threads: self.threads + other.threads, bytes_at_most: self.bytes_at_most + other.bytes_at_most }
    }
}

fn pause_for(left_bytes: u64) -> Duration {
    Duration::from_secs_f64(left_bytes as f64 / FASTEST_GROWTH as f64).clamp(PAUSES.0, PAUSES.1)
}

fn read(pid: i32, file: &str) -> String {
    fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default()
}

/// Reads `/proc/<pid>/status`.
fn usage(status: &str) -> Option<Use> {
    let threads = field(status, "Threads:")?;
    let kib: u64 = ["RssAnon:", "RssShmem:", "VmSwap:"].iter().filter_map(|name| field(status, name)).sum();
    Some(Use { threads, bytes_at_most: kib * 1024 })
}

/// What a process uses, pages that it shares divided by how many share them. Costs the kernel a walk through its pages.
fn proportional(pid: i32) -> u64 {
    let rollup = read(pid, "smaps_rollup");
    let parts: Vec<u64> =
        ["Pss_Anon:", "Pss_Shmem:", "SwapPss:"].iter().filter_map(|name| field(&rollup, name)).collect();
    if parts.is_empty() {
        return usage(&read(pid, "status")).map_or(0, |used| used.bytes_at_most);
    }
    parts.iter().sum::<u64>() * 1024
}

/// Files in memory that have no name (`memfd_create(2)` and deleted ones) count to a node that holds them open, also if
/// it has not mapped them. Looked for only when memory is scarce: a server may have thousands of descriptors.
fn unmapped_files(processes: &[i32]) -> u64 {
    let mut seen = BTreeSet::new();
    let mut bytes = 0;
    for pid in processes {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        for descriptor in descriptors {
            let unnamed = fs::read_link(descriptor.path()).is_ok_and(|path| is_unnamed(&path));
            if let Some(about) = unnamed.then(|| fs::metadata(descriptor.path()).ok()).flatten()
                && seen.insert((about.dev(), about.ino()))
            {
                bytes += about.blocks() * 512;
            }
        }
    }
    bytes
}

fn is_unnamed(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.starts_with("/memfd:") || path.ends_with(" (deleted)"))
}

fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

fn total_memory() -> u64 {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    field(&info, "MemTotal:").unwrap_or(0) * 1024
}

fn size(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read() {
        let status = "Name:\tserver\nVmRSS:\t  900 kB\nRssAnon:\t     600 kB\nRssFile:\t 250 kB\nRssShmem:\t      50 kB\n\
                      VmSwap:\t       7 kB\nThreads:\t12\n";
        assert_eq!(usage(status), Some(Use { threads: 12, bytes_at_most: 657 * 1024 }));
        assert_eq!(usage(""), None);
    }

    #[test]
    fn own_memory_is_seen() {
        let pid = std::process::id() as i32;
        let before = proportional(pid);
        let filled = vec![1u8; 64 << 20];
        assert!(proportional(pid) > before + (60 << 20));
        assert!(filled.iter().all(|byte| *byte == 1));
    }

    #[test]
    fn the_less_is_left_the_sooner_it_looks() {
        assert_eq!(pause_for(u64::MAX), PAUSES.1);
        assert_eq!(pause_for(0), PAUSES.0);
        assert!(pause_for(1 << 30) < pause_for(2 << 30));
    }
}
