//! `rashomon compare`, end to end.

mod installed;

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
    assert_eq!(installed.processes(), 0);
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
}
