//! What one reader accepts, every writer writes and its reader reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rashomon_history::formats::{Format, ReadOptions, WriteOptions, convert, read_events};
use rashomon_history::Event;

fn events(bytes: &[u8]) -> Option<Vec<Event>> {
    let mut events = Vec::new();
    let sink = &mut |event: rashomon_history::EventRef<'_>| {
        events.push(event.to_event());
        Ok(())
    };
    let summary = read_events(bytes, ReadOptions::default(), sink).ok()?;
    (summary.cut_short.is_none() && !events.is_empty()).then_some(events)
}

fuzz_target!(|bytes: &[u8]| {
    let Some(before) = events(bytes) else { return };
    for format in [Format::Own, Format::JsonLines, Format::Edn] {
        let mut converted = Vec::new();
        let write = WriteOptions { format, independent: false };
        convert(bytes, ReadOptions::default(), &mut converted, write).expect("the formats hold any history");
        let after = events(&converted).expect("it was just written");
        // A completion without a key takes its invocation's where the format leaves nil keys out.
        assert_eq!(after.len(), before.len());
        for (after, before) in after.iter().zip(&before) {
            assert!(after == before || before.key.is_nil(), "{after:?} {before:?}");
        }
    }
});
