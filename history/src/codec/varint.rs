//! Integers of variable length: seven bits a byte, least significant first, and zigzag for signed ones.

/// Appends `number`.
pub(super) fn write(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Signed to unsigned, small magnitudes to small numbers.
pub(super) fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

/// The inverse of [`zigzag`].
pub(super) fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// Bytes taken one after another; every method says `None` where they run out or do not fit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bytes {
    /// The next byte's index.
    at: usize,
    /// One past the last byte's index.
    end: usize,
}

impl Bytes {
    /// A cursor over `buffer[at..end]`.
    pub(super) fn new(at: usize, end: usize) -> Bytes {
        Bytes { at, end }
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.end - self.at
    }

    /// This stretch of the buffer.
    pub(super) fn of<'a>(&self, buffer: &'a [u8]) -> &'a [u8] {
        buffer.get(self.at..self.end).unwrap_or_default()
    }

    /// The next byte.
    #[inline]
    pub(super) fn byte(&mut self, buffer: &[u8]) -> Option<u8> {
        if self.at >= self.end {
            return None;
        }
        let byte = *buffer.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// The next integer.
    #[inline]
    pub(super) fn varint(&mut self, buffer: &[u8]) -> Option<u64> {
        let first = self.byte(buffer)?;
        if first < 0x80 {
            return Some(u64::from(first));
        }
        let mut number = u64::from(first & 0x7f);
        let mut shift = 7;
        loop {
            let byte = self.byte(buffer)?;
            // The tenth byte holds the 64th bit alone.
            if shift == 63 && byte > 1 {
                return None;
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
            shift += 7;
        }
    }

    /// The next integer as a length or index that is at most the number of bytes left.
    pub(super) fn length(&mut self, buffer: &[u8]) -> Option<usize> {
        let number = usize::try_from(self.varint(buffer)?).ok()?;
        (number <= self.left()).then_some(number)
    }

    /// The next `length` bytes, as a cursor of their own.
    pub(super) fn split(&mut self, length: usize) -> Option<Bytes> {
        if length > self.left() {
            return None;
        }
        let part = Bytes::new(self.at, self.at + length);
        self.at += length;
        Some(part)
    }

    /// The next text, with its length before it.
    pub(super) fn text<'a>(&mut self, buffer: &'a [u8]) -> Option<&'a str> {
        let length = self.length(buffer)?;
        let part = self.split(length)?;
        std::str::from_utf8(part.of(buffer)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_survives() {
        for shift in 0..64 {
            for number in [1u64 << shift, (1u64 << shift) - 1, u64::MAX >> shift] {
                let mut out = Vec::new();
                write(&mut out, number);
                let mut bytes = Bytes::new(0, out.len());
                assert_eq!(bytes.varint(&out), Some(number));
                assert_eq!(bytes.left(), 0);
                let mut short = Bytes::new(0, out.len() - 1);
                assert_eq!(short.varint(&out), None, "cut off");
                assert_eq!(unzigzag(zigzag(number as i64)), number as i64);
            }
        }
    }

    #[test]
    fn more_than_64_bits_are_refused() {
        let too_long = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert_eq!(Bytes::new(0, 10).varint(&too_long), None);
        let endless = [0x80; 11];
        assert_eq!(Bytes::new(0, 11).varint(&endless), None);
    }
}
