//! The network's and the nodes' misfortunes in the simulation.

use std::collections::BTreeSet;

use rashomon_raft::NodeId;
use rashomon_rehearsal::Dice;

use crate::cluster::Cluster;

/// What is broken now.
#[derive(Default)]
pub(crate) struct Broken {
    /// Links that lose everything, as (from, to).
    pub(crate) cut: BTreeSet<(NodeId, NodeId)>,
    cut_until: u64,
    restart_at: Vec<(u64, NodeId)>,
    clock_until: Vec<(u64, NodeId)>,
    next_at: u64,
    /// The latest term that had a leader, and when that leader is to be cut off.
    led: (u64, Option<(u64, NodeId)>),
}

/// Which kinds of faults a run has.
pub(crate) struct Kinds {
    pub(crate) partition: bool,
    pub(crate) crash: bool,
    pub(crate) pause: bool,
    pub(crate) clock: bool,
    /// Leaders are cut off just after they were elected, which is what Figure 8 needs.
    pub(crate) churn: bool,
}

impl Broken {
    /// Ends and begins faults. Returns the nodes that crashed just now and those that came back.
    pub(crate) fn act(
        &mut self,
        cluster: &mut Cluster,
        dice: &mut Dice,
        kinds: &Kinds,
        timeout: u64,
    ) -> (Vec<NodeId>, Vec<NodeId>) {
        let now = cluster.now;
        if now >= self.cut_until {
            self.cut.clear();
        }
        let mut started = Vec::new();
        self.restart_at.retain(|(at, id)| {
            let due = now >= *at;
            if due {
                started.push(*id);
            }
            !due
        });
        started.iter().for_each(|id| cluster.start(*id));
        self.clock_until.retain(|(at, id)| {
            if now >= *at {
                cluster.hosts.get_mut(id).expect("a node of the cluster").wall_offset = 0;
            }
            now < *at
        });
        if kinds.churn {
            self.churn(cluster, dice, timeout);
        }
        if now < self.next_at {
            return (Vec::new(), started);
        }
        self.next_at = now + dice.below(4 * timeout);
        let duration = timeout * [5, 9, 11, 20, 50][dice.below(5) as usize] / 10;
        let all: Vec<NodeId> = cluster.hosts.keys().copied().collect();
        let leaders: Vec<NodeId> = cluster
            .up()
            .into_iter()
            .filter(|id| cluster.node(*id).is_some_and(|node| node.status().role == "leader"))
            .collect();
        // Half of all faults hit the leader.
        let victim = if dice.chance(50) { dice.pick(&leaders) } else { None }.or_else(|| dice.pick(&all)).unwrap_or(1);
        let mut crashed = Vec::new();
        match dice.below(4) {
            0 if kinds.partition => self.partition(&all, victim, dice, now + duration),
            1 if kinds.crash => {
                let victims = match dice.below(4) {
                    0 => all,
                    _ => vec![victim],
                };
                for id in victims {
                    if cluster.node(id).is_some() {
                        cluster.crash(id, dice.below(3) as usize);
                        self.restart_at.push((now + dice.below(duration), id));
                        crashed.push(id);
                    }
                }
            }
            2 if kinds.pause => {
                cluster.hosts.get_mut(&victim).expect("a node of the cluster").paused_until = now + duration;
            }
            3 if kinds.clock => {
                let jump = [-20, -5, 5, 20][dice.below(4) as usize] * timeout as i64;
                cluster.hosts.get_mut(&victim).expect("a node of the cluster").wall_offset = jump;
                self.clock_until.push((now + duration, victim));
            }
            _ => {}
        }
        (crashed, started)
    }

    fn churn(&mut self, cluster: &Cluster, dice: &mut Dice, timeout: u64) {
        let now = cluster.now;
        for id in cluster.up() {
            let Some(status) = cluster.node(id).map(|node| node.status()) else { continue };
            if status.role == "leader" && status.term > self.led.0 {
                let soon = dice.chance(75).then(|| (now + dice.below(timeout / 4), id));
                self.led = (status.term, soon);
            }
        }
        if let Some((_, id)) = self.led.1.take_if(|(at, _)| *at <= now) {
            self.cut.clear();
            self.cut_until = now + timeout * (1 + dice.below(4));
            for other in cluster.hosts.keys().copied().filter(|other| *other != id) {
                self.cut.extend([(id, other), (other, id)]);
            }
        }
    }

    fn partition(&mut self, all: &[NodeId], victim: NodeId, dice: &mut Dice, until: u64) {
        // One partition may follow another without a pause.
        self.cut.clear();
        self.cut_until = until;
        let mut side = BTreeSet::from([victim]);
        if dice.chance(50) {
            side.extend(all.iter().filter(|_| dice.chance(40)));
        }
        let direction = dice.below(6);
        for a in all {
            for b in all {
                let crosses = side.contains(a) != side.contains(b);
                let one_way = direction == 0 && side.contains(a) || direction == 1 && side.contains(b);
                if crosses && !one_way {
                    self.cut.insert((*a, *b));
                }
            }
        }
    }

    /// Ends all faults. Returns the nodes that came back.
    pub(crate) fn heal(&mut self, cluster: &mut Cluster) -> Vec<NodeId> {
        *self = Broken { next_at: u64::MAX, led: (u64::MAX, None), ..Broken::default() };
        let mut started = Vec::new();
        for id in cluster.hosts.keys().copied().collect::<Vec<_>>() {
            if cluster.node(id).is_none() {
                cluster.start(id);
                started.push(id);
            }
            let host = cluster.hosts.get_mut(&id).expect("a node of the cluster");
            host.paused_until = 0;
            host.wall_offset = 0;
        }
        started
    }
}
