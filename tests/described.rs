//! Systems in other languages, described by a file and asked by programs, in a real lab.

mod installed;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use installed::{Installed, stderr, stdout};

/// A file of the example.
fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/any-language").join(name)
}

/// Whether these programs are there; says which are not.
fn machine_has(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|program| {
        let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
        !found.is_ok_and(|output| output.status.success())
    });
    if let Some(missing) = missing {
        println!("skipped: {missing} is not installed");
    }
    missing.is_none()
}

fn run(installed: &Installed, file: &Path, flags: &[&str]) -> Output {
    let file = file.display().to_string();
    installed.run(&[&["run", &file, "--seed", "1"], flags].concat())
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

#[test]
fn a_store_and_a_client_in_python_pass_and_a_planted_bug_is_found_and_replayed() {
    if !machine_has(&["python3"]) {
        return;
    }
    let installed = Installed::new();
    // A copy, so that the run can be replayed after the file is gone.
    let folder = tempfile::tempdir().unwrap();
    for name in ["store.toml", "store.py", "client.py"] {
        std::fs::copy(example(name), folder.path().join(name)).unwrap();
    }
    let file = folder.path().join("store.toml");
    let flags = ["--time", "8s", "--rate", "300", "--faults", "kill,partition"];
    let output = run(&installed, &file, &flags);
    assert_eq!(code(&output), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(installed.processes(), 0);

    let bug = ["--time", "20s", "--faults", "none", "--mutant", "cache", "--stop-on-violation"];
    let output = run(&installed, &file, &bug);
    assert_eq!(code(&output), Some(1), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("stale read"), "{}", stdout(&output));
    let again = format!("rashomon run {} ", file.canonicalize().unwrap().display());
    assert!(stdout(&output).contains(&again), "{}", stdout(&output));

    std::fs::remove_file(&file).unwrap();
    let output = installed.run(&["replay", "latest"]);
    assert_eq!(code(&output), Some(1), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(installed.processes(), 0);
}

#[test]
fn a_client_in_shell_tests_the_same_store() {
    if !machine_has(&["python3", "curl"]) {
        return;
    }
    let installed = Installed::new();
    let folder = tempfile::tempdir().unwrap();
    for name in ["store.py", "client.sh"] {
        std::fs::copy(example(name), folder.path().join(name)).unwrap();
    }
    let text = std::fs::read_to_string(example("store.toml")).unwrap();
    let text = text.replace(r#"["python3", "client.py", "{ip}"]"#, r#"["./client.sh", "{ip}"]"#);
    let targets = folder.path().join("targets");
    std::fs::create_dir(&targets).unwrap();
    let text = text.replace("{dir}/store.py", &folder.path().join("store.py").display().to_string());
    std::fs::write(targets.join("shell-store.toml"), text.replace("./client.sh", "../client.sh")).unwrap();
    // Found by its name in the folder `targets`.
    let arguments = ["run", "shell-store", "--seed", "1", "--time", "8s", "--clients", "3"];
    let arguments = [&arguments[..], &["--option", "keys=10", "--rate", "60", "--faults", "none"]].concat();
    let mut program = installed.program();
    program.current_dir(folder.path()).args(arguments).arg("--results").arg(installed.results());
    let output = program.output().expect("the program starts");
    assert_eq!(code(&output), Some(0), "{}{}", stdout(&output), stderr(&output));
}

#[test]
fn a_client_that_crashes_leaves_no_verdict_and_its_words() {
    if !machine_has(&["python3"]) {
        return;
    }
    let installed = Installed::new();
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(example("store.py"), folder.path().join("store.py")).unwrap();
    let text = std::fs::read_to_string(example("store.toml")).unwrap();
    let crash = r#"["sh", "-c", "echo ready; read line; echo 'no module named kv' >&2; exit 1"]"#;
    let file = folder.path().join("store.toml");
    std::fs::write(&file, text.replace(r#"["python3", "client.py", "{ip}"]"#, crash)).unwrap();
    let output = run(&installed, &file, &["--time", "2s", "--rate", "50", "--faults", "none"]);
    assert_eq!(code(&output), Some(2), "{}{}", stdout(&output), stderr(&output));
    let log = std::fs::read_to_string(installed.results().join("latest/clients.log")).unwrap();
    assert!(log.contains("no module named kv"), "{log}");
}

#[test]
fn a_store_needs_no_client_where_requests_are_described() {
    if !machine_has(&["python3"]) {
        return;
    }
    let installed = Installed::new();
    let file = example("store-http.toml");
    let output = run(&installed, &file, &["--time", "8s", "--rate", "300", "--faults", "pause,partition"]);
    assert_eq!(code(&output), Some(0), "{}{}", stdout(&output), stderr(&output));
    let bug = ["--time", "20s", "--faults", "none", "--mutant", "cache", "--stop-on-violation"];
    let output = run(&installed, &file, &bug);
    assert_eq!(code(&output), Some(1), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("stale read"), "{}", stdout(&output));
    assert_eq!(installed.processes(), 0);
}

#[test]
fn a_client_program_is_examined_and_its_lie_is_named() {
    if !machine_has(&["python3"]) {
        return;
    }
    let installed = Installed::new();
    let examine = |file: &Path| {
        let mut program = installed.program();
        program.arg("test-client").arg(file).output().expect("the program starts")
    };
    let output = examine(&example("store.toml"));
    assert_eq!(code(&output), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(stdout(&output).matches("honest").count(), 8, "{}", stdout(&output));

    let folder = tempfile::tempdir().unwrap();
    for name in ["store.toml", "store.py"] {
        std::fs::copy(example(name), folder.path().join(name)).unwrap();
    }
    let client = std::fs::read_to_string(example("client.py")).unwrap();
    let certain = r#"unknown = "fail" if read else "info""#;
    assert!(client.contains(certain));
    std::fs::write(folder.path().join("client.py"), client.replace(certain, r#"unknown = "fail""#)).unwrap();
    let output = examine(&folder.path().join("store.toml"));
    assert_eq!(code(&output), Some(1), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("lie        fail instead of info: "), "{}", stdout(&output));
    assert_eq!(installed.processes(), 0);
}

#[test]
fn a_new_project_finds_its_planted_bugs_and_is_checked_step_by_step() {
    if !machine_has(&["python3"]) {
        return;
    }
    let installed = Installed::new();
    let folder = tempfile::tempdir().unwrap();
    let call = |folder: &Path, arguments: &[&str]| {
        let mut program = installed.program();
        program.current_dir(folder).args(arguments).output().expect("the program starts")
    };
    let output = call(folder.path(), &["new", "my-store"]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    let project = folder.path().join("my-store");
    let output = call(&project, &["check-target", "target.toml", "--no-faults"]);
    assert_eq!(code(&output), Some(0), "{}{}", stdout(&output), stderr(&output));
    let said = stdout(&output);
    assert!(said.contains("one node     served after") && said.contains("all went well"), "{said}");
    let output = call(&project, &["mutants", "target.toml", "cache", "--seeds", "1..1"]);
    assert_eq!(code(&output), Some(0), "{}{}", stdout(&output), stderr(&output));
    let output = call(folder.path(), &["new", "my-store"]);
    assert_eq!(code(&output), Some(254), "{}", stderr(&output));

    // A port on which nobody listens: the step that fails is named, with what to do.
    let file = project.join("target.toml");
    let text = std::fs::read_to_string(&file).unwrap().replace("\"{ip}\"]", "\"127.9.9.9\"]");
    std::fs::write(&file, text).unwrap();
    let output = call(&project, &["check-target", "target.toml"]);
    assert_eq!(code(&output), Some(2), "{}{}", stdout(&output), stderr(&output));
    let said = stdout(&output);
    assert!(said.contains("PROBLEM: no `read` was acknowledged") && said.contains("clients.log"), "{said}");
    assert_eq!(installed.processes(), 0);
}

#[test]
fn ready_servers_pass_without_faults() {
    let installed = Installed::new();
    for (target, programs) in [("redis-sentinel", &["redis-server", "redis-sentinel"][..]), ("etcd", &["etcd"])] {
        if !machine_has(programs) {
            continue;
        }
        let output =
            installed.run(&["run", target, "--seed", "1", "--time", "5s", "--rate", "300", "--faults", "none"]);
        assert_eq!(code(&output), Some(0), "{target}: {}{}", stdout(&output), stderr(&output));
    }
    assert_eq!(installed.processes(), 0);
}
