//! `rashomon compare`, end to end.

mod installed;

use std::path::PathBuf;
use std::process::Command;

use installed::{Installed, stderr, stdout};

#[test]
fn a_candidate_with_a_known_bug_is_rejected_with_its_finding() {
    let installed = Installed::new();
    let output = installed
        .program()
        .args(["compare", "raft-kv", "--candidate-mutant", "stale-read", "--pairs", "2", "--seed", "3", "--json"])
        .args(["--no-power", "--jobs", "1", "--results"])
        .arg(installed.results())
        .args(["--", "--nodes", "3", "--time", "4s", "--faults", "isolate-leader"])
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let summary: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert!(["violates", "worse"].contains(&summary["verdict"].as_str().unwrap()), "{summary:#}");
    assert_eq!(summary["base"]["label"], "the build beside this program");
    assert_eq!(summary["candidate"]["label"], "mutant stale-read");
    assert_eq!(summary["findings"][0]["base"], 0);
    let pair = &summary["pairs"][0];
    assert_eq!(
        (pair["base"]["verdict"].as_str(), pair["candidate"]["verdict"].as_str()),
        (Some("pass"), Some("violation"))
    );
    let folders = std::fs::read_dir(installed.results()).unwrap().flatten();
    let folder = folders.map(|entry| entry.path()).find(|path| path.join("compare.json").is_file()).unwrap();
    let markdown = std::fs::read_to_string(folder.join("summary.md")).unwrap();
    assert!(markdown.starts_with("## raft-kv: "), "{markdown}");
    let page = std::fs::read_to_string(folder.join("index.html")).unwrap();
    assert!(page.contains("<section id=\"findings\">") && page.contains("class=\"scene\""), "no drawing");
    assert_eq!(installed.processes(), 0);
}

/// A git repository in which `build` makes the node program of the revision: `good` copies the included one, `broken`
/// fails.
fn repository(installed: &Installed) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let git = Command::new("git").arg("-C").arg(folder.path()).args(arguments).output().expect("git starts");
        assert!(git.status.success(), "{}", stderr(&git));
    };
    let node = installed.results().with_file_name("rashomon-node");
    git(&["init", "--quiet"]);
    for (tag, build) in [("good", format!("cp {} node", node.display())), ("broken", "exit 3".to_owned())] {
        std::fs::write(folder.path().join("build"), build).unwrap();
        git(&["add", "."]);
        git(&["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", tag]);
        git(&["tag", tag]);
    }
    folder
}

#[test]
fn revisions_are_built_in_checkouts_that_are_removed() {
    let installed = Installed::new();
    let repository = repository(&installed);
    let compare = |revision: &str, run_flags: &[&str]| {
        let mut command = installed.program();
        command.current_dir(repository.path()).env("TMPDIR", repository.path());
        command.args(["compare", "raft-kv", "--candidate-rev", revision, "--build", "sh build", "--binary", "node"]);
        command.args(["--pairs", "1", "--no-power", "--seed", "3", "--json", "--results"]).arg(installed.results());
        let output = command.arg("--").args(run_flags).output().expect("the program starts");
        // The file that the commits have, and nothing else: no checkout.
        let left = std::fs::read_dir(repository.path()).unwrap().flatten().map(|entry| entry.file_name());
        assert_eq!(left.filter(|name| name != ".git").collect::<Vec<_>>(), ["build"]);
        let listed = Command::new("git").arg("-C").arg(repository.path()).args(["worktree", "list"]).output().unwrap();
        assert_eq!(stdout(&listed).lines().count(), 1, "{}", stdout(&listed));
        output
    };
    let flags = ["--nodes", "3", "--time", "2s", "--faults", "none"];
    let output = compare("good", &flags);
    assert_eq!(output.status.code(), Some(2), "one pair is too few: {}", stderr(&output));
    let summary: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!((&summary["candidate"]["label"], &summary["usable_pairs"]), (&"revision good".into(), &1.into()));
    let output = compare("broken", &flags);
    assert_eq!(output.status.code(), Some(254));
    assert!(stderr(&output).contains("the build of broken failed: exit status: 3"), "{}", stderr(&output));
    assert!(stderr(&compare("gone", &flags)).contains("there is no revision `gone`"));
}

