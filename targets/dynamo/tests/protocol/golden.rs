//! Runs the golden scripts in `scripts/`. Beside the commands of all protocols (`targets/testkit/src/stage.rs`):
//!
//! | command | what it does |
//! |---|---|
//! | `cluster nodes=5 [n= r= w=] [sloppy] [lww] [patience=] [handoff=] [grace=] [anti-entropy=] [deadline=] [no-hints] [no-repair] [members=] [mutant=]` | begins; disks and messages are served once |
//! | `down 3`, `up 3` | all failure detectors say so |
//! | `read 1 cart/a`, `write 1 register/a 5`, `delete 1 register/a`, `add 1 cart/a 5`, `remove 1 cart/a 5`, `count 1 counter/a 5` | a client asks node 1 |
//! | `put 1 siblings/a 5`, `put 1 siblings/a 5 seen` | without context; with that of the last read of the key |
//! | `join 5`, `leave 5` | node 5 asks the claimant |
//! | `preference-list cart/a`, `holds cart/a`, `hints`, `ring` | shows things |

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rashomon_dynamo::{
    Ask, Config, Conflict, Context, Envelope, Failure, Key, Mutant, Node, NodeId, QuorumKind, Response, Space, Update,
};
use rashomon_mutants::Mutants;
use rashomon_protocol::Reply;
use rashomon_testkit::{Cluster, Options, Play, Scripted, Words, assert_scripts};

use crate::show::{show, show_object, show_response, value};

const OPTIONS: [&str; 15] = [
    "nodes",
    "members",
    "n",
    "r",
    "w",
    "sloppy",
    "lww",
    "patience",
    "handoff",
    "grace",
    "anti-entropy",
    "deadline",
    "no-hints",
    "no-repair",
    "mutant",
];

/// What scripts of this protocol need besides the cluster.
#[derive(Debug)]
struct Dynamo {
    down: BTreeSet<NodeId>,
    seen: BTreeMap<Key, Context>,
    /// How long a client waits, ms.
    deadline: u64,
}

impl Scripted for Dynamo {
    type Protocol = Node;

    fn begin(options: &Options<'_>) -> Result<(Dynamo, Cluster<Node>), String> {
        options.only(&OPTIONS)?;
        let mutant = options.value("mutant").map(|name| Mutant::by_name(name).ok_or(format!("no mutant `{name}`")));
        let mutant = mutant.transpose()?;
        let size: NodeId = options.number("nodes", 5)?;
        let members: NodeId = options.number("members", size)?;
        let mut config = Config::new(1, 1..=size);
        config.members = (1..=members).collect();
        config.quorum.n = options.number("n", 3)?;
        config.quorum.r = options.number("r", 2)?;
        config.quorum.w = options.number("w", 2)?;
        if options.has("sloppy") {
            config.kind = QuorumKind::Sloppy;
        }
        if options.has("lww") {
            config.conflict = Conflict::LastWriteWins;
        }
        config.patience_ms = options.number("patience", 20)?;
        config.handoff_ms = options.number("handoff", 50)?;
        config.grace_ms = options.number("grace", 300)?;
        config.anti_entropy_ms = options.number("anti-entropy", 0)?;
        config.hints = !options.has("no-hints");
        config.read_repair = !options.has("no-repair");
        config.mutant = mutant;
        let own = Dynamo { down: BTreeSet::new(), seen: BTreeMap::new(), deadline: options.number("deadline", 200)? };
        let cluster = Cluster::new(size, |id| Config { id, ..config.clone() });
        Ok((own, cluster))
    }

    fn set_up(play: &mut Play<Dynamo>, _: &Options<'_>) -> Result<(), String> {
        play.tick(1);
        play.stabilize()
    }

