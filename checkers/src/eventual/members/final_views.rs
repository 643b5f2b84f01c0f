//! Rule 5: when views are settled, every node has as live exactly the members that say so themselves.
//!
//! A failure detector may err at any time, for a while: where a machine is overloaded, a member that could not answer
//! is held for dead until it contradicts. So a view is wrong only when all looks at it since it was settled are; when
//! just some of them are, nobody knows.

use std::collections::BTreeMap;

use rashomon_history::OpView;

use super::super::EventualDemand;
use super::super::final_reads::{Coverage, FinalReads};
use super::looks::{Look, Looks, State, Statement};
use crate::findings::{Findings, begun};

/// What an observer said of a member once all was settled.
#[derive(Default)]
struct SettledView<'l> {
    /// The first look that was wrong, and in which way.
    first_wrong: Option<(&'l Look<'l>, &'static str)>,
    /// Another one was right.
    right: bool,
}

pub(super) fn judge(looks: &Looks<'_>, demand: &EventualDemand, findings: &mut Findings) {
    let final_reads = FinalReads::of(looks.ops, demand);
    let mut coverage = Coverage::default();
    coverage.object(&final_reads);
    let find = |op: &OpView<'_>| looks.looks.binary_search_by_key(&op.id, |look| look.op.id).ok();
    let judged = final_reads.judged().filter_map(|read| {
        let look = &looks.looks[find(&looks.ops[read.read])?];
        Some((look, read.settled))
    });
    let judged: Vec<(&Look<'_>, bool)> = judged.collect();
    // What each member said of itself last, and when it first did.
    let mut truth: BTreeMap<i64, (Statement, &Look<'_>)> = BTreeMap::new();
    for (look, _) in &judged {
        if let Some(own) = look.own() {
            let latest = truth.entry(look.node).or_insert((own, look));
            if latest.0 != own {
                *latest = (own, look);
            }
        }
    }
    let mut early = None;
    // By observer and member.
    let mut settled_views: BTreeMap<(i64, i64), SettledView<'_>> = BTreeMap::new();
    for &(look, settled) in &judged {
        for (&member, &(own, _)) in &truth {
            let name = wrong(own, look.view.get(&member).copied());
            if !settled {
                early = early.or(name.map(|_| (look, member)));
                continue;
            }
            let view = settled_views.entry((look.node, member)).or_default();
            view.first_wrong = view.first_wrong.or(name.map(|name| (look, name)));
            view.right |= name.is_none();
        }
    }
    let mut wavers = None;
    for (&(_, member), view) in &settled_views {
        let Some((look, name)) = view.first_wrong else { continue };
        if view.right {
            wavers = wavers.or(Some((look, member)));
            continue;
        }
        let (own, itself) = truth[&member];
        findings.anomaly(name, &[itself.op, look.op], || {
            let said = look.view.get(&member);
            let said = said.map_or("nothing about it".to_owned(), |said| format!("that it was {said}"));
            format!(
                "Member {member} said {} of itself that it was {own}; updates had stopped and the convergence bound had passed, and n{} \
                 said {said} {}, and nothing else from then on.",
                begun(itself.op),
                look.node,
                begun(look.op)
            )
        });
    }
    if let Some((look, member)) = wavers {
        findings.unknown(format!(
            "n{} was wrong about member {member} {}, after the bound had passed, but not all the time: the bound is \
             too short, or somebody could not answer for a while; judge a run on a machine with less load, or allow more \
             time to converge",
            look.node,
            begun(look.op)
        ));
    }
    if let Some((look, member)) = early {
        coverage.too_early(|| format!("n{} and member {member} did not agree about that member", look.node));
    }
    coverage.report(findings);
}

/// What is wrong with what a node says of a member that says this of itself.
fn wrong(own: Statement, said: Option<Statement>) -> Option<&'static str> {
    let live = said.is_some_and(|said| said.state.is_live());
    match (own.state == State::Left, live, said) {
        (true, true, _) => Some("ghost member"),
        (false, false, None) => Some("missing member"),
        (false, false, Some(_)) => Some("live member reported gone"),
        _ => None,
    }
}
