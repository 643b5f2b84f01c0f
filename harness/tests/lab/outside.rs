//! The tests' side outside of the lab.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rashomon_harness::lab::{self, CheckOutcome, Ending, EnterSpec, LabEnd, LabErrorKind, LabProcess, UserNamespace};
use rashomon_harness::target::NodeCommand;

const SOON: Duration = Duration::from_secs(5);

fn enter(controller: &str, folder: &Path, rest: &str, users: UserNamespace) -> Result<LabProcess, lab::LabError> {
    lab::enter(&EnterSpec {
        label: rest.into(),
        payload: format!("{controller} {} {rest}", folder.display()),
        visible: vec![folder.to_owned()],
        user_namespace: users,
        ..EnterSpec::default()
    })
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("make a folder")
}

fn run(controller: &str, folder: &Path, rest: &str, users: UserNamespace) -> LabEnd {
    enter(controller, folder, rest, users).expect("enter").wait().expect("the lab runs")
}

/// Runs a controller that must end with 0.
pub(crate) fn passes(controller: &str, users: UserNamespace) {
    let end = run(controller, folder().path(), "", users);
    assert_eq!(end, LabEnd::Controller(Ending::Exited(0)), "{controller}");
}

/// Each start takes a second: `RASHOMON_TURNS` says how many there are.
pub(crate) fn servers_bear_jumping_clocks(users: UserNamespace) {
    let turns = std::env::var("RASHOMON_TURNS").unwrap_or_else(|_| "2".to_owned());
    let end = run("clocks-of-servers", folder().path(), &turns, users);
    assert_eq!(end, LabEnd::Controller(Ending::Exited(0)));
}

/// With each way to set clocks, and with one that does not reach the nodes.
pub(crate) fn a_clock_is_read_by_a_probe(users: UserNamespace) {
    let mut ways = vec!["auto followed", "vdso followed", "vdso alone"];
    if lab::find_faketime().is_some() {
        ways.push("libfaketime alone");
    }
    for way in ways {
        let end = run("probed", folder().path(), way, users);
        assert_eq!(end, LabEnd::Controller(Ending::Exited(0)), "{way}");
    }
}

pub(crate) fn for_each_node_user(controller: &str, users: UserNamespace) {
    for user in ["node", "root"] {
        let end = run(controller, folder().path(), user, users);
        assert_eq!(end, LabEnd::Controller(Ending::Exited(0)), "{controller} {user}");
    }
}

/// Everything that a node might reach is as before.
pub(crate) fn nodes_cannot_destroy_anything(users: UserNamespace) {
    let folder = folder();
    std::fs::write(folder.path().join("secret"), "mine").expect("write");
    for user in ["node", "root"] {
        let before = listing(Path::new("/")) + &listing(Path::new("/etc")) + &listing(Path::new("/dev"));
        let end = run("destruction", folder.path(), user, users);
        assert_eq!(end, LabEnd::Controller(Ending::Exited(0)), "{user}");
        let after = listing(Path::new("/")) + &listing(Path::new("/etc")) + &listing(Path::new("/dev"));
        assert_eq!(before, after, "{user}");
        assert_eq!(std::fs::read_to_string(folder.path().join("secret")).expect("read"), "mine");
    }
}

/// Names, kinds, owners and modes of what is in a folder.
fn listing(folder: &Path) -> String {
    use std::os::unix::fs::MetadataExt;
    let mut lines: Vec<String> = std::fs::read_dir(folder)
        .expect("read")
        .flatten()
        .filter_map(|entry| {
            let about = std::fs::symlink_metadata(entry.path()).ok()?;
            Some(format!("{} {:o} {} {}\n", entry.path().display(), about.mode(), about.uid(), about.gid()))
        })
        .collect();
    lines.sort();
    lines.concat()
}

/// A program that is asked for its version, and does something else.
pub(crate) fn a_command_before_the_run_is_isolated(_: UserNamespace) {
    let folder = folder();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "mine").expect("write");
    let ask = |script: &str| {
        let command = NodeCommand::new("/bin/sh").args(["-c", script]);
        lab::run_once(&command, Duration::from_secs(2))
    };
    assert_eq!(ask("echo server 1.2; echo built today >&2").expect("it answers").stdout, "server 1.2\n");
    assert_eq!(ask("exit 3").expect("it ends").ending, Ending::Exited(3));
    let begun = Instant::now();
    assert_eq!(ask("sleep 1000").expect_err("it hangs").kind, LabErrorKind::Timeout);
    assert_eq!(ask("sleep 1000 & exec >&- 2>&-; sleep 1000").expect_err("it hides").kind, LabErrorKind::Timeout);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let flood = ask("yes");
    assert!(flood.as_ref().map_or(0, |output| output.stdout.len()) <= 16 << 20, "it is not read to its end");
    let script = format!("rm -rf {0}; echo x > {0}; cat {0}/secret", folder.path().display());
    assert!(!ask(&script).expect("it ends").ending.success());
    assert_eq!(std::fs::read_to_string(&secret).expect("it is there"), "mine");
    let missing = lab::run_once(&NodeCommand::new("/no/such/program"), SOON).expect_err("there is none");
    assert_eq!(missing.kind, LabErrorKind::MissingProgram);
}

