//! What an answer says about its operation, as a description's rules have it. The first rule that holds decides; where
//! none does, the operation is `info`.

use rashomon_harness::client::{Completion, Operation};
use rashomon_history::Value;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::parts::Pointer;
use crate::json;
use crate::template::Text;
use crate::wrong::Wrong;

/// A rule: when it holds (`status`, `at` with `is`, `absent`), and what the answer then says (`ok`, `fail` or `info`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RuleEntry {
    /// The status of the answer; any when not given.
    pub(crate) status: Option<u16>,
    /// Where in the answer's JSON a value is looked for, as a pointer: `/swapped`.
    pub(crate) at: Option<Text>,
    /// What stands there; by default anything but null.
    #[schemars(with = "Option<serde_json::Value>")]
    pub(crate) is: Option<toml::Value>,
    /// A pointer that must lead nowhere.
    pub(crate) absent: Option<Text>,
    /// It happened and returned this: `true` (what was asked), `"nil"`, `"[]"`, or a pointer into the answer with
    /// filters: `/kvs/0/value|base64|int`.
    #[schemars(with = "Option<serde_json::Value>")]
    pub(crate) ok: Option<toml::Spanned<toml::Value>>,
    /// It certainly did not happen and never will: why.
    pub(crate) fail: Option<Text>,
    /// Nobody knows: why.
    pub(crate) info: Option<Text>,
}

/// A rule that was read.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    status: Option<u16>,
    at: Option<(Pointer, Option<Json>)>,
    absent: Option<Pointer>,
    says: Says,
}

#[derive(Clone, Debug)]
enum Says {
    Asked,
    Nil,
    Empty,
    There(Pointer),
    Fail(String),
    Info(String),
}

impl Rule {
    pub(super) fn read(entry: &RuleEntry) -> Result<Rule, Wrong> {
        let pointer = |text: &Text| {
            let why = |why: String| Wrong::new(text.at(), why, "write it as /kvs/0/value, with filters as |base64|int");
            Pointer::parse(text.as_str()).map_err(why)
        };
        let is = entry.is.as_ref().map(|is| serde_json::to_value(is).unwrap_or_default());
        let at = entry.at.as_ref().map(pointer).transpose()?.map(|at| (at, is));
        let absent = entry.absent.as_ref().map(pointer).transpose()?;
        let says = match (&entry.ok, &entry.fail, &entry.info) {
            (Some(ok), None, None) => returned(ok)?,
            (None, Some(why), None) => Says::Fail(why.as_str().to_owned()),
            (None, None, Some(why)) => Says::Info(why.as_str().to_owned()),
            (_, fail, info) => {
                let at = fail.as_ref().or(info.as_ref()).and_then(Text::at);
                let what = "an answer says one of `ok`, `fail` and `info`";
                return Err(Wrong::new(at, what, "split it into several rules: the first that holds decides"));
            }
        };
        Ok(Rule { status: entry.status, at, absent, says })
    }

    fn holds(&self, status: u16, answer: &Json) -> bool {
        let there = self.at.as_ref().is_none_or(|(pointer, is)| {
            let found = pointer.find(answer);
            is.as_ref()
                .map_or_else(|| found.as_ref().is_some_and(|found| !found.is_null()), |is| found.as_ref() == Some(is))
        });
        self.status.is_none_or(|wanted| wanted == status)
            && there
            && self.absent.as_ref().is_none_or(|pointer| pointer.find(answer).is_none())
    }

    /// `None` where the answer lacks what the rule says is there.
    fn completion(&self, operation: &Operation, answer: &Json) -> Option<Completion> {
        Some(match &self.says {
            Says::Asked => Completion::ok(operation.value.clone()),
            Says::Nil => Completion::ok(Value::Nil),
            Says::Empty => Completion::ok(Value::list([])),
            Says::There(pointer) => Completion::ok(json::value(&pointer.find(answer)?)?),
            Says::Fail(why) => Completion::fail(operation, why),
            Says::Info(why) => Completion::info(operation, why),
        })
    }
}

