//! The rumors a node passes on: each a bounded number of times, the least told first (SWIM §4.1).

use std::collections::BTreeMap;

use rashomon_protocol::NodeId;

use crate::member::Rumor;

/// Rumors, at most one per member.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rumors {
    waiting: BTreeMap<NodeId, (u32, Rumor)>,
}

impl Rumors {
    /// A new rumor; replaces what was told about the member before.
    pub(crate) fn add(&mut self, rumor: Rumor) {
        self.waiting.insert(rumor.member.id, (0, rumor));
    }

    /// Nothing more is told about a member.
    pub(crate) fn remove(&mut self, id: NodeId) {
        self.waiting.remove(&id);
    }

    /// The rumors for one message, none of them about `except`; each counts as told once more.
    pub(crate) fn take(&mut self, most: usize, times: u32, except: NodeId) -> Vec<Rumor> {
        let mut least: Vec<(u32, NodeId)> =
            self.waiting.iter().filter(|(id, _)| **id != except).map(|(id, (told, _))| (*told, *id)).collect();
        least.sort_unstable();
        least.truncate(most);
        let mut taken = Vec::with_capacity(least.len());
        for (_, id) in least {
            let (told, rumor) = self.waiting.get_mut(&id).expect("it was just listed");
            *told += 1;
            taken.push(rumor.clone());
            if *told >= times {
                self.waiting.remove(&id);
            }
        }
        taken
    }
}
