//! The interfaces between workloads and targets: N + M, not N × M.
//!
//! A workload speaks one interface; a target says which ones it serves; any workload runs on any target that serves
//! its interface. An interface is a vocabulary: the functions, what their key and value are, and what comes back.

use std::fmt;

use rashomon_history::Value;
use serde::{Deserialize, Serialize};

/// What a target can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interface {
    /// Keyed registers. `read` (value nil → what it holds, nil before the first write), `write` (value),
    /// `cas` (`[from to]`; ends `fail` when the register did not hold `from`).
    Register,
    /// Keyed sets that only grow. `add` (element), `read` (→ list of elements, in any order).
    Set,
    /// Keyed counters. `add` (amount), `read` (→ total, 0 at first).
    Counter,
    /// Keyed sets that also shrink. `add` (element), `remove` (element), `read` (→ list of elements, in any order). An
    /// element may be added and removed many times.
    Cart,
    /// Keyed registers that keep concurrent writes side by side. `put` (`[v [seen…]]`, where `seen` are the values that
    /// it supersedes: what the same process' latest acknowledged read of the key returned; none for a blind put),
    /// `read` (→ list of the values that stand side by side, in any order).
    Siblings,
    /// Keyed sequences. `insert` (`[e after]`, where `after` is an element that the process has read, or nil for the
    /// beginning), `delete` (element), `read` (→ list of elements in order). An element is inserted once per key.
    Text,
    /// Keyed maps of registers that keep concurrent writes side by side. `put` (`[field v]`), `remove` (field), `read`
    /// (→ map of field → list of values, in any order).
    Map,
    /// Who is in the cluster. `read` (→ list of `[member state incarnation]` as this node sees them, by member; the
    /// state is `alive`, `suspect`, `dead` or `left`), `leave` and `join` (nil: the node itself leaves, comes back).
    Members,
    /// Queues. `enqueue` (element), `dequeue` (→ element, nil when empty).
    Queue,
    /// Logs. `send` (element → offset), `poll` (offset → list of `[offset element]`).
    Log,
    /// Transactions: a list of micro-operations `["append" k v]`, `["w" k v]`, `["r" k nil]`.
    Txn,
    /// Accounts. `transfer` (`[from to amount]`), `read` (→ map of balances).
    Bank,
    /// Locks. `acquire` (→ fencing token), `release`.
    Lock,
    /// `generate` (→ an id nobody else gets).
    Ids,
}

impl Interface {
    /// The word used on the command line and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Interface::Register => "register",
            Interface::Set => "set",
            Interface::Counter => "counter",
            Interface::Cart => "cart",
            Interface::Siblings => "siblings",
            Interface::Text => "text",
            Interface::Map => "map",
            Interface::Members => "members",
            Interface::Queue => "queue",
            Interface::Log => "log",
            Interface::Txn => "txn",
            Interface::Bank => "bank",
            Interface::Lock => "lock",
            Interface::Ids => "ids",
        }
    }

    /// Whether nodes that agreed may come apart again though nothing was updated: a failure detector errs now and then,
    /// so one look at a late time proves nothing.
    pub fn may_err(self) -> bool {
        self == Interface::Members
    }

    /// What a read answered, in a form in which two answers are equal when they say the same: elements are sorted where
    /// their order means nothing.
    pub fn canonical(self, answer: &Value) -> Value {
        match self {
            Interface::Set | Interface::Cart | Interface::Siblings => sorted(answer),
            Interface::Map => match answer {
                Value::Map(fields) => {
                    let mut fields: Vec<_> = fields.iter().map(|(name, held)| (name.clone(), sorted(held))).collect();
                    fields.sort();
                    Value::Map(fields.into())
                }
                other => other.clone(),
            },
            // Who has gone is forgotten sooner here and later there, and nobody's incarnation is news for ever.
            Interface::Members => live_members(answer),
            _ => answer.clone(),
        }
    }
}

/// Who takes part (is alive or suspect), of rows `[member state incarnation]`; anything else as it is.
fn live_members(view: &Value) -> Value {
    let Some(rows) = view.as_list() else { return view.clone() };
    let live = rows.iter().filter_map(|row| match row.as_list() {
        Some([member, Value::Text(state), _]) => matches!(&**state, "alive" | "suspect").then(|| member.clone()),
        _ => Some(row.clone()),
    });
    sorted(&Value::list(live))
}

/// A list with its elements in order; anything else as it is.
fn sorted(value: &Value) -> Value {
    let Some(elements) = value.as_list() else { return value.clone() };
    let mut elements = elements.to_vec();
    elements.sort();
    Value::list(elements)
}

impl fmt::Display for Interface {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_elements_matters_only_where_it_means_something() {
        let list = |numbers: [i64; 2]| Value::list(numbers.map(Value::Int));
        let (forth, back) = (list([1, 2]), list([2, 1]));
        for interface in [Interface::Set, Interface::Cart, Interface::Siblings] {
            assert_eq!(interface.canonical(&forth), interface.canonical(&back));
        }
        assert_ne!(Interface::Text.canonical(&forth), Interface::Text.canonical(&back));
        let map = |fields: Vec<(&str, &Value)>| {
            Value::Map(fields.into_iter().map(|(name, held)| (Value::text(name), held.clone())).collect())
        };
        let one = map(vec![("a", &forth), ("b", &back)]);
        assert_eq!(Interface::Map.canonical(&one), Interface::Map.canonical(&map(vec![("b", &forth), ("a", &back)])));
        assert_ne!(Interface::Map.canonical(&one), Interface::Map.canonical(&map(vec![("a", &forth)])));
    }

    #[test]
    fn views_say_the_same_when_the_same_members_take_part() {
        let view = |rows: &[(i64, &str, i64)]| {
            let row = |&(member, state, incarnation): &(i64, &str, i64)| {
                Value::list([Value::Int(member), Value::text(state), Value::Int(incarnation)])
            };
            Interface::Members.canonical(&Value::list(rows.iter().map(row)))
        };
        let one = view(&[(1, "alive", 1), (2, "suspect", 4), (3, "left", 2)]);
        assert_eq!(one, view(&[(1, "alive", 2), (2, "alive", 4)]), "the third was forgotten");
        assert_ne!(one, view(&[(1, "alive", 1), (2, "dead", 4), (3, "left", 2)]));
        assert_ne!(one, view(&[(1, "alive", 1), (2, "alive", 4), (3, "alive", 3)]));
    }
}
