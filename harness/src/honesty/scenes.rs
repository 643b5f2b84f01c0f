//! The scenes: what is done to a client, and which lie its conduct shows.

use std::collections::BTreeMap;
use std::time::Duration;

use rashomon_history::Outcome;

use super::proxy::Disturbance;
use super::stand::{Ended, Stand};
use super::{Finding, Findings, Lie, NotExamined, Suspect};
use crate::client::Client;

/// Values whose texts are easy to get wrong.
const VALUES: [i64; 10] = [1, 9, 10, 99, 100, 255, 256, 65_536, 2_147_483_648, 9_007_199_254_740_993];
/// What is done to an update after the server got it; all of these leave its fate open.
const SPOILED: [(Disturbance, &str); 4] = [
    (Disturbance::ResetAfterRequest, "the connection was reset after the server had executed the request"),
    (Disturbance::CloseAfterRequest, "the connection was closed after the server had executed the request"),
    (Disturbance::Garbage, "the answer was garbage"),
    (Disturbance::ResetUnseen, "the connection was reset after the request was sent"),
];

/// What was seen so far of each lie.
#[derive(Default)]
struct Notes(BTreeMap<Lie, Finding>);

impl Notes {
    /// The lie was provoked; a lie that was told once stays told.
    fn provoked(&mut self, lie: Lie, told: Option<String>) {
        match told {
            Some(how) if !matches!(self.0.get(&lie), Some(Finding::Told(_))) => {
                self.0.insert(lie, Finding::Told(how));
            }
            Some(_) => {}
            None => {
                let note = self.0.entry(lie).or_insert(Finding::Honest);
                if matches!(note, Finding::NotTried(_)) {
                    *note = Finding::Honest;
                }
            }
        }
    }

    fn not_tried(&mut self, lie: Lie, why: &str) {
        self.0.entry(lie).or_insert_with(|| Finding::NotTried(why.to_owned()));
    }
}

pub(super) async fn play(suspect: &Suspect<'_>) -> Result<Findings, NotExamined> {
    let mut stand = Stand::new(suspect).await?;
    let mut notes = Notes::default();
    undisturbed(&mut stand, &mut notes).await?;
    for reused in [false, true] {
        for (how, what) in SPOILED {
            spoiled_update(&mut stand, &mut notes, how, what, reused).await;
        }
        spoiled_read(&mut stand, &mut notes, reused).await;
    }
    reset_on_accept(&mut stand, &mut notes).await;
    closed_in_between(&mut stand, &mut notes).await;
    changed_by_another(&mut stand, &mut notes).await;
    late_answer(&mut stand, &mut notes).await;
    let not_seen = || Finding::NotTried("no scene could provoke it".to_owned());
    Ok(Lie::ALL.into_iter().map(|lie| (lie, notes.0.remove(&lie).unwrap_or_else(not_seen))).collect())
}

/// Values are written and read back without any disturbance.
async fn undisturbed(stand: &mut Stand<'_>, notes: &mut Notes) -> Result<(), NotExamined> {
    let mut client = stand.client();
    for value in VALUES {
        let key = stand.key();
        let wrote = stand.ask(&mut *client, &stand.object.update(key, value)).await;
        if !wrote.is(Outcome::Ok) {
            return Err(no_success(&wrote));
        }
        if wrote.traffic.carrying == 0 {
            return Err(NotExamined {
                what: "the client reached a node on another way than through the proxy".to_owned(),
                remedy: "name the port that it uses with --port; a client that asks who leads, and then talks to that \
                         node, cannot be examined"
                    .to_owned(),
            });
        }
        let read = stand.ask(&mut *client, &stand.object.read(key)).await;
        let Some(completion) = read.completion.as_ref().filter(|completion| completion.outcome == Outcome::Ok) else {
            return Err(no_success(&read));
        };
        let wrong = completion.value != stand.object.state(&[value]);
        let told = format!("{value} was written, and the read returned {}", completion.value);
        notes.provoked(Lie::WrongValue, wrong.then_some(told));
        let from_memory = read.traffic.carrying == 0;
        let told = "a read was answered although nothing was sent".to_owned();
        notes.provoked(Lie::CachedRead, from_memory.then_some(told));
    }
    Ok(())
}

fn no_success(ended: &Ended) -> NotExamined {
    NotExamined {
        what: format!("an operation without any disturbance did not succeed: the client said {}", ended.said()),
        remedy: "look at the client, and at the port of the proxy (--port)".to_owned(),
    }
}

/// A client that has a connection already, or none.
async fn warmed_up(stand: &mut Stand<'_>, reused: bool) -> Box<dyn Client> {
    let mut client = stand.client();
    if reused {
        let key = stand.key();
        stand.ask(&mut *client, &stand.object.read(key)).await;
    }
    client
}

async fn spoiled_update(stand: &mut Stand<'_>, notes: &mut Notes, how: Disturbance, what: &str, reused: bool) {
    let mut client = warmed_up(stand, reused).await;
    let key = stand.key();
    stand.proxy.disturb_next(how);
    let ended = stand.ask(&mut *client, &stand.object.update(key, 7)).await;
    stand.proxy.disturb_next(Disturbance::None);
    sent_again(notes, &ended, what, reused);
    if ended.traffic.carrying > 0 {
        let failed = ended.is(Outcome::Fail).then(|| format!("{what}, and the client said {}", ended.said()));
        notes.provoked(Lie::FailInsteadOfInfo, failed);
    }
    swallowed(notes, &ended, what);
}

