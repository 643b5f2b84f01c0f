//! Set: elements that are added once, removed at most once and asked for; or added once and read all together.
//!
//! # One element at a time
//!
//! Without reads of the whole set every element is an object of its own. It is outside, inside from its add to its
//! remove, outside again. Answers "inside" want the add early and the remove late, answers "outside" the opposite; so
//! put the add as late, and the remove as early, as the answers "inside" allow. If the add can then be no earlier than
//! the remove, one moment will do for both and every "outside" fits around it. Otherwise each "outside" must reach to
//! before the add or past the remove. The other order (the remove first, without effect) is a second case.
//!
//! # Reads of the whole set
//!
//! Where elements are only added, reads are ordered by inclusion, and each add lies between the last read without its
//! element and the first one with it: a sequence of blocks. See `in_blocks`.
//!
//! Both cost O(n) and the length of the distinct reads. An add of unknown outcome that nobody saw is left out.
//! Histories that read the whole set and also remove or ask for elements, or add one twice, are not this class.

use super::blocks::in_blocks;
use super::call::{Answer, Call, Contradiction, NEVER, Placed, Rule, positions};

/// What an operation on a set does. Elements are small numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetAct {
    /// Adds an element; does nothing when it is inside.
    Add(u32),
    /// Removes an element; does nothing when it is not inside.
    Remove(u32),
    /// Asked whether an element is inside; the answer.
    Contains(u32, bool),
    /// Read the whole set: which of the given reads it returned.
    Read(u32),
}

/// Judges a set, empty at first. `reads` holds the distinct results of whole reads, each sorted. Without `proof` a
/// linearization may be left empty: finding it takes longer than finding that there is one.
pub fn set(calls: &[Call<SetAct>], reads: &[Vec<u32>], proof: bool) -> Answer<SetAct> {
    let whole = calls.iter().any(|call| matches!(call.act, SetAct::Read(_)));
    let single = calls.iter().any(|call| matches!(call.act, SetAct::Remove(_) | SetAct::Contains(..)));
    match (whole, single) {
        (true, true) => Answer::Undecided("the whole set is read, and elements are removed or asked for one by one"),
        (true, false) => grown(calls, reads),
        (false, _) => by_element(calls, proof),
    }
}

const TWICE: &str = "an element was added or removed twice";

fn impossible(rule: Rule, mut calls: Vec<u32>) -> Answer<SetAct> {
    calls.sort_unstable();
    calls.dedup();
    Answer::Impossible(Contradiction { rule, calls })
}

/// One element's calls.
#[derive(Clone, Copy, Default)]
struct Element<'a> {
    add: Option<u32>,
    remove: Option<u32>,
    asked: &'a [u32],
}

fn by_element(calls: &[Call<SetAct>], proof: bool) -> Answer<SetAct> {
    let element = |call: &Call<SetAct>| match call.act {
        SetAct::Add(element) | SetAct::Remove(element) | SetAct::Contains(element, _) => element as usize,
        SetAct::Read(_) => unreachable!("only called without whole reads"),
    };
    let count = calls.iter().map(element).max().map_or(0, |largest| largest + 1);
    let mut adds = vec![NEVER; count];
    let mut removes = vec![NEVER; count];
    let mut begin = vec![0_u32; count + 2];
    for (index, call) in calls.iter().enumerate() {
        let slot = match call.act {
            SetAct::Add(element) => &mut adds[element as usize],
            SetAct::Remove(element) => &mut removes[element as usize],
            _ => {
                begin[element(call) + 2] += 1;
                continue;
            }
        };
        if *slot != NEVER {
            return Answer::Undecided(TWICE);
        }
        *slot = index as u32;
    }
    for index in 2..begin.len() {
        begin[index] += begin[index - 1];
    }
    let mut asked = vec![0_u32; begin[count + 1] as usize];
    for (index, call) in calls.iter().enumerate().filter(|(_, call)| matches!(call.act, SetAct::Contains(..))) {
        let place = &mut begin[element(call) + 1];
        asked[*place as usize] = index as u32;
        *place += 1;
    }
    let mut moments = Moments { wanted: proof, list: Vec::with_capacity(if proof { calls.len() } else { 0 }) };
    for index in 0..count {
        let known = |call: u32| (call != NEVER).then_some(call);
        let element = Element {
            add: known(adds[index]),
            remove: known(removes[index]),
            asked: &asked[begin[index] as usize..begin[index + 1] as usize],
        };
        if !element.place(calls, &mut moments) {
            let core = element.asked.iter().copied().chain(element.add).chain(element.remove).collect();
            return impossible(
                Rule {
                    name: "contradictory answers",
                    because: "No moments for the element's add and remove explain every answer",
                },
                core,
            );
        }
    }
    Answer::Linearizable(by_gap(calls, &moments.list))
}

