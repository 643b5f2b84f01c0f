//! The client in the stand: asked as the load asks it, with a proxy that counts.

use std::time::Duration;

use rashomon_history::Outcome;

use super::objects::Object;
use super::proxy::{Proxy, Traffic};
use super::{NotExamined, Suspect};
use crate::client::{Client, Completion, Operation};

/// One process of the history after another, as the load has it: a client is dropped after an `info`.
pub(super) struct Stand<'a> {
    suspect: &'a Suspect<'a>,
    pub(super) proxy: Proxy,
    pub(super) object: Object,
    next_client: u64,
    next_key: i64,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ended {
    /// `None` when the deadline came first.
    pub(super) completion: Option<Completion>,
    pub(super) traffic: Traffic,
}

impl Ended {
    pub(super) fn is(&self, outcome: Outcome) -> bool {
        self.completion.as_ref().is_some_and(|completion| completion.outcome == outcome)
    }

    /// Whether the load would go on with the same client.
    pub(super) fn goes_on(&self) -> bool {
        self.is(Outcome::Ok) || self.is(Outcome::Fail)
    }

    /// What the client said, in words.
    pub(super) fn said(&self) -> String {
        let Some(completion) = &self.completion else { return "nothing before the deadline".to_owned() };
        let outcome = match completion.outcome {
            Outcome::Ok => return format!("`ok` {}", completion.value),
            Outcome::Fail => "`fail`",
            Outcome::Info => "`info`",
        };
        match &completion.error {
            Some(error) => format!("{outcome} ({})", error.chars().take(120).collect::<String>()),
            None => outcome.to_owned(),
        }
    }
}

impl<'a> Stand<'a> {
    pub(super) async fn new(suspect: &'a Suspect<'a>) -> Result<Stand<'a>, NotExamined> {
        let proxy = Proxy::start(suspect.server).await.map_err(|error| NotExamined {
            what: format!("no proxy can listen on port {}: {error}", suspect.server.port()),
            remedy: "name the port on which the node serves its clients with --port".to_owned(),
        })?;
        let object = Object::of(suspect.interface)?;
        Ok(Stand { suspect, proxy, object, next_client: 0, next_key: 0 })
    }

    pub(super) fn client(&mut self) -> Box<dyn Client> {
        self.next_client += 1;
        (self.suspect.make)(self.next_client, self.proxy.ip())
    }

    /// A key that no operation has used.
    pub(super) fn key(&mut self) -> i64 {
        self.next_key += 1;
        self.next_key
    }

    pub(super) async fn ask(&self, client: &mut dyn Client, operation: &Operation) -> Ended {
        client.get_ready().await;
        self.proxy.begin_operation();
        let completion = tokio::time::timeout(self.suspect.deadline, client.invoke(operation)).await.ok();
        // What a client sends in the background still belongs to it.
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ended { completion, traffic: self.proxy.traffic() }
    }
}
