//! The folder that results are written into: full, shared by two runs, of another user.

mod installed;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Output};

use installed::{Installed, stderr, stdout};

const RUN: [&str; 8] =
    ["run", "raft-kv", "--nodes=3", "--time=2s", "--faults=kill", "--rate=500", "--seed=1", "--results"];

fn said(output: &Output) -> String {
    format!("{}{}", stdout(output), stderr(output))
}

#[test]
fn a_disk_that_fills_up_ends_a_run_with_what_to_do_and_keeps_what_was_recorded() {
    let installed = Installed::new();
    std::fs::create_dir(installed.results()).unwrap();
    // A file system of 40 KiB, in a mount namespace of its own. What was kept is copied out before it goes.
    let kept = installed.results().with_file_name("kept");
    let script = format!(
        "mount -t tmpfs -o size=40k none '{results}' && {program} {run} '{results}'; code=$?; cp -r '{results}' '{kept}'; exit $code",
        results = installed.results().display(),
        program = installed.program().get_program().display(),
        run = RUN.join(" "),
        kept = kept.display(),
    );
    let mut command = Command::new("unshare");
    let output = command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]).output().expect("unshare");
    assert_eq!(output.status.code(), Some(255), "{}", said(&output));
    assert!(said(&output).contains("No space left on device"), "{}", said(&output));
    assert!(
        said(&output).contains("hint: free some space, or write elsewhere with --results DIR"),
        "{}",
        said(&output)
    );
    assert_eq!(installed.processes(), 0);
    let run = std::fs::read_dir(&kept)
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.join("history.rhist").exists() && !path.is_symlink());
    let checked = installed.check(&run.expect("the run's folder"));
    assert!(said(&checked).contains("linearizable cas-register"), "{}", said(&checked));
}

#[test]
fn two_runs_at_once_in_one_folder_each_keep_their_own() {
    let installed = Installed::new();
    let start = || {
        let mut command = installed.program();
        command.args(RUN).arg(installed.results()).stdout(std::process::Stdio::piped());
        command.stderr(std::process::Stdio::piped()).spawn().expect("the program starts")
    };
    let outputs = [start(), start()].map(|run| run.wait_with_output().expect("its output"));
    for output in &outputs {
        // Two at once may starve each other, which is inconclusive.
        assert!(matches!(output.status.code(), Some(0 | 2)), "{}", said(output));
    }
    let entries = std::fs::read_dir(installed.results()).unwrap().flatten().map(|entry| entry.path());
    let runs: Vec<_> = entries.filter(|path| !path.is_symlink() && path.join("verdict.json").exists()).collect();
    assert_eq!(runs.len(), 2, "{runs:?}");
    let latest = std::fs::canonicalize(installed.results().join("latest")).unwrap();
    assert!(runs.iter().any(|run| std::fs::canonicalize(run).unwrap() == latest), "{}", latest.display());
}

#[test]
fn a_folder_of_another_user_is_refused_before_the_run() {
    let installed = Installed::new();
    std::fs::create_dir(installed.results()).unwrap();
    if std::fs::metadata(installed.results()).unwrap().uid() != 0 {
        println!("skipped: only root can act as two users");
        return;
    }
    std::fs::set_permissions(installed.results(), PermissionsExt::from_mode(0o755)).unwrap();
    let output = installed.program_as_user().args(RUN).arg(installed.results()).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(255), "{}", said(&output));
    assert!(said(&output).contains("Permission denied"), "{}", said(&output));
    assert!(said(&output).contains("hint: "), "{}", said(&output));
    assert_eq!(std::fs::read_dir(installed.results()).unwrap().count(), 0);
}
