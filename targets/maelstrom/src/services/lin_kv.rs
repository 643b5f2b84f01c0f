//! `lin-kv`: a linearizable store.

use serde_json::Value as Json;

use super::{Answer, Map, Request, compare, read, request, swapped, written};
use crate::message::Body;

/// The store: one copy, one request at a time.
#[derive(Debug, Default, Clone)]
pub(super) struct LinKv {
    values: Map<Json>,
}

impl LinKv {
    /// Answers a request.
    pub(super) fn answer(&mut self, body: &Body) -> Answer {
        let (key, request) = request(body)?;
        match request {
            Request::Read => read(&key, self.values.get(&key)),
            Request::Write(value) => {
                self.values.insert(key, value.clone());
                Ok(written())
            }
            Request::Cas { from, to, create } => {
                compare(&key, self.values.get(&key), from, create)?;
                self.values.insert(key, to.clone());
                Ok(swapped())
            }
        }
    }
}
