//! From evidence and judgements to one verdict.
//!
//! A violation is a violation however little else was exercised. A pass needs evidence: acknowledged operations of
//! every kind, faults that took effect, and reads from every node after the last heal. Everything in between is
//! inconclusive, with all its reasons.

mod clocks;
mod exits;
mod recorded;

pub(crate) use recorded::{Judged, judge_recorded};

use rashomon_checkers::{Anomaly, Finding, Judgement};
use rashomon_faults::{FaultCatalogue, FaultClassInfo};
use rashomon_runs::{Convergence, Evidence, LeaderReactions, Verdict, VerdictRecord};
use rashomon_spec::fault_kind::{FaultClass, FaultKind};
use rashomon_spec::schedule::Schedule;

/// Fewer acknowledged operations than this prove nothing.
const ACKNOWLEDGED_MIN: u64 = 100;

/// What a run was meant to exercise.
pub struct Demands<'a> {
    /// Functions of which some must have been acknowledged.
    pub functions: &'a [&'a str],
    /// The classes of faults asked for.
    pub faults: &'a [RequestedClass],
}

/// A class of faults that a run was asked for.
pub struct RequestedClass {
    /// Its name.
    pub name: &'static str,
    /// How many of its faults the plan has.
    pub planned: usize,
}

impl RequestedClass {
    /// The classes that a plan was asked for.
    pub fn of(catalogue: &FaultCatalogue, kinds: &[FaultKind], schedule: &Schedule) -> Vec<RequestedClass> {
        let requested = |class: &'static FaultClassInfo| RequestedClass {
            name: class.name,
            planned: schedule.count(&catalogue.kinds(class.name)),
        };
        catalogue.classes_of(kinds).into_iter().map(requested).collect()
    }
}

/// The verdict of a run that the harness itself survived.
pub fn verdict(demands: &Demands<'_>, evidence: &Evidence, judgements: Vec<Judgement>) -> VerdictRecord {
    let invalid = judgements.iter().filter(|judgement| judgement.finding == Finding::Invalid);
    let anomalies: Vec<String> = invalid.flat_map(|judgement| &judgement.anomalies).map(in_words).collect();
    if judgements.iter().any(|judgement| judgement.finding == Finding::Invalid) {
        return VerdictRecord { verdict: Verdict::Violation, reasons: anomalies, judgements };
    }
    let undecided = judgements
        .iter()
        .flat_map(|judgement| judgement.unknown.iter().map(move |line| format!("{}: {line}", judgement.checker)));
    let mut reasons: Vec<String> = undecided.collect();
    if reasons.is_empty() && judgements.iter().any(|judgement| judgement.finding == Finding::Unknown) {
        reasons.push("a checker could not decide".to_owned());
    }
    let lacks = missing(demands, evidence);
    if evidence.interrupted {
        // What a checker could not decide follows from it as a rule: little had happened yet.
        reasons.splice(..0, lacks);
    } else {
        reasons.extend(lacks);
    }
    if reasons.is_empty() {
        return VerdictRecord { verdict: Verdict::Pass, reasons: vec![proved(evidence)], judgements };
    }
    VerdictRecord { verdict: Verdict::Inconclusive, reasons, judgements }
}

/// An anomaly with its name and object: `stale read on key 12: Process 3 read …`.
fn in_words(anomaly: &Anomaly) -> String {
    let object = if anomaly.key.is_empty() { String::new() } else { format!(" on key {}", anomaly.key) };
    format!("{}{object}: {}", anomaly.name, anomaly.sentence)
}

/// What a run lacks as evidence, in plain words; empty when it lacks nothing.
fn missing(demands: &Demands<'_>, evidence: &Evidence) -> Vec<String> {
    let mut lacks = Vec::new();
    if evidence.interrupted {
        // The note says by what. Whatever else is missing follows from that.
        let how = evidence.notes.iter().find(|note| note.starts_with("interrupted: "));
        return vec![how.cloned().unwrap_or_else(|| "interrupted before its schedule finished".to_owned())];
    }
    // Final reads are no load: they show what became of it.
    let acknowledged = evidence.acknowledged_under_load();
    let total = total(&acknowledged);
    if total < ACKNOWLEDGED_MIN {
        lacks.push(format!(
            "only {total} operations were acknowledged under load, fewer than {ACKNOWLEDGED_MIN}; use a longer --time, or \
             see the node logs"
        ));
    }
    for function in demands.functions {
        if !acknowledged.iter().any(|(f, ok)| f == function && *ok > 0) {
            lacks.push(format!("no `{function}` was acknowledged under load"));
        }
    }
    for class in demands.faults {
        lacks.extend(missing_fault(evidence, class));
    }
    for (index, &reads) in evidence.reads_after_heal.iter().enumerate() {
        if reads == 0 {
            lacks.push(format!("n{} acknowledged no read after the last fault was healed", index + 1));
        }
    }
    match &evidence.convergence {
        Some(convergence) => lacks.extend(not_converged(convergence)),
        None if evidence.final_reads_unanswered => lacks
            .push("some final reads timed out, so the fate of some writes is unknown; see the node logs".to_owned()),
        None => {}
    }
    lacks.extend(exits::missing(evidence));
    lacks.extend(evidence.leader_reactions.as_ref().and_then(no_reaction));
    lacks
}

