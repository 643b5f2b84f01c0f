//! Summaries of small campaigns, made by hand.

use rashomon_runs::{RunDigest, Verdict};
use serde_json::json;

use super::*;
use crate::cell;
use crate::cell::tests::targets;
use crate::record::{Role, Starvation};
use crate::spec::Spec;

const TEXT: &str = "name = \"night\"\nbudget.runs = 4\n[[run]]\ntarget = \"raft-kv\"\nfaults = [\"kill\"]\n\
                    [[run]]\ntarget = \"crdt\"\nfaults = [\"none\"]\nexpect = \"violation\"\n\
                    [[canary]]\ntarget = \"raft-kv\"\nmutant = \"stale-read\"\nruns = 2\n\
                    [[mute]]\ntarget = \"raft-kv\"\nanomaly = \"lost write\"\nreason = \"known\"\nuntil = \"2026-11-30\"\n";
const RAFT: &str = "raft-kv register kill 5 nodes";
const CRDT: &str = "crdt register none 5 nodes";

fn digest(target: &str, verdict: Verdict, anomaly: Option<(&str, usize)>) -> RunDigest {
    let anomalies: Vec<_> = anomaly
        .iter()
        .map(|(name, operations)| {
            json!({"checker": "linearizable register", "name": name, "key": "1", "sentence": format!("a {name}"),
                   "operations": operations, "window_ns": [1, 2_000_000_000u64 + *operations as u64],
                   "edges": ["real-time"], "active": ["kill"]})
        })
        .collect();
    serde_json::from_value(json!({
        "run": format!("{target}-{}", anomaly.map_or(0, |(_, operations)| operations)), "started": "", "version": "",
        "target": target, "target_version": "", "mutant": null, "workload": "register", "model": "", "nodes": 5,
        "seed": 1, "time_ms": 1000, "fault_kinds": [], "verdict": verdict, "reasons": ["because 17 of 4"],
        "anomalies": anomalies, "operations": [1, 0, 0], "faults_installed": [["kill", 3]],
        "events": [["leader", 2]], "interrupted": false, "wall_ms": 0.0, "reproduce": ""
    }))
    .expect("a digest")
}

fn record(id: &str, role: Role, cell: &str, verdict: Verdict, anomaly: Option<(&str, usize)>) -> RunRecord {
    let target = cell.split(' ').next().expect("a cell begins with its target");
    RunRecord {
        id: id.to_owned(),
        role,
        repeats: None,
        cell: cell.to_owned(),
        seed: 7,
        command: format!("rashomon run {target} --seed 7"),
        started: String::new(),
        wall_s: 2.0,
        verdict,
        cause: matches!(verdict, Verdict::Inconclusive | Verdict::Broken).then(|| "because # of #".to_owned()),
        digest: Some(digest(target, verdict, anomaly)),
        starvation: None,
        program: None,
        reduced: false,
    }
}

fn good() -> Vec<RunRecord> {
    vec![
        record("0", Role::Canary, "raft-kv stale-read", Verdict::Violation, Some(("stale read", 3))),
        record("1", Role::Canary, "raft-kv stale-read", Verdict::Pass, None),
        record("2", Role::Main, RAFT, Verdict::Pass, None),
        record("3", Role::Main, CRDT, Verdict::Violation, Some(("lost write", 3))),
        record("4", Role::Main, RAFT, Verdict::Pass, None),
    ]
}

/// A night in which nothing is wrong.
pub(crate) fn good_night() -> Summary {
    sum("2026-11-29", &good(), &[], End::Complete)
}

/// A night with a finding and with noise.
pub(crate) fn bad_night() -> Summary {
    let mut records = good();
    records.push(record("5", Role::Main, RAFT, Verdict::Violation, Some(("stale read", 3))));
    records.push(record("6", Role::Main, RAFT, Verdict::Broken, None));
    records.push(record("7", Role::Main, RAFT, Verdict::Inconclusive, None));
    sum("2026-11-29", &records, &[], End::Complete)
}

