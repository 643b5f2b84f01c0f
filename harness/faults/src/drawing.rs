//! What faults draw from: the seed's stream, and what is known of the cluster.

use std::collections::BTreeMap;

use rashomon_spec::draw::Draw;
use rashomon_spec::schedule::Aim;

/// The state of drawing a schedule, as one fault sees it.
pub struct Drawing<'a> {
    /// The seed's stream of random choices.
    pub draw: &'a mut Draw,
    /// How many nodes there are.
    pub nodes: u16,
    /// Whether a node leads.
    pub leader: bool,
    /// The target's election timeout, milliseconds.
    pub election_ms: u64,
}

/// What was drawn for a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// Which nodes it is aimed at.
    pub aim: Aim,
    /// Its parameters by name.
    pub parameters: BTreeMap<String, i64>,
}

impl Drawn {
    /// A fault without parameters.
    pub fn aimed(aim: Aim) -> Drawn {
        Drawn { aim, parameters: BTreeMap::new() }
    }

    /// The same with a parameter.
    pub fn with(mut self, name: &str, value: i64) -> Drawn {
        self.parameters.insert(name.to_owned(), value);
        self
    }
}

impl Drawing<'_> {
    /// The leader (half of the time, where a node leads), or one or some nodes.
    pub fn aim(&mut self) -> Aim {
        if self.draw.chance(0.5) && self.leader { Aim::Leader } else { Aim::Nodes(self.one_or_some()) }
    }

    /// The leader (60 %, where a node leads), or one node.
    pub fn aim_at_one(&mut self) -> Aim {
        if self.draw.chance(0.6) && self.leader { Aim::Leader } else { Aim::Nodes(self.some_nodes(1)) }
    }

    /// One node, a minority, or a majority that is not everyone (where there is one).
    pub fn one_or_some(&mut self) -> Vec<u16> {
        let minority = (self.nodes - 1) / 2;
        let count = match self.draw.weighted(&[0.6, 0.2, 0.2]) {
            0 => 1,
            1 => minority.max(1),
            _ => (minority + 1).min(self.nodes),
        };
        self.some_nodes(count)
    }

    /// So many nodes, in random order.
    pub fn some_nodes(&mut self, count: u16) -> Vec<u16> {
        let mut all: Vec<u16> = (1..=self.nodes).collect();
        self.draw.shuffle(&mut all);
        all.truncate(count as usize);
        all
    }
}
