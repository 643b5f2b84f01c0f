//! Node logs: reading the lines that a page can need, and telling which of them matter most.
//!
//! A log may be far larger than the page, so it is streamed and only lines within [`Windows`] are kept.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use crate::run_files::{LogLine, NodeLog};
use rashomon_runs::{FaultRecord, VerdictRecord};

/// How far around an anomaly or a fault's edge log lines are of interest, ns.
pub(crate) const MARGIN_NS: u64 = 500_000_000;
/// Lines kept of one node.
const LINES_MAX: usize = 40_000;
/// Lines kept of the end of each log.
const LAST_MAX: usize = 30;
/// Bytes kept of one line.
const LINE_BYTES_MAX: usize = 2_000;

/// Spans of the run's time, sorted and disjoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Windows(Vec<(u64, u64)>);

impl Windows {
    /// The spans with [`MARGIN_NS`] on both sides, merged where they overlap.
    pub(crate) fn around(spans: impl IntoIterator<Item = (u64, u64)>) -> Windows {
        let mut spans: Vec<(u64, u64)> = spans
            .into_iter()
            .map(|(from, to)| (from.saturating_sub(MARGIN_NS), to.max(from).saturating_add(MARGIN_NS)))
            .collect();
        spans.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(spans.len());
        for (from, to) in spans {
            match merged.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        Windows(merged)
    }

    /// Where the page shows log lines: around each anomaly and each edge of a fault.
    pub(crate) fn of_run(verdict: Option<&VerdictRecord>, faults: &[FaultRecord]) -> Windows {
        let anomalies = verdict.iter().flat_map(|record| &record.judgements).flat_map(|judgement| &judgement.anomalies);
        Windows::around(anomalies.map(|anomaly| anomaly.window).chain(fault_edges(faults).map(|edge| (edge, edge))))
    }

    /// Whether a time lies within one of the spans.
    pub(crate) fn contain(&self, time: u64) -> bool {
        let after = self.0.partition_point(|&(from, _)| from <= time);
        after > 0 && time <= self.0[after - 1].1
    }
}

/// When faults took effect and when they were healed.
pub(crate) fn fault_edges(faults: &[FaultRecord]) -> impl Iterator<Item = u64> {
    faults.iter().flat_map(|fault| [Some(fault.begin_ns), fault.end_ns]).flatten()
}

/// Reads a node's log, keeping the lines within `windows` and the last ones.
///
/// A line without a time of its own (a backtrace, text written before the run's clock) belongs to the line before it.
pub(crate) fn read(node: &str, mut source: impl BufRead, windows: &Windows) -> io::Result<NodeLog> {
    let mut log = NodeLog { node: node.to_owned(), ..NodeLog::default() };
    let mut time_ns = 0;
    let mut bytes = Vec::new();
    let mut last: VecDeque<LogLine> = VecDeque::with_capacity(LAST_MAX + 1);
    while read_line(&mut source, &mut bytes)? {
        log.total += 1;
        let line = String::from_utf8_lossy(&bytes);
        let (stamp, text) = split_time(&line);
        time_ns = stamp.unwrap_or(time_ns);
        let line = LogLine { time_ns, text: text.to_owned() };
        if log.lines.len() < LINES_MAX && windows.contain(time_ns) {
            log.lines.push(line.clone());
        }
        if last.len() == LAST_MAX {
            last.pop_front();
        }
        last.push_back(line);
    }
    log.last = last.into();
    Ok(log)
}

/// The next line without its end, cut at [`LINE_BYTES_MAX`]; false at the end of the file.
fn read_line(source: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let mut any = false;
    loop {
        let available = source.fill_buf()?;
        if available.is_empty() {
            break;
        }
        any = true;
        let end = available.iter().position(|&byte| byte == b'\n');
        let part = &available[..end.unwrap_or(available.len())];
        line.extend_from_slice(&part[..part.len().min(LINE_BYTES_MAX - line.len())]);
        let used = part.len() + usize::from(end.is_some());
        source.consume(used);
        if end.is_some() {
            break;
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(any)
}

/// The time that begins a line, `[ seconds.micros] `, and the rest; no time where the line has none.
pub(crate) fn split_time(line: &str) -> (Option<u64>, &str) {
    let parsed = line.strip_prefix('[').and_then(|rest| {
        let (stamp, text) = rest.split_once(']')?;
        let (seconds, fraction) = stamp.trim().split_once('.')?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(seconds) || !digits(fraction) || fraction.len() > 9 {
            return None;
        }
        let scale = 10_u64.pow(9 - fraction.len() as u32);
        let ns = seconds.parse::<u64>().ok()?.checked_mul(1_000_000_000)? + fraction.parse::<u64>().ok()? * scale;
        Some((ns, text.strip_prefix(' ').unwrap_or(text)))
    });
    match parsed {
        Some((ns, text)) => (Some(ns), text),
        None => (None, line),
    }
}

/// Words that make a line worth showing first: failures, and changes of who leads.
const NOTABLE: [&str; 28] = [
    "abort",
    "candidate",
    "conflict",
    "corrupt",
    "crash",
    "elect",
    "error",
    "exit",
    "fail",
    "fatal",
    "follow",
    "killed",
    "leader",
    "leads",
    "lost",
    "panic",
    "primary",
    "recover",
    "refus",
    "replica",
    "restart",
    "snapshot",
    "start",
    "step",
    "stop",
    "term ",
    "truncat",
    "warn",
];

/// Whether a log line is worth showing before others.
pub(crate) fn is_notable(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    NOTABLE.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_with_its_time() {
        assert_eq!(split_time("[    3.000250] became leader"), (Some(3_000_250_000), "became leader"));
        assert_eq!(split_time("[12.5]x"), (Some(12_500_000_000), "x"));
        for text in ["[info] started", "panicked at", "[1.] x", "[.5] x", "[-1.5] x", "[", ""] {
            assert_eq!(split_time(text), (None, text));
        }
    }

    #[test]
    fn only_lines_within_the_windows_are_kept() {
        let text = "before the clock\n[1.000000] early\n[5.000000] in\n  at frame 1\r\n[9.000000] late\n[5.1";
        let log = read("n1", text.as_bytes(), &Windows::around([(5_000_000_000, 5_000_000_000)])).expect("in memory");
        assert_eq!(log.total, 6);
        let kept: Vec<(u64, &str)> = log.lines.iter().map(|line| (line.time_ns, line.text.as_str())).collect();
        assert_eq!(log.last.len(), 6);
        assert_eq!(log.last[5], LogLine { time_ns: 9_000_000_000, text: "[5.1".into() });
        assert_eq!(kept, [(5_000_000_000, "in"), (5_000_000_000, "  at frame 1")]);
    }

    #[test]
    fn an_endless_line_is_cut() {
        let mut text = vec![b'x'; 1 << 20];
        text.extend_from_slice(b"\nnext\n");
        let log = read("n1", text.as_slice(), &Windows::around([(0, 0)])).expect("in memory");
        assert_eq!(log.lines.iter().map(|line| line.text.len()).collect::<Vec<_>>(), [LINE_BYTES_MAX, 4]);
    }

    #[test]
    fn windows_merge() {
        let second = 1_000_000_000;
        let windows =
            Windows::around([(10 * second, 11 * second), (2 * second, 2 * second), (11 * second, 12 * second)]);
        assert_eq!(windows.0, [(second * 3 / 2, second * 5 / 2), (second * 19 / 2, second * 25 / 2)]);
        assert!(windows.contain(second * 3 / 2) && windows.contain(12 * second) && !windows.contain(3 * second));
        assert!(!Windows::default().contain(0));
    }
}
