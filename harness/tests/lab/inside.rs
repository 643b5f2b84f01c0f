//! The tests' controllers. A panic is an exit code other than 0, which fails the test outside.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rashomon_harness::lab::{
    DataPlacement, Ending, Inside, Lab, LabErrorKind, LabSpec, NamespaceLab, Signal, expand_template,
};
use rashomon_harness::target::{NodeCommand, Readiness};

use crate::{clocks, hostile};

const PORT: u16 = 7000;
const SOON: Duration = Duration::from_secs(5);

/// Runs the controller that the payload names, with its folder and further words: `name folder word…`.
pub(crate) fn run(inside: Inside) -> ! {
    let payload = inside.payload.clone();
    let words: Vec<&str> = payload.split(' ').collect();
    let folder = PathBuf::from(words[1]);
    match words[0] {
        "life" => life(up(inside, 3, &folder), &folder),
        "pause" => pause(up(inside, 2, &folder)),
        "slow" => slow(up(inside, 1, &folder)),
        "exits" => exits(up(inside, 2, &folder)),
        "readiness" => readiness(up(inside, 1, &folder)),
        "partition" => partition(up(inside, 3, &folder)),
        "delay" => delay(up(inside, 3, &folder)),
        "clocks" => {
            if let Some(spec) = clocks::spec(&folder, 3) {
                clocks::set(NamespaceLab::up(inside, &spec).expect("the lab comes up"), &folder);
            }
        }
        "clocks-of-servers" => {
            if let Some(spec) = clocks::spec(&folder, 2) {
                let turns = words[2].parse().expect("a number");
                clocks::servers(NamespaceLab::up(inside, &spec).expect("the lab comes up"), turns);
            }
        }
        "world" => world(up(inside, 3, &folder), &folder),
        "prepared" => crate::prepared::prepared(up(inside, 2, &folder), &folder),
        "probed" => {
            if let Some(spec) = clocks::spec(&folder, 2) {
                let spec = LabSpec { clocks: words[3] == "followed", ..spec };
                let has_clocks = words[2] == "libfaketime" || spec.clocks;
                crate::prepared::probed(
                    NamespaceLab::up(inside, &spec).expect("the lab comes up"),
                    words[2],
                    has_clocks,
                );
            }
        }
        "unprepared" => crate::prepared::unprepared(up(inside, 2, &folder)),
        "down" => down(up(inside, 3, &folder)),
        "data" => data(inside, &folder),
        "isolation" => isolation(up(inside, 2, &folder), words[2].parse().expect("a port")),
        "destruction" => hostile::destruction(inside, &folder),
        "privileges" => hostile::privileges(inside, &folder),
        "exhaustion" => hostile::exhaustion(inside, &folder),
        "declared" => hostile::declared(inside, &folder),
        "exit-code" => std::process::exit(42),
        "abort" => {
            let _lab = busy(up(inside, 2, &folder), words[2]);
            std::process::abort()
        }
        "sleep" => {
            let _lab = busy(up(inside, 3, &folder), words[2]);
            // Long enough for the nodes to start their processes and to print.
            std::thread::sleep(Duration::from_millis(100));
            std::fs::write(folder.join("running"), "").expect("say that everything runs");
            std::thread::sleep(Duration::from_secs(100));
        }
        "catch-signals" => catch_signals(&folder),
        other => panic!("there is no controller {other}"),
    }
    std::process::exit(0)
}

fn up(inside: Inside, nodes: u16, folder: &Path) -> NamespaceLab {
    NamespaceLab::up(inside, &LabSpec::new(nodes, folder)).expect("the lab comes up")
}

pub(crate) fn this_program(args: &[&str]) -> NodeCommand {
    NodeCommand::new(std::env::current_exe().expect("own path")).args(args.iter().copied()).env("GREETING", "hello")
}

fn serve() -> NodeCommand {
    this_program(&["node-serve", &PORT.to_string()])
}

