//! A state's digest, by way of its debug form.

use std::fmt::{self, Debug, Write};

/// FNV-1a (Fowler, Noll, Vo) over what is written to it: portable, and it holds nothing in memory.
struct Fnv(u64);

impl Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
        Ok(())
    }
}

/// A number that is equal for states with the same debug form. Every field counts, as derived `Debug` shows them all;
/// collections of protocols are ordered, so that equal states have one form.
pub fn digest_of<S: Debug>(state: &S) -> u64 {
    let mut fnv = Fnv(0xCBF2_9CE4_8422_2325);
    write!(fnv, "{state:?}").expect("it takes everything");
    fnv.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_states_have_equal_digests_and_every_field_counts() {
        assert_eq!(digest_of(&(1, "a")), digest_of(&(1, "a")));
        assert_ne!(digest_of(&(1, "a")), digest_of(&(2, "a")));
        assert_ne!(digest_of(&(1, "a")), digest_of(&(1, "b")));
        // The reference value of FNV-1a for `"foobar"` with its quotes.
        let bytes = b"\"foobar\"".iter();
        let expected = bytes.fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        assert_eq!(digest_of(&"foobar"), expected);
    }
}
