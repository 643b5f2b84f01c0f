//! No bytes make a reader panic, and no reader takes what it reads for more than it is.

use proptest::prelude::*;

use crate::formats::{Format, ReadOptions, WriteOptions, convert, read_events};
use crate::samples::{cases, history};
use crate::{Event, HistoryWriter};

/// Reads the bytes in every format; panics are what this looks for.
fn read_in_every_format(bytes: &[u8]) {
    for format in Format::ALL.map(Some).into_iter().chain([None]) {
        for independent in [false, true] {
            let mut events = 0;
            let options = ReadOptions { format, independent, ..ReadOptions::default() };
            let result = read_events(bytes, options, &mut |_| {
                events += 1;
                Ok(())
            });
            match result {
                Ok(summary) => assert_eq!(summary.events, events),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
}

fn in_format(events: &[Event], format: Format) -> Vec<u8> {
    let mut writer = HistoryWriter::new(Vec::new()).expect("a vector takes everything");
    for event in events {
        writer.push(event).expect("a sane event");
    }
    let own = writer.finish().expect("a vector takes everything");
    let mut out = Vec::new();
    let write = WriteOptions { format, independent: false };
    convert(&own[..], ReadOptions::default(), &mut out, write).expect("the formats hold any history");
    out
}

/// Pieces of all text formats, to get past the first bytes.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "#{",
    "#_",
    "#",
    "##",
    ":",
    ",",
    ";",
    "\"",
    "\\",
    "\\u",
    "\\ud800",
    "^",
    "'",
    " ",
    "\n",
    "\t",
    "0",
    "-",
    "7",
    "1/2",
    "1e5",
    "9999999999999999999",
    "1.5M",
    "N",
    "nil",
    "null",
    "true",
    "\u{e9}",
    "\u{1f980}",
    "\u{feff}",
    ":process ",
    ":process 0 ",
    ":type :invoke ",
    ":type :ok ",
    ":f :x ",
    ":value ",
    ":key ",
    ":time ",
    ":index 1 ",
    ":nemesis",
    "\"process\":",
    "\"process\":0,",
    "\"type\":\"invoke\",",
    "\"type\":\"ok\",",
    "\"f\":\"x\",",
    "\"value\":",
    "\"$map\":",
    "\"time\":",
    "INFO  jepsen.util - ",
    "0\t:invoke\t:read\tnil\n",
    "jepsen.util: ",
    "#jepsen.history.Op",
    "#jepsen.independent/tuple ",
];

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_in_every_format(&bytes);
    }

    #[test]
    fn arbitrary_pieces(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        read_in_every_format(pieces.concat().as_bytes());
    }

    #[test]
    fn damaged_histories(
        events in history(5),
        edits in prop::collection::vec((any::<usize>(), any::<u8>(), 0..3u8), 1..5),
    ) {
        for format in [Format::Own, Format::JsonLines, Format::Edn] {
            let mut bytes = in_format(&events, format);
            for &(at, byte, edit) in &edits {
                if bytes.is_empty() {
                    break;
                }
                let at = at % bytes.len();
                match edit {
                    0 => bytes[at] = byte,
                    1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, byte),
                }
            }
            read_in_every_format(&bytes);
        }
    }

    /// Through every format and back.
    #[test]
    fn conversion_loses_nothing(events in history(12)) {
        prop_assume!(!events.is_empty());
        for format in [Format::Own, Format::JsonLines, Format::Edn] {
            let there = in_format(&events, format);
            let mut back = Vec::new();
            let summary = read_events(&there[..], ReadOptions::default(), &mut |event| {
                back.push(event.to_event());
                Ok(())
            });
            let whole = summary.is_ok_and(|summary| {
                // Any history may have these.
                let remarks = ["time(s) a process continued", "time(s) an invocation and a completion have"];
                let expected = |warning: &String| remarks.iter().any(|remark| warning.contains(remark));
                summary.warnings.iter().all(expected) && summary.cut_short.is_none()
            });
            prop_assert!(whole);
            prop_assert_eq!(&back, &events);
        }
    }
}

#[test]
fn a_cut_input_converts_to_a_file_without_an_end() {
    let events = crate::samples::sample_events();
    let whole = in_format(&events, Format::JsonLines);
    let mut out = Vec::new();
    let write = WriteOptions { format: Format::Own, independent: false };
    let cut = &whole[..whole.len() - 9];
    let summary = convert(cut, ReadOptions::default(), &mut out, write).expect("a cut is no error");
    assert!(summary.cut_short.is_some());
    let summary = read_events(&out[..], ReadOptions::default(), &mut |_| Ok(())).expect("it was just written");
    assert_eq!(summary.events, events.len() as u64 - 1);
    assert!(summary.cut_short.is_some(), "what is missing stays missing");
    for format in [Format::Json, Format::Log] {
        let write = WriteOptions { format, independent: false };
        let error = convert(cut, ReadOptions::default(), &mut Vec::new(), write).expect_err("it is only read");
        assert!(error.to_string().contains("write rhist, jsonl or edn"), "{error}");
    }
}
