//! A list to which elements are only ever appended: `append`, `read`; empty at first. A log is the same.

use std::sync::Arc;

use rashomon_history::{OpId, OpView, Outcome, Value};
use rustc_hash::FxHashMap;

use crate::engine::{Answer, Answered};
use crate::model::{Model, Nature, Unusable, known_result};
use crate::specialist::{Decision, Rows, Scratch, Specialist};

/// An append-only list per key.
#[derive(Clone, Copy, Debug, Default)]
pub struct AppendList;

/// An operation on an [`AppendList`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListOp {
    /// It returned the whole list.
    Read(Arc<[Value]>),
    /// It added this element at the end.
    Append(Value),
}

impl Model for AppendList {
    type State = Arc<[Value]>;
    type Op = ListOp;

    fn name(&self) -> &str {
        "append-list"
    }

    fn initial(&self) -> Arc<[Value]> {
        Arc::from([])
    }

    fn operation(&self, op: &OpView<'_>) -> Result<Option<ListOp>, Unusable> {
        let Some(known) = known_result(op) else { return Ok(None) };
        match op.f {
            "append" => Ok(Some(ListOp::Append(op.input.clone()))),
            "read" if known => match &op.output {
                Value::Nil => Ok(Some(ListOp::Read(Arc::from([])))),
                Value::List(items) => Ok(Some(ListOp::Read(items.clone()))),
                other => Err(Unusable(format!("a read of an append-list returns a list, not {other}"))),
            },
            "read" => Ok(None),
            other => {
                Err(Unusable(format!("`{other}` is not an operation of an append-list; it knows append and read")))
            }
        }
    }

    fn step(&self, state: &Arc<[Value]>, op: &ListOp) -> impl IntoIterator<Item = Arc<[Value]>> {
        match op {
            ListOp::Read(items) => (state == items).then(|| state.clone()),
            ListOp::Append(item) => Some(state.iter().chain([item]).cloned().collect()),
        }
    }

    fn nature(&self, op: &ListOp) -> Nature {
        if matches!(op, ListOp::Read(_)) { Nature::Observer } else { Nature::Update }
    }

    fn held(&self, state: &Arc<[Value]>) -> usize {
        size_of_val(&**state)
    }

    fn specialist(&self) -> Option<&dyn Specialist> {
        Some(&LongestRead)
    }

    fn describe(&self, op: &ListOp) -> String {
        match op {
            ListOp::Read(items) => format!("read → {}", Value::List(items.clone())),
            ListOp::Append(item) => format!("append {item}"),
        }
    }
}

/// Lists whose elements are appended at most once each: the longest read is the order of the appends, so everything but
/// the place of what nobody read is forced. Linear in the operations and in what the reads returned.
#[derive(Clone, Copy, Debug)]
struct LongestRead;

/// Whoever reads the operations next says which.
const UNREADABLE: &str = "an operation is none of a list's";

impl Specialist for LongestRead {
    fn method(&self) -> &'static str {
        "longest read"
    }

    fn why(&self) -> &'static str {
        "every element is appended at most once"
    }

    fn decide(&self, rows: &Rows<'_>, prove: bool, _scratch: &mut Scratch) -> Result<Decision, (OpId, Unusable)> {
        let history = rows.history();
        let mut appends: FxHashMap<u32, u32> = FxHashMap::default();
        let mut reads: Vec<(u32, Arc<[Value]>)> = Vec::new();
        for index in 0..rows.len() {
            let row = rows.get(index);
            match (&**history.function(row.function), row.outcome) {
                (_, Outcome::Fail) | ("read", Outcome::Info) => {}
                ("append", _) => {
                    if appends.insert(row.input, index).is_some() {
                        return Ok(Decision::Left("an element is appended twice"));
                    }
                }
                ("read", Outcome::Ok) => match history.value(row.output) {
                    Value::Nil => reads.push((index, Arc::from([]))),
                    Value::List(items) => reads.push((index, items)),
                    _ => return Ok(Decision::Left(UNREADABLE)),
                },
                _ => return Ok(Decision::Left(UNREADABLE)),
            }
        }
        let appended: FxHashMap<Value, u32> =
            appends.iter().map(|(&value, &index)| (history.value(value), index)).collect();
        let answer = match place(rows, &appended, &reads) {
            Ok(order) if prove => Answer::Yes(order),
            Ok(_) => Answer::Yes(Vec::new()),
            Err(among) => no(rows, among),
        };
        Ok(Decision::Decided(Answered { answer, steps: u64::from(rows.len()) }))
    }
}

fn no(rows: &Rows<'_>, mut among: Vec<u32>) -> Answer {
    among.sort_unstable();
    among.dedup();
    let at = among.iter().filter_map(|&index| rows.get(index).completed).max().unwrap_or(0);
    Answer::No { at, among: among.into_iter().map(|index| rows.op(index)).collect() }
}

/// The only order there can be; an error names operations that contradict each other.
fn place(
    rows: &Rows<'_>,
    appended: &FxHashMap<Value, u32>,
    reads: &[(u32, Arc<[Value]>)],
) -> Result<Vec<OpId>, Vec<u32>> {
    let longest = reads.iter().max_by_key(|(index, items)| (items.len(), u32::MAX - index));
    let none: Arc<[Value]> = Arc::from([]);
    let (longest_at, list) = longest.map_or((None, &none), |(index, items)| (Some(*index), items));
    let mut order = Vec::new();
    // An element that nobody appended, or twice in one list.
    let mut places: FxHashMap<&Value, usize> = FxHashMap::default();
    for (place, item) in list.iter().enumerate() {
        if !appended.contains_key(item) || places.insert(item, place).is_some() {
            return Err(longest_at.into_iter().collect());
        }
    }
    // By length of the list: those that read it, then the append that made it longer.
    let mut readers: Vec<Vec<u32>> = vec![Vec::new(); list.len() + 1];
    for (index, items) in reads {
        if items[..] != list[..items.len()] {
            return Err(longest_at.into_iter().chain([*index]).collect());
        }
        readers[items.len()].push(*index);
    }
    let mut forced = Vec::new();
    for (length, readers) in readers.iter().enumerate() {
        forced.extend(readers);
        forced.extend(list.get(length).map(|item| appended[item]));
    }
    let mut unread: Vec<u32> = appended
        .iter()
        .filter(|(item, index)| !places.contains_key(item) && rows.get(**index).outcome == Outcome::Ok)
        .map(|(_, index)| *index)
        .collect();
    unread.sort_unstable();
    forced.extend(unread);
    // Nothing may stand after what was invoked only when it had completed; what nobody read may stand in any order, and
    // stands in order of invocation.
    let mut latest: Option<u32> = None;
    for index in forced {
        let row = rows.get(index);
        if let (Some(other), Some(completed), Outcome::Ok) = (latest, row.completed, row.outcome)
            && completed < rows.get(other).invoked
        {
            // The longest read fixes the order of the two.
            return Err([index, other].into_iter().chain(longest_at).collect());
        }
        if latest.is_none_or(|other| rows.get(other).invoked < row.invoked) {
            latest = Some(index);
        }
        order.push(rows.op(index));
    }
    Ok(order)
}
