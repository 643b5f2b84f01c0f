//! What clients asked for and were told, and what must therefore be there in the end.
//!
//! Registers become a history for the checker of linearizability. For all other objects the final state must follow
//! from what was acknowledged; what may or may not have happened leaves room. Each element of a cart belongs to one
//! client, so that its operations have an order.

use std::collections::{BTreeMap, BTreeSet};

use rashomon_checkers::{Budget, Finding, models};
use rashomon_dynamo::Context;
use rashomon_history::{Event, EventKind, History, Value};

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Ok,
    Fail,
    Unknown,
}

/// A put of a sibling: its value, what it superseded, and how it ended.
#[derive(Clone, Debug)]
pub(crate) struct Put {
    pub(crate) value: i64,
    pub(crate) seen: BTreeSet<i64>,
    pub(crate) fate: Fate,
}

/// Everything that clients know.
#[derive(Default)]
pub(crate) struct Ledger {
    /// Events of registers, in order.
    pub(crate) registers: Vec<Event>,
    /// Puts by key.
    pub(crate) puts: BTreeMap<String, Vec<Put>>,
    /// What a client read last, by client and key: the values and the context.
    pub(crate) seen: BTreeMap<(usize, String), (BTreeSet<i64>, Context)>,
    /// By cart and element: additions (true) and removals, in order, and how they ended.
    pub(crate) carts: BTreeMap<(String, i64), Vec<(bool, Fate)>>,
    /// By set and element.
    pub(crate) sets: BTreeMap<(String, i64), Fate>,
    /// By counter: what is certain, and what may be there in addition.
    pub(crate) counters: BTreeMap<String, (i64, i64)>,
}

impl Ledger {
    /// An event of a register's history.
    pub(crate) fn register(&mut self, now: u64, process: u32, kind: EventKind, f: &str, key: i64, value: Option<i64>) {
        let value = value.map_or(Value::Nil, Value::Int);
        let (f, key) = (f.into(), Value::Int(key));
        self.registers.push(Event { time: now * 1_000_000, process, kind, f, key, value, node: None, error: None });
    }

    /// Whether the registers are linearizable.
    pub(crate) fn judge_registers(&mut self) -> Result<(), String> {
        let history = History::from_events(std::mem::take(&mut self.registers)).map_err(|error| error.to_string())?;
        let budget = Budget { steps: 3_000_000, bytes: 200 << 20 };
        let judgement = rashomon_checkers::check(&history, models::REGISTER, &budget);
        match judgement.finding {
            Finding::Invalid => Err(judgement.anomalies.iter().map(|anomaly| anomaly.sentence.clone()).collect()),
            Finding::Valid | Finding::Unknown => Ok(()),
        }
    }

    /// Whether these siblings are what is left of the puts.
    pub(crate) fn judge_siblings(&self, key: &str, left: &BTreeSet<i64>) -> Result<(), String> {
        let puts = self.puts.get(key).map(Vec::as_slice).unwrap_or_default();
        for put in puts {
            let superseded_by = |fate: Fate| puts.iter().any(|by| by.fate == fate && by.seen.contains(&put.value));
            let there = left.contains(&put.value);
            if put.fate == Fate::Ok && !there && !superseded_by(Fate::Ok) && !superseded_by(Fate::Unknown) {
                return Err(format!("siblings {key}: acknowledged {} is lost; left are {left:?}", put.value));
            }
            if there && superseded_by(Fate::Ok) {
                return Err(format!("siblings {key}: superseded {} is still there or back", put.value));
            }
            if there && put.fate == Fate::Fail {
                return Err(format!("siblings {key}: {} failed and is there", put.value));
            }
        }
        match left.iter().find(|value| puts.iter().all(|put| put.value != **value)) {
            Some(value) => Err(format!("siblings {key}: nobody wrote {value}")),
            None => Ok(()),
        }
    }

