//! Values of a history as JSON and back.

use rashomon_history::Value;
use serde_json::Value as Json;

/// A value that can be stored: a whole number, text or nil.
pub(super) fn to_json(value: &Value) -> Option<Json> {
    match value {
        Value::Nil => Some(Json::Null),
        Value::Int(number) => Some(Json::from(*number)),
        Value::Text(text) => Some(Json::from(&**text)),
        _ => None,
    }
}

/// The same, but not nil: an element of a collection.
pub(super) fn element_to_json(value: &Value) -> Option<Json> {
    if value.is_nil() { None } else { to_json(value) }
}

/// What [`to_json`] made.
pub(super) fn from_json(json: &Json) -> Option<Value> {
    match json {
        Json::Null => Some(Value::Nil),
        Json::Number(number) => number.as_i64().map(Value::Int),
        Json::String(text) => Some(Value::text(text)),
        _ => None,
    }
}

/// What [`element_to_json`] made.
fn element_from_json(json: &Json) -> Option<Value> {
    from_json(json).filter(|value| !value.is_nil())
}

/// A sequence of elements.
pub(super) fn elements_from_json(json: &Json) -> Option<Value> {
    let elements: Option<Vec<Value>> = json.as_array()?.iter().map(element_from_json).collect();
    elements.map(Value::list)
}

/// An object with a sequence of elements under each name, as a map in the order of the names.
pub(super) fn fields_from_json(json: &Json) -> Option<Value> {
    let mut fields = Vec::new();
    for (name, values) in json.as_object()? {
        fields.push((Value::text(name), elements_from_json(values)?));
    }
    fields.sort();
    Some(Value::Map(fields.into()))
}
