//! A summary as JUnit XML: a test suite per target, a test case per combination, and a suite of canaries.
//!
//! A combination with a finding that is not muted has failed, one whose runs are broken has an error, one without a run
//! that says something is skipped. A known bug that was missed has failed.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::markdown::rate;
use crate::spec::Expect;
use crate::summary::{CanarySummary, CellSummary, Summary};

/// The summary as JUnit XML.
pub fn junit(summary: &Summary) -> String {
    let mut report = Report::new(&summary.campaign.name);
    let mut targets: Vec<&str> = summary.cells.iter().map(|cell| cell.target.as_str()).collect();
    targets.dedup();
    for target in targets {
        let mut suite = TestSuite::new(target);
        let of_target = summary.cells.iter().filter(|cell| cell.target == target);
        suite.add_test_cases(of_target.map(|cell| of_cell(summary, cell)));
        report.add_test_suite(suite);
    }
    if !summary.canaries.is_empty() {
        let mut suite = TestSuite::new("canaries");
        suite.add_test_cases(summary.canaries.iter().map(of_canary));
        report.add_test_suite(suite);
    }
    // Its writer fails only where its target does, and that is memory.
    as_jenkins_has_it(report.to_string().unwrap_or_default())
}

/// The schema of Jenkins (`junit-10.xsd`) has the number of skipped tests at each suite, and not at their sum.
fn as_jenkins_has_it(xml: String) -> String {
    let root = xml.find("<testsuites").and_then(|from| Some(from..from + xml[from..].find('>')?));
    let attribute = root.and_then(|root| {
        let from = root.start + xml[root.clone()].find(" skipped=\"")?;
        let value = from + " skipped=\"".len();
        Some(from..value + xml[value..root.end].find('"')? + 1)
    });
    let mut xml = xml;
    if let Some(attribute) = attribute {
        xml.replace_range(attribute, "");
    }
    xml
}

fn case(name: &str, class: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(class);
    case
}

fn not_success(kind: NonSuccessKind, message: &str, description: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message).set_type("rashomon").set_description(description);
    status
}

fn of_cell(summary: &Summary, cell: &CellSummary) -> TestCase {
    let findings: Vec<String> = summary
        .open_findings()
        .filter(|finding| finding.example.cell == cell.name)
        .map(|finding| {
            let example = &finding.example;
            format!("{} ({}): {}\n{}", finding.signature.anomaly, finding.id, example.sentence, example.command)
        })
        .collect();
    let counts = cell.counts;
    let in_words = format!(
        "{} pass, {} violation, {} inconclusive, {} broken",
        counts.pass, counts.violation, counts.inconclusive, counts.broken
    );
    let status = if !findings.is_empty() {
        not_success(NonSuccessKind::Failure, &in_words, &findings.join("\n\n"))
    } else if cell.expect == Expect::Violation && counts.violation == 0 && counts.pass > 0 {
        not_success(NonSuccessKind::Failure, "no violation, which was expected", &in_words)
    } else if counts.conclusive() == 0 && counts.broken > 0 {
        not_success(NonSuccessKind::Error, "every run is broken or inconclusive", &in_words)
    } else if counts.conclusive() == 0 {
        let mut status = TestCaseStatus::skipped();
        status.set_message(in_words);
        status
    } else {
        TestCaseStatus::success()
    };
    case(&cell.name, &cell.target, status)
}

fn of_canary(canary: &CanarySummary) -> TestCase {
    let status = if canary.found.trials == 0 {
        TestCaseStatus::skipped()
    } else if canary.missed() {
        let message = format!("found in {}", rate(canary.found));
        not_success(NonSuccessKind::Failure, &message, "a known bug was missed: this campaign would miss others")
    } else {
        TestCaseStatus::success()
    };
    case(&format!("{} {}", canary.target, canary.mutant), "canaries", status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::{bad_night, good_night};

    #[test]
    fn what_was_found_failed_and_what_was_not_passed() {
        let xml = junit(&bad_night());
        for text in [
            "<testsuite name=\"raft-kv\" tests=\"1\"",
            "<failure message=\"2 pass, 1 violation, 1 inconclusive, 1 broken\"",
            "stale read (",
            "<testsuite name=\"canaries\" tests=\"1\"",
        ] {
            assert!(xml.contains(text), "no {text} in {xml}");
        }
        assert_eq!(xml.matches("<failure").count(), 1);
        let root = xml.lines().find(|line| line.starts_with("<testsuites")).unwrap();
        assert_eq!(root, "<testsuites name=\"night\" tests=\"3\" failures=\"1\" errors=\"0\">");
        assert!(!junit(&good_night()).contains("<failure"));
    }
}