/// That no fault aimed at the leader made any node lead anew: what follows an election was not tested.
fn no_reaction(reactions: &LeaderReactions) -> Option<String> {
    let LeaderReactions { faults, answered: 0, too_short, detection_ms, .. } = *reactions else { return None };
    let short = if too_short == 0 {
        String::new()
    } else {
        format!(" ({too_short} lasted less than the {detection_ms} ms after which a leader is missed)")
    };
    let aimed = if faults == 1 { "1 fault".to_owned() } else { format!("{faults} faults") };
    (faults > 0).then(|| format!("no election followed {aimed} aimed at the leader{short}; use a longer --time"))
}

/// Why it is unknown whether replicas agree. A checker that saw them apart has reported it already.
fn not_converged(convergence: &Convergence) -> Option<String> {
    let bound = convergence.bound_ns as f64 / 1e9;
    if !convergence.complete {
        return Some(format!(
            "some final reads timed out ({bound:.1} s for replicas to agree, and more), so whether replicas agree is \
             unknown; see the node logs, or read fewer objects (-o keys=…)"
        ));
    }
    if convergence.after_ns.is_none() {
        let keys = convergence.apart.join(", ");
        return Some(format!("nodes still differ on key {keys} {bound:.1} s after the last heal and update"));
    }
    None
}

fn missing_fault(evidence: &Evidence, &RequestedClass { name: class, planned }: &RequestedClass) -> Option<String> {
    let count = |counts: &[(FaultClass, u64)]| {
        counts.iter().filter(|(of, _)| of.as_str() == class).map(|&(_, count)| count).sum::<u64>()
    };
    let installed = count(&evidence.faults_installed);
    let skipped = count(&evidence.faults_skipped);
    let unconfirmed = count(&evidence.faults_unconfirmed);
    if planned == 0 {
        return Some(format!("no {class} fault fitted into the load's time; use a longer --time"));
    }
    if installed > 0 {
        return None;
    }
    if skipped + unconfirmed == 0 {
        return Some(format!("no {class} fault began before the load ended; use a longer --time"));
    }
    Some(format!("no {class} fault took effect ({skipped} skipped, {unconfirmed} unconfirmed); see faults.jsonl"))
}

fn total(acknowledged: &[(String, u64)]) -> u64 {
    acknowledged.iter().map(|&(_, ok)| ok).sum()
}

/// What one clean run proves.
fn proved(evidence: &Evidence) -> String {
    let acknowledged = total(&evidence.acknowledged_under_load());
    let faults = evidence.faults();
    let reactions = evidence.leader_reactions.as_ref().map_or_else(String::new, reacted);
    format!(
        "no anomaly in {acknowledged} acknowledged operations under {faults} faults{reactions}. One clean run proves \
         little: it misses a bug that shows in 10% of runs nine times in ten"
    )
}

/// How the system reacted to the faults that were aimed at its leader.
fn reacted(reactions: &LeaderReactions) -> String {
    let LeaderReactions { leader_changes, faults, answered, too_short, detection_ms } = *reactions;
    let changes = format!("{leader_changes} leader {}", if leader_changes == 1 { "change" } else { "changes" });
    if faults == 0 {
        return format!(" ({changes})");
    }
    let short = match too_short {
        0 => String::new(),
        1 => format!(", 1 was shorter than the {detection_ms} ms after which a leader is missed"),
        _ => format!(", {too_short} were shorter than the {detection_ms} ms after which a leader is missed"),
    };
    format!(" ({changes}; an election followed {answered} of {faults} faults aimed at the leader{short})")
}

#[cfg(test)]
mod tests {
    use rashomon_runs::{FunctionCounts, NodeExit};

    use super::*;

    fn judgement(finding: Finding) -> Judgement {
        let anomaly = Anomaly {
            name: "stale read".to_owned(),
            sentence: "a read was stale".to_owned(),
            key: "1".to_owned(),
            operations: Vec::new(),
            explanation: Vec::new(),
            window: (0, 1),
            edges: Vec::new(),
        };
        Judgement {
            checker: "linearizable register".to_owned(),
            finding,
            anomalies: if finding == Finding::Invalid { vec![anomaly] } else { Vec::new() },
            unknown: Vec::new(),
            methods: Vec::new(),
            notes: Vec::new(),
            measurements: Vec::new(),
        }
    }

