//! What is on the page of a run, and what may never be.

mod synthetic;

use rashomon_checkers::{Anomaly, Edge, EdgeKind, Measurement};
use rashomon_history::{Event, EventKind, History, OpId};
use rashomon_report::{LogLine, NodeLog, Run, render};
use rashomon_runs::{FaultRecord, Manifest, ProtocolEvent, VerdictRecord};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use synthetic::HOSTILE;

fn page(run: &Run) -> String {
    render(&run.files())
}

/// The page without markup, one line per run of text.
fn text(page: &str) -> String {
    let body =
        &page[page.find("<body>").expect("a page has a body")..page.rfind("<script>").expect("a page has its script")];
    let mut text = String::new();
    for part in body.split('<') {
        let line = part.split_once('>').map_or("", |(_, after)| after).trim();
        if !line.is_empty() {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// The contents of all elements of one kind.
fn elements<'a>(page: &'a str, tag: &str) -> Vec<&'a str> {
    let (opening, closing) = (format!("<{tag}"), format!("</{tag}>"));
    let content = |part: &'a str| Some(part.split_once('>')?.1.split_once(&closing)?.0);
    page.split(&opening).skip(1).filter_map(content).collect()
}

#[test]
fn what_checkers_measured_is_shown_as_numbers_and_curves() {
    let mut run = synthetic::violation();
    assert!(!page(&run).contains("Measured"));
    let judgement = &mut run.verdict.as_mut().expect("it was judged").judgements[0];
    judgement.measurements = vec![
        Measurement::number("staleness, median", "ms", 1234.5),
        Measurement::series("t-visibility", "fraction of <reads>", "ms", vec![(0.0, 0.5), (2.0, 1.0)]),
    ];
    let page = page(&run);
    let text = text(&page);
    for wanted in ["Measured", "staleness, median", "1,235 ms", "t-visibility", "fraction of &lt;reads&gt; by ms"] {
        assert!(text.contains(wanted), "{wanted}");
    }
    assert_eq!(page.matches("class=\"curve\"").count(), 1);
}

/// Two transactions that read the same two keys and write one each.
fn skewed() -> (History, Anomaly) {
    let micro =
        |f: &str, key: i64, value| rashomon_history::Value::list([rashomon_history::Value::text(f), key.into(), value]);
    let event = |time, process, kind, read: i64, wrote: i64, result: rashomon_history::Value| Event {
        time,
        process,
        kind,
        f: "txn".into(),
        key: rashomon_history::Value::Nil,
        value: rashomon_history::Value::list([
            micro("r", read, result),
            micro(synthetic::HOSTILE, wrote, rashomon_history::Value::Int(7)),
        ]),
        node: Some(1),
        error: None,
    };
    let (nil, empty) = (rashomon_history::Value::Nil, rashomon_history::Value::list([]));
    let history = synthetic::history(vec![
        event(10, 1, EventKind::Invoke, 1, 2, nil.clone()),
        event(20, 2, EventKind::Invoke, 2, 1, nil),
        event(30, 1, EventKind::Ok, 1, 2, empty.clone()),
        event(40, 2, EventKind::Ok, 2, 1, empty),
    ]);
    let edge = |from, to, why: &str| Edge { from: OpId(from), to: OpId(to), kind: EdgeKind::RW, why: why.to_owned() };
    let anomaly = Anomaly {
        name: "G2-item".to_owned(),
        sentence: "Dependency cycle of 2 transactions.".to_owned(),
        key: String::new(),
        operations: vec![OpId(0), OpId(1)],
        explanation: vec!["T1 read key 1 as [], without T2's write of 7".to_owned()],
        window: (5, 45),
        edges: vec![edge(0, 1, "key 1: read [], missed 7"), edge(1, 0, "key 2: read [], missed 7 <b>")],
    };
    (history, anomaly)
}

#[test]
fn a_cycle_is_drawn_with_its_transactions_and_the_reason_of_each_edge() {
    let mut run = synthetic::violation();
    let (history, anomaly) = skewed();
    run.history = Some(history);
    run.verdict.as_mut().expect("it was judged").judgements[0].anomalies = vec![anomaly];
    let drawn = page(&run);
    assert_eq!(drawn.matches("class=\"transaction\"").count(), 2);
    assert_eq!(drawn.matches("class=\"arrow depends\"").count(), 2);
    let text = text(&drawn);
    for wanted in ["T1", "T2", "r 1 → []", "key 1: read [], missed 7", "without T2&#39;s write", "&lt;b&gt;"] {
        assert!(text.contains(wanted), "{wanted}");
    }
    assert!(!text.contains("had ended"), "the edges of the cycle are the argument");
    // Edges that make no cycle are no drawing.
    run.verdict.as_mut().expect("it was judged").judgements[0].anomalies[0].edges.pop();
    assert!(!page(&run).contains("class=\"transaction\""));
}

#[test]
fn sections_come_in_the_order_a_reader_needs_them() {
    let page = page(&synthetic::violation());
    let headings: Vec<&str> = elements(&page, "h2");
    assert!(headings[1].starts_with("Stale read") && headings[2].starts_with("Lost write"), "{headings:?}");
    assert_eq!(headings[0], "What was found");
    assert_eq!(headings[3..], ["Over time", "Faults", "Node logs", "Evidence", "Run"]);
    let text = text(&page);
    let mut rest = text.as_str();
    for wanted in [
        "violation",
        "raft-kv",
        "Mutant stale-read",
        "1 × stale read",
        "Stale read",
        "although",
        "Trigger",
        "was reported as the leader",
        "isolate-leader n3",
        "Why this cannot be",
        "Therefore no order",
        "Around it",
        "Finding 1, by the checker: linearizable cas-register",
        "Lost write",
        "seed",
        "7",
        "./rashomon run raft-kv --mutant stale-read --seed 7",
        "isolate-leader n3",
        "ok /s",
        "100 ms",
        "312 packets dropped",
        "skipped",
        "unconfirmed",
        "became leader",
        "Reads after the last heal",
        "zones",
        "nodes ready",
        "10.77.0.5",
        "manifest.json",
    ] {
        let at = rest.find(wanted).unwrap_or_else(|| panic!("{wanted:?} is missing, or comes too early"));
        rest = &rest[at..];
    }
}

#[test]
fn a_pass_says_what_it_is_worth() {
    let page = page(&synthetic::pass());
    assert_eq!(elements(&page, "h2")[0], "What finding nothing is worth");
    assert!(page.contains("fewer than 3 in 1 runs"));
    assert!(!page.contains("id=\"findings\"") && !page.contains("href=\"#findings\""));
    assert!(page.contains("Notable lines around the faults"));
}

#[test]
fn other_verdicts_give_their_reasons_first() {
    let inconclusive = page(&synthetic::inconclusive());
    assert_eq!(elements(&inconclusive, "h2")[0], "Why this says nothing about the target");
    assert!(inconclusive.contains("<li>linearizable cas-register: key 17: 200,000,000 steps were not enough"));
    let broken = page(&synthetic::broken());
    assert_eq!(elements(&broken, "h2")[0], "What failed in the harness or its environment");
    assert!(broken.contains("n2 was not ready within 10 s") && broken.contains("the history could not be read"));
    assert!(broken.contains("How the log of n2 ends") && !inconclusive.contains("How the log of"));
    for (page, word) in [(inconclusive, "inconclusive"), (broken, "broken")] {
        assert!(page.contains(&format!("<title>{word}: raft-kv")) && !page.contains("✓</span>pass"));
        balanced(&page);
    }
}

#[test]
fn each_operation_of_an_anomaly_is_drawn_and_tabled() {
    let run = synthetic::violation();
    let page = page(&run);
    let anomalies = &run.verdict.as_ref().expect("judged").judgements[0].anomalies;
    for (index, anomaly) in anomalies.iter().enumerate() {
        let card = page.split(&format!("id=\"finding-{}\"", index + 1)).nth(1).expect("a card");
        let card = card.split("</article>").next().expect("a card's end");
        for OpId(op) in &anomaly.operations {
            assert!(card.contains(&format!("id=\"finding-{}-op-{op}\"", index + 1)), "op {op} in the table");
            let drawn = card.matches(&format!("data-op=\"{op}\" tabindex=\"0\"")).count();
            assert_eq!(drawn, 2, "op {op} in the drawing of the finding and in the one of what is around it");
        }
    }
}

#[test]
fn of_a_very_large_core_the_contradiction_is_drawn() {
    let mut run = synthetic::violation();
    let history = run.history.as_ref().expect("a history");
    let anomaly = &mut run.verdict.as_mut().expect("judged").judgements[0].anomalies[0];
    let core = anomaly.operations.clone();
    let key = history.row(core[0]).key;
    // 100 operations long before, and those that do contradict each other.
    let early = (0..history.len() as u32).map(OpId).filter(|id| history.row(*id).key != key).take(100);
    anomaly.operations.extend(early);
    anomaly.explanation = vec!["a step".into(); 104];
    anomaly.window.0 = 0;
    let page = page(&run);
    let card = page.split("id=\"finding-1\"").nth(1).expect("a card").split("</article>").next().expect("its end");
    for OpId(op) in core {
        assert!(card.contains(&format!("id=\"finding-1-op-{op}\"")), "op {op} in the first table");
    }
    assert_eq!(card.matches(" id=\"finding-1-op-").count(), 7);
    assert!(card.contains("All 104 operations of the finding"));
    assert!(card.contains(" more in verdict.json."), "an argument of bounded length");
    balanced(&page);
}

#[test]
fn outcomes_differ_in_shape() {
    let page = page(&synthetic::violation());
    assert!(page.contains("class=\"op ok ") && page.contains("class=\"bar\""));
    assert!(page.contains("class=\"op fail"));
    let info = page.split("class=\"op info").nth(1).expect("an operation of unknown outcome is drawn");
    assert!(info.split("</g>").next().expect("its end").contains("class=\"open\""));
}

#[test]
fn faults_are_bands_behind_diagrams_and_plots() {
    let page = page(&synthetic::violation());
    let diagram = page.split("class=\"scene\"").nth(1).expect("a drawing");
    let diagram = diagram.split("</svg>").next().expect("its end");
    assert!(diagram.contains("href=\"#fault-3\"") && diagram.contains("url(#pattern-partition)"));
    assert!(diagram.contains("isolate-leader n3"));
    for plot in ["throughput", "latency"] {
        let plot = page.split(&format!("class=\"plot {plot}\"")).nth(1).expect("a plot");
        let plot = plot.split("</svg>").next().expect("its end");
        for class in ["partition", "kill", "pause", "clock"] {
            assert!(plot.contains(&format!("class=\"band\" fill=\"url(#pattern-{class})\"")), "{class}");
        }
    }
    // Every link to a fault leads to its row.
    for link in page.split("href=\"#fault-").skip(1) {
        let id = link.split('"').next().expect("a link's end");
        assert!(page.contains(&format!("<tr id=\"fault-{id}\"")), "fault {id}");
    }
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    assert_eq!(page(&synthetic::violation()), page(&synthetic::violation()));
}

#[test]
fn nothing_is_loaded_and_only_the_pages_own_script_may_run() {
    let page = page(&synthetic::violation());
    for forbidden in ["http://", "https://", "src=\"", "@import", " style=\"", "javascript:", " onclick"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    for reference in page.split("url(").skip(1) {
        assert!(reference.starts_with('#'), "{}", &reference[..20]);
    }
    let script = elements(&page, "script")[0];
    let hash = base64(&Sha256::digest(script.as_bytes()));
    assert!(
        page.contains(&format!("script-src 'sha256-{hash}';")),
        "web/report.js changed: set SCRIPT_SHA256 in src/frame.rs to {hash}"
    );
    assert!(page.contains("default-src 'none';"));
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().chain([0, 0].iter()).take(3).fold(0_usize, |word, &byte| word << 8 | usize::from(byte));
        for place in 0..4 {
            let character = ALPHABET[word >> (18 - 6 * place) & 63] as char;
            text.push(if place <= chunk.len() { character } else { '=' });
        }
    }
    text
}

/// Members whose text is a word of a fixed list: it is read as one, so it cannot be hostile.
const FIXED: [&str; 12] = [
    "verdict",
    "outcome",
    "finding",
    "class",
    "kind",
    "fault",
    "faults",
    "faults_installed",
    "faults_skipped",
    "faults_unconfirmed",
    "consistency",
    "data",
];

/// A record in which every text that is free to be anything is hostile.
fn hostile<T: Serialize + DeserializeOwned>(record: &T) -> T {
    fn spoil(value: &mut Value, name: &str) {
        match value {
            // Words of a fixed list.
            Value::String(_) if FIXED.contains(&name) => {}
            Value::String(text) => *text = HOSTILE.to_owned(),
            Value::Array(items) => items.iter_mut().for_each(|item| spoil(item, name)),
            Value::Object(entries) => {
                entries.iter_mut().for_each(|(name, item)| spoil(item, name));
                if name == "settings" || name == "options" {
                    entries.insert(HOSTILE.to_owned(), Value::String(HOSTILE.to_owned()));
                }
            }
            _ => {}
        }
    }
    let mut value = serde_json::to_value(record).expect("records are JSON");
    spoil(&mut value, "");
    serde_json::from_value(value).expect("still a record")
}

#[test]
fn no_text_of_a_run_becomes_markup() {
    let run = synthetic::violation();
    let spoiled = Run {
        manifest: hostile::<Manifest>(&run.manifest),
        verdict: run.verdict.as_ref().map(hostile::<VerdictRecord>),
        faults: run.faults.iter().map(hostile::<FaultRecord>).collect(),
        logs: run
            .logs
            .iter()
            .map(|log| NodeLog {
                node: HOSTILE.to_owned(),
                lines: log.lines.iter().map(|line| LogLine { text: HOSTILE.to_owned(), ..*line }).collect(),
                last: vec![LogLine { time_ns: 0, text: HOSTILE.to_owned() }],
                total: log.total,
            })
            .collect(),
        events: run.events.iter().map(hostile::<ProtocolEvent>).collect(),
        gaps: vec![HOSTILE.to_owned()],
        history: run.history,
    };
    let page = page(&spoiled);
    assert_eq!((page.matches("<script").count(), page.matches("</script").count()), (1, 1));
    assert!(!page.contains("<img") && !page.contains("alert('x')") && !page.contains('\u{202e}'));
    assert!(page.matches("&lt;script&gt;alert(&#39;x&#39;)").count() > 50, "the text is there, as text");
    balanced(&page);
}

/// Every element that has to be closed is.
fn balanced(page: &str) {
    let body = &page[..page.rfind("<script>").expect("a page has its script")];
    for tag in [
        "svg",
        "g",
        "a",
        "div",
        "section",
        "article",
        "table",
        "thead",
        "tbody",
        "details",
        "summary",
        "figure",
        "figcaption",
        "p",
        "ul",
        "ol",
        "dl",
        "dd",
        "dt",
        "span",
        "b",
        "h1",
        "h2",
        "h3",
        "h4",
        "text",
        "title",
        "pre",
        "code",
        "header",
        "nav",
        "main",
        "footer",
        "button",
        "label",
    ] {
        let opened = body.matches(&format!("<{tag}>")).count() + body.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, body.matches(&format!("</{tag}>")).count(), "<{tag}>");
    }
}

