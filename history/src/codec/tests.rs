//! The file format: what is written comes back, and damage is never taken for truth.

use std::io::{self, Cursor, Read, Write};

use proptest::prelude::*;

use super::*;
use crate::samples::{cases, events, sample_events};
use crate::{Event, EventKind, Value};

fn written(events: &[Event], flush_every: usize) -> Vec<u8> {
    let mut writer = HistoryWriter::new(Vec::new()).expect("a vector takes everything");
    for (index, event) in events.iter().enumerate() {
        writer.push(event).expect("the event is of a sane size");
        if (index + 1) % flush_every == 0 {
            writer.flush().expect("a vector takes everything");
        }
    }
    writer.finish().expect("a vector takes everything")
}

/// All events up to the first error, and how it ended.
fn read(bytes: &[u8]) -> (Vec<Event>, Result<(), ReadError>) {
    let mut reader = HistoryReader::new(bytes);
    let mut events = Vec::new();
    while let Some(next) = reader.next() {
        match next {
            Ok(event) => events.push(event),
            Err(error) => {
                assert_eq!(reader.events_read(), events.len() as u64);
                assert!(reader.next().is_none(), "an error is the last item");
                assert!(!reader.is_complete());
                return (events, Err(error));
            }
        }
    }
    assert!(reader.is_complete());
    assert_eq!(reader.bytes_read(), bytes.len() as u64);
    (events, Ok(()))
}

#[test]
fn what_is_written_comes_back() {
    let events = sample_events();
    for flush_every in [1, 3, 1000] {
        let (back, end) = read(&written(&events, flush_every));
        assert_eq!(back, events);
        end.expect("the file is complete");
    }
    let (none, end) = read(&written(&[], 1));
    assert!(none.is_empty() && end.is_ok());
}

/// Frame borders of a file as (byte, events before it), the file header's end first.
fn borders(bytes: &[u8]) -> Vec<(usize, u64)> {
    let mut at = HEADER_BYTES;
    let mut borders = Vec::new();
    while at < bytes.len() {
        let header = bytes[at..at + frame::FRAME_HEADER_BYTES].try_into().expect("32 bytes");
        let header = frame::FrameHeader::decode(header).expect("written by the test");
        borders.push((at, header.before));
        at += frame::FRAME_HEADER_BYTES + header.stored as usize;
    }
    borders
}

#[test]
fn cut_at_any_byte_the_complete_frames_are_read() {
    let events = sample_events();
    let file = written(&events, 4);
    let borders = borders(&file);
    assert!(borders.len() > 3, "several frames");
    for length in 0..file.len() {
        let (back, end) = read(&file[..length]);
        let &(at, complete) = borders.iter().rev().find(|(at, _)| *at <= length).unwrap_or(&(0, 0));
        assert_eq!(back, events[..complete as usize], "cut at {length}");
        match end {
            Err(error @ ReadError::Truncated { at_byte, events_read }) => {
                assert_eq!((at_byte, events_read), (at as u64, complete), "cut at {length}");
                assert!(error.is_cut_short());
            }
            other => panic!("cut at {length}: {other:?}"),
        }
    }
}

#[test]
fn any_flipped_bit_is_noticed_and_no_false_event_is_read() {
    let events = sample_events();
    let file = written(&events, 4);
    let borders = borders(&file);
    let last = borders[borders.len() - 1].0;
    for at in 0..file.len() {
        let &(start, complete) = borders.iter().rev().find(|(border, _)| *border <= at).unwrap_or(&(0, 0));
        for bit in 0..8 {
            let mut damaged = file.clone();
            damaged[at] ^= 1 << bit;
            let (back, end) = read(&damaged);
            assert_eq!(back, events[..complete as usize], "byte {at} bit {bit}");
            match end.expect_err("damage is noticed") {
                ReadError::NotAHistory => assert!(at < 8),
                ReadError::Corrupt { at_byte, events_read, .. } => {
                    assert!((8..last).contains(&at), "byte {at}: more follows");
                    assert_eq!((at_byte, events_read), (start as u64, complete));
                }
                error @ ReadError::CorruptTail { .. } => {
                    assert!(at >= last, "byte {at}: nothing follows");
                    assert!(error.is_cut_short());
                }
                other => panic!("byte {at} bit {bit}: {other}"),
            }
        }
    }
}

