//! Node programs that speak Maelstrom's protocol, in a real lab.

mod installed;

use std::path::Path;
use std::process::{Command, Output};

use installed::{Installed, stderr, stdout};

/// Runs a program of the example, or of this path, with Maelstrom's options.
fn maelstrom(installed: &Installed, program: &str, flags: &str) -> Output {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/maelstrom").join(program);
    let program = if program.starts_with('/') { program.to_owned() } else { example.display().to_string() };
    let flags: Vec<&str> = flags.split_whitespace().collect();
    let mut command = installed.program();
    command.args(["maelstrom", "--bin", &program, "--node-count", "3", "--seed", "2", "--results"]);
    command.arg(installed.results()).args(flags).output().expect("the program starts")
}

fn assert_ended(output: &Output, code: i32, says: &str) {
    let said = stdout(output) + &stderr(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(says), "`{says}` is not in {said}");
}

fn has(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        println!("skipped: {program} is not installed");
    }
    found
}

#[test]
fn an_echo_in_shell_passes_under_faults_and_a_wrong_one_is_found() {
    let installed = Installed::new();
    let flags = "-w echo --rate 60 --time-limit 10 --concurrency 2n --nemesis partition,kill,pause";
    let output = maelstrom(&installed, "echo.sh", flags);
    assert_ended(&output, 0, "net          {:all {:send-count ");
    let output = maelstrom(&installed, "echo.sh", "-w echo --rate 60 --time-limit 3 -- --wrong");
    assert_ended(&output, 1, "wrong echo");
    assert_eq!(installed.processes(), 0);
}

#[test]
fn programs_in_python_that_are_wrong_are_found_without_a_fault() {
    if !has("python3") {
        return;
    }
    let installed = Installed::new();
    let output = maelstrom(&installed, "counter.py", "-w g-counter --rate 60 --time-limit 4 -- --sum");
    assert_ended(&output, 1, "counter too large");
    let output = maelstrom(&installed, "lin_kv.py", "-w lin-kv --rate 100 --time-limit 5 --latency 5 -- --cache");
    assert_ended(&output, 1, "stale read");
    let output = maelstrom(&installed, "kafka.py", "-w kafka --rate 60 --time-limit 3 -- --everywhere");
    assert_ended(&output, 1, "inconsistent offsets");
    let flags = "-w txn-rw-register --rate 60 --time-limit 5 --latency 5 -- --blind";
    // Lost updates, or the cycles that they make; which of them is shown first depends on the run.
    assert_ended(&maelstrom(&installed, "txn.py", flags), 1, "violation    ");
    assert_eq!(installed.processes(), 0);
}

#[test]
fn a_broadcast_that_tells_once_loses_messages_in_a_partition_and_one_that_insists_does_not() {
    if !has("python3") {
        return;
    }
    let installed = Installed::new();
    let flags = "-w broadcast --rate 60 --time-limit 8 --nemesis partition --topology line";
    assert_ended(&maelstrom(&installed, "broadcast.py", flags), 0, "all nodes agree");
    assert_ended(&maelstrom(&installed, "broadcast.py", &format!("{flags} -- --once")), 1, "lost element");
}

#[test]
fn what_a_hostile_program_does_is_named() {
    let installed = Installed::new();
    let script = r#"#!/bin/sh
read -r line
echo '{"src":"n1","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}'
sleep 0.5
case $1 in
text) echo 'hello, I am debugging'; sleep 100 ;;
nobody) echo '{"src":"n1","dest":"n77","body":{"type":"x"}}'; sleep 100 ;;
exit) echo 'no more' >&2; exit 3 ;;
esac
"#;
    let script = installed.script(script);
    for (what, says) in [
        ("text", r#"no JSON (expected value at line 1 column 1): "hello, I am debugging""#),
        ("nobody", "there is nobody named `n77`"),
        ("exit", "no more / ERROR the node program exited with code 3"),
    ] {
        let output = maelstrom(&installed, &script, &format!("-w echo --time-limit 2 -- {what}"));
        assert_ended(&output, 1, says);
    }
    let output = maelstrom(&installed, "node.py", "-w echo --time-limit 2");
    assert_ended(&output, 254, "is not executable");
    assert_ended(&maelstrom(&installed, "/no/such", "-w echo"), 254, "does not exist");
    assert_ended(&maelstrom(&installed, "/no/such", "-w sudoku"), 254, "there is no workload `sudoku`");
    assert_eq!(installed.processes(), 0);
}
