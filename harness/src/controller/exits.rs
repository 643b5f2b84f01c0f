//! Processes of the nodes that ended on their own, with what they printed last.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use rashomon_runs::{Evidence, NodeExit};

use crate::cluster::{Cluster, StartError};
use crate::lab::{self, Ending, Lab, LabErrorKind, NamespaceLab};

/// So many lines of a log are quoted.
const LINES: usize = 5;
/// A longer line is cut.
const LONGEST_LINE: usize = 300;
/// So much of a log's end is looked at, bytes.
const TAIL: u64 = 256 * 1024;
/// What a process printed may reach its log so much later than the news of its end.
const LOG_LAG: Duration = Duration::from_millis(100);
/// A data directory with less room than this is full, bytes.
const FULL: u64 = 64 * 1024;

/// The exits since the last call. Times count from `epoch`; before it is set, everything happens at 0.
pub(super) fn unexpected(lab: &NamespaceLab, cluster: &Cluster, epoch: Option<Instant>) -> Vec<NodeExit> {
    let exits = lab.exits();
    if !exits.is_empty() {
        std::thread::sleep(LOG_LAG);
    }
    exits.iter().map(|exit| described(exit, lab, cluster, epoch)).collect()
}

/// What is known of a cluster that did not come up because its processes ended: a finding about the system under test.
/// `None` where the machine or the command line is to blame, or may be: a program that cannot be executed, a node that
/// is slow, a library that the harness itself loads into the nodes.
pub(super) fn of_start(
    error: &StartError,
    lab: &NamespaceLab,
    cluster: &Cluster,
    clocks_are_ours: bool,
) -> Option<Evidence> {
    let StartError::NotReady { error, .. } = error else { return None };
    if error.kind != LabErrorKind::Node || clocks_are_ours {
        return None;
    }
    let exits = lab.exits();
    // As shells say it: found but not executable, not found.
    let not_executed = |exit: &lab::NodeExit| matches!(exit.ending, Ending::Exited(126 | 127));
    if exits.is_empty() || exits.iter().any(|exit| not_executed(exit) || exit.limit.is_some()) {
        return None;
    }
    std::thread::sleep(LOG_LAG);
    let unexpected_exits = exits.iter().map(|exit| described(exit, lab, cluster, None)).collect();
    Some(Evidence { unexpected_exits, never_served: true, ..Evidence::default() })
}

fn described(exit: &lab::NodeExit, lab: &NamespaceLab, cluster: &Cluster, epoch: Option<Instant>) -> NodeExit {
    let node = cluster.node(exit.node);
    let log = cluster.log_of(exit.node, &exit.process);
    let path = lab.log_file(exit.node).map(|first| first.with_file_name(&log)).unwrap_or_default();
    let at = |epoch: Instant| exit.at.saturating_duration_since(epoch);
    let full = || (free_bytes(&node.data_dir)? < FULL).then(|| "its data directory is full".to_owned());
    NodeExit {
        node: node.name.clone(),
        at_ns: epoch.map_or(0, |epoch| at(epoch).as_nanos() as u64),
        how: exit.ending.to_string(),
        process: exit.process.clone(),
        limit: exit.limit.clone().or_else(full),
        last_lines: last_lines(&tail(&path), epoch.map(|epoch| (at(epoch) + LOG_LAG).as_secs_f64())),
        log,
    }
}

fn free_bytes(folder: &Path) -> Option<u64> {
    let about = nix::sys::statvfs::statvfs(folder).ok()?;
    Some(about.blocks_available() as u64 * about.fragment_size() as u64)
}

fn tail(path: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

/// The last lines that a process printed up to a time, seconds on the run's clock; the harness's own lines are left
/// out.
fn last_lines(log: &str, until_s: Option<f64>) -> Vec<String> {
    let printed = log.lines().filter_map(|line| {
        let (time, text) = line.strip_prefix('[')?.split_once("] ")?;
        let time: f64 = time.trim().parse().ok()?;
        let in_time = until_s.is_none_or(|until_s| time <= until_s);
        let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
        let text: String = text.chars().take(LONGEST_LINE).map(plain).collect();
        (in_time && !text.starts_with("--- ") && !text.trim().is_empty()).then_some(text)
    });
    let lines: Vec<String> = printed.collect();
    lines[lines.len().saturating_sub(LINES)..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_before_an_exit_are_quoted_without_those_of_the_next_life() {
        let log = "cut off\n[    0.100000] one\n[    0.200000] two\u{1b}[31m\n[    1.000000] panicked at x.rs\n\
                   [    1.500000] --- started, pid 7 ---\n[    2.000000] after\n";
        assert_eq!(last_lines(log, Some(1.1)), ["one", "two [31m", "panicked at x.rs"]);
        assert_eq!(last_lines(log, None).last().map(String::as_str), Some("after"));
        let many: String = (0..100).map(|number| format!("[    0.{number:06}] line {number}\n")).collect();
        assert_eq!(last_lines(&many, None), ["line 95", "line 96", "line 97", "line 98", "line 99"]);
        assert_eq!(last_lines("", None), Vec::<String>::new());
    }
}
