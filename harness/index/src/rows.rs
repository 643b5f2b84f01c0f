//! What is asked of an index, and what it answers.

use rashomon_campaign::{Header, RunRecord, Signature, Summary};

use crate::IndexError;

/// Which runs are wanted; what is not given does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of campaigns of this name.
    pub name: Option<String>,
    /// Of this combination.
    pub cell: Option<String>,
    /// With this verdict.
    pub verdict: Option<String>,
    /// Showing this finding.
    pub signature: Option<String>,
}

/// A run.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexedRun {
    /// The campaign: its name, start and part.
    pub campaign: String,
    /// Its identity within that.
    pub id: String,
    /// What it was for.
    pub role: String,
    /// Its combination.
    pub cell: String,
    /// Its seed.
    pub seed: u64,
    /// Its verdict.
    pub verdict: String,
    /// The finding that it shows; empty when it shows none.
    pub signature: String,
    /// When it began.
    pub started: String,
    /// Its folder's name; empty when it left none.
    pub folder: String,
}

/// The runs of one campaign, canaries and repetitions left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NightCounts {
    /// When it began.
    pub started: String,
    /// Runs that passed.
    pub pass: u64,
    /// Runs that found something.
    pub violation: u64,
    /// Runs without enough evidence.
    pub inconclusive: u64,
    /// Runs that broke.
    pub broken: u64,
}

/// A finding over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureHistory {
    /// The short name of its signature.
    pub signature: String,
    /// The target.
    pub target: String,
    /// The anomaly.
    pub anomaly: String,
    /// When the first run that showed it began.
    pub first: String,
    /// When the last one began.
    pub last: String,
    /// How many runs showed it.
    pub runs: u64,
    /// In how many campaigns.
    pub campaigns: u64,
}

/// By what the index knows a campaign, or a part of one.
pub(crate) fn campaign_key(header: &Header) -> String {
    format!("{} {} {}", header.name, header.started, header.shard)
}

/// What of a run has columns of its own.
pub(crate) struct Columns {
    pub(crate) target: String,
    pub(crate) anomaly: String,
    pub(crate) signature: String,
    pub(crate) folder: String,
    pub(crate) role: String,
}

impl Columns {
    pub(crate) fn of(run: &RunRecord) -> Columns {
        let signature = run.digest.as_ref().and_then(Signature::of);
        let role = serde_json::to_value(run.role).ok().and_then(|role| Some(role.as_str()?.to_owned()));
        Columns {
            target: run.digest.as_ref().map_or_else(String::new, |digest| digest.target.clone()),
            anomaly: signature.as_ref().map_or_else(String::new, |signature| signature.anomaly.clone()),
            signature: signature.map_or_else(String::new, |signature| signature.id()),
            folder: run.digest.as_ref().map_or_else(String::new, |digest| digest.run.clone()),
            role: role.unwrap_or_default(),
        }
    }
}

/// Summaries from their texts, which come the latest first.
pub(crate) fn summaries(texts: Vec<String>) -> Result<Vec<Summary>, IndexError> {
    let parsed = texts.iter().rev().map(|text| serde_json::from_str(text));
    parsed.collect::<Result<Vec<Summary>, _>>().map_err(|error| IndexError::Content(error.to_string()))
}

/// Counts by campaign and verdict, put together by campaign.
pub(crate) fn nights(rows: Vec<(String, String, i64)>) -> Vec<NightCounts> {
    let mut nights: Vec<NightCounts> = Vec::new();
    for (started, verdict, count) in rows {
        if nights.last().is_none_or(|night| night.started != started) {
            nights.push(NightCounts { started, pass: 0, violation: 0, inconclusive: 0, broken: 0 });
        }
        let night = nights.last_mut().expect("one was just added");
        let count = count.cast_unsigned();
        match verdict.as_str() {
            "pass" => night.pass += count,
            "violation" => night.violation += count,
            "inconclusive" => night.inconclusive += count,
            _ => night.broken += count,
        }
    }
    nights
}
