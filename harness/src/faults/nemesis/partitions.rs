//! Partitions, loss and delay: rules of the hub, proved by the packets that they drop or hold.

use std::time::Duration;

use rashomon_runs::{FaultOutcome, FaultRecord};

use super::{Active, Begun, Nemesis, NemesisError, Skipped};
use crate::faults::partition::{self, Cut, Fate, Grudge};

impl Nemesis<'_> {
    pub(super) async fn begin_split(
        &mut self,
        id: u32,
        group: Vec<u16>,
    ) -> Result<Result<Begun, Skipped>, NemesisError> {
        let count = self.cluster.nodes().len() as u16;
        let grudge = partition::split(&group, count);
        let rest: Vec<u16> = (1..=count).filter(|node| !group.contains(node)).collect();
        let text = format!("{} cut off from {}", self.names(&group), self.names(&rest));
        self.begin_partition(id, grudge, group, text).await
    }

    pub(super) async fn begin_partition(
        &mut self,
        id: u32,
        grudge: Grudge,
        nodes: Vec<u16>,
        description: String,
    ) -> Result<Result<Begun, Skipped>, NemesisError> {
        if grudge.is_empty() {
            return Ok(Err(Skipped("a single node cannot be cut off from others".to_owned())));
        }
        self.begin_cut(id, Cut::whole(grudge), nodes, description).await
    }

    pub(super) async fn begin_loss(
        &mut self,
        id: u32,
        links: Grudge,
        percent: u8,
        nodes: Vec<u16>,
        whose: &str,
    ) -> Result<Result<Begun, Skipped>, NemesisError> {
        let description = format!("{percent} % of the packets {whose} are lost");
        self.begin_cut(id, Cut { links, fate: Fate::Lost(percent) }, nodes, description).await
    }

    pub(super) async fn begin_delay(
        &mut self,
        id: u32,
        links: Grudge,
        held_ms: u32,
        nodes: Vec<u16>,
        whose: &str,
    ) -> Result<Result<Begun, Skipped>, NemesisError> {
        // A run has fewer faults than there are queues.
        let queue = id as u16;
        let middle = Duration::from_millis(u64::from(held_ms));
        let (least, most) = (middle / 2, middle * 3 / 2);
        if let Err(error) = self.cluster.hold(queue, least, most).await {
            return Ok(Err(Skipped(error.to_string())));
        }
        let description = format!("packets {whose} take {} to {} ms longer", least.as_millis(), most.as_millis());
        self.begin_cut(id, Cut { links, fate: Fate::Held(queue) }, nodes, description).await
    }

    async fn begin_cut(
        &mut self,
        id: u32,
        cut: Cut,
        nodes: Vec<u16>,
        description: String,
    ) -> Result<Result<Begun, Skipped>, NemesisError> {
        self.note_dropped().await?;
        self.partitions.insert(id, cut);
        self.install_partitions().await?;
        let begin_ns = self.recorder.now_ns();
        // Whether packets were dropped is known when it is healed.
        let outcome = FaultOutcome::Indeterminate;
        Ok(Ok(Begun { begin_ns, active: Active::Partition, nodes, description, outcome, proof: Vec::new() }))
    }

    pub(super) async fn end_partition(&mut self, id: u32, record: &mut FaultRecord) -> Result<(), NemesisError> {
        self.note_dropped().await?;
        let fate = self.partitions.remove(&id).map(|cut| cut.fate);
        self.install_partitions().await?;
        let mut packets = self.dropped.remove(&id).unwrap_or(0);
        if let Some(Fate::Held(queue)) = fate {
            // The rules counted what the process may never have seen.
            packets = self.cluster.release(queue).await?;
            record.proof.push(format!("{packets} packets held"));
        } else {
            record.proof.push(format!("{packets} packets dropped"));
        }
        if packets > 0 {
            record.outcome = FaultOutcome::Installed;
        } else {
            record.reason = Some("no packet met its rules".to_owned());
        }
        record.healed.push("its rules are gone".to_owned());
        Ok(())
    }

    /// Adds what the counters say now, before the rules are replaced and they begin at 0 again.
    async fn note_dropped(&mut self) -> Result<(), NemesisError> {
        if self.partitions.is_empty() {
            return Ok(());
        }
        let counters = self.cluster.hub_counters(partition::CHAIN).await?;
        for (fault, packets) in partition::dropped(&counters) {
            *self.dropped.entry(fault).or_default() += packets;
        }
        Ok(())
    }

    async fn install_partitions(&self) -> Result<(), NemesisError> {
        let rules = partition::rules(&self.partitions, |node| self.cluster.node(node).ip);
        Ok(self.cluster.hub_rules(rules).await?)
    }
}