async fn spoiled_read(stand: &mut Stand<'_>, notes: &mut Notes, reused: bool) {
    let mut client = warmed_up(stand, reused).await;
    let key = stand.key();
    stand.proxy.disturb_next(Disturbance::ResetAfterRequest);
    let ended = stand.ask(&mut *client, &stand.object.read(key)).await;
    stand.proxy.disturb_next(Disturbance::None);
    let what = "the connection was reset in the place of an answer to a read";
    sent_again(notes, &ended, what, reused);
    swallowed(notes, &ended, what);
}

fn sent_again(notes: &mut Notes, ended: &Ended, what: &str, reused: bool) {
    let on = if reused { " on a reused connection" } else { "" };
    let carrying = ended.traffic.carrying;
    let told = format!("{what}{on}, and the client sent on {carrying} connections within one operation");
    notes.provoked(Lie::Retry, (carrying > 1).then_some(told));
}

/// An `ok` without an answer; where the client has sent again, the answer was to that.
fn swallowed(notes: &mut Notes, ended: &Ended, what: &str) {
    let ok_without_answer = ended.is(Outcome::Ok) && ended.traffic.carrying <= 1;
    notes.provoked(
        Lie::SwallowedError,
        ok_without_answer.then(|| format!("{what}, and the client said {}", ended.said())),
    );
}

async fn reset_on_accept(stand: &mut Stand<'_>, notes: &mut Notes) {
    let mut client = stand.client();
    let key = stand.key();
    stand.proxy.disturb_next(Disturbance::ResetOnAccept);
    let ended = stand.ask(&mut *client, &stand.object.update(key, 7)).await;
    stand.proxy.disturb_next(Disturbance::None);
    let connections = ended.traffic.connections;
    let told = format!("a new connection was reset, and the client made {connections} of them within one operation");
    notes.provoked(Lie::Reconnect, (connections > 1).then_some(told));
}

/// All connections are closed while the client is idle; soon it must reach the node again.
async fn closed_in_between(stand: &mut Stand<'_>, notes: &mut Notes) {
    let mut client = warmed_up(stand, true).await;
    let key = stand.key();
    stand.proxy.close_all();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut last = None;
    for _ in 0..3 {
        let ended = stand.ask(&mut *client, &stand.object.read(key)).await;
        sent_again(notes, &ended, "the idle connection was closed", true);
        if ended.is(Outcome::Ok) {
            swallowed_without_request(notes, &ended);
            notes.provoked(Lie::StaleConnection, None);
            return;
        }
        if !ended.goes_on() {
            // The load drops this client, and the next one has a connection of its own.
            notes.provoked(Lie::StaleConnection, None);
            return;
        }
        last = Some(ended);
    }
    let said = last.map_or_else(String::new, |ended| ended.said());
    let told = format!("the idle connection was closed, and three reads later the client still said {said}");
    notes.provoked(Lie::StaleConnection, Some(told));
}

fn swallowed_without_request(notes: &mut Notes, ended: &Ended) {
    let told = "a read was answered although nothing was sent".to_owned();
    notes.provoked(Lie::CachedRead, (ended.traffic.carrying == 0).then_some(told));
}

/// Another client changes what this one has read.
async fn changed_by_another(stand: &mut Stand<'_>, notes: &mut Notes) {
    let (mut client, mut other) = (stand.client(), stand.client());
    let key = stand.key();
    stand.ask(&mut *other, &stand.object.update(key, 3)).await;
    stand.ask(&mut *client, &stand.object.read(key)).await;
    let wrote = stand.ask(&mut *other, &stand.object.update(key, 4)).await;
    let read = stand.ask(&mut *client, &stand.object.read(key)).await;
    let Some(completion) = read.completion.as_ref().filter(|_| wrote.is(Outcome::Ok) && read.is(Outcome::Ok)) else {
        return notes.not_tried(Lie::CachedRead, "an operation without any disturbance did not succeed");
    };
    let before = stand.object.state(&[3]);
    let told = format!("another client had written 4, and this one still read {before}");
    let from_memory = completion.value == before || read.traffic.carrying == 0;
    notes.provoked(Lie::CachedRead, from_memory.then_some(told));
}

/// The answer to a read is late; a client that gives up on its own and goes on must not take it for that to the next.
async fn late_answer(stand: &mut Stand<'_>, notes: &mut Notes) {
    let mut client = stand.client();
    let (first, second) = (stand.key(), stand.key());
    for (key, value) in [(first, 11), (second, 22)] {
        stand.ask(&mut *client, &stand.object.update(key, value)).await;
    }
    stand.proxy.disturb_next(Disturbance::Hold);
    let late = stand.ask(&mut *client, &stand.object.read(first)).await;
    swallowed(notes, &late, "the answer to a read was held back");
    stand.proxy.let_go();
    if !late.goes_on() {
        // It is dropped with its connection, and the late answer finds nobody.
        return notes.provoked(Lie::AnswerOfAnother, None);
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let next = stand.ask(&mut *client, &stand.object.read(second)).await;
    let expected = stand.object.state(&[22]);
    let wrong = next.completion.as_ref().filter(|completion| next.is(Outcome::Ok) && completion.value != expected);
    let told = wrong.map(|completion| {
        format!(
            "the answer to a read of one key was late, and the next read, of a key with {expected}, returned {}",
            completion.value
        )
    });
    notes.provoked(Lie::AnswerOfAnother, told);
}