pub(crate) fn data_in_a_folder_stays(users: UserNamespace) {
    let folder = folder();
    assert_eq!(run("data", folder.path(), "", users), LabEnd::Controller(Ending::Exited(0)));
    assert_eq!(std::fs::read_to_string(folder.path().join("data/n1/file")).expect("read"), "kept\n");
}

pub(crate) fn nothing_outside_can_be_reached(users: UserNamespace) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listen");
    let port = listener.local_addr().expect("address").port().to_string();
    assert_eq!(run("isolation", folder().path(), &port, users), LabEnd::Controller(Ending::Exited(0)));
}

pub(crate) fn the_exit_code_comes_out(users: UserNamespace) {
    assert_eq!(run("exit-code", folder().path(), "", users), LabEnd::Controller(Ending::Exited(42)));
}

pub(crate) fn a_dead_controller_takes_the_lab_with_it(users: UserNamespace) {
    let marker = marker("abort");
    let end = run("abort", folder().path(), &marker, users);
    assert_eq!(end, LabEnd::Controller(Ending::Killed(libc::SIGABRT)));
    assert_eq!(processes_with(&marker), BTreeSet::new(), "at once, for `wait` waits for all");
}

pub(crate) fn a_killed_harness_leaves_nothing(users: UserNamespace) {
    let folder = folder();
    let marker = marker("killed");
    let mut harness = outer("sleep", folder.path(), &marker, users);
    assert!(processes_with(&marker).len() > 10, "the harness, the lab, its nodes");
    let begun = Instant::now();
    kill(Pid::from_raw(harness.id() as i32), Signal::SIGKILL).expect("kill");
    harness.wait().expect("reap");
    while !processes_with(&marker).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(1), "left over: {:?}", processes_with(&marker));
        std::thread::sleep(Duration::from_millis(1));
    }
    println!("    all gone after {:?}", begun.elapsed());
    let log = std::fs::read_to_string(folder.path().join("nodes/n3/node.log")).expect("the log is still there");
    assert!(log.contains("] I live"), "{log}");
}

pub(crate) fn two_labs_live_side_by_side(users: UserNamespace) {
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| passes("partition", users));
        }
    });
}

pub(crate) fn signals(users: UserNamespace) {
    let folder = folder();
    let marker = marker("signals");
    let mut harness = outer("catch-signals", folder.path(), &marker, users);
    let pid = Pid::from_raw(harness.id() as i32);
    kill(pid, Signal::SIGTERM).expect("signal");
    wait_for(&folder.path().join("caught"));
    kill(pid, Signal::SIGTERM).expect("the same request once more, as `timeout` sends it");
    std::thread::sleep(Duration::from_millis(700));
    assert!(harness.try_wait().expect("wait").is_none(), "the controller is still busy");
    kill(pid, Signal::SIGTERM).expect("signal again");
    assert!(!harness.wait().expect("wait").success());
    assert_eq!(processes_with(&marker), BTreeSet::new());
}

