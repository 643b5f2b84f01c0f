//! Transactions on the wire.
//!
//! A request is `POST /transaction` with `{"steps": [STEP…]}`, its answer `{"results": [R…]}` with one result for each
//! step, or `{"refused": true}`:
//!
//! | interface | operation | steps |
//! |---|---|---|
//! | list-append | `["r" k nil]`, `["append" k v]` | `["list", "k"]`, `["append", "k", v]` |
//! | rw-register | `["r" k nil]`, `["w" k v]` | `["read", "k"]`, `["write", "k", v]` |
//! | bank | read | `["count", "account-0"]`, …: how far each account is above its first balance |
//! | | transfer | `["add", "account-A", -n, -100]`, `["add", "account-B", n, null]`: refused where it would overdraw |

use rashomon_harness::client::{Completion, Operation};
use rashomon_harness::interface::{BANK_ACCOUNTS, BANK_BALANCE};
use rashomon_history::Value;
use serde_json::{Value as Json, json};

use super::json::{element_to_json, elements_from_json, from_json};
use super::vocabulary::Function;

/// Where transactions go.
pub(super) const TRANSACTION: &str = "/transaction";

pub(super) const LISTS: &[Function] = &[Function::answered(
    "txn",
    |value| steps(value, "list", "append", "append"),
    |operation, body| results(operation, body, elements_from_json),
)];

pub(super) const REGISTERS: &[Function] = &[Function::answered(
    "txn",
    |value| steps(value, "read", "w", "write"),
    |operation, body| results(operation, body, from_json),
)];

pub(super) const BANK: &[Function] = &[
    Function::answered(
        "read",
        |_| {
            let steps: Vec<Json> = (0..BANK_ACCOUNTS).map(|account| json!(["count", name(account)])).collect();
            Some(json!({ "steps": steps }))
        },
        |_, body| {
            let counts = body.get("results")?.as_array()?;
            let balance = |(account, count): (i64, &Json)| {
                Some((Value::Int(account), Value::Int(count.as_i64()?.checked_add(BANK_BALANCE)?)))
            };
            let balances = (0..).zip(counts).map(balance).collect::<Option<Vec<_>>>()?;
            (balances.len() as i64 == BANK_ACCOUNTS).then(|| Completion::ok(Value::Map(balances.into())))
        },
    ),
    Function::answered(
        "transfer",
        |value| {
            let [from, to, amount] = value.as_list()? else { return None };
            let (from, to, amount) = (from.as_int()?, to.as_int()?, amount.as_int()?);
            let steps = json!([["add", name(from), -amount, -BANK_BALANCE], ["add", name(to), amount, null]]);
            Some(json!({ "steps": steps }))
        },
        |operation, body| {
            if body.get("refused") == Some(&Json::Bool(true)) {
                return Some(Completion::fail(operation, "balance: the account holds less"));
            }
            body.get("results")?.as_array().map(|_| Completion::ok(operation.value.clone()))
        },
    ),
];

fn name(account: i64) -> String {
    format!("account-{account}")
}

/// The steps of a transaction whose reads are called `read`, and whose writes are called `asked` in histories and
/// `write` on the wire.
fn steps(value: &Value, read: &str, asked: &str, write: &str) -> Option<Json> {
    let step = |micro_operation: &Value| {
        let [Value::Text(f), Value::Int(key), value] = micro_operation.as_list()? else { return None };
        let key = key.to_string();
        match &**f {
            "r" => Some(json!([read, key])),
            f if f == asked => Some(json!([write, key, element_to_json(value)?])),
            _ => None,
        }
    };
    let steps = value.as_list()?.iter().map(step).collect::<Option<Vec<Json>>>()?;
    Some(json!({ "steps": steps }))
}

/// The micro-operations with what was read in their places.
fn results(operation: &Operation, body: &Json, read: fn(&Json) -> Option<Value>) -> Option<Completion> {
    let (asked, results) = (operation.value.as_list()?, body.get("results")?.as_array()?);
    let answered = |(micro_operation, result): (&Value, &Json)| {
        let [f, key, value] = micro_operation.as_list()? else { return None };
        let value = if f.as_text() == Some("r") { read(result)? } else { value.clone() };
        Some(Value::list([f.clone(), key.clone(), value]))
    };
    let answers = asked.iter().zip(results).map(answered).collect::<Option<Vec<Value>>>()?;
    (answers.len() == asked.len() && results.len() == asked.len()).then(|| Completion::ok(Value::list(answers)))
}

#[cfg(test)]
mod tests {
    use rashomon_history::Outcome;

    use super::*;

    fn micro(f: &str, key: i64, value: Value) -> Value {
        Value::list([Value::text(f), Value::Int(key), value])
    }

    fn txn(steps: impl IntoIterator<Item = Value>) -> Operation {
        Operation { f: "txn".into(), key: Value::Nil, value: Value::list(steps) }
    }

    #[test]
    fn a_transaction_goes_out_as_steps_and_comes_back_with_what_was_read() {
        let operation = txn([micro("r", 1, Value::Nil), micro("append", 2, Value::Int(7))]);
        let body = (LISTS[0].body)(&operation.value).unwrap();
        assert_eq!(body, json!({"steps": [["list", "1"], ["append", "2", 7]]}));
        let answer = (LISTS[0].answer)(&operation, &json!({"results": [[4, 5], null]})).unwrap();
        let read = micro("r", 1, Value::list([4, 5].map(Value::Int)));
        assert_eq!(answer.value, Value::list([read, micro("append", 2, Value::Int(7))]));
        for garbage in
            [json!({}), json!({"results": [[4]]}), json!({"results": [7, null]}), json!({"results": [[1], null, null]})]
        {
            assert!((LISTS[0].answer)(&operation, &garbage).is_none(), "{garbage}");
        }
        assert!((REGISTERS[0].body)(&operation.value).is_none(), "registers do not append");
    }

    #[test]
    fn a_transfer_that_would_overdraw_is_refused_and_did_not_happen() {
        let operation =
            Operation { f: "transfer".into(), key: Value::Nil, value: Value::list([0, 1, 5].map(Value::Int)) };
        let body = (BANK[1].body)(&operation.value).unwrap();
        assert_eq!(body, json!({"steps": [["add", "account-0", -5, -100], ["add", "account-1", 5, null]]}));
        let refused = (BANK[1].answer)(&operation, &json!({"refused": true})).unwrap();
        assert_eq!(refused.outcome, Outcome::Fail);
        assert!((BANK[1].answer)(&operation, &json!({})).is_none());
        let counts = json!({"results": [5, -5, 0, 0, 0, 0, 0, 0]});
        let read = (BANK[0].answer)(&operation, &counts).unwrap().value.to_string();
        assert!(read.contains("105") && read.contains("95"), "{read}");
        assert!((BANK[0].answer)(&operation, &json!({"results": [1]})).is_none());
    }
}
