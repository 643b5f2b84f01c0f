//! Counts what a run exercises while it runs, in constant memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use hdrhistogram::Histogram;
use rashomon_history::Outcome;
use rashomon_runs::{FunctionCounts, LatencySummary};

use crate::client::{Completion, Operation};
use crate::interface::Interface;

/// What has been exercised so far.
pub struct Tally {
    interface: &'static Interface,
    functions: BTreeMap<Arc<str>, Counts>,
    reads_since_heal: Vec<u64>,
    ok: u64,
    fail: u64,
    info: u64,
}

struct Counts {
    ok: u64,
    fail: u64,
    info: u64,
    /// Microseconds, three significant digits, up to an hour.
    latency: Histogram<u64>,
}

impl Tally {
    /// Nothing yet, for operations of this interface on a cluster of so many nodes.
    pub fn new(interface: &'static Interface, nodes: u16) -> Tally {
        let reads_since_heal = vec![0; nodes as usize];
        Tally { interface, functions: BTreeMap::new(), reads_since_heal, ok: 0, fail: 0, info: 0 }
    }

    /// Counts one completed operation.
    pub fn count(&mut self, node: u16, operation: &Operation, completion: &Completion, latency_ns: u64) {
        if !self.functions.contains_key(&operation.f) {
            let latency = Histogram::new_with_bounds(1, 3_600_000_000, 3).expect("the bounds are in order");
            self.functions.insert(operation.f.clone(), Counts { ok: 0, fail: 0, info: 0, latency });
        }
        let counts = self.functions.get_mut(&operation.f).expect("just inserted");
        match completion.outcome {
            Outcome::Ok => {
                counts.ok += 1;
                self.ok += 1;
                counts.latency.saturating_record((latency_ns / 1000).max(1));
                // Only what observes can show that something went missing.
                if self.interface.observes(&operation.f, &operation.value)
                    && let Some(reads) = self.reads_since_heal.get_mut(usize::from(node).wrapping_sub(1))
                {
                    *reads += 1;
                }
            }
            Outcome::Fail => {
                counts.fail += 1;
                self.fail += 1;
            }
            Outcome::Info => {
                counts.info += 1;
                self.info += 1;
            }
        }
    }

    /// A fault has just begun or been healed: reads from before say nothing about the time after it.
    pub fn forget_reads(&mut self) {
        self.reads_since_heal.fill(0);
    }

    /// Acknowledged reads since the last fault, by node.
    pub fn reads_since_heal(&self) -> &[u64] {
        &self.reads_since_heal
    }

    /// How many operations ended ok.
    pub fn acknowledged(&self) -> u64 {
        self.ok
    }

    /// How many operations of each function ended ok, in alphabetical order.
    pub fn acknowledged_by_function(&self) -> Vec<(String, u64)> {
        self.functions.iter().map(|(f, counts)| (f.to_string(), counts.ok)).collect()
    }

    /// How many operations ended ok, fail and info.
    pub fn totals(&self) -> [u64; 3] {
        [self.ok, self.fail, self.info]
    }

    /// The counts by function, in alphabetical order.
    pub fn functions(&self) -> Vec<FunctionCounts> {
        let summary = |latency: &Histogram<u64>| LatencySummary {
            p50_us: latency.value_at_quantile(0.50),
            p95_us: latency.value_at_quantile(0.95),
            p99_us: latency.value_at_quantile(0.99),
            max_us: latency.max(),
        };
        let row = |(f, counts): (&Arc<str>, &Counts)| FunctionCounts {
            f: f.to_string(),
            ok: counts.ok,
            fail: counts.fail,
            info: counts.info,
            latency: summary(&counts.latency),
        };
        self.functions.iter().map(row).collect()
    }
}
