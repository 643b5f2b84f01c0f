//! The just-in-time frontier: all configurations that explain the history so far, event by event.
//!
//! After Lowe, *Testing for linearizability* (2017), section 4 (just-in-time linearization): an operation is placed at
//! the latest when it completes, together with those that must come before it. On top of that:
//!
//! - Operations of unknown outcome are interchangeable **tokens**; a configuration that used fewer of them dominates.
//! - An [observer](Nature::Observer) is placed as soon as it is allowed: that costs nothing.
//! - Of pending operations that do the same, the one that completes first is placed first.
//! - Once anything **overwrote** the state while an overwriting operation was pending, that operation is *free*: it may
//!   be placed later, or count as placed just before the other, unseen. A free operation dominates a placed one and one
//!   that is still due. So it never has to be guessed which of several overlapping writes came first.
//!
//! Time is linear in the length of the history and exponential in what is pending at once, but with these rules only in
//! how many *different* operations can really change the outcome.

mod config;
mod proof;
mod table;

use super::space::{Interned, Next, Source, Space};
use super::tokens::Tokens;
use super::{Answer, Answered, Shortage};
use crate::model::{Model, Nature};
use crate::subhistory::{Item, NEVER, Subhistory};
use crate::verdict::Budget;
use config::{Config, Mask, Shape};
use proof::Traces;
use table::Table;

/// The most operations of certain outcome that may be pending at once.
pub(super) const PENDING_MAX: usize = 1024;
/// A contradiction is reported from this many moments of agreement before it.
const CUTS: usize = 24;

/// How faithfully the frontier is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Exactly: the answer is the answer.
    Exact,
    /// As if there were infinitely many of each token: *no* is certain, *yes* only with a proof.
    Inexhaustible,
    /// Only some of the configurations: *yes* is certain, *no* is not.
    Beam {
        /// Of those that differ only in tokens, this many.
        width: usize,
        /// A token is used within this many operations of its invocation. Most that took effect at all did so soon.
        reach: u32,
        /// A token is used only where the history so far cannot be explained without one more. As it may still be used
        /// later, little is lost.
        lazy: bool,
    },
}

impl Mode {
    fn is_lazy(self) -> bool {
        matches!(self, Mode::Beam { lazy: true, .. })
    }
}

/// Decides a subhistory by following its frontier. In the inexact modes an answer that is not certain is `Unknown`.
pub fn frontier<M: Model>(model: &M, subhistory: &Subhistory<M::Op>, mode: Mode, budget: &Budget) -> Answered {
    follow(&mut Interned::new(model, &subhistory.classes), &subhistory.items, mode, budget)
}

fn follow(source: &mut dyn Source, items: &[Item], mode: Mode, budget: &Budget) -> Answered {
    match most_pending(items) {
        0..=64 => Frontier::<1>::new(source, items, mode).run(budget),
        65..=128 => Frontier::<2>::new(source, items, mode).run(budget),
        129..=256 => Frontier::<4>::new(source, items, mode).run(budget),
        257..=PENDING_MAX => Frontier::<16>::new(source, items, mode).run(budget),
        _ => Answered { answer: Answer::Unknown(Shortage::Pending), steps: 0 },
    }
}

/// The suffix of a refuted subhistory, from a moment at which all explanations agreed on the state: that state, when it
/// was, and what happened since. It is refuted only when the subhistory is.
pub(crate) fn refuted_suffix<M: Model>(
    model: &M,
    subhistory: &Subhistory<M::Op>,
    budget: &Budget,
) -> Option<(M::State, u32, Subhistory<M::Op>)> {
    let mut source = Interned::new(model, &subhistory.classes);
    let (state, at, items) = match most_pending(&subhistory.items) {
        0..=64 => Frontier::<1>::new(&mut source, &subhistory.items, Mode::Exact).refuted_suffix(budget),
        65..=256 => Frontier::<4>::new(&mut source, &subhistory.items, Mode::Exact).refuted_suffix(budget),
        257..=PENDING_MAX => Frontier::<16>::new(&mut source, &subhistory.items, Mode::Exact).refuted_suffix(budget),
        _ => None,
    }?;
    Some((
        source.state(state),
        at,
        Subhistory { key: subhistory.key.clone(), items, classes: subhistory.classes.clone() },
    ))
}

