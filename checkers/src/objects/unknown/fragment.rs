//! A few values of a history that contradict each other unless some of them were taken by takes of unknown outcome.

use super::super::call::{Answer, Call, NEVER, Rule};
use super::super::container::{Act, Container, Item, NONE, Seen};
use super::Complete;

/// A contradiction as a small history of its own, judged again and again with different takes.
pub(super) struct Fragment {
    calls: Vec<Call<Act>>,
    container: Container,
    /// The positions of the history that occur here, in order.
    positions: Vec<u32>,
    /// Values that no known take returned: their number in the search, and their item here.
    loose: Vec<(u32, u32)>,
    /// How many items and observations it has.
    pub(super) size: u64,
    /// What was judged last, and the answer.
    judged: Option<(Vec<u32>, bool)>,
}

impl Fragment {
    /// The items and observations of "empty" given, in the container's order. Loose values are numbered.
    pub(super) fn new(
        calls: &[Call<Act>],
        container: &Container,
        items: &[u32],
        empties: &[u32],
        number_of: &[u32],
    ) -> Fragment {
        let mut fragment = Fragment {
            calls: Vec::with_capacity(2 * items.len() + empties.len()),
            container: Container {
                items: Vec::new(),
                empties: Vec::new(),
                unknown_takes: Vec::new(),
                peeks: Vec::new(),
                positions: 0,
            },
            positions: Vec::with_capacity(4 * items.len() + 2 * empties.len()),
            loose: Vec::new(),
            size: 0,
            judged: None,
        };
        let of = |&index: &u32| container.items[index as usize];
        for item in items.iter().map(of) {
            fragment.positions.extend([item.put_invoked, item.put_completed, item.take_invoked, item.take_completed]);
        }
        let peeks = items.iter().map(of).flat_map(|item| container.peeks_of(&item).to_vec());
        let observations: Vec<u32> = empties.iter().copied().chain(peeks).collect();
        for &call in &observations {
            fragment.positions.extend([calls[call as usize].invoked, calls[call as usize].completed]);
        }
        fragment.size = (items.len() + observations.len()) as u64;
        fragment.positions.retain(|&position| position != NEVER);
        fragment.positions.sort_unstable();
        // A value's peek may be its put's completion too.
        fragment.positions.dedup();
        fragment.container.positions = fragment.positions.len() as u32;
        for &index in items {
            let item = of(&index);
            let put = fragment.push(Act::Put(item.value), item.put_invoked, item.put_completed);
            let act = if item.take == NONE { Act::Unknown } else { Act::Take(item.value) };
            let take = fragment.push(act, item.take_invoked, item.take_completed);
            if item.take == NONE {
                fragment.loose.push((number_of[index as usize], fragment.container.items.len() as u32));
            }
            fragment.container.items.push(Item {
                value: item.value,
                put,
                take: if item.take == NONE { NONE } else { take },
                put_invoked: fragment.calls[put as usize].invoked,
                put_completed: fragment.calls[put as usize].completed,
                take_invoked: fragment.calls[take as usize].invoked,
                take_completed: fragment.calls[take as usize].completed,
                seen: Seen::NEVER,
            });
            for &peek in container.peeks_of(&item) {
                let Call { act, invoked, completed, .. } = calls[peek as usize];
                fragment.push(act, invoked, completed);
            }
            // An item's calls lie side by side.
            fragment.container.see(
                fragment.container.items.len() - 1,
                &fragment.calls,
                take + 1..fragment.calls.len() as u32,
            );
        }
        for &empty in empties {
            let Call { act, invoked, completed, .. } = calls[empty as usize];
            let empty = fragment.push(act, invoked, completed);
            fragment.container.empties.push(empty);
        }
        fragment
    }

    fn push(&mut self, act: Act, invoked: u32, completed: u32) -> u32 {
        let place = |position: u32| self.positions.binary_search(&position).map_or(NEVER, |place| place as u32);
        let call = Call { op: 0, act, invoked: place(invoked), completed: place(completed) };
        self.calls.push(call);
        self.calls.len() as u32 - 1
    }

    /// The numbers of the loose values.
    pub(super) fn loose(&self) -> Vec<u32> {
        self.loose.iter().map(|&(number, _)| number).collect()
    }

    /// Whether these values can be explained when each loose one may be taken from a time on, or never.
    pub(super) fn holds(&mut self, complete: Complete, mut from: impl FnMut(u32) -> Option<u32>) -> bool {
        let mut gaps = Vec::with_capacity(self.loose.len());
        for &(number, item) in &self.loose {
            // What was invoked between two positions can happen in the gap between them.
            let gap = from(number)
                .map(|from| self.positions.partition_point(|&position| position <= from).saturating_sub(1) as u32);
            gaps.push(gap.unwrap_or(NEVER));
            let item = &mut self.container.items[item as usize];
            match gap {
                Some(gap) => item.give(item.put + 1, gap),
                None => item.take_back(),
            }
        }
        if let Some((judged, holds)) = &self.judged
            && *judged == gaps
        {
            return *holds;
        }
        let holds = !matches!(complete(&self.calls, &self.container), Answer::Impossible(_));
        self.judged = Some((gaps, holds));
        holds
    }

    /// What contradicts when no loose value was ever taken.
    pub(super) fn rule(&mut self, complete: Complete) -> Rule {
        self.holds(complete, |_| None);
        match complete(&self.calls, &self.container) {
            Answer::Impossible(contradiction) => contradiction.rule,
            Answer::Linearizable(_) | Answer::Undecided(_) => unreachable!("a fragment contradicts itself"),
        }
    }
}
