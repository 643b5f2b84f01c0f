//! Each anomaly by its name, in the smallest history that has it.

use rashomon_checkers::transactions::{Objects, Options, TxnResult, check};
use rashomon_checkers::{Budget, Finding, Level};
use rashomon_history::formats::{ReadOptions, read_history};

/// Judges transactions, each a line `process outcome [micro-operations as JSON]`, one after the other; with `together`
/// all begin before any ends.
fn judge(objects: Objects, level: &str, together: bool, lines: &[&str]) -> TxnResult {
    let event = |kind: &str, line: &str| {
        let mut parts = line.splitn(3, ' ');
        let (process, outcome, value) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        let kind = if kind == "invoke" { kind } else { outcome };
        format!("{{\"process\":{process},\"type\":\"{kind}\",\"f\":\"txn\",\"value\":{value}}}\n")
    };
    let mut text = String::new();
    if together {
        lines.iter().for_each(|line| text += &event("invoke", line));
        lines.iter().for_each(|line| text += &event("end", line));
    } else {
        lines.iter().for_each(|line| text += &(event("invoke", line) + &event("end", line)));
    }
    let (history, _) = read_history(text.as_bytes(), ReadOptions::default()).expect("a history");
    check(&history, &Options { objects, level: level.parse().expect("a level") }, &Budget::default())
}

/// The names of the anomalies, with the common name where there is one.
fn names(result: &TxnResult) -> Vec<String> {
    let all = result.anomalies.iter().chain(&result.allowed);
    all.map(|anomaly| match &anomaly.also {
        Some(also) => format!("{} ({also})", anomaly.name),
        None => anomaly.name.clone(),
    })
    .collect()
}

fn shows(name: &str, strongest: &[&str], weakest: &[&str], together: bool, lines: &[&str]) {
    let result = judge(Objects::Lists, "strict-serializable", together, lines);
    assert_eq!(result.finding, Finding::Invalid, "{name}: {result:?}");
    assert!(names(&result).iter().any(|found| found == name), "{name}: {:?}", names(&result));
    let named = |levels: &[Level]| levels.iter().map(|level| level.name()).collect::<Vec<_>>();
    assert_eq!((named(&result.holds), named(&result.broken)), (strongest.to_vec(), weakest.to_vec()), "{name}");
    let told: Vec<&String> = result.anomalies.iter().flat_map(|anomaly| &anomaly.explanation).collect();
    assert!(told.iter().any(|line| line.starts_with("T1 is op ")), "{told:?}");
}