fn sum(date: &str, records: &[RunRecord], earlier: &[Summary], end: End) -> Summary {
    let spec = Spec::parse(TEXT).unwrap();
    let header = Header {
        format: 1,
        name: "night".to_owned(),
        date: Day::try_from(date.to_owned()).unwrap(),
        started: String::new(),
        seed: 0,
        specification: String::new(),
        version: String::new(),
        shard: crate::Shard::WHOLE,
        corpus: Vec::new(),
    };
    Summary::of(&Inputs {
        header: &header,
        cells: &cell::cells(TEXT, &spec, &targets).unwrap(),
        canaries: &cell::canaries(TEXT, &spec, &targets).unwrap(),
        mutes: &spec.mutes,
        noise: spec.limits.noise,
        planned: Some(5),
        records,
        earlier,
        end,
        not_covered: &[],
    })
}

#[test]
fn a_good_night_passes_with_its_bounds() {
    let summary = sum("2026-11-29", &good(), &[], End::Complete);
    assert_eq!((summary.verdict, summary.exit_code), (CampaignVerdict::Pass, 0), "{:?}", summary.reasons);
    assert!(summary.findings.is_empty(), "an expected violation is no finding");
    assert_eq!(summary.mutation_score(), Share::new(1, 1));
    assert_eq!(summary.canaries[0].found, Share::new(1, 2));
    let kill = &summary.classes[0];
    assert_eq!((kill.class.as_str(), kill.passed, kill.faults), ("kill", 2, 6));
    assert_eq!(kill.exposure, [("leader".to_owned(), 4)]);
    assert!((kill.bound - 0.776).abs() < 0.001);
}

#[test]
fn equal_violations_are_one_finding_with_the_smallest_example() {
    let mut records = good();
    records.push(record("5", Role::Main, RAFT, Verdict::Violation, Some(("stale read", 5))));
    records.push(record("6", Role::Main, RAFT, Verdict::Violation, Some(("stale read", 3))));
    records.push(record("7", Role::Corpus, RAFT, Verdict::Violation, Some(("stale read", 40))));
    let mut again = record("5.r1", Role::Repetition, RAFT, Verdict::Violation, Some(("stale read", 3)));
    again.repeats = Some("5".to_owned());
    records.push(again);
    let summary = sum("2026-11-29", &records, &[], End::Complete);
    assert_eq!((summary.verdict, summary.exit_code), (CampaignVerdict::Violation, 1));
    assert_eq!(summary.findings.len(), 2, "a large core has another shape");
    let finding = summary.findings.iter().find(|finding| finding.runs.hits == 2).unwrap();
    assert_eq!((finding.runs, finding.example.operations), (Share::new(2, 5), 3));
    assert_eq!((finding.state, finding.repetition), (FindingState::New, Some(Share::new(1, 1))));
    assert_eq!(finding.signature.faults, ["kill"]);
}

#[test]
fn a_finding_is_new_ongoing_rare_or_gone() {
    let with = |operations| {
        let mut records = good();
        records.push(record("5", Role::Main, RAFT, Verdict::Violation, Some(("stale read", operations))));
        records
    };
    let first = sum("2026-11-26", &with(3), &[], End::Complete);
    let second = sum("2026-11-27", &with(4), std::slice::from_ref(&first), End::Complete);
    assert_eq!(second.findings[0].state, FindingState::Ongoing);
    assert_eq!(second.findings[0].first_seen.date.as_str(), "2026-11-26");
    let third = sum("2026-11-28", &good(), &[first.clone(), second.clone()], End::Complete);
    assert_eq!(third.gone.len(), 1);
    assert_eq!((third.gone[0].last_seen.as_str(), third.gone[0].passed), ("2026-11-27", 2));
    let fourth = sum("2026-11-29", &with(3), &[first, second, third], End::Complete);
    assert_eq!(fourth.findings[0].state, FindingState::Rare);
    let trend = &fourth.cells[0].trend;
    assert_eq!((trend.len(), trend[2].counts.violation, trend[3].counts.violation), (4, 0, 1));
}

#[test]
fn a_mute_holds_until_its_day() {
    let mut records = good();
    records.push(record("5", Role::Main, RAFT, Verdict::Violation, Some(("lost write", 3))));
    let muted = sum("2026-11-30", &records, &[], End::Complete);
    assert_eq!(muted.verdict, CampaignVerdict::Pass);
    assert!(muted.findings[0].muted.is_some() && muted.open_findings().count() == 0);
    assert_eq!(sum("2026-12-01", &records, &[], End::Complete).verdict, CampaignVerdict::Violation);
}