pub(crate) fn shell(script: &str) -> NodeCommand {
    NodeCommand::new("/bin/sh").args(["-c", script])
}

pub(crate) fn output(lab: &NamespaceLab, node: u16, script: &str) -> String {
    let output = lab.exec(node, &shell(script), SOON).expect("the command runs");
    assert!(output.ending.success(), "{script}: {output:?}");
    output.stdout.trim().to_owned()
}

/// Whether one node gets an answer from another: `Ok`, or what its program said.
fn call(lab: &NamespaceLab, from: u16, to: u16) -> Result<(), String> {
    let address = SocketAddr::from((lab.nodes()[usize::from(to) - 1].ip, PORT));
    call_address(lab, from, address)
}

fn call_address(lab: &NamespaceLab, from: u16, address: SocketAddr) -> Result<(), String> {
    let output = lab.exec(from, &this_program(&["node-call", &address.to_string()]), SOON).expect("the call ends");
    if output.ending.success() { Ok(()) } else { Err(output.stdout) }
}

/// Starts processes that a signal to their parent alone would leave behind.
fn busy(lab: NamespaceLab, marker: &str) -> NamespaceLab {
    for node in 1..=lab.nodes().len() as u16 {
        let script = format!("echo I live; {0} & setsid {0} & {0}", format_args!("sh -c 'sleep 1000; true' {marker}"));
        let mut command = shell(&script);
        command.args.push(marker.to_owned());
        lab.start(node, &command).expect("start");
    }
    lab
}

fn life(lab: NamespaceLab, folder: &Path) {
    assert_eq!(lab.running(1), Ok(false));
    assert_eq!(lab.kill(1).expect("kill nothing").processes, vec![]);
    lab.start(1, &serve()).expect("start");
    assert_eq!(lab.start(1, &serve()).expect_err("it runs").kind, LabErrorKind::Usage);
    lab.ready(1, &Readiness::Tcp(PORT), SOON).expect("ready");
    let killed = lab.kill(1).expect("kill");
    assert_eq!(killed.processes.len(), 1, "{killed:?}");
    assert_eq!(lab.running(1), Ok(false));
    assert_eq!(output(&lab, 1, "set -- /proc/[0-9]*; echo $#"), "2", "the init and this shell");
    lab.start(1, &serve()).expect("start again");
    lab.ready(1, &Readiness::Tcp(PORT), SOON).expect("ready again");
    assert_eq!(lab.stop(1, SOON), Ok(true));
    lab.start(1, &shell("trap '' TERM; echo deaf; while :; do sleep 0.01; done")).expect("start");
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(lab.stop(1, Duration::from_millis(100)), Ok(false));
    assert_eq!(lab.running(1), Ok(false));
    assert_eq!(lab.exits(), vec![], "all ends were wanted");
    let missing = NodeCommand::new("/no/such/program");
    assert_eq!(lab.start(2, &missing).expect_err("no such program").kind, LabErrorKind::MissingProgram);
    assert_eq!(lab.start(4, &serve()).expect_err("no such node").kind, LabErrorKind::Usage);
    lab.set_epoch(Instant::now());
    lab.start(3, &shell("echo last words >&2; sleep 1000")).expect("start");
    std::thread::sleep(Duration::from_millis(100));
    let log = std::fs::read_to_string(folder.join("nodes/n1/node.log")).expect("read the log");
    assert_eq!(log.matches("--- started, pid ").count(), 3, "{log}");
    assert_eq!(log.matches("serving with Ok(\"hello\")").count(), 2, "{log}");
    assert_eq!(log.matches("] deaf").count(), 1, "{log}");
    let times: Vec<f64> =
        log.lines().map(|line| line[1..].split(']').next().expect("a time").trim().parse().expect("seconds")).collect();
    assert!(times.is_sorted(), "the log is in the order of time");
    let log = std::fs::read_to_string(folder.join("nodes/n3/node.log")).expect("read the log");
    assert!(log.starts_with("[    0.") && log.contains("last words"), "written at once, by the new clock: {log}");
}

