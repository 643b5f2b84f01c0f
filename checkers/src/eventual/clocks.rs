//! Vector clocks over many sessions that share what they have in common.

use std::rc::Rc;

/// Entries of one shared piece.
const PIECE: usize = 16;

/// For each session, up to which of its operations something is known. Cloning costs a pointer; joining copies only the
/// pieces that change, so a clock among many sessions of which few are alive stays small.
#[derive(Clone, Default)]
pub(super) struct Clock(Rc<Vec<Option<Rc<[u32; PIECE]>>>>);

impl Clock {
    /// Up to which operation of a session, 0 for none.
    pub(super) fn get(&self, session: u32) -> u32 {
        let piece = self.0.get(session as usize / PIECE).and_then(Option::as_ref);
        piece.map_or(0, |piece| piece[session as usize % PIECE])
    }

    /// Knows a session up to this operation, at least.
    pub(super) fn raise(&mut self, session: u32, index: u32) {
        if self.get(session) >= index {
            return;
        }
        let pieces = Rc::make_mut(&mut self.0);
        let at = session as usize / PIECE;
        if pieces.len() <= at {
            pieces.resize(at + 1, None);
        }
        let piece = pieces[at].get_or_insert_with(|| Rc::new([0; PIECE]));
        Rc::make_mut(piece)[session as usize % PIECE] = index;
    }

    /// Knows all that another clock knows, too.
    pub(super) fn join(&mut self, other: &Clock) {
        if Rc::ptr_eq(&self.0, &other.0) {
            return;
        }
        let same = |own: &Rc<[u32; PIECE]>, theirs: &Rc<[u32; PIECE]>| Rc::ptr_eq(own, theirs);
        for (at, theirs) in other.0.iter().enumerate() {
            let Some(theirs) = theirs else { continue };
            let own = self.0.get(at).and_then(Option::as_ref);
            let news = own.is_none_or(|own| {
                !same(own, theirs) && own.iter().zip(theirs.iter()).any(|(own, theirs)| own < theirs)
            });
            if !news {
                continue;
            }
            let joined = match own {
                Some(own) if own.iter().zip(theirs.iter()).any(|(own, theirs)| own > theirs) => {
                    Rc::new(std::array::from_fn(|entry| own[entry].max(theirs[entry])))
                }
                _ => theirs.clone(),
            };
            let pieces = Rc::make_mut(&mut self.0);
            if pieces.len() <= at {
                pieces.resize(at + 1, None);
            }
            pieces[at] = Some(joined);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_takes_the_larger_of_each() {
        let mut one = Clock::default();
        let mut other = Clock::default();
        for (session, index) in [(0, 3), (15, 1), (40, 2)] {
            one.raise(session, index);
        }
        one.raise(0, 2);
        for (session, index) in [(0, 2), (16, 5), (40, 7)] {
            other.raise(session, index);
        }
        let before = one.clone();
        one.join(&other);
        assert_eq!([0, 15, 16, 40, 41, 99].map(|session| one.get(session)), [3, 1, 5, 7, 0, 0]);
        assert_eq!([0, 15, 16, 40].map(|session| before.get(session)), [3, 1, 0, 2]);
        let mut empty = Clock::default();
        empty.join(&one);
        assert_eq!([0, 15, 16, 40].map(|session| empty.get(session)), [3, 1, 5, 7]);
    }
}
