//! One message: a JSON object with `src`, `dest` and `body`, on one line.

use serde_json::{Map, Value as Json};
use thiserror::Error;

/// A longer line is no message, bytes.
pub const LONGEST_LINE: usize = 16 << 20;
/// So much of a line that is no message is shown.
const SHOWN: usize = 120;

/// The body of a message.
pub type Body = Map<String, Json>;

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who sends it: `n1`, `c7`, `lin-kv`.
    pub src: String,
    /// For whom it is.
    pub dest: String,
    /// What it says.
    pub body: Body,
}

/// Why a line is no message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{why}: {shown:?}")]
pub struct Malformed {
    why: String,
    shown: String,
}

impl Message {
    /// A message.
    pub fn new(src: impl Into<String>, dest: impl Into<String>, body: Body) -> Message {
        Message { src: src.into(), dest: dest.into(), body }
    }

    /// The message on a line.
    ///
    /// # Errors
    ///
    /// When it is no JSON, or lacks what every message has.
    pub fn read(line: &[u8]) -> Result<Message, Malformed> {
        let malformed = |why: String| Malformed {
            why,
            shown: String::from_utf8_lossy(&line[..line.len().min(SHOWN * 4)]).chars().take(SHOWN).collect(),
        };
        let json: Json = serde_json::from_slice(line).map_err(|error| malformed(format!("no JSON ({error})")))?;
        let Json::Object(mut object) = json else { return Err(malformed("no JSON object".to_owned())) };
        let mut text = |name: &str| match object.remove(name) {
            Some(Json::String(text)) => Ok(text),
            _ => Err(malformed(format!("a message without `{name}`, which is a string"))),
        };
        let (src, dest) = (text("src")?, text("dest")?);
        match object.remove("body") {
            Some(Json::Object(body)) if body.get("type").is_some_and(Json::is_string) => {
                Ok(Message { src, dest, body })
            }
            Some(Json::Object(_)) => Err(malformed("a body without `type`, which is a string".to_owned())),
            _ => Err(malformed("a message without `body`, which is an object".to_owned())),
        }
    }

    /// Its line, with the line's end.
    pub fn line(&self) -> Vec<u8> {
        let message = serde_json::json!({ "src": self.src, "dest": self.dest, "body": self.body });
        let mut line = message.to_string().into_bytes();
        line.push(b'\n');
        line
    }

    /// What kind of message it is.
    pub fn kind(&self) -> &str {
        self.body.get("type").and_then(Json::as_str).unwrap_or_default()
    }

    /// The number of the message that it answers.
    pub fn in_reply_to(&self) -> Option<u64> {
        self.body.get("in_reply_to").and_then(Json::as_u64)
    }

    /// The answer to it with this body; it refers to the number of this message, if that has one.
    pub fn reply(&self, mut body: Body) -> Message {
        if let Some(id) = self.body.get("msg_id") {
            body.insert("in_reply_to".to_owned(), id.clone());
        }
        Message { src: self.dest.clone(), dest: self.src.clone(), body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_and_written() {
        let line = br#"{"id":3,"src":"c1","dest":"n1","body":{"type":"echo","msg_id":7,"echo":[1,{"a b":null}]}}"#;
        let message = Message::read(line).unwrap();
        assert_eq!((&*message.src, &*message.dest, message.kind()), ("c1", "n1", "echo"));
        assert_eq!(Message::read(&message.line()), Ok(message.clone()));
        let reply = message.reply(Body::from_iter([("type".to_owned(), "echo_ok".into())]));
        assert_eq!((&*reply.src, &*reply.dest, reply.in_reply_to()), ("n1", "c1", Some(7)));
    }

    #[test]
    fn what_is_no_message_says_why() {
        let why = |line: &str| Message::read(line.as_bytes()).unwrap_err().to_string();
        assert!(why("hello").starts_with("no JSON ("), "{}", why("hello"));
        assert!(why("[]").starts_with("no JSON object"));
        assert!(why(r#"{"src":1,"dest":"n2","body":{}}"#).contains("`src`"));
        assert!(why(r#"{"src":"n1","body":{}}"#).contains("`dest`"));
        assert!(why(r#"{"src":"n1","dest":"n2","body":{"type":5}}"#).contains("`type`"));
        assert!(why(r#"{"src":"n1","dest":"n2"}"#).contains("`body`"));
        assert!(why(&"x".repeat(100_000)).len() < 300);
    }
}
