//! Values as dense numbers, in the order in which they are first named.

use std::borrow::Borrow;

use rashomon_history::Value;
use rustc_hash::FxHashMap;

/// No number.
const NONE: u32 = u32::MAX;

/// Values as dense numbers. Integers that lie close together need no hashing.
#[derive(Default)]
pub(crate) struct Names {
    first: i64,
    near: Vec<u32>,
    far: FxHashMap<Value, u32>,
    names: Vec<Value>,
}

impl Names {
    /// Of elements that will probably be among these.
    pub(crate) fn expecting(values: impl Iterator<Item = impl Borrow<Value>>) -> Names {
        let (mut low, mut high, mut count) = (i64::MAX, i64::MIN, 0_u64);
        for number in values.filter_map(|value| value.borrow().as_int()) {
            (low, high, count) = (low.min(number), high.max(number), count + 1);
        }
        let width = if low > high { 0 } else { high.abs_diff(low).saturating_add(1) };
        let near = if width <= 4 * count { vec![NONE; width as usize] } else { Vec::new() };
        Names { first: low, near, ..Names::default() }
    }

    /// The number of a value, a new one if it has none.
    pub(crate) fn number(&mut self, value: &Value) -> u32 {
        let slot = match value {
            Value::Int(int) => {
                usize::try_from(int.wrapping_sub(self.first)).ok().filter(|slot| *slot < self.near.len())
            }
            _ => None,
        };
        let next = self.names.len() as u32;
        let number = match slot {
            Some(slot) => &mut self.near[slot],
            None => match self.far.get(value) {
                Some(&number) => return number,
                None => self.far.entry(value.clone()).or_insert(NONE),
            },
        };
        if *number == NONE {
            *number = next;
            self.names.push(value.clone());
        }
        *number
    }

    /// The number of a value, if it has one.
    pub(crate) fn find(&self, value: &Value) -> Option<u32> {
        let near = value.as_int().and_then(|int| usize::try_from(int.wrapping_sub(self.first)).ok());
        let number = near.and_then(|slot| self.near.get(slot)).or_else(|| self.far.get(value)).copied();
        number.filter(|&number| number != NONE)
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn name(&self, number: u32) -> &Value {
        &self.names[number as usize]
    }
}
