//! A window that slides over an input, and where in the text it stands.

use std::io::{self, Read};

/// How much is read at once, and the smallest window.
const CHUNK_BYTES: usize = 256 << 10;

/// No single record may be larger: an opening bracket that is never closed must not swallow the file.
pub(super) const RECORD_MAX_BYTES: usize = 256 << 20;

/// A place in a text: line and column count from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: u64,
    /// The character in that line, from 1.
    pub column: u64,
    /// The byte in the file, from 0.
    pub byte: u64,
}

/// The text read so far and not yet taken.
///
/// A parser looks at [`Source::text`]; where that ends too early it asks for [`Source::more`] and begins its record
/// again. The window doubles each time, so a record of any size is scanned at most about twice.
pub(super) struct Source<R> {
    input: R,
    buffer: Vec<u8>,
    /// What was taken of `buffer`.
    start: usize,
    /// What was filled of `buffer`.
    end: usize,
    at_end: bool,
    /// Where `buffer` begins in the file.
    base: Position,
}

impl<R: Read> Source<R> {
    pub(super) fn new(input: R) -> Source<R> {
        let base = Position { line: 1, column: 1, byte: 0 };
        Source { input, buffer: Vec::new(), start: 0, end: 0, at_end: false, base }
    }

    /// What is there and not yet taken.
    pub(super) fn text(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// True when nothing follows [`Source::text`].
    pub(super) fn at_end(&self) -> bool {
        self.at_end
    }

    /// Takes the first `length` bytes.
    pub(super) fn take(&mut self, length: usize) {
        self.start += length;
    }

    /// How many bytes were taken since the file began.
    pub(super) fn taken(&self) -> u64 {
        self.base.byte + self.start as u64
    }

    /// Reads on. False when the input has ended, or the window is as large as it may become.
    pub(super) fn more(&mut self) -> io::Result<bool> {
        if self.at_end || self.end - self.start >= RECORD_MAX_BYTES {
            return Ok(false);
        }
        self.base = self.position(0);
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let wanted = (self.end * 2).max(CHUNK_BYTES);
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        while self.end < self.buffer.len() {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.at_end = true;
                    break;
                }
                Ok(more) => self.end += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// The position of byte `at` of [`Source::text`].
    pub(super) fn position(&self, at: usize) -> Position {
        let before = &self.buffer[..(self.start + at).min(self.end)];
        let characters = |bytes: &[u8]| count(bytes, |byte| byte & 0xc0 != 0x80);
        let byte = self.base.byte + before.len() as u64;
        match before.iter().rposition(|&byte| byte == b'\n') {
            None => Position { line: self.base.line, column: self.base.column + characters(before), byte },
            Some(last) => {
                let lines = count(before, |byte| byte == b'\n');
                Position { line: self.base.line + lines, column: 1 + characters(&before[last + 1..]), byte }
            }
        }
    }
}

/// How many bytes are of a kind. Counts in bytes first, which the compiler turns into vector instructions.
fn count(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> u64 {
    let chunk = |chunk: &[u8]| chunk.iter().fold(0u8, |sum, &byte| sum + u8::from(wanted(byte)));
    bytes.chunks(192).map(|bytes| u64::from(chunk(bytes))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_across_windows() {
        let text = "ab\ncd\u{e9}x\n\nz".repeat(60_000);
        let mut source = Source::new(text.as_bytes());
        let mut line = 1;
        let mut column = 1;
        for (byte, character) in text.char_indices() {
            while source.text().len() < 4 && source.more().expect("memory does not fail") {}
            if byte % 997 == 0 {
                assert_eq!(source.position(0), Position { line, column, byte: byte as u64 });
            }
            source.take(character.len_utf8());
            (line, column) = if character == '\n' { (line + 1, 1) } else { (line, column + 1) };
        }
        assert!(source.text().is_empty() && source.at_end());
        assert_eq!(source.taken(), text.len() as u64);
    }

    #[test]
    fn the_window_grows_to_hold_a_long_record() {
        let text = vec![b'x'; 3 * CHUNK_BYTES];
        let mut source = Source::new(&text[..]);
        while source.more().expect("memory does not fail") {}
        assert_eq!(source.text(), text);
    }
}
