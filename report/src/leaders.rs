//! Who led when, from what the nodes reported of their protocol.

use rashomon_runs::ProtocolEvent;

/// A node's leadership, as far as it was reported: until the next node became the leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leadership<'a> {
    pub(crate) node: &'a str,
    pub(crate) term: Option<u64>,
    /// When the harness learned of it, ns.
    pub(crate) from: u64,
    /// When it learned of the next one; `None` for the last.
    pub(crate) to: Option<u64>,
}

/// All leaderships in order of time. Of several that are reported out of order, one of an older term is left out: its
/// node led before the report came.
pub(crate) fn leaderships(events: &[ProtocolEvent]) -> Vec<Leadership<'_>> {
    let mut found: Vec<Leadership<'_>> = Vec::new();
    for event in events.iter().filter(|event| event.is_new_leader()) {
        if let Some(last) = found.last_mut() {
            if event.term.is_some() && event.term < last.term {
                continue;
            }
            last.to = Some(event.at_ns);
        }
        found.push(Leadership { node: &event.node, term: event.term, from: event.at_ns, to: None });
    }
    found
}

/// Who led at a time, as far as it was reported.
pub(crate) fn at<'l, 'a>(leaderships: &'l [Leadership<'a>], time: u64) -> Option<&'l Leadership<'a>> {
    leaderships.iter().rev().find(|leadership| leadership.from <= time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leader(node: &str, at_ns: u64, term: u64) -> ProtocolEvent {
        ProtocolEvent {
            node: node.to_owned(),
            at_ns,
            kind: ProtocolEvent::LEADER.to_owned(),
            term: Some(term),
            detail: String::new(),
        }
    }

    #[test]
    fn a_leadership_lasts_until_the_next_of_a_later_term() {
        let snapshot = ProtocolEvent { kind: "snapshot-taken".to_owned(), ..leader("n3", 15, 1) };
        let events = [leader("n1", 10, 1), snapshot, leader("n2", 30, 3), leader("n1", 31, 2)];
        let found = leaderships(&events);
        assert_eq!(
            found.iter().map(|one| (one.node, one.from, one.to)).collect::<Vec<_>>(),
            [("n1", 10, Some(30)), ("n2", 30, None)]
        );
        assert_eq!(at(&found, 29).map(|one| one.node), Some("n1"));
        assert_eq!(at(&found, 9), None);
    }
}
