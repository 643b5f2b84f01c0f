//! Whether a run had the processors that it needed: how long its threads, of harness and nodes, waited for one while
//! they could have run, as the scheduler counts it (`/proc/PID/task/TID/schedstat`). Threads that are stopped, by a
//! fault or otherwise, do not wait.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use rashomon_campaign::Starvation;

/// What the scheduler says of a thread so far, ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Figures {
    ran: u64,
    waited: u64,
}

/// Looks at a process and all below it, once a second.
pub(super) struct Watch {
    root: u32,
    threads: BTreeMap<u32, Figures>,
    sums: Figures,
    seen: Starvation,
}

/// What a look found.
pub(super) struct Look {
    /// Memory of all processes together, bytes.
    pub(super) memory_bytes: u64,
}

impl Watch {
    /// A watch of a process and all that descend from it.
    pub(super) fn of(root: u32) -> Watch {
        Watch { root, threads: BTreeMap::new(), sums: Figures::default(), seen: Starvation::default() }
    }

    /// Looks; to be called once a second. The second counts if the cluster is under load: a checker that waits for a
    /// processor is late for nothing.
    pub(super) fn look(&mut self, loaded: bool) -> Look {
        let processes = descendants(self.root, &parents());
        let mut now = BTreeMap::new();
        for process in &processes {
            now.extend(threads_of(*process));
        }
        if loaded {
            self.count(now);
        } else {
            self.threads = now;
        }
        Look { memory_bytes: processes.iter().map(|&process| resident_bytes(process)).sum() }
    }

    fn count(&mut self, now: BTreeMap<u32, Figures>) {
        if now.is_empty() {
            return;
        }
        let since = |thread: &u32, figures: &Figures| {
            let before = self.threads.get(thread).copied().unwrap_or_default();
            Figures {
                ran: figures.ran.saturating_sub(before.ran),
                waited: figures.waited.saturating_sub(before.waited),
            }
        };
        let steps: Vec<Figures> = now.iter().map(|(thread, figures)| since(thread, figures)).collect();
        let longest_ms = steps.iter().map(|step| step.waited).max().unwrap_or(0) / 1_000_000;
        let longest_ms = u32::try_from(longest_ms).unwrap_or(u32::MAX);
        for step in steps {
            self.sums.ran += step.ran;
            self.sums.waited += step.waited;
        }
        self.seen.seconds += 1;
        self.seen.stalled += u32::from(longest_ms >= Starvation::STALL_MS);
        self.seen.longest_ms = self.seen.longest_ms.max(longest_ms);
        self.threads = now;
    }

    /// What came of it; `None` where the kernel counts nothing.
    pub(super) fn finish(self) -> Option<Starvation> {
        let Figures { ran, waited } = self.sums;
        let all = (ran + waited) as f64;
        (all > 0.0).then(|| Starvation { waiting: waited as f64 / all, ..self.seen })
    }
}

/// Every process with its parent.
fn parents() -> Vec<(u32, u32)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    processes.filter_map(|process| Some((process, parent_of(process)?))).collect()
}

fn parent_of(process: u32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may contain anything.
    text.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// A process and all below it.
fn descendants(root: u32, parents: &[(u32, u32)]) -> BTreeSet<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for &(process, parent) in parents {
        children.entry(parent).or_default().push(process);
    }
    let mut found = BTreeSet::new();
    let mut left = vec![root];
    while let Some(process) = left.pop() {
        if found.insert(process) {
            left.extend(children.get(&process).into_iter().flatten());
        }
    }
    found
}

fn threads_of(process: u32) -> Vec<(u32, Figures)> {
    let entries = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let threads = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let figures = |thread: u32| {
        let text = fs::read_to_string(format!("/proc/{process}/task/{thread}/schedstat")).ok()?;
        let mut numbers = text.split_whitespace().map(str::parse::<u64>);
        Some((thread, Figures { ran: numbers.next()?.ok()?, waited: numbers.next()?.ok()? }))
    };
    threads.filter_map(figures).collect()
}

fn resident_bytes(process: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    // Anonymous memory: what processes share of a program's file is not counted once for each.
    let kib = text.lines().find_map(|line| line.strip_prefix("RssAnon:")?.split_whitespace().next()?.parse().ok());
    kib.unwrap_or(0u64) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_of_processes_is_found_whatever_else_runs() {
        let parents = [(2, 1), (3, 2), (4, 3), (5, 1), (6, 5), (7, 2)];
        assert_eq!(descendants(2, &parents), BTreeSet::from([2, 3, 4, 7]));
        assert_eq!(descendants(9, &parents), BTreeSet::from([9]));
    }

    #[test]
    fn seconds_in_which_a_thread_waited_long_are_counted() {
        let mut watch = Watch::of(1);
        let figures = |waited_ms: u64, ran_ms: u64| Figures { ran: ran_ms * 1_000_000, waited: waited_ms * 1_000_000 };
        watch.count(BTreeMap::from([(1, figures(10, 90)), (2, figures(0, 0))]));
        watch.count(BTreeMap::from([(1, figures(360, 100)), (3, figures(20, 0))]));
        watch.count(BTreeMap::from([(1, figures(500, 110))]));
        let seen = watch.finish().unwrap();
        assert_eq!((seen.seconds, seen.stalled, seen.longest_ms), (3, 1, 350));
        assert!((seen.waiting - 520.0 / 630.0).abs() < 1e-9, "{seen:?}");
    }

    #[test]
    fn this_process_is_seen() {
        let look = Watch::of(std::process::id()).look(true);
        assert!(look.memory_bytes > 100_000);
    }
}
