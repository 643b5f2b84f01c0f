//! Any bytes, in every format: no panic, no endless loop, no memory out of proportion.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rashomon_history::formats::{Format, ReadOptions, read_history};

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (format, independent, bytes) = input;
    let format = Format::ALL.get(usize::from(format) % (Format::ALL.len() + 1)).copied();
    let _ = read_history(bytes, ReadOptions { format, independent, ..ReadOptions::default() });
});
