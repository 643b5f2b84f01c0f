//! Clock jumps, proved by the node's own answer.

use std::time::Duration;

use rashomon_runs::{FaultOutcome, FaultRecord};

use super::{Active, Begun, Nemesis, NemesisError, Skipped};
use crate::schedule::Aim;

impl Nemesis<'_> {
    pub(super) async fn begin_clock(
        &mut self,
        id: u32,
        aim: &Aim,
        by_ms: i64,
    ) -> Result<Result<Begun, Skipped>, NemesisError> {
        let (nodes, who) = match self.aim(aim).await {
            Ok(aimed) => aimed,
            Err(skipped) => return Ok(Err(skipped)),
        };
        let nodes: Vec<u16> = nodes.into_iter().filter(|node| !self.clocks.contains_key(node)).collect();
        if nodes.is_empty() {
            return Ok(Err(Skipped(format!("the clock of {who} is already off"))));
        }
        let begin_ns = self.recorder.now_ns();
        let mut proof = Vec::new();
        let mut seen = 0;
        for &node in &nodes {
            self.cluster.set_clock(node, by_ms)?;
            self.clocks.insert(node, id);
        }
        for &node in &nodes {
            let (text, proved) = self.read_clock(node, by_ms).await;
            proof.push(text);
            seen += usize::from(proved);
        }
        let outcome = if seen > 0 { FaultOutcome::Installed } else { FaultOutcome::Indeterminate };
        let ahead = if by_ms < 0 { "back" } else { "ahead" };
        let seconds = by_ms.unsigned_abs() as f64 / 1000.0;
        let description = format!("clock of {} jumped {seconds:.3} s {ahead}", self.whom(aim, &nodes));
        Ok(Ok(Begun { begin_ns, active: Active::Clocks(nodes.clone(), by_ms), nodes, description, outcome, proof }))
    }

    pub(super) async fn end_clock(
        &mut self,
        nodes: &[u16],
        by_ms: i64,
        record: &mut FaultRecord,
    ) -> Result<(), NemesisError> {
        if record.outcome != FaultOutcome::Installed {
            // A node that was down or stopped when its clock was set may have come back since.
            for &node in nodes {
                let (text, proved) = self.read_clock(node, by_ms).await;
                record.proof.push(text);
                if proved {
                    record.outcome = FaultOutcome::Installed;
                }
            }
        }
        for &node in nodes {
            self.cluster.set_clock(node, 0)?;
            self.clocks.remove(&node);
        }
        // What is asked below takes its time; the clocks are right from here on.
        record.end_ns = Some(self.recorder.now_ns());
        for &node in nodes {
            let (text, _) = self.read_clock(node, 0).await;
            record.healed.push(text);
        }
        Ok(())
    }

    /// Asks a node for its time until it shows the offset; what it said, and whether it did.
    async fn read_clock(&self, node: u16, by_ms: i64) -> (String, bool) {
        let name = self.name(node);
        if self.down.contains(&node) || self.stopped.contains_key(&node) {
            return (format!("{name}: down or stopped, its clock was not read"), false);
        }
        let mut last = None;
        for _ in 0..10 {
            let before = wall_clock_ms();
            let status = self.cluster.status(node).await;
            let after = wall_clock_ms();
            if let Some(clock) = status.and_then(|status| status.wall_clock_ms) {
                let off = clock - (before + after) / 2;
                let uncertain = (after - before) / 2 + 20;
                last = Some(off);
                // A slow answer proves nothing of a jump that is not much larger than what it leaves open.
                let tells = by_ms == 0 || uncertain < by_ms.abs() / 2;
                if tells && (off - by_ms).abs() <= uncertain {
                    return (format!("{name}: its clock reads {:+.3} s", off as f64 / 1000.0), true);
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        match last {
            Some(off) => (format!("{name}: its clock reads {:+.3} s", off as f64 / 1000.0), false),
            None => (format!("{name}: did not tell its time"), false),
        }
    }
}

fn wall_clock_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}
