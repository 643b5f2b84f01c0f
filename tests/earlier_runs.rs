//! Run folders that an earlier version wrote (`tests/fixtures/runs`): they can still be checked, reported and replayed,
//! with the same verdict. The folders are never rewritten; a new layout gets a folder of its own beside them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A copy of a run's folder that the program may write into.
struct Copied(tempfile::TempDir);

impl Copied {
    fn of(name: &str) -> Copied {
        let folder = tempfile::tempdir().unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/runs").join(name);
        copy(&from, &folder.path().join("results").join(name));
        Copied(folder)
    }

    fn run(&self) -> PathBuf {
        let runs = std::fs::read_dir(self.0.path().join("results")).unwrap();
        runs.map(|entry| entry.unwrap().path()).next().expect("the copied run")
    }

    fn rashomon(&self, arguments: &[&str]) -> Output {
        let mut program = Command::new(env!("CARGO_BIN_EXE_rashomon"));
        program.current_dir(self.0.path()).args(arguments).arg(self.run()).output().expect("the program starts")
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_violation_is_still_one() {
    let copied = Copied::of("violation");
    let checked = copied.rashomon(&["check"]);
    assert_eq!(checked.status.code(), Some(1), "{}{}", stdout(&checked), stderr(&checked));
    let told = stdout(&checked);
    assert!(told.starts_with("invalid     linearizable cas-register, 714 operations\n"), "{told}");
    assert_eq!(told.matches("\nstale read  ").count(), 2, "{told}");
    assert!(told.contains("op 67 process 0 at n1: cas key 0 [27 28] → ok, 1.449663 s to 1.450021 s"), "{told}");
    assert_eq!(stderr(&checked), "", "no warning: the history is whole");
}

#[test]
fn a_pass_is_still_one() {
    let copied = Copied::of("pass");
    let checked = copied.rashomon(&["check"]);
    assert_eq!(checked.status.code(), Some(0), "{}{}", stdout(&checked), stderr(&checked));
    let told = stdout(&checked);
    assert!(told.contains("valid       or-set, 812 operations\n"), "{told}");
    // Replicas are only compared because the evidence says since when nothing was updated.
    assert!(told.contains("valid       convergence, 812 operations\n"), "{told}");
    assert!(told.contains("4 objects converged"), "{told}");
}

#[test]
fn a_pass_of_format_2_is_still_one() {
    let copied = Copied::of("format-2");
    let checked = copied.rashomon(&["check"]);
    assert_eq!(checked.status.code(), Some(0), "{}{}", stdout(&checked), stderr(&checked));
    let told = stdout(&checked);
    assert!(told.starts_with("valid       linearizable cas-register, 716 operations\n"), "{told}");
    let page = page("format-2");
    for shown in ["pass", "raft-kv", "kill-leader", "same-as", "n3"] {
        assert!(page.contains(shown), "no {shown} on the page");
    }
}

#[test]
fn the_page_shows_verdict_findings_faults_and_logs() {
    let violation = page("violation");
    for shown in ["violation", "stale read", "stale-read", "raft-kv", "isolate-leader", "34 packets dropped", "n3"] {
        assert!(violation.contains(shown), "no {shown} on the page");
    }
    let pass = page("pass");
    for shown in ["pass", "crdt", "or-set", "convergence", "partition", "clock", "packets", "pause", "kill"] {
        assert!(pass.contains(shown), "no {shown} on the page");
    }
    for page in [violation, pass] {
        assert!(!page.contains("There is no ") && !page.contains("damaged"), "something of the run was not read");
    }
}

fn page(name: &str) -> String {
    let copied = Copied::of(name);
    let reported = copied.rashomon(&["report"]);
    assert_eq!(reported.status.code(), Some(0), "{}", stderr(&reported));
    let path = stdout(&reported).trim().to_owned();
    assert_eq!(Path::new(&path), copied.run().canonicalize().unwrap().join("report.html"));
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_plan_is_read_for_a_replay() {
    for (name, run) in [
        ("violation", "20261129T151403Z-raft-kv-register-7"),
        ("pass", "20261129T151531Z-crdt-cart-2"),
        ("format-2", "20261129T170227Z-raft-kv-register-5"),
    ] {
        let copied = Copied::of(name);
        // The plan is read before the program of the nodes is looked for.
        let replayed = copied.rashomon(&["replay", "--node-binary", "no/such/program"]);
        assert_eq!(replayed.status.code(), Some(254), "{}{}", stdout(&replayed), stderr(&replayed));
        assert!(stderr(&replayed).starts_with(&format!("replaying {run}\n")), "{}", stderr(&replayed));
        assert!(stderr(&replayed).contains("no/such/program"), "{}", stderr(&replayed));
    }
}

#[test]
fn a_run_that_was_inconclusive_does_not_pass_when_it_is_checked() {
    let copied = Copied::of("pass");
    let path = copied.run().join("verdict.json");
    let verdict = std::fs::read_to_string(&path).unwrap();
    let mut verdict: serde_json::Value = serde_json::from_str(&verdict).unwrap();
    verdict["verdict"] = "inconclusive".into();
    verdict["reasons"] = serde_json::json!(["only 20 operations were acknowledged"]);
    std::fs::write(&path, verdict.to_string()).unwrap();
    let checked = copied.rashomon(&["check"]);
    assert_eq!(checked.status.code(), Some(2), "{}", stdout(&checked));
    assert!(stdout(&checked).contains("the run was inconclusive: only 20 operations were acknowledged"));
}