#[test]
fn frames_lost_repeated_or_swapped_are_noticed() {
    let events = sample_events();
    let file = written(&events, 4);
    let at: Vec<usize> = borders(&file).iter().map(|(at, _)| *at).collect();
    let (first, second) = (&file[at[0]..at[1]], &file[at[1]..at[2]]);
    let lost = [&file[..at[0]], second, &file[at[2]..]].concat();
    let repeated = [&file[..at[1]], first, &file[at[1]..]].concat();
    let swapped = [&file[..at[0]], second, first, &file[at[2]..]].concat();
    let appended = [&file[..], first].concat();
    for (damaged, intact) in [(lost, 0), (repeated, 4), (swapped, 0), (appended, events.len())] {
        let (back, end) = read(&damaged);
        assert_eq!(back, events[..intact]);
        assert!(matches!(end, Err(ReadError::Corrupt { .. })), "{end:?}");
    }
}

#[test]
fn a_tail_of_zeros_or_noise_is_a_damaged_tail() {
    let events = sample_events();
    let file = written(&events, 4);
    let whole = borders(&file)[2];
    for tail in [vec![0; 5000], vec![0xa5; 200_000], vec![0; 32]] {
        let (back, end) = read(&[&file[..whole.0], &tail[..]].concat());
        assert_eq!(back, events[..whole.1 as usize]);
        assert!(matches!(end, Err(ReadError::CorruptTail { .. })), "{end:?}");
    }
}

#[test]
fn damage_is_in_the_middle_however_far_the_next_frame_is() {
    let events = sample_events();
    let file = written(&events, 4);
    let at = borders(&file)[1].0;
    for distance in [1usize, 31, 65_535, 65_536, 65_537, 65_567, 65_568, 200_001] {
        let noise = vec![0x17; distance];
        let (_, end) = read(&[&file[..at], &noise[..], &file[at..]].concat());
        assert!(matches!(end, Err(ReadError::Corrupt { .. })), "{distance}: {end:?}");
    }
}

#[test]
fn other_files_and_newer_versions_are_told_apart() {
    assert!(matches!(read(b"{\"process\":0}").1, Err(ReadError::NotAHistory)));
    assert!(matches!(read(b"").1, Err(ReadError::Truncated { at_byte: 0, events_read: 0 })));
    let mut newer = header().to_vec();
    newer[8] = 2;
    let crc = crc32fast::hash(&newer[..12]);
    newer[12..].copy_from_slice(&crc.to_le_bytes());
    assert!(matches!(read(&newer).1, Err(ReadError::Newer { .. })));
    let mut frame = [0; 32];
    frame[..4].copy_from_slice(b"NOTE");
    let crc = crc32fast::hash(&frame[..28]);
    frame[28..].copy_from_slice(&crc.to_le_bytes());
    let error = read(&[&header()[..], &frame].concat()).1.expect_err("unknown frame");
    assert!(matches!(&error, ReadError::Newer { at_byte: 16, .. }) && error.to_string().contains("NOTE"), "{error}");
}

#[test]
fn the_layout_of_version_1_does_not_change() {
    // A file as version 1 wrote it: if this fails, old files are unreadable; a new layout needs a new version.
    let event = Event {
        time: 1234,
        process: 0,
        kind: EventKind::Invoke,
        f: "write".into(),
        key: Value::Int(0),
        value: Value::Int(3),
        node: None,
        error: None,
    };
    let mut raw = Vec::new();
    let mut columns = columns::ColumnWriter::default();
    columns.push(event.borrowed()).expect("a small event");
    columns.finish(&mut raw);
    let tables = [&[1, 5][..], b"write", &[0, 0, 0xd2, 0x09]].concat();
    let columns = [0, 0, 0, 0, 1, 1, 1, 13, 0, 0];
    let expected = [&tables[..], &columns].concat();
    assert_eq!(raw, expected);
    assert_eq!(header()[..12], *b"\x89RHIST\r\n\x01\0\0\0");
}

