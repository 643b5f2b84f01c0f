//! Packets that are lost or take longer, proved by those that were dropped or held.

pub(crate) mod delay;
pub(crate) mod loss;

use rashomon_spec::schedule::PlannedFault;

use crate::environment::{Capability, Grudge};
use crate::fault::{FaultClassInfo, NotInjected};
use crate::partition::grudge;
use crate::stage::Stage;

/// The class.
pub(crate) static PACKETS: FaultClassInfo = FaultClassInfo {
    needs: &[Capability::Links],
    notes: NOTES,
    ..FaultClassInfo::new("packets", "Packets", &[2.0, 5.0, 5.0, 8.0])
};

/// Whose packets are meant.
#[derive(Clone, Copy)]
pub(crate) enum Whose {
    /// Those between one node and every other.
    One,
    /// Those between any two nodes.
    All,
}

impl Whose {
    /// The links, the nodes and the words for them.
    async fn find(
        self,
        planned: &PlannedFault,
        stage: &mut Stage<'_>,
    ) -> Result<(Grudge, Vec<u16>, String), NotInjected> {
        let count = stage.env().nodes();
        match self {
            Whose::One => {
                let (node, who) = stage.aim_at_one(planned).await?;
                Ok((grudge::isolate(node, count), vec![node], format!("between {who} and all other nodes")))
            }
            Whose::All => {
                let nodes = stage.aim(planned).await?.nodes;
                Ok((grudge::every_link(count), nodes, "between any two nodes".to_owned()))
            }
        }
    }
}

const NOTES: &str = "\
Losses are 5, 15, 30 or 60 %. Delays are 0.05, 0.15, 0.5 or 1 election timeout, half as much more or less, in both
directions.

**How.** The same chain of rules as partitions. Loss is a rule with a random match (`-m statistic`). For a delay the
rules send packets into a queue (`-j NFQUEUE`), from which a process in the hub's network namespace takes them and
releases each after its time (`harness/src/lab/delay.rs`). Between two nodes packets keep their order.

**Proof.** The packets that the rules dropped, or that the process has held. **Healed** by a chain without the
rules; what is still held is released at once.

**Pitfalls.**
- Over TCP a lost packet is a late one: what was sent arrives some hundred milliseconds later, or the connection
  breaks. Requests time out although they were executed, and failure detectors suspect live nodes.
- TCP delivers nothing twice and nothing out of order, so duplicated and reordered packets would change nothing for
  a system that speaks TCP. They are not there; a system that loses or repeats *messages* does so at a restart or a
  reconnection, which kills and partitions trigger.
- Rules that drop come before rules that delay; a packet that two delays match is held once.
- Where the kernel has no packet queues, delays are skipped, with the reason.";
