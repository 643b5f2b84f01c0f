//! Values of a history as JSON and back.

use rashomon_history::Value;
use serde_json::Value as Json;

/// Deeper values are none.
const DEEPEST: usize = 50;

/// A value as JSON; `None` for a map, which no request has.
pub(super) fn to_json(value: &Value) -> Option<Json> {
    match value {
        Value::Nil => Some(Json::Null),
        Value::Bool(truth) => Some(Json::from(*truth)),
        Value::Int(number) => Some(Json::from(*number)),
        Value::Text(text) => Some(Json::from(&**text)),
        Value::List(items) => items.iter().map(to_json).collect::<Option<Vec<Json>>>().map(Json::Array),
        Value::Number(_) | Value::Map(_) => None,
    }
}

/// What a program answers, as a value.
pub(super) fn from_json(json: &Json) -> Option<Value> {
    read(json, DEEPEST)
}

fn read(json: &Json, depth: usize) -> Option<Value> {
    match json {
        Json::Null => Some(Value::Nil),
        Json::Bool(truth) => Some(Value::Bool(*truth)),
        Json::Number(number) => {
            Some(number.as_i64().map_or_else(|| Value::Number(number.to_string().into()), Value::Int))
        }
        Json::String(text) => Some(Value::text(text)),
        Json::Array(items) if depth > 0 => {
            items.iter().map(|item| read(item, depth - 1)).collect::<Option<Vec<Value>>>().map(Value::list)
        }
        Json::Array(_) | Json::Object(_) => None,
    }
}
