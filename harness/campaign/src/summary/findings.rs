//! Violations, equal ones together, against earlier campaigns.

use std::collections::{BTreeMap, BTreeSet};

use rashomon_runs::{RunDigest, Verdict};
use rashomon_statistics::Share;

use super::{CampaignFinding, Example, FindingState, GoneFinding, Inputs, Sighting, Summary, unexpected};
use crate::record::{Role, RunRecord};
use crate::signature::Signature;
use crate::spec::Mute;

/// Examples of names beside the first.
const ALSO: usize = 5;

/// The findings: those that turn the campaign red first, new ones before old ones.
pub(super) fn findings(inputs: &Inputs<'_>) -> Vec<CampaignFinding> {
    let mut alike: BTreeMap<Signature, Vec<(&RunRecord, &RunDigest)>> = BTreeMap::new();
    for (record, digest) in unexpected(inputs).filter(|(record, _)| record.verdict == Verdict::Violation) {
        if let Some(signature) = Signature::of(digest) {
            alike.entry(signature).or_default().push((record, digest));
        }
    }
    let mut findings: Vec<CampaignFinding> =
        alike.into_iter().map(|(signature, runs)| finding(inputs, signature, &runs)).collect();
    findings.sort_by_key(|finding| (finding.muted.is_some(), finding.state));
    findings
}

fn finding(inputs: &Inputs<'_>, signature: Signature, runs: &[(&RunRecord, &RunDigest)]) -> CampaignFinding {
    let id = signature.id();
    let (first, _) = runs[0];
    let smallest = runs.iter().min_by(|(_, a), (_, b)| size(a).partial_cmp(&size(b)).expect("no NaN"));
    let (record, digest) = smallest.expect("a finding has a run");
    let of_same = unexpected(inputs).filter(|(record, digest)| {
        digest.target == signature.target
            && digest.workload == signature.workload
            && matches!(record.verdict, Verdict::Pass | Verdict::Violation)
    });
    let seen = inputs.earlier.iter().flat_map(|earlier| &earlier.findings).find(|earlier| earlier.id == id);
    let here = Sighting { date: inputs.header.date.clone(), run: run_name(first), program: first.program.clone() };
    let name = &signature.anomaly;
    let others: BTreeSet<&String> =
        runs.iter().flat_map(|(_, digest)| &digest.anomalies).map(|one| &one.name).collect();
    CampaignFinding {
        state: state(inputs.earlier, &id),
        muted: mute(inputs, &signature, &id).cloned(),
        runs: Share::new(runs.len() as u64, of_same.count() as u64),
        first_seen: seen.map_or(here, |earlier| earlier.first_seen.clone()),
        example: example(record, digest),
        repetition: repetition(inputs, runs),
        also: others.into_iter().filter(|other| *other != name).take(ALSO).cloned().collect(),
        id,
        signature,
    }
}

/// By what one example is smaller than another: its core, then how early it was complete.
fn size(digest: &RunDigest) -> (usize, f64) {
    let first = digest.first_anomaly();
    (first.map_or(usize::MAX, |first| first.operations), first.map_or(0.0, |first| first.window_ns.1 as f64))
}

fn run_name(record: &RunRecord) -> String {
    record.digest.as_ref().map_or_else(String::new, |digest| digest.run.clone())
}

fn example(record: &RunRecord, digest: &RunDigest) -> Example {
    let first = digest.first_anomaly();
    Example {
        run: digest.run.clone(),
        cell: record.cell.clone(),
        sentence: first
            .map_or_else(|| digest.reasons.first().cloned().unwrap_or_default(), |first| first.sentence.clone()),
        operations: first.map_or(0, |first| first.operations),
        after_s: first.map_or(0.0, |first| first.window_ns.1 as f64 / 1e9),
        seed: record.seed,
        command: record.command.clone(),
    }
}

/// How often the plans of these runs were repeated with a violation.
fn repetition(inputs: &Inputs<'_>, runs: &[(&RunRecord, &RunDigest)]) -> Option<Share> {
    let ids: BTreeSet<&String> = runs.iter().map(|(record, _)| &record.id).collect();
    let again = inputs.records.iter().filter(|record| {
        record.role == Role::Repetition && record.repeats.as_ref().is_some_and(|repeats| ids.contains(repeats))
    });
    let said: Vec<&RunRecord> =
        again.filter(|record| matches!(record.verdict, Verdict::Pass | Verdict::Violation)).collect();
    let hits = said.iter().filter(|record| record.verdict == Verdict::Violation).count();
    (!said.is_empty()).then(|| Share::new(hits as u64, said.len() as u64))
}

fn state(earlier: &[Summary], id: &str) -> FindingState {
    let has = |summary: &Summary| summary.findings.iter().any(|finding| finding.id == id);
    match earlier.split_last() {
        Some((last, _)) if has(last) => FindingState::Ongoing,
        Some((_, before)) if before.iter().any(has) => FindingState::Rare,
        _ => FindingState::New,
    }
}

/// The mute of a finding, if one covers it and has not run out.
fn mute<'a>(inputs: &'a Inputs<'_>, signature: &Signature, id: &str) -> Option<&'a Mute> {
    let or_any = |asked: &Option<String>, is: &str| asked.as_ref().is_none_or(|asked| asked == is);
    inputs.mutes.iter().find(|mute| {
        mute.target == signature.target
            && or_any(&mute.workload, &signature.workload)
            && or_any(&mute.anomaly, &signature.anomaly)
            && or_any(&mute.signature, id)
            && inputs.header.date <= mute.until
    })
}

/// What the last campaign found and this one did not, where it could have.
pub(super) fn gone(inputs: &Inputs<'_>) -> Vec<GoneFinding> {
    let Some(last) = inputs.earlier.last() else { return Vec::new() };
    let now: BTreeSet<String> =
        unexpected(inputs).filter_map(|(_, digest)| Some(Signature::of(digest)?.id())).collect();
    let passed = |signature: &Signature| {
        let of_same = unexpected(inputs).filter(|(record, digest)| {
            digest.target == signature.target
                && digest.workload == signature.workload
                && record.verdict == Verdict::Pass
        });
        of_same.count() as u64
    };
    let gone = last.findings.iter().filter(|finding| !now.contains(&finding.id));
    let gone = gone.map(|finding| GoneFinding {
        id: finding.id.clone(),
        signature: finding.signature.clone(),
        first_seen: finding.first_seen.clone(),
        last_seen: last.campaign.date.clone(),
        passed: passed(&finding.signature),
    });
    gone.filter(|gone| gone.passed > 0).collect()
}

/// The runs whose plans are to be repeated, each with how many repetitions it still lacks: the first run of each
/// signature, in the order in which they ended.
pub fn needs_repetition<'a>(inputs: &'a Inputs<'_>, times: u32) -> Vec<(&'a RunRecord, Vec<u32>)> {
    let mut seen = BTreeSet::new();
    let mut needs = Vec::new();
    for (record, digest) in unexpected(inputs).filter(|(record, _)| record.verdict == Verdict::Violation) {
        let Some(signature) = Signature::of(digest) else { continue };
        if mute(inputs, &signature, &signature.id()).is_some() || !seen.insert(signature) {
            continue;
        }
        let made = |number: u32| inputs.records.iter().any(|other| other.id == repetition_id(&record.id, number));
        let lacks: Vec<u32> = (1..=times).filter(|&number| !made(number)).collect();
        if !lacks.is_empty() {
            needs.push((record, lacks));
        }
    }
    needs
}

/// The identity of a repetition.
pub(super) fn repetition_id(of: &str, number: u32) -> String {
    format!("{of}.r{number}")
}
