//! What goes wrong in a simulation: partitions, crashes, pauses, wrong clocks.

use std::collections::BTreeSet;

use rashomon_protocol::{Envelope, NodeId, Protocol};

use crate::{Cluster, Network, Rng};

/// How hard a simulation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Faults with quiet times between them.
    Usual,
    /// No quiet times; 2 to 15 of a hundred messages up to 3.5 timeouts late, 12 repeated; tiny snapshots.
    Harsh,
}

/// Which kinds of faults a run has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kinds {
    /// Nodes are cut off, in both directions or in one.
    pub partition: bool,
    /// Nodes crash, between any two of their records.
    pub crash: bool,
    /// Of a hundred crashes of one node, how many take its disk; never of a second node while the first has not had
    /// time to come back.
    pub wipe: u64,
    /// Nodes stand still.
    pub pause: bool,
    /// Wall clocks jump, and jump back.
    pub clock: bool,
    /// Leaders are cut off just after they were elected.
    pub churn: bool,
}

/// What befell nodes just now.
#[derive(Clone, Debug, Default)]
pub struct Befell {
    /// They are down.
    pub crashed: Vec<NodeId>,
    /// Of them, these have lost their disks.
    pub wiped: Vec<NodeId>,
    /// They started again.
    pub started: Vec<NodeId>,
}

/// What is broken now, and what breaks next.
#[derive(Clone, Debug)]
pub struct FaultModel {
    kinds: Kinds,
    /// The protocol's own measure of time, an election timeout or the like, ms.
    unit: u64,
    severity: Severity,
    cut_until: u64,
    restart_at: Vec<(u64, NodeId)>,
    clock_until: Vec<(u64, NodeId)>,
    wiped_until: u64,
    next_at: u64,
    /// The latest term that had a leader, and when that leader is to be cut off.
    led: (u64, Option<(u64, NodeId)>),
}

impl FaultModel {
    /// Nothing is broken yet.
    pub fn new(kinds: Kinds, unit: u64, severity: Severity) -> FaultModel {
        FaultModel {
            kinds,
            unit,
            severity,
            cut_until: 0,
            restart_at: Vec::new(),
            clock_until: Vec::new(),
            wiped_until: 0,
            next_at: 0,
            led: (0, None),
        }
    }

    /// Ends and begins faults. `leaders` are the nodes that lead, with their terms: half of all faults hit one.
    pub fn act<P: Protocol, M: Envelope>(
        &mut self,
        cluster: &mut Cluster<P>,
        network: &mut Network<M>,
        rng: &mut Rng,
        leaders: &[(NodeId, u64)],
    ) -> Befell {
        let (now, unit) = (cluster.now, self.unit);
        let mut befell = Befell::default();
        if now >= self.cut_until {
            network.cut.clear();
        }
        befell.started = self.restart_at.extract_if(.., |(at, _)| *at <= now).map(|(_, id)| id).collect();
        befell.started.iter().for_each(|id| cluster.start(*id));
        for (_, id) in self.clock_until.extract_if(.., |(at, _)| *at <= now) {
            cluster.host(id).wall_offset_us = 0;
        }
        let all: Vec<NodeId> = cluster.hosts.keys().copied().collect();
        if self.kinds.churn {
            self.churn(now, &all, network, rng, leaders);
        }
        if now < self.next_at {
            return befell;
        }
        self.next_at = now + rng.below(if self.severity == Severity::Harsh { unit } else { 4 * unit });
        let duration = unit * [5, 9, 11, 20, 50][rng.below(5) as usize] / 10;
        let leader = if rng.chance(50) { rng.pick(leaders).map(|(id, _)| id) } else { None };
        let victim = leader.or_else(|| rng.pick(&all)).unwrap_or(1);
        match rng.below(4) {
            0 if self.kinds.partition => self.partition(&all, victim, network, rng, now + duration),
            1 if self.kinds.crash => {
                let victims = if rng.chance(25) { all } else { vec![victim] };
                let alone = victims.len() == 1;
                for id in victims.into_iter().filter(|id| cluster.node(*id).is_some()).collect::<Vec<_>>() {
                    let wipes = alone && rng.chance(self.kinds.wipe) && now >= self.wiped_until;
                    if wipes {
                        cluster.wipe(id);
                        befell.wiped.push(id);
                        self.wiped_until = now + duration + 20 * unit;
                    } else {
                        let records = cluster.unsynced(id) as u64;
                        cluster.crash(id, rng.below(records + 1) as usize);
                    }
                    self.restart_at.push((now + rng.below(duration), id));
                    befell.crashed.push(id);
                }
            }
            2 if self.kinds.pause => cluster.pause(victim, now + duration),
            3 if self.kinds.clock => {
                let jump_ms = [-20, -5, 5, 20][rng.below(4) as usize] * unit as i64;
                cluster.host(victim).wall_offset_us = 1_000 * jump_ms;
                self.clock_until.push((now + duration, victim));
            }
            _ => {}
        }
        befell
    }

    fn churn<M: Envelope>(
        &mut self,
        now: u64,
        all: &[NodeId],
        network: &mut Network<M>,
        rng: &mut Rng,
        leaders: &[(NodeId, u64)],
    ) {
        for (id, term) in leaders {
            if *term > self.led.0 {
                let soon = rng.chance(75).then(|| (now + rng.below(self.unit / 4), *id));
                self.led = (*term, soon);
            }
        }
        if let Some((_, id)) = self.led.1.take_if(|(at, _)| *at <= now) {
            network.cut.clear();
            self.cut_until = now + self.unit * (1 + rng.below(4));
            network.separate(all, &BTreeSet::from([id]), true, true);
        }
    }

    fn partition<M: Envelope>(
        &mut self,
        all: &[NodeId],
        victim: NodeId,
        network: &mut Network<M>,
        rng: &mut Rng,
        until: u64,
    ) {
        // One partition may follow another without a pause.
        network.cut.clear();
        self.cut_until = until;
        let mut side = BTreeSet::from([victim]);
        if rng.chance(50) {
            side.extend(all.iter().filter(|_| rng.chance(40)));
        }
        let direction = rng.below(6);
        network.separate(all, &side, direction != 0, direction != 1);
    }

    /// Ends all faults and begins none any more. Returns the nodes that came back.
    pub fn heal<P: Protocol, M: Envelope>(
        &mut self,
        cluster: &mut Cluster<P>,
        network: &mut Network<M>,
    ) -> Vec<NodeId> {
        self.kinds = Kinds::default();
        self.restart_at.clear();
        self.clock_until.clear();
        self.next_at = u64::MAX;
        network.cut.clear();
        network.links = network.links.calm();
        let mut started = Vec::new();
        for id in cluster.hosts.keys().copied().collect::<Vec<_>>() {
            if cluster.node(id).is_none() {
                cluster.start(id);
                started.push(id);
            }
            let host = cluster.host(id);
            (host.paused_until, host.wall_offset_us) = (0, 0);
        }
        started
    }
}

impl Severity {
    /// The links of a run: `usual` or, where it is harsh, worse.
    pub fn links(self, usual: crate::Links, unit: u64, rng: &mut Rng) -> crate::Links {
        match self {
            Severity::Usual => usual,
            Severity::Harsh => {
                crate::Links { repeated: 12, late: 2 + rng.below(14), lateness: (0, 7 * unit / 2), ..usual }
            }
        }
    }
}
