//! Transactions on the wire: `{"steps": [STEP…]}`, answered with `{"results": […]}`, one for each step, or
//! `{"refused": true}` where a condition did not hold.
//!
//! | step | what | result |
//! |---|---|---|
//! | `["read", KEY]` | a register | its value |
//! | `["list", KEY]` | a list | its elements |
//! | `["count", KEY]` | a counter | its value |
//! | `["write", KEY, V]` | sets a register | null |
//! | `["append", KEY, V]` | appends to a list | null |
//! | `["add", KEY, N, LEAST or null]` | adds to a counter, which must then be at least LEAST | null |

use rashomon_raft::{Query, Response, Step};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::values::JsonValue;

/// Steps of a transaction at most.
const STEPS_MAX: usize = 10_000;

/// What a client sends.
#[derive(Deserialize)]
pub(super) struct TransactionBody {
    steps: Vec<Json>,
}

impl TransactionBody {
    /// Its steps; `None` when one of them makes no sense.
    pub(super) fn steps(&self) -> Option<Vec<Step>> {
        if self.steps.len() > STEPS_MAX {
            return None;
        }
        self.steps.iter().map(step).collect()
    }
}

fn step(json: &Json) -> Option<Step> {
    let value = |json: &Json| serde_json::from_value::<JsonValue>(json.clone()).ok().map(|value| value.0);
    let words = json.as_array()?;
    let (kind, key) = (words.first()?.as_str()?, words.get(1)?.as_str()?.into());
    match (kind, &words[2..]) {
        ("read", []) => Some(Step::Read(key)),
        ("list", []) => Some(Step::ReadList(key)),
        ("count", []) => Some(Step::ReadCounter(key)),
        ("write", [written]) => Some(Step::Write(key, value(written)?)),
        ("append", [element]) => Some(Step::Append(key, value(element)?)),
        ("add", [amount, at_least]) => {
            let at_least = if at_least.is_null() { None } else { Some(at_least.as_i64()?) };
            Some(Step::Add { key, amount: amount.as_i64()?, at_least })
        }
        _ => None,
    }
}

/// What is asked by a transaction that only reads.
pub(super) fn queries(steps: &[Step]) -> Option<Vec<Query>> {
    steps.iter().map(Step::query).collect()
}

/// The answers to its steps.
pub(super) fn results(answers: Vec<Response>) -> Json {
    let result = |answer| match answer {
        Response::Value(value) => json!(JsonValue(value)),
        Response::Elements(elements) => json!(elements.into_iter().map(JsonValue).collect::<Vec<_>>()),
        Response::Count(count) => json!(count),
        _ => Json::Null,
    };
    json!({ "results": answers.into_iter().map(result).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use rashomon_raft::Value;

    use super::*;

    fn steps(json: Json) -> Option<Vec<Step>> {
        serde_json::from_value::<TransactionBody>(json!({ "steps": json })).ok()?.steps()
    }

    #[test]
    fn steps_are_read_and_nonsense_is_refused() {
        let read = steps(json!([["list", "1"], ["append", "1", 7], ["add", "a", -5, 0], ["write", "r", null]]));
        let expected = vec![
            Step::ReadList("1".into()),
            Step::Append("1".into(), Value::Int(7)),
            Step::Add { key: "a".into(), amount: -5, at_least: Some(0) },
            Step::Write("r".into(), Value::Null),
        ];
        assert_eq!(read, Some(expected));
        for wrong in
            [json!(["list"]), json!(["list", 1]), json!(["add", "a", 1]), json!(["x", "a"]), json!(7), json!([])]
        {
            assert_eq!(steps(json!([wrong])), None, "{wrong}");
        }
    }

    #[test]
    fn answers_keep_their_places() {
        let answers = vec![Response::Elements(vec![Value::Int(1)]), Response::Done, Response::Value(Value::Null)];
        assert_eq!(results(answers), json!({"results": [[1], null, null]}));
    }
}
