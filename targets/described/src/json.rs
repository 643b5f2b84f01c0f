//! Values of a history as JSON and back.
//!
//! As in the history formats: an object's keys that are whole numbers in canonical digits are numbers, and
//! `{"$map": [[key, value], …]}` is a map with any keys.

use rashomon_history::{MAX_DEPTH, Value};
use serde_json::{Map, Value as Json, json};

/// A value as JSON.
pub(crate) fn of(value: &Value) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(number) => Json::from(*number),
        Value::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| Json::from(&**text)),
        Value::Text(text) => Json::from(&**text),
        Value::List(items) => items.iter().map(of).collect(),
        Value::Map(entries) => of_map(entries),
    }
}

fn of_map(entries: &[(Value, Value)]) -> Json {
    let named = entries.iter().map(|(key, value)| Some((name(key)?, of(value))));
    if let Some(object) = named.collect::<Option<Map<String, Json>>>() {
        return Json::Object(object);
    }
    let pairs: Vec<Json> = entries.iter().map(|(key, value)| json!([of(key), of(value)])).collect();
    json!({ "$map": pairs })
}

/// The name of a member of an object that is read back as this key.
fn name(key: &Value) -> Option<String> {
    let name = match key {
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text.to_string(),
        _ => return None,
    };
    (self::key(&name) == *key && name != "$map").then_some(name)
}

fn key(name: &str) -> Value {
    match name.parse::<i64>() {
        Ok(number) if number.to_string() == name => Value::Int(number),
        _ => Value::text(name),
    }
}

/// The value that JSON stands for; `None` for what is nested too deeply.
pub(crate) fn value(json: &Json) -> Option<Value> {
    value_within(json, MAX_DEPTH)
}

fn value_within(json: &Json, depth: usize) -> Option<Value> {
    let below = |json: &Json| value_within(json, depth.checked_sub(1)?);
    Some(match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None => Value::Number(number.to_string().into()),
        },
        Json::String(text) => Value::text(text),
        Json::Array(items) => Value::list(items.iter().map(below).collect::<Option<Vec<_>>>()?),
        Json::Object(members) => {
            let pairs = members.get("$map").filter(|_| members.len() == 1).and_then(Json::as_array);
            let entries: Option<Vec<(Value, Value)>> = match pairs {
                Some(pairs) => pairs.iter().map(|pair| Some((below(pair.get(0)?)?, below(pair.get(1)?)?))).collect(),
                None => members.iter().map(|(name, json)| Some((key(name), below(json)?))).collect(),
            };
            Value::Map(entries?.into())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_went() {
        let text = Value::text("a\"b");
        let map = |entries: &[(Value, Value)]| Value::Map(entries.to_vec().into());
        for original in [
            Value::Nil,
            Value::Bool(true),
            Value::Int(i64::MIN),
            text.clone(),
            Value::list([Value::Int(1), Value::list([]), Value::Nil]),
            map(&[(Value::Int(0), Value::Int(100)), (text, Value::Nil)]),
            map(&[(Value::text("01"), Value::Int(1))]),
            map(&[(Value::text("7"), Value::Int(1))]),
            map(&[(Value::list([Value::Int(1)]), Value::Int(1))]),
        ] {
            assert_eq!(value(&of(&original)), Some(original.clone()), "{original}");
        }
        assert_eq!(value(&json!(1.5)), Some(Value::Number("1.5".into())));
    }

    #[test]
    fn what_is_nested_too_deeply_is_no_value() {
        let nested = (0..=MAX_DEPTH).fold(Json::Null, |inner, _| json!([inner]));
        assert_eq!(value(&nested), None);
    }
}
