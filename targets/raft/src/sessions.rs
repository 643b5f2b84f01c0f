//! Client sessions: a request that is sent again is applied once (§6.3).
//!
//! A session begins with a client's first request; there is no registration. The table is part of the replicated state,
//! so all nodes agree on it. It is bounded: beyond its limit the session expires whose last request is the oldest in
//! the log. A client that retries after its session expired is applied again, so the limit must exceed the number of
//! clients that can be active within a request's deadline.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::machine::Response;

/// Who asks, and which of its requests this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The client's name, unique in the cluster.
    pub client: Arc<str>,
    /// Grows with each request of the client; a retry repeats it.
    pub seq: u64,
}

/// What the table knows about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It was not applied.
    Never,
    /// It was the client's last, with this answer.
    Answered(Response),
    /// A later request of the client was applied; this one must not be any more.
    Superseded,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Last {
    seq: u64,
    response: Response,
    used: u64,
}

/// The table: each client's last request and its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions {
    clients: BTreeMap<Arc<str>, Last>,
    by_use: BTreeMap<u64, Arc<str>>,
    uses: u64,
}

impl Sessions {
    /// What is known about a request.
    pub fn seen(&self, session: &Session) -> Seen {
        match self.clients.get(&session.client) {
            None => Seen::Never,
            Some(last) if session.seq > last.seq => Seen::Never,
            Some(last) if session.seq == last.seq => Seen::Answered(last.response.clone()),
            Some(_) => Seen::Superseded,
        }
    }

    /// Records an applied request, and lets the session unused for the longest expire when there are more than `limit`.
    pub fn remember(&mut self, session: &Session, response: Response, limit: usize) {
        self.uses += 1;
        let last = Last { seq: session.seq, response, used: self.uses };
        if let Some(old) = self.clients.insert(session.client.clone(), last) {
            self.by_use.remove(&old.used);
        }
        self.by_use.insert(self.uses, session.client.clone());
        while self.clients.len() > limit.max(1) {
            let Some((_, expired)) = self.by_use.pop_first() else { return };
            self.clients.remove(&expired);
        }
    }

    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(client: &str, seq: u64) -> Session {
        Session { client: client.into(), seq }
    }

    #[test]
    fn a_retry_gets_the_first_answer_and_an_older_request_is_refused() {
        let mut sessions = Sessions::default();
        sessions.remember(&session("a", 5), Response::Swapped(true), 10);
        assert_eq!(sessions.seen(&session("a", 5)), Seen::Answered(Response::Swapped(true)));
        assert_eq!(sessions.seen(&session("a", 4)), Seen::Superseded);
        assert_eq!(sessions.seen(&session("a", 6)), Seen::Never);
        assert_eq!(sessions.seen(&session("b", 1)), Seen::Never);
    }

    #[test]
    fn the_session_unused_for_the_longest_expires() {
        let mut sessions = Sessions::default();
        for client in ["a", "b", "c"] {
            sessions.remember(&session(client, 1), Response::Done, 3);
        }
        sessions.remember(&session("a", 2), Response::Done, 3);
        sessions.remember(&session("d", 1), Response::Done, 3);
        assert_eq!(sessions.len(), 3);
        assert_eq!(sessions.seen(&session("b", 1)), Seen::Never);
        assert_eq!(sessions.seen(&session("a", 2)), Seen::Answered(Response::Done));
    }
}
