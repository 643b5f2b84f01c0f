//! A set of configurations of which none dominates another.

use super::super::tokens::Tokens;
use super::config::{Config, Shape};

const END: u32 = u32::MAX;
/// The state of a configuration that was dominated.
const DEAD: u32 = u32::MAX;

/// Configurations in order of insertion, chained by state.
pub(super) struct Table<const W: usize> {
    configs: Vec<Config<W>>,
    next: Vec<u32>,
    /// The first configuration of each state.
    heads: Vec<u32>,
    /// The states with configurations, to clear quickly.
    states: Vec<u32>,
    /// How many configurations that differ only in tokens are kept: the first ones.
    width: usize,
}

impl<const W: usize> Default for Table<W> {
    fn default() -> Self {
        Table { configs: Vec::new(), next: Vec::new(), heads: Vec::new(), states: Vec::new(), width: usize::MAX }
    }
}

impl<const W: usize> Table<W> {
    /// An empty table that keeps at most `width` configurations that differ only in tokens.
    pub(super) fn of_width(width: usize) -> Self {
        Table { width, ..Table::default() }
    }

    pub(super) fn clear(&mut self) {
        for state in self.states.drain(..) {
            self.heads[state as usize] = END;
        }
        self.configs.clear();
        self.next.clear();
    }

    /// How many were inserted, dominated ones included.
    pub(super) fn len(&self) -> usize {
        self.configs.len()
    }

    /// True when none was inserted.
    pub(super) fn is_empty(&self) -> bool {
        self.configs.is_empty()
    }

    /// One of them, unless it was dominated since.
    pub(super) fn get(&self, index: usize) -> Option<Config<W>> {
        let config = self.configs[index];
        (config.state != DEAD).then_some(config)
    }

    pub(super) fn set_trace(&mut self, index: u32, trace: u32) {
        self.configs[index as usize].trace = trace;
    }

    pub(super) fn bytes(&self) -> u64 {
        (self.configs.capacity() * (size_of::<Config<W>>() + 4) + self.heads.len() * 4) as u64
    }

    /// Adds a configuration unless one here dominates it; drops those that it dominates. Returns its index.
    pub(super) fn insert(
        &mut self,
        config: Config<W>,
        shape: &Shape<W>,
        tokens: &Tokens,
        steps: &mut u64,
    ) -> Option<u32> {
        let state = config.state as usize;
        if self.heads.len() <= state {
            self.heads.resize(state + 1, END);
        }
        if self.heads[state] == END {
            self.states.push(config.state);
        }
        let (mut before, mut here) = (END, self.heads[state]);
        let mut compared = 0u64;
        let mut alike = 0;
        while here != END {
            let other = &self.configs[here as usize];
            compared += 1;
            alike += usize::from(other.done == config.done && other.free == config.free);
            if alike >= self.width || other.covers(&config, shape) && tokens.at_most(other.used, config.used) {
                *steps += compared / 8;
                return None;
            }
            let after = self.next[here as usize];
            if config.covers(other, shape) && tokens.at_most(config.used, other.used) {
                self.configs[here as usize].state = DEAD;
                match before {
                    END => self.heads[state] = after,
                    before => self.next[before as usize] = after,
                }
            } else {
                before = here;
            }
            here = after;
        }
        *steps += compared / 8;
        let index = self.configs.len() as u32;
        self.configs.push(config);
        self.next.push(self.heads[state]);
        self.heads[state] = index;
        Some(index)
    }

    /// Moves what is left to a list.
    pub(super) fn drain_into(&mut self, configs: &mut Vec<Config<W>>) {
        configs.extend(self.configs.iter().filter(|config| config.state != DEAD));
    }
}
