//! Kills, wipes and pauses, proved by the processes that are gone or stopped and the bytes that are lost.

use rashomon_runs::{FaultOutcome, FaultRecord};
use tokio::time::Instant;

use super::{Active, Begun, Nemesis, NemesisError, Skipped};
use crate::lab::Effect;
use crate::schedule::Aim;

impl Nemesis<'_> {
    pub(super) async fn begin_kill(&mut self, aim: &Aim) -> Result<Result<Begun, Skipped>, NemesisError> {
        let (nodes, who) = match self.aim(aim).await {
            Ok(aimed) => aimed,
            Err(skipped) => return Ok(Err(skipped)),
        };
        let nodes: Vec<u16> = nodes.into_iter().filter(|node| !self.down.contains(node)).collect();
        if nodes.is_empty() {
            return Ok(Err(Skipped(format!("{who} is already down"))));
        }
        let begin_ns = self.recorder.now_ns();
        let mut proof = Vec::new();
        // One right after the other, as machines of one rack lose their power: what the last one still accepts is what
        // the others have not seen.
        for &node in &nodes {
            let killed = self.cluster.kill(node).await?;
            proof.push(format!("{}: {} is gone", self.name(node), processes(&killed)));
            self.down.insert(node);
            self.stopped.remove(&node);
        }
        let description = format!("{} killed", self.whom(aim, &nodes));
        let outcome = FaultOutcome::Installed;
        Ok(Ok(Begun { begin_ns, active: Active::Killed(nodes.clone()), nodes, description, outcome, proof }))
    }

    /// Kills a node and empties its data directory, as a machine whose disk was replaced.
    pub(super) async fn begin_wipe(&mut self, node: u16, who: &str) -> Result<Result<Begun, Skipped>, NemesisError> {
        if let Some(&other) = self.down.first() {
            return Ok(Err(Skipped(format!("{} is down: a second loss is not survived", self.name(other)))));
        }
        if let Some((other, at)) = self.wiped.filter(|&(other, at)| other != node && at.elapsed() < self.mending) {
            let (name, ago) = (self.name(other), at.elapsed().as_secs_f64());
            let reason = format!("{name} lost its data {ago:.1} s ago: a second loss is not survived");
            return Ok(Err(Skipped(reason)));
        }
        let begin_ns = self.recorder.now_ns();
        let killed = self.cluster.kill(node).await?;
        self.down.insert(node);
        self.stopped.remove(&node);
        self.wiped = Some((node, Instant::now()));
        let lost = self.cluster.wipe(node).await?;
        let name = self.name(node);
        let proof = vec![
            format!("{name}: {} is gone", processes(&killed)),
            format!("{name}: {} files with {} bytes are gone", lost.files, lost.bytes),
        ];
        // A node that keeps nothing has nothing to lose.
        let outcome = if lost.bytes > 0 { FaultOutcome::Installed } else { FaultOutcome::Indeterminate };
        let description = format!("{who} killed, its data lost");
        let active = Active::Killed(vec![node]);
        Ok(Ok(Begun { begin_ns, active, nodes: vec![node], description, outcome, proof }))
    }

    pub(super) async fn begin_pause(&mut self, id: u32, aim: &Aim) -> Result<Result<Begun, Skipped>, NemesisError> {
        let (nodes, who) = match self.aim(aim).await {
            Ok(aimed) => aimed,
            Err(skipped) => return Ok(Err(skipped)),
        };
        let free = |node: &u16| !self.down.contains(node) && !self.stopped.contains_key(node);
        let nodes: Vec<u16> = nodes.into_iter().filter(free).collect();
        if nodes.is_empty() {
            return Ok(Err(Skipped(format!("{who} is already down or stopped"))));
        }
        let begin_ns = self.recorder.now_ns();
        let mut proof = Vec::new();
        for &node in &nodes {
            let paused = self.cluster.pause(node).await?;
            proof.push(format!("{}: {} stopped (state T)", self.name(node), processes(&paused)));
            self.stopped.insert(node, id);
        }
        let description = format!("{} stopped", self.whom(aim, &nodes));
        let outcome = FaultOutcome::Installed;
        Ok(Ok(Begun { begin_ns, active: Active::Paused(nodes.clone()), nodes, description, outcome, proof }))
    }

    /// Starts the nodes again. The fault ends when all of them serve, for which nothing else waits.
    pub(super) async fn end_kill(&mut self, id: u32, nodes: &[u16], record: FaultRecord) -> Result<(), NemesisError> {
        for &node in nodes {
            self.cluster.start(node).await?;
            self.down.remove(&node);
        }
        let cluster = self.cluster;
        for &node in nodes {
            let name = self.name(node);
            self.starting.push(Box::pin(async move {
                let became = match cluster.wait_ready(node).await {
                    Ok(took) => format!("{name} serves again after {} ms", took.as_millis()),
                    // Whether it comes up at all is the target's affair: the final reads will tell.
                    Err(error) => format!("{name} was started but does not serve: {error}"),
                };
                (id, became)
            }));
        }
        self.restarting.insert(id, (record, nodes.len()));
        Ok(())
    }

    /// A node that was killed serves again, or it is clear that it does not.
    pub(super) fn started(&mut self, id: u32, became: String) -> Result<(), NemesisError> {
        let Some((mut record, missing)) = self.restarting.remove(&id) else { return Ok(()) };
        record.healed.push(became);
        if missing > 1 {
            self.restarting.insert(id, (record, missing - 1));
            return Ok(());
        }
        self.ended(id, record)
    }

    pub(super) async fn end_pause(
        &mut self,
        id: u32,
        nodes: &[u16],
        record: &mut FaultRecord,
    ) -> Result<(), NemesisError> {
        for &node in nodes {
            // Another fault may have killed it, and started it again, and a third one stopped it.
            if self.stopped.get(&node) != Some(&id) {
                record.healed.push(format!("{} was killed meanwhile", self.name(node)));
                continue;
            }
            self.stopped.remove(&node);
            let resumed = self.cluster.resume(node).await?;
            record.healed.push(format!("{}: {} runs again", self.name(node), processes(&resumed)));
        }
        Ok(())
    }
}

/// The processes that something was done to, and how long it took to see it on all of them.
fn processes(effect: &Effect) -> String {
    let pids: Vec<String> = effect.processes.iter().map(|process| process.pid.to_string()).collect();
    format!("pid {} after {:.1} ms", pids.join(", "), effect.took.as_secs_f64() * 1000.0)
}
