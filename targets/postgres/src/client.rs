//! The client: one transaction per operation, and the truth about how it ended.
//!
//! - `ok`: the server acknowledged `COMMIT`;
//! - `fail`: `COMMIT` was never sent, or its answer says that the transaction was rolled back ([`crate::sqlstate`]).
//!   What takes so long that the harness would soon give up is ended here before `COMMIT`, because that is certain;
//! - `info`: `COMMIT` was sent, and there is no such answer.
//!
//! Transactions that only read may go to the client's own node, where that is a standby; all others go to the first
//! node that says it is the primary, its own first. A session that failed is closed; the next operation opens another.

use std::time::{Duration, Instant};

use rashomon_harness::client::{Client, Completion, Invocation, Operation};
use rashomon_harness::interface::Interface;
use rashomon_history::Outcome;
use tokio_postgres::Config;

use crate::session::{Error, Session};
use crate::settings::Isolation;
use crate::sqlstate::{self, Fate};
use crate::transaction::{Done, Transaction};

/// A server that a client may connect to.
#[derive(Clone)]
pub(crate) struct Server {
    /// The number of its node; 0 where there are no nodes.
    pub(crate) node: u16,
    pub(crate) config: Config,
}

/// One process's client.
pub(crate) struct PgClient {
    interface: &'static Interface,
    isolation: Isolation,
    /// Its own first.
    servers: Vec<Server>,
    reads_on_standby: bool,
    deadline: Duration,
    /// To the primary, and for reads on a standby.
    sessions: [Option<Session>; 2],
}

/// For what a session is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Anything = 0,
    ReadsOnStandby = 1,
}

impl PgClient {
    pub(crate) fn new(
        interface: &'static Interface,
        servers: Vec<Server>,
        settings: &crate::settings::Settings,
        deadline: Duration,
    ) -> PgClient {
        PgClient {
            interface,
            isolation: settings.isolation,
            servers,
            reads_on_standby: settings.reads_on_standby,
            deadline,
            sessions: [None, None],
        }
    }

    async fn carry_out(&mut self, operation: &Operation) -> Completion {
        let transaction = match Transaction::of(self.interface, operation) {
            Ok(transaction) => transaction,
            Err(why) => return Completion::fail(operation, why),
        };
        let purpose =
            if self.reads_on_standby && transaction.only_reads() { Purpose::ReadsOnStandby } else { Purpose::Anything };
        let until = Instant::now() + self.deadline.mul_f64(0.7);
        let mut session = match self.session(purpose, until).await {
            Ok(session) => session,
            Err(error) => return Completion::fail(operation, error.text),
        };
        let node = session.node;
        let work = async {
            session.begin(self.isolation).await?;
            transaction.run(&mut session).await
        };
        let worked = tokio::time::timeout_at(until.into(), work).await;
        let answer = match worked {
            // The session goes, and with it the transaction.
            Err(_) => return Completion::fail(operation, "timeout: no answer in time, and COMMIT was not sent"),
            Ok(Err(error)) => {
                self.keep(purpose, session, false).await;
                return Completion::fail(operation, error.text);
            }
            Ok(Ok(Done::Refuse(why))) => {
                self.keep(purpose, session, false).await;
                return Completion::fail(operation, why);
            }
            Ok(Ok(Done::Commit(answer))) => answer,
        };
        let completion = match session.commit().await {
            Ok(()) => Completion::ok(answer),
            Err(error) => not_committed(operation, &transaction, &error),
        };
        if completion.outcome != Outcome::Info {
            self.keep(purpose, session, true).await;
        }
        if node == 0 { completion } else { completion.answered_by(node) }
    }

    /// A session that was opened before, or a new one.
    async fn session(&mut self, purpose: Purpose, until: Instant) -> Result<Session, Error> {
        if let Some(session) = self.sessions[purpose as usize].take().filter(|session| !session.is_closed()) {
            return Ok(session);
        }
        let mut failed = None;
        let candidates = if purpose == Purpose::ReadsOnStandby { 1 } else { self.servers.len() };
        for (place, server) in self.servers.iter().take(candidates).enumerate() {
            // One that does not answer leaves time for the others.
            let left = until.saturating_duration_since(Instant::now()) / (candidates - place) as u32;
            match Session::open(&server.config, server.node, left).await {
                Ok(session) if session.on_standby && purpose == Purpose::Anything => {
                    failed.get_or_insert(Error { state: None, text: "no primary: a standby answered".to_owned() });
                }
                Ok(session) => return Ok(session),
                Err(error) => {
                    failed = Some(error);
                }
            }
        }
        Err(failed.unwrap_or_else(|| Error { state: None, text: "connect: there is no server".to_owned() }))
    }

    /// Keeps a session for the next operation, if it is of further use: where its transaction was not ended, it is
    /// rolled back first.
    async fn keep(&mut self, purpose: Purpose, session: Session, ended: bool) {
        if !session.is_closed() && (ended || session.roll_back(self.deadline / 8).await) {
            self.sessions[purpose as usize] = Some(session);
        }
    }
}

/// What an error in answer to `COMMIT` means.
fn not_committed(operation: &Operation, transaction: &Transaction, error: &Error) -> Completion {
    // Nothing depends on whether it was committed: it changed nothing.
    if transaction.only_reads() {
        return Completion::fail(operation, &error.text);
    }
    let (fate, reason) = error.state.as_deref().map_or((Fate::Unknown, "no answer"), sqlstate::at_commit);
    match fate {
        Fate::RolledBack => Completion::fail(operation, &error.text),
        Fate::Unknown => Completion::info(operation, format!("{} (at COMMIT: {reason})", error.text)),
    }
}

impl Client for PgClient {
    fn invoke<'a>(&'a mut self, operation: &'a Operation) -> Invocation<'a> {
        Box::pin(self.carry_out(operation))
    }
}

#[cfg(test)]
mod tests {
    use rashomon_history::Value;

    use super::*;

    fn outcome(state: Option<&str>, reads: bool) -> Outcome {
        let operation = Operation { f: "txn".into(), key: Value::Nil, value: Value::Nil };
        let transaction =
            if reads { Transaction::Balances } else { Transaction::Transfer { from: 0, to: 1, amount: 1 } };
        let error = Error { state: state.map(str::to_owned), text: "x".to_owned() };
        not_committed(&operation, &transaction, &error).outcome
    }

    #[test]
    fn a_lost_answer_to_commit_is_unknown_unless_nothing_was_written() {
        assert_eq!(outcome(None, false), Outcome::Info);
        assert_eq!(outcome(None, true), Outcome::Fail);
        assert_eq!(outcome(Some("40001"), false), Outcome::Fail);
        assert_eq!(outcome(Some("57P01"), false), Outcome::Info);
    }
}
