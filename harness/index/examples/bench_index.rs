//! How long the index takes for its answers: `cargo xtask bench index [-- RUNS]`, 10,000 runs by default, in SQLite.

use std::time::Instant;

use rashomon_campaign::{Header, RunRecord};
use rashomon_index::Filter;
use serde_json::json;

const NIGHTS: usize = 30;

fn header(night: usize) -> Header {
    let started = format!("2026-{:02}-{:02}T00:00:00Z", night / 28 + 1, night % 28 + 1);
    serde_json::from_value(json!({
        "format": 1, "name": "nightly", "date": started[..10], "started": started, "seed": 1, "specification": "",
        "version": "0.1.0", "shard": {"index": 1, "count": 1}, "corpus": []
    }))
    .expect("a header")
}

fn record(id: usize, header: &Header) -> RunRecord {
    let verdict = if id.is_multiple_of(50) { "violation" } else { "pass" };
    let names = ["stale read", "lost write", "lost element", "replicas disagree"];
    let anomalies = if verdict == "violation" {
        json!([{"checker": "c", "name": names[id / 50 % names.len()], "key": "1", "sentence": "s", "operations": 3, "window_ns": [1, 2]}])
    } else {
        json!([])
    };
    let cell = format!("target-{} register kill {} nodes", id % 5, id % 3 + 3);
    let digest = json!({
        "run": format!("run-{id}"), "started": "", "version": "", "target": format!("target-{}", id % 5),
        "target_version": "", "mutant": null, "workload": "register", "model": "", "nodes": 5, "seed": id, "time_ms": 1,
        "fault_kinds": [], "verdict": verdict, "reasons": [], "anomalies": anomalies, "operations": [1, 0, 0],
        "faults_installed": [], "interrupted": false, "wall_ms": 0.0, "reproduce": ""
    });
    serde_json::from_value(json!({
        "id": format!("{id:06}"), "role": "main", "cell": cell, "seed": id, "command": "", "wall_s": 1.0,
        "started": header.started, "verdict": verdict, "digest": digest
    }))
    .expect("a record")
}

fn main() -> Result<(), rashomon_index::IndexError> {
    let runs: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let place = std::env::temp_dir().join(format!("rashomon-bench-index-{}.sqlite", std::process::id()));
    let mut index = rashomon_index::open(&place.display().to_string())?;
    measured("write all runs", || {
        for night in 0..NIGHTS {
            let header = header(night);
            let records: Vec<RunRecord> = (0..runs / NIGHTS).map(|id| record(id, &header)).collect();
            index.put_runs(&header, &records)?;
        }
        Ok(())
    })?;
    println!("{} runs of {NIGHTS} campaigns", index.count()?);
    measured("nights", || index.nights("nightly", 14).map(drop))?;
    measured("signatures", || index.signatures("nightly", 100).map(drop))?;
    let violations = Filter { verdict: Some("violation".to_owned()), ..Filter::default() };
    measured("violations", || index.runs(&violations, 100).map(drop))?;
    let cell = Filter { cell: Some("target-1 register kill 4 nodes".to_owned()), ..Filter::default() };
    measured("runs of a combination", || index.runs(&cell, 100).map(drop))?;
    measured("one more run", || index.put_runs(&header(0), &[record(9_999_999, &header(0))]))?;
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", place.display()));
    }
    Ok(())
}

fn measured(
    what: &str,
    work: impl FnOnce() -> Result<(), rashomon_index::IndexError>,
) -> Result<(), rashomon_index::IndexError> {
    let began = Instant::now();
    work()?;
    println!("{what:<24} {:>9.2} ms", began.elapsed().as_secs_f64() * 1e3);
    Ok(())
}
