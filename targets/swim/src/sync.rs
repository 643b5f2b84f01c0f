//! Anti-entropy: now and then a node exchanges its whole table with another one, and tries one that it does not hold
//! for live.
//!
//! The first makes up for rumors that were lost, as they are passed on a bounded number of times only. The second joins
//! the parts of a cluster that a long partition has left with nobody but dead members in the other part: somebody must
//! go on calling them. A node that has left still listens this way, so that it can come back.

use rashomon_protocol::NodeId;

use crate::member::State;
use crate::message::Message;
use crate::mutant::Mutant;
use crate::node::Swim;

impl Swim {
    /// One round.
    pub(crate) fn sync(&mut self) {
        let live: Vec<NodeId> = self.live().collect();
        for id in self.random.some(live, 1) {
            self.push_to(id);
        }
        if self.config.is(Mutant::DropDeadSeeds) {
            return; // G6
        }
        let missed = self.missed();
        for id in self.random.some(missed, 1) {
            self.push_to(id);
        }
    }

    /// Sends the table to a node, which answers with its own.
    pub(crate) fn push_to(&mut self, id: NodeId) {
        let members = self.whole_table(id);
        self.send(id, Message::Push { members });
    }

    /// Those who might be there and are not among the live: the dead, seeds nobody has heard of, and, for a node that
    /// is alone, also those who left.
    fn missed(&self) -> Vec<NodeId> {
        let alone = self.live().next().is_none();
        let state = |id: &NodeId| self.table.get(id).map(|entry| entry.member.state);
        let gone = |state: State| state == State::Dead || alone && state == State::Left;
        let gone = self.table.keys().copied().filter(|id| state(id).is_some_and(gone));
        let seeds = self.config.seeds.iter().copied().filter(|id| state(id).is_none());
        gone.chain(seeds).collect()
    }
}
