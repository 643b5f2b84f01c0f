//! What clients saw of one register, and whether one order explains it.

use std::collections::HashSet;

/// What an operation asks and, if it was answered, what it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Read(Option<i64>),
    Write(i64),
    /// From, to, and whether it took place (`None`: unknown).
    Cas(Option<i64>, i64, Option<bool>),
}

/// One operation on a register.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) action: Action,
    pub(crate) invoked: u64,
    /// `u64::MAX` when nobody knows whether it happened.
    pub(crate) completed: u64,
}

/// Configurations after which the search gives up.
const BUDGET: usize = 300_000;

/// Searches for a linearization (Wing and Gong, with memoised configurations). At most 128 operations. A history with
/// so many operations of unknown outcome that the search exceeds its budget counts as explained.
pub(crate) fn is_linearizable(operations: &[Operation]) -> bool {
    assert!(operations.len() <= 128, "a key's history is short");
    search(operations, 0, None, &mut HashSet::new())
}

fn search(operations: &[Operation], done: u128, value: Option<i64>, seen: &mut HashSet<(u128, Option<i64>)>) -> bool {
    let open = |index: &usize| done & (1 << index) == 0;
    let horizon = (0..operations.len()).filter(open).map(|index| operations[index].completed).min();
    // What nobody knows about need not happen.
    let Some(horizon) = horizon.filter(|horizon| *horizon != u64::MAX) else { return true };
    if seen.len() >= BUDGET {
        return true;
    }
    if !seen.insert((done, value)) {
        return false;
    }
    (0..operations.len()).filter(open).any(|index| {
        let operation = &operations[index];
        if operation.invoked > horizon {
            return false;
        }
        let next = match operation.action {
            Action::Read(read) => (read == value).then_some(value),
            Action::Write(written) => Some(Some(written)),
            Action::Cas(from, to, result) => match (from == value, result) {
                (true, Some(false)) | (false, Some(true)) => None,
                (true, _) => Some(Some(to)),
                (false, _) => Some(value),
            },
        };
        next.is_some_and(|next| search(operations, done | 1 << index, next, seen))
    })
}

#[test]
fn a_stale_read_has_no_explanation_and_an_unknown_write_may_have_happened() {
    let operation = |action, invoked, completed| Operation { action, invoked, completed };
    let write = operation(Action::Write(1), 0, 5);
    assert!(is_linearizable(&[write, operation(Action::Read(Some(1)), 6, 7)]));
    assert!(!is_linearizable(&[write, operation(Action::Read(None), 6, 7)]));
    assert!(is_linearizable(&[write, operation(Action::Read(None), 4, 7)]));
    let unknown = operation(Action::Write(2), 1, u64::MAX);
    assert!(is_linearizable(&[write, unknown, operation(Action::Read(Some(2)), 9, 10)]));
    let flip = [write, unknown, operation(Action::Read(Some(2)), 9, 10), operation(Action::Read(Some(1)), 11, 12)];
    assert!(!is_linearizable(&flip));
    let refused = operation(Action::Cas(Some(1), 3, Some(false)), 6, 7);
    assert!(!is_linearizable(&[write, refused]));
}
