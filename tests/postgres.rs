//! Real PostgreSQL, where it is installed: clean at the level that it promises, and caught where less was set.

mod installed;

use installed::{Installed, stderr, stdout};

/// Whether there is a PostgreSQL; says so where there is none.
fn is_installed() -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.into_iter().any(|version| version.path().join("bin/initdb").is_file());
    if !found {
        println!("skipped: PostgreSQL is not installed (Debian and Ubuntu: apt-get install postgresql)");
    }
    found
}

/// Runs it, and expects one of these exit codes.
fn run(installed: &Installed, codes: &[i32], arguments: &[&str]) -> String {
    let common = ["run", "postgres", "--rate", "200", "--seed", "1", "--quiet"];
    let output = installed.run(&[&common[..], arguments].concat());
    let said = stdout(&output);
    assert!(codes.iter().any(|&code| output.status.code() == Some(code)), "{said}{}", stderr(&output));
    said
}

#[test]
fn serializable_is_clean_under_kills_and_leaves_nothing() {
    if !is_installed() {
        return;
    }
    let installed = Installed::new();
    run(&installed, &[0], &["--faults", "kill", "--time", "8s"]);
    let verdict = std::fs::read_to_string(installed.results().join("latest/verdict.json")).unwrap();
    assert!(
        verdict.contains("serializable list-append") && verdict.contains("strongest levels that hold"),
        "{verdict}"
    );
    assert_eq!(installed.processes(), 0);
}

#[test]
fn a_weaker_level_than_the_one_that_is_demanded_is_found_and_drawn() {
    if !is_installed() {
        return;
    }
    let installed = Installed::new();
    let weaker = ["--faults", "none", "--time", "4s", "--workload", "write-skew", "--consistency", "serializable"];
    let said = run(&installed, &[1], &[&weaker[..], &["--set", "isolation=repeatable-read"]].concat());
    assert!(said.starts_with("violation    G2-item"), "{said}");
    let report = std::fs::read_to_string(installed.results().join("latest/report.html")).unwrap();
    assert!(report.matches("class=\"transaction\"").count() >= 2);
    // What it does promise holds.
    let promised =
        ["--faults", "none", "--time", "4s", "--workload", "write-skew", "--set", "isolation=repeatable-read"];
    run(&installed, &[0], &promised);
}

#[test]
fn a_standby_takes_over_and_no_acknowledged_commit_is_lost() {
    if !is_installed() {
        return;
    }
    let installed = Installed::new();
    let failover = ["--set", "failover=promote", "--set", "synchronous-commit=on", "--set", "failover-after-ms=500"];
    // On a slow machine there may be too few transactions for a pass.
    run(&installed, &[0, 2], &[&failover[..], &["--faults", "kill-leader", "--time", "12s"]].concat());
    let log = std::fs::read_to_string(installed.results().join("latest/nodes/n2/node.log")).unwrap();
    assert!(log.contains("takes over"), "{log}");
}
