//! The network's and the nodes' misfortunes in the simulation.

use std::collections::BTreeSet;

use rashomon_dynamo::NodeId;
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
}

/// Which kinds of faults a run has.
pub(crate) struct Kinds {
    pub(crate) partition: bool,
    pub(crate) crash: bool,
    pub(crate) pause: bool,
    pub(crate) clock: bool,
}

impl Broken {
    /// Ends and begins faults. Returns the nodes that crashed just now.
    pub(crate) fn act(&mut self, cluster: &mut Cluster, dice: &mut Dice, kinds: &Kinds, unit: u64) -> Vec<NodeId> {
        let now = cluster.now;
        if now >= self.cut_until {
            self.cut.clear();
        }
        self.restart_at.retain(|(at, id)| {
            if now >= *at {
                cluster.start(*id);
            }
            now < *at
        });
        self.clock_until.retain(|(at, id)| {
            if now >= *at {
                cluster.hosts.get_mut(id).expect("a node of the cluster").wall_offset_us = 0;
            }
            now < *at
        });
        if now < self.next_at {
            return Vec::new();
        }
        self.next_at = now + dice.below(4 * unit);
        let duration = unit * [5, 9, 11, 20, 50][dice.below(5) as usize] / 10;
        let all: Vec<NodeId> = cluster.hosts.keys().copied().collect();
        let victim = dice.pick(&all).unwrap_or(1);
        let mut crashed = Vec::new();
        match dice.below(4) {
            0 if kinds.partition => self.partition(&all, victim, dice, now + duration),
            1 if kinds.crash => {
                let victims = if dice.chance(20) { all } else { vec![victim] };
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
                let jump = [-20, -5, 5, 20][dice.below(4) as usize] * unit as i64 * 1_000;
                cluster.hosts.get_mut(&victim).expect("a node of the cluster").wall_offset_us = jump;
                self.clock_until.push((now + duration, victim));
            }
            _ => {}
        }
        crashed
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

    /// Ends all faults.
    pub(crate) fn heal(&mut self, cluster: &mut Cluster) {
        *self = Broken { next_at: u64::MAX, ..Broken::default() };
        for id in cluster.hosts.keys().copied().collect::<Vec<_>>() {
            if cluster.node(id).is_none() {
                cluster.start(id);
            }
            let host = cluster.hosts.get_mut(&id).expect("a node of the cluster");
            host.paused_until = 0;
            host.wall_offset_us = 0;
        }
    }
}
