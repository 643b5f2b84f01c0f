//! The whole program on real processes in a real lab: few runs, and short ones.

mod installed;

use std::path::Path;
use std::time::{Duration, Instant};

use installed::{Installed, stderr, stdout};

#[test]
fn a_correct_cluster_passes_under_every_class_of_faults_and_leaves_nothing() {
    let installed = Installed::new();
    let arguments = ["run", "raft-kv", "--nodes", "3", "--time", "14s", "--faults", "all", "--seed", "3"];
    let output = installed.run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).starts_with("pass"), "{}", stdout(&output));
    let run = installed.results().join("latest");
    for file in ["manifest.json", "history.rhist", "faults.jsonl", "verdict.json", "report.html", "nodes/n3/node.log"] {
        assert!(std::fs::metadata(run.join(file)).unwrap().len() > 0, "{file}");
    }
    let faults = std::fs::read_to_string(run.join("faults.jsonl")).unwrap();
    for class in ["partition", "kill", "pause", "clock", "packets"] {
        let installed = |line: &str| line.contains(class) && line.contains("installed") && line.contains("end_ns\":");
        assert!(faults.lines().any(installed), "no {class} in {faults}");
    }
    assert_eq!(installed.processes(), 0);

    let checked = installed.check(&run);
    assert_eq!(checked.status.code(), Some(0), "{}", stderr(&checked));
}

#[test]
fn a_known_bug_is_found_and_explained() {
    let installed = Installed::new();
    let faults = ["--nodes", "3", "--faults", "isolate-leader", "--time", "12s"];
    // Whether a read meets the right moment is chance; that none of these runs does is not.
    for seed in ["1", "2", "3", "4", "5", "6"] {
        let arguments = [&["run", "raft-kv", "--mutant", "stale-read", "--seed", seed], &faults[..]].concat();
        let output = installed.run(&arguments);
        let code = output.status.code();
        assert!(matches!(code, Some(0..=2)), "{}{}", stdout(&output), stderr(&output));
        if code == Some(1) {
            assert!(stdout(&output).starts_with("violation"), "{}", stdout(&output));
            let report = std::fs::read_to_string(installed.results().join("latest-violation/report.html")).unwrap();
            assert!(report.contains("stale-read"));
            return;
        }
    }
    panic!("six runs against a leader that asks nobody have shown no stale read");
}

#[test]
fn replicas_that_may_differ_for_a_while_are_waited_for_and_judged_by_what_they_promise() {
    let installed = Installed::new();
    let arguments = ["run", "crdt", "--nodes", "3", "--time", "6s", "--faults", "partition", "--seed", "1"];
    let output = installed.run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("all nodes agree"), "{}", stdout(&output));
    let run = installed.results().join("latest");
    let manifest = std::fs::read_to_string(run.join("manifest.json")).unwrap();
    assert!(manifest.contains("\"consistency\": \"causal\"") && manifest.contains("\"quiet_since_ns\""), "{manifest}");

    // What to check is in the manifest: no model has to be named.
    let checked = installed.program().arg("check").arg(&run).output().expect("the program starts");
    assert_eq!(checked.status.code(), Some(0), "{}{}", stdout(&checked), stderr(&checked));
    assert!(stdout(&checked).contains("convergence"), "{}", stdout(&checked));
}

