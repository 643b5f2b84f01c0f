//! The interfaces that the included workloads and targets share.

use rashomon_history::Value;

use super::{Function, Interface, as_answered, sorted};

/// All of them, in the order in which they are listed.
pub static INCLUDED: [&Interface; 16] = [
    &REGISTER,
    &SET,
    &COUNTER,
    &CART,
    &SIBLINGS,
    &TEXT,
    &MAP,
    &MEMBERS,
    &QUEUE,
    &LOG,
    &LIST_APPEND,
    &RW_REGISTER,
    &BANK,
    &LOCK,
    &IDS,
    &ECHO,
];

/// Keyed registers.
pub static REGISTER: Interface = Interface {
    functions: &[
        Function::read("read", "nil → the value held, nil before the first write"),
        Function::update("write", "value"),
        Function::update("cas", "[from to]; fails when the register did not hold `from`"),
    ],
    ..plain("register", "keyed registers")
};

/// Keyed sets that only grow.
pub static SET: Interface = Interface {
    functions: &[Function::update("add", "element"), Function::read("read", "nil → list of elements, in any order")],
    canonical: sorted,
    ..plain("set", "keyed sets that only grow")
};

/// Keyed counters.
pub static COUNTER: Interface = Interface {
    functions: &[Function::update("add", "amount"), Function::read("read", "nil → total, 0 at first")],
    ..plain("counter", "keyed counters")
};

/// Keyed sets that also shrink. An element may be added and removed many times.
pub static CART: Interface = Interface {
    functions: &[
        Function::update("add", "element"),
        Function::update("remove", "element"),
        Function::read("read", "nil → list of elements, in any order"),
    ],
    canonical: sorted,
    ..plain("cart", "keyed sets that also shrink")
};

/// Keyed registers that keep concurrent writes side by side.
pub static SIBLINGS: Interface = Interface {
    functions: &[
        Function::update(
            "put",
            "[v [seen…]], where `seen` are the values that it supersedes: what the same process' latest acknowledged \
             read of the key returned; none for a blind put",
        ),
        Function::read("read", "nil → list of the values that stand side by side, in any order"),
    ],
    canonical: sorted,
    ..plain("siblings", "keyed registers that keep concurrent writes side by side")
};

/// Keyed sequences. An element is inserted once per key.
pub static TEXT: Interface = Interface {
    functions: &[
        Function::update(
            "insert",
            "[e after], where `after` is an element that the process has read, nil: the beginning",
        ),
        Function::update("delete", "element"),
        Function::read("read", "nil → list of elements in order"),
    ],
    ..plain("text", "keyed sequences")
};

/// Keyed maps of registers that keep concurrent writes side by side.
pub static MAP: Interface = Interface {
    functions: &[
        Function::update("put", "[field v]"),
        Function::update("remove", "field"),
        Function::read("read", "nil → map of field → list of values, in any order"),
    ],
    canonical: sorted_fields,
    ..plain("map", "keyed maps of registers that keep concurrent writes side by side")
};

/// The members of a cluster.
pub static MEMBERS: Interface = Interface {
    functions: &[
        Function::read(
            "read",
            "nil → list of [member state incarnation] as this node sees them, by member; the state is `alive`, \
             `suspect`, `dead` or `left`",
        ),
        Function::update("leave", "nil: the node itself leaves"),
        Function::update("join", "nil: the node itself comes back"),
    ],
    // Members that are gone are forgotten at different times, and an incarnation is not news for ever.
    canonical: live_members,
    may_err: true,
    ..plain("members", "the members of a cluster")
};

/// Queues.
pub static QUEUE: Interface = Interface {
    functions: &[Function::update("enqueue", "element"), Function::take("dequeue", "nil → element, nil when empty")],
    ..plain("queue", "queues")
};

/// Logs.
pub static LOG: Interface = Interface {
    functions: &[
        Function::update("send", "element → offset"),
        Function::read("poll", "offset → list of [offset element]"),
    ],
    ..plain("log", "logs")
};

/// Transactions over keyed lists, empty at first.
pub static LIST_APPEND: Interface = Interface {
    functions: &[transaction(
        "list of micro-operations [\"append\" k v], [\"r\" k nil] → the same with the lists that were read",
    )],
    ..plain("list-append", "transactions over keyed lists")
};

/// Transactions over keyed registers, nil at first.
pub static RW_REGISTER: Interface = Interface {
    functions: &[transaction(
        "list of micro-operations [\"w\" k v], [\"r\" k nil] → the same with the values that were read",
    )],
    ..plain("rw-register", "transactions over keyed registers")
};

/// A bank's accounts are numbered from 0.
pub const BANK_ACCOUNTS: i64 = 8;
/// What each account of a bank holds at first.
pub const BANK_BALANCE: i64 = 100;

/// Accounts: [`BANK_ACCOUNTS`] of them, each with [`BANK_BALANCE`] at first.
pub static BANK: Interface = Interface {
    functions: &[
        Function::update("transfer", "[from to amount]; fails when `from` holds less"),
        Function::read("read", "nil → map of the balances of all accounts, 0 to 7 with 100 each at first"),
    ],
    ..plain("bank", "accounts between which money is transferred")
};