/// How many operations of certain outcome are pending at once at most.
fn most_pending(items: &[Item]) -> usize {
    let mut pending: Vec<u32> = Vec::new();
    let mut most = 0;
    for item in items.iter().filter(|item| item.is_certain()) {
        // Forgetting lazily keeps this linear: the list is at most twice as long as needed.
        if pending.len() >= 2 * most.max(8) {
            pending.retain(|&completed| completed > item.invoked);
            most = most.max(pending.len());
        }
        pending.push(item.completed);
        if pending.len() > most {
            pending.retain(|&completed| completed > item.invoked);
            most = most.max(pending.len());
        }
    }
    most
}

/// A pending operation of certain outcome.
#[derive(Clone, Copy)]
struct Pending {
    completed: u32,
    item: u32,
    class: u32,
    slot: u32,
}

/// The pending operations that do the same.
struct Group<const W: usize> {
    class: u32,
    /// `(completed, slot, item)`, the first to complete first.
    members: Vec<(u32, u32, u32)>,
    mask: Mask<W>,
}

struct Frontier<'a, const W: usize> {
    items: &'a [Item],
    mode: Mode,
    space: Space<'a>,
    tokens: Tokens,
    /// Pending operations, the next to complete last.
    pending: Vec<Pending>,
    slots: Vec<u32>,
    updates: Vec<Group<W>>,
    observers: Vec<Group<W>>,
    /// Which slots hold what.
    shape: Shape<W>,
    /// The token kinds invoked so far.
    invoked_kinds: Vec<u32>,
    configs: Vec<Config<W>>,
    traces: Traces,
    seen: Table<W>,
    out: Table<W>,
    /// Per state: the pending observers allowed in it, and the event for which that was found out.
    allowed: Vec<(u32, Mask<W>)>,
    event: u32,
    steps: u64,
    /// The latest moments at which only one configuration was left; `None` when nobody wants to know.
    cuts: Option<Vec<Cut>>,
}

/// A moment at which all explanations of the history so far agreed: on the state, on which pending operations had taken
/// effect, and that none of unknown outcome had to.
struct Cut {
    at: u32,
    state: u32,
    /// The pending operations (item indices) that had not taken effect, and whether they still must.
    pending: Vec<(u32, bool)>,
}

impl<'a, const W: usize> Frontier<'a, W> {
    fn new(source: &'a mut dyn Source, items: &'a [Item], mode: Mode) -> Self {
        let width = match mode {
            Mode::Beam { width, .. } => width,
            Mode::Exact | Mode::Inexhaustible => usize::MAX,
        };
        Frontier {
            items,
            mode,
            space: Space::new(source),
            tokens: Tokens::of(items),
            pending: Vec::new(),
            slots: (0..64 * W as u32).rev().collect(),
            updates: Vec::new(),
            observers: Vec::new(),
            shape: Shape::default(),
            invoked_kinds: Vec::new(),
            configs: vec![Config::initial()],
            traces: Traces::default(),
            seen: Table::of_width(width),
            out: Table::of_width(width),
            allowed: Vec::new(),
            event: 0,
            steps: 0,
            cuts: None,
        }
    }

    fn run(&mut self, budget: &Budget) -> Answered {
        let items = self.items;
        let mut kind_known = vec![false; self.tokens.kinds()];
        for (index, item) in items.iter().enumerate() {
            if let Err(answer) = self.complete_before(item.invoked, budget) {
                return Answered { answer, steps: self.steps };
            }
            if item.is_certain() {
                self.invoke(index as u32, item);
            } else {
                let kind = self.tokens.kind_of(item.class);
                if !std::mem::replace(&mut kind_known[kind], true) {
                    self.invoked_kinds.push(kind as u32);
                }
            }
        }
        if let Err(answer) = self.complete_before(u32::MAX, budget) {
            return Answered { answer, steps: self.steps };
        }
        let answer = match self.traces.proof(&self.configs[0], items, &mut self.space) {
            order if self.mode != Mode::Inexhaustible => Answer::Yes(order),
            // With tokens from nothing a proof may use an operation twice.
            _ => Answer::Unknown(Shortage::Inexact),
        };
        Answered { answer, steps: self.steps }
    }

    fn refuted_suffix(mut self, budget: &Budget) -> Option<(u32, u32, Vec<Item>)> {
        self.cuts = Some(Vec::new());
        let Answer::No { .. } = self.run(budget).answer else { return None };
        let cuts = self.cuts.take()?;
        let cut = &cuts[cuts.len().saturating_sub(CUTS)..].first()?;
        let mut items = Vec::new();
        for (index, item) in self.items.iter().enumerate() {
            let mut item = *item;
            if item.is_certain() && item.invoked < cut.at {
                let Some(&(_, free)) = cut.pending.iter().find(|pending| pending.0 as usize == index) else { continue };
                if free {
                    // It may count as overwritten unseen: what it says beyond that is given up.
                    item.completed = NEVER;
                }
            }
            items.push(item);
        }
        Some((cut.state, cut.at, items))
    }