#[test]
fn a_store_without_a_leader_passes_and_its_lost_siblings_are_found() {
    let installed = Installed::new();
    let arguments = ["--workload", "siblings", "--nodes", "3", "--time", "6s", "--faults", "partition", "--seed", "1"];
    let output = installed.run(&[&["run", "dynamo"], &arguments[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("all nodes agree"), "{}", stdout(&output));

    // A write that supersedes what its client has never seen: that needs no luck, only two clients of one key.
    let mutant = ["run", "dynamo", "--mutant", "context-ignored", "--stop-on-violation"];
    let output = installed.run(&[&mutant[..], &arguments[..]].concat());
    assert_eq!(output.status.code(), Some(1), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("forgotten value"), "{}", stdout(&output));
    assert_eq!(installed.processes(), 0);
}

#[test]
fn a_write_that_a_wrong_clock_has_lost_is_shown_with_the_clocks() {
    let installed = Installed::new();
    let faults = ["--faults", "clock", "--time", "15s"];
    // Whether a jump is long enough and hits a node that overwrites is chance; that none of these does is not.
    for seed in ["1", "2", "3", "4"] {
        let output = installed.run(&[&["run", "lww-kv", "--seed", seed], &faults[..]].concat());
        let code = output.status.code();
        assert!(matches!(code, Some(0..=2)), "{}{}", stdout(&output), stderr(&output));
        if code == Some(1) {
            let report = std::fs::read_to_string(installed.results().join("latest-violation/report.html")).unwrap();
            if report.contains("s behind when it took") || report.contains("s ahead when it took") {
                assert!(stdout(&output).contains("lost write"), "{}", stdout(&output));
                return;
            }
        }
    }
    panic!("no write was lost in four runs of a store that goes by wrong clocks");
}

#[test]
fn a_membership_in_which_departures_are_dated_wrongly_is_found_without_any_fault() {
    let installed = Installed::new();
    let run = ["run", "swim", "--faults", "none", "--time", "20s", "--seed", "1", "--stop-on-violation"];
    // Every leave that others hear of shows it, and there is one every second or so.
    let output = installed.run(&[&run[..], &["--mutant", "stale-alive"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("departure from nowhere"), "{}", stdout(&output));
    assert_eq!(installed.processes(), 0);
}

#[test]
fn runs_side_by_side_send_their_events_as_one_stream_of_lines() {
    let installed = Installed::new();
    let runs = ["run", "crdt", "--seeds", "1..2", "--jobs", "2", "--nodes", "3", "--time", "5s", "--faults", "pause"];
    let output = installed.run(&[&runs[..], &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(stderr(&output), "", "standard output has it all");
    let events: Vec<serde_json::Value> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect();
    let names = |run: &str| -> Vec<&str> {
        let of_run = events.iter().filter(|event| event["run"] == run);
        of_run.map(|event| event["event"].as_str().expect("every event has its name")).collect()
    };
    let started: Vec<&serde_json::Value> = events.iter().filter(|event| event["event"] == "run-started").collect();
    assert_eq!(started.len(), 2);
    for started in started {
        let names = names(started["run"].as_str().expect("every event names its run"));
        let story = [
            "run-started",
            "lab-up",
            "nodes-ready",
            "progress",
            "fault-began",
            "fault-healed",
            "load-ended",
            "final-reads",
            "lab-down",
            "judged",
            "finished",
        ];
        let mut left = names.iter();
        for expected in story {
            assert!(left.any(|name| *name == expected), "no {expected} where it belongs in {names:?}");
        }
        assert_eq!(left.next(), None, "nothing follows the end");
        assert!(names.iter().filter(|name| **name == "progress").count() > 10, "{names:?}");
    }
    let place = |name: &str| events.iter().position(|event| event["event"] == name).expect("there is one");
    let second_start = events.iter().rposition(|event| event["event"] == "run-started").expect("there is one");
    assert!(second_start < place("finished"), "both runs went on at once");
    let finished = &events[place("finished")];
    assert_eq!(finished["digest"]["verdict"], "pass");
    assert!(Path::new(finished["report"].as_str().expect("a path")).is_file());
}

#[test]
fn a_quiet_run_says_nothing_but_its_result() {
    let installed = Installed::new();
    let output = installed.run(&["run", "crdt", "--nodes", "3", "--time", "2s", "--faults", "none", "--quiet"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(stderr(&output), "");
    assert!(stdout(&output).starts_with("pass  "), "{}", stdout(&output));
}

#[test]
fn a_killed_run_is_gone_at_once_and_its_history_can_be_checked() {
    let installed = Installed::new();
    let mut running = installed
        .program()
        .args(["run", "raft-kv", "--nodes", "3", "--time", "60s", "--seed", "1", "--results"])
        .arg(installed.results())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let history = installed.results().join("latest/history.rhist");
    wait_until("something is recorded", || std::fs::metadata(&history).is_ok_and(|file| file.len() > 4096));
    running.kill().unwrap();
    running.wait().unwrap();
    let killed = Instant::now();
    wait_until("all processes of the run are gone", || installed.processes() == 0);
    assert!(killed.elapsed() < Duration::from_secs(5));
    let run = installed.results().join("latest");
    let checked = installed.check(&run);
    assert_eq!(checked.status.code(), Some(0), "{}", stderr(&checked));
    assert!(stderr(&checked).contains("without an end frame"), "{}", stderr(&checked));
}

#[test]
fn wrong_usage_is_answered_with_the_nearest_right_name() {
    let installed = Installed::new();
    for (arguments, hint) in [
        (vec!["run", "raft-vk"], "did you mean `raft-kv`?"),
        (vec!["run", "raft-kv", "--mutant", "stale-raed"], "did you mean `stale-read`?"),
        (vec!["run", "raft-kv", "--faults", "partitoin"], "did you mean `partition`?"),
        (vec!["run", "raft-kv", "--workload", "registre"], "did you mean `register`?"),
        (vec!["run", "raft-kv", "--time", "30"], "with a unit"),
        (vec!["replay", "latest"], "there is no run latest"),
        (vec!["run", "raft-kv", "--consistency", "eventaul"], "possible values"),
        (vec!["run", "crdt", "--faults", "kill-leader"], "without a leader"),
        (vec!["run", "swim", "--faults", "all", "--time", "3s"], "use --time"),
    ] {
        let output = installed.run(&arguments);
        assert_eq!(output.status.code(), Some(254), "{arguments:?}");
        assert!(stderr(&output).contains(hint), "{arguments:?}: {}", stderr(&output));
    }
    assert_eq!(std::fs::read_dir(installed.results()).unwrap().count(), 0, "wrong usage leaves no run behind");
}

#[test]
fn a_node_that_never_serves_is_a_finding_and_a_program_that_cannot_be_executed_is_none() {
    let installed = Installed::new();
    let output = installed.run(&["run", "raft-kv", "--node-binary", "/bin/ls", "--seed", "1"]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert!(stdout(&output).contains("unexpected exit: n1 exited with code 2"), "{}", stdout(&output));
    assert!(stdout(&output).contains("unrecognized option"), "{}", stdout(&output));
    assert!(installed.results().join("latest/report.html").is_file());
    let script = installed.script("#!/no/such/interpreter\n");
    let output = installed.run(&["run", "raft-kv", "--node-binary", &script, "--seed", "1"]);
    assert!(matches!(output.status.code(), Some(254 | 255)), "{}", stdout(&output));
    let version_only = "#!/bin/sh\n[ \"$1\" = --version ] && exec echo 1\nexec /no/such/program\n";
    let script = installed.script(version_only);
    let output = installed.run(&["run", "raft-kv", "--node-binary", &script, "--seed", "1"]);
    assert_eq!(output.status.code(), Some(255), "{}", stdout(&output));
}

#[test]
fn a_node_that_exits_on_its_own_is_a_finding() {
    let installed = Installed::new();
    // The first node gives up four seconds after its start.
    let crash = "#!/bin/sh\nnode=$(dirname $0)/rashomon-node\n[ \"$1\" = --version ] && exec $node --version\n\
                 [ \"$2\" = --id=1 ] || exec $node \"$@\"\n\
                 $node \"$@\" & sleep 4; echo assertion failed; kill -9 $!; exit 42\n";
    let script = installed.script(crash);
    let flags = ["--time", "6s", "--faults", "none", "--seed", "1", "--nodes", "3"];
    let output = installed.run(&[&["run", "raft-kv", "--node-binary", &script][..], &flags].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    let said = stdout(&output);
    assert!(said.contains("unexpected exit: n1 exited with code 42 at "), "{said}");
    let finding = said.lines().find(|line| line.contains("it last printed: ")).expect("its last lines are quoted");
    assert!(finding.ends_with("assertion failed"), "{said}");
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within 30 s");
        std::thread::sleep(Duration::from_millis(20));
    }
}
