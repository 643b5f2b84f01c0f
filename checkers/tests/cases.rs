//! Histories that were once judged wrong, by kind: what a checker cannot read, broken preconditions, nothing observed,
//! values that decide the meaning, agreement of replicas, and what an unknown outcome may have done.
//!
//! A history is written one operation a line: `process f input -> output`, `-> !` for one that failed, `-> ?` for one
//! of unknown outcome. A node stands after the process (`0@2`), a time in seconds at the end (`at 10`). Operations
//! follow each other; one that begins with `|` overlaps the one before it.

use std::sync::Arc;

use rashomon_checkers::eventual::EventualDemand;
use rashomon_checkers::initial::with_initial;
use rashomon_checkers::{Budget, Checkers, Finding, Judgement, Level};
use rashomon_history::{Event, EventKind, History, Value};

const SECOND: u64 = 1_000_000_000;

/// A value as JSON would have it.
fn value(text: &str) -> Value {
    fn of(json: &serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::Nil,
            serde_json::Value::Bool(truth) => Value::Bool(*truth),
            serde_json::Value::Number(number) => Value::Int(number.as_i64().expect("an integer")),
            serde_json::Value::String(text) => Value::text(text),
            serde_json::Value::Array(items) => Value::list(items.iter().map(of)),
            serde_json::Value::Object(fields) => {
                Value::Map(fields.iter().map(|(name, value)| (Value::text(name), of(value))).collect())
            }
        }
    }
    let text = if text.is_empty() { "null" } else { text };
    of(&serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}")))
}

fn history(lines: &str) -> History {
    let mut events: Vec<(u64, u32, Event)> = Vec::new();
    let mut clock = 0;
    let mut before = 0;
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (line, overlaps) = line.strip_prefix('|').map_or((line, false), |line| (line.trim(), true));
        let (line, at) =
            line.rsplit_once(" at ").map_or((line, None), |(line, at)| (line, at.trim().parse::<u64>().ok()));
        let (call, result) = line.split_once("->").expect("an arrow");
        let mut words = call.trim().splitn(3, ' ');
        let (process, f) = (words.next().expect("a process"), words.next().expect("a function"));
        let input = value(words.next().unwrap_or("").trim());
        let (process, node) =
            process.split_once('@').map_or((process, None), |(process, node)| (process, node.parse().ok()));
        let process: u32 = process.parse().expect("a process");
        let begin = match (at, overlaps) {
            (_, true) => before + SECOND / 8,
            (Some(at), _) => at * SECOND,
            (None, _) => clock,
        };
        before = begin;
        let end = begin + SECOND / 2;
        clock = end + SECOND / 2;
        let (kind, output) = match result.trim() {
            "!" => (EventKind::Fail, input.clone()),
            "?" => (EventKind::Info, input.clone()),
            "ok" | "" => (EventKind::Ok, input.clone()),
            output => (EventKind::Ok, value(output)),
        };
        let event = |time, kind, value| Event {
            time,
            process,
            kind,
            f: Arc::from(f),
            key: Value::Nil,
            value,
            node,
            error: None,
        };
        let number = events.len() as u32;
        events.push((begin, number, event(begin, EventKind::Invoke, input)));
        events.push((end, number + 1, event(end, kind, output)));
    }
    events.sort_by_key(|&(time, number, _)| (time, number));
    History::from_events(events.into_iter().map(|(.., event)| event)).expect("a history")
}

fn judge(model: &str, lines: &str) -> Judgement {
    Checkers::included().find(model).expect("a model").check(&history(lines), &Budget::default())
}

#[track_caller]
fn expect(model: &str, finding: Finding, lines: &str) -> Judgement {
    let judgement = judge(model, lines);
    assert_eq!(judgement.finding, finding, "{model}: {judgement:#?}");
    judgement
}

#[track_caller]
fn unknown(model: &str, reason: &str, lines: &str) {
    let judgement = expect(model, Finding::Unknown, lines);
    assert!(judgement.unknown.iter().any(|known| known.contains(reason)), "{model}: {:?}", judgement.unknown);
}

