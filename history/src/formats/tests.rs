//! Every format: what is written comes back, what is wrong is named with its place, and no bytes make it panic.

mod any_bytes;
mod edn;
mod log;
mod order;

use proptest::prelude::*;

use super::*;
use crate::samples::{cases, history, sample_events};
use crate::{Event, EventKind, Value};

/// The events of a text, or its error's message.
pub(super) fn read(text: &[u8]) -> Result<(Vec<Event>, Summary), String> {
    let mut events = Vec::new();
    let summary = read_events(text, ReadOptions::default(), &mut |event| {
        events.push(event.to_event());
        Ok(())
    });
    let summary = summary.map_err(|error| error.to_string())?;
    assert_eq!(summary.events, events.len() as u64);
    Ok((events, summary))
}

pub(super) fn message(text: &str) -> String {
    read(text.as_bytes()).expect_err("there is something wrong with it")
}

fn json(events: &[Event]) -> String {
    let mut writer = JsonWriter::new(Vec::new());
    for event in events {
        writer.push(event.borrowed()).expect("a vector takes everything");
    }
    String::from_utf8(writer.finish().expect("a vector takes everything")).expect("JSON is UTF-8")
}

#[test]
fn json_lines_are_read_as_documented() {
    let text = r#"{"process":0,"type":"invoke","f":"write","key":0,"value":3,"time":1234}
{"process":1,"type":"invoke","f":"cas","key":"k","value":[3,null],"time":1234,"node":2}

{"process":0,"type":"ok",    "f":"write","key":0,"value":3,"time":5678}
{"process":1,"type":"info","f":"cas","key":"k","value":[3,null],"time":5679,"node":"n2","error":"timeout: 1 s"}"#;
    let (events, summary) = read(text.as_bytes()).expect("it is right");
    assert_eq!(summary, Summary { events: 4, ..Summary::default() });
    assert_eq!(events[0].value, Value::Int(3));
    assert_eq!((events[1].node, events[3].node), (Some(2), Some(2)));
    assert_eq!(events[1].value, Value::pair(Value::Int(3), Value::Nil));
    assert_eq!((events[2].kind, events[2].time), (EventKind::Ok, 5678));
    assert_eq!(events[3].error.as_deref(), Some("timeout: 1 s"));
}

#[test]
fn the_json_written_is_the_documented_line() {
    let events = sample_events();
    let expected = r#"{"process":0,"type":"invoke","f":"write","key":7,"value":3,"time":0}
{"process":1,"type":"invoke","f":"read","key":7,"value":null,"time":1000,"node":3}
"#;
    assert_eq!(json(&events[..2]), expected);
}

#[test]
fn what_a_completion_leaves_out_is_its_invocations() {
    let text = r#"[{"process":4,"type":"invoke","value":[["append","x",1],["r","y",null]]},
{"process":4,"type":"fail"},
{"process":4,"type":"invoke","f":"write","key":"k","value":7},
{"process":4,"type":"info","error":["net",{"code":3}]}]"#;
    let (events, summary) = read(text.as_bytes()).expect("it is right");
    assert_eq!(summary, Summary { events: 4, ..Summary::default() });
    assert_eq!((&*events[0].f, &*events[1].f), ("txn", "txn"), "a list of micro-operations is a transaction");
    assert_eq!(events[0].value, events[1].value);
    assert_eq!((&*events[3].f, &events[3].key, &events[3].value), ("write", &Value::text("k"), &Value::Int(7)));
    assert_eq!(events[3].error.as_deref(), Some("[\"net\" {\"code\" 3}]"));
    assert_eq!(events.iter().map(|event| event.time).collect::<Vec<_>>(), [0, 1, 2, 3], "the position is the time");
}

