//! Made-up runs with everything a page can show: for the tests, and for looking at the page
//! (`examples/sample_report.rs`).
//!
//! Nothing here is measured or judged: the histories are drawn from a seed, the anomalies and verdicts written by hand.

#![allow(dead_code, unreachable_pub, reason = "shared by test files and an example, each of which uses a part")]

use std::collections::BTreeMap;

use rashomon_checkers::{Anomaly, Finding, Judgement, Method};
use rashomon_history::{Event, EventKind, History, OpId, OpView, Value};
use rashomon_report::{LogLine, NodeLog, Run};
use rashomon_runs::{
    Evidence, FaultOutcome, FaultRecord, FunctionCounts, HostFacts, LatencySummary, Manifest, MutantRecord, NodeRecord,
    ProtocolEvent, TargetRecord, Timings, Verdict, VerdictRecord,
};
use serde::de::DeserializeOwned;

/// What a hostile system under test might say.
pub const HOSTILE: &str = "</script><script>alert('x')</script>\"'><img src=x onerror=alert(1)>&amp;\u{202e}";

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;

/// A part of a record as its file has it.
fn from_json<T: DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_value(value).expect("as the file has it")
}

/// A run of raft-kv with a stale read and a lost write.
pub fn violation() -> Run {
    let faults = faults();
    let mut events = load(30, 1_400, 7, &faults);
    events.extend(planted());
    let history = history(events);
    let anomalies = anomalies(&history);
    let mut run = run("raft-kv-register-7", &history, faults);
    run.manifest.target.mutant = Some(MutantRecord {
        name: "stale-read".into(),
        id: "R26".into(),
        summary: "a leader answers reads from its own state without asking a majority whether it still leads".into(),
    });
    run.verdict = Some(VerdictRecord {
        verdict: Verdict::Violation,
        reasons: vec![
            "linearizable cas-register: 2 of 400 keys have no linearization".into(),
            "the partition of 12.000 s (isolate-leader n3) was in force during the first anomaly".into(),
        ],
        judgements: vec![Judgement {
            checker: "linearizable cas-register".into(),
            finding: Finding::Invalid,
            anomalies,
            unknown: vec![],
            methods: vec![
                Method {
                    method: "zones".into(),
                    parts: 371,
                    operations: 38_112,
                    steps: 412_003,
                    why: "each written value is unique and no cas succeeded on these keys".into(),
                },
                Method {
                    method: "search".into(),
                    parts: 29,
                    operations: 2_310,
                    steps: 81_226,
                    why: "cas with repeated values".into(),
                },
            ],
            notes: vec!["17 reads of unknown outcome were ignored".into()],
            measurements: vec![],
        }],
    });
    run.history = Some(history);
    run
}

/// A run of raft-kv in which nothing was found.
pub fn pass() -> Run {
    let faults = faults();
    let history = history(load(30, 1_400, 8, &faults));
    let mut run = run("raft-kv-register-8", &history, faults);
    run.verdict = Some(VerdictRecord {
        verdict: Verdict::Pass,
        reasons: vec![
            "40,212 operations on 400 keys have a linearization, which an independent verifier replayed".into(),
            "0 of 1 runs: with 95 % confidence, fewer than 3 in 1 runs like this one would show an anomaly; run more \
             seeds to say more"
                .into(),
        ],
        judgements: vec![Judgement {
            checker: "linearizable cas-register".into(),
            finding: Finding::Valid,
            anomalies: vec![],
            unknown: vec![],
            methods: vec![Method {
                method: "zones".into(),
                parts: 400,
                operations: 40_212,
                steps: 501_882,
                why: "each written value is unique".into(),
            }],
            notes: vec![],
            measurements: vec![],
        }],
    });
    run.history = Some(history);
    run
}

/// A run that exercised too little.
pub fn inconclusive() -> Run {
    let mut run = pass();
    let record = run.verdict.as_mut().expect("judged");
    record.verdict = Verdict::Inconclusive;
    record.reasons = vec!["n4 answered no read after the last heal: nothing is known of what it holds".into()];
    record.judgements[0].finding = Finding::Unknown;
    record.judgements[0].unknown = vec![
        "key 17: 200,000,000 steps were not enough; run `rashomon check --steps 1000000000`, or fewer clients".into(),
    ];
    run
}

