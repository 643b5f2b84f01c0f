//! Partitions: links between nodes that drop every packet, proved by the packets that they dropped.

pub(crate) mod grudge;
pub(crate) mod isolate;
pub(crate) mod majorities_ring;
pub(crate) mod one_link;
pub(crate) mod one_way;
pub(crate) mod split;

use rashomon_spec::schedule::PlannedFault;

use crate::environment::{ActionError, Capability, Fate, Grudge};
use crate::fault::{FaultClassInfo, Healed, Injected, NotInjected};
use crate::stage::Stage;

/// The class. Nodes that are cut off must be missed, replaced, and then still be asked: durations lean towards the
/// long.
pub(crate) static PARTITION: FaultClassInfo = FaultClassInfo {
    needs: &[Capability::Links],
    notes: NOTES,
    ..FaultClassInfo::new("partition", "Partitions", &[1.1, 2.0, 5.0, 5.0, 5.0, 5.0, 8.0, 8.0])
};

/// Drops every packet on these links.
pub(crate) async fn cut(
    planned: &PlannedFault,
    stage: &mut Stage<'_>,
    grudge: Grudge,
    nodes: Vec<u16>,
    description: String,
) -> Result<Injected, NotInjected> {
    if grudge.is_empty() {
        return Err(NotInjected::Skipped("a single node cannot be cut off from others".to_owned()));
    }
    cut_with(planned, stage, grudge, Fate::Dropped, nodes, description).await
}

/// Gives the packets on these links a fate. Whether there are any is known when it is healed.
pub(crate) async fn cut_with(
    planned: &PlannedFault,
    stage: &mut Stage<'_>,
    grudge: Grudge,
    fate: Fate,
    nodes: Vec<u16>,
    description: String,
) -> Result<Injected, NotInjected> {
    stage.env().cut(planned.id, grudge, fate).await?;
    Ok(Injected { begin_ns: stage.env().now_ns(), nodes, description, ..Injected::default() })
}

/// Removes the cut; `done` is what became of the packets that met it.
pub(crate) async fn uncut<'e>(
    planned: &PlannedFault,
    stage: &mut Stage<'e>,
    done: &str,
) -> Result<Healed<'e>, ActionError> {
    let packets = stage.env().uncut(planned.id).await?;
    Ok(Healed {
        proved: packets > 0,
        proof: vec![format!("{packets} packets {done}")],
        healed: vec!["its rules are gone".to_owned()],
        reason: (packets == 0).then(|| "no packet matched its rules".to_owned()),
        ..Healed::default()
    })
}

const NOTES: &str = "\
In `majority-minority` the smaller group is half of the nodes, rounded down; half of the time the leader is in it.
In `majorities-ring` nodes far apart on a ring cannot reach each other.

**How.** All packets between nodes pass one bridge in a network namespace of the lab (`harness/src/lab/hub.rs`). Its
chain `RASHOMON` has a DROP rule for each directed pair of all active partitions and is replaced as a whole by one
`iptables-restore --noflush` (`harness/src/faults/rules.rs`), so the cluster is cut, or whole again, at one instant.
No rule of the host is ever touched. Clients are never cut off from their nodes, so both sides of a partition keep
serving them.

**Proof.** The rules' packet counters, read before every change and at the end; each rule carries the identity of
its fault. No packet dropped: unconfirmed.

**Healed** by a chain without its rules. Where two partitions hit one link, it stays cut until both are healed.

**Pitfalls.**
- A connection that met a partition retransmits after a time that doubles, so after a long partition it would sleep
  as long again. Nodes therefore have `net.ipv4.tcp_rto_max_ms=1000`, where the kernel has it (6.15 and later;
  `./rashomon doctor` reports it).
- DROP is silent: a system notices by its own timeouts only. A partition shorter than these changes nothing but
  latency, and may be unconfirmed.
- What was sent before a partition can arrive after it: TCP keeps it. That is why an operation that timed out stays
  `info`.";