#[test]
fn the_nemesis_and_unknown_keys_are_counted() {
    let text = r#"{"process":"nemesis","type":"info","f":"start","value":"all"}
{"process":0,"type":"invoke","f":"read","index":7,"op-index":1,"thread":"x","node":"zürich"}
{"process":0,"type":"ok","f":"read","value":{"0":100,"10":-1,"01":2,"x":true},"op-index":1}"#;
    let (events, summary) = read(text.as_bytes()).expect("it is right");
    assert_eq!((summary.events, summary.skipped), (2, 1));
    assert_eq!(summary.warnings.len(), 3, "{:?}", summary.warnings);
    assert!(summary.warnings[1].starts_with("`op-index` of 2 event(s)"), "{:?}", summary.warnings);
    let entry = |key, value| (key, value);
    let expected = Value::Map(
        [
            entry(Value::Int(0), Value::Int(100)),
            entry(Value::Int(10), Value::Int(-1)),
            entry(Value::text("01"), Value::Int(2)),
            entry(Value::text("x"), Value::Bool(true)),
        ]
        .into(),
    );
    assert_eq!(events[1].value, expected);
}

#[test]
fn json_mistakes_are_named_with_line_and_column() {
    let good = r#"{"process":0,"type":"invoke","f":"read"}"#;
    for (text, expected) in [
        ("{\"process\":0,}", "line 1, column 14: expected a key in quotes, found `}`"),
        (
            "{\"process\":-1}",
            "line 1, column 12: expected a process (a number from 0 to 4294967295, or \"nemesis\"), found `-`",
        ),
        (
            "{\"type\":\"done\"}",
            "line 1, column 9: expected a type (\"invoke\", \"ok\", \"fail\" or \"info\"), found \"done\"",
        ),
        ("{\"time\":1.5}", "line 1, column 9: expected a time in whole nanoseconds, found `1`"),
        ("{\"value\":[1 2]}", "line 1, column 13: expected `,` or `]` after an element, found `2`"),
        ("{\"value\":01}", "line 1, column 10: a number may not begin with 0"),
        (
            "{\"value\":\"é\n\"}",
            "line 1, column 12: expected `\"` at the end of a text (control characters are escaped), found `\\n`",
        ),
        ("{\"value\":\"\\x\"}", "line 1, column 12: expected one of `\"\\/bfnrtu` after a backslash, found `x`"),
        ("{\"value\":\"\\udc00\"}", "line 1, column 11: this is half of a character"),
        ("{\"value\":nil}", "line 1, column 10: expected a value, found `n`"),
        ("{\"value\":1e99999999999}", "line 1, column 10: this number's exponent is out of range"),
        ("{\"f\":\"a\",\"f\":\"b\"}", "line 1, column 10: `f` is given twice"),
        ("{\"type\":\"ok\",\"f\":\"a\"}", "line 1, column 1: this event has no process"),
        ("{\"process\":1,\"f\":\"a\"}", "line 1, column 1: this event has no type (invoke, ok, fail or info)"),
        (
            "{\"process\":1,\"type\":\"invoke\",\"value\":[1]}",
            "line 1, column 1: this event does not say what it does (f)",
        ),
        ("17", "line 1, column 1: expected an event as a JSON object (`{`), found `1`"),
    ] {
        let text = format!("{good}\n{text}");
        assert_eq!(message(&text), expected.replace("line 1", "line 2"), "{text}");
    }
    assert_eq!(
        message(&format!("[{good} {good}]")),
        "line 1, column 43: expected `,` or `]` after an event, found `{`"
    );
    assert_eq!(message(&format!("[{good}] x")), "line 1, column 44: expected nothing after the closing `]`, found `x`");
    let deep = format!("{{\"value\":{}}}", "[".repeat(200));
    assert!(message(&deep).ends_with("values nested more than 100 levels deep are not supported"));
}

