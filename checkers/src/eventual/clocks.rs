//! Vector clocks over many sessions that share what they have in common.

/// Entries of one node: as many bits of a session's number as one level of a tree takes.
const WIDTH: usize = 1 << BITS;
const BITS: u32 = 4;

/// For each session, up to which of its operations something is known. Belongs to the [`Clocks`] that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock(u32);

impl Clock {
    /// Knows nothing.
    pub(super) const NOTHING: Clock = Clock(0);
}

/// What one clock knows of a session and another does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct News {
    pub(super) session: u32,
    /// Up to which operation the one knows it, and the other.
    pub(super) known: u32,
    pub(super) before: u32,
}

/// Clocks as trees that share their branches (as in Driscoll, Sarnak, Sleator and Tarjan, *Making data structures
/// persistent*, 1989): the leaves hold a few sessions each, and nobody changes a node that was made. A copy costs a
/// number; a join and a difference cost what differs, so that sessions which ended long ago cost nothing.
pub(super) struct Clocks {
    /// Children come before their parents. The first one is empty: nothing is known of these sessions.
    nodes: Vec<[u32; WIDTH]>,
    /// Levels above the leaves.
    height: u32,
}

impl Clocks {
    /// Of so many sessions.
    pub(super) fn of(sessions: usize) -> Clocks {
        let mut height = 0;
        while WIDTH << (BITS * height) < sessions {
            height += 1;
        }
        Clocks { nodes: vec![[0; WIDTH]], height }
    }

    /// How many nodes there are, those that no clock needs any more among them.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Bytes of one node.
    pub(super) const NODE: u64 = size_of::<[u32; WIDTH]>() as u64;

    /// Up to which operation of a session, 0 for none.
    pub(super) fn get(&self, clock: Clock, session: u32) -> u32 {
        let mut at = clock.0;
        for height in (0..=self.height).rev() {
            at = self.nodes[at as usize][slot(session, height)];
        }
        at
    }

    /// Knows a session up to this operation, at least.
    pub(super) fn raise(&mut self, clock: Clock, session: u32, index: u32) -> Clock {
        if self.get(clock, session) >= index { clock } else { Clock(self.raised(clock.0, self.height, session, index)) }
    }

    fn raised(&mut self, node: u32, height: u32, session: u32, index: u32) -> u32 {
        let mut entries = self.nodes[node as usize];
        let entry = &mut entries[slot(session, height)];
        *entry = if height == 0 { index } else { self.raised(*entry, height - 1, session, index) };
        self.made(entries)
    }

    /// Knows what both know.
    pub(super) fn join(&mut self, one: Clock, other: Clock) -> Clock {
        Clock(self.joined(one.0, other.0, self.height))
    }

    fn joined(&mut self, one: u32, other: u32, height: u32) -> u32 {
        if one == other || other == 0 {
            return one;
        } else if one == 0 {
            return other;
        }
        let (mine, theirs) = (self.nodes[one as usize], self.nodes[other as usize]);
        let entries = std::array::from_fn(|entry| match height {
            0 => mine[entry].max(theirs[entry]),
            _ => self.joined(mine[entry], theirs[entry], height - 1),
        });
        // Equal nodes become one, so that what all know in the end is not compared for ever.
        match (entries == mine, entries == theirs) {
            (true, true) => one.min(other),
            (true, false) => one,
            (false, true) => other,
            (false, false) => self.made(entries),
        }
    }

    /// What a clock knows that an older one, all of which it knows, does not; by session. False when that is about
    /// more than so many sessions; then not all of them are reported.
    pub(super) fn news(&self, clock: Clock, older: Clock, limit: usize, news: &mut Vec<News>) -> bool {
        news.clear();
        self.differ((clock.0, older.0), self.height, 0, limit, news)
    }

    fn differ(&self, (one, older): (u32, u32), height: u32, first: u32, limit: usize, news: &mut Vec<News>) -> bool {
        if one == older {
            return true;
        }
        let (mine, theirs) = (&self.nodes[one as usize], &self.nodes[older as usize]);
        for (entry, (&known, &before)) in (0_u32..).zip(mine.iter().zip(theirs)) {
            let session = first << BITS | entry;
            if height > 0 {
                if !self.differ((known, before), height - 1, session, limit, news) {
                    return false;
                }
            } else if known > before {
                if news.len() == limit {
                    return false;
                }
                news.push(News { session, known, before });
            }
        }
        true
    }

