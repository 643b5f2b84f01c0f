//! Invocations and completions, one after the other.

use super::call::Call;

/// An invocation or a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// Index of the call.
    pub(super) call: u32,
    /// Whether it completes, or is invoked.
    pub(super) completes: bool,
}

/// All events of calls in order of position. Calls of unknown outcome never complete.
pub(super) fn events<A>(calls: &[Call<A>], positions: u32) -> impl Iterator<Item = Event> + use<A> {
    const NOTHING: u32 = u32::MAX;
    let mut at = vec![NOTHING; positions as usize];
    for (index, call) in calls.iter().enumerate() {
        at[call.invoked as usize] = (index as u32) << 1;
        if !call.is_unknown() {
            at[call.completed as usize] = (index as u32) << 1 | 1;
        }
    }
    at.into_iter().filter(|&event| event != NOTHING).map(|event| Event { call: event >> 1, completes: event & 1 == 1 })
}