#[test]
fn time_that_runs_backwards_is_refused_unless_an_index_orders_the_events() {
    let lines = |index: &str| {
        format!(
            "{{\"process\":0,\"type\":\"invoke\",\"f\":\"read\",\"time\":10{index}}}\n\
             {{\"process\":1,\"type\":\"invoke\",\"f\":\"read\",\"time\":7{index}}}"
        )
    };
    assert!(message(&lines("")).starts_with("line 2, column 1: time runs backwards: 7 ns is 3 ns before"));
    let (events, summary) = read(lines(",\"index\":1").as_bytes()).expect("the index orders it");
    assert_eq!(events[1].time, 10);
    assert_eq!(summary.warnings.len(), 1);
    assert!(summary.warnings[0].contains("by up to 3 ns"), "{:?}", summary.warnings);
}

#[test]
fn a_cut_text_is_read_up_to_its_cut_and_an_open_bracket_is_an_error() {
    let events = sample_events();
    for array in [false, true] {
        let lines = json(&events);
        let text = if array { format!("[{}]", lines.trim_end().replace('\n', ",\n")) } else { lines };
        for length in 3..text.len() {
            let cut = &text.as_bytes()[..length];
            let (back, summary) = read(cut).unwrap_or_else(|error| panic!("{error} at {length}"));
            assert_eq!(back, events[..back.len()]);
            let whole = !array && cut.ends_with(b"}\n") || cut.ends_with(b"}") && text.as_bytes()[length] == b'\n';
            assert_eq!(summary.cut_short.is_none(), whole && !array, "{}", text.split_at(length).0);
            if let Some(cut_short) = summary.cut_short {
                assert!(cut_short.at_byte <= length as u64);
            }
        }
    }
}

#[test]
fn what_is_no_history_is_refused_by_its_first_bytes() {
    assert_eq!(message(""), "the history is empty: not a single byte");
    assert!(message("<html>\n").contains("it begins with `<html>\\n`"));
    assert_eq!(detect(b"[]"), Some(Format::Json));
    assert_eq!(detect(b"\xef\xbb\xbf {\"process\":0}"), Some(Format::JsonLines));
    assert_eq!(detect(&MAGIC[..3]), Some(Format::Own));
}

#[test]
fn histories_that_are_none_are_refused_at_their_line() {
    let text = "{\"process\":0,\"type\":\"invoke\",\"f\":\"read\"}\n{\"process\":0,\"type\":\"invoke\",\"f\":\"read\"}";
    let error = read_history(text.as_bytes(), ReadOptions::default()).expect_err("two open operations");
    assert!(error.to_string().starts_with("line 2: "), "{error}");
}

#[test]
fn progress_reaches_the_whole_file() {
    let line = "{\"process\":0,\"type\":\"info\",\"f\":\"x\"}\n";
    let text = line.repeat(100_000);
    let mut reports = Vec::new();
    let mut progress = |bytes| reports.push(bytes);
    let options = ReadOptions { progress: Some(&mut progress), ..ReadOptions::default() };
    read_events(text.as_bytes(), options, &mut |_| Ok(())).expect("it is right");
    assert!(reports.len() > 2 && reports.is_sorted());
    assert_eq!(reports.last(), Some(&(text.len() as u64)));
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn any_history_survives_json(events in history(20)) {
        let (back, summary) = read(json(&events).as_bytes()).map_err(TestCaseError::fail)
            .or_else(|error| if events.is_empty() { Ok(Default::default()) } else { Err(error) })?;
        prop_assert_eq!(back, events);
        prop_assert_eq!(summary.cut_short, None);
    }

    /// Another reader agrees about what the JSON says.
    #[test]
    fn json_written_is_json(events in history(6)) {
        for line in json(&events).lines() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{}", line);
        }
    }

    #[test]
    fn damaged_json_never_panics(
        events in history(6),
        edits in prop::collection::vec((any::<usize>(), any::<u8>()), 1..5),
    ) {
        let mut text = json(&events).into_bytes();
        for (at, byte) in edits {
            let length = text.len();
            if length > 0 {
                text[at % length] = byte;
            }
        }
        let options = ReadOptions { format: Some(Format::Json), ..ReadOptions::default() };
        let _ = read_events(&text[..], options, &mut |_| Ok(()));
    }
}
