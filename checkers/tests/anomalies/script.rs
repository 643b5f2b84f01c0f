//! Writing histories by hand, and what their judgements must be.

use std::sync::Arc;

use rashomon_checkers::Budget;
use rashomon_checkers::Checker;
use rashomon_checkers::{Anomaly, Finding, Judgement};
use rashomon_history::{Event, EventKind, History, Value};

/// A history written event by event.
#[derive(Default)]
pub(crate) struct Script(Vec<Event>);

impl Script {
    pub(crate) fn event(mut self, process: u32, kind: EventKind, f: &str, value: Value) -> Script {
        let time = self.0.len() as u64 * 1_000_000;
        self.0.push(Event { time, process, kind, f: Arc::from(f), key: Value::Nil, value, node: None, error: None });
        self
    }

    pub(crate) fn begin(self, process: u32, f: &str, input: impl Into<Value>) -> Script {
        self.event(process, EventKind::Invoke, f, input.into())
    }

    pub(crate) fn end(self, process: u32, f: &str, output: impl Into<Value>) -> Script {
        self.event(process, EventKind::Ok, f, output.into())
    }

    pub(crate) fn ok(self, process: u32, f: &str, input: impl Into<Value>, output: impl Into<Value>) -> Script {
        self.begin(process, f, input).end(process, f, output)
    }

    pub(crate) fn did(self, process: u32, f: &str, input: impl Into<Value>) -> Script {
        let input = input.into();
        self.ok(process, f, input.clone(), input)
    }

    pub(crate) fn info(self, process: u32, f: &str, input: impl Into<Value>) -> Script {
        let input = input.into();
        self.begin(process, f, input.clone()).event(process, EventKind::Info, f, input)
    }

    pub(crate) fn fail(self, process: u32, f: &str, input: impl Into<Value>) -> Script {
        let input = input.into();
        self.begin(process, f, input.clone()).event(process, EventKind::Fail, f, input)
    }

    /// What a client knows of an operation that it cannot call done, or that was refused.
    pub(crate) fn not_ok(self, process: u32, f: &str, kind: EventKind, output: Value) -> Script {
        self.begin(process, f, NIL).event(process, kind, f, output)
    }

    /// All told so far that has no key yet is of this one.
    pub(crate) fn of(mut self, key: i64) -> Script {
        self.0.iter_mut().filter(|event| event.key.is_nil()).for_each(|event| event.key = Value::Int(key));
        self
    }

    pub(crate) fn judge(self, kind: Checker) -> Judgement {
        kind.check(&History::from_events(self.0).expect("a history"), &Budget::default())
    }

    /// The names of the anomalies, and how many operations each is made of.
    #[track_caller]
    pub(crate) fn bad(self, kind: Checker, expected: &[(&str, usize)]) -> Judgement {
        let judgement = self.judge(kind);
        let found: Vec<(&str, usize)> =
            judgement.anomalies.iter().map(|anomaly| (anomaly.name.as_str(), anomaly.operations.len())).collect();
        assert_eq!(found, expected, "{judgement:#?}");
        assert_eq!(judgement.finding, Finding::Invalid);
        assert!(judgement.anomalies.iter().all(|anomaly| anomaly.sentence.ends_with('.')), "{judgement:#?}");
        judgement
    }

    /// The names of the anomalies, and the operations each is made of.
    #[track_caller]
    pub(crate) fn named(self, kind: Checker, expected: &[(&str, &[u32])]) -> Judgement {
        let judgement = self.judge(kind);
        let ids = |anomaly: &Anomaly| -> Vec<u32> { anomaly.operations.iter().map(|op| op.0).collect() };
        let found: Vec<_> = judgement.anomalies.iter().map(|anomaly| (anomaly.name.as_str(), ids(anomaly))).collect();
        let expected: Vec<_> = expected.iter().map(|(name, ops)| (*name, ops.to_vec())).collect();
        assert_eq!(found, expected, "{judgement:#?}");
        judgement
    }

    #[track_caller]
    pub(crate) fn good(self, kind: Checker) -> Judgement {
        let judgement = self.judge(kind);
        assert_eq!(judgement.finding, Finding::Valid, "{judgement:#?}");
        judgement
    }

    #[track_caller]
    pub(crate) fn unknown(self, kind: Checker, reason: &str) {
        let judgement = self.judge(kind);
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

/// `[[offset value] …]`.
pub(crate) fn polled(items: &[(i64, i64)]) -> Value {
    Value::list(items.iter().map(|&(offset, value)| Value::pair(Value::Int(offset), Value::Int(value))))
}

pub(crate) const NIL: Value = Value::Nil;
