//! Runs the golden scripts in `scripts/`. Beside the commands of all protocols (`targets/testkit/src/stage.rs`):
//!
//! | command | what it does |
//! |---|---|
//! | `cluster nodes=3 [gossip=state] [set=lww] [deltas=] [mutant=]` | begins; replicas get to know each other |
//! | `gossip [1]` | a gossip interval passes, for all nodes or one |
//! | `settle` | syncs and delivers and gossips until nothing is left, quietly |
//! | `collect` | all nodes look for tombstones to drop |
//! | `count 1 k 5`, `write 1 k 5`, `put 1 k 5` | at node 1: adds to a counter, writes a register, puts a sibling that supersedes all there |
//! | `add 1 k 5`, `remove 1 k 5` | a set |
//! | `set 1 k f 5`, `unset 1 k f` | a map |
//! | `insert 1 k 5 [4]`, `delete 1 k 5` | a text |
//! | `read 1 set k` | the state of node 1: counter, register, siblings, set, map, text |
//! | `status` | shows all nodes |

use std::path::Path;
use std::sync::Arc;

use rashomon_crdt::types::{MapOperation, RgaOperation, SetOperation};
use rashomon_crdt::{
    Config, Envelope, Gossip, Key, Message, Mutant, NodeId, Query, Reading, Refusal, Replica, SetKind, Update,
};
use rashomon_mutants::Mutants;
use rashomon_protocol::Reply;
use rashomon_testkit::{Cluster, Options, Play, Scripted, Words, assert_scripts};

const GOSSIP_MS: u64 = 10;

/// Which kind of set a script is about.
#[derive(Debug)]
struct Crdts(SetKind);

impl Scripted for Crdts {
    type Protocol = Replica;

    fn begin(options: &Options<'_>) -> Result<(Crdts, Cluster<Replica>), String> {
        options.only(&["nodes", "deltas", "gossip", "set", "mutant"])?;
        let mutant = options.value("mutant").map(|name| Mutant::by_name(name).ok_or(format!("no mutant `{name}`")));
        let mutant = mutant.transpose()?;
        let (nodes, deltas): (NodeId, usize) = (options.number("nodes", 3)?, options.number("deltas", 100)?);
        let gossip = match options.value("gossip") {
            None => Gossip::Deltas,
            Some("state") => Gossip::States,
            Some(other) => return Err(format!("`{other}` is no way to gossip")),
        };
        let sets = match options.value("set") {
            None => SetKind::default(),
            Some("lww") => SetKind::LastWriterWins,
            Some(other) => return Err(format!("`{other}` is no kind of set")),
        };
        let mut cluster = Cluster::new(nodes, |id| {
            let mut config = Config::new(id, 1..=nodes);
            config.gossip_ms = GOSSIP_MS;
            config.gossip = gossip;
            config.sets = sets;
            config.max_deltas = deltas;
            config.collect_ms = 1_000;
            config.mutant = mutant;
            config
        });
        // Only the time of nodes that a script names passes.
        cluster.hosts.values_mut().for_each(|host| host.time = Some(0));
        Ok((Crdts(sets), cluster))
    }

    fn set_up(play: &mut Play<Crdts>, _: &Options<'_>) -> Result<(), String> {
        settle(play);
        Ok(())
    }

    fn command(play: &mut Play<Crdts>, name: &str, words: &Words<'_>) -> Result<(), String> {
        match name {
            "gossip" => {
                play.cluster.now += GOSSIP_MS;
                words.one_or_all(&play.cluster)?.into_iter().for_each(|id| tick(play, id));
            }
            "collect" => {
                play.cluster.now += 1_000;
                words.one_or_all(&play.cluster)?.into_iter().for_each(|id| tick(play, id));
                play.flying.clear();
            }
            "settle" => play.quietly(settle),
            "read" => {
                let (query, key) = (query(words.word(1)?)?, Key::from(words.word(2)?));
                let reading = replica(play, words.node(0)?)?.store().read(&key, query, play.own.0);
                play.say(show_reading(&reading));
            }
            "status" => words.one_or_all(&play.cluster)?.into_iter().for_each(|id| status(play, id)),
            _ => update(play, name, words.node(0)?, &words.rest())?,
        }
        Ok(())
    }

    fn message(&self, _: u64, envelope: &Envelope) -> Option<String> {
        Some(format!("n{} → n{} {}", envelope.from.node, envelope.to, show_message(&envelope.message)))
    }

