//! Profiles of faults, each with what the protocol promises under it.

use std::collections::BTreeSet;

use rashomon_swim::{Envelope, NodeId, Swim};
use rashomon_testkit::{Cluster, Links, Network, Rng, Severity};

/// What lateness is measured in: three probes, ms.
const UNIT_MS: u64 = 900;

/// Which faults a run has, and so what the protocol promises in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Anything: partitions, one-way cuts, crashes, pauses, loss, delays, leaves and joins.
    Rough,
    /// Nodes are stopped now and then, or crash: nobody who was well is declared dead.
    Pauses,
    /// Links are cut such that any two nodes have somebody whom both reach: nobody is even suspected.
    Detours,
}

/// What is broken now, and what breaks next.
pub(crate) struct Faults {
    profile: Profile,
    severity: Severity,
    cut_until: u64,
    restart_at: Vec<(u64, NodeId)>,
    next_at: u64,
}

/// What befell nodes just now.
#[derive(Default)]
pub(crate) struct Befell {
    pub(crate) crashed: Vec<NodeId>,
    pub(crate) started: Vec<NodeId>,
    /// These are to leave, or to join if they have left.
    pub(crate) turned: Vec<NodeId>,
}

impl Faults {
    /// Nothing is broken yet; with the network of such a run.
    pub(crate) fn new(profile: Profile, severity: Severity, rng: &mut Rng) -> (Faults, Network<Envelope>) {
        let (loss, late) = match profile {
            Profile::Rough => (rng.below(25), rng.below(10)),
            Profile::Pauses => (rng.below(4), rng.below(3)),
            Profile::Detours => (0, 0),
        };
        let usual = Links { loss, repeated: 3, late, lateness: (0, 3_000), delay: 12 };
        let links = match profile {
            Profile::Rough => severity.links(usual, UNIT_MS, rng),
            // Few messages are late where nobody who is well may be accused.
            Profile::Pauses | Profile::Detours if severity == Severity::Harsh => Links { repeated: 12, ..usual },
            Profile::Pauses | Profile::Detours => usual,
        };
        let faults = Faults { profile, severity, cut_until: 0, restart_at: Vec::new(), next_at: 2_000 };
        (faults, Network::new(links))
    }

    /// Ends and begins faults.
    pub(crate) fn act(
        &mut self,
        cluster: &mut Cluster<Swim>,
        network: &mut Network<Envelope>,
        rng: &mut Rng,
    ) -> Befell {
        let now = cluster.now;
        let mut befell = Befell::default();
        if now >= self.cut_until {
            network.cut.clear();
        }
        let due = self.restart_at.extract_if(.., |(at, _)| *at <= now);
        befell.started = due.map(|(_, id)| id).collect();
        befell.started.iter().for_each(|id| cluster.start(*id));
        if now < self.next_at {
            return befell;
        }
        let is_harsh = self.severity == Severity::Harsh && self.profile == Profile::Rough;
        self.next_at = now + rng.below(if is_harsh { 900 } else { 3_000 });
        let longest = rng.pick(&[400, 2_000, 9_000]).unwrap_or(400);
        let duration = 100 + rng.below(longest);
        let all: Vec<NodeId> = cluster.hosts.keys().copied().collect();
        let up: Vec<NodeId> = cluster.up().into_iter().filter(|id| !cluster.is_paused(*id)).collect();
        let Some(victim) = rng.pick(&up) else { return befell };
        let what = match self.profile {
            Profile::Rough => rng.below(6),
            Profile::Pauses => [2, 3, 3, 3][rng.below(4) as usize],
            Profile::Detours => 6,
        };
        match what {
            0 | 1 => self.partition(&all, victim, network, rng, now + duration),
            2 => {
                let victims = if rng.chance(20) { up } else { vec![victim] };
                for id in victims {
                    let records = cluster.unsynced(id) as u64;
                    cluster.crash(id, rng.below(records + 1) as usize);
                    self.restart_at.push((now + rng.below(duration), id));
                    befell.crashed.push(id);
                }
            }
            3 => {
                let several = rng.chance(30);
                for id in up.into_iter().filter(|id| *id == victim || several && rng.chance(40)) {
                    cluster.pause(id, now + duration);
                }
            }
            4 | 5 => befell.turned.push(victim),
            // What is under way through the middle of one arrives before the next.
            _ if now < self.cut_until + 400 => {}
            _ => self.detours(&all, network, rng, now + duration),
        }
        befell
    }

    /// One or some nodes are cut off, in both directions or in one.
    fn partition(
        &mut self,
        all: &[NodeId],
        victim: NodeId,
        network: &mut Network<Envelope>,
        rng: &mut Rng,
        until: u64,
    ) {
        network.cut.clear();
        self.cut_until = until;
        let mut side = BTreeSet::from([victim]);
        if rng.chance(60) {
            side.extend(all.iter().filter(|_| rng.chance(40)));
        }
        let direction = rng.below(6);
        network.separate(all, &side, direction != 0, direction != 1);
    }

    /// Cuts any links, in any direction, but none of one node's.
    fn detours(&mut self, all: &[NodeId], network: &mut Network<Envelope>, rng: &mut Rng, until: u64) {
        network.cut.clear();
        self.cut_until = until;
        let middle = rng.pick(all);
        for (a, b) in all.iter().flat_map(|a| all.iter().map(move |b| (*a, *b))) {
            if Some(a) != middle && Some(b) != middle && rng.chance(60) {
                network.cut.insert((a, b));
            }
        }
    }

    /// Ends all faults. Returns the nodes that came back.
    pub(crate) fn heal(&mut self, cluster: &mut Cluster<Swim>, network: &mut Network<Envelope>) -> Vec<NodeId> {
        network.cut.clear();
        network.links = network.links.calm();
        self.restart_at.clear();
        self.next_at = u64::MAX;
        let mut started = Vec::new();
        for id in cluster.hosts.keys().copied().collect::<Vec<_>>() {
            if cluster.node(id).is_none() {
                cluster.start(id);
                started.push(id);
            }
            cluster.host(id).paused_until = 0;
        }
        started
    }
}
