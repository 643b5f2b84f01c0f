//! A hash that is the same on every node and in every version: FNV-1a over the postcard encoding, then mixed.
//!
//! Fowler, Noll, Vo (1991); the finalizer is SplitMix64's. Spreads keys and notices differences; no protection against
//! an adversary.

use serde::Serialize;

/// The hash of a value.
pub(crate) fn hash(value: &impl Serialize) -> u64 {
    struct Fnv(u64);
    impl postcard::ser_flavors::Flavor for Fnv {
        type Output = u64;

        fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
            Ok(())
        }

        fn finalize(self) -> postcard::Result<u64> {
            Ok(self.0)
        }
    }
    let fnv = postcard::serialize_with_flavor(value, Fnv(0xCBF2_9CE4_8422_2325));
    mix(fnv.expect("plain data always encodes"))
}

/// Spreads every bit over all others.
pub(crate) fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}
