//! States as small integers, with every step of the model taken once and remembered.

use rustc_hash::FxHashMap;

use crate::model::{Model, Nature};

/// No successor: the operation is not allowed.
const ILLEGAL: u32 = u32::MAX;
/// The step was not taken yet.
const UNKNOWN: u32 = u32::MAX - 1;
/// Above this, the entry names a list of successors.
const SEVERAL: u32 = 1 << 31;
/// A dense table while it stays below this many entries; a hash table beyond.
const DENSE: usize = 1 << 20;

/// The states reachable in one part, and the steps between them.
pub(super) struct Space<'a, M: Model> {
    model: &'a M,
    classes: &'a [M::Op],
    natures: Vec<Nature>,
    states: Vec<M::State>,
    ids: FxHashMap<M::State, u32>,
    dense: Vec<u32>,
    sparse: FxHashMap<(u32, u32), u32>,
    lists: Vec<Box<[u32]>>,
}

/// The successors of one step.
#[derive(Clone, Copy)]
pub(super) enum Next {
    /// The operation is not allowed.
    None,
    /// Exactly this state.
    One(u32),
    /// A list; see [`Space::list`].
    Several(u32),
}

impl<'a, M: Model> Space<'a, M> {
    /// The space with just the initial state, whose id is 0.
    pub(super) fn new(model: &'a M, classes: &'a [M::Op]) -> Space<'a, M> {
        let natures = classes.iter().map(|class| model.nature(class)).collect();
        let mut space = Space {
            model,
            classes,
            natures,
            states: Vec::new(),
            ids: FxHashMap::default(),
            dense: Vec::new(),
            sparse: FxHashMap::default(),
            lists: Vec::new(),
        };
        space.intern(model.initial());
        space
    }

    /// What is known of a class in every state.
    pub(super) fn nature(&self, class: u32) -> Nature {
        self.natures[class as usize]
    }

    /// How many bytes this holds, roughly.
    pub(super) fn bytes(&self) -> u64 {
        let per_state = 2 * std::mem::size_of::<M::State>() + 16;
        (self.states.len() * per_state + self.dense.len() * 4 + self.sparse.len() * 20) as u64
    }

    /// The successors of `state` under the operation `class`.
    pub(super) fn step(&mut self, state: u32, class: u32) -> Next {
        let width = self.classes.len();
        let index = state as usize * width + class as usize;
        let known = if index < DENSE {
            if index >= self.dense.len() {
                let rows = (state as usize + 1).max(self.states.len()) * width;
                self.dense.resize(rows.min(DENSE).max(index + 1), UNKNOWN);
            }
            self.dense[index]
        } else {
            self.sparse.get(&(state, class)).copied().unwrap_or(UNKNOWN)
        };
        let entry = if known == UNKNOWN { self.take(state, class, index) } else { known };
        match entry {
            ILLEGAL => Next::None,
            list if list >= SEVERAL => Next::Several(list - SEVERAL),
            one => Next::One(one),
        }
    }

    /// A list of successors.
    pub(super) fn list(&self, list: u32) -> &[u32] {
        &self.lists[list as usize]
    }

    fn take(&mut self, state: u32, class: u32, index: usize) -> u32 {
        let model = self.model;
        let from = self.states[state as usize].clone();
        let mut next: Vec<u32> = Vec::new();
        for after in model.step(&from, &self.classes[class as usize]) {
            let id = self.intern(after);
            if !next.contains(&id) {
                next.push(id);
            }
        }
        let entry = match next.as_slice() {
            [] => ILLEGAL,
            [one] => *one,
            _ => {
                self.lists.push(next.into_boxed_slice());
                SEVERAL + self.lists.len() as u32 - 1
            }
        };
        if index < DENSE {
            self.dense[index] = entry;
        } else {
            self.sparse.insert((state, class), entry);
        }
        entry
    }

    fn intern(&mut self, state: M::State) -> u32 {
        if let Some(&id) = self.ids.get(&state) {
            return id;
        }
        let id = self.states.len() as u32;
        assert!(id < SEVERAL, "the byte budget runs out long before 2^31 states");
        self.states.push(state.clone());
        self.ids.insert(state, id);
        id
    }
}