/// Compares one pair; the summary, and the folder of the candidate's run.
fn one_pair(installed: &Installed, arguments: &[&str], run_flags: &[&str]) -> (serde_json::Value, PathBuf) {
    let mut command = installed.program();
    command.args(["compare", "raft-kv", "--pairs", "1", "--no-power", "--seed", "3", "--json"]).args(arguments);
    let output = command.arg("--results").arg(installed.results()).arg("--").args(run_flags).output().unwrap();
    let summary: serde_json::Value =
        serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    let run = summary["pairs"][0]["candidate"]["run"].as_str().unwrap().to_owned();
    let folders = std::fs::read_dir(installed.results()).unwrap().flatten();
    let run = folders.map(|entry| entry.path().join("runs").join(&run)).find(|path| path.is_dir()).unwrap();
    (summary, run)
}

#[test]
fn a_mixed_cluster_has_the_candidate_on_every_other_node() {
    let installed = Installed::new();
    let flags = ["--nodes", "3", "--time", "1s", "--faults", "none"];
    let (summary, run) = one_pair(&installed, &["--mixed", "--candidate-mutant", "stale-read"], &flags);
    assert_eq!(summary["mode"], "the candidate on every other node of the base's clusters");
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(run.join("manifest.json")).unwrap()).unwrap();
    let mutants = manifest["nodes"].as_array().unwrap().iter().map(|node| node["command"].to_string());
    assert_eq!(mutants.map(|command| command.contains("stale-read")).collect::<Vec<_>>(), [false, true, false]);
    let again = manifest["reproduce"].as_str().unwrap();
    assert!(again.contains("--other every-other-node --other-mutant stale-read"), "{again}");
}

#[test]
fn an_upgrade_starts_the_candidate_on_the_data_of_the_base() {
    let installed = Installed::new();
    let announce = "#!/bin/sh\nnode=$(dirname $0)/rashomon-node\n[ \"$1\" = --version ] && exec $node --version\n\
                    echo the second version\nexec $node \"$@\"\n";
    let script = installed.script(announce);
    let flags = ["--nodes", "3", "--time", "4s", "--faults", "kill"];
    let (summary, run) = one_pair(&installed, &["--upgrade", "--candidate", &script], &flags);
    assert_eq!(summary["findings"], serde_json::json!([]), "the programs are equal: {summary:#}");
    let logs = (1..=3).map(|node| std::fs::read_to_string(run.join(format!("nodes/n{node}/node.log"))).unwrap());
    let logs: Vec<String> = logs.collect();
    assert!(logs.iter().any(|log| log.contains("the second version")), "no node was upgraded: {logs:?}");
    let first = |log: &String| log.lines().next().unwrap_or_default().contains("the second version");
    assert!(!logs.iter().any(first), "a node began with the second version: {logs:?}");

    let output = installed.run(&["run", "raft-kv", "--other", "restarts", "--faults", "pause", "--nodes", "3"]);
    assert_eq!(output.status.code(), Some(254));
    assert!(stderr(&output).contains("add kill to --faults"), "{}", stderr(&output));
}

#[test]
fn wrong_usage_says_what_to_do() {
    let installed = Installed::new();
    let refused = |arguments: &[&str]| {
        let output = installed.run(&[&["compare"], arguments].concat());
        assert_eq!(output.status.code(), Some(254), "{}", stdout(&output));
        stderr(&output)
    };
    assert!(refused(&["raft-kv"]).contains("--candidate PATH"));
    assert!(refused(&["raft-vk", "--candidate-mutant", "stale-read"]).contains("did you mean `raft-kv`?"));
    assert!(refused(&["raft-kv", "--candidate-mutant", "stale-raed"]).contains("did you mean `stale-read`?"));
    assert!(refused(&["raft-kv", "--candidate", "/nowhere/node"]).contains("/nowhere/node"));
    assert!(refused(&["raft-kv", "--candidate-mutant", "stale-read", "--bound", "3"]).contains("between 0 and 1"));
    let seeded =
        installed.program().args(["compare", "raft-kv", "--candidate-mutant", "stale-read", "--", "--seed=3"]).output();
    assert!(stderr(&seeded.unwrap()).contains("use --seed of `compare`"));
}
