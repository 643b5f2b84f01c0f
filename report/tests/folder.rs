//! Reading a run's folder, whole, incomplete or damaged, and writing its page there.

mod synthetic;

use std::fs;
use std::path::Path;

use rashomon_history::{Event, HistoryWriter};
use rashomon_report::{Run, load, write_report};
use rashomon_runs::{FaultRecord, ReadError, files};
use tempfile::TempDir;

fn events() -> Vec<Event> {
    let mut events = synthetic::load(3, 200, 5, &[]);
    events.sort_by_key(|event| event.time);
    events
}

/// A run's folder as the harness leaves it.
fn folder(run: &Run) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: String| fs::write(dir.path().join(name), text).expect("written");
    write(files::MANIFEST, serde_json::to_string_pretty(&run.manifest).expect("JSON"));
    write(files::VERDICT, serde_json::to_string_pretty(&run.verdict).expect("JSON"));
    let mut lines = String::new();
    for fault in &run.faults {
        // Once when it begins, once when it is healed.
        for end_ns in [None, fault.end_ns] {
            lines += &serde_json::to_string(&FaultRecord { end_ns, ..fault.clone() }).expect("JSON");
            lines.push('\n');
        }
    }
    write(files::FAULTS, lines);
    let mut writer = HistoryWriter::new(Vec::new()).expect("in memory");
    for event in events() {
        writer.push(&event).expect("in memory");
    }
    fs::write(dir.path().join(files::HISTORY), writer.finish().expect("in memory")).expect("written");
    for log in &run.logs {
        let node = dir.path().join(files::NODES).join(&log.node);
        fs::create_dir_all(&node).expect("a folder");
        let lines: Vec<String> = log
            .lines
            .iter()
            .map(|line| {
                format!("[{:5}.{:06}] {}\n", line.time_ns / 1_000_000_000, line.time_ns / 1_000 % 1_000_000, line.text)
            })
            .collect();
        fs::write(node.join(files::NODE_LOG), lines.concat()).expect("written");
    }
    dir
}

fn page(dir: &Path) -> String {
    let path = write_report(dir).expect("the page is written");
    assert_eq!(path, dir.join(files::REPORT));
    fs::read_to_string(path).expect("the page is readable")
}

#[test]
fn a_whole_folder_gives_a_whole_page() {
    let made = synthetic::violation();
    let dir = folder(&made);
    let run = load(dir.path()).expect("loads");
    assert_eq!(run.gaps, Vec::<String>::new());
    assert_eq!(run.faults.len(), made.faults.len());
    assert!(run.faults.iter().all(|fault| fault.end_ns.is_some()), "the later line of a fault counts");
    assert_eq!(run.history.as_ref().map(|history| history.len()), Some(events().len() / 2));
    assert_eq!(run.logs.len(), 5);
    assert!(
        run.logs.iter().all(|log| log.total > log.lines.len() as u64 && !log.lines.is_empty()),
        "only what is needed"
    );
    let first = page(dir.path());
    assert!(!first.contains("Incomplete run"));
    assert_eq!(first, page(dir.path()), "the same folder gives the same bytes");
    let partial = fs::read_dir(dir.path()).expect("a folder").filter_map(Result::ok);
    assert!(!partial.into_iter().any(|entry| entry.file_name().to_string_lossy().contains("partial")));
}

#[test]
fn what_is_missing_is_said_on_the_page() {
    let dir = folder(&synthetic::violation());
    for name in [files::VERDICT, files::FAULTS, files::HISTORY] {
        fs::remove_file(dir.path().join(name)).expect("removed");
    }
    fs::remove_dir_all(dir.path().join(files::NODES).join("n3")).expect("removed");
    let page = page(dir.path());
    for said in
        ["There is no verdict.json", "There is no faults.jsonl", "There is no history.rhist", "There is no log of n3"]
    {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn a_history_that_was_cut_is_shown_as_far_as_it_goes() {
    let dir = folder(&synthetic::pass());
    let path = dir.path().join(files::HISTORY);
    let bytes = fs::read(&path).expect("read");
    // Without its end frame, as after `kill -9`.
    fs::write(&path, &bytes[..bytes.len() - 32]).expect("written");
    let run = load(dir.path()).expect("loads");
    assert_eq!(run.history.map(|history| history.len()), Some(events().len() / 2));
    assert!(run.gaps[0].contains("history.rhist") && run.gaps[0].contains("intact"), "{:?}", run.gaps);
    fs::write(&path, b"not a history").expect("written");
    assert!(page(dir.path()).contains("this is not a Rashomon history file"));
}

#[test]
fn an_unfinished_last_line_of_the_faults_is_left_out() {
    let dir = folder(&synthetic::pass());
    let path = dir.path().join(files::FAULTS);
    let text = fs::read_to_string(&path).expect("read");
    fs::write(&path, &text[..text.len() - 20]).expect("written");
    let run = load(dir.path()).expect("loads");
    assert_eq!(run.gaps, ["The last line of faults.jsonl is unfinished and was left out."]);
    assert_eq!(run.faults.len(), synthetic::faults().len(), "its first line is still there");
    fs::write(&path, format!("{{\"id\": 1}}\n{text}")).expect("written");
    let error = load(dir.path()).expect_err("a damaged line in the middle").to_string();
    assert!(error.contains("faults.jsonl is damaged: line 1: missing field"), "{error}");
}

#[test]
fn errors_name_the_file_and_what_to_do() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let error = load(dir.path()).expect_err("empty");
    assert!(matches!(error, ReadError::NotARun(_)), "{error}");
    assert!(error.to_string().contains("has no manifest.json"));
    fs::write(dir.path().join(files::MANIFEST), "{\"format\": 99}").expect("written");
    let error = load(dir.path()).expect_err("newer").to_string();
    assert!(error.contains("format 99") && error.contains("reads formats up to"), "{error}");
    fs::write(dir.path().join(files::MANIFEST), "{\"format\": 1,\n\"version\": }").expect("written");
    let error = load(dir.path()).expect_err("damaged").to_string();
    assert!(error.contains("manifest.json is damaged: line 2"), "{error}");
}

#[test]
fn a_node_name_that_is_a_path_is_not_followed() {
    let mut run = synthetic::pass();
    let dir = folder(&run);
    run.manifest.nodes[0].name = "../n1".into();
    fs::write(dir.path().join(files::MANIFEST), serde_json::to_string(&run.manifest).expect("JSON")).expect("written");
    let run = load(dir.path()).expect("loads");
    assert!(run.gaps[0].contains("cannot be a folder"), "{:?}", run.gaps);
    assert_eq!(run.logs.len(), 4);
}
