//! EDN, and the log lines that hold EDN values.

use proptest::prelude::*;

use super::{message, read};
use crate::formats::{EdnWriter, Format, ReadOptions, Summary, detect, read_events};
use crate::samples::{cases, history, sample_events, value};
use crate::{Event, EventKind, Value};

fn edn(events: &[Event], independent: bool) -> String {
    let mut writer = EdnWriter::new(Vec::new(), independent);
    for event in events {
        writer.push(event.borrowed()).expect("a vector takes everything");
    }
    String::from_utf8(writer.finish().expect("a vector takes everything")).expect("EDN is UTF-8")
}

/// The value of a single operation in EDN.
fn edn_value(text: &str) -> Result<Value, String> {
    let line = format!("{{:process 0, :type :invoke, :f :x, :value {text}}}");
    Ok(read(line.as_bytes())?.0.remove(0).value)
}

#[test]
fn jepsen_histories_are_read_as_documented() {
    let text = "\
; recorded by hand
{:type :invoke, :f :write, :value 3, :process 0, :time 1234, :index 0}
#jepsen.history.Op{:index 1, :time 1300, :type :invoke, :process 1, :f :cas, :value [3 nil]}
#_{:type :ok :process 0} {:type :info, :f :start, :value #object[a.b 0x1f \"x\"], :process :nemesis}
{:type :ok :f :write :value 3 :process 0 :time 1290 :index 2}
 {:type :info, :f :cas, :process 1, :time 5000, :index 3,
  :error [:timeout \"1 s\"], :exception #error{:via [{:at 1/2}]}, :node \"n2\"} ; the end";
    let (events, summary) = read(text.as_bytes()).expect("it is right");
    assert_eq!((summary.events, summary.skipped), (4, 1));
    assert_eq!(summary.warnings.len(), 2, "{:?}", summary.warnings);
    assert_eq!(events[1].value, Value::pair(Value::Int(3), Value::Nil));
    assert_eq!((events[2].time, events[3].time), (1300, 5000), "the order of the file is the order in real time");
    assert_eq!((events[3].kind, &events[3].value, events[3].node), (EventKind::Info, &events[1].value, Some(2)));
    assert_eq!(events[3].error.as_deref(), Some("[\"timeout\" \"1 s\"]"));
}

#[test]
fn one_collection_of_maps_is_the_same_as_maps_alone() {
    let maps = "{:process 0 :type :invoke :f :read}, {:process 0 :type :ok :f :read :value #{3 1 2}}";
    let alone = read(maps.as_bytes()).expect("it is right");
    assert_eq!(alone.0[1].value, Value::list([Value::Int(1), Value::Int(2), Value::Int(3)]), "sets are sorted");
    for text in [format!("[{maps}]"), format!(" (\n{maps} #_[1 2] ;\n)\n"), format!("[{maps},]; no more")] {
        assert_eq!(detect(text.as_bytes()), Some(Format::Edn));
        assert_eq!(read(text.as_bytes()).expect("it is right"), alone, "{text}");
    }
}

#[test]
fn every_kind_of_value_is_read() {
    let int = |number| Value::Int(number);
    for (text, expected) in [
        ("nil", Value::Nil),
        ("true", Value::Bool(true)),
        ("-7", int(-7)),
        ("+7", int(7)),
        ("0", int(0)),
        ("7N", int(7)),
        ("9223372036854775807", int(i64::MAX)),
        ("9223372036854775808", Value::Number("9223372036854775808".into())),
        ("-123456789012345678901234567890N", Value::Number("-123456789012345678901234567890".into())),
        ("1.50M", Value::Number("1.5".into())),
        ("-1e3", Value::Number("-1000.0".into())),
        (":append", Value::text("append")),
        (":a.b/c-d?", Value::text("a.b/c-d?")),
        ("sym-bol", Value::text("sym-bol")),
        ("-", Value::text("-")),
        ("\"a \\\"b\\\"\\n\\\\ \\u00e9 \\ud83e\\udd80 é\n\"", Value::text("a \"b\"\n\\ é 🦀 é\n")),
        ("\"\"", Value::text("")),
        ("\\a", Value::text("a")),
        ("\\newline", Value::text("\n")),
        ("\\u00e9", Value::text("é")),
        ("\\é", Value::text("é")),
        ("[\\] \\[]", Value::pair(Value::text("]"), Value::text("["))),
        ("[]", Value::list([])),
        ("(1)", Value::list([int(1)])),
        ("[1,2 , 3]", Value::list([int(1), int(2), int(3)])),
        ("[1 #_2 #_#_3 4 5]", Value::pair(int(1), int(5))),
        ("{}", Value::Map([].into())),
        ("{0 100, :k [1]}", Value::Map([(int(0), int(100)), (Value::text("k"), Value::list([int(1)]))].into())),
        ("#{}", Value::list([])),
        ("#uuid \"f81d4fae\"", Value::text("f81d4fae")),
    ] {
        assert_eq!(edn_value(text), Ok(expected), "{text}");
    }
}

#[test]
fn edn_mistakes_are_named_with_line_and_column() {
    for (text, expected) in [
        ("1/2", "the ratio `1/2`: a history holds integers and decimals only"),
        ("007", "a number may not begin with 0 (EDN has no octal numbers)"),
        ("0x1f", "expected a number, found `0x1f`"),
        ("2r101", "expected a number, found `2r101`"),
        ("1.5e99999999999", "expected a number, found `1.5e99999999999`"),
        ("##Inf", "`##Inf`: a history holds integers and decimals only"),
        ("#my.app/Money{:cents 3}", "`#my.app/Money`: this reader does not know the tag"),
        ("#{1 1}", "an element is given twice in this set"),
        ("{1 2, 1 3}", "a key is given twice in this map"),
        ("\\nwline", "`\\nwline` is no character"),
        ("\\ud800", "`\\ud800` is no character"),
        ("^{:a 1} [1]", "reader macros and metadata are Clojure, not EDN"),
        ("'a", "reader macros and metadata are Clojure, not EDN"),
    ] {
        assert_eq!(edn_value(text), Err(format!("line 1, column 43: {expected}")), "{text}");
        assert!(edn_value(&format!("[1 {text}]")).is_err(), "inside a vector: {text}");
    }
    for (text, expected) in [
        ("::a", "column 43: expected a keyword (as `:name` or `:space/name`), found `:`"),
        ("{1}", "column 45: expected a value for the last key of this map, found `}`"),
        ("[1 }", "column 46: expected a value, found `}`"),
        ("\"\\x\"", "column 45: expected one of `\"\\bfnrtu` after a backslash, found `x`"),
        ("#\"re\"", "column 44: expected a set or a tag after `#`, found `\"`"),
    ] {
        assert_eq!(edn_value(text), Err(format!("line 1, {expected}")), "{text}");
    }
    let good = "{:process 0 :type :invoke :f :x}";
    for (text, expected) in [
        (
            "{:process -1}",
            "line 2, column 11: expected a process (a number from 0 to 4294967295, or :nemesis), found `-`",
        ),
        (
            "{:process :x}",
            "line 2, column 11: expected a process (a number from 0 to 4294967295, or :nemesis), found `:`",
        ),
        ("{:type :done}", "line 2, column 8: expected a type (:invoke, :ok, :fail or :info), found `:done`"),
        ("{:time 1.5}", "line 2, column 8: expected a time in whole nanoseconds, found `1`"),
        ("{:f :a :f :b}", "line 2, column 8: `:f` is given twice"),
        ("{:f 7}", "line 2, column 5: expected a keyword or text as the function (:f), found `7`"),
        ("{:process 1 :f :a}", "line 2, column 1: this event has no type (invoke, ok, fail or info)"),
        ("{process 1}", "line 2, column 2: expected a keyword, or `}` at the end of an operation, found `p`"),
        ("#my.Op{:f :a}", "line 2, column 1: expected an operation as a map (`{` or `#jepsen.history.Op{`), found `#`"),
        ("7", "line 2, column 1: expected an operation as a map (`{`), found `7`"),
    ] {
        assert_eq!(message(&format!("{good}\n{text}\n")), expected, "{text}");
    }
    assert_eq!(
        message(&format!("[{good}] {good}")),
        "line 1, column 36: expected nothing after the collection of operations, found `{`"
    );
    assert!(edn_value(&"[".repeat(150)).is_err_and(|error| error.contains("100 levels")));
    let open = format!("{good}\n{{:process 1 :type :invoke :f :x :value [1 2}}\n{good}\n");
    assert!(message(&open).starts_with("line 2"), "{}", message(&open));
    let open = format!("{good}\n{{:process 1 :type :invoke :f :x :value \"x}}\n{good}\n");
    assert_eq!(
        message(&open),
        "line 2, column 1: a bracket or quote that opens here, or in this event, is never closed"
    );
}

#[test]
fn independent_tuples_are_taken_apart_on_request_or_by_their_tag() {
    let options = || ReadOptions { independent: true, ..ReadOptions::default() };
    let collect = |text: &str| {
        let mut events = Vec::new();
        let sink = &mut |event: crate::EventRef<'_>| {
            events.push((event.key.clone(), event.value.clone()));
            Ok(())
        };
        read_events(text.as_bytes(), options(), sink).map(|_| events).map_err(|error| error.to_string())
    };
    let text = "{:process 0 :type :invoke :f :read :value [:x nil]}{:process 0 :type :ok :f :read :value [:x 3]}
                {:process 0 :type :invoke :f :write :value [:y 4]}{:process 0 :type :info :f :write :value nil}";
    let (x, y) = (Value::text("x"), Value::text("y"));
    let expected =
        [(x.clone(), Value::Nil), (x.clone(), Value::Int(3)), (y.clone(), Value::Int(4)), (y.clone(), Value::Int(4))];
    assert_eq!(collect(text).as_deref(), Ok(&expected[..]));
    let bad = "{:process 0 :type :invoke :f :read :value nil}";
    assert!(collect(bad).is_err_and(|error| error.starts_with("line 1, column 1: the value of this event is no pair")));
    let tagged = "{:process 0 :type :invoke :f :read :value #jepsen.independent/tuple [:x nil]}";
    let (events, _) = read(tagged.as_bytes()).expect("the tag is known");
    assert_eq!((&events[0].key, &events[0].value), (&x, &Value::Nil));
    let events = sample_events();
    let sink = &mut |event: crate::EventRef<'_>| {
        let at = events.iter().position(|sample| sample.borrowed() == event);
        assert!(at.is_some(), "{event:?}");
        Ok(())
    };
    let keyed: Vec<Event> = events.iter().filter(|event| !event.key.is_nil()).cloned().collect();
    read_events(edn(&keyed, true).as_bytes(), options(), sink).expect("it was just written");
}

