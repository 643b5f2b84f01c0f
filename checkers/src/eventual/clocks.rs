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
        let news = other.0.iter().enumerate().any(|(at, theirs)| match (self.0.get(at), theirs) {
            (_, None) => false,
            (Some(Some(own)), Some(theirs)) => {
                !Rc::ptr_eq(own, theirs) && own.iter().zip(theirs.iter()).any(|(own, theirs)| own < theirs)
            }
            _ => true,
        });
        if !news {
            return;
        }
        let pieces = Rc::make_mut(&mut self.0);
        pieces.resize(pieces.len().max(other.0.len()), None);
        for (own, theirs) in pieces.iter_mut().zip(other.0.iter()) {
            let Some(theirs) = theirs else { continue };
            match own {
                Some(piece) if Rc::ptr_eq(piece, theirs) => {}
                Some(piece) => {
                    let joined: [u32; PIECE] = std::array::from_fn(|entry| piece[entry].max(theirs[entry]));
                    // Equal pieces become one, so that pieces of sessions that have ended are not compared for ever.
                    if joined == **theirs && (joined != **piece || Rc::as_ptr(theirs) < Rc::as_ptr(piece)) {
                        *own = Some(theirs.clone());
                    } else if joined != **piece {
                        *own = Some(Rc::new(joined));
                    }
                }
                None => *own = Some(theirs.clone()),
            }
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
