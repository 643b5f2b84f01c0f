//! Numbers along a line: lower a range by one, ask for the least from a place on.

/// A segment tree over fixed places; both operations cost O(log n).
#[derive(Clone, Debug)]
pub(super) struct Slack {
    size: usize,
    /// The least number below a node, without what was subtracted from its ancestors.
    least: Vec<i32>,
    /// What was subtracted from a whole node.
    lowered: Vec<i32>,
}

impl Slack {
    pub(super) fn new(numbers: &[i32]) -> Slack {
        let size = numbers.len().next_power_of_two();
        let mut least = vec![i32::MAX / 2; 2 * size];
        least[size..size + numbers.len()].copy_from_slice(numbers);
        for node in (1..size).rev() {
            least[node] = least[2 * node].min(least[2 * node + 1]);
        }
        Slack { size, least, lowered: vec![0; 2 * size] }
    }

    /// Subtracts one from the places `from .. to`.
    pub(super) fn lower(&mut self, from: u32, to: u32) {
        self.lower_below(1, 0, self.size, from as usize, to as usize);
    }

    fn lower_below(&mut self, node: usize, begin: usize, end: usize, from: usize, to: usize) {
        if to <= begin || end <= from {
            return;
        }
        if from <= begin && end <= to {
            self.least[node] -= 1;
            self.lowered[node] += 1;
            return;
        }
        let middle = begin.midpoint(end);
        self.lower_below(2 * node, begin, middle, from, to);
        self.lower_below(2 * node + 1, middle, end, from, to);
        self.least[node] = self.least[2 * node].min(self.least[2 * node + 1]) - self.lowered[node];
    }

    /// The least number at `from` or later.
    pub(super) fn least_from(&self, from: u32) -> i32 {
        let mut node = self.size + from as usize;
        let mut least = self.least[node];
        while node > 1 {
            if node.is_multiple_of(2) {
                least = least.min(self.least[node + 1]);
            }
            node /= 2;
            least -= self.lowered[node];
        }
        least
    }
}