/// The example in `docs/formats.md`, byte for byte up to its compressed body, and the body byte for byte.
#[test]
fn the_documented_file_is_what_is_written() {
    let lines = r#"{"process":0,"type":"invoke","f":"write","key":0,"value":3,"time":1234}
{"process":1,"type":"invoke","f":"cas","key":0,"value":[3,4],"time":2000,"node":2}
{"process":0,"type":"ok","f":"write","key":0,"value":3,"time":5678}
{"process":1,"type":"info","f":"cas","key":0,"value":[3,4],"time":1005678,"node":2,"error":"timeout"}"#;
    let mut columns = columns::ColumnWriter::default();
    let sink = &mut |event: crate::EventRef<'_>| {
        columns.push(event).expect("a small event");
        Ok(())
    };
    crate::formats::read_events(lines.as_bytes(), crate::formats::ReadOptions::default(), sink).expect("it is right");
    let mut body = Vec::new();
    columns.finish(&mut body);
    let expected = [
        &b"\x02\x05write\x03cas\x01\x07timeout\x01\x0c\x02\x0d\x11\xd2\x09\x00\x04\x01\x0f"[..],
        b"\x01\x00\x01\x00\x01\x01\x00\x01\x00\x01\x03\x00\xfc\xbc\x80\x00\x05\x1c\x84\x00\x00\x00\x1e",
        b"\x01\x01\x01\x01\x01\x01\x0d\x02\x0d\x02\x01\x02\x02\x00",
    ]
    .concat();
    assert_eq!(body, expected);
    assert_eq!(header(), *b"\x89RHIST\r\n\x01\x00\x00\x00\x68\x50\x94\x1b");
}

#[test]
fn too_deep_and_too_large_values_are_refused_and_the_writer_goes_on() {
    let mut events = sample_events();
    events.truncate(2);
    let mut deep = events[0].clone();
    for _ in 0..=crate::MAX_DEPTH {
        deep.value = Value::list([deep.value.clone()]);
    }
    let mut large = events[0].clone();
    large.value = Value::text(&"x".repeat(VALUE_MAX_BYTES + 1));
    let mut writer = HistoryWriter::new(Vec::new()).expect("a vector takes everything");
    writer.push(&events[0]).expect("a sane event");
    assert!(matches!(writer.push(&deep), Err(WriteError::TooDeep { event: 1 })));
    assert!(matches!(writer.push(&large), Err(WriteError::TooLarge { event: 1 })));
    writer.push(&events[1]).expect("a sane event");
    let (back, end) = read(&writer.finish().expect("a vector takes everything"));
    assert_eq!(back, events);
    end.expect("the file is complete");
}

/// A frame of this many events whose body is the column bytes given.
fn frame_of(events: u32, body: &[u8]) -> Vec<u8> {
    let stored = zstd::bulk::compress(body, 1).expect("it compresses");
    let header = frame::FrameHeader {
        kind: frame::FrameKind::Events,
        stored: stored.len() as u32,
        raw: body.len() as u32,
        events,
        before: 0,
        body_crc: crc32fast::hash(&stored),
    };
    [&header.encode()[..], &stored].concat()
}

#[test]
fn a_small_file_does_not_grow_to_exhaust_the_memory() {
    let refused = |bytes: &[u8], why: &str| {
        let error = read(bytes).1.expect_err("it is refused");
        assert!(error.to_string().contains(why), "{error}");
    };
    // No functions, errors and values, and time 0; kinds; columns without a plane: eight bytes of memory for each
    // event.
    let events = FRAME_MAX_EVENTS + 1;
    let body = [&[0; 4][..], &vec![0; events as usize], &[0; 7]].concat();
    refused(&[&header()[..], &frame_of(events, &body)].concat(), "larger than any");
    let values = [&[0, 0, 3][..], &[0; 100]].concat();
    refused(&[&header()[..], &frame_of(1, &values)].concat(), "more values than its events");
    // Texts of one letter.
    let mut writer = HistoryWriter::new(Vec::new()).expect("a vector takes everything");
    for length in 0..6 {
        let value = Value::Text("a".repeat((12 << 20) + length).into());
        writer.push(&Event { value, ..sample_events()[0].clone() }).expect("the event is of a sane size");
    }
    refused(&writer.finish().expect("a vector takes everything"), "far more");
}

#[test]
fn a_dropped_writer_leaves_its_events_but_no_end() {
    let events = sample_events();
    let mut file = Vec::new();
    {
        let mut writer = HistoryWriter::new(&mut file).expect("a vector takes everything");
        for event in &events {
            writer.push(event).expect("a sane event");
        }
    }
    let (back, end) = read(&file);
    assert_eq!(back, events);
    assert!(matches!(end, Err(ReadError::Truncated { .. })));
}

