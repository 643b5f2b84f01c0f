//! One node: cells, and the rule by which a write replaces another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::protocol::Driven;
use crate::{Cell, Message, Mutant, NodeId, Stamp, Update, Value};

/// Who a node is.
#[derive(Clone, Debug)]
pub struct Config {
    /// This node.
    pub id: NodeId,
    /// The others.
    pub peers: Vec<NodeId>,
    /// The known bug that is built in.
    pub mutant: Option<Mutant>,
}

/// Names a write that waits for its acknowledgement.
pub type RequestId = u64;

/// What a node wants done, in this order: records first, then messages; acknowledgements are for at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// To be made durable.
    pub records: Vec<Update>,
    /// To be told once these records are durable ([`Node::persisted`]); 0 when there are none.
    pub persist: u64,
    /// To be sent, once; whether they arrive is nobody's concern.
    pub messages: Vec<(NodeId, Message)>,
    /// Writes to acknowledge.
    pub acknowledged: Vec<RequestId>,
}

/// What a node says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Cells that were written.
    pub cells: usize,
    /// Writes of clients that were acknowledged and thrown away: the cell held a later stamp.
    pub discarded: u64,
    /// Whether every peer has answered a greeting.
    pub heard_all: bool,
}

/// A cell's content.
#[derive(Clone, Debug)]
struct Held {
    value: Value,
    stamp: Stamp,
}

/// A node of the naive store.
#[derive(Clone, Debug)]
pub struct Node {
    config: Config,
    pub(crate) driven: Driven,
    cells: BTreeMap<Cell, Held>,
    /// Peers that have answered.
    heard: BTreeSet<NodeId>,
    discarded: u64,
    /// Records handed out so far.
    handed_out: u64,
    /// Writes that wait until this many records are durable.
    waiting: BTreeMap<u64, Vec<RequestId>>,
    /// What peers have not been told yet.
    untold: Vec<Update>,
    output: Output,
}

impl Node {
    /// A node that remembers these writes.
    pub fn new(config: Config, remembered: impl IntoIterator<Item = Update>) -> Node {
        let mut node = Node {
            config,
            driven: Driven::default(),
            cells: BTreeMap::new(),
            heard: BTreeSet::new(),
            discarded: 0,
            handed_out: 0,
            waiting: BTreeMap::new(),
            untold: Vec::new(),
            output: Output::default(),
        };
        for update in remembered {
            node.take(update);
        }
        node
    }

    /// A client writes a cell, at this time by the node's wall clock. Says by how many µs the write was too late to
    /// have any effect, when it was; it is acknowledged all the same.
    pub fn write(&mut self, request: RequestId, cell: Cell, value: Value, wall_us: i64) -> Option<u64> {
        // Bug D4 (timestamp-ties): stamps as coarse as many a clock is.
        let wall_us =
            if self.config.mutant == Some(Mutant::TimestampTies) { wall_us - wall_us % 1000 } else { wall_us };
        let update = Update { cell, value, stamp: Stamp { wall_us, node: self.config.id } };
        self.untold.push(update.clone());
        let held = self.cells.get(&update.cell).map(|held| held.stamp.wall_us);
        if self.keep(update) {
            self.waiting.entry(self.handed_out).or_default().push(request);
            return None;
        }
        self.discarded += 1;
        self.output.acknowledged.push(request);
        Some(held.map_or(0, |held| held.abs_diff(wall_us)))
    }

    /// A peer tells something.
    pub fn receive(&mut self, message: Message) {
        match message {
            Message::Updates(updates) => {
                for update in updates {
                    self.keep(update);
                }
            }
            Message::Hello(peer) => self.output.messages.push((peer, Message::Welcome(self.config.id))),
            Message::Welcome(peer) => drop(self.heard.insert(peer)),
        }
    }

    /// Some time has passed: greets the peers that have not answered yet.
    pub fn tick(&mut self) {
        let silent = self.config.peers.iter().filter(|peer| !self.heard.contains(peer));
        self.output.messages.extend(silent.map(|&peer| (peer, Message::Hello(self.config.id))));
    }

    /// Records up to this number ([`Output::persist`]) are durable.
    pub fn persisted(&mut self, number: u64) {
        let later = self.waiting.split_off(&(number + 1));
        let durable = std::mem::replace(&mut self.waiting, later);
        self.output.acknowledged.extend(durable.into_values().flatten());
    }

    /// What a register holds.
    pub fn register(&self, key: &Arc<str>) -> Value {
        self.cells.get(&Cell::Register(key.clone())).map_or(Value::Null, |held| held.value.clone())
    }

    /// The elements of a set.
    pub fn set(&self, key: &Arc<str>) -> Vec<Value> {
        let from = Cell::Element(key.clone(), Value::Null);
        let element = |cell: &Cell| match cell {
            Cell::Element(set, element) if set == key => Some(element.clone()),
            _ => None,
        };
        self.cells.range(from..).map_while(|(cell, _)| element(cell)).collect()
    }

    pub(crate) fn id(&self) -> NodeId {
        self.config.id
    }

    /// What there is to do since this was last asked.
    pub fn output(&mut self) -> Output {
        let untold = std::mem::take(&mut self.untold);
        if !untold.is_empty() {
            // One message for all writes since then: fire, and forget.
            let all = self.config.peers.iter().map(|&peer| (peer, Message::Updates(untold.clone())));
            self.output.messages.extend(all);
        }
        if !self.output.records.is_empty() {
            self.output.persist = self.handed_out;
        }
        std::mem::take(&mut self.output)
    }

    /// Everything that is held: what a node must remember instead of all records so far.
    pub fn snapshot(&self) -> Vec<Update> {
        let update =
            |(cell, held): (&Cell, &Held)| Update { cell: cell.clone(), value: held.value.clone(), stamp: held.stamp };
        self.cells.iter().map(update).collect()
    }

    /// How the node is.
    pub fn status(&self) -> Status {
        let heard_all = self.config.peers.iter().all(|peer| self.heard.contains(peer));
        Status { cells: self.cells.len(), discarded: self.discarded, heard_all }
    }

    /// Keeps a write unless the cell holds a later one; false when it does.
    fn keep(&mut self, update: Update) -> bool {
        let kept = self.take(update.clone());
        if kept {
            self.handed_out += 1;
            self.output.records.push(update);
        }
        kept
    }

    fn take(&mut self, update: Update) -> bool {
        let Update { cell, value, stamp } = update;
        if self.cells.get(&cell).is_some_and(|held| !self.wins(stamp, held.stamp)) {
            return false;
        }
        self.cells.insert(cell, Held { value, stamp });
        true
    }

    fn wins(&self, new: Stamp, held: Stamp) -> bool {
        match self.config.mutant {
            // Bug D4 (timestamp-ties): what came first stays, and at each node another came first.
            Some(Mutant::TimestampTies) => new.wall_us > held.wall_us,
            None => new > held,
        }
    }
}