    fn command(play: &mut Play<Dynamo>, name: &str, words: &Words<'_>) -> Result<(), String> {
        match name {
            "down" | "up" => {
                let id = words.node(0)?;
                if name == "down" {
                    play.own.down.insert(id)
                } else {
                    play.own.down.remove(&id)
                };
                let all = play.cluster.hosts.keys().copied();
                let reachable: Vec<NodeId> = all.filter(|id| !play.own.down.contains(id)).collect();
                for id in play.cluster.up() {
                    let reachable = reachable.clone();
                    play.step(id, |node| node.reach(reachable));
                }
            }
            "join" | "leave" => play.step(words.node(0)?, |node| node.change(name == "join")),
            "preference-list" | "holds" => replicas(play, name, &key(words.word(0)?)?),
            "hints" | "ring" => status(play, name),
            _ => ask(play, name, words.node(0)?, &words.rest())?,
        }
        Ok(())
    }

    fn message(&self, _: u64, envelope: &Envelope) -> Option<String> {
        show(envelope)
    }

    fn answer(&mut self, id: NodeId, asked: &str, reply: Reply<Result<Response, Failure>>) -> Option<String> {
        // The node asks itself, too.
        if asked.is_empty() {
            return None;
        }
        let answer = match reply.result {
            Ok(response) => {
                if let (Response::Siblings(_, context), Some(Ok(key))) = (&response, asked.split(' ').nth(1).map(key)) {
                    self.seen.insert(key, context.clone());
                }
                show_response(&response)
            }
            Err(failure) if failure.is_definite() => format!("{failure:?} (definite)"),
            Err(failure) => format!("{failure:?}"),
        };
        Some(format!("n{id} answers `{asked}`: {answer}"))
    }
}

fn ask(play: &mut Play<Dynamo>, name: &str, id: NodeId, words: &Words<'_>) -> Result<(), String> {
    let deadline = play.cluster.now + play.own.deadline;
    let key = key(words.word(0)?)?;
    let seen = play.own.seen.get(&key).cloned().unwrap_or_default();
    let ask = match name {
        "read" => Ask::Read,
        "write" => Ask::Update(Update::Write(value(words.word(1)?))),
        "delete" => Ask::Update(Update::Delete(seen)),
        "add" => Ask::Update(Update::Add(value(words.word(1)?))),
        "remove" => Ask::Update(Update::Remove(value(words.word(1)?))),
        "put" if words.word(2).is_ok() => Ask::Update(Update::Put(value(words.word(1)?), seen)),
        "put" => Ask::Update(Update::Put(value(words.word(1)?), Context::default())),
        "count" => Ask::Update(Update::Count(words.number(1)?)),
        _ => return Err(format!("there is no command `{name}`")),
    };
    play.ask(id, format!("{name} {}", words.0.join(" ")), |node| node.ask(key, ask, None, deadline))
}

fn replicas(play: &mut Play<Dynamo>, what: &str, key: &Key) {
    let up = play.cluster.up();
    if what == "preference-list" {
        let first = up.first().and_then(|id| play.cluster.node(*id));
        let replicas = first.map(|node| node.preference_list(key)).unwrap_or_default();
        return play.say(format!("{replicas:?}"));
    }
    for id in up {
        let held = play.cluster.node(id).and_then(|node| node.holds(key)).map(show_object);
        if let Some(held) = held {
            play.say(format!("n{id} {held}"));
        }
    }
}

fn status(play: &mut Play<Dynamo>, what: &str) {
    for id in play.cluster.up() {
        let Some(node) = play.cluster.node(id) else { continue };
        let status = node.status();
        let ring = status.ring;
        let line = match what {
            "ring" => format!("n{id} version={} {:?} {:?}", ring.version, ring.stage, ring.members),
            _ => format!("n{id} hints={} for={:?}", status.hints.1, status.hints.0),
        };
        play.say(line);
    }
}

fn key(word: &str) -> Result<Key, String> {
    let (space, name) = word.split_once('/').ok_or(format!("`{word}` is no key"))?;
    let space = match space {
        "register" => Space::Register,
        "siblings" => Space::Siblings,
        "set" => Space::Set,
        "cart" => Space::Cart,
        "counter" => Space::Counter,
        _ => return Err(format!("there is no kind `{space}`")),
    };
    Ok(Key { space, name: name.into() })
}

#[test]
fn scripts_say_what_they_said() {
    assert_scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/protocol/scripts"), 20, Play::<Dynamo>::new);
}