    fn invoke(&mut self, item: u32, &Item { class, completed, .. }: &Item) {
        let slot = self.slots.pop().expect("there are as many slots as operations pending at once");
        let place = self.pending.partition_point(|pending| pending.completed > completed);
        self.pending.insert(place, Pending { completed, item, class, slot });
        let nature = self.space.nature(class);
        self.shape.occupy(slot, nature);
        let groups = if nature == Nature::Observer { &mut self.observers } else { &mut self.updates };
        let group = match groups.iter().position(|group| group.class == class) {
            Some(found) => &mut groups[found],
            None => {
                groups.push(Group { class, members: Vec::new(), mask: Mask::EMPTY });
                groups.last_mut().expect("just pushed")
            }
        };
        let place = group.members.partition_point(|member| member.0 < completed);
        group.members.insert(place, (completed, slot, item));
        group.mask.set(slot);
    }

    /// Takes an operation that completed out of the books.
    fn retire(&mut self, op: Pending) {
        let groups = if self.shape.is_observer(op.slot) { &mut self.observers } else { &mut self.updates };
        let found = groups.iter().position(|group| group.class == op.class).expect("it was put there");
        groups[found].members.retain(|member| member.1 != op.slot);
        groups[found].mask.clear(op.slot);
        if groups[found].members.is_empty() {
            groups.swap_remove(found);
        }
        self.shape.vacate(op.slot);
        self.slots.push(op.slot);
    }

    /// Handles all completions before a position.
    fn complete_before(&mut self, position: u32, budget: &Budget) -> Result<(), Answer> {
        while let Some(&op) = self.pending.last()
            && op.completed < position
        {
            self.pending.pop();
            self.event = op.completed;
            self.complete(op, budget)?;
            self.retire(op);
            if let (Some(cuts), [config]) = (&mut self.cuts, &self.configs[..])
                && config.used == 0
            {
                let pending = self.pending.iter().filter(|pending| !config.done.has(pending.slot));
                let pending = pending.map(|pending| (pending.item, config.free.has(pending.slot))).collect();
                cuts.push(Cut { at: op.completed, state: config.state, pending });
                if cuts.len() > 2 * CUTS {
                    cuts.drain(..CUTS);
                }
            }
            if self.configs.is_empty() {
                return Err(match self.mode {
                    Mode::Beam { .. } => Answer::Unknown(Shortage::Inexact),
                    _ => Answer::No { at: op.completed, among: Vec::new() },
                });
            }
            self.traces.compact(&mut self.configs);
        }
        Ok(())
    }

    /// Leaves only configurations in which this operation is placed.
    fn complete(&mut self, op: Pending, budget: &Budget) -> Result<(), Answer> {
        self.out.clear();
        self.seen.clear();
        let mut configs = std::mem::take(&mut self.configs);
        for config in configs.drain(..) {
            self.arrive(config, op, None);
        }
        // In layers: everything that can be reached without a token comes before what needs one, and so on. What used
        // fewer tokens dominates, so most of what needs more is dropped on arrival.
        let (mut next, mut spent) = (0, 0);
        loop {
            while next < self.seen.len() {
                if let Some(config) = self.seen.get(next) {
                    self.place_open(config, op);
                    self.within(budget)?;
                }
                next += 1;
            }
            if spent == next || self.mode.is_lazy() && !self.out.is_empty() {
                break;
            }
            for index in spent..next {
                if let Some(config) = self.seen.get(index) {
                    self.place_tokens(config, op);
                    self.within(budget)?;
                }
            }
            spent = next;
        }
        self.out.drain_into(&mut configs);
        self.configs = configs;
        Ok(())
    }

    /// Whether the budget lasts.
    fn within(&self, budget: &Budget) -> Result<(), Answer> {
        let bytes = self.seen.bytes() + self.out.bytes() + self.traces.bytes();
        if self.steps > budget.steps {
            return Err(Answer::Unknown(Shortage::Steps));
        }
        if bytes + self.space.bytes() + self.tokens.bytes() > budget.bytes {
            return Err(Answer::Unknown(Shortage::Bytes));
        }
        Ok(())
    }

