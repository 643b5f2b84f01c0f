//! Values and contexts as JSON has them.

use std::fmt::Write as _;

use rashomon_dynamo::{Context, Value};
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

/// A context as clients carry it: opaque, in hexadecimal digits.
pub(super) fn encode(context: &Context) -> String {
    let bytes = postcard::to_stdvec(context).expect("a context is plain data and always encodes");
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

/// What a client carried; `None` when that is no context.
pub(super) fn decode(text: &str) -> Option<Context> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    let (context, rest) = postcard::take_from_bytes(&bytes?).ok().map(|(context, rest)| (context, rest.len()))?;
    (rest == 0).then_some(context)
}

#[cfg(test)]
mod tests {
    use rashomon_dynamo::{Actor, Dot};

    use super::*;

    #[test]
    fn contexts_survive_their_text_and_garbage_is_refused() {
        let mut context = Context::default();
        assert_eq!(decode(&encode(&context)), Some(context.clone()));
        context.add(Dot { actor: Actor { node: 3, birth: 70_000 }, number: 9 });
        assert_eq!(decode(&encode(&context)), Some(context.clone()));
        for garbage in ["0", "zz", "+1", "ff", "é"] {
            assert_eq!(decode(garbage), None, "{garbage}");
        }
        assert_eq!(decode(&(encode(&context) + "00")), None);
    }
}
