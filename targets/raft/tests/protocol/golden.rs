//! Runs the golden scripts in `scripts/`. Beside the commands of all protocols (`targets/testkit/src/stage.rs`):
//!
//! | command | what it does |
//! |---|---|
//! | `cluster nodes=3 [leader=1] [timeout=100] [batch=] [inflight=] [snapshot=] [tail=] [sessions=] [mutant=]` | begins; `leader` was elected, and 50 ms have passed |
//! | `campaign 1` | node 1 misses its leader |
//! | `write 1 c1/1 k 5`, `cas 1 c1/2 k 5 6`, `append 1 c1/3 k 7`, `read 1 k` | a client asks node 1; `-` for no session |
//! | `txn 1 c1/4 r:a l:b a=5 b+7 c-5>=0` | … a transaction: reads a register, a list; writes, appends, adds to a counter |
//! | `status`, `log 1` | shows nodes |

use std::path::Path;

use rashomon_mutants::Mutants;
use rashomon_protocol::Reply;
use rashomon_raft::{
    Command, Config, Entry, Envelope, Event, Failure, Message, Mutant, Node, NodeId, Query, Response, Session, Step,
    Update, Value,
};
use rashomon_testkit::{Cluster, Options, Play, Scripted, Words, assert_scripts};

use crate::invariants::Invariants;

/// Watches a correct cluster; one with a mutant is expected to break what it breaks.
#[derive(Debug)]
struct Raft(Option<Invariants>);

impl Scripted for Raft {
    type Protocol = Node;

    fn begin(options: &Options<'_>) -> Result<(Raft, Cluster<Node>), String> {
        options.only(&["nodes", "leader", "timeout", "batch", "inflight", "snapshot", "tail", "sessions", "mutant"])?;
        let mutant = options.value("mutant").map(|name| Mutant::by_name(name).ok_or(format!("no mutant `{name}`")));
        let mutant = mutant.transpose()?;
        let size: NodeId = options.number("nodes", 3)?;
        let mut usual = Config::new(1, 1..=size);
        usual.election_timeout_ms = options.number("timeout", 100)?;
        usual.heartbeat_ms = usual.election_timeout_ms / 5;
        usual.max_batch = options.number("batch", 100)?;
        usual.max_inflight = options.number("inflight", 8)?;
        usual.snapshot_every = options.number("snapshot", 1000)?;
        usual.snapshot_tail = options.number("tail", 0)?;
        usual.max_sessions = options.number("sessions", 100)?;
        usual.mutant = mutant;
        let cluster = Cluster::new(size, |id| {
            // What a node draws is its own.
            Config { id, seed: Config::new(id, 1..=size).seed, ..usual.clone() }
        });
        Ok((Raft(mutant.is_none().then(Invariants::default)), cluster))
    }

    fn set_up(play: &mut Play<Raft>, options: &Options<'_>) -> Result<(), String> {
        let leader: NodeId = options.number("leader", 0)?;
        if leader > 0 {
            play.step(leader, Node::campaign_now);
            (0..5).try_for_each(|_| Self::pass(play))?;
        }
        Ok(())
    }

    fn command(play: &mut Play<Raft>, name: &str, words: &Words<'_>) -> Result<(), String> {
        match name {
            "campaign" => play.step(words.node(0)?, Node::campaign_now),
            "write" | "cas" | "append" | "read" | "txn" => ask(play, words.node(0)?, name, &words.rest())?,
            "status" => status(play),
            "log" => log(play, words.node(0)?)?,
            _ => return Err(format!("there is no command `{name}`")),
        }
        Ok(())
    }

    fn message(&self, _: u64, envelope: &Envelope) -> Option<String> {
        Some(show(envelope))
    }

    fn answer(&mut self, id: NodeId, asked: &str, reply: Reply<Result<Response, Failure>>) -> Option<String> {
        let answer = match reply.result {
            Ok(response) => show_response(&response),
            Err(failure) if failure.is_definite() => format!("{failure:?} (definite)"),
            Err(failure) => format!("{failure:?}"),
        };
        Some(format!("n{id} answers `{asked}`: {answer}"))
    }

