//! What templates of requests can name of an operation, and how answers become values.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rashomon_harness::client::Operation;
use serde_json::Value as Json;

use crate::json;
use crate::template::{Problem, Values, expand};
use crate::wrong::Wrong;

/// What templates can name besides the values of the node. `from` and `to` are the two of a compare-and-set; `value/0`
/// is the first of a list.
const NAMES: [&str; 6] = ["key", "value", "from", "to", "session", "sequence"];

/// An operation for templates.
pub(super) struct Parts<'a> {
    pub(super) values: &'a Values,
    pub(super) key: Json,
    pub(super) value: Json,
    /// Unique among all clients of the run.
    pub(super) session: u64,
    /// The number of the operation within its client.
    pub(super) sequence: u64,
}

impl<'a> Parts<'a> {
    pub(super) fn of(operation: &Operation, values: &'a Values, session: u64, sequence: u64) -> Parts<'a> {
        Parts { values, key: json::of(&operation.key), value: json::of(&operation.value), session, sequence }
    }

    /// Operations to try templates with: every function's value is a number, or a list of two.
    pub(super) fn samples(values: &'a Values) -> [Parts<'a>; 2] {
        [Json::from(1), Json::from(vec![1, 2])].map(|value| Parts {
            values,
            key: Json::from(1),
            value,
            session: 0,
            sequence: 0,
        })
    }

    /// What a name stands for, `|filter`s applied.
    fn named(&self, name: &str) -> Option<Json> {
        let mut filters = name.split('|').map(str::trim);
        let name = filters.next()?;
        let part = match name {
            "key" => self.key.clone(),
            "value" => self.value.clone(),
            "from" => self.value.get(0)?.clone(),
            "to" => self.value.get(1)?.clone(),
            "session" => Json::from(self.session),
            "sequence" => Json::from(self.sequence),
            _ => match name.strip_prefix("value/") {
                Some(pointer) => self.value.pointer(&format!("/{pointer}"))?.clone(),
                None => Json::from(self.values.get(name)?.as_str()),
            },
        };
        filters.try_fold(part, |part, filter| encoded(&part, filter))
    }

    /// A text with its templates expanded.
    pub(super) fn text(&self, template: &str) -> Result<String, Problem> {
        expand(template, |name| self.named(name).map(|part| plain(&part)))
    }

    /// A tree with the templates in its texts expanded. A text that is one template becomes what that stands for: a
    /// number stays a number.
    pub(super) fn tree(&self, tree: &toml::Value) -> Result<Json, Problem> {
        Ok(match tree {
            toml::Value::String(text) => {
                let name = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
                match name.filter(|name| !name.contains(['{', '}'])) {
                    Some(name) => self.named(name).ok_or_else(|| Problem::Name(name.to_owned()))?,
                    None => Json::from(self.text(text)?),
                }
            }
            toml::Value::Array(items) => items.iter().map(|item| self.tree(item)).collect::<Result<_, _>>()?,
            toml::Value::Table(members) => {
                let members = members.iter().map(|(name, member)| Ok((name.clone(), self.tree(member)?)));
                Json::Object(members.collect::<Result<_, Problem>>()?)
            }
            other => serde_json::to_value(other).unwrap_or_default(),
        })
    }

    /// A problem as the file's writer should see it.
    pub(super) fn wrong(&self, problem: Problem, at: Option<Range<usize>>) -> Wrong {
        match problem {
            Problem::Name(name) => {
                let known = NAMES.into_iter().chain(self.values.keys().map(String::as_str));
                Wrong::unknown(at, "value", name.split('|').next().unwrap_or_default(), known)
            }
            problem @ Problem::Brace => problem.wrong(at, self.values),
        }
    }
}

fn plain(json: &Json) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}

/// `None` for a filter that does not exist.
fn encoded(part: &Json, filter: &str) -> Option<Json> {
    let text = plain(part);
    Some(Json::from(match filter {
        "text" => text,
        "json" => part.to_string(),
        "base64" => BASE64.encode(text),
        "percent" => percent_encoded(&text),
        "parse" => return serde_json::from_str(&text).ok(),
        _ => return None,
    }))
}

fn percent_encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// Where in an answer something is, and what to make of it: `/kvs/0/value|base64|int`. `*` stands for every element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    steps: Vec<String>,
    filters: Vec<Filter>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filter {
    Base64,
    Int,
    Json,
}