#[test]
fn elements_are_balanced_and_ids_are_unique() {
    for run in [synthetic::violation(), synthetic::pass()] {
        let page = page(&run);
        balanced(&page);
        let mut ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|part| part.split('"').next()).collect();
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        assert_eq!(count, ids.len());
        for link in page.split("href=\"#").skip(1) {
            let target = link.split('"').next().expect("a link's end");
            assert!(ids.binary_search(&target).is_ok(), "#{target} leads nowhere");
        }
    }
}

#[test]
fn a_run_with_nothing_in_it_has_a_page() {
    let mut run = synthetic::pass();
    run.history = Some(History::default());
    run.faults.clear();
    run.logs.clear();
    run.manifest.evidence = None;
    run.manifest.nodes.clear();
    let page = page(&run);
    balanced(&page);
    for said in [
        "the history has no operation",
        "No fault was tried",
        "There are no node logs",
        "before its evidence was counted",
    ] {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn a_run_that_was_killed_has_a_page() {
    let mut run = synthetic::violation();
    run.verdict = None;
    run.manifest.verdict = None;
    run.manifest.evidence = None;
    run.gaps = vec!["history.rhist: the history ends at byte 7".into()];
    let page = page(&run);
    assert!(page.contains("not judged") && page.contains("This run has no verdict") && page.contains("ends at byte 7"));
    balanced(&page);
}

#[test]
fn operations_that_the_history_has_not_are_named() {
    let mut run = synthetic::violation();
    let anomaly = &mut run.verdict.as_mut().expect("judged").judgements[0].anomalies[0];
    anomaly.operations.push(OpId(4_000_000));
    assert!(page(&run).contains("Not in the part of the history that could be read: op 4000000"));
    run.history = None;
    let page = page(&run);
    assert!(page.contains("because the history could not be read") && page.contains("op 4000000"));
    balanced(&page);
}

#[test]
fn thousands_of_findings_and_faults_stay_one_page() {
    let mut run = synthetic::violation();
    let anomalies = &mut run.verdict.as_mut().expect("judged").judgements[0].anomalies;
    *anomalies = (0..3_000).map(|index| anomalies[index % 2].clone()).collect();
    let fault = run.faults[2].clone();
    run.faults =
        (1..=5_000).map(|id| FaultRecord { id, begin_ns: u64::from(id) * 6_000_000, ..fault.clone() }).collect();
    let page = page(&run);
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
    assert!(page.contains("1,499 more × stale read") && page.contains("of 5,000 faults"));
}
