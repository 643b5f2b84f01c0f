//! Runs the golden scripts in `scripts/`. Beside the commands of all protocols (`targets/testkit/src/stage.rs`):
//!
//! | command | what it does |
//! |---|---|
//! | `cluster nodes=3 [forget=MS] [mutant=NAME]` | begins; all nodes are seeds |
//! | `run 500` | 500 ms pass; what is sent within ten of them arrives at their end |
//! | `leave 1`, `join 1` | a client asks node 1 |
//! | `tell 1 2 alive 3` | node 1 hears that node 2 is alive in its incarnation 3 |
//! | `view [1]` | what nodes see |
//! | `listen 1 2` | shows what these nodes send each other from now on |

use std::collections::BTreeSet;
use std::path::Path;

use rashomon_mutants::Mutants;
use rashomon_protocol::Reply;
use rashomon_swim::{Config, Envelope, Event, Member, Message, Mutant, NodeId, NotYet, Payload, Rumor, State, Swim};
use rashomon_testkit::{Cluster, Options, Play, Scripted, Words, assert_scripts};

/// Between whom messages are shown.
#[derive(Debug, Default)]
struct Membership {
    heard: BTreeSet<NodeId>,
}

impl Scripted for Membership {
    type Protocol = Swim;

    fn begin(options: &Options<'_>) -> Result<(Membership, Cluster<Swim>), String> {
        options.only(&["nodes", "forget", "mutant"])?;
        let mutant = options.value("mutant").map(|name| Mutant::by_name(name).ok_or(format!("no mutant `{name}`")));
        let mutant = mutant.transpose()?;
        let nodes: NodeId = options.number("nodes", 3)?;
        let forget = options.number("forget", Config::new(1, [1]).forget_after_ms)?;
        let cluster = Cluster::new(nodes, |id| {
            let mut config = Config::new(id, 1..=nodes);
            config.mutant = mutant;
            config.forget_after_ms = forget;
            config
        });
        Ok((Membership::default(), cluster))
    }

    fn command(play: &mut Play<Membership>, name: &str, words: &Words<'_>) -> Result<(), String> {
        match name {
            "leave" => play.step(words.node(0)?, |node| node.leave()),
            "join" => play.step(words.node(0)?, |node| node.join()),
            "tell" => {
                let state = match words.word(2)? {
                    "alive" => State::Alive,
                    "suspect" => State::Suspect,
                    "dead" => State::Dead,
                    "left" => State::Left,
                    other => return Err(format!("`{other}` is no state")),
                };
                let (to, about) = (words.node(0)?, words.node(1)?);
                let member = Member { id: about, state, incarnation: words.number(3)?, payload: Payload::from([]) };
                let rumors = vec![Rumor { member, by: about }];
                let from = if to == 1 { 2 } else { 1 };
                play.step(to, |node| node.receive(Envelope { from, to, message: Message::Gossip, rumors }));
            }
            "view" => {
                let ids = if words.is_empty() { play.cluster.up() } else { vec![words.node(0)?] };
                ids.into_iter().for_each(|id| view(play, id));
            }
            "listen" => play.own.heard = words.0.iter().filter_map(|word| word.parse().ok()).collect(),
            _ => return Err(format!("there is no command `{name}`")),
        }
        Ok(())
    }

    /// Messages are shown as they arrive.
    fn message(&self, _: u64, _: &Envelope) -> Option<String> {
        None
    }

    fn answer(&mut self, _: NodeId, _: &str, _: Reply<Result<(), NotYet>>) -> Option<String> {
        None
    }

    fn event(now: u64, id: NodeId, event: &Event) -> String {
        format!("{now:>6} n{id} {event}")
    }

    /// What it does first belongs to the next ten milliseconds.
    fn restarted(_: &mut Play<Membership>, _: NodeId) {}

    /// Messages of the last ten milliseconds arrive, writes of the last ones are durable.
    fn pass(play: &mut Play<Membership>) -> Result<(), String> {
        play.cluster.now += 10;
        for id in play.cluster.running() {
            if let Some(output) = play.cluster.sync(id) {
                play.handle(id, output);
            }
            play.step(id, |_| ());
        }
        for envelope in std::mem::take(&mut play.flying) {
            let (from, to) = (envelope.from, envelope.to);
            if play.cluster.is_paused(to) {
                play.flying.push(envelope);
                continue;
            }
            let lost = play.cut.contains(&(from, to));
            if play.own.heard.contains(&from) && play.own.heard.contains(&to) {
                let fate = if lost { " (lost)" } else { "" };
                play.say(format!("{:>6}   {}{fate}", play.cluster.now, show(&envelope)));
            }
            if !lost {
                play.step(to, |node| node.receive(envelope));
            }
        }
        Ok(())
    }
}

fn view(play: &mut Play<Membership>, id: NodeId) {
    let members = play.cluster.node(id).map(|node| node.members()).unwrap_or_default();
    let seen: Vec<String> =
        members.iter().map(|member| format!("{} {} @{}", member.id, member.state, member.incarnation)).collect();
    play.say(format!("n{id}: {}", seen.join(", ")));
}

fn show(envelope: &Envelope) -> String {
    let rumor = |rumor: &Rumor| {
        let Member { id, state, incarnation, .. } = &rumor.member;
        format!("{id} {state} @{incarnation}")
    };
    let what = match &envelope.message {
        Message::Ping { .. } => "Ping".to_owned(),
        Message::PingRequest { target, .. } => format!("PingRequest {target}"),
        Message::Ack { .. } => "Ack".to_owned(),
        Message::Nack { .. } => "Nack".to_owned(),
        Message::Gossip => "Gossip".to_owned(),
        Message::Push { members } => format!("Push {}", members.iter().map(rumor).collect::<Vec<_>>().join(", ")),
        Message::Pull { members } => format!("Pull {}", members.iter().map(rumor).collect::<Vec<_>>().join(", ")),
    };
    let rumors: Vec<String> = envelope.rumors.iter().map(rumor).collect();
    let rumors = if rumors.is_empty() { String::new() } else { format!(" [{}]", rumors.join(", ")) };
    format!("{}→{} {what}{rumors}", envelope.from, envelope.to)
}

#[test]
fn scripts_say_what_they_said() {
    assert_scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/protocol/scripts"), 10, Play::<Membership>::new);
}
