//! The check *no unexpected exits*: a system whose processes end on their own has a bug, whatever its history says.
//!
//! Not counted are processes that the harness killed, those that used more of the machine than the lab gives them, and
//! those of a target that exits by design.

use rashomon_checkers::{Anomaly, Finding, Judgement};
use rashomon_runs::{Evidence, NodeExit};

/// The check's name in verdicts.
const NAME: &str = "no unexpected exits";
/// So many of its last lines are in the sentence; the others are in the explanation.
const QUOTED: usize = 3;
/// So many exits are described one by one.
const DESCRIBED: usize = 20;

/// The judgement on the exits of a run; `None` when there is nothing to judge.
pub(super) fn judgement(evidence: &Evidence) -> Option<Judgement> {
    if evidence.exits_by_design {
        return None;
    }
    let exits: Vec<&NodeExit> = evidence.unexpected_exits.iter().filter(|exit| exit.limit.is_none()).collect();
    if exits.is_empty() {
        return None;
    }
    let mut notes = Vec::new();
    if exits.len() > DESCRIBED {
        notes.push(format!("{} further exits are not described", exits.len() - DESCRIBED));
    }
    let anomalies = exits.into_iter().take(DESCRIBED).map(|exit| anomaly(exit, evidence.never_served)).collect();
    Some(Judgement {
        checker: NAME.to_owned(),
        finding: Finding::Invalid,
        anomalies,
        unknown: Vec::new(),
        methods: Vec::new(),
        notes,
        measurements: Vec::new(),
    })
}

fn anomaly(exit: &NodeExit, never_served: bool) -> Anomaly {
    let NodeExit { node, at_ns, how, process, .. } = exit;
    let who = if process.is_empty() || process == "node" { node.clone() } else { format!("{process} of {node}") };
    let when = if never_served {
        "before the cluster served".to_owned()
    } else {
        format!("at {:.3} s, although no fault had killed it", *at_ns as f64 / 1e9)
    };
    let log = if exit.log.is_empty() { "node.log" } else { &exit.log };
    let mut explanation: Vec<String> = exit.last_lines.iter().map(|line| format!("its log: {line}")).collect();
    explanation.push(format!("the whole log: nodes/{node}/{log}"));
    if never_served {
        let hint = "if it misses a file: a node sees system programs and what its command names (docs/isolation.md)";
        explanation.push(hint.to_owned());
    }
    let last = &exit.last_lines[exit.last_lines.len().saturating_sub(QUOTED)..];
    let said = if last.is_empty() { String::new() } else { format!("; it last printed: {}", last.join(" / ")) };
    Anomaly {
        name: "unexpected exit".to_owned(),
        sentence: format!("{who} {how} {when}{said}"),
        key: String::new(),
        operations: Vec::new(),
        explanation,
        window: (at_ns.saturating_sub(1_000_000_000), at_ns.saturating_add(1_000_000_000)),
        edges: Vec::new(),
    }
}

/// Why the exits of a run leave its verdict open.
pub(super) fn missing(evidence: &Evidence) -> Vec<String> {
    let limited = evidence.unexpected_exits.iter().filter_map(|exit| Some((exit, exit.limit.as_ref()?)));
    limited
        .map(|(exit, limit)| {
            let seconds = exit.at_ns as f64 / 1e9;
            format!(
                "{} reached a limit of the lab at {seconds:.3} s ({limit}): see nodes/{}/node.log",
                exit.node, exit.node
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(node: &str) -> NodeExit {
        NodeExit {
            node: node.to_owned(),
            process: "node".to_owned(),
            at_ns: 1_500_000_000,
            how: "exited with code 101".to_owned(),
            last_lines: vec!["panicked at src/log.rs".to_owned()],
            ..NodeExit::default()
        }
    }

    #[test]
    fn an_exit_is_a_finding_that_names_node_time_and_last_words() {
        let evidence = Evidence { unexpected_exits: vec![exit("n3")], ..Evidence::default() };
        let judgement = judgement(&evidence).unwrap();
        assert_eq!(judgement.finding, Finding::Invalid);
        assert_eq!(
            judgement.anomalies[0].sentence,
            "n3 exited with code 101 at 1.500 s, although no fault had killed it; it last printed: panicked at src/log.rs"
        );
        let never = Evidence { never_served: true, ..evidence.clone() };
        let sentence = &super::judgement(&never).unwrap().anomalies[0].sentence;
        assert!(sentence.contains("before the cluster served"), "{sentence}");
        let sentinel = NodeExit { process: "sentinel".to_owned(), ..exit("n1") };
        let of_sentinel = Evidence { unexpected_exits: vec![sentinel], ..Evidence::default() };
        assert!(super::judgement(&of_sentinel).unwrap().anomalies[0].sentence.starts_with("sentinel of n1 exited"));
    }

    #[test]
    fn limits_of_the_lab_and_exits_by_design_are_no_findings() {
        let limited = NodeExit { limit: Some("it used 9 GiB of memory".to_owned()), ..exit("n2") };
        let evidence = Evidence { unexpected_exits: vec![limited], ..Evidence::default() };
        assert_eq!(judgement(&evidence), None);
        assert!(missing(&evidence)[0].contains("n2 reached a limit of the lab at 1.500 s (it used 9 GiB of memory)"));
        let designed = Evidence { exits_by_design: true, unexpected_exits: vec![exit("n1")], ..Evidence::default() };
        assert_eq!(judgement(&designed), None);
        assert!(missing(&designed).is_empty());
        let many = Evidence { unexpected_exits: vec![exit("n1"); 50], ..Evidence::default() };
        let judgement = judgement(&many).unwrap();
        assert_eq!((judgement.anomalies.len(), judgement.notes.len()), (DESCRIBED, 1));
    }
}
