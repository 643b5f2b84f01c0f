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

/// The states of a model as they are found. The engines know only their numbers, so they are compiled once for all
/// models.
pub(super) trait Source {
    /// What is known of a class in every state.
    fn nature(&self, class: u32) -> Nature;

    /// How many classes there are.
    fn classes(&self) -> usize;

    /// The successors of a state under the operation of a class.
    fn successors(&mut self, state: u32, class: u32, next: &mut Vec<u32>);

    /// How many states there are.
    fn states(&self) -> usize;

    /// How many bytes they hold, roughly.
    fn bytes(&self) -> u64;
}

/// The states of one model. The initial state has number 0.
pub(super) struct Interned<'a, M: Model> {
    model: &'a M,
    classes: &'a [M::Op],
    states: Vec<M::State>,
    ids: FxHashMap<M::State, u32>,
    /// What the states hold beyond their own size.
    held: u64,
}

impl<'a, M: Model> Interned<'a, M> {
    /// Just the initial state.
    pub(super) fn new(model: &'a M, classes: &'a [M::Op]) -> Self {
        let mut source = Interned { model, classes, states: Vec::new(), ids: FxHashMap::default(), held: 0 };
        source.intern(model.initial());
        source
    }

    /// A state by its number.
    pub(super) fn state(&self, id: u32) -> M::State {
        self.states[id as usize].clone()
    }

    fn intern(&mut self, state: M::State) -> u32 {
        if let Some(&id) = self.ids.get(&state) {
            return id;
        }
        let id = self.states.len() as u32;
        assert!(id < SEVERAL, "the byte budget runs out long before 2^31 states");
        self.held += 2 * self.model.held(&state) as u64;
        self.states.push(state.clone());
        self.ids.insert(state, id);
        id
    }
}

impl<M: Model> Source for Interned<'_, M> {
    fn nature(&self, class: u32) -> Nature {
        self.model.nature(&self.classes[class as usize])
    }

    fn classes(&self) -> usize {
        self.classes.len()
    }

    fn successors(&mut self, state: u32, class: u32, next: &mut Vec<u32>) {
        let model = self.model;
        let from = self.states[state as usize].clone();
        for after in model.step(&from, &self.classes[class as usize]) {
            let id = self.intern(after);
            if !next.contains(&id) {
                next.push(id);
            }
        }
    }

    fn states(&self) -> usize {
        self.states.len()
    }

    fn bytes(&self) -> u64 {
        (self.states.len() * (2 * size_of::<M::State>() + 16)) as u64 + self.held
    }
}

/// The states reachable in one subhistory, and the steps between them.
pub(super) struct Space<'a> {
    source: &'a mut dyn Source,
    natures: Vec<Nature>,
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

impl<'a> Space<'a> {
    /// No step was taken yet.
    pub(super) fn new(source: &'a mut dyn Source) -> Space<'a> {
        let natures = (0..source.classes() as u32).map(|class| source.nature(class)).collect();
        Space { source, natures, dense: Vec::new(), sparse: FxHashMap::default(), lists: Vec::new() }
    }

    /// What is known of a class in every state.
    pub(super) fn nature(&self, class: u32) -> Nature {
        self.natures[class as usize]
    }

    /// How many bytes this holds, roughly.
    pub(super) fn bytes(&self) -> u64 {
        self.source.bytes() + (self.dense.len() * 4 + self.sparse.len() * 20) as u64
    }

    /// The successors of `state` under the operation `class`.
    pub(super) fn step(&mut self, state: u32, class: u32) -> Next {
        let width = self.natures.len();
        let index = state as usize * width + class as usize;
        let known = if index < DENSE {
            if index >= self.dense.len() {
                let rows = (state as usize + 1).max(self.source.states()) * width;
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
        let mut next: Vec<u32> = Vec::new();
        self.source.successors(state, class, &mut next);
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
}
