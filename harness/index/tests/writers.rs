//! Both kinds of index: the same answers, and four processes that write at once lose nothing. PostgreSQL is a server of
//! the test's own, started as an unprivileged user on a port and in a folder of its own; where the distribution's
//! package is missing its tests are skipped with a message, but not in CI.

mod server;

use std::path::Path;
use std::process::Command;

use rashomon_campaign::{Header, RunRecord, Summary};
use rashomon_index::{Filter, Index, IndexedRun, NightCounts, SignatureHistory};
use serde_json::json;
use server::Server;

const WRITER: &str = "RASHOMON_TEST_WRITER";
const PLACE: &str = "RASHOMON_TEST_INDEX";
const WRITERS: usize = 4;
const RUNS_EACH: usize = 60;

fn header(day: usize) -> Header {
    serde_json::from_value(json!({
        "format": 1, "name": "nightly", "date": format!("2026-11-{day:02}"), "started": format!("2026-11-{day:02}T00:00:00Z"),
        "seed": 1, "specification": "", "version": "0.1.0", "shard": {"index": 1, "count": 1}, "corpus": []
    }))
    .expect("a header")
}

fn record(id: usize, day: usize, violation: bool) -> RunRecord {
    let anomalies = if violation {
        json!([{"checker": "c", "name": "stale read", "key": "1", "sentence": "s", "operations": 3, "window_ns": [1, 2]}])
    } else {
        json!([])
    };
    let verdict = if violation { "violation" } else { "pass" };
    let started = format!("2026-11-{day:02}T00:{:02}:{:02}Z", id / 60 % 60, id % 60);
    let digest = json!({
        "run": format!("run-{day}-{id}"), "started": started, "version": "", "target": "raft-kv", "target_version": "",
        "mutant": null, "workload": "register", "model": "", "nodes": 5, "seed": id, "time_ms": 1000, "fault_kinds": [],
        "verdict": verdict, "reasons": [], "anomalies": anomalies, "operations": [1, 0, 0], "faults_installed": [],
        "interrupted": false, "wall_ms": 0.0, "reproduce": ""
    });
    serde_json::from_value(json!({
        "id": format!("{id:06}"), "role": "main", "cell": "raft-kv register kill 5 nodes", "seed": u64::MAX - id as u64,
        "command": "", "started": started, "wall_s": 1.0, "verdict": verdict, "digest": digest
    }))
    .expect("a record")
}

fn summary(day: usize) -> Summary {
    serde_json::from_value(json!({
        "format": 1, "campaign": header(day), "end": "complete", "verdict": "pass", "exit_code": 0, "reasons": [],
        "planned": 3, "counts": {"pass": 3, "violation": 0, "inconclusive": 0, "broken": 0}, "starved": 0, "runs_s": 1.0,
        "findings": [], "gone": [], "canaries": [], "cells": [], "classes": [], "noise": [], "not_covered": []
    }))
    .expect("a summary")
}

/// Everything that an index answers, asked once.
type Answers = (u64, Vec<NightCounts>, Vec<SignatureHistory>, Vec<IndexedRun>, Vec<Summary>);

fn fill_and_ask(index: &mut dyn Index) -> Answers {
    for day in 1..=5 {
        let runs: Vec<RunRecord> = (0..20).map(|id| record(id, day, id == 7 && day != 2)).collect();
        index.put_runs(&header(day), &runs).expect("runs are written");
        // Once more changes nothing.
        index.put_runs(&header(day), &runs[..3]).expect("runs are written");
        index.put_summary(&summary(day)).expect("a summary is written");
        index.put_summary(&summary(day)).expect("a summary is written");
    }
    let violations = Filter { verdict: Some("violation".to_owned()), ..Filter::default() };
    (
        index.count().expect("a count"),
        index.nights("nightly", 3).expect("nights"),
        index.signatures("nightly", 10).expect("signatures"),
        index.runs(&violations, 10).expect("runs"),
        index.earlier("nightly", &header(4).started, 2).expect("summaries"),
    )
}

