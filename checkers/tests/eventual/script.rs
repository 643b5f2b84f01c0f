//! Histories written event by event, and what is expected of their judgement.

use std::sync::Arc;

use rashomon_checkers::Checker;
use rashomon_checkers::Level;
use rashomon_checkers::eventual::EventualDemand;
use rashomon_checkers::{Budget, Finding, Judgement};
use rashomon_history::{Event, EventKind, History, Value};

/// A millisecond passes with each event. Process p talks to node p mod 10.
#[derive(Clone, Default)]
pub(crate) struct Script {
    events: Vec<Event>,
    time: u64,
    key: Value,
}

/// One millisecond, ns.
pub(crate) const MS: u64 = 1_000_000;

impl Script {
    pub(crate) fn event(mut self, process: u32, kind: EventKind, f: &str, value: Value) -> Script {
        let node = Some(process as u16 % 10).filter(|&node| node > 0);
        let (time, key) = (self.time, self.key.clone());
        self.events.push(Event { time, process, kind, f: Arc::from(f), key, value, node, error: None });
        self.time += MS;
        self
    }

    pub(crate) fn begin(self, process: u32, f: &str, input: impl Into<Value>) -> Script {
        self.event(process, EventKind::Invoke, f, input.into())
    }

    pub(crate) fn end(self, process: u32, f: &str, output: impl Into<Value>) -> Script {
        self.event(process, EventKind::Ok, f, output.into())
    }

    /// Done and acknowledged.
    pub(crate) fn did(self, process: u32, f: &str, input: impl Into<Value>) -> Script {
        let input = input.into();
        self.begin(process, f, input.clone()).end(process, f, input)
    }

    /// A read that returned.
    pub(crate) fn saw(self, process: u32, output: impl Into<Value>) -> Script {
        self.begin(process, "read", Value::Nil).end(process, "read", output)
    }

    pub(crate) fn info(self, process: u32, f: &str, input: impl Into<Value>) -> Script {
        let input = input.into();
        self.begin(process, f, input.clone()).event(process, EventKind::Info, f, input)
    }

    pub(crate) fn fail(self, process: u32, f: &str, input: impl Into<Value>) -> Script {
        let input = input.into();
        self.begin(process, f, input.clone()).event(process, EventKind::Fail, f, input)
    }

    /// What follows is about another object.
    pub(crate) fn key(mut self, key: i64) -> Script {
        self.key = Value::Int(key);
        self
    }

    /// Time passes: much more than replicas have to agree.
    pub(crate) fn settle(mut self) -> Script {
        self.time += 1000 * MS;
        self
    }

    pub(crate) fn history(self) -> History {
        History::from_events(self.events).expect("a history")
    }

    pub(crate) fn judge(self, kind: Checker, promise: Level) -> Judgement {
        let demand = EventualDemand { quiescent_since_ns: None, convergence_ns: 100 * MS, promise };
        kind.check_under(&self.history(), &demand, &Budget::default())
    }

    /// The names of the anomalies, and how many operations each is made of.
    #[track_caller]
    pub(crate) fn bad(self, kind: Checker, promise: Level, expected: &[(&str, usize)]) -> Judgement {
        let end = self.time;
        let judgement = self.judge(kind, promise);
        let found: Vec<(&str, usize)> =
            judgement.anomalies.iter().map(|anomaly| (anomaly.name.as_str(), anomaly.operations.len())).collect();
        assert_eq!(found, expected, "{judgement:#?}");
        assert_eq!(judgement.finding, Finding::Invalid);
        for anomaly in &judgement.anomalies {
            assert!(anomaly.sentence.ends_with('.') && anomaly.operations.is_sorted(), "{anomaly:#?}");
            assert!(anomaly.window.0 <= anomaly.window.1 && anomaly.window.1 <= end, "{anomaly:#?}");
        }
        judgement
    }

    #[track_caller]
    pub(crate) fn good(self, kind: Checker, promise: Level) -> Judgement {
        let judgement = self.judge(kind, promise);
        assert_eq!(judgement.finding, Finding::Valid, "{judgement:#?}");
        judgement
    }

    #[track_caller]
    pub(crate) fn unknown(self, kind: Checker, promise: Level, reason: &str) {
        let judgement = self.judge(kind, promise);
        assert_eq!(judgement.finding, Finding::Unknown, "{judgement:#?}");
        assert!(judgement.unknown.iter().any(|known| known.contains(reason)), "{:?}", judgement.unknown);
    }
}

pub(crate) fn script() -> Script {
    Script::default()
}

pub(crate) fn list(items: &[i64]) -> Value {
    Value::list(items.iter().copied().map(Value::Int))
}

pub(crate) const NIL: Value = Value::Nil;
