//! `lin-kv`: a linearizable store.

use std::sync::Arc;

use serde_json::Value as Json;

use super::{Answer, Map, Refused, Request, compare, has_room, read, request, swapped, written};
use crate::message::Body;

/// The store: one copy, one request at a time. A clone shares the values.
#[derive(Debug, Default, Clone)]
pub(super) struct LinKv {
    /// With how many bytes each takes.
    values: Map<(Arc<Json>, usize)>,
    bytes: usize,
}

impl LinKv {
    /// Answers a request.
    pub(super) fn answer(&mut self, body: &Body) -> Answer {
        let (key, request) = request(body)?;
        let held = self.values.get(&key).map(|(value, _)| &**value);
        match request {
            Request::Read => read(&key, held),
            Request::Write(value) => {
                self.hold(key, value)?;
                Ok(written())
            }
            Request::Cas { from, to, create } => {
                compare(&key, held, from, create)?;
                self.hold(key, to)?;
                Ok(swapped())
            }
        }
    }

    fn hold(&mut self, key: String, value: &Json) -> Result<(), Refused> {
        let (keys, before) = match self.values.get(&key) {
            Some((_, bytes)) => (self.values.len() - 1, *bytes),
            None => (self.values.len(), 0),
        };
        let bytes = has_room(keys, self.bytes - before, &key, value)?;
        self.bytes = self.bytes - before + bytes;
        self.values.insert(key, (Arc::new(value.clone()), bytes));
        Ok(())
    }
}