fn pause(lab: NamespaceLab) {
    lab.start(1, &serve()).expect("start");
    lab.ready(1, &Readiness::Tcp(PORT), SOON).expect("ready");
    assert_eq!(call(&lab, 2, 1), Ok(()));
    let paused = lab.pause(1).expect("pause");
    assert_eq!(paused.processes.len(), 1, "{paused:?}");
    let pid = paused.processes[0].pid;
    let states = output(&lab, 1, &format!("cat /proc/{pid}/task/*/stat | cut -d' ' -f3"));
    assert_eq!(states, "T\nT", "both of its threads");
    assert!(call(&lab, 2, 1).is_err(), "a paused node accepts, but does not answer");
    assert_eq!(lab.running(1), Ok(true));
    let resumed = lab.resume(1).expect("resume");
    assert_eq!(resumed.processes, paused.processes);
    assert_eq!(call(&lab, 2, 1), Ok(()));
    lab.pause(1).expect("pause again");
    assert_eq!(lab.kill(1).expect("a paused node can be killed").processes.len(), 1);
}

fn slow(lab: NamespaceLab) {
    lab.start(1, &shell("while :; do :; done")).expect("start");
    std::thread::sleep(Duration::from_millis(300));
    let before = lab.limit_cpu(1, Some(10)).expect("limit");
    assert!(before.cpu_us > 0 && before.time_us > 200_000 && before.held_us == 0, "{before:?}");
    assert!(lab.limit_cpu(1, Some(10)).is_err(), "it is limited already");
    std::thread::sleep(Duration::from_secs(1));
    let used = lab.limit_cpu(1, None).expect("lift");
    assert!(used.time_us >= 1_000_000 && used.cpu_us > 0, "{used:?}");
    assert!(used.held_us * 10 > used.time_us * 7 && used.cpu_held_us * 20 < used.held_us, "{used:?}");
    assert!(lab.limit_cpu(1, None).is_err(), "it is not limited any more");

    // Processes that take the place of others are slow, too; a pause holds through every turn, and outlives the limit.
    lab.limit_cpu(1, Some(20)).expect("limit again");
    lab.kill(1).expect("kill");
    lab.start(1, &shell("while :; do :; done")).expect("start again");
    std::thread::sleep(Duration::from_millis(300));
    lab.pause(1).expect("pause");
    std::thread::sleep(Duration::from_millis(200));
    let used = lab.limit_cpu(1, None).expect("lift again");
    assert!(used.held_us * 2 > used.time_us && used.cpu_us > 0, "{used:?}");
    let paused = lab.pause(1).expect("it is still paused").processes[0].pid;
    assert_eq!(output(&lab, 1, &format!("cut -d' ' -f3 /proc/{paused}/stat")), "T");
    assert_eq!(lab.resume(1).expect("resume").processes.len(), 1);
}

fn exits(lab: NamespaceLab) {
    lab.start(1, &shell("exit 3")).expect("start");
    lab.start(2, &shell("kill -SEGV $$")).expect("start");
    let deadline = Instant::now() + SOON;
    let mut seen = Vec::new();
    while seen.len() < 2 && Instant::now() < deadline {
        seen.extend(lab.exits().into_iter().map(|exit| (exit.node, exit.ending)));
        std::thread::sleep(Duration::from_millis(1));
    }
    seen.sort_by_key(|(node, _)| *node);
    assert_eq!(seen, vec![(1, Ending::Exited(3)), (2, Ending::Killed(11))]);
    assert_eq!(lab.running(1), Ok(false));
    assert_eq!(lab.signal(1, Signal::SIGHUP).expect_err("it does not run").kind, LabErrorKind::Usage);
}