    /// Whether a cart holds what its clients left in it; `strict` where a removal finds every acknowledged addition.
    pub(crate) fn judge_cart(&self, key: &str, left: &BTreeSet<i64>, strict: bool) -> Result<(), String> {
        for ((_, element), steps) in self.carts.iter().filter(|((cart, _), _)| cart == key) {
            let there = left.contains(element);
            let possible: Vec<&(bool, Fate)> = steps.iter().filter(|(_, fate)| *fate != Fate::Fail).collect();
            let last_ok = possible.iter().rposition(|(_, fate)| *fate == Fate::Ok);
            // What is unknown may happen at any later time.
            let unknown = |adds: bool| possible.iter().any(|(add, fate)| *fate == Fate::Unknown && *add == adds);
            let last = last_ok.map(|at| possible[at].0);
            let never_removed = possible.iter().all(|(add, _)| *add);
            if last == Some(true) && !there && !unknown(false) && (strict || never_removed) {
                return Err(format!("cart {key}: acknowledged {element} is lost: {steps:?}"));
            }
            if last == Some(false) && there && !unknown(true) && strict {
                return Err(format!("cart {key}: removed {element} is still there or back: {steps:?}"));
            }
            if there && possible.iter().all(|(add, _)| !*add) {
                return Err(format!("cart {key}: nobody added {element}"));
            }
        }
        Ok(())
    }

    /// Whether a set holds everything acknowledged and nothing else.
    pub(crate) fn judge_set(&self, key: &str, left: &BTreeSet<i64>) -> Result<(), String> {
        for ((_, element), fate) in self.sets.iter().filter(|((set, _), _)| set == key) {
            match (fate, left.contains(element)) {
                (Fate::Ok, false) => return Err(format!("set {key}: acknowledged {element} is lost")),
                (Fate::Fail, true) => return Err(format!("set {key}: {element} failed and is there")),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether a counter's total is possible.
    pub(crate) fn judge_counter(&self, key: &str, total: i64) -> Result<(), String> {
        let (certain, more) = self.counters.get(key).copied().unwrap_or_default();
        if (certain..=certain + more).contains(&total) {
            return Ok(());
        }
        Err(format!("counter {key}: {total} is not between {certain} and {}", certain + more))
    }
}

#[test]
fn what_is_lost_or_comes_back_is_noticed() {
    let mut ledger = Ledger::default();
    let put = |value, seen: &[i64], fate| Put { value, seen: seen.iter().copied().collect(), fate };
    ledger
        .puts
        .insert("k".to_owned(), vec![put(1, &[], Fate::Ok), put(2, &[1], Fate::Ok), put(3, &[2], Fate::Unknown)]);
    assert!(ledger.judge_siblings("k", &BTreeSet::from([2])).is_ok());
    assert!(ledger.judge_siblings("k", &BTreeSet::from([3])).is_ok());
    assert!(ledger.judge_siblings("k", &BTreeSet::from([1, 2])).is_err_and(|why| why.contains("back")));
    assert!(ledger.judge_siblings("k", &BTreeSet::from([9, 2])).is_err_and(|why| why.contains("nobody")));
    ledger.puts.get_mut("k").unwrap().pop();
    assert!(ledger.judge_siblings("k", &BTreeSet::new()).is_err_and(|why| why.contains("lost")));
    ledger.carts.insert(("c".to_owned(), 5), vec![(true, Fate::Ok), (false, Fate::Ok)]);
    assert!(ledger.judge_cart("c", &BTreeSet::from([5]), true).is_err());
    assert!(ledger.judge_cart("c", &BTreeSet::new(), true).is_ok());
    ledger.carts.insert(("c".to_owned(), 5), vec![(true, Fate::Ok), (false, Fate::Unknown)]);
    assert!(ledger.judge_cart("c", &BTreeSet::new(), true).is_ok());
    ledger.sets.insert(("s".to_owned(), 5), Fate::Ok);
    assert!(ledger.judge_set("s", &BTreeSet::new()).is_err());
    ledger.counters.insert("n".to_owned(), (5, 2));
    assert!(ledger.judge_counter("n", 7).is_ok() && ledger.judge_counter("n", 8).is_err());
    ledger.register(1, 1, EventKind::Invoke, "write", 1, Some(1));
    ledger.register(2, 1, EventKind::Ok, "write", 1, Some(1));
    ledger.register(3, 1, EventKind::Invoke, "read", 1, None);
    ledger.register(4, 1, EventKind::Ok, "read", 1, None);
    assert!(ledger.judge_registers().is_err());
}
