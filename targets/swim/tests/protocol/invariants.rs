//! What must hold at every moment, watched on all nodes at once.

use std::collections::BTreeMap;

use rashomon_swim::{Event, Incarnation, NodeId, State, Swim};
use rashomon_testkit::Cluster;

use crate::profile::Profile;

/// What was seen so far.
#[derive(Default)]
pub(crate) struct Invariants {
    /// The greatest statement that each observer has believed in this life, by (observer, member).
    believed: BTreeMap<(NodeId, NodeId), (Incarnation, State)>,
    /// How often a member was declared dead, and taken for alive again.
    pub(crate) deaths: u64,
    pub(crate) returns: u64,
}

impl Invariants {
    /// A node moved: says what is violated, if anything.
    pub(crate) fn observe(
        &mut self,
        cluster: &Cluster<Swim>,
        profile: Profile,
        observer: NodeId,
        events: &[Event],
    ) -> Result<(), String> {
        for event in events {
            let Event::Changed { id, from, to, incarnation, by } = event else { continue };
            self.deaths += u64::from(*to == State::Dead);
            self.returns += u64::from(*from == Some(State::Dead) && *to == State::Alive);
            let before = self.believed.insert((observer, *id), (*incarnation, *to));
            if let Some((last, state)) = before.filter(|before| *before > (*incarnation, *to)) {
                return Err(format!("node {observer} believed {id} {state} @{last}, now {to} @{incarnation} by {by}"));
            }
            accusation(cluster, profile, observer, event)?;
        }
        let Some(node) = cluster.node(observer) else { return Ok(()) };
        for member in node.members() {
            let reached = cluster.hosts[&member.id].disk.0.map_or(0, |identity| identity.incarnation);
            if member.incarnation > reached {
                return Err(format!(
                    "node {observer} knows {} @{}, which has only reached @{reached}",
                    member.id, member.incarnation
                ));
            }
        }
        Ok(())
    }

    /// A node starts again: it remembers nobody.
    pub(crate) fn restarted(&mut self, id: NodeId) {
        self.believed.retain(|(observer, _), _| *observer != id);
    }
}

/// Whether a member is accused although it is well, against what this profile promises. A node that stood still is not
/// held to what others said of members while it did, which it reads late, nor to suspicions of an incarnation that the
/// member has left behind, whose end it may have missed.
fn accusation(cluster: &Cluster<Swim>, profile: Profile, observer: NodeId, event: &Event) -> Result<(), String> {
    let Event::Changed { id, to, incarnation, by, .. } = event else { return Ok(()) };
    let (host, hears) = (&cluster.hosts[id], &cluster.hosts[&observer]);
    // Before this, somebody had time to miss it, and rumors of that to end.
    let well = host.node.is_some() && !cluster.is_paused(*id) && cluster.now >= host.well_since + 6_000;
    let is_over = host.disk.0.is_some_and(|identity| *incarnation < identity.incarnation);
    let is_late = cluster.now < hears.well_since + 6_000 && (*by != observer || is_over);
    let wrong = match profile {
        Profile::Rough => false,
        Profile::Pauses => *to == State::Dead,
        Profile::Detours => matches!(to, State::Dead | State::Suspect),
    };
    match wrong && well && !is_late {
        true => Err(format!("node {observer} holds {id}, which is well, for {to} @{incarnation} by {by}")),
        false => Ok(()),
    }
}
