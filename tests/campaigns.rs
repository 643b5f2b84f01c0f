//! Campaigns of few and short runs: resumed after `kill -9`, in parts and merged, refused with the place of the
//! mistake.

mod installed;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use installed::{Installed, stderr, stdout};
use serde_json::Value;

const SPECIFICATION: &str = r#"
name = "small"
budget.runs = 5
limits.jobs = 2
limits.disk-free = "1MiB"
[[run]]
target = "crdt"
workloads = ["set"]
faults = ["none"]
nodes = [3]
time = "1s"
"#;

fn specification(installed: &Installed, text: &str) -> PathBuf {
    let path = installed.results().with_file_name("small.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn campaign(installed: &Installed, arguments: &[&str]) -> Command {
    let mut command = installed.program();
    command.arg("campaign").args(arguments).arg("--results").arg(installed.results());
    command
}

fn output(mut command: Command) -> Output {
    command.output().expect("the program starts")
}

/// The only campaign's folder with this ending.
fn folder(installed: &Installed, ending: &str) -> PathBuf {
    let entries = std::fs::read_dir(installed.results().join("campaigns/small")).expect("there is a campaign");
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut fitting = paths.filter(|path| path.to_string_lossy().ends_with(ending));
    fitting.next().expect("a folder with this ending")
}

fn records(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("runs.jsonl")).unwrap_or_default();
    // Of a killed campaign the last line may be unfinished.
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    whole.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

fn ids(records: &[Value]) -> Vec<&str> {
    let mut ids: Vec<&str> = records.iter().map(|record| record["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids
}

/// The run folders are those of the records, and no others.
fn assert_folders_of(folder: &Path, records: &[Value]) {
    let entries = std::fs::read_dir(folder.join("runs")).unwrap().map(|entry| entry.unwrap());
    let there: BTreeSet<String> = entries
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    let recorded = records.iter().filter_map(|record| Some(record["digest"]["run"].as_str()?.to_owned()));
    assert_eq!(there, recorded.collect::<BTreeSet<String>>());
}

fn wait_until_nothing_runs(installed: &Installed) {
    let began = Instant::now();
    while installed.processes() > 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "left behind: {:?}", installed.list_processes());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_campaign_that_is_killed_again_and_again_makes_every_run_once() {
    let installed = Installed::new();
    let path = specification(&installed, SPECIFICATION);
    let arguments = ["run", path.to_str().unwrap(), "--quiet"];
    // Before the first run ends, between runs, within one.
    for milliseconds in [300, 1500, 2900, 4100] {
        let mut command = campaign(&installed, &arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
        wait_until_nothing_runs(&installed);
    }
    let output = output(campaign(&installed, &arguments));
    let code = output.status.code();
    // A machine that is busy with other things starves runs, and says so.
    assert!(matches!(code, Some(0 | 2 | 3)), "{code:?} {}{}", stdout(&output), stderr(&output));
    let folder = folder(&installed, "Z");
    let records = records(&folder);
    assert_eq!(ids(&records), ["000000", "000001", "000002", "000003", "000004"]);
    assert_folders_of(&folder, &records);
    let seeds: BTreeSet<u64> = records.iter().map(|record| record["seed"].as_u64().unwrap()).collect();
    assert_eq!(seeds.len(), 5);
    for record in records.iter().filter(|record| record["verdict"] == "pass") {
        let run = folder.join("runs").join(record["digest"]["run"].as_str().unwrap());
        let kept: Vec<String> =
            std::fs::read_dir(run).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(
            kept.iter().map(String::as_str).collect::<BTreeSet<_>>(),
            BTreeSet::from(["digest.json", "manifest.json"])
        );
    }
    for file in ["index.html", "junit.xml", "summary.md", "summary.json"] {
        assert!(std::fs::metadata(folder.join(file)).unwrap().len() > 0, "{file}");
    }
    assert_eq!(installed.processes(), 0);
    let history = crate::output(campaign(&installed, &["history", "small"]));
    assert_eq!(history.status.code(), Some(0), "{}", stderr(&history));
    let again = crate::output(campaign(&installed, &["index", "--clear"]));
    assert!(stdout(&again).contains("1 campaigns added; 5 runs in the index"), "{}{}", stdout(&again), stderr(&again));
    assert_eq!(stdout(&history), stdout(&crate::output(campaign(&installed, &["history", "small"]))));
    // It is finished: the same command begins another.
    let status = crate::output(campaign(&installed, &["status"]));
    assert!(!stdout(&status).contains("interrupted") && stdout(&status).contains("5 runs"), "{}", stdout(&status));
}

#[test]
fn an_interrupt_ends_a_campaign_in_order_and_the_same_command_continues_it() {
    let installed = Installed::new();
    let path = specification(&installed, &SPECIFICATION.replace("runs = 5", "runs = 2").replace("\"1s\"", "\"3s\""));
    let arguments = ["run", path.to_str().unwrap(), "--json"];
    let child = campaign(&installed, &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let interrupted = child.wait_with_output().unwrap();
    assert_eq!(interrupted.status.code(), Some(2), "{}", stderr(&interrupted));
    assert!(stdout(&interrupted).contains("the same command continues it"), "{}", stdout(&interrupted));
    assert_eq!(installed.processes(), 0);

    let changed = specification(&installed, &SPECIFICATION.replace("runs = 5", "runs = 3"));
    let refused = output(campaign(&installed, &["run", changed.to_str().unwrap()]));
    assert_eq!(refused.status.code(), Some(254), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("has changed since") && stderr(&refused).contains("--new"));

    let own = folder(&installed, "Z").join("campaign.toml");
    let finished = output(campaign(&installed, &["run", own.to_str().unwrap(), "--json"]));
    let events: Vec<Value> = stdout(&finished).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["event"], "campaign-started");
    assert_eq!(events.last().unwrap()["event"], "campaign-finished");
    assert_eq!(ids(&records(&folder(&installed, "Z"))), ["000000", "000001"]);
}

#[test]
fn shards_merge_into_the_whole_in_any_order() {
    let installed = Installed::new();
    let path = specification(&installed, &SPECIFICATION.replace("runs = 5", "runs = 3"));
    let part = |shard: &str| {
        let arguments = ["run", path.to_str().unwrap(), "--quiet", "--date", "2026-11-29", "--shard", shard];
        let output = output(campaign(&installed, &arguments));
        assert!(matches!(output.status.code(), Some(0 | 2 | 3)), "{}{}", stdout(&output), stderr(&output));
    };
    part("1/2");
    part("2/2");
    let parts = [folder(&installed, "part-2-of-2"), folder(&installed, "part-1-of-2")];
    assert_eq!(ids(&records(&parts[0])), ["000001"]);
    assert_eq!(ids(&records(&parts[1])), ["000000", "000002"]);
    let parts = parts.each_ref().map(|part| part.to_str().unwrap());
    // Once more changes nothing.
    for _ in 0..2 {
        let merged = output(campaign(&installed, &["merge", parts[0], parts[1]]));
        assert!(matches!(merged.status.code(), Some(0 | 2 | 3)), "{}{}", stdout(&merged), stderr(&merged));
        let whole = folder(&installed, "Z");
        let records = records(&whole);
        assert_eq!(ids(&records), ["000000", "000001", "000002"]);
        assert_folders_of(&whole, &records);
    }
    let twice = output(campaign(&installed, &["merge", parts[0], parts[0]]));
    assert_eq!(twice.status.code(), Some(254));
    assert!(stderr(&twice).contains("part 2 is there twice"), "{}", stderr(&twice));
}

#[test]
fn a_mistake_in_a_specification_is_found_before_anything_is_run() {
    let installed = Installed::new();
    for (text, expected) in [
        (SPECIFICATION.replace("crdt", "crdd"), "small.toml:7:10: there is no target `crdd`"),
        (SPECIFICATION.replace("[\"set\"]", "[\"sett\"]"), "small.toml:8:14: there is no workload `sett`"),
        (SPECIFICATION.replace("none", "patrition"), "small.toml:9:11: there is no class or kind of faults"),
        (SPECIFICATION.replace("nodes", "ndoes"), "small.toml:10:1: unknown field `ndoes`"),
        (SPECIFICATION.replace("\"1s\"", "\"1 s\""), "small.toml:11:8: "),
    ] {
        let path = specification(&installed, &text);
        let refused = output(campaign(&installed, &["run", path.to_str().unwrap()]));
        assert_eq!(refused.status.code(), Some(254), "{}", stderr(&refused));
        assert!(stderr(&refused).contains(expected), "{expected}: {}", stderr(&refused));
        let says_what_to_do = ["hint: ", "write it "].iter().any(|hint| stderr(&refused).contains(hint));
        assert!(says_what_to_do, "{}", stderr(&refused));
    }
    assert!(!installed.results().join("campaigns").exists());
}

#[test]
fn a_full_disk_ends_a_campaign_cleanly_and_it_can_be_continued() {
    let installed = Installed::new();
    let text = SPECIFICATION.replace("runs = 5", "runs = 1");
    let path = specification(&installed, &text.replace("\"1MiB\"", "\"1000000GiB\""));
    let stopped = output(campaign(&installed, &["run", path.to_str().unwrap()]));
    assert_eq!(stopped.status.code(), Some(255), "{}{}", stdout(&stopped), stderr(&stopped));
    assert!(stdout(&stopped).contains("the same command then continues"), "{}", stdout(&stopped));
    let again = output(campaign(&installed, &["run", path.to_str().unwrap()]));
    assert_eq!(again.status.code(), Some(255));
    assert!(folder(&installed, "Z").join("summary.json").is_file(), "it is the same campaign that is continued");
    let campaigns = std::fs::read_dir(installed.results().join("campaigns/small")).unwrap().count();
    assert_eq!(campaigns, 1);
}

#[test]
fn a_specification_is_proposed_and_accepted() {
    let installed = Installed::new();
    let file = installed.results().with_file_name("nightly.toml");
    let mut command = installed.program();
    let written = command.args(["campaign", "new"]).arg(&file).output().unwrap();
    assert_eq!(written.status.code(), Some(0), "{}", stderr(&written));
    let text = std::fs::read_to_string(&file).unwrap();
    for target in ["raft-kv", "dynamo", "crdt", "lww-kv", "swim"] {
        assert!(text.contains(&format!("target = \"{target}\"")), "{target}");
    }
    let again = installed.program().args(["campaign", "new"]).arg(&file).output().unwrap();
    assert_eq!(again.status.code(), Some(254), "{}", stderr(&again));
}

#[test]
fn runs_are_listed_kept_and_removed() {
    let installed = Installed::new();
    for seed in ["1", "2"] {
        let run = ["run", "crdt", "--nodes", "3", "--time", "1s", "--faults", "none", "--seed", seed, "--quiet"];
        let output = installed.run(&run);
        assert!(matches!(output.status.code(), Some(0..=2)), "{}", stderr(&output));
    }
    let runs = |arguments: &[&str]| installed.run(&[&["runs"], arguments].concat());
    assert!(stdout(&runs(&["list"])).contains("2 runs, "), "{}", stdout(&runs(&["list"])));
    assert_eq!(runs(&["pin", "latest"]).status.code(), Some(0));
    let would = runs(&["gc", "--keep", "0s", "--dry-run"]);
    assert!(stdout(&would).contains("1 runs") && stdout(&would).contains("would be removed"), "{}", stdout(&would));
    assert!(stdout(&runs(&["gc", "--keep", "30d"])).starts_with("0 runs"));
    assert!(stdout(&runs(&["gc", "--keep", "0s"])).starts_with("1 runs"));
    let left = stdout(&runs(&["list"]));
    assert!(left.contains("1 runs, ") && left.contains("pinned"), "{left}");
    assert_eq!(runs(&["pin", "--remove", "latest"]).status.code(), Some(0));
    assert!(stdout(&runs(&["gc", "--keep", "0s"])).starts_with("1 runs"));
    assert!(!installed.results().join("latest").is_symlink(), "a link that leads nowhere is removed");
}

#[test]
fn specifications_that_ship_are_accepted() {
    let installed = Installed::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("campaigns");
    for name in ["smoke", "pull-request", "nightly"] {
        let path = folder.join(name).with_extension("toml");
        let shown = output(campaign(&installed, &["run", path.to_str().unwrap(), "--dry-run"]));
        assert_eq!(shown.status.code(), Some(0), "{}", stderr(&shown));
        assert!(stdout(&shown).contains("runs     canary raft-kv stale-read"), "{}", stdout(&shown));
    }
    assert!(!installed.results().exists());
}

#[test]
fn completions_and_man_pages_come_from_the_command_line() {
    let installed = Installed::new();
    let folder = installed.results().with_file_name("share");
    let made = installed.program().arg("generate").arg(&folder).output().unwrap();
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    for file in [
        "completions/rashomon.bash",
        "completions/_rashomon",
        "completions/rashomon.fish",
        "man1/rashomon-campaign-run.1",
    ] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(text.contains("shard"), "{file}");
    }
}
