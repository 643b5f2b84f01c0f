//! Who is in the cluster: [`rashomon_swim`] with a file for its identity and clients that wait for leaves and joins.
//!
//! A part of a node's loop, beside whatever else the node does: the loop tells it the time and what arrived, and sends
//! what it has to say. [`http`] is what clients may ask of it.

pub(crate) mod http;
mod identity;

use std::path::Path;

use rashomon_swim::{Config, Envelope, Event, Identity, Member, Output, Swim};
use tokio::sync::oneshot;

use self::identity::IdentityFile;
use crate::start::RunError;
use crate::wal::WalError;

/// The membership as one node takes part in it.
pub(crate) struct Members {
    swim: Swim,
    file: IdentityFile,
    /// The number of the latest identity that was handed to the file.
    written: u64,
    /// Which of them is durable.
    durable: u64,
    /// Clients that wait until the identity of a number is.
    waiting: Vec<(u64, oneshot::Sender<()>)>,
}

impl Members {
    /// Takes part from what the data directory holds. `report` is told, on another thread, the number of each identity
    /// that is durable, to be handed to [`Members::persisted`].
    pub(crate) fn start(
        config: Config,
        data: &Path,
        now_ms: u64,
        report: impl FnMut(Result<u64, WalError>) -> bool + Send + 'static,
    ) -> Result<Members, RunError> {
        let found = identity::recover(data)?;
        let file = IdentityFile::start(data, report);
        let mut members =
            Members { swim: Swim::new(config, found, now_ms), file, written: 0, durable: 0, waiting: Vec::new() };
        members.output();
        Ok(members)
    }

    /// Time has passed. To be called before other inputs.
    pub(crate) fn advance(&mut self, now_ms: u64) {
        self.swim.advance(now_ms);
    }

    /// A peer sent a message.
    pub(crate) fn receive(&mut self, envelope: Envelope) {
        self.swim.receive(envelope);
    }

    /// A client wants this node to leave, or to join; it is told once that is durable.
    pub(crate) fn change(&mut self, change: http::Change, done: oneshot::Sender<()>) -> (Vec<Envelope>, Vec<Event>) {
        match change {
            http::Change::Leave => self.swim.leave(),
            http::Change::Join => self.swim.join(),
        }
        let output = self.output();
        self.waiting.push((self.written, done));
        self.answer();
        output
    }

    /// The identity with that number is durable.
    pub(crate) fn persisted(&mut self, number: u64) {
        self.durable = number;
        self.swim.persisted(number);
        self.answer();
    }

    /// Everyone as this node sees them, itself included; `None` while it does not take part yet.
    pub(crate) fn view(&self) -> Option<Vec<Member>> {
        self.swim.identity().map(|_| self.swim.members())
    }

    /// Who this node is; `None` while it does not take part yet.
    pub(crate) fn identity(&self) -> Option<Identity> {
        self.swim.identity()
    }

    /// What is to be sent, and what happened.
    pub(crate) fn output(&mut self) -> (Vec<Envelope>, Vec<Event>) {
        let Output { identity, messages, events } = self.swim.output();
        if let Some((number, identity)) = identity {
            self.written = number;
            self.file.write(number, identity);
        }
        (messages, events)
    }

    /// Waits until the write under way has ended.
    pub(crate) fn finish(self) {
        self.file.finish();
    }

    fn answer(&mut self) {
        let durable = self.durable;
        for (_, done) in self.waiting.extract_if(.., |(number, _)| *number <= durable) {
            // A client that went away does not need its answer.
            let _ = done.send(());
        }
    }
}
