//! By what violations are held for the same: one finding, however many runs show it.

use rashomon_runs::{AnomalyDigest, RunDigest, Verdict};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Cores up to this size count as small.
const SMALL: usize = 6;
/// Characters that are kept of a reason.
const REASON: usize = 160;

/// What equal violations have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Signature {
    /// The target.
    pub target: String,
    /// The workload.
    pub workload: String,
    /// The name of the anomaly that was complete first; where a run is a violation without one (a node that exited
    /// unexpectedly), its reason without numbers.
    pub anomaly: String,
    /// The shape of its minimal core: the kinds of reasons that order its operations, and whether it is small.
    pub shape: String,
    /// The classes of the faults that were active while it came about.
    pub faults: Vec<String>,
}

impl Signature {
    /// The signature of a violation; `None` of any other run.
    pub fn of(digest: &RunDigest) -> Option<Signature> {
        if digest.verdict != Some(Verdict::Violation) {
            return None;
        }
        let first = digest.first_anomaly();
        let anomaly = first.map_or_else(
            || without_numbers(digest.reasons.first().map_or("violation", String::as_str)),
            |anomaly| anomaly.name.clone(),
        );
        Some(Signature {
            target: digest.target.clone(),
            workload: digest.workload.clone(),
            anomaly,
            shape: first.map_or_else(String::new, shape),
            faults: first.map_or_else(Vec::new, |first| first.active.iter().map(ToString::to_string).collect()),
        })
    }

    /// A short name for it, which a mute can refer to: twelve hexadecimal digits.
    pub fn id(&self) -> String {
        let text = [&self.target, &self.workload, &self.anomaly, &self.shape].map(String::as_str);
        let digest = Sha256::digest(format!("{}\n{}", text.join("\n"), self.faults.join(",")));
        digest[..6].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn shape(anomaly: &AnomalyDigest) -> String {
    let size = if anomaly.operations <= SMALL { "small core" } else { "large core" };
    if anomaly.edges.is_empty() { size.to_owned() } else { format!("{size}, {}", anomaly.edges.join(" ")) }
}

/// A sentence without its numbers, by which equal ones are recognized: `#` stands for each.
pub fn without_numbers(text: &str) -> String {
    let mut plain = String::new();
    let mut in_number = false;
    for letter in text.chars().take(REASON) {
        let digit = letter.is_ascii_digit() || (in_number && letter == '.');
        if digit && !in_number {
            plain.push('#');
        } else if !digit {
            plain.push(letter);
        }
        in_number = digit;
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_make_no_difference() {
        assert_eq!(without_numbers("n2 exited at 17.127 s (code 101)"), "n# exited at # s (code #)");
        assert_eq!(without_numbers("no read after 3.5"), "no read after #");
        assert!(without_numbers(&"ä".repeat(1000)).chars().count() <= REASON);
    }

    #[test]
    fn every_part_makes_another_signature() {
        let signature = Signature {
            target: "raft-kv".to_owned(),
            workload: "register".to_owned(),
            anomaly: "stale read".to_owned(),
            shape: "small core".to_owned(),
            faults: vec!["partition".to_owned()],
        };
        assert_eq!(signature.id(), signature.clone().id());
        assert_eq!(signature.id().len(), 12);
        let none = Signature { faults: Vec::new(), ..signature.clone() };
        let other = Signature { anomaly: "lost write".to_owned(), ..signature.clone() };
        assert!(none.id() != signature.id() && other.id() != signature.id());
    }
}
