//! A column of numbers as planes of bytes.

use super::varint::Bytes;

/// Appends a column: how many planes there are, then each plane, the lowest bytes first.
pub(super) fn write(out: &mut Vec<u8>, numbers: &[u64]) {
    let all = numbers.iter().fold(0, |all, number| all | number);
    let planes = 8 - all.leading_zeros() / 8;
    out.push(planes as u8);
    for plane in 0..planes {
        out.extend(numbers.iter().map(|number| (number >> (8 * plane)) as u8));
    }
}

/// Takes a column of `count` numbers from `bytes`; `None` when they are not there.
pub(super) fn read(bytes: &mut Bytes, buffer: &[u8], count: usize, numbers: &mut Vec<u64>) -> Option<()> {
    numbers.clear();
    let planes = bytes.byte(buffer)?;
    if planes > 8 || count.checked_mul(usize::from(planes))? > bytes.left() {
        return None;
    }
    numbers.resize(count, 0);
    for plane in 0..planes {
        let bytes = bytes.split(count)?.of(buffer);
        for (number, &byte) in numbers.iter_mut().zip(bytes) {
            *number |= u64::from(byte) << (8 * plane);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_width_comes_back() {
        for largest in (0..64).map(|bit| 1u64 << bit).chain([0, u64::MAX]) {
            for numbers in [vec![], vec![largest], vec![0, largest, largest / 3, 1, largest - largest / 7]] {
                let mut out = Vec::new();
                write(&mut out, &numbers);
                let mut back = vec![17; 3];
                let mut bytes = Bytes::new(0, out.len());
                assert_eq!(read(&mut bytes, &out, numbers.len(), &mut back), Some(()));
                assert_eq!((back, bytes.left()), (numbers, 0));
            }
        }
    }

    #[test]
    fn missing_bytes_are_noticed() {
        let mut out = Vec::new();
        write(&mut out, &[1, 2, 300]);
        for length in 0..out.len() {
            assert_eq!(read(&mut Bytes::new(0, length), &out, 3, &mut Vec::new()), None);
        }
        assert_eq!(read(&mut Bytes::new(0, 7), &out, usize::MAX, &mut Vec::new()), None);
        assert_eq!(read(&mut Bytes::new(0, 1), &[9], 0, &mut Vec::new()), None);
    }
}
