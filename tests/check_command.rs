//! `rashomon check` as its users call it: which files it takes, what it refuses, and its exit code.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const VALID: &str = r#"{"process":0,"type":"invoke","f":"write","value":1,"time":1}
{"process":0,"type":"ok","f":"write","value":1,"time":2}
{"process":1,"type":"invoke","f":"read","value":null,"time":3}
{"process":1,"type":"ok","f":"read","value":1,"time":4}
"#;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("it can be written");
    }
    folder
}

fn check(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rashomon"));
    command.arg("check").args(arguments).current_dir(folder).output().expect("the program can be started")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn several_files_have_one_exit_code_and_one_bad_file_does_not_hide_the_others() {
    let stale = VALID.replace(r#""value":1,"time":4"#, r#""value":null,"time":4"#);
    let folder = folder(&[("valid", VALID), ("stale", &stale), ("none", "not a history")]);
    let code = |files: &[&str]| {
        let output = check(folder.path(), &[files, &["--model", "register"]].concat());
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(code(&["valid"]).0, Some(0));
    assert_eq!(code(&["valid", "none"]).0, Some(254));
    let (worst, printed) = code(&["none", "stale", "valid"]);
    assert_eq!(worst, Some(1));
    assert!(printed.contains("stale\ninvalid") && printed.contains("valid\nvalid"), "{printed}");
}

#[test]
fn a_file_that_is_not_there_is_named_with_and_without_a_model() {
    let folder = folder(&[]);
    for arguments in [&["nosuch"][..], &["nosuch", "--model", "register"], &["nosuch", "--results", "runs"]] {
        let output = check(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(254));
        assert!(stderr(&output).starts_with("error: no such file: nosuch"), "{}", stderr(&output));
    }
}

#[test]
fn pairs_of_independent_keys_are_refused_with_the_flag_that_reads_them() {
    let edn =
        "{:type :invoke, :f :read, :value [6 nil], :process 1}\n{:type :ok, :f :read, :value [6 nil], :process 1}\n";
    let folder = folder(&[("pairs.edn", edn)]);
    let output = check(folder.path(), &["pairs.edn", "--model", "register"]);
    assert_eq!(output.status.code(), Some(254));
    assert!(stderr(&output).contains("--independent"), "{}", stderr(&output));
    let taken_apart = check(folder.path(), &["pairs.edn", "--model", "register", "--independent"]);
    assert_ne!(taken_apart.status.code(), Some(254));
}

#[test]
fn lines_that_are_no_operations_are_counted() {
    let log =
        "INFO  jepsen.core - Running\nINFO  jepsen.util - 0 :invoke :read nil\nINFO  jepsen.util - 0 :ok :read nil\n";
    let folder = folder(&[("jepsen.log", log)]);
    let output = check(folder.path(), &["jepsen.log", "--model", "register"]);
    assert!(stderr(&output).contains("note: 1 line(s) or event(s)"), "{}", stderr(&output));
}

/// Write skew: two transactions, each of which misses the other's append.
const WRITE_SKEW: &str = r#"{"process":0,"type":"invoke","f":"txn","value":[["r",1,null],["append",2,1]],"time":1}
{"process":1,"type":"invoke","f":"txn","value":[["r",2,null],["append",1,1]],"time":2}
{"process":0,"type":"ok","f":"txn","value":[["r",1,[]],["append",2,1]],"time":3}
{"process":1,"type":"ok","f":"txn","value":[["r",2,[]],["append",1,1]],"time":4}
"#;

#[test]
fn transactions_are_recognized_and_judged_by_the_level_asked_for() {
    let folder = folder(&[("skew.jsonl", WRITE_SKEW), ("register.jsonl", VALID)]);
    let run = |arguments: &[&str]| {
        let output = check(folder.path(), arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &stderr(&output);
        (output.status.code(), text)
    };
    let (code, text) = run(&["skew.jsonl"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("strict-serializable list-append") && text.contains("G2-item     Write skew"), "{text}");
    assert!(text.contains("strongest levels that hold: strong-snapshot-isolation"), "{text}");
    assert!(text.contains("weakest levels that are broken: repeatable-read"), "{text}");
    let (code, text) = run(&["skew.jsonl", "--model", "list-append", "--consistency", "SI"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("allowed by snapshot-isolation: G2-item, write skew"), "{text}");
    let (code, text) = run(&["skew.jsonl", "--model", "rw-register"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("check it with the model list-append"), "{text}");
    let (code, text) = run(&["skew.jsonl", "--consistency", "serialisable"]);
    assert_eq!(code, Some(254));
    assert!(text.contains("did you mean `serializable`?"), "{text}");
    let (code, text) = run(&["register.jsonl"]);
    assert_eq!(code, Some(254));
    assert!(text.contains("there is no --model"), "{text}");
    assert_eq!(run(&["register.jsonl", "--model", "register", "--consistency", "SI"]).0, Some(254));
}