    fn answer(&mut self, id: NodeId, asked: &str, reply: Reply<Result<Option<Reading>, Refusal>>) -> Option<String> {
        Some(match reply.result {
            Ok(_) => format!("n{id} has done `{asked}`"),
            Err(refusal) => format!("n{id} refuses `{asked}`: {refusal:?}"),
        })
    }
}

fn settle(play: &mut Play<Crdts>) {
    for _ in 0..20 {
        play.cluster.now += GOSSIP_MS;
        for id in play.cluster.hosts.keys().copied().collect::<Vec<_>>() {
            tick(play, id);
            play.sync(id);
        }
        play.deliver(None, true);
    }
}

fn tick(play: &mut Play<Crdts>, id: NodeId) {
    play.cluster.host(id).time = Some(play.cluster.now);
    play.step(id, |_| ());
}

fn replica(play: &Play<Crdts>, id: NodeId) -> Result<&Replica, String> {
    play.cluster.node(id).ok_or(format!("n{id} is down"))
}

fn status(play: &mut Play<Crdts>, id: NodeId) {
    let line = match play.cluster.node(id).map(Replica::status) {
        Some(status) => {
            let (actor, sequence) = (status.actor, status.sequence);
            format!("n{id} {actor} sequence={sequence} deltas={} tombstones={}", status.deltas, status.tombstones)
        }
        None => format!("n{id} down"),
    };
    play.say(line);
}

fn update(play: &mut Play<Crdts>, name: &str, id: NodeId, words: &Words<'_>) -> Result<(), String> {
    let key: Key = words.word(0)?.into();
    let number = |at| words.number::<i64>(at);
    let field = || words.word(1).map(Arc::<str>::from);
    let update = match name {
        "count" => Update::CounterAdd(number(1)?),
        "write" => Update::RegisterWrite(number(1)?),
        "put" => {
            let reading = replica(play, id)?.store().read(&key, Query::Siblings, play.own.0);
            let Reading::Siblings(siblings) = reading else { return Err("no siblings".to_owned()) };
            Update::SiblingsPut { value: number(1)?, seen: siblings.into_iter().map(|(dot, _)| dot).collect() }
        }
        "add" => Update::Set(SetOperation::Add(number(1)?)),
        "remove" => Update::Set(SetOperation::Remove(number(1)?)),
        "set" => Update::Map(MapOperation::Put(field()?, number(2)?)),
        "unset" => Update::Map(MapOperation::Remove(field()?)),
        "insert" => Update::Text(RgaOperation::Insert(number(1)?, number(2).ok())),
        "delete" => Update::Text(RgaOperation::Delete(number(1)?)),
        _ => return Err(format!("there is no command `{name}`")),
    };
    let asked = format!("{name} {id} {}", words.0.join(" "));
    play.ask(id, asked, |replica| replica.update(&key, &update))
}

fn query(kind: &str) -> Result<Query, String> {
    Ok(match kind {
        "counter" => Query::Counter,
        "register" => Query::Register,
        "siblings" => Query::Siblings,
        "set" => Query::Set,
        "map" => Query::Map,
        "text" => Query::Text,
        _ => return Err(format!("there is no type `{kind}`")),
    })
}

fn show_reading(reading: &Reading) -> String {
    match reading {
        Reading::Total(total) => total.to_string(),
        Reading::Register(value) => value.map_or_else(|| "nothing".to_owned(), |value| value.to_string()),
        Reading::Siblings(siblings) => {
            let shown: Vec<String> = siblings.iter().map(|(dot, value)| format!("{value} ({dot})")).collect();
            shown.join(", ")
        }
        Reading::Elements(elements) => format!("{elements:?}"),
        Reading::Fields(fields) => format!("{fields:?}"),
    }
}

fn show_message(message: &Message) -> String {
    match message {
        Message::Gossip { continues: None, upto, content } => {
            format!("state of {} objects upto={upto}", content.objects())
        }
        Message::Gossip { continues: Some(_), upto, content } => {
            format!("deltas of {} objects upto={upto}", content.objects())
        }
        Message::Ack { upto, .. } => format!("ack upto={upto}"),
        Message::Stranger { .. } => "stranger".to_owned(),
    }
}

#[test]
fn scripts_say_what_they_said() {
    assert_scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/protocol/scripts"), 1, Play::<Crdts>::new);
}