    fn observe(&mut self, cluster: &Cluster<Node>, id: NodeId, events: &[Event]) {
        if let Some(invariants) = &mut self.0 {
            invariants.observe(cluster, id, events).expect("a correct cluster keeps the invariants");
        }
    }

    fn restarted(play: &mut Play<Raft>, id: NodeId) {
        if let Some(invariants) = &mut play.own.0 {
            invariants.restarted(id);
        }
        play.step(id, |_| ());
    }
}

fn ask(play: &mut Play<Raft>, id: NodeId, name: &str, rest: &Words<'_>) -> Result<(), String> {
    let deadline = play.cluster.now + 1000;
    let words = rest.0;
    let asked = format!("{name} {}", words.join(" "));
    let word = |at: usize| rest.word(at);
    let queries: Option<Vec<Query>> = match name {
        "txn" => words[1..].iter().map(|word| step(word).ok()?.query()).collect(),
        _ => None,
    };
    if let Some(queries) = queries {
        play.ask(id, asked, |node| node.read(Query::Many(queries), deadline))
    } else if name == "read" {
        let key = word(0)?.into();
        play.ask(id, asked, |node| node.read(Query::Register(key), deadline))
    } else {
        let session = match word(0)?.split_once('/') {
            Some((client, seq)) => {
                Some(Session { client: client.into(), seq: seq.parse().map_err(|_| "a session is NAME/NUMBER")? })
            }
            None => None,
        };
        let update = match name {
            "write" => Update::Write(value(word(2)?)),
            "txn" => Update::Transaction(words[1..].iter().map(|word| step(word)).collect::<Result<_, _>>()?),
            "cas" => Update::Cas { from: value(word(2)?), to: value(word(3)?) },
            _ => Update::ListAppend(value(word(2)?)),
        };
        let key = if name == "txn" { "".into() } else { word(1)?.into() };
        let command = Command { session, key, update };
        play.ask(id, asked, |node| node.write(command, deadline))
    }
}

fn status(play: &mut Play<Raft>) {
    for id in play.cluster.hosts.keys().copied().collect::<Vec<_>>() {
        let line = match play.cluster.node(id).map(Node::status) {
            None => format!("n{id} is down"),
            Some(status) => format!(
                "n{id} {} term={} leader={} commit={} applied={} log={}..={} snapshot={}",
                status.role,
                status.term,
                status.leader.map_or("-".to_owned(), |leader| leader.to_string()),
                status.commit,
                status.applied,
                status.first_index,
                status.last_index,
                status.snapshot_index
            ),
        };
        play.say(line);
    }
}

fn log(play: &mut Play<Raft>, id: NodeId) -> Result<(), String> {
    let log = play.cluster.node(id).ok_or("it is down")?.log();
    let entries: Vec<String> = log.all().iter().map(|entry| show_entry(entry)).collect();
    let line = format!("n{id} base={}@{} {}", log.base_index(), log.base_term(), entries.join(" "));
    play.say(line.trim_end());
    Ok(())
}

fn value(word: &str) -> Value {
    match word.parse() {
        Ok(number) => Value::Int(number),
        Err(_) if word == "nil" => Value::Null,
        Err(_) => Value::Text(word.into()),
    }
}

/// A step of a transaction: `r:a`, `l:a`, `c:a`, `a=5`, `a+5`, `a-5>=0`.
fn step(word: &str) -> Result<Step, String> {
    let wrong = || format!("`{word}` is no step of a transaction");
    if let Some((kind, key)) = word.split_once(':') {
        return match kind {
            "r" => Ok(Step::Read(key.into())),
            "l" => Ok(Step::ReadList(key.into())),
            "c" => Ok(Step::ReadCounter(key.into())),
            _ => Err(wrong()),
        };
    }
    if let Some((change, least)) = word.split_once(">=") {
        let at = change.find(['+', '-']).ok_or_else(wrong)?;
        let (key, amount) = change.split_at(at);
        let number = |text: &str| text.parse().map_err(|_| wrong());
        return Ok(Step::Add { key: key.into(), amount: number(amount)?, at_least: Some(number(least)?) });
    }
    let append = word.split_once('+').map(|(key, element)| Step::Append(key.into(), value(element)));
    append.or(word.split_once('=').map(|(key, written)| Step::Write(key.into(), value(written)))).ok_or_else(wrong)
}

