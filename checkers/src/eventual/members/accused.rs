//! Rule 6: who was well all the time is not accused.
//!
//! An accusation names an incarnation, and can only have been made after that began. So it is false for certain when
//! the member acknowledged operations from before the beginning of that incarnation up to the accusation, without a gap
//! in which it can have stood still for long enough to be missed.

use std::collections::{BTreeMap, BTreeSet};

use rashomon_history::Outcome;

use super::looks::{Looks, State};
use super::{Accusations, MembersDemand};
use crate::findings::{Findings, ended};
use crate::story::Span;

/// A probe that began earlier than this before an incarnation has ended before it, ns.
const PROBE: u64 = 3_000_000_000;
/// Who answered for so long, from the beginning of the history on, has contradicted what was said before that, ns.
const SETTLED: u64 = 5_000_000_000;

/// Times in which a node stood still never for longer than the gap: (from, until), ascending and apart.
struct Well(Vec<(u64, u64)>);

impl Well {
    /// From when an operation that a node acknowledged began and ended, in order of their ends. At some moment between
    /// the two it was running.
    fn of(mut answers: Vec<(u64, u64)>, gap: u64) -> Well {
        answers.sort_unstable_by_key(|&(_, end)| end);
        let mut well: Vec<(u64, u64)> = Vec::new();
        for (begin, end) in answers {
            match well.last_mut() {
                Some((_, until)) if end.saturating_sub(*until) <= gap => *until = begin.max(*until),
                _ => well.push((end, begin)),
            }
        }
        Well(well)
    }

    fn first(&self) -> Option<u64> {
        self.0.first().map(|&(from, _)| from)
    }

    fn covers(&self, from: u64, until: u64) -> bool {
        let after = self.0.partition_point(|&(begin, _)| begin <= from);
        after > 0 && self.0[after - 1].1 >= until
    }
}

pub(super) fn judge(looks: &Looks<'_>, demand: &MembersDemand, findings: &mut Findings) {
    let MembersDemand { accusations, gap_ns: gap, .. } = *demand;
    let (margin, least) = match accusations {
        Accusations::Allowed => return,
        // A suspicion that goes back to a probe of an earlier incarnation is contradicted before it is a death.
        Accusations::NoDeaths => (0, State::Dead),
        Accusations::NoSuspicions => (PROBE, State::Suspect),
    };
    let mut answers: BTreeMap<i64, Vec<(u64, u64)>> = BTreeMap::new();
    for op in looks.ops.iter().filter(|op| op.outcome == Outcome::Ok) {
        if let Some((node, end)) = op.node.zip(op.complete_time) {
            answers.entry(i64::from(node)).or_default().push((op.invoke_time, end));
        }
    }
    let well: BTreeMap<i64, Well> = answers.into_iter().map(|(node, answers)| (node, Well::of(answers, gap))).collect();
    let own = looks.own_statements();
    let begins = Begins::of(looks);
    let mut reported = BTreeSet::new();
    for look in &looks.looks {
        for (&member, &statement) in look.view.iter() {
            let accused = matches!(statement.state, State::Suspect | State::Dead) && statement.state >= least;
            let incarnation = statement.incarnation;
            let itself = own.get(&(member, incarnation)).filter(|_| accused);
            let Some(itself) = itself.filter(|look| look.own().is_some_and(|own| own.state == State::Alive)) else {
                continue;
            };
            let until = look.op.complete_time.unwrap_or(u64::MAX);
            let from = match begins.of_incarnation(member, incarnation) {
                Some(at) => at.saturating_sub(margin),
                // It may have begun before the history did.
                None => match well.get(&member).and_then(Well::first) {
                    Some(at) if at + SETTLED <= until => at,
                    _ => continue,
                },
            };
            let was_well = match accusations {
                Accusations::NoSuspicions => well.values().all(|well| well.covers(from, until)),
                _ => well.get(&member).is_some_and(|well| well.covers(from, until)),
            };
            if !was_well || !reported.insert((member, statement, look.node)) {
                continue;
            }
            let name = if statement.state == State::Dead { "false death" } else { "false suspicion" };
            let who = if accusations == Accusations::NoSuspicions { "all nodes" } else { "that node" };
            findings.anomaly(name, &[itself.op, look.op], || {
                format!(
                    "n{} said {} that member {member} was {statement}; but {who} answered clients from {} to {}, all \
                     through that incarnation, without a gap of {}.",
                    look.node,
                    ended(look.op),
                    Span(from),
                    Span(until),
                    Span(gap)
                )
            });
        }
    }
}

/// When a member's incarnations began at the earliest: when somebody began to ask it who still got an earlier one.
struct Begins(BTreeMap<i64, Vec<(i64, u64)>>);

impl Begins {
    fn of(looks: &Looks<'_>) -> Begins {
        let mut last: BTreeMap<i64, BTreeMap<i64, u64>> = BTreeMap::new();
        for look in &looks.looks {
            if let Some(own) = look.own() {
                let at = last.entry(look.node).or_default().entry(own.incarnation).or_default();
                *at = look.op.invoke_time.max(*at);
            }
        }
        let ascending = |incarnations: BTreeMap<i64, u64>| {
            let mut latest = 0;
            let latest = incarnations.into_iter().map(|(incarnation, at)| {
                latest = at.max(latest);
                (incarnation, latest)
            });
            latest.collect()
        };
        Begins(last.into_iter().map(|(member, incarnations)| (member, ascending(incarnations))).collect())
    }

    /// `None` when it may have begun before the history did.
    fn of_incarnation(&self, member: i64, incarnation: i64) -> Option<u64> {
        let earlier = self.0.get(&member)?;
        let before = earlier.partition_point(|&(other, _)| other < incarnation);
        earlier.get(before.checked_sub(1)?).map(|&(_, at)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_well_while_its_answers_follow_each_other_closely() {
        let well = Well::of(vec![(0, 10), (100, 110), (205, 215), (150, 160), (400, 410), (300, 301)], 110);
        assert_eq!(well.0, [(10, 400)]);
        let well = Well::of(vec![(0, 10), (100, 110), (205, 215), (330, 340), (390, 395)], 115);
        assert_eq!(well.0, [(10, 205), (340, 390)]);
        assert!(well.covers(10, 205) && well.covers(350, 390));
        assert!(!well.covers(9, 205) && !well.covers(10, 206) && !well.covers(200, 350));
    }

    #[test]
    fn a_slow_answer_says_little() {
        // It may have been given at its beginning, at its end, or anywhere between.
        assert_eq!(Well::of(vec![(0, 10), (10, 300), (290, 310)], 100).0, [(10, 0), (300, 10), (310, 290)]);
    }
}
