//! Rules 1 to 4: statements move forward only, and agree with what members say of themselves.

use std::collections::BTreeMap;

use rashomon_history::{OpView, Outcome};

use super::looks::{Look, Looks, State, Statement};
use crate::findings::{Findings, begun, between, ended, last_moment};

pub(super) fn judge(looks: &Looks<'_>, findings: &mut Findings) {
    reached(looks, findings);
    greater(looks, findings);
    left_by_itself(looks, findings);
    acknowledged(looks, findings);
}

/// The greatest statement so far, and the index of the look that has it, by member.
type Greatest = BTreeMap<i64, (Statement, usize)>;

fn keep(greatest: &mut Greatest, member: i64, statement: Statement, index: usize) {
    let entry = greatest.entry(member).or_insert((statement, index));
    if entry.0 < statement {
        *entry = (statement, index);
    }
}

/// Rule 1: who is asked itself knows at least what others said of it before.
fn reached(looks: &Looks<'_>, findings: &mut Findings) {
    let mut greatest = Greatest::new();
    looks.in_real_time(
        &mut greatest,
        |greatest, index| {
            for (&member, &statement) in looks.looks[index].view.iter() {
                keep(greatest, member, statement, index);
            }
        },
        |greatest, look| {
            let Some((own, (said, index))) = look.own().zip(greatest.get(&look.node).copied()) else { return };
            if said.incarnation <= own.incarnation {
                return;
            }
            let earlier = &looks.looks[index];
            let name = if earlier.node == look.node { "non-monotonic incarnation" } else { "incarnation from nowhere" };
            findings.anomaly(name, &[earlier.op, look.op], || {
                format!(
                    "n{} said {} that n{} was {said}; asked {} later, n{} itself was {own}.",
                    earlier.node,
                    ended(earlier.op),
                    look.node,
                    between(earlier.op, look.op),
                    look.node
                )
            });
        },
    );
}

/// Rule 2: in one life of a node its statements only get greater.
fn greater(looks: &Looks<'_>, findings: &mut Findings) {
    // By observer: its own incarnation, and what it said while it had that one.
    let mut lives: BTreeMap<i64, (i64, Greatest)> = BTreeMap::new();
    looks.in_real_time(
        &mut lives,
        |lives, index| {
            let look = &looks.looks[index];
            let Some(own) = look.own() else { return };
            let life = lives.entry(look.node).or_insert_with(|| (own.incarnation, Greatest::new()));
            if life.0 < own.incarnation {
                *life = (own.incarnation, Greatest::new());
            }
            if life.0 == own.incarnation {
                for (&member, &statement) in look.view.iter() {
                    keep(&mut life.1, member, statement, index);
                }
            }
        },
        |lives, look| {
            let Some(own) = look.own() else { return };
            let Some((_, greatest)) = lives.get(&look.node).filter(|life| life.0 == own.incarnation) else { return };
            for (&member, &now) in look.view.iter() {
                let Some(&(before, index)) = greatest.get(&member) else { continue };
                if now >= before {
                    continue;
                }
                let name = match (before.state, now.state.is_live()) {
                    (State::Left, true) => "ghost member",
                    (State::Dead, true) => "resurrected member",
                    _ => "non-monotonic view",
                };
                let earlier = &looks.looks[index];
                findings.anomaly(name, &[earlier.op, look.op], || {
                    format!(
                        "n{} said {} that member {member} was {before}, and {} later that it was {now}; it had not \
                         restarted in between.",
                        look.node,
                        ended(earlier.op),
                        between(earlier.op, look.op)
                    )
                });
            }
        },
    );
}

/// Rule 3: whether an incarnation is one in which the member has left, it says itself.
fn left_by_itself(looks: &Looks<'_>, findings: &mut Findings) {
    let own = looks.own_statements();
    for look in &looks.looks {
        for (&member, &statement) in look.view.iter() {
            let Some(itself) = own.get(&(member, statement.incarnation)) else { continue };
            let left = itself.own().is_some_and(|own| own.state == State::Left);
            let contradicts = if left { statement.state.is_live() } else { statement.state == State::Left };
            if !contradicts {
                continue;
            }
            let name = if left { "ghost member" } else { "departure from nowhere" };
            let own = if left { "left" } else { "a member" };
            findings.anomaly(name, &[itself.op, look.op], || {
                format!(
                    "n{} said {} that member {member} was {statement}; in that incarnation it was {own}, as it said \
                     itself {}.",
                    look.node,
                    ended(look.op),
                    ended(itself.op)
                )
            });
        }
    }
}

/// The changes of one node.
#[derive(Default)]
struct Changes<'l, 'a> {
    /// Acknowledged ones, in order of completion.
    acknowledged: Vec<&'l OpView<'a>>,
    /// For leaves and for joins: invocation, and the last position at which this one or one before it can have taken
    /// effect, in order of invocation.
    latest: [Vec<(u32, &'l OpView<'a>)>; 2],
}

/// Rule 4: a node stands by what it acknowledged.
fn acknowledged(looks: &Looks<'_>, findings: &mut Findings) {
    let mut nodes: BTreeMap<i64, Changes<'_, '_>> = BTreeMap::new();
    for op in looks.changes() {
        let Some(node) = op.node else { continue };
        let changes = nodes.entry(i64::from(node)).or_default();
        if op.outcome == Outcome::Ok {
            changes.acknowledged.push(op);
        }
        let latest = &mut changes.latest[usize::from(op.f == "join")];
        let longest = latest.last().map(|&(_, longest)| longest);
        let longest = longest.filter(|longest| last_moment(longest) >= last_moment(op)).unwrap_or(op);
        latest.push((op.invoked, longest));
    }
    for changes in nodes.values_mut() {
        changes.acknowledged.sort_by_key(|op| op.completed);
    }
    // By node: how many acknowledged changes had completed, and the one of them that began last.
    let mut done: BTreeMap<i64, (usize, Option<&OpView<'_>>)> = BTreeMap::new();
    for look in &looks.looks {
        let Some((changes, own)) = nodes.get(&look.node).zip(look.own()) else { continue };
        let (completed, newest) = done.entry(look.node).or_default();
        while let Some(op) = changes.acknowledged.get(*completed).filter(|op| last_moment(op) < look.op.invoked) {
            *newest = newest.filter(|newest| newest.invoked > op.invoked).or(Some(op));
            *completed += 1;
        }
        let Some(change) = *newest else { continue };
        let opposite = &changes.latest[usize::from(change.f == "leave")];
        let begun_before = opposite.partition_point(|&(invoked, _)| invoked < look.completed());
        let undone = begun_before > 0 && last_moment(opposite[begun_before - 1].1) > change.invoked;
        if undone || (own.state == State::Left) == (change.f == "leave") {
            continue;
        }
        let name = if change.f == "leave" { "forgotten leave" } else { "forgotten join" };
        findings.anomaly(name, &[change, look.op], || tell_forgotten(change, look, own));
    }
}

fn tell_forgotten(change: &OpView<'_>, look: &Look<'_>, own: Statement) -> String {
    format!(
        "n{} acknowledged a {} that began {}; asked {} after its answer, it was {own}, though nothing else had been \
         asked of it.",
        look.node,
        change.f,
        begun(change),
        between(change, look.op)
    )
}
