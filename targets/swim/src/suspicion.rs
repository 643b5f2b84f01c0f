//! How long a suspicion lasts: the shorter, the more members suspect independently (Lifeguard §IV-B).

use rashomon_protocol::NodeId;

use std::collections::BTreeSet;

/// A suspicion that runs.
#[derive(Clone, Debug)]
pub(crate) struct Suspicion {
    began_ms: u64,
    min_ms: u64,
    max_ms: u64,
    needed: usize,
    accusers: BTreeSet<NodeId>,
}

impl Suspicion {
    /// A suspicion by one accuser. Lasts `max_ms`, and `min_ms` after `needed` others have confirmed it.
    pub(crate) fn new(now_ms: u64, by: NodeId, min_ms: u64, max_ms: u64, needed: usize) -> Suspicion {
        Suspicion { began_ms: now_ms, min_ms, max_ms, needed, accusers: BTreeSet::from([by]) }
    }

    /// Another accuser. True when it shortens the suspicion, and so is news worth passing on.
    pub(crate) fn confirm(&mut self, by: NodeId) -> bool {
        self.accusers.len() <= self.needed && self.accusers.insert(by)
    }

    /// When it ends, ms.
    pub(crate) fn deadline_ms(&self) -> u64 {
        if self.needed == 0 {
            return self.began_ms + self.min_ms;
        }
        let confirmed = (self.accusers.len() - 1) as f64;
        let part = (confirmed + 1.0).ln() / (self.needed as f64 + 1.0).ln();
        let lasts = self.max_ms as f64 - (self.max_ms - self.min_ms) as f64 * part;
        self.began_ms + (lasts as u64).max(self.min_ms)
    }

    /// Begins so many ms later than it did.
    pub(crate) fn postpone(&mut self, ms: u64) {
        self.began_ms += ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_confirmation_shortens_it_down_to_the_least() {
        let mut suspicion = Suspicion::new(1_000, 1, 400, 2_400, 3);
        let mut deadlines = vec![suspicion.deadline_ms()];
        for by in [1, 2, 2, 3, 4, 5, 6] {
            suspicion.confirm(by);
            deadlines.push(suspicion.deadline_ms());
        }
        assert_eq!(deadlines, [3_400, 3_400, 2_400, 2_400, 1_815, 1_400, 1_400, 1_400]);
    }

    #[test]
    fn only_news_is_passed_on() {
        let mut suspicion = Suspicion::new(0, 1, 400, 2_400, 2);
        assert!(!suspicion.confirm(1));
        assert!(suspicion.confirm(2));
        assert!(suspicion.confirm(3));
        assert!(!suspicion.confirm(4), "it is as short as it gets");
    }

    #[test]
    fn where_nobody_could_confirm_it_is_short_at_once() {
        assert_eq!(Suspicion::new(5, 1, 400, 2_400, 0).deadline_ms(), 405);
    }
}