#[test]
fn a_missed_canary_is_red_whatever_else() {
    let mut records = good();
    records[0].verdict = Verdict::Pass;
    let summary = sum("2026-11-29", &records, &[], End::Complete);
    assert_eq!((summary.verdict, summary.exit_code), (CampaignVerdict::Inconclusive, 2));
    assert!(summary.reasons[0].contains("stale-read of raft-kv was found in 0 of 2 runs"), "{:?}", summary.reasons);
    records.drain(..2);
    let summary = sum("2026-11-29", &records, &[], End::Complete);
    assert!(summary.reasons[0].contains("was not run"), "{:?}", summary.reasons);
}

#[test]
fn an_expected_violation_must_be_seen() {
    let mut records = good();
    records[3] = record("3", Role::Main, CRDT, Verdict::Pass, None);
    let summary = sum("2026-11-29", &records, &[], End::Complete);
    assert_eq!(summary.verdict, CampaignVerdict::Inconclusive);
    assert!(summary.reasons[0].contains("by design"), "{:?}", summary.reasons);
}

#[test]
fn noise_has_a_code_and_a_table_of_its_own_and_hides_nothing() {
    let mut records = good();
    records.push(record("5", Role::Main, RAFT, Verdict::Broken, None));
    records.push(record("6", Role::Main, RAFT, Verdict::Inconclusive, None));
    records[6].starvation = Some(Starvation { seconds: 10, stalled: 9, ..Starvation::default() });
    let summary = sum("2026-11-29", &records, &[], End::Complete);
    assert_eq!((summary.verdict, summary.exit_code, summary.starved), (CampaignVerdict::Noise, 3, 1));
    assert_eq!(summary.noise.len(), 2);
    assert_eq!((summary.noise[0].verdict, summary.noise[0].runs), (Verdict::Broken, 1));
    records.push(record("7", Role::Main, RAFT, Verdict::Violation, Some(("stale read", 3))));
    assert_eq!(sum("2026-11-29", &records, &[], End::Complete).exit_code, 1);
}

#[test]
fn what_stopped_and_what_is_unfinished_is_no_pass() {
    let stopped = sum("2026-11-29", &good(), &[], End::Stopped { why: "the disk is full".to_owned() });
    assert_eq!(stopped.exit_code, 255);
    assert_eq!(sum("2026-11-29", &good(), &[], End::Unfinished).exit_code, 2);
}

#[test]
fn the_first_run_of_each_signature_is_repeated() {
    let spec = Spec::parse(TEXT).unwrap();
    let mut records = good();
    for (id, anomaly) in [("5", "stale read"), ("6", "stale read"), ("7", "lost write")] {
        records.push(record(id, Role::Main, RAFT, Verdict::Violation, Some((anomaly, 3))));
    }
    let mut again = record("5.r2", Role::Repetition, RAFT, Verdict::Pass, None);
    again.repeats = Some("5".to_owned());
    records.push(again);
    let summary = sum("2026-11-29", &records, &[], End::Complete);
    let inputs = Inputs {
        header: &summary.campaign,
        cells: &cell::cells(TEXT, &spec, &targets).unwrap(),
        canaries: &[],
        mutes: &spec.mutes,
        noise: 0.05,
        planned: None,
        records: &records,
        earlier: &[],
        end: End::Complete,
        not_covered: &[],
    };
    let needs = needs_repetition(&inputs, 3);
    assert_eq!(needs.len(), 1, "one signature is repeated once, a muted one never");
    assert_eq!((needs[0].0.id.as_str(), &needs[0].1[..]), ("5", &[1, 3][..]));
    assert_eq!(findings::repetition_id("5", 2), "5.r2");
}

#[test]
fn a_summary_is_read_as_it_was_written() {
    let summary = sum("2026-11-29", &good(), &[], End::Complete);
    let text = serde_json::to_string(&summary).unwrap();
    assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), summary);
    assert!(crate::markdown::markdown(&summary).contains("Known bugs found: 1 of 1"));
}
