//! The page of a campaign: what stands on it and in which order, that no text becomes markup, and that a real browser
//! opens it without an error or a request.

mod chromium;

use std::path::Path;

use chromium::{chromium, measured};
use rashomon_campaign::cell::{self, Known};
use rashomon_campaign::spec::{Day, Spec};
use rashomon_campaign::summary::Inputs;
use rashomon_campaign::{End, Header, Role, RunRecord, Shard, Summary};
use rashomon_runs::Verdict;
use serde_json::json;

const HOSTILE: &str = "</script><img src=x onerror=alert(1)>";
const SPECIFICATION: &str = r#"
name = "nightly"
budget.runs = 100
[[run]]
target = "raft-kv"
workloads = ["register", "set"]
faults = ["partition,kill", "pause", "clock"]
[[run]]
target = "lww-kv"
faults = ["clock"]
expect = "violation"
[[canary]]
target = "raft-kv"
mutant = "stale-read"
[[mute]]
target = "raft-kv"
anomaly = "lost write"
reason = "known since long"
until = "2026-12-31"
"#;

fn known(name: &str) -> Result<Known, (String, String)> {
    let words = vec![name.to_owned(), "--mutant=stale-read".to_owned()];
    Ok(Known { workload: "register".to_owned(), nodes: 5, recipes: [("stale-read".to_owned(), words)].into() })
}

fn record(id: usize, role: Role, cell: &str, verdict: Verdict, anomaly: &str) -> RunRecord {
    let mut words = cell.split(' ');
    let (target, workload) = (words.next().unwrap(), words.next().unwrap());
    let anomalies = (verdict == Verdict::Violation).then(|| {
        json!({"checker": "linearizable register", "name": anomaly, "key": "1", "sentence": format!("Process 3 read {HOSTILE}"),
               "operations": 3, "window_ns": [1, 2_500_000_000u64], "edges": ["real-time"], "active": ["partition"]})
    });
    let digest = json!({
        "run": format!("run-{id}"), "started": "", "version": "", "target": target, "target_version": "", "mutant": null,
        "workload": workload, "model": "", "nodes": 5, "seed": 1, "time_ms": 1000, "fault_kinds": [],
        "verdict": verdict, "reasons": ["because"], "anomalies": anomalies.into_iter().collect::<Vec<_>>(),
        "operations": [100, 0, 0], "faults_installed": [["partition", 3]], "events": [["leader", 2], [HOSTILE, 1]],
        "interrupted": false, "wall_ms": 0.0, "reproduce": ""
    });
    serde_json::from_value(json!({
        "id": format!("{id:06}"), "role": role, "cell": cell, "seed": 17, "started": "", "wall_s": 20.5,
        "command": format!("rashomon run {target} --seed 17 '{HOSTILE}'"), "verdict": verdict,
        "cause": matches!(verdict, Verdict::Inconclusive | Verdict::Broken).then(|| format!("no lab {HOSTILE}")),
        "digest": digest, "program": {"sha256": "ab".repeat(32), "revision": "cd".repeat(20)}
    }))
    .expect("a record")
}