fn assert_right(answers: &Answers) {
    let (count, nights, signatures, runs, earlier) = answers;
    assert_eq!(*count, 100);
    let nights: Vec<_> = nights.iter().map(|night| (night.started.as_str(), night.pass, night.violation)).collect();
    assert_eq!(nights[0], ("2026-11-05T00:00:00Z", 19, 1));
    assert_eq!(nights.len(), 3);
    assert_eq!((signatures.len(), signatures[0].runs, signatures[0].campaigns), (1, 4, 4));
    assert_eq!(
        (signatures[0].first.as_str(), signatures[0].last.as_str()),
        ("2026-11-01T00:00:07Z", "2026-11-05T00:00:07Z")
    );
    assert_eq!((runs.len(), runs[0].folder.as_str(), runs[0].seed), (4, "run-5-7", u64::MAX - 7));
    let days: Vec<&str> = earlier.iter().map(|summary| summary.campaign.date.as_str()).collect();
    assert_eq!(days, ["2026-11-02", "2026-11-03"], "the latest last, none that began later");
}

fn sqlite(folder: &Path) -> String {
    folder.join("index.sqlite").display().to_string()
}

#[test]
fn sqlite_answers() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut index = rashomon_index::open(&sqlite(folder.path())).expect("it opens");
    assert_right(&fill_and_ask(&mut *index));
    index.clear().expect("it is emptied");
    assert_eq!(index.count().expect("a count"), 0);
    assert_right(&fill_and_ask(&mut *index));
}

#[test]
fn postgresql_answers_the_same() {
    let Some(server) = Server::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut postgres = rashomon_index::open(&server.address()).expect("it opens");
    let mut sqlite = rashomon_index::open(&sqlite(folder.path())).expect("it opens");
    let answers = fill_and_ask(&mut *postgres);
    assert_right(&answers);
    assert_eq!(answers, fill_and_ask(&mut *sqlite));
    postgres.clear().expect("it is emptied");
    assert_eq!(postgres.count().expect("a count"), 0);
}

#[test]
fn four_processes_write_into_sqlite_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    four_processes_write_into(&sqlite(folder.path()));
}

#[test]
fn four_processes_write_into_postgresql_at_once() {
    let Some(server) = Server::start() else { return };
    four_processes_write_into(&server.address());
}

#[test]
fn a_server_that_is_not_there_is_named_with_what_to_do() {
    let Err(error) = rashomon_index::open("postgres://nobody@127.0.0.1:1/none") else {
        panic!("nothing listens there")
    };
    assert!(error.to_string().contains("PostgreSQL") && error.remedy().contains("--store postgres://"), "{error}");
}

fn four_processes_write_into(place: &str) {
    let program = std::env::current_exe().expect("this program");
    let writer = |number: usize| {
        let mut command = Command::new(&program);
        command.args(["--exact", "writes_as_one_of_several", "--quiet"]);
        command.env(WRITER, number.to_string()).env(PLACE, place).spawn().expect("it starts")
    };
    let writers: Vec<_> = (0..WRITERS).map(writer).collect();
    for mut writer in writers {
        assert!(writer.wait().expect("it ends").success());
    }
    let mut index = rashomon_index::open(place).expect("it opens");
    assert_eq!(index.count().expect("a count"), (WRITERS * RUNS_EACH) as u64);
    let nights = index.nights("nightly", 10).expect("nights");
    assert_eq!(nights.len(), 1);
    assert_eq!(nights[0].pass, (WRITERS * RUNS_EACH) as u64);
}

/// What each of the four processes does; nothing when the tests themselves are run.
#[test]
fn writes_as_one_of_several() {
    let (Ok(number), Ok(place)) = (std::env::var(WRITER), std::env::var(PLACE)) else { return };
    let number: usize = number.parse().expect("a number");
    let mut index = rashomon_index::open(&place).expect("it opens");
    for run in 0..RUNS_EACH {
        // Each as it ends, as a campaign does.
        index.put_runs(&header(1), &[record(number * 1000 + run, 1, false)]).expect("it is written");
    }
}
