//! One way to explain the history so far.

use crate::model::Nature;

/// A set of slots; a slot stands for a pending operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mask<const W: usize>([u64; W]);

impl<const W: usize> Mask<W> {
    /// No slot.
    pub(super) const EMPTY: Mask<W> = Mask([0; W]);

    #[inline]
    pub(super) fn has(&self, slot: u32) -> bool {
        self.0[slot as usize / 64] >> (slot % 64) & 1 == 1
    }

    #[inline]
    pub(super) fn set(&mut self, slot: u32) {
        self.0[slot as usize / 64] |= 1 << (slot % 64);
    }

    #[inline]
    pub(super) fn clear(&mut self, slot: u32) {
        self.0[slot as usize / 64] &= !(1 << (slot % 64));
    }

    #[inline]
    pub(super) fn or(self, other: Mask<W>) -> Mask<W> {
        Mask(std::array::from_fn(|word| self.0[word] | other.0[word]))
    }

    #[inline]
    pub(super) fn minus(self, other: Mask<W>) -> Mask<W> {
        Mask(std::array::from_fn(|word| self.0[word] & !other.0[word]))
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }
}

/// Which slots hold which nature of operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape<const W: usize> {
    observers: Mask<W>,
    pub(super) overwrites: Mask<W>,
}

impl<const W: usize> Default for Shape<W> {
    fn default() -> Self {
        Shape { observers: Mask::EMPTY, overwrites: Mask::EMPTY }
    }
}

impl<const W: usize> Shape<W> {
    pub(super) fn occupy(&mut self, slot: u32, nature: Nature) {
        match nature {
            Nature::Observer => self.observers.set(slot),
            Nature::Overwrite => self.overwrites.set(slot),
            Nature::Update => {}
        }
    }

    pub(super) fn vacate(&mut self, slot: u32) {
        self.observers.clear(slot);
        self.overwrites.clear(slot);
    }

    pub(super) fn is_observer(&self, slot: u32) -> bool {
        self.observers.has(slot)
    }
}

/// A state with what was done to reach it, as far as that matters for what can follow.
///
/// A pending operation is *done* (placed), *free* (it may be placed or not) or *due* (in neither set).
#[derive(Clone, Copy, Debug)]
pub(super) struct Config<const W: usize> {
    pub(super) state: u32,
    /// The tokens used, a multiset of [`super::Tokens`].
    pub(super) used: u32,
    /// How it came about, for the proof.
    pub(super) trace: u32,
    pub(super) done: Mask<W>,
    pub(super) free: Mask<W>,
}

impl<const W: usize> Config<W> {
    /// Nothing happened yet.
    pub(super) fn initial() -> Self {
        Config { state: 0, used: 0, trace: u32::MAX, done: Mask::EMPTY, free: Mask::EMPTY }
    }

    /// Whether, in the same state and apart from tokens, whatever can follow `other` can follow `self`.
    ///
    /// An observer is better done. Any other operation is best free: then it can play either part.
    #[inline]
    pub(super) fn covers(&self, other: &Config<W>, shape: &Shape<W>) -> bool {
        (0..W).all(|word| {
            let observers = shape.observers.0[word];
            let missed = other.done.0[word] & !self.done.0[word] & observers;
            let differs = (self.done.0[word] ^ other.done.0[word]) | (self.free.0[word] ^ other.free.0[word]);
            missed | (differs & !observers & !self.free.0[word]) == 0
        })
    }
}