    fn made(&mut self, entries: [u32; WIDTH]) -> u32 {
        self.nodes.push(entries);
        self.nodes.len() as u32 - 1
    }

    /// Forgets all but these clocks, and gives them their new numbers.
    pub(super) fn keep(&mut self, clocks: &mut [&mut [Clock]]) {
        // Of each node that is needed its level, from 1 for the leaves. Parents come after their children.
        let mut levels = vec![0_u8; self.nodes.len()];
        for clock in clocks.iter().flat_map(|clocks| clocks.iter()) {
            levels[clock.0 as usize] = self.height as u8 + 1;
        }
        for node in (1..self.nodes.len()).rev().filter(|_| self.height > 0) {
            if levels[node] > 1 {
                for child in self.nodes[node] {
                    levels[child as usize] = levels[node] - 1;
                }
            }
        }
        let mut numbers = vec![0_u32; self.nodes.len()];
        let mut kept = 1;
        for node in 1..self.nodes.len() {
            if levels[node] == 0 {
                continue;
            }
            let entries = self.nodes[node];
            self.nodes[kept] = if levels[node] > 1 { entries.map(|child| numbers[child as usize]) } else { entries };
            numbers[node] = kept as u32;
            kept += 1;
        }
        self.nodes.truncate(kept);
        for clock in clocks.iter_mut().flat_map(|clocks| clocks.iter_mut()) {
            clock.0 = numbers[clock.0 as usize];
        }
    }
}

/// A session's place in the nodes of a level.
fn slot(session: u32, height: u32) -> usize {
    (session >> (BITS * height)) as usize % WIDTH
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::small::Choices;

    /// Clocks as plain lists, and as trees, that do the same at random.
    #[test]
    fn trees_tell_what_lists_tell() {
        for sessions in [1, 16, 17, 300, 5000] {
            let mut choices = Choices::new(sessions as u64);
            let mut clocks = Clocks::of(sessions);
            let mut lists = vec![vec![0_u32; sessions]; 6];
            let mut trees = vec![Clock::NOTHING; 6];
            for round in 1..2000 {
                let (one, other) = (choices.below(6), choices.below(6));
                let session = choices.below(sessions.min(40)) * (sessions / sessions.min(40));
                match choices.below(40) {
                    0 => clocks.keep(&mut trees.chunks_mut(4).collect::<Vec<_>>()),
                    1 => (lists[one], trees[one]) = (vec![0; sessions], Clock::NOTHING),
                    2..15 => {
                        let joined = lists[one].iter().zip(&lists[other]).map(|(one, other)| *one.max(other));
                        lists[one] = joined.collect();
                        trees[one] = clocks.join(trees[one], trees[other]);
                        let mut news = Vec::new();
                        assert!(clocks.news(trees[one], trees[other], sessions, &mut news));
                        let differ = (0..sessions).filter(|&at| lists[one][at] > lists[other][at]);
                        let expected: Vec<News> = differ
                            .map(|at| News { session: at as u32, known: lists[one][at], before: lists[other][at] })
                            .collect();
                        assert_eq!(news, expected);
                        let limit = expected.len();
                        assert!(limit == 0 || !clocks.news(trees[one], trees[other], limit - 1, &mut news));
                    }
                    _ => {
                        lists[one][session] = lists[one][session].max(round / 4);
                        trees[one] = clocks.raise(trees[one], session as u32, round / 4);
                    }
                }
                assert_eq!(clocks.get(trees[one], session as u32), lists[one][session]);
            }
            for (list, &tree) in lists.iter().zip(&trees) {
                assert!((0_u32..).zip(list).all(|(session, &index)| clocks.get(tree, session) == index));
            }
        }
    }

    #[test]
    fn what_no_clock_needs_is_forgotten() {
        let mut clocks = Clocks::of(300);
        let mut clock = Clock::NOTHING;
        for index in 1..=1000 {
            clock = clocks.raise(clock, index % 300, index);
        }
        assert_eq!(clocks.len(), 1 + 3 * 1000);
        clocks.keep(&mut [std::slice::from_mut(&mut clock)]);
        // 19 leaves, two nodes above them, and the root.
        assert_eq!(clocks.len(), 1 + 19 + 2 + 1);
        assert_eq!([clocks.get(clock, 99), clocks.get(clock, 100), clocks.get(clock, 101)], [999, 1000, 701]);
    }
}