#[test]
fn what_a_model_cannot_read_is_named() {
    // Whether or not the rest would be valid, and whatever became of the operation.
    for end in ["", "?", "!"] {
        let cas = |input: &str| format!("0 write 1 -> ok\n0 cas {input} -> {end}\n1 read -> 1");
        unknown("register", "`cas` is not an operation of register; it knows read and write", &cas("[1,2]"));
        for input in ["3", r#"{"old":7,"new":2}"#, r#"["acct",null,"v1"]"#, "[1]", "null"] {
            unknown("cas-register", "cas is invoked with [from to]", &cas(input));
            unknown("cas-register-compared", "cas is invoked with [from to]", &cas(input));
            unknown("sequential-cas-register", "cas is invoked with [from to]", &cas(input));
            unknown("eventual-register", "cas is invoked with [from to]", &cas(input));
            unknown("session-guarantees", "cas is invoked with [from to]", &cas(input));
        }
        let foreign = |f: &str| format!("0 add 1 -> ok\n0 {f} 1 -> {end}\n1 read -> [] at 9");
        for model in ["or-set", "lww-set", "eventual-set", "set", "set-full", "sequential-insert", "linearizable-set"] {
            unknown(model, "`del` is not an operation of", &foreign("del"));
        }
        unknown("bank", "`deposit` is not an operation of bank", &format!("0 deposit 5 -> {end}\n0 read -> [5]"));
        unknown("queue", "`publish` is not an operation", &format!("0 publish 5 -> {end}\n0 dequeue -> 5"));
    }
    unknown("counter", "`increment` is not an operation", "0 increment 5 -> ok\n0 decrement 2 -> ok\n1 read -> 3");
}

#[test]
fn values_of_another_shape_are_no_empty_ones() {
    unknown("set", "read returns a list", "0 add 1 -> ok\n1 read -> 7");
    unknown("set-full", "read returns a list", "0 add 1 -> ok\n1 read -> 7");
    unknown(
        "or-map",
        "read returns a map from field to list of values",
        r#"0@1 put ["a",1] -> ok
        0@1 read -> {"a":1} at 10"#,
    );
    unknown("siblings", "put is invoked with [value [seen …]]", "0 put 3 -> ok\n0 read -> [3] at 10");
    unknown("total-queue", "drain returns a list", "0 enqueue 1 -> ok\n0 drain -> 5");
    unknown("kv-string", "get returns text or nil", "0 put \"a\" -> ok\n0 get -> 5");
    unknown("log", "poll returns a list of [offset value]", "0 send 1 -> 0\n1 poll -> [1,2,3]");
    unknown("bank", "read returns a map from account to balance", "0 transfer -> ok\n0 read -> 10");
    unknown(
        "lock-fencing",
        "write is invoked with an integer token",
        "0 acquire -> 1\n1 acquire -> 2\n0 write {} -> ok",
    );
    unknown("eventual-counter", "add is invoked with a 64-bit integer", "0 add \"2\" -> ok\n0 read -> 2 at 10");
    unknown("register", "an update that was refused ends `fail`", "0 write 1 -> false\n0 read -> 1");
}