impl Pointer {
    pub(super) fn parse(text: &str) -> Result<Pointer, String> {
        let mut parts = text.split('|').map(str::trim);
        let path = parts.next().unwrap_or_default();
        let steps = match path.strip_prefix('/') {
            Some(steps) => steps.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect(),
            None if path.is_empty() => Vec::new(),
            None => return Err(format!("`{path}` is no JSON pointer: begin it with a slash")),
        };
        let filter = |filter: &str| match filter {
            "base64" => Ok(Filter::Base64),
            "int" => Ok(Filter::Int),
            "json" => Ok(Filter::Json),
            _ => Err(format!("there is no filter `{filter}`: there are base64, int and json")),
        };
        Ok(Pointer { steps, filters: parts.map(filter).collect::<Result<_, _>>()? })
    }

    /// What is there; `None` where nothing is, or nothing that the filters understand.
    pub(super) fn find(&self, answer: &Json) -> Option<Json> {
        self.below(answer, &self.steps)
    }

    fn below(&self, json: &Json, steps: &[String]) -> Option<Json> {
        let Some((step, rest)) = steps.split_first() else {
            return self.filters.iter().try_fold(json.clone(), |json, filter| filter.apply(&json));
        };
        match json {
            Json::Array(items) if step == "*" => items.iter().map(|item| self.below(item, rest)).collect(),
            Json::Array(items) => self.below(items.get(step.parse::<usize>().ok()?)?, rest),
            Json::Object(members) => self.below(members.get(step)?, rest),
            _ => None,
        }
    }
}

impl Filter {
    fn apply(self, json: &Json) -> Option<Json> {
        match self {
            Filter::Base64 => String::from_utf8(BASE64.decode(json.as_str()?).ok()?).ok().map(Json::from),
            Filter::Int if json.is_i64() => Some(json.clone()),
            Filter::Int => json.as_str()?.trim().parse::<i64>().ok().map(Json::from),
            Filter::Json => serde_json::from_str(json.as_str()?).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use rashomon_history::Value;
    use serde_json::json;

    use super::*;

    #[test]
    fn operations_become_texts_and_trees() {
        let cas = Operation { f: "cas".into(), key: Value::text("a b"), value: Value::pair(Value::Nil, 7.into()) };
        let values = Values::from([("ip".to_owned(), "10.77.0.1".to_owned())]);
        let parts = Parts::of(&cas, &values, 9, 2);
        assert_eq!(parts.text("/kv/{key|percent}?s={session}.{sequence}").as_deref(), Ok("/kv/a%20b?s=9.2"));
        assert_eq!(parts.text("{to|base64} {value} {ip}").as_deref(), Ok("Nw== [null,7] 10.77.0.1"));
        let tree: toml::Value =
            toml::from_str("a = '{to}'\nb = ['{from}', 'x{to}']\nc = true\nd = '{to|text}'\ne = '{value/1}'").unwrap();
        let expected = json!({"a": 7, "b": [null, "x7"], "c": true, "d": "7", "e": 7});
        assert_eq!(parts.tree(&tree), Ok(expected));
        assert_eq!(parts.text("{kye}"), Err(Problem::Name("kye".into())));
        assert!(parts.text("{key|rot13}").is_err());
        assert_eq!(parts.wrong(Problem::Name("kye".into()), None).remedy, "did you mean `key`?");
    }

    #[test]
    fn answers_become_values() {
        let answer = json!({"kvs": [{"value": "NQ=="}, {"value": "Nw=="}], "n": "12", "list": "[1,2]"});
        let find = |text: &str| Pointer::parse(text).unwrap().find(&answer);
        assert_eq!(find("/kvs/0/value|base64|int"), Some(json!(5)));
        assert_eq!(find("/kvs/*/value|base64|int"), Some(json!([5, 7])));
        assert_eq!(find("/n|int"), Some(json!(12)));
        assert_eq!(find("/list|json"), Some(json!([1, 2])));
        assert_eq!(find("").as_ref(), Some(&answer));
        for nothing in ["/kvs/2/value", "/m", "/n/0", "/kvs|int", "/kvs/*/n"] {
            assert_eq!(find(nothing), None, "{nothing}");
        }
        assert!(Pointer::parse("kvs").is_err() && Pointer::parse("/n|float").is_err());
    }
}