fn show_value(value: &Value) -> String {
    match value {
        Value::Null => "nil".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text.to_string(),
    }
}

fn show_response(response: &Response) -> String {
    match response {
        Response::Done => "done".to_owned(),
        Response::Swapped(swapped) => format!("swapped={swapped}"),
        Response::Value(value) => show_value(value),
        Response::Elements(elements) => elements.iter().map(show_value).collect::<Vec<_>>().join(" "),
        Response::Count(count) => count.to_string(),
        Response::Many(answers) => {
            format!("[{}]", answers.iter().map(show_response).collect::<Vec<_>>().join("; "))
        }
        Response::Refused => "refused".to_owned(),
        Response::Superseded => "superseded".to_owned(),
    }
}

fn show_entry(entry: &Entry) -> String {
    let what = match entry.command.as_ref().map(|command| (&command.key, &command.update)) {
        None => "-".to_owned(),
        Some((key, Update::Write(value))) => format!("{key}={}", show_value(value)),
        Some((key, Update::Cas { from, to })) => format!("{key}:{}→{}", show_value(from), show_value(to)),
        Some((key, Update::ListAppend(value))) => format!("{key}+{}", show_value(value)),
        Some((_, Update::Transaction(steps))) => {
            let shown: Vec<String> = steps.iter().map(show_step).collect();
            shown.join(" ")
        }
        Some((key, other)) => format!("{key} {other:?}"),
    };
    format!("{}@{}({what})", entry.index, entry.term)
}

fn show_step(step: &Step) -> String {
    match step {
        Step::Read(key) => format!("r:{key}"),
        Step::ReadList(key) => format!("l:{key}"),
        Step::ReadCounter(key) => format!("c:{key}"),
        Step::Write(key, value) => format!("{key}={}", show_value(value)),
        Step::Append(key, value) => format!("{key}+{}", show_value(value)),
        Step::Add { key, amount, at_least: None } => format!("{key}{amount:+}"),
        Step::Add { key, amount, at_least: Some(least) } => format!("{key}{amount:+}>={least}"),
    }
}

fn show(envelope: &Envelope) -> String {
    let what = match &envelope.message {
        Message::RequestVote { pre, for_term, last_index, last_term } => {
            format!("{} for_term={for_term} last={last_index}@{last_term}", if *pre { "PreVote?" } else { "Vote?" })
        }
        Message::Vote { pre, for_term, granted } => {
            format!("{} for_term={for_term} granted={granted}", if *pre { "PreVote" } else { "Vote" })
        }
        Message::Append { prev_index, prev_term, entries, commit, round } => {
            let entries: Vec<String> = entries.iter().map(|entry| show_entry(entry)).collect();
            let entries = if entries.is_empty() { "heartbeat".to_owned() } else { entries.join(" ") };
            format!("Append prev={prev_index}@{prev_term} commit={commit} round={round} {entries}")
        }
        Message::Accepted { match_index, round } => format!("Accepted match={match_index} round={round}"),
        Message::Rejected { prev_index, hint_index, hint_term, round } => {
            format!("Rejected prev={prev_index} hint={hint_index}@{hint_term} round={round}")
        }
        Message::StaleTerm => "StaleTerm".to_owned(),
        Message::InstallSnapshot { snapshot, round } => {
            format!("InstallSnapshot {}@{} round={round}", snapshot.last_index, snapshot.last_term)
        }
        Message::Forward { writes } => format!("Forward writes={}", writes.len()),
        Message::Forwarded { results } => {
            format!(
                "Forwarded {}",
                results.iter().map(|(_, result)| show_response(result)).collect::<Vec<_>>().join(" ")
            )
        }
        Message::NotLeader { writes } => format!("NotLeader writes={}", writes.len()),
        Message::ReadIndex { .. } => "ReadIndex".to_owned(),
        Message::ReadAt { index, index_term, .. } => format!("ReadAt {index}@{index_term}"),
    };
    format!("  {}→{} t{} {what}", envelope.from, envelope.to, envelope.term)
}

#[test]
fn scripts_say_what_they_said() {
    assert_scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/protocol/scripts"), 15, Play::<Raft>::new);
}