/// A gap for each call.
struct Moments {
    wanted: bool,
    list: Vec<(u32, u32)>,
}

impl Moments {
    fn extend(&mut self, moments: impl IntoIterator<Item = (u32, u32)>) {
        if self.wanted {
            self.list.extend(moments);
        }
    }
}

impl Element<'_> {
    /// Adds a gap for each call, in an order that keeps calls of one gap as they must be; false when there is none.
    fn place(&self, calls: &[Call<SetAct>], moments: &mut Moments) -> bool {
        let call = |index: u32| &calls[index as usize];
        let inside = |index: &u32| matches!(call(*index).act, SetAct::Contains(_, true));
        // The last gap for the add and the first for the remove that the answers "inside" allow.
        let mut add_by = NEVER;
        let mut remove_from = 0;
        for &index in self.asked.iter().filter(|index| inside(index)) {
            add_by = add_by.min(call(index).completed - 1);
            remove_from = remove_from.max(call(index).invoked);
        }
        let seen = add_by != NEVER;
        let Some(add) = self.add.filter(|&add| seen || !call(add).is_unknown()) else {
            // Never added, so nobody saw it, and a remove did nothing.
            moments.extend(self.asked.iter().chain(&self.remove).map(|&index| (call(index).invoked, index)));
            return !seen;
        };
        let add_by = add_by.min(call(add).completed - 1);
        if call(add).invoked > add_by {
            return false;
        }
        if let Some(remove) = self.remove {
            let remove_from = remove_from.max(call(remove).invoked);
            let remove_by = call(remove).completed - 1;
            if remove_from <= remove_by && call(add).invoked <= remove_by {
                let (add_at, remove_at) = if add_by < remove_from {
                    (add_by, remove_from)
                } else {
                    let gap = remove_from.max(call(add).invoked);
                    (gap, gap)
                };
                if self
                    .asked
                    .iter()
                    .all(|index| inside(index) || call(*index).invoked <= add_at || call(*index).completed > remove_at)
                {
                    self.arrange(calls, moments, (add, add_at), Some((remove, remove_at)));
                    return true;
                }
            }
        }
        // Never removed, or removed before it was added, which does nothing.
        let early_remove = self.remove.filter(|&remove| !call(remove).is_unknown());
        if early_remove.is_some_and(|remove| call(remove).invoked > add_by)
            || self.asked.iter().any(|index| !inside(index) && call(*index).invoked > add_by)
        {
            return false;
        }
        moments.extend(early_remove.map(|remove| (call(remove).invoked, remove)));
        self.arrange(calls, moments, (add, add_by), None);
        true
    }

    fn arrange(
        &self,
        calls: &[Call<SetAct>],
        moments: &mut Moments,
        (add, add_at): (u32, u32),
        remove: Option<(u32, u32)>,
    ) {
        if !moments.wanted {
            return;
        }
        let asked = |answer: bool| {
            self.asked.iter().copied().filter(
                move |&index| matches!(calls[index as usize].act, SetAct::Contains(_, inside) if inside == answer),
            )
        };
        let invoked = |index: u32| calls[index as usize].invoked;
        moments.extend(asked(false).filter(|&index| invoked(index) <= add_at).map(|index| (invoked(index), index)));
        moments.extend([(add_at, add)]);
        moments.extend(asked(true).map(|index| (invoked(index).max(add_at), index)));
        if let Some((remove, remove_at)) = remove {
            moments.extend([(remove_at, remove)]);
            let after = asked(false).filter(|&index| invoked(index) > add_at);
            moments.extend(after.map(|index| (invoked(index).max(remove_at), index)));
        }
    }
}

