//! Clocks that are set through the vDSO, seen from inside of the programs that look at them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};
use rashomon_harness::lab::{self, Lab, LabSpec, NamespaceLab};
use rashomon_harness::target::{NodeCommand, Readiness};

use crate::inside::{output, shell};

const SOON: Duration = Duration::from_secs(10);
/// How precisely a clock is read by starting a process, or over a connection.
const PRECISION_MS: i64 = 1000;

/// Prints what its clocks say at each jump: how far that was, and at which time of the machine it was seen.
const WATCHER: &str = r#"
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
static long long ns(clockid_t id) { struct timespec t; clock_gettime(id, &t); return t.tv_sec * 1000000000LL + t.tv_nsec; }
static double cost(void) {
    long long begun = ns(CLOCK_MONOTONIC);
    for (int i = 0; i < 1000000; i++) ns(CLOCK_REALTIME);
    return (ns(CLOCK_MONOTONIC) - begun) / 1e6;
}
int main(void) {
    setvbuf(stdout, 0, _IOLBF, 0);
    long long off = ns(CLOCK_REALTIME) - ns(CLOCK_MONOTONIC);
    printf("cost %.1f\n", cost());
    for (int jumps = 0;;) {
        long long now = ns(CLOCK_REALTIME), machine = ns(CLOCK_MONOTONIC), jump = now - machine - off;
        struct timeval day;
        gettimeofday(&day, 0);
        long long by_day = (day.tv_sec * 1000000LL + day.tv_usec - now / 1000), by_time = time(0) - now / 1000000000LL;
        if (jump > 20000000 || jump < -20000000) {
            off += jump;
            printf("jump %lld %lld %lld %lld\n", jump / 1000000, machine, by_day, by_time);
            if (++jumps == 1) printf("cost %.1f\n", cost());
        }
        struct timespec pause = {0, 200000};
        nanosleep(&pause, 0);
    }
}
"#;