/// Whoever of the lab is stopped or killed from outside: the lab ends, soon and as a whole.
pub(crate) fn disturbances(users: UserNamespace) {
    let disturb = |name: &str, signal: Signal, soon: u64| {
        let folder = folder();
        let marker = marker("disturbed");
        let mut harness = outer("sleep", folder.path(), &marker, users);
        let begun = Instant::now();
        signal_process(&marker, name, signal);
        while harness.try_wait().expect("wait").is_none() {
            assert!(begun.elapsed() < Duration::from_secs(soon), "{name} {signal}: it goes on");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(processes_with(&marker), BTreeSet::new(), "{name} {signal}");
    };
    std::thread::scope(|scope| {
        for (name, signal, soon) in [
            ("lab-hub", Signal::SIGKILL, 5),
            ("lab-hub", Signal::SIGSTOP, 15),
            ("lab-init", Signal::SIGKILL, 5),
            ("lab-launcher", Signal::SIGKILL, 5),
            ("lab-controller", Signal::SIGKILL, 5),
            ("lab-controller", Signal::SIGSTOP, 15),
            ("lab-n1", Signal::SIGSTOP, 15),
        ] {
            scope.spawn(move || disturb(name, signal, soon));
        }
    });
}

/// Sends a signal to the process of this name in the lab of this marker.
fn signal_process(marker: &str, name: &str, signal: Signal) {
    let named = |pid: &u32| {
        let comm = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        comm.trim_end() == name
    };
    let pid = processes_with(marker).into_iter().find(named).expect(name);
    kill(Pid::from_raw(pid as i32), signal).expect("signal");
}

/// Stopped processes do not keep a second signal from ending everything.
pub(crate) fn stopped_labs_end(users: UserNamespace) {
    for name in ["lab-init", "lab-launcher"] {
        let folder = folder();
        let marker = marker("stopped");
        let mut harness = outer("sleep", folder.path(), &marker, users);
        signal_process(&marker, name, Signal::SIGSTOP);
        let pid = Pid::from_raw(harness.id() as i32);
        kill(pid, Signal::SIGINT).expect("signal");
        std::thread::sleep(Duration::from_millis(600));
        kill(pid, Signal::SIGINT).expect("signal again");
        let begun = Instant::now();
        while harness.try_wait().expect("wait").is_none() {
            assert!(begun.elapsed() < SOON, "{name}: it goes on");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(processes_with(&marker), BTreeSet::new(), "{name}");
    }
}

pub(crate) fn forbidden_user_namespaces_are_named(_: UserNamespace) {
    // Inside of a user namespace this limit can be set for that namespace alone.
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$0\" forbidden";
    let exe = std::env::current_exe().expect("own path");
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "sh", "-c", script])
        .arg(exe)
        .status()
        .expect("unshare is there");
    assert!(status.success());
}

pub(crate) fn the_doctor_finds_a_working_lab(_: UserNamespace) {
    let checks = lab::doctor(Path::new("/tmp/results/that/do/not/exist/yet"));
    for check in &checks {
        println!("    {check:?}");
        assert!(check.outcome < CheckOutcome::Failed, "{check:?}");
    }
    assert!(checks.len() >= 7, "{checks:?}");
}

/// Plays a harness of its own in another process, or returns if the role is none of these.
pub(crate) fn run_role(role: &str, rest: &[String]) {
    match role {
        "outer" => {
            let users = if rest[3] == "Always" { UserNamespace::Always } else { UserNamespace::WhenNeeded };
            let end = enter(&rest[0], Path::new(&rest[1]), &rest[2], users).expect("enter").wait();
            std::process::exit(i32::from(end != Ok(LabEnd::Controller(Ending::Exited(0)))))
        }
        "forbidden" => {
            let error = enter("exit-code", Path::new("/"), "", UserNamespace::Always).expect_err("it is forbidden");
            assert_eq!(error.kind, LabErrorKind::UserNamespaces);
            assert!(error.remedy.contains("sysctl -w user.max_user_namespaces="), "{error}");
            std::process::exit(0)
        }
        _ => {}
    }
}

/// Starts another process of this program as the harness, and waits until its controller runs.
fn outer(controller: &str, folder: &Path, marker: &str, users: UserNamespace) -> Child {
    let child = Command::new(std::env::current_exe().expect("own path"))
        .args(["outer", controller])
        .arg(folder)
        .args([marker.to_owned(), format!("{users:?}")])
        .stdin(Stdio::null())
        .spawn()
        .expect("start");
    wait_for(&folder.join("running"));
    child
}

fn wait_for(file: &Path) {
    let begun = Instant::now();
    while !file.exists() {
        assert!(begun.elapsed() < SOON, "{} does not appear", file.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn marker(test: &str) -> String {
    format!("lab-test-{test}-{}-{:?}", std::process::id(), Instant::now()).replace(' ', "")
}

/// The ids of the processes that have the marker among their arguments.
fn processes_with(marker: &str) -> BTreeSet<u32> {
    let ids = std::fs::read_dir("/proc")
        .expect("read /proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let has_marker = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(marker)
    };
    ids.filter(has_marker).collect()
}

/// The host's mounts and network devices.
pub(crate) fn host_state() -> (String, BTreeSet<String>) {
    let devices = std::fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    let names = devices.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    (std::fs::read_to_string("/proc/self/mountinfo").expect("read the mounts"), names)
}