/// Locks.
pub static LOCK: Interface = Interface {
    functions: &[Function::take("acquire", "nil → fencing token"), Function::update("release", "nil")],
    ..plain("lock", "locks with fencing tokens")
};

/// Identifiers.
pub static IDS: Interface = Interface {
    functions: &[Function::take("generate", "nil → an identifier that is given out once")],
    ..plain("ids", "unique identifiers")
};

/// Echoes.
pub static ECHO: Interface = Interface {
    functions: &[Function::read("echo", "value → the same value")],
    ..plain("echo", "echoes of what is sent")
};

/// An interface without functions whose answers are canonical as they are.
const fn plain(name: &'static str, summary: &'static str) -> Interface {
    Interface { name, summary, functions: &[], canonical: as_answered, may_err: false }
}

/// The function of a transaction.
const fn transaction(meaning: &'static str) -> Function {
    Function { name: "txn", meaning, observes: reads_in_transaction, updates: true }
}

/// Whether a transaction has a micro-operation that reads.
fn reads_in_transaction(value: &Value) -> bool {
    let micro_operations = value.as_list().unwrap_or_default();
    let reads = |operation: &Value| {
        operation.as_list().and_then(|parts| parts.first()?.as_text()).is_some_and(|f| f == "r" || f == "read")
    };
    micro_operations.iter().any(reads)
}

fn sorted_fields(answer: &Value) -> Value {
    let Value::Map(fields) = answer else { return answer.clone() };
    let mut fields: Vec<_> = fields.iter().map(|(name, held)| (name.clone(), sorted(held))).collect();
    fields.sort();
    Value::Map(fields.into())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for (index, interface) in INCLUDED.iter().enumerate() {
            assert!(INCLUDED[..index].iter().all(|other| other.name != interface.name), "{interface}");
        }
    }

    #[test]
    fn every_interface_can_show_that_something_was_lost() {
        let reading = Value::list([Value::list([Value::text("r"), Value::Int(1), Value::Nil])]);
        for interface in INCLUDED {
            let observes = |function: &Function| interface.observes(function.name, &reading);
            assert!(interface.functions.iter().any(observes), "{interface}");
        }
    }

    #[test]
    fn a_transaction_observes_where_it_reads() {
        let append = Value::list([Value::text("append"), Value::Int(1), Value::Int(2)]);
        let read = Value::list([Value::text("r"), Value::Int(1), Value::Nil]);
        assert!(!LIST_APPEND.observes("txn", &Value::list([append.clone()])));
        assert!(LIST_APPEND.observes("txn", &Value::list([append, read])));
        assert!(!LIST_APPEND.observes("txn", &Value::Nil));
    }

    #[test]
    fn an_unknown_function_shows_nothing_and_may_change_everything() {
        assert!(!REGISTER.observes("delete", &Value::Nil) && REGISTER.updates("delete"));
        assert!(REGISTER.observes("read", &Value::Nil) && !REGISTER.updates("read"));
        assert!(QUEUE.observes("dequeue", &Value::Nil) && QUEUE.updates("dequeue"));
    }

    #[test]
    fn the_order_of_elements_matters_only_where_it_means_something() {
        let list = |numbers: [i64; 2]| Value::list(numbers.map(Value::Int));
        let (forth, back) = (list([1, 2]), list([2, 1]));
        for interface in [&SET, &CART, &SIBLINGS] {
            assert_eq!(interface.canonical(&forth), interface.canonical(&back));
        }
        assert_ne!(TEXT.canonical(&forth), TEXT.canonical(&back));
        let map = |fields: Vec<(&str, &Value)>| {
            Value::Map(fields.into_iter().map(|(name, held)| (Value::text(name), held.clone())).collect())
        };
        let one = map(vec![("a", &forth), ("b", &back)]);
        assert_eq!(MAP.canonical(&one), MAP.canonical(&map(vec![("b", &forth), ("a", &back)])));
        assert_ne!(MAP.canonical(&one), MAP.canonical(&map(vec![("a", &forth)])));
    }

    #[test]
    fn views_are_equal_when_the_same_members_take_part() {
        let view = |rows: &[(i64, &str, i64)]| {
            let row = |&(member, state, incarnation): &(i64, &str, i64)| {
                Value::list([Value::Int(member), Value::text(state), Value::Int(incarnation)])
            };
            MEMBERS.canonical(&Value::list(rows.iter().map(row)))
        };
        let one = view(&[(1, "alive", 1), (2, "suspect", 4), (3, "left", 2)]);
        assert_eq!(one, view(&[(1, "alive", 2), (2, "alive", 4)]), "the third was forgotten");
        assert_ne!(one, view(&[(1, "alive", 1), (2, "dead", 4), (3, "left", 2)]));
        assert_ne!(one, view(&[(1, "alive", 1), (2, "alive", 4), (3, "alive", 3)]));
    }
}