fn summary(date: &str, findings: bool, earlier: &[Summary]) -> Summary {
    let spec = Spec::parse(SPECIFICATION).expect("it is right");
    let cells = cell::cells(SPECIFICATION, &spec, &known).expect("they are known");
    let canaries = cell::canaries(SPECIFICATION, &spec, &known).expect("they are known");
    let mut records = vec![record(0, Role::Canary, "raft-kv stale-read", Verdict::Violation, "stale read")];
    for (place, cell) in cells.iter().enumerate() {
        let verdict = if cell.target == "lww-kv" { Verdict::Violation } else { Verdict::Pass };
        records.push(record(place + 1, Role::Main, &cell.name, verdict, "lost write"));
    }
    if findings {
        records.push(record(50, Role::Main, &cells[0].name, Verdict::Violation, "stale read"));
        records.push(record(51, Role::Main, &cells[1].name, Verdict::Violation, "lost write"));
        records.push(record(52, Role::Main, &cells[2].name, Verdict::Inconclusive, ""));
        records.push(record(53, Role::Main, &cells[3].name, Verdict::Broken, ""));
    }
    let header = Header {
        format: Header::FORMAT,
        name: "nightly".to_owned(),
        date: Day::try_from(date.to_owned()).expect("a day"),
        started: format!("{date}T00:00:00Z"),
        seed: 1,
        specification: "ef".repeat(32),
        version: "0.1.0".to_owned(),
        shard: Shard::WHOLE,
        corpus: Vec::new(),
    };
    Summary::of(&Inputs {
        header: &header,
        cells: &cells,
        canaries: &canaries,
        mutes: &spec.mutes,
        noise: 0.05,
        planned: Some(102),
        records: &records,
        earlier,
        end: End::TimeUp,
        not_covered: &[format!("target {HOSTILE}: not in the specification")],
    })
}

/// A night with findings after two others, and its page; the example of the stale read has a run to draw.
fn night() -> (Summary, String, tempfile::TempDir) {
    let first = summary("2026-11-27", true, &[]);
    let second = summary("2026-11-28", false, std::slice::from_ref(&first));
    let third = summary("2026-11-29", true, &[first, second]);
    let runs = tempfile::tempdir().expect("a temporary folder");
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/runs/violation");
    std::os::unix::fs::symlink(recorded, runs.path().join("run-50")).expect("a link");
    let page = rashomon_report::render_campaign(&third, runs.path(), "rashomon campaign report nightly");
    (third, page, runs)
}

#[test]
fn what_is_new_comes_first_and_everything_is_there() {
    let (summary, page, _runs) = night();
    assert_eq!(summary.exit_code, 1);
    let places: Vec<usize> = ["new", "findings", "matrix", "canaries", "bounds", "noise", "uncovered"]
        .iter()
        .map(|id| page.find(&format!("<section id=\"{id}\">")).unwrap_or_else(|| panic!("no {id}")))
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    for text in [
        ">rare</span>",
        ">muted</span>",
        "known since long",
        "1 of 1 (21–100%)",
        "SHA-256 abababababababab…",
        "Git cdcdcdcdcdcd…",
        "leader 16",
        "class=\"scene\"",
    ] {
        assert!(page.contains(text), "no {text}");
    }
    assert_eq!(page.matches("class=\"trend\"").count(), 7, "every combination has its days");
    assert!(page.contains("href=\"runs/run-50/report.html\""));
}

#[test]
fn no_text_of_a_run_becomes_markup() {
    let (_, page, _runs) = night();
    assert!(!page.contains("<img") && page.contains("&lt;img src=x onerror=alert(1)&gt;"));
}

#[test]
fn a_finding_that_is_gone_is_named_where_its_target_passed() {
    let before = summary("2026-11-28", true, &[]);
    let now = summary("2026-11-29", false, &[before]);
    let page = rashomon_report::render_campaign(&now, Path::new("/nowhere"), "again");
    assert!(page.contains(">gone</span>") && page.contains("last seen 2026-11-28"), "{:?}", now.gone);
    assert!(!page.contains("<section id=\"findings\">"));
}

#[test]
fn a_browser_opens_it_without_an_error_or_a_request() {
    let Some(browser) = chromium() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (_, page, _runs) = night();
    for width in [1400, 1000] {
        let seen = measured(&browser, folder.path(), &page, width);
        assert_eq!(seen["wrong"], json!([]), "{seen}");
        assert_eq!(seen["requests"], 0, "{seen}");
        assert!(seen["page"].as_f64().expect("a width") <= f64::from(width), "wider than its window: {seen}");
        assert!(!seen["drawing"].is_null(), "no drawing: {seen}");
    }
}