#[test]
fn what_observed_nothing_is_no_evidence() {
    for model in ["register", "cas-register", "sequential-register"] {
        unknown(model, "nothing was observed", "");
        unknown(model, "nothing was observed", "0 write 1 -> ok");
        unknown(model, "nothing was observed", "0 write 1 -> ?\n1 read -> !\n2 read -> ?");
    }
    unknown("append-list", "nothing was observed", "0 append 1 -> ok");
    unknown("kv-string", "nothing was observed", "0 put \"a\" -> ok");
    unknown("multi-register", "nothing was observed", r#"0 txn [["write",1,2]] -> ok"#);
    unknown("multi-register", "nothing was observed", r#"0 txn [["read",1,null]] -> ?"#);
    expect("multi-register", Finding::Valid, r#"0 txn [["read",1,null]] -> [["read",1,null]]"#);
    expect("cas-register", Finding::Valid, "0 write 1 -> ok\n0 cas [1,2] -> ok");
    unknown("cas-register", "nothing was observed", "0 write 1 -> ok\n0 cas [2,2] -> !");
    expect("cas-register-compared", Finding::Valid, "0 write 1 -> ok\n0 cas [2,2] -> !");
    unknown("unique-ids", "no identifier", "0 generate -> ?");
}

#[test]
fn what_was_refused_did_not_happen() {
    let refused = "0 acquire -> true\n1 acquire -> false\n0 release -> true\n1 acquire -> true";
    for model in ["mutex", "owned-mutex", "fenced-lock", "lock-exclusion"] {
        expect(model, Finding::Valid, refused);
    }
    let granted = refused.replace("1 acquire -> false", "1 acquire -> true");
    for model in ["mutex", "owned-mutex", "lock-exclusion"] {
        expect(model, Finding::Invalid, &granted);
    }
    let full = "0 enqueue 1 -> true\n1 enqueue 2 -> false\n2 dequeue -> 1\n2 dequeue -> null";
    for model in ["fifo-queue", "unordered-queue", "total-queue", "queue"] {
        expect(model, Finding::Valid, full);
    }
    for model in ["fifo-queue", "unordered-queue", "total-queue"] {
        expect(model, Finding::Invalid, &full.replace("2 -> false", "2 -> true"));
    }
    // A value that is false itself.
    expect("fifo-queue", Finding::Valid, "0 enqueue false -> ok\n2 dequeue -> false");
}

#[test]
fn permits_and_tokens_are_read_or_refused() {
    unknown("semaphore:2", "one permit at a time", "0 acquire 2 -> ok\n0 release 2 -> ok");
    unknown("owned-semaphore:2", "one permit at a time", "0 acquire 2 -> ok\n0 release 2 -> ok");
    let within = r#"0 acquire {"client":"a"} -> {"client":"a","fence":5}
        0 release {"client":"a"} -> ok
        1 acquire {"client":"b"} -> {"client":"b","fence":5}"#;
    for model in ["lock-exclusion", "lock-fencing", "fenced-lock", "mutex"] {
        unknown(model, "acquire returns nil, true, false, an integer token", within);
    }
    expect(
        "lock-exclusion",
        Finding::Valid,
        r#"0 acquire {"client":"a"} -> ok
        0 release {"client":"a"} -> ok
        1 acquire {"client":"b"} -> ok"#,
    );
    expect("lock-exclusion", Finding::Invalid, "0 acquire -> 5\n0 release -> ok\n1 acquire -> 5");
}

#[test]
fn locks_are_held_until_a_release_that_may_have_happened() {
    let again = "0 acquire -> ok\n0 acquire -> ok\n0 release -> ok\n0 release -> ok\n1 acquire -> ok\n1 release -> ";
    expect("lock-exclusion", Finding::Valid, again);
    expect("lock-exclusion", Finding::Valid, "0 acquire -> 5\n0 acquire -> 5\n0 release -> ok\n1 acquire -> 6");
    expect("lock-exclusion", Finding::Invalid, "0 acquire -> ok\n0 acquire -> ok\n1 acquire -> ok");
    for (end, finding) in
        [("!", Finding::Invalid), ("false", Finding::Invalid), ("?", Finding::Valid), ("", Finding::Valid)]
    {
        expect("lock-exclusion", finding, &format!("0 acquire -> ok\n0 release -> {end}\n1 acquire -> ok"));
    }
}

#[test]
fn nil_that_was_written_deletes() {
    for (model, end) in [("eventual-register", ""), ("eventual-register", "?"), ("unordered-register", "")] {
        let deleted = format!("0@1 write 1 -> ok\n0@1 write null -> {end}\n2@1 read -> null at 10\n|1@2 read -> null");
        expect(model, Finding::Valid, &deleted);
    }
    expect("eventual-register", Finding::Invalid, "0@1 write null -> ok\n0@1 write 1 -> ok\n0@1 read -> null at 10");
    expect("eventual-register", Finding::Invalid, "0@1 write 1 -> ok\n0@1 read -> null at 10");
    expect("unordered-register", Finding::Invalid, "0@1 write 1 -> ok\n0@1 read -> null at 10");
}

#[test]
fn values_that_must_be_unique_are_asked_to_be() {
    unknown(
        "siblings",
        "value 1 was put twice",
        "0@1 put [1,[]] -> ok\n0@1 put [2,[1]] -> ok\n0@1 put [1,[2]] -> ok
        0@1 read -> [1] at 10\n1@2 read -> [1] at 11",
    );
    unknown(
        "siblings",
        "value 1 was put twice",
        "0@1 put [1,[]] -> ok\n|1@2 put [1,[]] -> ok\n0@1 put [2,[1]] -> ok
        0@1 read -> [1,2] at 10\n1@2 read -> [1,2] at 11",
    );
    unknown(
        "or-map",
        "was put twice",
        r#"0@1 put ["a",1] -> ok
        |1@2 put ["a",1] -> ok
        0@1 read -> {"a":[1,1]} at 10
        1@2 read -> {"a":[1,1]} at 11"#,
    );
    unknown(
        "text",
        "element 1 was inserted twice",
        "0@1 insert [1,null] -> ok\n0@1 insert [2,1] -> ok\n1@2 insert [1,2] -> ?
        0@1 read -> [1,2] at 10\n1@2 read -> [1,2] at 11",
    );
    // One that failed put nothing.
    expect(
        "siblings",
        Finding::Valid,
        "0@1 put [1,[]] -> !\n0@1 put [1,[]] -> ok\n0@1 read -> [1] at 10\n1@2 read -> [1] at 11",
    );
}

#[test]
fn what_is_not_there_yet_cannot_be_deleted() {
    expect(
        "text",
        Finding::Valid,
        "1@2 delete 5 -> ok\n0@1 insert [5,null] -> ok\n0@1 read -> [5] at 10\n1@2 read -> [5] at 11",
    );
    // While it is inserted, both is right, but all must agree.
    for read in ["[5]", "[]"] {
        let both = format!(
            "0@1 insert [5,null] -> ok\n|1@2 delete 5 -> ok\n0@1 read -> {read} at 10\n1@2 read -> {read} at 11"
        );
        expect("text", Finding::Valid, &both);
    }
    let after = "0@1 insert [5,null] -> ok\n1@2 delete 5 -> ok\n0@1 read -> [5] at 10\n1@2 read -> [5] at 11";
    expect("text", Finding::Invalid, after);
}

#[test]
fn settled_reads_agree() {
    let disagree = |model: &str, lines: &str| {
        let judgement = expect(model, Finding::Invalid, lines);
        assert_eq!(judgement.anomalies[0].name, "replicas disagree", "{judgement:#?}");
    };
    for model in ["eventual-register", "unordered-register"] {
        let writes = "0@1 write 1 -> ok\n|1@2 write 2 -> ok\n";
        disagree(model, &format!("{writes}0@1 read -> 1 at 10\n1@2 read -> 2 at 11"));
        // One node that changes its mind.
        disagree(model, &format!("{writes}0@1 read -> 1 at 10\n0@1 read -> 2 at 11\n0@1 read -> 1 at 12"));
        expect(model, Finding::Valid, &format!("{writes}0@1 read -> 1 at 10\n1@2 read -> 1 at 11"));
    }
    disagree("eventual-counter", "0@1 add 2 -> ok\n1@2 add 5 -> ?\n2@1 read -> 2 at 10\n3@2 read -> 7 at 11");
    disagree("eventual-counter", "0@1 add 2 -> ok\n1@2 add -5 -> ?\n2@1 read -> 2 at 10\n2@1 read -> -3 at 11");
    for model in ["or-set", "lww-set"] {
        let concurrent = "0@1 add 1 -> ok\n|1@2 remove 1 -> ok\n";
        disagree(model, &format!("{concurrent}0@1 read -> [1] at 10\n1@2 read -> [] at 11"));
    }
    disagree(
        "or-map",
        r#"0@1 put ["a",1] -> ok
        |1@2 remove "a" -> ok
        0@1 read -> {"a":[1]} at 10
        1@2 read -> {} at 11"#,
    );
    // Before the bound has passed they need not.
    expect(
        "eventual-register",
        Finding::Valid,
        "0@1 write 1 -> ok\n|1@2 write 2 -> ok\n0@1 read -> 1 at 3\n1@2 read -> 2 at 4
        0@1 read -> 2 at 10\n1@2 read -> 2 at 11",
    );
}

#[test]
fn nothing_is_promised_of_replicas_without_a_word() {
    let own = "0 add 1 -> ok\n0 read -> [] at 2\n0 read -> [1] at 10\n1 read -> [1] at 11";
    expect("eventual-set", Finding::Valid, own);
    expect("eventual-counter", Finding::Valid, &own.replace("[]", "0").replace("[1]", "1"));
    let causal = "0@1 add 1 -> ok\n0@1 add 2 -> ok\n1@2 read -> [2] at 2\n1@2 read -> [2] at 3\n1@2 read -> [1,2] at 10
        0@1 read -> [1,2] at 11";
    expect("eventual-set", Finding::Valid, causal);
    let under = |promise, lines: &str| {
        let demand = EventualDemand { promise, ..EventualDemand::DEFAULT };
        let checker = Checkers::included().find("eventual-set").expect("a model");
        checker.check_under(&history(lines), &demand, &Budget::default()).finding
    };
    // A replica that is known keeps its promise; a client's process is none.
    assert_eq!(under(Level::REPLICA, causal), Finding::Invalid);
    assert_eq!(under(Level::REPLICA, &causal.replace("@1", "").replace("@2", "")), Finding::Valid);
    assert_eq!(under(Level::REPLICA, own), Finding::Valid);
    // But it is a session.
    assert_eq!(under(Level::SESSION, own), Finding::Invalid);
    assert_eq!(under(Level::CAUSAL, own), Finding::Invalid);
}

#[test]
fn logs_allow_for_copies_and_for_polls_of_unknown_outcome() {
    let twice = "0 send \"a\" -> 0\n0 send \"a\" -> 1\n1 poll -> [[0,\"a\"],[1,\"a\"]]";
    expect("log", Finding::Valid, twice);
    expect("log", Finding::Invalid, &twice.replace("[1,\"a\"]]", "[1,\"a\"],[2,\"a\"]]"));
    expect("log", Finding::Invalid, "0 send \"a\" -> 0\n1 poll -> [[0,\"a\"],[1,\"a\"]]");
    let passed = |unknown: &str, subscribe: &str| {
        format!("{subscribe}0 send 1 -> 0\n0 send 2 -> 1\n0 send 3 -> 2\n1 poll -> [[0,1]]\n{unknown}1 poll -> [[2,3]]")
    };
    let subscribe = "1 subscribe -> ok\n2 subscribe -> ok\n";
    expect("log", Finding::Invalid, &passed("", ""));
    expect("log", Finding::Invalid, &passed("", subscribe));
    expect("log", Finding::Unknown, &passed("2 poll -> ?\n", subscribe));
    // Who assigns partitions polls for itself: what another polled is no excuse, what it polled itself is.
    expect("log", Finding::Invalid, &passed("2 poll -> ?\n", ""));
    expect("log", Finding::Unknown, &passed("1 poll -> ?\n", ""));
}

#[test]
fn values_at_both_ends_of_what_is_numbered_are_told_apart() {
    // Nil and -1 are the first and the last of the numbers that values have in a history.
    let written = "0 write -1 -> ok\n0 write null -> ok\n1 read -> null";
    for model in ["register", "cas-register"] {
        expect(model, Finding::Valid, written);
        expect(model, Finding::Invalid, &written.replace("1 read -> null", "1 read -> -1"));
    }
}

#[test]
fn counters_beyond_64_bits_are_no_panic() {
    let most = i64::MAX;
    let lines = format!("0 add-fetch {most} -> ?\n1 fetch-add {most} -> {most}");
    assert_ne!(judge("fetch-and-add", &lines).finding, Finding::Valid);
}

#[test]
fn locks_may_be_acquired_again_and_permits_several_at_a_time() {
    let twice = "0 acquire -> ok\n0 acquire -> ok\n0 release -> ok\n0 release -> ok\n1 acquire -> ok\n1 release -> ok";
    expect("reentrant-mutex", Finding::Valid, twice);
    expect("owned-mutex", Finding::Invalid, twice);
    expect("reentrant-mutex", Finding::Invalid, &twice.replacen("0 release -> ok\n", "", 1));
    let several = "0 acquire 2 -> ok\n1 acquire 1 -> ok\n0 release 2 -> ok\n1 release 1 -> ok";
    expect("weighted-semaphore:3", Finding::Valid, several);
    expect("weighted-semaphore:2", Finding::Invalid, several);
}

#[test]
fn timestamps_rise_in_real_time() {
    expect("timestamps", Finding::Valid, "0 generate -> 1\n1 generate -> 2\n| 0 generate -> 4\n1 generate -> 5");
    expect("timestamps", Finding::Valid, "0 generate -> 2\n| 1 generate -> 1");
    expect("timestamps", Finding::Invalid, "1 generate -> 10\n2 generate -> 9");
    expect("timestamps", Finding::Invalid, "1 generate -> 10\n| 2 generate -> 10");
    expect("timestamps", Finding::Unknown, "1 generate -> ?");
}

#[test]
fn an_object_may_begin_with_a_value() {
    let with = |model: &str, initial: &str, lines: &str| {
        let checker = Checkers::included().find(model).expect("it is included");
        let initially = checker.initially.expect("its objects may begin with a value");
        let (history, ..) = with_initial(&history(lines), initially, &value(initial)).expect("the value fits");
        checker.check(&history, &Budget::default()).finding
    };
    let cas = "0 read -> 0\n1 cas [0,3] -> ok\n0 read -> 3";
    expect("cas-register", Finding::Invalid, cas);
    assert_eq!(with("cas-register", "0", cas), Finding::Valid);
    assert_eq!(with("cas-register", "1", cas), Finding::Invalid);
    let transaction = "0 txn [[\"r\",\"x\",null]] -> [[\"r\",\"x\",0]]";
    assert_eq!(with("multi-register", "{\"x\":0,\"y\":0}", transaction), Finding::Valid);
    assert_eq!(with("linearizable-counter", "7", "0 add 1 -> ok\n0 read -> 8"), Finding::Valid);
    let counter = Checkers::included().find("linearizable-counter").expect("it is included");
    let wrong = with_initial(&history(cas), counter.initially.expect("an integer"), &value("\"a\""));
    assert_eq!(wrong.unwrap_err().to_string(), "a counter begins with an integer");
}
