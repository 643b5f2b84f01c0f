//! `seq-kv`: a sequentially consistent store. What a node reads may be old, but never older than what it has seen.

use std::collections::{BTreeMap, VecDeque};

use super::lin_kv::LinKv;
use super::{Answer, Draw, Request, request};
use crate::message::Body;

/// So many states of the past can be read.
const PAST: usize = 32;

/// The store: its latest states, the newest last.
#[derive(Debug)]
pub(super) struct SeqKv {
    states: VecDeque<LinKv>,
    /// The number of the oldest state that is kept.
    oldest: u64,
    /// The newest state that each node has seen, by number.
    seen: BTreeMap<String, u64>,
}

impl Default for SeqKv {
    fn default() -> SeqKv {
        SeqKv { states: VecDeque::from([LinKv::default()]), oldest: 0, seen: BTreeMap::new() }
    }
}

impl SeqKv {
    /// Answers a node's request: a read from any state that is not older than what the node has seen, anything else
    /// from the newest.
    pub(super) fn answer(&mut self, node: &str, body: &Body, draw: Draw<'_>) -> Answer {
        let newest = self.oldest + self.states.len() as u64 - 1;
        let seen = self.seen.get(node).copied().unwrap_or(0).max(self.oldest);
        if let (_, Request::Read) = request(body)? {
            let state = seen + draw(newest - seen + 1);
            self.seen.insert(node.to_owned(), state);
            return self.states[(state - self.oldest) as usize].answer(body);
        }
        let mut next = self.states.back().cloned().unwrap_or_default();
        let answer = next.answer(body)?;
        self.states.push_back(next);
        if self.states.len() > PAST {
            self.states.pop_front();
            self.oldest += 1;
        }
        self.seen.insert(node.to_owned(), newest + 1);
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn ask(store: &mut SeqKv, node: &str, json: Json, draw: u64) -> Option<Json> {
        let Json::Object(body) = json else { panic!("a body") };
        store.answer(node, &body, &mut |bound| draw.min(bound - 1)).ok()?.remove("value")
    }

    #[test]
    fn a_read_is_old_but_never_older_than_what_its_node_has_seen() {
        let store = &mut SeqKv::default();
        let read = json!({"type": "read", "key": 1});
        for value in 1..=100 {
            ask(store, "n1", json!({"type": "write", "key": 1, "value": value}), 0);
            assert_eq!(ask(store, "n1", read.clone(), 0), Some(json!(value)), "its own write");
        }
        assert_eq!(ask(store, "n2", read.clone(), 0), Some(json!(100 - PAST + 1)), "the oldest that is kept");
        assert_eq!(ask(store, "n2", read.clone(), 5), Some(json!(100 - PAST + 6)));
        assert_eq!(ask(store, "n2", read.clone(), 0), Some(json!(100 - PAST + 6)), "not older again");
        assert_eq!(ask(store, "n3", read, u64::MAX), Some(json!(100)));
    }
}