#[test]
fn anomalies_of_reads_are_named() {
    shows(
        "G1a",
        &["strong-read-uncommitted"],
        &["read-committed"],
        true,
        &[r#"0 fail [["append",1,1]]"#, r#"1 ok [["r",1,[1]]]"#],
    );
    shows(
        "dirty update",
        &["strong-read-uncommitted"],
        &["read-committed"],
        true,
        &[r#"0 fail [["append",1,1]]"#, r#"1 ok [["append",1,2]]"#, r#"2 ok [["r",1,[1,2]]]"#],
    );
    shows(
        "G1b",
        &["strong-read-uncommitted"],
        &["read-committed"],
        true,
        &[r#"0 ok [["append",1,1],["append",1,2]]"#, r#"1 ok [["r",1,[1]]]"#],
    );
    shows(
        "internal",
        &["strong-read-uncommitted"],
        &["read-committed"],
        true,
        &[r#"0 ok [["append",1,1],["r",1,[]]]"#],
    );
    shows(
        "future read",
        &["strong-read-uncommitted"],
        &["read-committed"],
        true,
        &[r#"0 ok [["r",1,[1]],["append",1,1]]"#],
    );
    shows(
        "incompatible order",
        &[],
        &["read-uncommitted"],
        true,
        &[r#"0 ok [["append",1,1]]"#, r#"1 ok [["append",1,2]]"#, r#"2 ok [["r",1,[1,2]]]"#, r#"3 ok [["r",1,[2,1]]]"#],
    );
    shows(
        "duplicate elements",
        &[],
        &["read-uncommitted"],
        true,
        &[r#"0 ok [["append",1,1]]"#, r#"2 ok [["r",1,[1,1]]]"#],
    );
    shows("thin-air read", &[], &["read-uncommitted"], true, &[r#"2 ok [["r",1,[7]]]"#]);
}

#[test]
fn cycles_are_named() {
    shows(
        "G0",
        &[],
        &["read-uncommitted"],
        true,
        &[
            r#"0 ok [["append",1,1],["append",2,1]]"#,
            r#"1 ok [["append",1,2],["append",2,2]]"#,
            r#"2 ok [["r",1,[1,2]]]"#,
            r#"3 ok [["r",2,[2,1]]]"#,
        ],
    );
    shows(
        "G1c",
        &["strong-read-uncommitted"],
        &["read-committed"],
        true,
        &[r#"0 ok [["append",1,1],["r",2,[1]]]"#, r#"1 ok [["append",2,1],["r",1,[1]]]"#],
    );
    shows(
        "G-single (lost update)",
        &["strong-read-committed", "prefix"],
        &["cursor-stability"],
        true,
        &[r#"0 ok [["r",1,[]],["append",1,1]]"#, r#"1 ok [["r",1,[]],["append",1,2]]"#, r#"2 ok [["r",1,[1,2]]]"#],
    );
    shows(
        "G-single (fractured read)",
        &["strong-read-committed", "cursor-stability", "monotonic-atomic-view"],
        &["atomic-visibility"],
        true,
        &[r#"0 ok [["append",1,1],["append",2,1]]"#, r#"1 ok [["r",1,[]],["r",2,[1]]]"#],
    );
    shows(
        "G-nonadjacent (long fork)",
        &["strong-read-committed", "strong-session-parallel-snapshot-isolation"],
        &["prefix", "snapshot-isolation"],
        true,
        &[
            r#"0 ok [["append",1,1]]"#,
            r#"1 ok [["append",2,1]]"#,
            r#"2 ok [["r",1,[1]],["r",2,[]]]"#,
            r#"3 ok [["r",1,[]],["r",2,[1]]]"#,
        ],
    );
    shows(
        "G2-item (write skew)",
        &["strong-snapshot-isolation"],
        &["repeatable-read"],
        true,
        &[r#"0 ok [["r",1,[]],["append",2,1]]"#, r#"1 ok [["r",2,[]],["append",1,1]]"#],
    );
    // A chain of three, each of which misses the next.
    shows(
        "G2-item",
        &["strong-snapshot-isolation"],
        &["repeatable-read"],
        true,
        &[
            r#"0 ok [["r",1,[]],["append",2,1]]"#,
            r#"1 ok [["r",2,[]],["append",3,1]]"#,
            r#"2 ok [["r",3,[]],["append",1,1]]"#,
        ],
    );
}

#[test]
fn cycles_with_process_order_and_real_time_are_named() {
    let weakest = ["read-atomic"];
    shows(
        "G-single-process",
        &["strong-read-committed", "serializable"],
        &weakest,
        false,
        &[r#"0 ok [["append",1,1]]"#, r#"0 ok [["r",1,[]]]"#],
    );
    let weakest = ["strong-snapshot-isolation"];
    let holds = ["strong-read-committed", "strong-session-serializable"];
    shows(
        "G-single-realtime (stale read)",
        &holds,
        &weakest,
        false,
        &[r#"0 ok [["append",1,1]]"#, r#"1 ok [["r",1,[]]]"#],
    );
    // The second is seen, the first is not, although it came before: Elle issue 27, but over two processes.
    let (read, first, second) =
        (r#"2 ok [["r",1,[]],["r",2,[1]]]"#, r#"0 ok [["append",1,1]]"#, r#"1 ok [["append",2,1]]"#);
    let result = judge(Objects::Lists, "strict-serializable", false, &[first, second, read]);
    assert!(names(&result).iter().any(|name| name.starts_with("G-single-realtime")), "{:?}", names(&result));
    shows(
        "G0-realtime",
        &["strong-session-serializable"],
        &["strong-read-uncommitted"],
        false,
        &[r#"0 ok [["append",1,1]]"#, r#"1 ok [["append",1,2]]"#, r#"2 ok [["r",1,[2,1]]]"#],
    );
}

#[test]
fn what_cannot_be_read_is_unknown_and_named() {
    let unknown = |lines: &[&str], what: &str| {
        let result = judge(Objects::Lists, "serializable", true, lines);
        assert_eq!(result.finding, Finding::Unknown, "{result:?}");
        assert!(result.unknown.iter().any(|line| line.contains(what)), "{:?}", result.unknown);
        assert!(result.holds.is_empty(), "{result:?}");
    };
    unknown(
        &[r#"0 ok [["append",1,1]]"#, r#"1 ok [["append",1,1]]"#, r#"2 ok [["r",1,[1]]]"#],
        "from op 0 and again from op 1",
    );
    unknown(&[r#"0 ok [["increment",1,1]]"#], "op 0");
    unknown(&[r#"0 ok [["r",1]]"#], "op 0");
    unknown(&[r#"0 ok 5"#], "op 0");
    unknown(&[r#"0 ok [["r",1,7]]"#], "rw-register");
    unknown(&[r#"0 ok [["w",1,7]]"#], "rw-register");
    unknown(&[r#"0 info [["append",1,1]]"#, r#"1 fail [["append",1,2]]"#], "no transaction was acknowledged");
    unknown(&[r#"0 ok [["append",1,1]]"#], "nothing was observed");
    // One key that cannot be read hides no anomaly on another.
    let result = judge(
        Objects::Lists,
        "serializable",
        true,
        &[r#"0 ok [["append",1,1],["append",1,1]]"#, r#"1 ok [["r",2,[9]]]"#],
    );
    assert_eq!(result.finding, Finding::Invalid);
}