/// Fails every write after the first `left` bytes, like a full disk.
struct FullDisk {
    written: Vec<u8>,
    left: usize,
}

impl Write for &mut FullDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min(self.left);
        if length == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.written.extend_from_slice(&bytes[..length]);
        self.left -= length;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_reported_and_nothing_follows_the_torn_frame() {
    let events = sample_events();
    let whole = written(&events, 4).len();
    for space in HEADER_BYTES..whole {
        let mut disk = FullDisk { written: Vec::new(), left: space };
        let mut writer = HistoryWriter::new(&mut disk).expect("the header fits");
        let mut failed = false;
        for chunk in events.chunks(4) {
            for event in chunk {
                if let Err(error) = writer.push(event) {
                    assert!(failed && matches!(error, WriteError::Poisoned));
                }
            }
            if let Err(error) = writer.flush() {
                assert!(failed || matches!(error, WriteError::Io(_)));
                failed = true;
            }
        }
        assert!(writer.finish().is_err());
        assert_eq!(disk.written.len(), space, "nothing was written behind the torn frame");
        let (back, end) = read(&disk.written);
        assert_eq!(back, events[..back.len()]);
        assert!(end.expect_err("no end frame").is_cut_short());
    }
}

/// Hands out one byte at a time, as a slow pipe may.
struct Trickle<'a>(Cursor<&'a [u8]>);

impl Read for Trickle<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let one = bytes.len().min(1);
        self.0.read(&mut bytes[..one])
    }
}

#[test]
fn short_reads_are_put_together() {
    let events = sample_events();
    let file = written(&events, 4);
    let back: Result<Vec<Event>, _> = HistoryReader::new(Trickle(Cursor::new(&file))).collect();
    assert_eq!(back.expect("the file is complete"), events);
}

#[test]
fn large_histories_are_split_into_frames_of_their_target_size() {
    let mut writer = HistoryWriter::new(Vec::new()).expect("a vector takes everything");
    let sample = sample_events();
    for round in 0..20_000u64 {
        let mut event = sample[(round % 8) as usize].clone();
        event.time = round * 1000;
        event.value = Value::Int((round as i64).wrapping_mul(0x9e37_79b9_7f4a));
        writer.push(&event).expect("a sane event");
    }
    let file = writer.finish().expect("a vector takes everything");
    assert!(borders(&file).len() > 2);
    let (back, end) = read(&file);
    assert_eq!(back.len(), 20_000);
    assert_eq!(back[19_999].value, Value::Int(19_999i64.wrapping_mul(0x9e37_79b9_7f4a)));
    end.expect("the file is complete");
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn any_events_come_back(events in events(40), flush_every in 1usize..20) {
        let (back, end) = read(&written(&events, flush_every));
        prop_assert_eq!(back, events);
        prop_assert!(end.is_ok());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), valid_header: bool) {
        let mut file = if valid_header { header().to_vec() } else { Vec::new() };
        file.extend(bytes);
        prop_assert!(read(&file).1.is_err());
    }

    /// Checksums are right and the content is not: what a faulty writer would leave.
    #[test]
    fn arbitrary_columns_never_panic(
        events in events(10),
        edits in prop::collection::vec((any::<usize>(), any::<u8>()), 0..6),
        count in 0u32..12,
    ) {
        let mut raw = Vec::new();
        let mut columns = columns::ColumnWriter::default();
        for event in &events {
            columns.push(event.borrowed()).expect("small events");
        }
        columns.finish(&mut raw);
        for (at, byte) in edits {
            let at = at % raw.len();
            raw[at] = byte;
        }
        let stored = zstd::bulk::compress(&raw, 1).expect("zstd compresses anything");
        let header_of_frame = frame::FrameHeader {
            kind: frame::FrameKind::Events,
            stored: stored.len() as u32,
            raw: raw.len() as u32,
            events: count,
            before: 0,
            body_crc: crc32fast::hash(&stored),
        };
        let file = [&header()[..], &header_of_frame.encode(), &stored].concat();
        prop_assert!(read(&file).1.is_err(), "there is no end frame");
    }
}
