//! One operation map of a text format, and how such maps become events.
//!
//! The formats leave out what their readers know: a completion need not repeat its invocation's function, key or value,
//! times may be missing or slightly out of order, the nemesis writes into the same file. This is where that is mended,
//! the same way for every format, and where it is counted, so that the user hears of it.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::Summary;
use crate::processes::PerProcess;
use crate::{EventKind, EventRef, Value};

/// Who ran an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Process {
    /// A client.
    Client(u32),
    /// The nemesis: not an operation on the system.
    Nemesis,
}

/// One operation map as written.
#[derive(Debug, Default)]
pub(super) struct Record<'a> {
    pub(super) process: Option<Process>,
    pub(super) kind: Option<EventKind>,
    pub(super) f: Option<Cow<'a, str>>,
    pub(super) key: Option<Value>,
    pub(super) value: Option<Value>,
    pub(super) time: Option<i128>,
    /// The event's place in the history; an index that is no number is there and says nothing.
    pub(super) index: Option<Option<i64>>,
    pub(super) node: Option<u16>,
    pub(super) error: Option<Cow<'a, str>>,
    /// Keys that mean nothing here, and keys whose value means nothing here.
    pub(super) ignored: Vec<Cow<'a, str>>,
}

/// How a format orders its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// By time; a time that runs backwards means the file is not in real-time order.
    ByTime,
    /// As in the file. Jepsen's workers take the time before they append, so times jitter.
    AsWritten,
}

/// Turns records into events.
pub(super) struct Assembler {
    order: Order,
    independent: bool,
    open: PerProcess<Open>,
    names: Names,
    last_time: u64,
    events: u64,
    skipped: u64,
    last_index: Option<i64>,
    /// Of the latest event: its time as written, whether it was an invocation, and whose.
    last: Option<(i128, bool, u32)>,
    backwards: u64,
    backwards_most: u64,
    /// Invocations and completions at the very same time, of different processes.
    ties: u64,
    /// Events whose index is before an earlier event's although their time is not.
    index_backwards: u64,
    /// Whether a process' latest operation ended `info`.
    ended_info: PerProcess<bool>,
    went_on: u64,
    pairs: Pairs,
    ignored: Vec<(Box<str>, u64)>,
    ignored_others: u64,
}

/// What a completion may leave out.
struct Open {
    f: u32,
    key: Value,
    value: Value,
}

/// At most this many ignored keys are named.
const IGNORED_NAMED: usize = 16;

impl Assembler {
    pub(super) fn new(order: Order, independent: bool) -> Assembler {
        Assembler {
            order,
            independent,
            open: PerProcess::default(),
            names: Names::default(),
            last_time: 0,
            events: 0,
            skipped: 0,
            last_index: None,
            last: None,
            backwards: 0,
            backwards_most: 0,
            ties: 0,
            index_backwards: 0,
            ended_info: PerProcess::default(),
            went_on: 0,
            pairs: Pairs::default(),
            ignored: Vec::new(),
            ignored_others: 0,
        }
    }

    /// Hands the record's event to `sink`; nothing for the nemesis's. The error says what is wrong with the record.
    pub(super) fn add<E>(
        &mut self,
        record: &mut Record<'_>,
        sink: &mut dyn FnMut(EventRef<'_>) -> Result<(), E>,
    ) -> Result<Result<(), E>, Cow<'static, str>> {
        let process = match record.process {
            Some(Process::Client(process)) => process,
            Some(Process::Nemesis) => {
                self.skipped += 1;
                return Ok(Ok(()));
            }
            None => return Err(Cow::Borrowed("this event has no process")),
        };
        let Some(kind) = record.kind else {
            return Err(Cow::Borrowed("this event has no type (invoke, ok, fail or info)"));
        };
        for name in record.ignored.drain(..) {
            self.ignore(&name);
        }
        if self.independent && record.key.is_none() {
            take_apart(record)?;
        }
        let time = self.time_of(record)?;
        self.look(record, process, kind);
        let open = if kind == EventKind::Invoke { None } else { self.open.remove(process) };
        let given_f = record.f.as_deref().map(|f| self.names.id(f));
        let (f, key, value) = match open {
            Some(open) => {
                let f = given_f.unwrap_or(open.f);
                (f, record.key.take().unwrap_or(open.key), record.value.take().unwrap_or(open.value))
            }
            None => {
                let value = record.value.take().unwrap_or_default();
                let f = match given_f {
                    Some(f) => f,
                    None if is_transaction(&value) => self.names.id("txn"),
                    None => return Err(Cow::Borrowed("this event does not say what it does (f)")),
                };
                (f, record.key.take().unwrap_or_default(), value)
            }
        };
        let event = EventRef {
            time,
            process,
            kind,
            f: self.names.name(f),
            key: &key,
            value: &value,
            node: record.node,
            error: record.error.as_deref(),
        };
        let answer = sink(event);
        self.last_time = time;
        self.events += 1;
        if kind == EventKind::Invoke {
            self.open.insert(process, Open { f, key, value });
        }
        Ok(answer)
    }

