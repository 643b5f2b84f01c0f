//! `lww-kv`: a store of several copies in each of which the last write wins; they agree only in the long run.

use std::sync::Arc;

use serde_json::Value as Json;

use super::{Answer, Draw, Map, Request, compare, has_room, read, request, swapped, written};
use crate::message::Body;

/// How many copies there are.
const COPIES: usize = 5;

/// The store.
#[derive(Debug, Default)]
pub(super) struct LwwKv {
    /// With the time of each write, and how many bytes the value takes.
    copies: [Map<(u64, Arc<Json>, usize)>; COPIES],
    /// The time of the latest write.
    time: u64,
}

impl LwwKv {
    /// Answers a request at any copy; then that copy takes what another has written later.
    pub(super) fn answer(&mut self, body: &Body, draw: Draw<'_>) -> Answer {
        let at = draw(COPIES as u64) as usize % COPIES;
        let answer = self.answer_at(at, body);
        let other = self.copies[draw(COPIES as u64) as usize % COPIES].clone();
        for (key, (time, value, size)) in other {
            let held = self.copies[at].get(&key);
            if held.is_none_or(|(held, ..)| *held < time) {
                self.copies[at].insert(key, (time, value, size));
            }
        }
        answer
    }

    fn answer_at(&mut self, at: usize, body: &Body) -> Answer {
        let (key, request) = request(body)?;
        let held = self.copies[at].get(&key).map(|(_, value, _)| &**value);
        let (value, answer) = match request {
            Request::Read => return read(&key, held),
            Request::Write(value) => (value, written()),
            Request::Cas { from, to, .. } => {
                compare(&key, held, from, false)?;
                (to, swapped())
            }
        };
        let others = self.copies[at].iter().filter(|(other, _)| **other != key);
        let (keys, bytes) =
            others.fold((0, 0), |(keys, bytes), (key, (_, _, size))| (keys + 1, bytes + key.len() + size));
        let size = has_room(keys, bytes, &key, value)? - key.len();
        self.time += 1;
        self.copies[at].insert(key, (self.time, Arc::new(value.clone()), size));
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn copies_differ_until_they_are_merged() {
        let store = &mut LwwKv::default();
        let mut ask = |json: Json, draws: [u64; 2]| {
            let Json::Object(body) = json else { panic!("a body") };
            let mut draws = draws.into_iter();
            store.answer(&body, &mut |_| draws.next().unwrap()).map(|mut body| body.remove("value"))
        };
        ask(json!({"type": "write", "key": 1, "value": "a"}), [0, 0]).unwrap();
        ask(json!({"type": "write", "key": 1, "value": "b"}), [1, 1]).unwrap();
        let read = json!({"type": "read", "key": 1});
        assert_eq!(ask(read.clone(), [0, 1]), Ok(Some(json!("a"))));
        assert_eq!(ask(read.clone(), [0, 0]), Ok(Some(json!("b"))), "the later write has won");
        assert!(ask(read.clone(), [2, 0]).is_err(), "this copy has heard of nothing");
        assert_eq!(ask(read, [2, 2]), Ok(Some(json!("b"))));
    }
}
