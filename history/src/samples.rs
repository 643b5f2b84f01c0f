//! Events for this crate's tests.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::{Event, EventKind, Value};

/// The settings of every property test here: the same cases each time, so that a red test is red again.
pub(crate) fn cases(count: u32) -> ProptestConfig {
    ProptestConfig {
        cases: count,
        rng_seed: RngSeed::Fixed(0x7261_7368_6f6d_6f6e),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A history of every kind of event and value.
pub(crate) fn sample_events() -> Vec<Event> {
    let event = |time, process, kind, f: &str, key, value| Event {
        time,
        process,
        kind,
        f: Arc::from(f),
        key,
        value,
        node: None,
        error: None,
    };
    let nested = Value::list([
        Value::list([Value::text("append"), Value::Int(3), Value::Int(1)]),
        Value::list([Value::text("r"), Value::Int(4), Value::Nil]),
    ]);
    let map = Value::Map(Arc::from([(Value::Int(0), Value::Int(10)), (Value::text("x"), Value::Bool(true))]));
    let mut events = vec![
        event(0, 0, EventKind::Invoke, "write", Value::Int(7), Value::Int(3)),
        event(1_000, 1, EventKind::Invoke, "read", Value::Int(7), Value::Nil),
        event(1_000, 0, EventKind::Ok, "write", Value::Int(7), Value::Int(3)),
        event(2_500, 1, EventKind::Ok, "read", Value::Int(7), Value::Int(3)),
        event(2_600, 1, EventKind::Invoke, "cas", Value::text("k"), Value::pair(Value::Int(3), Value::Int(-4))),
        event(3_000, 0, EventKind::Invoke, "txn", Value::Nil, nested.clone()),
        event(9_000_000_000, 1, EventKind::Info, "cas", Value::text("k"), Value::pair(Value::Int(3), Value::Int(-4))),
        event(9_000_000_001, 0, EventKind::Fail, "txn", Value::Nil, nested),
        event(9_000_000_002, 0, EventKind::Invoke, "read-all", Value::Nil, Value::Nil),
        event(u64::MAX, 0, EventKind::Ok, "read-all", Value::Nil, map),
        event(u64::MAX, u32::MAX, EventKind::Invoke, "write", Value::Int(i64::MIN), Value::Int(i64::MAX)),
        event(u64::MAX, 2, EventKind::Invoke, "write", Value::Bool(false), Value::text("a \"quoted\"\n\t\u{1f980}")),
        event(u64::MAX, 3, EventKind::Invoke, "write", Value::Number("123456789012345678901".into()), Value::list([])),
    ];
    events[1].node = Some(3);
    events[6].node = Some(u16::MAX);
    events[6].error = Some("timeout: no answer within 1 s".into());
    events[7].error = Some("conflict".into());
    events
}

/// Any value, nested a few levels.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        (any::<bool>(), "[1-9][0-9]{20,30}").prop_map(|(minus, digits)| if minus {
            format!("-{digits}")
        } else {
            digits
        }),
        (any::<i32>(), "[0-9]{0,5}[1-9]").prop_map(|(whole, fraction)| format!("{whole}.{fraction}")),
        any::<i16>().prop_map(|whole| format!("{whole}.0")),
    ];
    let leaf = prop_oneof![
        2 => Just(Value::Nil),
        1 => any::<bool>().prop_map(Value::Bool),
        3 => any::<i64>().prop_map(Value::Int),
        3 => (-100i64..100).prop_map(Value::Int),
        1 => number.prop_map(|text| Value::Number(text.into())),
        1 => any::<String>().prop_map(|text| Value::text(&text)),
        1 => "[a-z]{1,6}|[0-9]{1,3}|\\$map|nil|r|w".prop_map(|text| Value::text(&text)),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 0..6).prop_map(Value::list),
            1 => prop::collection::btree_map(inner.clone(), inner, 0..4)
                .prop_map(|entries| Value::Map(entries.into_iter().collect())),
        ]
    })
}

/// Any events in order of time, though not always a history.
pub(crate) fn events(at_most: usize) -> impl Strategy<Value = Vec<Event>> {
    let kind = prop::sample::select(vec![EventKind::Invoke, EventKind::Ok, EventKind::Fail, EventKind::Info]);
    let f = prop_oneof![4 => "read|write|cas|txn", 1 => any::<String>()];
    let process = prop_oneof![4 => 0u32..5, 1 => any::<u32>()];
    let step = prop_oneof![4 => 0u64..2_000_000, 1 => 0..u64::MAX >> 8];
    let error = prop::option::weighted(0.2, any::<String>());
    let event = (step, process, kind, f, value(), value(), prop::option::of(1u16..), error);
    prop::collection::vec(event, 0..at_most).prop_map(|rows| {
        let mut now = 0;
        let events = rows.into_iter().map(|(step, process, kind, f, key, value, node, error)| {
            now += step;
            Event { time: now, process, kind, f: f.into(), key, value, node, error: error.map(Arc::from) }
        });
        events.collect()
    })
}

/// Any history: every completion has its invocation, with the same function and key.
pub(crate) fn history(at_most: usize) -> impl Strategy<Value = Vec<Event>> {
    events(at_most).prop_map(|mut events| {
        let mut open: std::collections::BTreeMap<u32, Event> = std::collections::BTreeMap::new();
        for event in &mut events {
            match open.remove(&event.process) {
                None => {
                    event.kind = EventKind::Invoke;
                    open.insert(event.process, event.clone());
                }
                Some(invocation) => {
                    if event.kind == EventKind::Invoke {
                        event.kind = EventKind::Ok;
                    }
                    event.f = invocation.f;
                    event.key = invocation.key;
                }
            }
        }
        events
    })
}
