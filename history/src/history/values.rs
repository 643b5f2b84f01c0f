//! Values as 32-bit ids: equal ids exactly for equal values.
//!
//! Small integers need no table, and a list of two (the pair of a compare-and-set) is two ids.

use rustc_hash::FxHashMap;

use crate::Value;

/// Set for an integer: the other 31 bits are the integer.
const INT: u32 = 1 << 31;
/// Set (and [`INT`] not) for a list of two: the other 30 bits are its index.
const PAIR: u32 = 1 << 30;
/// Integers from `-INT_LIMIT` to `INT_LIMIT - 1` are their own id.
const INT_LIMIT: i64 = 1 << 30;

/// The values of a history.
#[derive(Clone, Debug)]
pub(super) struct Values {
    others: Vec<Value>,
    pairs: Vec<(u32, u32)>,
}

impl Default for Values {
    fn default() -> Values {
        Values { others: vec![Value::Nil], pairs: Vec::new() }
    }
}

impl Values {
    /// The id of nil.
    pub(super) const NIL: u32 = 0;

    /// The value of an id. Panics when there is none.
    pub(super) fn get(&self, id: u32) -> Value {
        if id & INT != 0 {
            Value::Int(i64::from((id << 1) as i32 >> 1))
        } else if let Some((first, second)) = self.pair(id) {
            Value::pair(self.get(first), self.get(second))
        } else {
            self.others[id as usize].clone()
        }
    }

    /// The two ids of a list of two.
    #[inline]
    pub(super) fn pair(&self, id: u32) -> Option<(u32, u32)> {
        (id & (INT | PAIR) == PAIR).then(|| self.pairs[(id & !PAIR) as usize])
    }

    /// Bytes held, not counting what larger values share.
    pub(super) fn bytes(&self) -> u64 {
        (self.others.len() * size_of::<Value>() + self.pairs.len() * 8) as u64
    }
}

/// Gives ids to values.
#[derive(Debug, Default)]
pub(super) struct Interner {
    others: FxHashMap<Value, u32>,
    pairs: FxHashMap<(u32, u32), u32>,
}

impl Interner {
    /// The id of a small integer, which needs no table.
    #[inline]
    pub(super) fn small(number: i64) -> Option<u32> {
        (-INT_LIMIT..INT_LIMIT).contains(&number).then_some(number as u32 | INT)
    }

    /// The id of a value; `None` when there are more than 2^30 of them.
    pub(super) fn id(&mut self, value: &Value, values: &mut Values) -> Option<u32> {
        match value {
            Value::Nil => Some(Values::NIL),
            Value::Int(number) if (-INT_LIMIT..INT_LIMIT).contains(number) => Some(*number as u32 | INT),
            Value::List(items) if items.len() == 2 => {
                let pair = (self.id(&items[0], values)?, self.id(&items[1], values)?);
                if let Some(&id) = self.pairs.get(&pair) {
                    return Some(id);
                }
                let id = u32::try_from(values.pairs.len()).ok().filter(|id| id & (INT | PAIR) == 0)? | PAIR;
                values.pairs.push(pair);
                self.pairs.insert(pair, id);
                Some(id)
            }
            other => {
                if let Some(&id) = self.others.get(other) {
                    return Some(id);
                }
                let id = u32::try_from(values.others.len()).ok().filter(|id| id & (INT | PAIR) == 0)?;
                values.others.push(other.clone());
                self.others.insert(other.clone(), id);
                Some(id)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_ids_exactly_for_equal_values() {
        let ints = [0, 1, -1, INT_LIMIT - 1, INT_LIMIT, -INT_LIMIT, -INT_LIMIT - 1, i64::MAX, i64::MIN];
        let mut samples = vec![Value::Nil, Value::Bool(true), Value::Bool(false), Value::text("1"), Value::text("")];
        samples.extend(ints.map(Value::Int));
        samples.push(Value::list([]));
        samples.push(Value::list([Value::Int(1)]));
        samples.push(Value::list([Value::Int(1), Value::Int(2), Value::Int(3)]));
        for index in 0..samples.len() {
            samples.push(Value::pair(samples[index].clone(), Value::Int(7)));
            samples.push(Value::pair(Value::Int(7), samples[index].clone()));
        }
        let (mut values, mut interner) = (Values::default(), Interner::default());
        let ids: Vec<u32> =
            samples.iter().map(|value| interner.id(value, &mut values).expect("they are few")).collect();
        for (index, value) in samples.iter().enumerate() {
            assert_eq!(values.get(ids[index]), *value);
            assert_eq!(interner.id(value, &mut values), Some(ids[index]));
            for (other, other_value) in samples.iter().enumerate() {
                assert_eq!(ids[index] == ids[other], value == other_value, "{value} and {other_value}");
            }
        }
        assert_eq!(ids[0], Values::NIL);
    }
}
