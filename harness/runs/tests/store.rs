//! The store: names of runs, links to the latest, what is listed.

use std::fs;

use rashomon_runs::{RunFolder, Store, Verdict};

mod fixtures;

#[test]
fn runs_of_the_same_name_get_folders_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("results")).unwrap();
    let first = store.new_run("now-raft-kv-register-1").unwrap();
    let second = store.new_run("now-raft-kv-register-1").unwrap();
    assert_ne!(first, second);
}

#[test]
fn a_file_of_the_users_named_latest_stays() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("latest"), "mine").unwrap();
    let store = Store::open(folder.path()).unwrap();
    let run = store.new_run("run").unwrap();
    store.link(&run, None).unwrap();
    assert_eq!(std::fs::read_to_string(folder.path().join("latest")).unwrap(), "mine");
}

#[test]
fn links_follow_the_latest_run_and_the_latest_violation() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (bad, good) = (store.new_run("bad").unwrap(), store.new_run("good").unwrap());
    store.link(&bad, Some(Verdict::Violation)).unwrap();
    store.link(&good, Some(Verdict::Pass)).unwrap();
    let points_at = |name: &str| folder.path().join(name).canonicalize().unwrap();
    assert_eq!(points_at("latest"), good.path());
    assert_eq!(points_at("latest-violation"), bad.path());
}

#[test]
fn an_occupied_results_folder_is_named_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("results");
    fs::write(&file, "mine").unwrap();
    let error = Store::open(&file).err().unwrap();
    assert!(error.to_string().contains("results") && error.remedy().contains("--results"), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn a_missing_run_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert!(store.find("nothing").unwrap_err().to_string().contains("nothing"));
}
#[test]
fn every_run_is_listed_once_with_its_digest_and_a_damaged_one_hides_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    fixtures::copy("violation", &folder.path().join("2-violation"));
    fixtures::copy("pass", &folder.path().join("1-pass"));
    fixtures::copy("pass", &folder.path().join("3-damaged"));
    fs::write(folder.path().join("3-damaged/manifest.json"), "{\"format\": 1}").unwrap();
    fs::create_dir(folder.path().join("not-a-run")).unwrap();
    fs::write(folder.path().join("README.md"), "mine").unwrap();
    store.link(&RunFolder::at(folder.path().join("2-violation")), Some(Verdict::Violation)).unwrap();

    let listed: Vec<_> = store.digests().unwrap().collect();
    let names: Vec<String> = listed.iter().map(|(run, _)| run.name()).collect();
    assert_eq!(names, ["1-pass", "2-violation", "3-damaged"], "links and other files are left out");
    assert!(listed[2].1.is_err());

    let pass = listed[0].1.as_ref().unwrap();
    assert_eq!((&*pass.target, &*pass.workload, pass.seed), ("crdt", "cart", 2));
    assert_eq!((pass.verdict, pass.first_anomaly()), (Some(Verdict::Pass), None));
    assert_eq!(pass.operations, [809, 3, 0]);
    let installed: u64 = pass.faults_installed.iter().map(|&(_, count)| count).sum();
    assert_eq!((installed, pass.fault_kinds.len()), (7, 14));

    let violation = listed[1].1.as_ref().unwrap();
    assert_eq!((violation.verdict, violation.anomalies.len()), (Some(Verdict::Violation), 2));
    assert_eq!(violation.mutant.as_deref(), Some("stale-read"));
    let first = violation.first_anomaly().unwrap();
    assert_eq!((&*first.name, &*first.key), ("stale read", "0"));
    assert!(first.window_ns.1 > 2_000_000_000 && first.operations > 1, "{first:?}");
}
