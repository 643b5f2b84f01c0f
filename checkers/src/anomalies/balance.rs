//! `bank`: money is moved between accounts, so the total of a read never changes (Jepsen's `bank`).
//!
//! A read returns all balances, as a map from account to balance or as a list. All reads must have the same accounts
//! and the same total; which total is right is reported by the accounts' first read. A balance must be an integer and,
//! unless overdrafts are allowed, not negative.

use rashomon_history::{History, OpView, Outcome, Value};

use crate::checker::Shape;
use crate::findings::{Findings, begun};
use crate::verdict::Judgement;

pub(super) fn check(history: &History) -> Judgement {
    judge(history, "bank", false)
}

pub(super) fn check_overdraft(history: &History) -> Judgement {
    judge(history, "bank-overdraft", true)
}

/// What a read returns.
pub(super) const BALANCES: Shape = Shape::Of {
    text: "a map from account to balance, or a list of balances",
    fits: |_, value| matches!(value, Value::Map(_) | Value::List(_)),
};

/// A read's accounts in order, each with its balance.
fn accounts(output: &Value) -> Option<Vec<(Value, Value)>> {
    match output {
        Value::Map(entries) => {
            let mut entries = entries.to_vec();
            entries.sort_unstable();
            Some(entries)
        }
        Value::List(balances) => Some(
            balances
                .iter()
                .enumerate()
                .map(|(account, balance)| (Value::Int(account as i64), balance.clone()))
                .collect(),
        ),
        _ => None,
    }
}

fn judge(history: &History, name: &'static str, overdraft: bool) -> Judgement {
    let mut findings = Findings::new(name, "sums up every read", history.len());
    let mut first: Option<(OpView<'_>, Vec<Value>, i128)> = None;
    let (mut reads, mut transfers) = (0_u64, 0_u64);
    for op in history.ops() {
        if op.f == "transfer" && op.outcome == Outcome::Ok {
            transfers += 1;
        }
        if op.f != "read" || op.outcome != Outcome::Ok {
            continue;
        }
        let Some(accounts) = accounts(&op.output) else {
            findings.unknown(format!("operation {} read {}, which is neither a map nor a list", op.id.0, op.output));
            continue;
        };
        reads += 1;
        let mut total = 0_i128;
        let mut whole = true;
        for (account, balance) in &accounts {
            match balance.as_int() {
                None => {
                    whole = false;
                    findings.anomaly("nil balance", &[&op], || {
                        format!("A read, {}, returned {balance} as the balance of account {account}.", begun(&op))
                    });
                }
                Some(balance) => {
                    total += i128::from(balance);
                    if balance < 0 && !overdraft {
                        findings.anomaly("negative balance", &[&op], || {
                            format!("A read, {}, returned {balance} as the balance of account {account}.", begun(&op))
                        });
                    }
                }
            }
        }
        let names: Vec<Value> = accounts.into_iter().map(|(account, _)| account).collect();
        match &first {
            _ if !whole => {}
            None => first = Some((op, names, total)),
            Some((before, known, _)) if *known != names => findings.anomaly("other accounts", &[before, &op], || {
                format!(
                    "A read, {}, returned other accounts ({}) than the first read ({}).",
                    begun(&op),
                    names.len(),
                    known.len()
                )
            }),
            Some((before, _, expected)) if *expected != total => {
                findings.anomaly("wrong total", &[before, &op], || {
                    let off = total - expected;
                    format!("A read, {}, adds up to {total} instead of {expected}: {off:+}.", begun(&op))
                })
            }
            Some(_) => {}
        }
    }
    if reads == 0 {
        findings.unknown("no read returned: no read could show the balances".to_owned());
    } else if transfers == 0 {
        findings.unknown("no transfer succeeded, so the total could not have changed".to_owned());
    }
    findings.judgement()
}
