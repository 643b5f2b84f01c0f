//! Local health awareness: a node that has reason to doubt itself is slower to accuse others (Lifeguard §IV-A).
//!
//! The score rises when a probe fails, when somebody who was asked to probe does not even say that it could not, when
//! this node must refute, and when it stood still; it falls with each probe that succeeds.

/// The local health multiplier: 0 is well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Health {
    score: u64,
    worst: u64,
}

impl Health {
    pub(crate) fn new(worst: u64) -> Health {
        Health { score: 0, worst }
    }

    pub(crate) fn worse(&mut self, by: u64) {
        self.score = (self.score + by).min(self.worst);
    }

    pub(crate) fn better(&mut self) {
        self.score = self.score.saturating_sub(1);
    }

    pub(crate) fn score(self) -> u64 {
        self.score
    }

    /// A timeout as it counts for a node of this health, ms.
    pub(crate) fn stretch(self, ms: u64) -> u64 {
        ms * (self.score + 1)
    }
}
