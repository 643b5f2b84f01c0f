//! The schedules that fixed seeds draw for included targets: `tests/fixtures/schedules.jsonl` has them as the version
//! that first drew them wrote them. A seed in an old note, a test or a campaign must draw the same faults for years;
//! and what was written then must be read as the same plan now.
//!
//! `UPDATE_GOLDEN=1` adds lines for cases that the file does not have. It never changes one that is there: to break a
//! seed on purpose, delete its line first.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rashomon_harness::faults::FaultCatalogue;
use rashomon_harness::faults::kind::FaultKind;
use rashomon_harness::schedule::Schedule;
use rashomon_harness::target::{Target, TargetConfig};
use rashomon_targets::{CrdtReplicas, Dynamo, RaftKv};

const SEEDS: [u64; 4] = [1, 7, 42, 20_261_129];
const NODES: [u16; 2] = [3, 5];
const TIMES_MS: [u64; 2] = [12_000, 30_000];
/// Classes and kinds; a kind that means nothing for a target's nodes is left out.
const FAULTS: [&[&str]; 4] = [
    &["partition", "kill"],
    &["partition", "kill", "pause", "clock", "packets"],
    &["isolate-leader", "isolate-one", "jump-ahead", "pause"],
    &["wipe", "majority-minority", "kill-all", "delay-all"],
];

/// Every case by its name, with the schedule that is drawn today.
fn drawn() -> BTreeMap<String, Schedule> {
    let targets: [&dyn Target; 3] = [&RaftKv, &Dynamo, &CrdtReplicas];
    let catalogue = FaultCatalogue::included();
    let mut cases = BTreeMap::new();
    for (place, target) in targets.into_iter().enumerate() {
        let timing = target.timing(&TargetConfig::default()).unwrap();
        for (set, faults) in FAULTS.into_iter().enumerate() {
            let kinds: Vec<FaultKind> = faults.iter().flat_map(|name| catalogue.named(name).unwrap()).collect();
            for (turn, seed) in SEEDS.into_iter().enumerate() {
                // Not every combination: each seed with each set of faults, sizes and lengths in turn.
                let nodes = NODES[(turn + place) % 2];
                let time_ms = TIMES_MS[(turn / 2 + set) % 2];
                let name =
                    format!("{} seed {seed}, {nodes} nodes, {time_ms} ms, {}", target.info().name, faults.join(","));
                let leader = target.info().has_leader;
                let kinds = catalogue.meaningful(kinds.iter().cloned(), nodes, leader);
                cases.insert(name, catalogue.draw(seed, nodes, leader, time_ms, &kinds, timing));
            }
        }
    }
    cases
}

#[test]
fn old_seeds_draw_what_they_always_drew() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schedules.jsonl");
    let cases = drawn();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        add_missing(&path, &cases);
    }
    let golden = golden(&path);
    let names: Vec<&String> = golden.keys().collect();
    assert_eq!(names, cases.keys().collect::<Vec<_>>(), "UPDATE_GOLDEN=1 adds what is missing");
    assert!(cases.values().all(|schedule| !schedule.episodes.is_empty()));
    for (name, drawn) in &cases {
        let then: Schedule = serde_json::from_value(golden[name].clone()).unwrap_or_else(|error| {
            panic!("{name}: a plan of an earlier version can no longer be read: {error}");
        });
        assert_eq!(drawn, &then, "{name}: this seed draws another schedule than it did");
    }
}

fn golden(path: &PathBuf) -> BTreeMap<String, serde_json::Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str::<(String, serde_json::Value)>(line).unwrap()).collect()
}

fn add_missing(path: &PathBuf, cases: &BTreeMap<String, Schedule>) {
    let mut golden = golden(path);
    for (name, schedule) in cases {
        golden.entry(name.clone()).or_insert_with(|| serde_json::to_value(schedule).unwrap());
    }
    let lines = golden.iter().map(|case| serde_json::to_string(&case).unwrap() + "\n");
    std::fs::write(path, lines.collect::<String>()).unwrap();
}
