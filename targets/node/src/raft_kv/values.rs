//! Values of the store in JSON.

use rashomon_raft::Value;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value in JSON: an integer, text or null.
pub(super) struct JsonValue(pub(super) Value);

impl<'de> Deserialize<'de> for JsonValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<JsonValue, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::Null => Ok(JsonValue(Value::Null)),
            serde_json::Value::String(text) => Ok(JsonValue(Value::Text(text.into()))),
            serde_json::Value::Number(number) => number
                .as_i64()
                .map(|number| JsonValue(Value::Int(number)))
                .ok_or_else(|| D::Error::custom("a number must be an integer of 64 bits")),
            _ => Err(D::Error::custom("a value must be an integer, text or null")),
        }
    }
}

impl Serialize for JsonValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Value::Null => serializer.serialize_none(),
            Value::Int(number) => serializer.serialize_i64(*number),
            Value::Text(text) => serializer.serialize_str(text),
        }
    }
}