#[test]
fn a_cut_text_is_read_up_to_its_cut() {
    let events = sample_events();
    let lines = edn(&events, false);
    for text in [format!("[{lines}]"), lines] {
        for length in 3..text.len() {
            let cut = &text.as_bytes()[..length];
            let (back, summary) = read(cut).unwrap_or_else(|error| panic!("{error} at {length}"));
            assert_eq!(back, events[..back.len()], "at {length}");
            let whole = !text.starts_with('[') && back.len() == lines_in(&text[..floor(&text, length)]);
            assert_eq!(summary.cut_short.is_none(), whole, "{:?}", String::from_utf8_lossy(cut));
        }
    }
}

/// How many maps the text has, complete or not.
fn lines_in(text: &str) -> usize {
    text.lines().count()
}

/// The last character border at or before a byte.
fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[test]
fn log_lines_are_read_as_documented() {
    let text = "\
INFO  jepsen.core - Worker 0 starting
INFO  jepsen.util - 0\t:invoke\t:cas\t[1 2]
2024-01-01 12:00:00,000{GMT}\tINFO\t[jepsen worker 1] jepsen.util: 1\t:invoke\t:read\tnil

INFO  jepsen.util - :nemesis\t:info\t:start\t#object[x]
INFO  jepsen.util - 0\t:info\t:cas\t:timed-out
1   :fail  :read  nil  [:net \"reset\"]
INFO  jepsen.util - 2\t:invoke\t:write\t3";
    let (events, summary) = read(text.as_bytes()).expect("it is right");
    assert_eq!((summary.events, summary.skipped), (5, 2));
    assert_eq!(summary.warnings.len(), 1, "{:?}", summary.warnings);
    assert!(summary.warnings[0].contains("no line break"));
    assert_eq!((&events[2].value, events[2].error.as_deref()), (&events[0].value, Some("timed-out")));
    assert_eq!((&events[3].value, events[3].error.as_deref()), (&Value::Nil, Some("[\"net\" \"reset\"]")));
    assert_eq!(events[4].value, Value::Int(3));
    assert_eq!(events.iter().map(|event| event.time).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
}

#[test]
fn log_mistakes_are_named_with_line_and_column() {
    let good = "INFO  jepsen.util - 0\t:invoke\t:read\tnil\n";
    for (line, expected) in [
        (
            "INFO  jepsen.util - 0\t:done\t:read\tnil",
            "line 2, column 23: expected a type (:invoke, :ok, :fail or :info), found `:`",
        ),
        ("INFO  jepsen.util - 0\t:ok\tread\tnil", "line 2, column 26: expected a function as a keyword, found `\\t`"),
        ("INFO  jepsen.util - 0\t:ok\t:read\t1 2 3", "line 2, column 37: expected the end of the line, found `3`"),
        (
            "INFO  jepsen.util - 0\t:ok\t:read\t1/2",
            "line 2, column 33: the ratio `1/2`: a history holds integers and decimals only",
        ),
        ("INFO  jepsen.util - 0\t:ok\t:read\t[1", "line 2, column 35: the line ends too early"),
    ] {
        let found = message(&format!("{good}{line}\n{good}"));
        assert_eq!(found.split(", found").next(), expected.split(", found").next(), "{line}");
    }
    let cut = format!("{good}INFO  jepsen.util - 0\t:ok\t:re");
    let (events, summary) = read(cut.as_bytes()).expect("a cut is no mistake");
    assert_eq!(events.len(), 1);
    assert!(summary.cut_short.is_some_and(|cut_short| cut_short.what.contains("line 2")));
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn any_history_survives_edn(events in history(20)) {
        prop_assume!(!events.is_empty());
        let (back, summary) = read(edn(&events, false).as_bytes()).map_err(TestCaseError::fail)?;
        prop_assert_eq!(back, events);
        prop_assert_eq!(summary.cut_short, None);
    }

    #[test]
    fn any_value_survives_edn(value in value()) {
        let event = Event { f: "x".into(), value, ..sample_events().remove(0) };
        let (back, _) = read(edn(std::slice::from_ref(&event), false).as_bytes()).map_err(TestCaseError::fail)?;
        prop_assert_eq!(&back[0].value, &event.value);
    }

    /// White space, comments and discarded forms between tokens change nothing.
    #[test]
    fn noise_between_tokens_changes_nothing(events in history(6), noise in prop::collection::vec(0usize..6, 1..40)) {
        prop_assume!(!events.is_empty());
        let noises = [" ", ",", "\n", " ; {:type :ok}\n", " #_[:x {\"}\" 1}] ", " #_ #_ 1 \\} "];
        let text = edn(&events, false);
        let mut noisy = String::new();
        let mut quoted = false;
        let mut escaped = false;
        for (at, character) in text.char_indices() {
            quoted ^= character == '"' && !escaped;
            escaped = character == '\\' && !escaped;
            noisy.push(character);
            if character == ' ' && !quoted {
                noisy.push_str(noises[noise[at % noise.len()]]);
            }
        }
        let (back, summary) = read(noisy.as_bytes()).map_err(TestCaseError::fail)?;
        prop_assert_eq!(back, events);
        // Processes that continue after `info`, and equal times, are remarked on.
        let expected = Summary { events: back_len(&text), warnings: summary.warnings.clone(), ..Summary::default() };
        prop_assert_eq!(summary, expected);
    }
}

fn back_len(text: &str) -> u64 {
    text.lines().count() as u64
}
