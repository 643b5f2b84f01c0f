//! The page of a comparison: what stands on it, that no text becomes markup, and that a real browser opens it without
//! an error or a request.

mod chromium;

use std::path::Path;

use chromium::{chromium, measured};
use rashomon_compare::{
    About, Caught, ComparisonVerdict, Design, Finding, Judge, Observed, Pair, Power, Side, Summary, Version,
};
use rashomon_runs::Verdict;
use serde_json::json;

const HOSTILE: &str = "</script><img src=x onerror=alert(1)>";

fn observed(run: &str, violates: bool, latency: f64) -> Observed {
    let finding = Finding {
        name: "stale read".to_owned(),
        checker: "linearizable register".to_owned(),
        sentence: format!("Process 3 read {HOSTILE}"),
        operations: 3,
        certain: true,
    };
    Observed {
        run: run.to_owned(),
        verdict: if violates { Verdict::Violation } else { Verdict::Pass },
        reason: String::new(),
        interrupted: false,
        findings: if violates { vec![finding] } else { Vec::new() },
        crashes: Vec::new(),
        unfinished: None,
        measures: vec![("latency p50".to_owned(), latency)],
        exposure: vec![(format!("{HOSTILE} events"), 4)],
        reproduce: format!("rashomon run '{HOSTILE}'"),
    }
}

/// A comparison of so many pairs, of which the candidate violates in some and is slower in all.
fn summary(pairs: u64, violations: u64) -> Summary {
    let mut judge = Judge::new(Design::new(vec!["kill".to_owned()]));
    for number in 1..=pairs {
        let candidate = if number <= violations { "candidate-run".to_owned() } else { format!("c-{number}") };
        judge.count(Pair {
            number,
            seed: number,
            plan: format!("raft-kv {HOSTILE}"),
            repeats: None,
            first: Side::Base,
            base: observed(&format!("b-{number}"), false, 2.0),
            candidate: observed(&candidate, number <= violations, 2.6 + number as f64 / 100.0),
        });
    }
    let version = |label: &str| Version { label: label.to_owned(), version: HOSTILE.to_owned() };
    let caught = Caught { mutant: "no-dedup".to_owned(), caught: false, runs: 3, shown_as: String::new() };
    let power = Some(Power { mutants: vec![caught], untried: vec!["stale-read".to_owned()] });
    let (base, candidate) = (version("old"), version("new"));
    let about = About { target: "raft-kv".to_owned(), base, candidate, power, ..About::default() };
    Summary::of(&judge, about)
}

/// A page whose finding has a run to draw.
fn page(summary: &Summary) -> (String, tempfile::TempDir) {
    let runs = tempfile::tempdir().expect("a temporary folder");
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/runs/violation");
    std::os::unix::fs::symlink(recorded, runs.path().join("candidate-run")).expect("a link");
    (rashomon_report::render_comparison(summary, runs.path()), runs)
}

#[test]
fn everything_is_there() {
    let summary = summary(12, 2);
    assert_eq!(summary.verdict, ComparisonVerdict::Violates);
    let (page, _runs) = page(&summary);
    for id in ["findings", "speed", "failures", "exposure", "power", "pairs"] {
        assert!(page.contains(&format!("<section id=\"{id}\">")), "no {id}");
    }
    for text in [
        "only the candidate, confirmed",
        "class=\"scene\"",
        "href=\"runs/candidate-run/report.html\"",
        "would have caught 0 of 1 known bugs (not no-dedup); not tried: 1 more",
        ">slower</span>, certain after 9 pairs",
        "2 of 12 runs",
    ] {
        assert!(page.contains(text), "no {text}");
    }
    assert_eq!(page.matches("href=\"runs/b-").count(), 12);
}

#[test]
fn a_slower_candidate_is_called_so() {
    let slower = summary(12, 0);
    assert_eq!((slower.verdict, slower.exit_code, slower.decided_after), (ComparisonVerdict::Slower, 3, Some(9)));
    let markdown = rashomon_compare::markdown::of(&slower);
    assert!(markdown.contains("slower: latency p50 +3") && !markdown.contains("<img"), "{markdown}");
}

#[test]
fn no_text_of_a_run_becomes_markup() {
    let (page, _runs) = page(&summary(12, 2));
    assert!(!page.contains("<img") && page.contains("&lt;img src=x onerror=alert(1)&gt;"));
}

#[test]
fn a_browser_opens_it_without_an_error_or_a_request() {
    let Some(browser) = chromium() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (page, _runs) = page(&summary(12, 2));
    for width in [1400, 1000] {
        let seen = measured(&browser, folder.path(), &page, width);
        assert_eq!(seen["wrong"], json!([]), "{seen}");
        assert_eq!(seen["requests"], 0, "{seen}");
        assert!(seen["page"].as_f64().expect("a width") <= f64::from(width), "wider than its window: {seen}");
        assert!(!seen["drawing"].is_null(), "no drawing: {seen}");
    }
}
