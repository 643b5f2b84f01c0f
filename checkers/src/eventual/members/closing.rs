//! Rule 5: when views are settled, every node has as live exactly the members that say so themselves.

use std::collections::BTreeMap;

use rashomon_history::OpView;

use super::super::EventualDemand;
use super::super::closing::{Closing, Looked};
use super::looks::{Look, Looks, State, Statement};
use crate::anomalies::findings::{Findings, begun};

pub(super) fn judge(looks: &Looks<'_>, demand: &EventualDemand, findings: &mut Findings) {
    let closing = Closing::of(looks.ops, demand);
    let mut looked = Looked::default();
    looked.object(&closing);
    let find = |op: &OpView<'_>| looks.looks.binary_search_by_key(&op.id, |look| look.op.id).ok();
    let judged = closing.judged().filter_map(|read| {
        let look = &looks.looks[find(&looks.ops[read.read])?];
        Some((look, read.settled))
    });
    let judged: Vec<(&Look<'_>, bool)> = judged.collect();
    // What each member said of itself last.
    let mut truth: BTreeMap<i64, (Statement, &Look<'_>)> = BTreeMap::new();
    for (look, _) in &judged {
        if let Some(own) = look.own() {
            truth.insert(look.node, (own, look));
        }
    }
    let mut early = None;
    for &(look, settled) in &judged {
        for (&member, &(own, itself)) in &truth {
            let said = look.view.get(&member).copied();
            let Some(name) = wrong(own, said) else { continue };
            if !settled {
                early.get_or_insert((look, member));
                continue;
            }
            findings.anomaly(name, &[itself.op, look.op], || {
                let said = said.map_or("nothing about it".to_owned(), |said| format!("that it was {said}"));
                format!(
                    "Member {member} said {} of itself that it was {own}; all was quiet and the bound had passed, and node \
                     {} said {said} {}.",
                    begun(itself.op),
                    look.node,
                    begun(look.op)
                )
            });
        }
    }
    if let Some((look, member)) = early {
        looked.too_early(|| format!("node {} and member {member} did not agree about that member", look.node));
    }
    looked.tell(findings);
}

/// What is wrong with what a node says of a member that says this of itself.
fn wrong(own: Statement, said: Option<Statement>) -> Option<&'static str> {
    let live = said.is_some_and(|said| said.state.is_live());
    match (own.state == State::Left, live, said) {
        (true, true, _) => Some("ghost member"),
        (false, false, None) => Some("missing member"),
        (false, false, Some(_)) => Some("living member held for gone"),
        _ => None,
    }
}
