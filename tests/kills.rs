//! Runs that are ended from outside, each at another moment and by another signal: they end in an orderly way, say what
//! happened, and leave nothing.

mod installed;

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use installed::{Installed, stderr, stdout};

/// A run ends within this time, whatever happens to it: its own time, closing reads that wait for a node that is gone.
const LONGEST: Duration = Duration::from_secs(60);

fn start(mut command: Command, installed: &Installed, seed: u64) -> Child {
    command.args(["run", "raft-kv", "--nodes=3", "--time=3s", "--faults=kill,pause,partition"]);
    command.arg(format!("--seed={seed}")).arg("--results").arg(installed.results());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

fn signal(pid: u32, signal: &str) {
    // Who is gone already needs no signal.
    let _ = Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).stderr(Stdio::null()).status();
}

fn end(mut run: Child) -> Output {
    let begun = Instant::now();
    while run.try_wait().expect("wait").is_none() {
        assert!(begun.elapsed() < LONGEST, "it goes on");
        std::thread::sleep(Duration::from_millis(10));
    }
    run.wait_with_output().expect("its output")
}

fn nothing_is_left(installed: &Installed, what: &str) {
    let begun = Instant::now();
    while installed.processes() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(1), "{what}: {:?}", installed.list_processes());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The process of that name, once there is one.
fn wait_for(installed: &Installed, name: &str) -> u32 {
    let begun = Instant::now();
    loop {
        let processes = installed.list_processes();
        if let Some((pid, _)) = processes.iter().find(|(_, comm)| comm == name) {
            return *pid;
        }
        assert!(begun.elapsed() < LONGEST, "no {name} among {processes:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn is_interrupted(output: &Output, what: &str) {
    let said = format!("{}{}", stdout(output), stderr(output));
    assert_eq!(output.status.code(), Some(2), "{what}: {said}");
    assert!(said.contains("inconclusive interrupted: "), "{what}: {said}");
    assert!(!said.contains("report it"), "{what}: {said}");
}

#[test]
fn a_signal_ends_a_run_in_an_orderly_way_at_any_time() {
    let installed = Installed::new();
    // Before there is a lab, while the nodes start, under load.
    for (name, after_ms) in [("INT", 60), ("TERM", 120), ("HUP", 200), ("TERM", 1500)] {
        let run = start(installed.program(), &installed, 1);
        std::thread::sleep(Duration::from_millis(after_ms));
        signal(run.id(), name);
        // As `timeout` does it.
        signal(run.id(), name);
        let output = end(run);
        let what = format!("{name} after {after_ms} ms");
        let said = stderr(&output);
        if output.status.code() == Some(2) {
            let before = said.contains("before the run began");
            assert!(before || stdout(&output).contains("interrupted: "), "{what}: {}{said}", stdout(&output));
        } else {
            // The program had not come to its first line.
            assert!(output.status.code().is_none() && said.is_empty(), "{what}: {said}");
        }
        nothing_is_left(&installed, &what);
    }
}

#[test]
fn whoever_of_the_lab_is_killed_the_run_is_interrupted() {
    let installed = Installed::new();
    for name in ["lab-hub", "lab-n2", "lab-init", "lab-launcher", "lab-controller"] {
        let run = start(installed.program(), &installed, 1);
        // Until the load: while the lab is made, processes fork that have this name for a moment.
        wait_for(&installed, "rashomon-node");
        std::thread::sleep(Duration::from_millis(500));
        let pid = wait_for(&installed, name);
        let killed = Instant::now();
        signal(pid, "KILL");
        is_interrupted(&end(run), name);
        assert!(killed.elapsed() < Duration::from_secs(5), "{name}: {:?}", killed.elapsed());
        nothing_is_left(&installed, name);
    }
}

/// The long form: `cargo test --test kills -- --ignored`. `RASHOMON_KILLS` says how many, 300 if it does not.
#[test]
#[ignore = "takes half an hour"]
fn nothing_is_left_of_hundreds_of_runs_that_are_killed_at_random() {
    const SIGNALS: [&str; 7] = ["KILL", "TERM", "INT", "HUP", "STOP", "QUIT", "USR1"];
    let installed = Installed::new();
    let kills = std::env::var("RASHOMON_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(300);
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|about| std::os::unix::fs::MetadataExt::uid(&about) == 0);
    // Of two users by turns.
    std::fs::create_dir(installed.results()).expect("a folder");
    std::fs::set_permissions(installed.results(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("ours");
    let mounts = || std::fs::read_to_string("/proc/self/mountinfo").expect("the mounts");
    let before = mounts();
    // Xorshift (Marsaglia, 2003): the moments of real processes cannot be repeated anyway.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) % bound
    };
    for kill in 0..kills {
        let command = if is_root && kill % 2 == 1 { installed.program_as_user() } else { installed.program() };
        let run = start(command, &installed, kill);
        let most_ms = if kill % 3 == 0 { 300 } else { 4500 };
        std::thread::sleep(Duration::from_millis(below(most_ms)));
        let processes = installed.list_processes();
        let name = SIGNALS[below(SIGNALS.len() as u64) as usize];
        let victim = (!processes.is_empty()).then(|| processes[below(processes.len() as u64) as usize].clone());
        let what = format!("kill {kill}: {name} for {victim:?}");
        println!("{what}");
        if let Some((pid, comm)) = &victim {
            signal(*pid, name);
            if comm == "rashomon" && name == "STOP" {
                // Nobody can end what may not go on.
                std::thread::sleep(Duration::from_millis(500));
                signal(*pid, "CONT");
            }
        }
        let output = end(run);
        nothing_is_left(&installed, &what);
        let said = format!("{}{}", stdout(&output), stderr(&output));
        // These end a process as its own fault would, with a core.
        assert!(name == "QUIT" || !said.contains("report it"), "{what}: {said}");
        assert!(output.status.code().is_none_or(|code| code <= 2), "{what}: {:?}: {said}", output.status);
    }
    assert_eq!(mounts(), before);
}