fn readiness(lab: NamespaceLab) {
    lab.start(1, &shell("echo no configuration; exit 7")).expect("start");
    let error = lab.ready(1, &Readiness::Tcp(PORT), SOON).expect_err("it has ended");
    assert_eq!(error.kind, LabErrorKind::Node);
    assert!(error.what.contains("exited with code 7"), "{error}");
    lab.start(1, &shell("sleep 1000")).expect("start");
    let error = lab.ready(1, &Readiness::Tcp(PORT), Duration::from_millis(50)).expect_err("nobody listens");
    assert_eq!(error.kind, LabErrorKind::Timeout);
    assert!(error.what.contains("does not accept"), "{error}");
    let error = lab.exec(1, &shell("sleep 1000"), Duration::from_millis(50)).expect_err("too long");
    assert_eq!(error.kind, LabErrorKind::Timeout);
}

fn delay(lab: NamespaceLab) {
    lab.start(2, &serve()).expect("start");
    lab.ready(2, &Readiness::Tcp(PORT), SOON).expect("ready");
    assert_eq!(call(&lab, 1, 2), Ok(()));
    let (least, most) = (Duration::from_millis(80), Duration::from_millis(90));
    lab.hold(7, least, most).expect("hold");
    assert_eq!(lab.hold(7, least, most).expect_err("twice").kind, LabErrorKind::Usage);
    let rule = "-A late -s 10.77.0.1 -d 10.77.0.2 -j NFQUEUE --queue-num 7 --queue-bypass\n";
    lab.hub_restore(&format!("*filter\n:late - [0:0]\n-A FORWARD -j late\n{rule}COMMIT\n")).expect("rules");
    let begun = Instant::now();
    assert_eq!(call(&lab, 1, 2), Ok(()));
    // What asks for the connection and what asks for the echo are each late; the answers are not.
    assert!(begun.elapsed() >= 2 * least, "{:?}", begun.elapsed());
    lab.hub_restore("*filter\n:late - [0:0]\nCOMMIT\n").expect("heal");
    let held = lab.release(7).expect("release");
    assert!(held >= 3, "{held} packets");
    assert_eq!(call(&lab, 1, 2), Ok(()), "as before");
    assert_eq!(lab.release(7).expect_err("it is gone").kind, LabErrorKind::Usage);
}

fn partition(lab: NamespaceLab) {
    for node in 1..=3 {
        lab.start(node, &serve()).expect("start");
        lab.ready(node, &Readiness::Tcp(PORT), SOON).expect("ready");
    }
    assert_eq!(call(&lab, 1, 2), Ok(()));
    let cut = "-A cut -s 10.77.0.1 -d 10.77.0.2 -j DROP\n-A cut -s 10.77.0.2 -d 10.77.0.1 -j DROP\n";
    lab.hub_restore(&format!("*filter\n:cut - [0:0]\n-A FORWARD -j cut\n{cut}COMMIT\n")).expect("cut");
    assert!(call(&lab, 1, 2).is_err(), "1 and 2 are apart");
    assert!(call(&lab, 2, 1).is_err(), "in both directions");
    assert_eq!(call(&lab, 1, 3), Ok(()), "3 is not part of it");
    assert!(TcpStream::connect_timeout(&(lab.nodes()[0].ip, PORT).into(), SOON).is_ok(), "nor are the clients");
    let counters = lab.hub_counters("cut").expect("counters");
    assert_eq!(counters.len(), 2, "{counters:?}");
    assert!(counters.iter().all(|counter| counter.packets > 0), "{counters:?}");
    let begun = Instant::now();
    lab.hub_restore("*filter\n:cut - [0:0]\nCOMMIT\n").expect("heal");
    println!("    a partition is healed in {:?}", begun.elapsed());
    assert_eq!(call(&lab, 1, 2), Ok(()), "together again");
    assert!(lab.hub_counters("cut").expect("counters").is_empty());
    let error = lab.hub_restore("*filter\nthis is no rule\nCOMMIT\n").expect_err("nonsense");
    assert_eq!(error.kind, LabErrorKind::Network);
}

