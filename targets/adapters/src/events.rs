//! Which lines of the included nodes' logs are protocol events.

use rashomon_harness::target::{EventSource, LogPattern};

/// Of the Raft: elections and snapshots.
pub(crate) fn raft() -> EventSource {
    log(&[
        ("leader", r" raft: leads term=(?<term>\d+)"),
        ("follower", r" raft: follows term=(?<term>\d+) (?<detail>leader=\d+)"),
        ("candidate", r" raft: stands for election term=(?<term>\d+)"),
        ("quorum-lost", r" raft: lost its quorum and steps down term=(?<term>\d+)"),
        ("snapshot-taken", r" raft: took a snapshot (?<detail>index=\d+)"),
        ("snapshot-sent", r" raft: sends a snapshot (?<detail>to=\d+ index=\d+)"),
        ("snapshot-installed", r" raft: installed a snapshot (?<detail>from=\d+ index=\d+)"),
    ])
}

/// Of the membership protocol: who is there.
pub(crate) fn members() -> EventSource {
    log(MEMBERS)
}

/// Of the Dynamo: who is there, and the ring.
pub(crate) fn dynamo() -> EventSource {
    log(&[MEMBERS, &[("ring", r" dynamo: ring changed (?<detail>.*)")]].concat())
}

const MEMBERS: &[(&str, &str)] = &[
    ("joined", r" swim: is a member @(?<detail>\d+)"),
    ("left", r" swim: has left @(?<detail>\d+)"),
    ("member", r" swim: sees (?<detail>\d+ \S+ @\d+)"),
];

fn log(patterns: &[(&str, &str)]) -> EventSource {
    EventSource::Log(patterns.iter().map(|&(kind, regex)| LogPattern::new(kind, regex)).collect())
}

#[cfg(test)]
mod tests {
    use rashomon_harness::protocol_events::LogLines;
    use rashomon_raft::Event;

    use super::*;

    /// The kinds under which lines of a log are events.
    fn kinds(source: EventSource, lines: &[String]) -> Vec<Option<(String, Option<u64>)>> {
        let EventSource::Log(patterns) = source else { panic!("a log") };
        let read = LogLines::new(&patterns).expect("the patterns are right");
        lines.iter().map(|line| read.kind_and_term(line)).collect()
    }

    #[test]
    fn what_the_raft_prints_is_understood() {
        let line = |event: Event| format!("[    1.000000] INFO raft: {event}");
        let lines = [
            line(Event::Leader { term: 4, first_index: 9 }),
            line(Event::Follower { term: 5, leader: Some(2) }),
            line(Event::Candidate { term: 6 }),
            line(Event::QuorumLost { term: 7 }),
            line(Event::SnapshotTaken { index: 200, bytes: 4096 }),
            line(Event::SnapshotInstalled { leader: 1, index: 200 }),
            line(Event::PreCandidate { for_term: 8 }),
        ];
        let event = |kind: &str, term| Some((kind.to_owned(), term));
        let expected = [
            event("leader", Some(4)),
            event("follower", Some(5)),
            event("candidate", Some(6)),
            event("quorum-lost", Some(7)),
            event("snapshot-taken", None),
            event("snapshot-installed", None),
            None,
        ];
        assert_eq!(kinds(raft(), &lines), expected);
    }

    #[test]
    fn what_the_membership_prints_is_understood() {
        let lines = ["is a member @3", "has left @3", "sees 2 alive→suspect @1 by=3", "forgets 2"]
            .map(|text| format!("x swim: {text}"));
        let found: Vec<Option<String>> =
            kinds(members(), &lines).into_iter().map(|event| event.map(|(kind, _)| kind)).collect();
        let expected = ["joined", "left", "member"].map(|kind| Some(kind.to_owned()));
        assert_eq!(found[..3], expected);
        assert_eq!(found[3], None);
        let ring = ["x dynamo: ring changed version=2 stage=Done members=[1]".to_owned()];
        assert_eq!(kinds(dynamo(), &ring), [Some(("ring".to_owned(), None))]);
    }
}