    fn good_evidence() -> Evidence {
        let counts = |f: &str| FunctionCounts { f: f.to_owned(), ok: 400, ..FunctionCounts::default() };
        Evidence {
            functions: vec![counts("read"), counts("write")],
            reads_after_heal: vec![5, 5, 5],
            faults_installed: vec![(FaultClass::new("partition"), 3)],
            ..Evidence::default()
        }
    }

    fn decide(evidence: &Evidence, finding: Finding) -> VerdictRecord {
        let faults = [RequestedClass { name: "partition", planned: 3 }];
        let demands = Demands { functions: &["read", "write"], faults: &faults };
        verdict(&demands, evidence, vec![judgement(finding)])
    }

    #[test]
    fn enough_evidence_and_nothing_found_is_a_pass() {
        assert_eq!(decide(&good_evidence(), Finding::Valid).verdict, Verdict::Pass);
    }

    #[test]
    fn a_violation_needs_no_other_evidence() {
        let record = decide(&Evidence::default(), Finding::Invalid);
        assert_eq!(record.verdict, Verdict::Violation);
        assert_eq!(record.reasons, ["stale read on key 1: a read was stale"]);
    }

    #[test]
    fn each_missing_piece_of_evidence_makes_it_inconclusive() {
        type Spoil = fn(&mut Evidence);
        let spoil: [(&str, Spoil); 14] = [
            ("whether replicas agree is unknown", |evidence| {
                evidence.convergence = Some(Convergence::default());
            }),
            ("still differ on key 7", |evidence| {
                let apart = vec!["7".to_owned()];
                evidence.convergence = Some(Convergence { complete: true, apart, ..Convergence::default() });
            }),
            ("some final reads timed out", |evidence| evidence.final_reads_unanswered = true),
            ("only 20 operations", |evidence| {
                evidence.load_ok = Some(vec![("read".to_owned(), 10), ("write".to_owned(), 10)]);
            }),
            ("no `read`", |evidence| evidence.load_ok = Some(vec![("write".to_owned(), 400)])),
            ("no partition fault began", |evidence| evidence.faults_installed.clear()),
            ("interrupted", |evidence| evidence.interrupted = true),
            ("only 90 operations", |evidence| evidence.functions.iter_mut().for_each(|counts| counts.ok = 45)),
            ("no `write`", |evidence| drop(evidence.functions.pop())),
            ("no partition fault took effect", |evidence| {
                evidence.faults_skipped = std::mem::take(&mut evidence.faults_installed);
            }),
            ("n2 acknowledged no read", |evidence| evidence.reads_after_heal[1] = 0),
            ("n3 reached a limit of the lab", |evidence| {
                let limit = Some("too much memory".to_owned());
                evidence.unexpected_exits.push(NodeExit { node: "n3".to_owned(), limit, ..NodeExit::default() });
            }),
            ("no election followed 4 faults aimed at the leader (1 lasted less than the 300 ms", |evidence| {
                let reactions = LeaderReactions { faults: 4, too_short: 1, detection_ms: 300, ..Default::default() };
                evidence.leader_reactions = Some(reactions);
            }),
            ("nothing", |evidence| {
                *evidence = Evidence { reads_after_heal: vec![0, 0, 0], ..Evidence::default() };
            }),
        ];
        for (reason, spoil) in spoil {
            let mut evidence = good_evidence();
            spoil(&mut evidence);
            let record = decide(&evidence, Finding::Valid);
            assert_eq!(record.verdict, Verdict::Inconclusive, "{reason}");
            assert!(reason == "nothing" || record.reasons.iter().any(|text| text.contains(reason)), "{record:?}");
        }
        assert_eq!(decide(&good_evidence(), Finding::Unknown).verdict, Verdict::Inconclusive);
    }

    #[test]
    fn an_interrupted_run_says_so_before_what_no_checker_could_decide() {
        let evidence = Evidence { interrupted: true, ..good_evidence() };
        let record = decide(&evidence, Finding::Unknown);
        assert!(record.reasons.len() > 1 && record.reasons[0].starts_with("interrupted"), "{record:?}");
    }

    #[test]
    fn a_pass_says_how_the_system_reacted() {
        let reactions = LeaderReactions { leader_changes: 7, faults: 6, answered: 5, too_short: 1, detection_ms: 300 };
        let evidence = Evidence { leader_reactions: Some(reactions), ..good_evidence() };
        let record = decide(&evidence, Finding::Valid);
        assert_eq!(record.verdict, Verdict::Pass);
        let expected = "3 faults (7 leader changes; an election followed 5 of 6 faults aimed at the leader, 1 was shorter \
                        than the 300 ms after which a leader is missed).";
        assert!(record.reasons[0].contains(expected), "{record:?}");
        let none_aimed = LeaderReactions { leader_changes: 1, ..LeaderReactions::default() };
        assert!(reacted(&none_aimed).contains("(1 leader change)"));
    }
}
