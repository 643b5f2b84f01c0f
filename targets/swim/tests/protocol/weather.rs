//! The network's and the nodes' misfortunes in the simulation.

use std::collections::BTreeSet;

use rashomon_rehearsal::Dice;
use rashomon_swim::NodeId;

use crate::cluster::Cluster;

/// What a run's misfortunes are, and so what the protocol promises in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Anything: partitions, one-way cuts, crashes, pauses, loss, delays, leaves and joins.
    Rough,
    /// Nodes are stopped now and then, or crash: nobody who was well is declared dead.
    Pauses,
    /// Links are cut such that any two nodes have somebody whom both reach: nobody is even suspected.
    Detours,
}

/// What is broken now.
pub(crate) struct Broken {
    weather: Weather,
    /// Links that lose everything, as (from, to).
    pub(crate) cut: BTreeSet<(NodeId, NodeId)>,
    cut_until: u64,
    restart_at: Vec<(u64, NodeId)>,
    next_at: u64,
    /// How many of a hundred messages are lost, and how many take very long.
    pub(crate) loss: u64,
    pub(crate) late: u64,
}

/// What befell nodes just now.
#[derive(Default)]
pub(crate) struct Befell {
    pub(crate) crashed: Vec<NodeId>,
    pub(crate) started: Vec<NodeId>,
    /// These are to leave, or to join if they have left.
    pub(crate) turned: Vec<NodeId>,
}

impl Broken {
    pub(crate) fn new(weather: Weather, dice: &mut Dice) -> Broken {
        let (loss, late) = match weather {
            Weather::Rough => (dice.below(25), dice.below(10)),
            Weather::Pauses => (dice.below(4), dice.below(3)),
            Weather::Detours => (0, 0),
        };
        Broken { weather, cut: BTreeSet::new(), cut_until: 0, restart_at: Vec::new(), next_at: 2_000, loss, late }
    }

    /// Ends and begins faults.
    pub(crate) fn act(&mut self, cluster: &mut Cluster, dice: &mut Dice) -> Befell {
        let now = cluster.now;
        let mut befell = Befell::default();
        if now >= self.cut_until {
            self.cut.clear();
        }
        let due = self.restart_at.extract_if(.., |(at, _)| *at <= now);
        befell.started = due.map(|(_, id)| id).collect();
        befell.started.iter().for_each(|id| cluster.start(*id));
        if now < self.next_at {
            return befell;
        }
        self.next_at = now + dice.below(3_000);
        let longest = dice.pick(&[400, 2_000, 9_000]).unwrap_or(400);
        let duration = 100 + dice.below(longest);
        let all: Vec<NodeId> = cluster.hosts.keys().copied().collect();
        let up: Vec<NodeId> = cluster.up().into_iter().filter(|id| !cluster.is_paused(*id)).collect();
        let Some(victim) = dice.pick(&up) else { return befell };
        let what = match self.weather {
            Weather::Rough => dice.below(6),
            Weather::Pauses => [2, 3, 3, 3][dice.below(4) as usize],
            Weather::Detours => 6,
        };
        match what {
            0 | 1 => self.partition(&all, victim, dice, now + duration),
            2 => {
                let victims = if dice.chance(20) { up } else { vec![victim] };
                for id in victims {
                    cluster.crash(id);
                    self.restart_at.push((now + dice.below(duration), id));
                    befell.crashed.push(id);
                }
            }
            3 => {
                let several = dice.chance(30);
                for id in up.into_iter().filter(|id| *id == victim || several && dice.chance(40)) {
                    cluster.pause(id, now + duration);
                }
            }
            4 | 5 => befell.turned.push(victim),
            // What is under way through the middle of one arrives before the next.
            _ if now < self.cut_until + 400 => {}
            _ => self.detours(&all, dice, now + duration),
        }
        befell
    }

    /// One or some nodes are cut off, in both directions or in one.
    fn partition(&mut self, all: &[NodeId], victim: NodeId, dice: &mut Dice, until: u64) {
        self.cut.clear();
        self.cut_until = until;
        let mut side = BTreeSet::from([victim]);
        if dice.chance(60) {
            side.extend(all.iter().filter(|_| dice.chance(40)));
        }
        let direction = dice.below(6);
        for (a, b) in all.iter().flat_map(|a| all.iter().map(move |b| (*a, *b))) {
            let crosses = side.contains(&a) != side.contains(&b);
            let one_way = direction == 0 && side.contains(&a) || direction == 1 && side.contains(&b);
            if crosses && !one_way {
                self.cut.insert((a, b));
            }
        }
    }

    /// Cuts any links, in any direction, but none of one node's.
    fn detours(&mut self, all: &[NodeId], dice: &mut Dice, until: u64) {
        self.cut.clear();
        self.cut_until = until;
        let middle = dice.pick(all);
        for (a, b) in all.iter().flat_map(|a| all.iter().map(move |b| (*a, *b))) {
            if Some(a) != middle && Some(b) != middle && dice.chance(60) {
                self.cut.insert((a, b));
            }
        }
    }

    /// Ends all faults. Returns the nodes that came back.
    pub(crate) fn heal(&mut self, cluster: &mut Cluster) -> Vec<NodeId> {
        self.cut.clear();
        self.restart_at.clear();
        (self.loss, self.late, self.next_at) = (0, 0, u64::MAX);
        let mut started = Vec::new();
        for id in cluster.hosts.keys().copied().collect::<Vec<_>>() {
            if cluster.node(id).is_none() {
                cluster.start(id);
                started.push(id);
            }
            cluster.hosts.get_mut(&id).expect("a node of the cluster").paused_until = 0;
        }
        started
    }
}