/// Sorts by gap by counting; what is equal keeps its order.
fn by_gap(calls: &[Call<SetAct>], moments: &[(u32, u32)]) -> Vec<Placed<SetAct>> {
    let mut begin = vec![0_u32; positions(calls) as usize + 1];
    for &(gap, _) in moments {
        begin[gap as usize + 1] += 1;
    }
    for index in 1..begin.len() {
        begin[index] += begin[index - 1];
    }
    let mut order = vec![Placed { call: 0, act: SetAct::Read(0) }; moments.len()];
    for &(gap, call) in moments {
        let place = &mut begin[gap as usize];
        order[*place as usize] = Placed { call, act: calls[call as usize].act };
        *place += 1;
    }
    order
}

/// Adds and whole reads only.
fn grown(calls: &[Call<SetAct>], reads: &[Vec<u32>]) -> Answer<SetAct> {
    // Distinct reads that occur, by size, each with its first call.
    let mut first_call = vec![NEVER; reads.len()];
    let mut added: Vec<u32> = Vec::new();
    for (index, call) in calls.iter().enumerate() {
        match call.act {
            SetAct::Add(element) => {
                let slot = element as usize;
                added.resize(added.len().max(slot + 1), NEVER);
                if added[slot] != NEVER {
                    return Answer::Undecided(TWICE);
                }
                added[slot] = index as u32;
            }
            SetAct::Read(read) => first_call[read as usize] = first_call[read as usize].min(index as u32),
            SetAct::Remove(_) | SetAct::Contains(..) => unreachable!("only called with adds and whole reads"),
        }
    }
    let mut chain: Vec<u32> = (0..reads.len() as u32).filter(|&read| first_call[read as usize] != NEVER).collect();
    chain.sort_by_key(|&read| reads[read as usize].len());
    // An element's block: twice the place of the first read that has it; a read's own block is right after.
    let mut block_of = vec![NEVER; added.len()];
    let mut place_of = vec![0; reads.len()];
    let mut before: &[u32] = &[];
    for (place, &read) in chain.iter().enumerate() {
        let elements = &reads[read as usize];
        place_of[read as usize] = place;
        let mut old = before.iter().peekable();
        for &element in elements {
            if old.next_if(|&&next| next == element).is_some() {
                continue;
            }
            match added.get(element as usize) {
                Some(&add) if add != NEVER => block_of[element as usize] = 2 * place as u32,
                _ => {
                    return impossible(
                        Rule { name: "unexpected element", because: "A read returned an element that nobody added" },
                        vec![first_call[read as usize]],
                    );
                }
            }
        }
        if old.next().is_some() {
            let calls = [chain[place - 1], read].map(|read| first_call[read as usize]);
            return impossible(
                Rule { name: "incomparable reads", because: "Two reads each miss an element that the other has" },
                calls.to_vec(),
            );
        }
        before = elements;
    }
    let mut blocks = vec![Vec::new(); 2 * chain.len() + 1];
    for (index, call) in calls.iter().enumerate() {
        let block = match call.act {
            SetAct::Read(read) => 2 * place_of[read as usize] + 1,
            SetAct::Add(element) if block_of[element as usize] != NEVER => block_of[element as usize] as usize,
            _ if call.is_unknown() => continue,
            _ => 2 * chain.len(),
        };
        blocks[block].push(index as u32);
    }
    match in_blocks(calls, &mut blocks) {
        Ok(order) => Answer::Linearizable(order),
        Err((early, late)) => {
            // The read that has the earlier one's element, and the read that lacks the later one's.
            let block = |call: u32| blocks.iter().position(|block| block.binary_search(&call).is_ok()).unwrap_or(0);
            let mut core = vec![early, late];
            if let SetAct::Add(_) = calls[early as usize].act {
                core.push(first_call[chain[block(early) / 2] as usize]);
            }
            if let SetAct::Add(_) = calls[late as usize].act {
                core.push(first_call[chain[block(late) / 2 - 1] as usize]);
            }
            impossible(Rule { name: "stale read", because: "The reads order these operations against real time" }, core)
        }
    }
}