    fn time_of(&mut self, record: &Record<'_>) -> Result<u64, Cow<'static, str>> {
        if let (Some(Some(index)), Some(last)) = (record.index, self.last_index)
            && index < last
        {
            if record.time.is_none_or(|time| time < i128::from(self.last_time)) {
                return Err(Cow::Owned(format!(
                    "index {index} follows index {last}, and its time says the same: the events are not in the order in \
                     which they were recorded; sort them by their index"
                )));
            }
            self.index_backwards += 1;
        }
        let Some(time) = record.time else {
            // Without times, the position is the time.
            return Ok(self.last_time.max(self.events));
        };
        if time >= i128::from(self.last_time) {
            return u64::try_from(time).map_err(|_| Cow::Borrowed("this event's time does not fit 64 bits"));
        }
        let behind = u64::try_from(i128::from(self.last_time).saturating_sub(time)).unwrap_or(u64::MAX);
        if self.order == Order::ByTime && record.index.is_none() {
            return Err(Cow::Owned(format!(
                "time runs backwards: {time} ns is {behind} ns before the time of an earlier event; \
                 events must be in real-time order (sort the lines by time, or give each an index to keep their order)"
            )));
        }
        self.backwards += 1;
        self.backwards_most = self.backwards_most.max(behind);
        Ok(self.last_time)
    }

    /// Notes what the user must hear of an event that is right by itself.
    fn look(&mut self, record: &Record<'_>, process: u32, kind: EventKind) {
        self.last_index = self.last_index.max(record.index.flatten());
        let invoked = kind == EventKind::Invoke;
        let ties = |(time, last_invoked, last)| record.time == Some(time) && last_invoked != invoked && last != process;
        self.ties += u64::from(self.last.is_some_and(ties));
        self.last = record.time.map(|time| (time, invoked, process));
        if invoked {
            self.went_on += u64::from(self.ended_info.remove(process) == Some(true));
            self.pairs.look(record);
        } else if kind == EventKind::Info {
            self.ended_info.insert(process, true);
        }
    }

    fn ignore(&mut self, name: &str) {
        if let Some((_, count)) = self.ignored.iter_mut().find(|(known, _)| **known == *name) {
            *count += 1;
        } else if self.ignored.len() < IGNORED_NAMED {
            self.ignored.push((name.into(), 1));
        } else {
            self.ignored_others += 1;
        }
    }

    /// What there is to say about the records so far.
    pub(super) fn summary(mut self) -> Summary {
        let mut warnings = Vec::new();
        self.ignored.sort();
        for (name, count) in &self.ignored {
            warnings.push(format!("`{name}` of {count} event(s) was ignored: it means nothing here"));
        }
        if self.ignored_others > 0 {
            warnings.push(format!("{} more keys that mean nothing here were ignored", self.ignored_others));
        }
        if self.backwards > 0 {
            warnings.push(format!(
                "{} event(s) carry a time before an earlier event's (by up to {} ns); the file's order was taken as \
                 the real-time order",
                self.backwards, self.backwards_most
            ));
        }
        if self.index_backwards > 0 {
            warnings.push(format!(
                "{} event(s) carry an index before an earlier event's, but a later time; the file's order was taken as the \
                 real-time order",
                self.index_backwards
            ));
        }
        if self.ties > 0 {
            warnings.push(format!(
                "{} time(s) an invocation and a completion have the same time; the file's order was taken as the \
                 real-time order",
                self.ties
            ));
        }
        if self.went_on > 0 {
            warnings.push(format!(
                "{} time(s) a process continued after an operation that ended `info`: a process whose operation may \
                 still take effect should be replaced by a new one; each such operation is taken as concurrent with all \
                 that follow it",
                self.went_on
            ));
        }
        let independent = !self.independent && self.pairs.all();
        Summary {
            events: self.events,
            skipped: self.skipped,
            warnings,
            looks_independent: independent,
            cut_short: None,
        }
    }
}

/// Whether every invocation's value looks like the pair `[key value]` of Jepsen's independent workloads: a read of the
/// pair `[key nil]` can hardly be anything else.
#[derive(Default)]
struct Pairs {
    reads: u64,
    others: u64,
}

impl Pairs {
    fn look(&mut self, record: &Record<'_>) {
        let pair = match record.value.as_ref().and_then(Value::as_list) {
            Some([key, value]) if record.key.is_none() && !key.is_nil() => Some(value),
            _ => None,
        };
        match (record.f.as_deref(), pair) {
            (Some("read"), Some(Value::Nil)) => self.reads += 1,
            (Some(f), Some(_)) if f != "read" && f != "txn" => {}
            _ => self.others += 1,
        }
    }

    fn all(&self) -> bool {
        self.reads > 0 && self.others == 0
    }
}

/// Function names with their numbers.
#[derive(Default)]
struct Names {
    names: Vec<Box<str>>,
    ids: FxHashMap<Box<str>, u32>,
}

impl Names {
    fn id(&mut self, name: &str) -> u32 {
        // Few functions, short names: comparing is faster than hashing.
        if let Some(id) = self.names.iter().take(8).position(|known| **known == *name) {
            return id as u32;
        }
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        let id = self.names.len() as u32;
        self.names.push(name.into());
        self.ids.insert(name.into(), id);
        id
    }

    fn name(&self, id: u32) -> &str {
        &self.names[id as usize]
    }
}

/// Makes the key and the value of a value that is a pair of both. A completion without a value keeps having none.
fn take_apart(record: &mut Record<'_>) -> Result<(), Cow<'static, str>> {
    let (key, value) = match record.value.as_ref() {
        None | Some(Value::Nil) if record.kind != Some(EventKind::Invoke) => {
            record.value = None;
            return Ok(());
        }
        value => match value.and_then(Value::as_list) {
            Some([key, value]) => (key.clone(), value.clone()),
            _ => {
                let what =
                    "the value of this event is no pair [key value], as all have in a history of independent keys";
                return Err(Cow::Borrowed(what));
            }
        },
    };
    record.key = Some(key);
    record.value = Some(value);
    Ok(())
}

/// Whether a value without a function can only be a transaction: a list of `[function key value]`.
fn is_transaction(value: &Value) -> bool {
    value.as_list().is_some_and(|operations| {
        !operations.is_empty()
            && operations.iter().all(|operation| {
                operation.as_list().is_some_and(|parts| parts.len() == 3 && parts[0].as_text().is_some())
            })
    })
}