/// Everything in a node that looks at the clock sees a jump at once: a static program, a dynamic one, what they start.
pub(crate) fn set(lab: NamespaceLab, folder: &Path) {
    for node in 1..=3 {
        lab.set_clock(node, 0).expect("set");
    }
    assert!(lab.clocked(1).expect("ask").is_empty(), "nothing runs");
    let before = wall_clock_ms(&output(&lab, 1, "date +%s%N"));
    assert!((before - now_ms()).abs() < PRECISION_MS, "the clock is right: {before}");
    lab.set_clock(1, 3_600_000).expect("set");
    // A process of a process, by a path that is searched for.
    let ahead = wall_clock_ms(&output(&lab, 1, "exec sh -c 'nosuchprogram 2>/dev/null; env date +%s%N'"));
    assert!((ahead - now_ms() - 3_600_000).abs() < PRECISION_MS, "an hour ahead: {ahead}");
    let right = wall_clock_ms(&output(&lab, 2, "date +%s%N"));
    assert!((right - now_ms()).abs() < PRECISION_MS, "another node's clock is right: {right}");
    lab.set_clock(1, 0).expect("set");
    for (node, flags) in [(1, &["-static"][..]), (2, &[])] {
        let Some(program) = compiled(folder, flags) else {
            println!("skipped: no C compiler for {flags:?}");
            continue;
        };
        lab.start(node, &NodeCommand::new(&program)).expect("start");
        watched(&lab, node);
    }
    // An interpreter, and a program that is gone before its report is answered.
    lab.start(3, &shell("while :; do date +%s >/dev/null; sleep 0.01 & kill -9 $!; done")).expect("start");
    for _ in 0..5 {
        lab.pause(3).expect("pause");
        std::thread::sleep(Duration::from_millis(10));
        lab.resume(3).expect("resume");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(lab.kill(3).expect("kill").processes.iter().any(|process| process.name == "sh"));
    assert_eq!(lab.exits(), vec![], "no process ended by itself");
}

/// Jumps under a watcher that runs in this node.
fn watched(lab: &NamespaceLab, node: u16) {
    let log = lab.log_file(node).expect("a log");
    wait_for(&log, "cost", 1);
    let clocked = lab.clocked(node).expect("ask");
    assert!(clocked.iter().all(|process| process.vdso && !process.libfaketime), "{clocked:?}");
    let jumps = [60_000, -60_000, 50, -50, 500_123, -500_123];
    let mut by_ms = 0;
    let mut late = Vec::new();
    for (count, jump) in jumps.into_iter().enumerate() {
        by_ms += jump;
        let set_at = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("the time");
        lab.set_clock(node, by_ms).expect("set");
        let line = wait_for(&log, "jump", count + 1);
        let words: Vec<i64> = line.split(' ').skip_while(|word| *word != "jump").skip(1).map(number).collect();
        let [seen, at_ns, by_day, by_time] = words[..] else { panic!("{line}") };
        assert!((seen - jump).abs() <= 1, "node {node}: a jump by {jump} ms is seen as {seen} ms");
        let late_ms = (at_ns - set_at.tv_sec() * 1_000_000_000 - set_at.tv_nsec()) / 1_000_000;
        late.push(late_ms);
        assert!(by_day < 20_000 && (0..=1).contains(&by_time), "all clocks agree: {line}");
        // The watcher measures what a call costs.
        wait_for(&log, "cost", 2);
    }
    late.sort_unstable();
    println!("node {node}: jumps are seen after {late:?} ms");
    assert!(late[late.len() / 2] < 50, "jumps are seen after {late:?} ms");
    for (number, clock) in [(1, "right"), (2, "wrong")] {
        let line = wait_for(&log, "cost", number);
        let (_, cost) = line.split_once("cost ").expect("a figure");
        println!("node {node}: {cost} ns a call while the clock is {clock}");
    }
}

/// Starts servers that libfaketime kills or does not reach, and lets their clocks jump: so many times each.
pub(crate) fn servers(lab: NamespaceLab, turns: i64) {
    let own = |node: &rashomon_harness::target::Node| node.ip;
    let (redis, etcd) = (own(&lab.nodes()[0]), own(&lab.nodes()[1]));
    let client = format!("http://{etcd}:2379");
    let commands = [
        (1, "/usr/bin/redis-server", vec!["--protected-mode", "no", "--save", "", "--bind", "0.0.0.0"], 6379),
        (2, "/usr/bin/etcd", vec!["--listen-client-urls", &client, "--advertise-client-urls", &client], 2379),
    ];
    for (node, program, args, port) in commands {
        if !Path::new(program).exists() {
            println!("skipped: {program} is not installed");
            continue;
        }
        for turn in 0..turns {
            lab.set_clock(node, 0).expect("set");
            lab.start(node, &NodeCommand::new(program).args(args.iter().copied())).expect("start");
            lab.ready(node, &Readiness::Tcp(port), SOON).expect("ready");
            let clocked = lab.clocked(node).expect("ask");
            assert!(!clocked.is_empty() && clocked.iter().all(|process| process.vdso), "{clocked:?}");
            for by_ms in [0, 2000 + 25_000 * turn, -10_000 * turn, 0] {
                lab.set_clock(node, by_ms).expect("set");
                let said = match node {
                    1 => redis_time((redis, port).into()),
                    _ => http_date((etcd, port).into()),
                };
                let off_ms = said - now_ms();
                assert!((off_ms - by_ms).abs() < 2 * PRECISION_MS, "{program}: {by_ms} ms is shown as {off_ms} ms");
            }
            assert_eq!(lab.exits(), vec![], "{program} in turn {turn}");
            lab.kill(node).expect("kill");
        }
    }
}

/// What a Redis server says of its time.
fn redis_time(address: SocketAddr) -> i64 {
    let said = answer(address, b"TIME\r\n", |text| text.matches("\r\n").count() >= 5);
    number(said.lines().nth(2).unwrap_or_default()) * 1000
}

/// What a Go server's answers are dated.
fn http_date(address: SocketAddr) -> i64 {
    let said = answer(address, b"GET /version HTTP/1.1\r\nHost: n\r\n\r\n", |text| text.contains("\r\n\r\n"));
    let date = said.lines().find_map(|line| line.strip_prefix("Date: ")).expect("a date").to_owned();
    let output = Command::new("date").args(["-d", &date, "+%s"]).output().expect("date runs");
    number(String::from_utf8_lossy(&output.stdout).trim()) * 1000
}

fn answer(address: SocketAddr, question: &[u8], complete: impl Fn(&str) -> bool) -> String {
    let mut stream = TcpStream::connect_timeout(&address, SOON).expect("connect");
    stream.set_read_timeout(Some(SOON)).expect("set up");
    stream.write_all(question).expect("ask");
    let (mut text, mut part) = (String::new(), [0; 4096]);
    while !complete(&text) {
        let read = stream.read(&mut part).expect("an answer");
        assert!(read > 0, "the answer ends early: {text}");
        text.push_str(&String::from_utf8_lossy(&part[..read]));
    }
    text
}

fn compiled(folder: &Path, flags: &[&str]) -> Option<std::path::PathBuf> {
    let program = folder.join(format!("watcher{}", flags.concat()));
    let source = folder.join("watcher.c");
    std::fs::write(&source, WATCHER).expect("write");
    let compiler = Command::new("cc").args(flags).arg("-O1").arg("-o").arg(&program).arg(&source).output();
    compiler.is_ok_and(|output| output.status.success()).then_some(program)
}

/// The line of a log that has this word for the `count`th time.
fn wait_for(log: &Path, word: &str, count: usize) -> String {
    let deadline = Instant::now() + SOON;
    loop {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        if let Some(line) = text.lines().filter(|line| line.contains(word)).nth(count - 1) {
            return line.to_owned();
        }
        assert!(Instant::now() < deadline, "no {word} number {count} in {text}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn number(word: &str) -> i64 {
    word.parse().unwrap_or_else(|_| panic!("{word} is no number"))
}

fn wall_clock_ms(ns: &str) -> i64 {
    number(ns) / 1_000_000
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64
}

/// The lab of these tests; `None` where this machine cannot set clocks in this way.
pub(crate) fn spec(folder: &Path, nodes: u16) -> Option<LabSpec> {
    if let Err(why) = lab::vdso_is_possible() {
        println!("skipped: {why}");
        return None;
    }
    Some(LabSpec { clocks: true, ..LabSpec::new(nodes, folder.join("run")) })
}