fn world(lab: NamespaceLab, folder: &Path) {
    for node in lab.nodes().to_vec() {
        let (id, name) = (node.id, &node.name);
        assert_eq!(&output(&lab, id, "hostname"), name);
        assert_eq!(output(&lab, id, "pwd"), node.data_dir.to_string_lossy());
        output(&lab, id, "echo $HOSTNAME > mine; echo x > /tmp/x; echo x > /dev/shm/x; echo x > /run/x");
        assert!(node.data_dir.join("mine").exists(), "the controller sees the node's data");
        std::fs::write(lab.shared_dir(id).expect("a folder").join("word"), name).expect("write");
        assert_eq!(&output(&lab, id, &format!("cat {}/word", lab.shared_dir(id).expect("a folder").display())), name);
        assert_eq!(output(&lab, id, "ls /run/rashomon"), *name, "a node does not see the others' data");
        assert!(output(&lab, id, "cat /etc/hosts").contains("10.77.0.3 n3"));
        assert_eq!(output(&lab, id, "cat /proc/net/if_inet6 | grep -c eth0 || true"), "0", "no way around the rules");
        if Path::new("/proc/sys/net/ipv4/tcp_rto_max_ms").exists() {
            assert_eq!(output(&lab, id, "cat /proc/sys/net/ipv4/tcp_rto_max_ms"), "1000");
        }
    }
    assert_eq!(output(&lab, 1, "ls /tmp/x /dev/shm/x | wc -l"), "2");
    assert!(!Path::new("/dev/shm/x").exists() && !Path::new("/run/x").exists());
    let values = std::collections::BTreeMap::from([("data", lab.nodes()[1].data_dir.display().to_string())]);
    assert_eq!(output(&lab, 2, &expand_template("cat {data}/mine", &values).expect("expand")), "n2");
    lab.kill(2).expect("kill");
    assert_eq!(output(&lab, 2, "cat mine"), "n2", "data outlives the node's processes");
    let long = output(&lab, 1, "head -c 3000000 /dev/zero | tr '\\0' x");
    assert_eq!(long.len(), 3_000_000);
    assert!(folder.join("nodes/n1").is_dir());
}

fn down(lab: NamespaceLab) {
    let lab = busy(lab, "marker");
    let begun = Instant::now();
    Box::new(lab).down().expect("down");
    println!("    down took {:?}", begun.elapsed());
    let left: Vec<_> = std::fs::read_dir("/proc")
        .expect("read /proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .collect();
    assert_eq!(left.len(), 3, "init, hub and this controller: {left:?}");
}

fn data(inside: Inside, folder: &Path) {
    let spec = LabSpec { data: DataPlacement::Directory(folder.join("data")), ..LabSpec::new(1, folder) };
    let lab = NamespaceLab::up(inside, &spec).expect("the lab comes up");
    output(&lab, 1, "echo kept > file");
}

fn isolation(lab: NamespaceLab, host_port: u16) {
    let unreachable = Some(libc::ENETUNREACH);
    let outside = SocketAddr::from(([1, 1, 1, 1], 80));
    let error = TcpStream::connect_timeout(&outside, SOON).expect_err("no route for clients");
    assert_eq!(error.raw_os_error(), unreachable);
    assert!(call_address(&lab, 1, outside).expect_err("no route for nodes").contains(&format!("{unreachable:?}")));
    let host = SocketAddr::from(([127, 0, 0, 1], host_port));
    assert!(TcpStream::connect_timeout(&host, SOON).is_err(), "the host's loopback is another one");
    assert!(call_address(&lab, 1, host).is_err());
}

fn catch_signals(folder: &Path) {
    let mut wanted = nix::sys::signal::SigSet::empty();
    wanted.add(Signal::SIGTERM);
    wanted.thread_block().expect("block");
    std::fs::write(folder.join("running"), "").expect("say that everything runs");
    assert_eq!(wanted.wait(), Ok(Signal::SIGTERM));
    std::fs::write(folder.join("caught"), "").expect("say that the signal came");
    std::thread::sleep(Duration::from_secs(100));
}