    /// Every pending operation that can be placed next in a configuration in which `op` is not placed yet.
    fn place_open(&mut self, config: Config<W>, op: Pending) {
        if !self.shape.is_observer(op.slot) {
            self.place(config, op.class, Some(op.slot), op.item, config.used, op);
        }
        for group in 0..self.updates.len() {
            let Group { class, members, .. } = &self.updates[group];
            // `op` completes before all others, so it is the first of its own class.
            if *class == op.class {
                continue;
            }
            if let Some(&(_, slot, item)) = members.iter().find(|member| !config.done.has(member.1)) {
                self.place(config, *class, Some(slot), item, config.used, op);
            }
        }
    }

    /// Every token that can be used next in such a configuration.
    fn place_tokens(&mut self, config: Config<W>, op: Pending) {
        for index in 0..self.invoked_kinds.len() {
            let kind = self.invoked_kinds[index] as usize;
            let class = self.tokens.class(kind);
            let first = match self.mode {
                Mode::Beam { reach, .. } => op.item.saturating_sub(reach),
                Mode::Exact | Mode::Inexhaustible => 0,
            };
            let Some((item, count)) = self.tokens.next(config.used, kind, first) else { continue };
            if self.items[item as usize].invoked > self.event {
                continue;
            }
            // Use up what has to be placed anyway before what has not.
            let group = self.updates.iter().find(|group| group.class == class);
            if group.is_some_and(|group| !group.mask.minus(config.done).is_empty()) {
                continue;
            }
            if matches!(self.space.step(config.state, class), Next::One(state) if state == config.state) {
                continue;
            }
            let used =
                if self.mode == Mode::Inexhaustible { config.used } else { self.tokens.with(config.used, kind, count) };
            self.place(config, class, None, item, used, op);
        }
    }

    /// Places one operation in every way that the model allows.
    fn place(&mut self, config: Config<W>, class: u32, slot: Option<u32>, item: u32, used: u32, op: Pending) {
        self.steps += 1;
        match self.space.step(config.state, class) {
            Next::None => {}
            Next::One(state) => self.reach(config, class, slot, item, used, state, op),
            Next::Several(list) => {
                for index in 0..self.space.list(list).len() {
                    let state = self.space.list(list)[index];
                    self.reach(config, class, slot, item, used, state, op);
                }
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the one place that makes a configuration from another")]
    fn reach(
        &mut self,
        mut config: Config<W>,
        class: u32,
        slot: Option<u32>,
        item: u32,
        used: u32,
        state: u32,
        op: Pending,
    ) {
        config.state = state;
        config.used = used;
        if let Some(slot) = slot {
            config.done.set(slot);
        }
        if self.space.nature(class) == Nature::Overwrite {
            config.free = config.free.or(self.shape.overwrites);
        }
        config.free = config.free.minus(config.done);
        self.arrive(config, op, Some(item));
    }

    /// Files a configuration: with `op` placed it goes on to the next event, without it is to be expanded.
    fn arrive(&mut self, mut config: Config<W>, op: Pending, placed: Option<u32>) {
        let observed = self.allowed_in(config.state);
        config.done = config.done.or(observed);
        let mut traced = placed.is_none();
        let settled = config.done.has(op.slot);
        if settled || config.free.has(op.slot) {
            let mut after = config;
            after.done.clear(op.slot);
            after.free.clear(op.slot);
            if let Some(index) = self.out.insert(after, &self.shape, &self.tokens, &mut self.steps) {
                if let (Some(item), false) = (placed, traced) {
                    config.trace = self.traces.push(config.trace, item, self.event, config.state);
                    traced = true;
                }
                self.out.set_trace(index, config.trace);
            }
        }
        if !settled && let Some(index) = self.seen.insert(config, &self.shape, &self.tokens, &mut self.steps) {
            if let (Some(item), false) = (placed, traced) {
                config.trace = self.traces.push(config.trace, item, self.event, config.state);
            }
            self.seen.set_trace(index, config.trace);
        }
    }

    /// The pending observers that are allowed in a state.
    fn allowed_in(&mut self, state: u32) -> Mask<W> {
        if self.observers.is_empty() {
            return Mask::EMPTY;
        }
        let index = state as usize;
        if self.allowed.len() <= index {
            self.allowed.resize(index + 1, (u32::MAX, Mask::EMPTY));
        }
        let (event, mask) = self.allowed[index];
        if event == self.event {
            return mask;
        }
        let mut mask = Mask::EMPTY;
        for group in &self.observers {
            self.steps += 1;
            if !matches!(self.space.step(state, group.class), Next::None) {
                mask = mask.or(group.mask);
            }
        }
        self.allowed[index] = (self.event, mask);
        mask
    }
}