fn returned(ok: &toml::Spanned<toml::Value>) -> Result<Says, Wrong> {
    let wrong = |why: String| {
        let remedy = "write true (what was asked), \"nil\", \"[]\", or a pointer as \"/value|int\"";
        Wrong::new(Some(ok.span()), why, remedy)
    };
    Ok(match ok.get_ref() {
        toml::Value::Boolean(true) => Says::Asked,
        toml::Value::String(text) if text == "nil" => Says::Nil,
        toml::Value::String(text) if text == "[]" => Says::Empty,
        toml::Value::String(text) => Says::There(Pointer::parse(text).map_err(wrong)?),
        other => return Err(wrong(format!("`ok = {other}` says not what came back"))),
    })
}

/// What an answer says: its status (0 where the protocol has none) and its JSON.
pub(super) fn understand(rules: &[Rule], operation: &Operation, status: u16, answer: &Json) -> Completion {
    let rule = rules.iter().find(|rule| rule.holds(status, answer));
    rule.and_then(|rule| rule.completion(operation, answer)).unwrap_or_else(|| {
        let shown: String = answer.to_string().chars().take(80).collect();
        Completion::info(operation, format!("garbage: no rule for status {status} with {shown}"))
    })
}

#[cfg(test)]
mod tests {
    use rashomon_history::Outcome;
    use serde_json::json;

    use super::*;

    fn rules(text: &str) -> Result<Vec<Rule>, Wrong> {
        #[derive(Deserialize)]
        struct File {
            answers: Vec<RuleEntry>,
        }
        toml::from_str::<File>(text).map_err(Wrong::from)?.answers.iter().map(Rule::read).collect()
    }

    #[test]
    fn the_first_rule_that_holds_decides_and_without_one_nobody_knows() {
        let rules = rules(
            r#"answers = [
                { status = 404, fail = "refused: no table" },
                { status = 200, at = "/swapped", is = false, fail = "compare: another value" },
                { status = 200, at = "/swapped", is = true, ok = true },
                { status = 200, absent = "/kvs", at = "/header", ok = "nil" },
                { status = 200, at = "/kvs", ok = "/kvs/0/value|int" },
                { status = 202, info = "later: accepted" },
            ]"#,
        )
        .unwrap();
        let operation = Operation { f: "cas".into(), key: Value::Int(1), value: Value::Int(9) };
        let said = |status, answer: Json| {
            let completion = understand(&rules, &operation, status, &answer);
            (completion.outcome, completion.value)
        };
        let nine = Value::Int(9);
        assert_eq!(said(404, json!({})), (Outcome::Fail, nine.clone()));
        assert_eq!(said(200, json!({"swapped": false})), (Outcome::Fail, nine.clone()));
        assert_eq!(said(200, json!({"swapped": true})), (Outcome::Ok, nine.clone()));
        assert_eq!(said(200, json!({"header": {}})), (Outcome::Ok, Value::Nil));
        assert_eq!(said(200, json!({"kvs": [{"value": "7"}]})), (Outcome::Ok, Value::Int(7)));
        for (status, answer) in [
            (200, json!({"kvs": [{"value": "seven"}]})),
            (200, json!({"kvs": []})),
            (200, json!(null)),
            (200, json!({"swapped": "true"})),
            (202, json!({})),
            (500, json!({"swapped": true})),
        ] {
            assert_eq!(said(status, answer.clone()), (Outcome::Info, nine.clone()), "{status} {answer}");
        }
    }

    #[test]
    fn a_rule_says_one_thing() {
        for wrong in
            ["{ status = 200 }", "{ ok = true, fail = 'x' }", "{ ok = 1 }", "{ ok = 'value' }", "{ ok = false }"]
        {
            assert!(rules(&format!("answers = [{wrong}]")).is_err(), "{wrong}");
        }
    }
}