/// A run in which the harness failed before there was a history.
pub fn broken() -> Run {
    let mut run = pass();
    run.verdict = Some(VerdictRecord {
        verdict: Verdict::Broken,
        reasons: vec!["n2 was not ready within 10 s: its log ends with `Address already in use`".into()],
        judgements: vec![],
    });
    run.manifest.evidence = None;
    run.history = None;
    run.faults.clear();
    run.gaps = vec!["There is no history.rhist: operations cannot be shown.".into()];
    run
}

/// A small number generator: the same sequence for ever.
pub struct Draw(u64);

impl Draw {
    /// A sequence from a seed.
    pub fn new(seed: u64) -> Draw {
        Draw(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Clients that read, write and cas for some seconds, `rate` operations a second in all, slower and without answers
/// while a fault lasts.
pub fn load(seconds: u64, rate: u64, seed: u64, faults: &[FaultRecord]) -> Vec<Event> {
    let clients = 10;
    let mut draw = Draw::new(seed);
    let mut events = Vec::new();
    let mut next_process = clients as u32;
    for client in 0..clients {
        let node = (client % 5 + 1) as u16;
        let mut process = client as u32;
        let mut time = draw.below(10 * MS);
        let mut written = client as i64 * 1_000_000;
        while time < seconds * SECOND {
            let fault = faults.iter().find(|fault| {
                fault.begin_ns <= time
                    && fault.end_ns.is_none_or(|end| time < end)
                    && fault.outcome == FaultOutcome::Installed
                    && (fault.nodes.contains(&format!("n{node}")) || time < fault.begin_ns + 600 * MS)
            });
            let key = Value::Int(((time / SECOND) * 10 + draw.below(10)) as i64);
            written += 1;
            let (f, asked) = match draw.below(10) {
                0..5 => ("read", Value::Nil),
                5..9 => ("write", Value::Int(written)),
                _ => ("cas", Value::pair(Value::Int(written - 3), Value::Int(written))),
            };
            let spread = 40 + draw.below(60) * draw.below(60) * draw.below(12) / 10;
            let mut latency = 600_000 + spread * 1_000;
            let mut kind = if f == "cas" && draw.below(2) == 0 { EventKind::Fail } else { EventKind::Ok };
            let mut error = (kind == EventKind::Fail).then(|| "mismatch: the register holds another value".into());
            if fault.is_some() {
                match draw.below(6) {
                    0 | 1 => {
                        kind = EventKind::Info;
                        latency = 1_000 * MS + draw.below(3 * MS);
                        error = Some("timeout: no answer within 1 s".into());
                    }
                    2 => {
                        kind = EventKind::Fail;
                        latency = 300_000 + draw.below(MS);
                        error = Some("no-leader: the node knows no leader".into());
                    }
                    _ => latency += draw.below(250) * MS,
                }
            }
            let value = if f == "read" && kind == EventKind::Ok { Value::Int(written - 1) } else { asked.clone() };
            let event = |time, kind, value, error| Event {
                time,
                process,
                kind,
                f: f.into(),
                key: key.clone(),
                value,
                node: Some(node),
                error,
            };
            events.push(event(time, EventKind::Invoke, asked, None));
            events.push(event(time + latency, kind, value, error));
            if kind == EventKind::Info {
                process = next_process;
                next_process += 1;
            }
            time += latency + SECOND * clients as u64 / rate / 2 + draw.below(SECOND * clients as u64 / rate);
        }
    }
    events
}

/// Events in the order of time as a history; simultaneous completions come first.
pub fn history(mut events: Vec<Event>) -> History {
    events.sort_by_key(|event| (event.time, event.kind == EventKind::Invoke));
    History::from_events(events).expect("the synthetic events are a history")
}

/// The operations that contradict each other, by hand.
fn planted() -> Vec<Event> {
    let mut events = Vec::new();
    let mut op =
        |process: u32, node: u16, f: &str, key: Value, asked: Value, from: u64, to: Option<(u64, EventKind, Value)>| {
            let event = |time: u64, kind, value, error: Option<&str>| Event {
                time: time * 1_000,
                process,
                kind,
                f: f.into(),
                key: key.clone(),
                value,
                node: Some(node),
                error: error.map(Into::into),
            };
            events.push(event(from, EventKind::Invoke, asked, None));
            if let Some((to, kind, value)) = to {
                let error = (kind == EventKind::Info).then_some(HOSTILE);
                events.push(event(to, kind, value, error));
            }
        };
    let key = || Value::Int(124);
    op(90_001, 1, "write", key(), Value::Int(40), 12_380_110, Some((12_382_004, EventKind::Ok, Value::Int(40))));
    op(90_002, 2, "write", key(), Value::Int(41), 12_402_310, Some((12_404_771, EventKind::Ok, Value::Int(41))));
    op(90_003, 5, "read", key(), Value::Nil, 12_404_020, Some((12_406_318, EventKind::Ok, Value::Int(41))));
    op(90_004, 3, "read", key(), Value::Nil, 12_431_502, Some((12_432_090, EventKind::Ok, Value::Int(40))));
    op(90_005, 3, "write", key(), Value::Int(42), 12_395_000, None);
    let key = || Value::text(HOSTILE);
    op(
        90_006,
        4,
        "write",
        key(),
        Value::text(HOSTILE),
        20_100_000,
        Some((21_100_400, EventKind::Info, Value::text(HOSTILE))),
    );
    op(90_007, 1, "read", key(), Value::Nil, 21_300_000, Some((21_301_250, EventKind::Ok, Value::text(HOSTILE))));
    op(
        90_008,
        2,
        "cas",
        key(),
        Value::pair(Value::Int(1), Value::Int(2)),
        22_300_000,
        Some((22_300_900, EventKind::Fail, Value::Nil)),
    );
    op(90_009, 4, "read", key(), Value::Nil, 24_901_000, Some((24_902_300, EventKind::Ok, Value::Nil)));
    events
}

fn anomalies(history: &History) -> Vec<Anomaly> {
    let of = |processes: &[u32]| -> Vec<OpId> {
        let found: Vec<OpView<'_>> = history.ops().filter(|op| processes.contains(&op.process)).collect();
        found.iter().map(|op| op.id).collect()
    };
    let stale = of(&[90_001, 90_002, 90_003, 90_004]);
    let lost = of(&[90_006, 90_007, 90_009]);
    let name = |id: OpId| format!("op {}", id.0);
    vec![
        Anomaly {
            name: "stale read".into(),
            sentence: format!(
                "{} read 40 on key 124 at n3, although {} had already read the newer 41 and ended 25.2 ms before it \
                 began.",
                name(stale[3]),
                name(stale[2])
            ),
            key: "124".into(),
            explanation: vec![
                format!(
                    "{} wrote 40 and had ended before {} began to write 41, so 41 is newer than 40.",
                    name(stale[0]),
                    name(stale[1])
                ),
                format!("{} read 41: the write of 41 had taken effect by 12.406318 s.", name(stale[2])),
                format!(
                    "{} began at 12.431502 s, later, and read 40: it saw the register as it was at least 25.2 ms \
                     before.",
                    name(stale[3])
                ),
            ],
            operations: stale,
            window: (12_380_000_000, 12_433_000_000),
            edges: Vec::new(),
        },
        Anomaly {
            name: "lost write".into(),
            sentence: format!(
                "{} read nil, although {} had read the value of {HOSTILE}, and nothing overwrote it.",
                name(lost[2]),
                name(lost[1])
            ),
            key: HOSTILE.into(),
            explanation: vec![HOSTILE.into()],
            operations: lost,
            window: (20_100_000_000, 24_903_000_000),
            edges: Vec::new(),
        },
    ]
}

/// Faults of several classes, one of them skipped, one unconfirmed.
pub fn faults() -> Vec<FaultRecord> {
    let fault =
        |id: u32, class: &str, kind: &str, nodes: &[&str], from_ms: u64, to_ms: u64, proof: &str, healed: &str| {
            FaultRecord {
                id,
                episode: id.div_ceil(2),
                class: from_json(class.into()),
                kind: kind.into(),
                description: format!("{class} {kind} on {}", nodes.join(", ")),
                nodes: nodes.iter().map(|&node| node.into()).collect(),
                begin_ns: from_ms * MS,
                end_ns: Some(to_ms * MS),
                outcome: FaultOutcome::Installed,
                proof: vec![proof.into()],
                healed: vec![healed.into()],
                reason: None,
                clock_ms: None,
                retry_of: None,
            }
        };
    let mut faults = vec![
        fault(
            1,
            "partition",
            "majority-minority",
            &["n1", "n2"],
            3_000,
            5_500,
            "812 packets dropped",
            "rules gone, 5 of 5 nodes reach each other",
        ),
        fault(2, "kill", "kill-leader", &["n2"], 6_200, 7_900, "pid 41 is gone", "pid 77 answers"),
        fault(
            3,
            "partition",
            "isolate-leader",
            &["n3"],
            12_000,
            14_600,
            "312 packets dropped",
            "rules gone, 5 of 5 nodes reach each other",
        ),
        fault(
            4,
            "clock",
            "jump-ahead",
            &["n3"],
            12_300,
            14_000,
            "clock read 61.002 s ahead",
            "clock read 0.001 s ahead",
        ),
        fault(5, "pause", "pause", &["n4"], 20_000, 22_600, "state T in /proc/52/stat", "state S in /proc/52/stat"),
        fault(6, "kill", "kill", &["n1"], 23_000, 24_000, "pid 40 is gone", "pid 81 answers"),
        fault(7, "partition", "isolate-leader", &["n3"], 25_000, 25_000, "", ""),
        fault(8, "clock", "jump-back", &["n5"], 25_200, 26_400, "", "clock read 0.000 s ahead"),
    ];
    faults[2].description = "n3 (leader) cut off from n1, n2, n4, n5".into();
    faults[4].description = HOSTILE.into();
    faults[6].outcome = FaultOutcome::Skipped;
    faults[6].reason = Some("no node was leader".into());
    faults[7].outcome = FaultOutcome::Unconfirmed;
    faults[7].proof.clear();
    faults[7].reason = Some("the clock could not be read inside n5".into());
    faults
}

fn logs(faults: &[FaultRecord]) -> Vec<NodeLog> {
    let mut draw = Draw::new(3);
    let mut logs = Vec::new();
    for node in 1..=5_u64 {
        let mut lines = Vec::new();
        let mut time = 900 * MS + draw.below(90 * MS);
        while time < 30 * SECOND {
            lines.push(LogLine {
                time_ns: time,
                text: format!("INFO  heartbeat term=4 commit={} applied={}", time / MS, time / MS - 2),
            });
            time += 20 * MS + draw.below(60 * MS);
        }
        for fault in faults {
            let term = 4 + fault.id;
            if fault.nodes.contains(&format!("n{node}")) {
                lines.push(LogLine {
                    time_ns: fault.begin_ns + 151 * MS,
                    text: format!("WARN  no answer from a majority for 150 ms, term={term}"),
                });
            } else if node == u64::from(fault.id) % 5 + 1 {
                lines.push(LogLine {
                    time_ns: fault.begin_ns + 310 * MS,
                    text: format!("INFO  election timeout, candidate in term={term}"),
                });
                lines.push(LogLine {
                    time_ns: fault.begin_ns + 318 * MS,
                    text: format!("INFO  became leader, term={term} votes=3/5"),
                });
            }
        }
        lines.push(LogLine { time_ns: 12_410 * MS, text: format!("ERROR cannot decode request: {HOSTILE}") });
        lines.sort_by_key(|line| line.time_ns);
        logs.push(NodeLog {
            node: format!("n{node}"),
            total: lines.len() as u64,
            last: lines[lines.len() - 5..].to_vec(),
            lines,
        });
    }
    logs
}

fn counts(history: &History) -> Vec<FunctionCounts> {
    let mut by_function: BTreeMap<&str, FunctionCounts> = BTreeMap::new();
    for op in history.ops() {
        let counts =
            by_function.entry(op.f).or_insert_with(|| FunctionCounts { f: op.f.into(), ..FunctionCounts::default() });
        match op.outcome.as_str() {
            "ok" => counts.ok += 1,
            "fail" => counts.fail += 1,
            _ => counts.info += 1,
        }
        counts.latency = LatencySummary { p50_us: 871, p95_us: 2_310, p99_us: 118_000, max_us: 251_400 };
    }
    by_function.into_values().collect()
}

fn run(name: &str, history: &History, faults: Vec<FaultRecord>) -> Run {
    let nodes = (1..=5).map(|id| NodeRecord {
        id,
        name: format!("n{id}"),
        address: format!("10.77.0.{id}"),
        command: [
            "rashomon-node",
            "raft-kv",
            "--id",
            &id.to_string(),
            "--data",
            "/var/lib/node",
            "--election-timeout",
            "150ms",
        ]
        .map(String::from)
        .to_vec(),
        clock: None,
    });
    let manifest = Manifest {
        format: Manifest::FORMAT,
        version: "0.1.0".into(),
        run: format!("2026-01-02T03-04-05-{name}"),
        started: "2026-01-02T03:04:05Z".into(),
        command: ["rashomon", "run", "raft-kv", "--mutant", "stale-read", "--seed", "7"].map(String::from).to_vec(),
        reproduce: "./rashomon run raft-kv --mutant stale-read --seed 7 --nodes 5 --time 30s \
                    --faults partition,kill,pause,clock"
            .into(),
        spec: from_json(serde_json::json!({
            "target": "raft-kv", "mutant": "stale-read", "node_binary": null,
            "settings": {"election-timeout": "150ms"}, "workload": "register", "options": {"keys": "400"},
            "consistency": "linearizable", "convergence_ms": 0, "nodes": 5, "clients": 10, "rate": 1_400.0,
            "time_ms": 30_000, "faults": ["isolate-leader", "kill-leader", "pause", "jump-ahead"], "seed": 7,
            "deadline_ms": 1_000, "data": "tmpfs", "stop_on_violation": false,
        })),
        schedule: from_json(serde_json::json!({"episodes": [{"end_ms": 5_500, "faults": [
            {"kind": "majority-minority", "fault": {"split": [1, 2]}, "at_ms": 3_000, "for_ms": 2_500},
        ]}]})),
        target: TargetRecord {
            name: "raft-kv".into(),
            summary: "a key-value store on Raft, with ReadIndex reads and client sessions".into(),
            version: "0.1.0".into(),
            mutant: None,
            workload: "register".into(),
            model: "linearizable cas-register".into(),
            consistency: "linearizable".into(),
            settings: BTreeMap::from([
                ("election-timeout".into(), "150ms".into()),
                ("snapshot-every".into(), "500".into()),
            ]),
            definition: None,
        },
        host: HostFacts { kernel: "6.1.0".into(), cpus: 2, memory_bytes: 8 << 30, privilege: "user".into() },
        isolation: None,
        nodes: nodes.collect(),
        timings: Timings {
            lab_up_ms: 31.2,
            nodes_ready_ms: 212.0,
            first_operation_ms: 402.5,
            load_ms: 30_012.0,
            lab_down_ms: 18.0,
            check_ms: 41.0,
        },
        evidence: Some(Evidence {
            quiet_since_ns: None,
            convergence: None,
            functions: counts(history),
            load_ns: 30 * SECOND,
            load_ok: None,
            final_reads_unanswered: false,
            last_heal_ns: Some(26_400 * MS),
            reads_after_heal: vec![312, 298, 305, 0, 311],
            faults_installed: vec![
                (from_json("clock".into()), 1),
                (from_json("kill".into()), 2),
                (from_json("partition".into()), 2),
                (from_json("pause".into()), 1),
            ],
            faults_skipped: vec![(from_json("partition".into()), 1)],
            faults_unconfirmed: vec![(from_json("clock".into()), 1)],
            unexpected_exits: vec![],
            late_arrivals: 14,
            interrupted: false,
            exits_by_design: false,
            never_served: false,
            events: vec![("leader".into(), 4), ("snapshot-taken".into(), 9)],
            leader_reactions: None,
            notes: vec!["n4 answered no read after the last heal".into()],
        }),
        verdict: None,
    };
    let logs = logs(&faults);
    Run { manifest, verdict: None, faults, events: leaders(), history: None, logs, gaps: vec![] }
}

/// Who led: n3 until it was cut off, then n1.
fn leaders() -> Vec<ProtocolEvent> {
    let leader = |node: &str, at_ns, term| ProtocolEvent {
        node: node.to_owned(),
        at_ns,
        kind: ProtocolEvent::LEADER.to_owned(),
        term: Some(term),
        detail: String::new(),
    };
    vec![leader("n3", 0, 1), leader("n1", 12 * SECOND, 2)]
}
