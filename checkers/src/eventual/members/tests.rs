//! What is reported, what is not, and a comparison with the rules as they are written.

use rashomon_history::{Event, EventKind, History, OpView, Outcome, Value};

use super::super::EventualDemand;
use super::looks::{Look, Looks, State};
use super::{Accusations, MembersDemand, check_members};
use crate::level::Level;
use crate::verdict::{Finding, Judgement};

const MS: u64 = 1_000_000;

/// An operation to be: from, until (ms), node, function, outcome, what it returned.
struct Op(u64, u64, u16, &'static str, Outcome, Value);

fn view(rows: &[(i64, &str, i64)]) -> Value {
    let row = |&(member, state, incarnation): &(i64, &str, i64)| {
        Value::list([Value::Int(member), Value::text(state), Value::Int(incarnation)])
    };
    Value::list(rows.iter().map(row))
}

fn read(from: u64, until: u64, node: u16, rows: &[(i64, &str, i64)]) -> Op {
    Op(from, until, node, "read", Outcome::Ok, view(rows))
}

fn change(from: u64, until: u64, node: u16, f: &'static str, outcome: Outcome) -> Op {
    Op(from, until, node, f, outcome, Value::Nil)
}

/// Each operation by a process of its own.
fn history(ops: Vec<Op>) -> History {
    let mut events = Vec::new();
    for (process, Op(from, until, node, f, outcome, output)) in ops.into_iter().enumerate() {
        let event = |time: u64, kind, value| Event {
            time: time * MS,
            process: process as u32,
            kind,
            f: f.into(),
            key: Value::Nil,
            value,
            node: Some(node),
            error: None,
        };
        events.push(event(from, EventKind::Invoke, Value::Nil));
        events.push(event(until, outcome.into(), output));
    }
    events.sort_by_key(|event| (event.time, event.kind != EventKind::Invoke));
    History::from_events(events).expect("it is a history")
}

fn judge(ops: Vec<Op>, settled: Option<u64>, accusations: Accusations) -> Judgement {
    let settled = settled.map(|quiescent| EventualDemand {
        quiescent_since_ns: Some(quiescent * MS),
        convergence_ns: 1000 * MS,
        promise: Level::EVENTUAL,
    });
    let gap_ns = match accusations {
        Accusations::NoSuspicions => 60 * MS,
        _ => 400 * MS,
    };
    check_members(&history(ops), &MembersDemand { settled, accusations, gap_ns })
}

/// The names of the anomalies.
fn found(ops: Vec<Op>) -> Vec<String> {
    let judgement = judge(ops, None, Accusations::Allowed);
    judgement.anomalies.into_iter().map(|anomaly| anomaly.name).collect()
}

#[test]
fn an_incarnation_that_the_member_has_not_reached_is_from_nowhere() {
    let before =
        |other| vec![read(0, 10, 1, &[(1, "alive", 1), (2, "alive", other)]), read(20, 30, 2, &[(2, "alive", 2)])];
    assert_eq!(found(before(3)), ["incarnation from nowhere"]);
    assert_eq!(found(before(2)), [""; 0]);
    // Asked at the same time, it may have reached it afterwards.
    let during = vec![read(0, 25, 1, &[(1, "alive", 1), (2, "alive", 3)]), read(20, 30, 2, &[(2, "alive", 2)])];
    assert_eq!(found(during), [""; 0]);
    assert_eq!(
        found(vec![read(0, 10, 2, &[(2, "alive", 3)]), read(20, 30, 2, &[(2, "alive", 2)])]),
        ["non-monotonic incarnation"]
    );
}

#[test]
fn statements_of_one_life_only_get_greater() {
    let then = |own: i64, before: (i64, &str, i64), after: (i64, &str, i64)| {
        found(vec![read(0, 10, 1, &[(1, "alive", 1), before]), read(20, 30, 1, &[(1, "alive", own), after])])
    };
    assert_eq!(then(1, (2, "left", 4), (2, "suspect", 4)), ["ghost member"]);
    assert_eq!(then(1, (2, "dead", 4), (2, "alive", 4)), ["resurrected member"]);
    assert_eq!(then(1, (2, "alive", 4), (2, "alive", 3)), ["non-monotonic view"]);
    assert_eq!(then(1, (2, "dead", 4), (2, "alive", 5)), [""; 0]);
    assert_eq!(then(1, (2, "alive", 4), (2, "left", 4)), [""; 0]);
    // Its own incarnation rose: it may have restarted and forgotten everything.
    assert_eq!(then(2, (2, "left", 4), (2, "alive", 3)), [""; 0]);
    assert_eq!(then(1, (2, "left", 4), (3, "alive", 1)), [""; 0]);
}

#[test]
fn only_a_member_itself_says_that_it_has_left() {
    let said = |own: &str, other: &str| {
        found(vec![read(0, 10, 2, &[(2, own, 4)]), read(20, 30, 1, &[(1, "alive", 1), (2, other, 4)])])
    };
    assert_eq!(said("alive", "left"), ["departure from nowhere"]);
    assert_eq!(said("left", "alive"), ["ghost member"]);
    assert_eq!(said("left", "suspect"), ["ghost member"]);
    assert_eq!(said("left", "left"), [""; 0]);
    assert_eq!(said("alive", "dead"), [""; 0]);
}

#[test]
fn a_node_stands_by_what_it_acknowledged() {
    use Outcome::{Fail, Info, Ok};
    let after = |changes: Vec<Op>, state: &str| {
        let mut ops = changes;
        ops.push(read(100, 110, 2, &[(2, state, 9)]));
        found(ops)
    };
    assert_eq!(after(vec![change(0, 10, 2, "leave", Ok)], "alive"), ["forgotten leave"]);
    assert_eq!(after(vec![change(0, 10, 2, "leave", Ok)], "left"), [""; 0]);
    assert_eq!(after(vec![change(0, 10, 2, "join", Ok)], "left"), ["forgotten join"]);
    assert_eq!(after(vec![change(0, 10, 2, "leave", Info)], "alive"), [""; 0]);
    assert_eq!(after(vec![change(0, 105, 2, "leave", Ok)], "alive"), [""; 0]);
    // A join that may have happened since excuses it; one that failed does not, nor one of another node.
    for (outcome, node, reported) in [(Ok, 2, false), (Info, 2, false), (Fail, 2, true), (Ok, 3, true)] {
        let changes = vec![change(0, 10, 2, "leave", Ok), change(20, 30, node, "join", outcome)];
        assert_eq!(!after(changes, "alive").is_empty(), reported);
    }
    // One that ended before does not either; one that was still open does.
    for (outcome, reported) in [(Ok, true), (Info, false)] {
        let changes = vec![change(0, 10, 2, "join", outcome), change(20, 30, 2, "leave", Ok)];
        assert_eq!(!after(changes, "alive").is_empty(), reported);
    }
}

#[test]
fn settled_views_agree_with_what_members_say_of_themselves() {
    let final_reads = |own: &str, said: &[(i64, &str, i64)], at: u64| {
        let mut rows = vec![(1, "alive", 1)];
        rows.extend(said);
        let ops = vec![
            read(0, 10, 1, &[(1, "alive", 1), (2, "alive", 1)]),
            read(at, at + 10, 2, &[(1, "alive", 1), (2, own, 2)]),
            read(at, at + 10, 1, &rows),
        ];
        let judgement = judge(ops, Some(500), Accusations::Allowed);
        let name = judgement.anomalies.first().map_or(String::new(), |anomaly| anomaly.name.clone());
        (judgement.finding, name)
    };
    let invalid = |name: &str| (Finding::Invalid, name.to_owned());
    assert_eq!(final_reads("alive", &[(2, "dead", 1)], 1500), invalid("live member reported gone"));
    assert_eq!(final_reads("alive", &[], 1500), invalid("missing member"));
    assert_eq!(final_reads("left", &[(2, "alive", 1)], 1500), invalid("ghost member"));
    assert_eq!(final_reads("alive", &[(2, "suspect", 2)], 1500), (Finding::Valid, String::new()));
    assert_eq!(final_reads("left", &[], 1500), (Finding::Valid, String::new()));
    // Within the bound: it may still come right.
    assert_eq!(final_reads("alive", &[(2, "dead", 1)], 1499), (Finding::Unknown, String::new()));
    assert_eq!(final_reads("alive", &[(2, "alive", 2)], 600), (Finding::Valid, String::new()));
    // Nobody looked in the end.
    assert_eq!(final_reads("alive", &[(2, "alive", 2)], 400).0, Finding::Unknown);
}

#[test]
fn a_settled_view_that_was_right_once_is_no_anomaly_but_no_pass_either() {
    let judged = |second: &str, third: &str| {
        let look = |at: u64, state: &str| {
            let incarnation = if state == "suspect" { 2 } else { 1 };
            read(at, at + 10, 1, &[(1, "alive", 1), (2, state, incarnation)])
        };
        let own = read(1500, 1510, 2, &[(1, "alive", 1), (2, "alive", 1)]);
        let ops = vec![look(0, "alive"), own, look(1500, "dead"), look(1600, second), look(1700, third)];
        judge(ops, Some(500), Accusations::Allowed).finding
    };
    assert_eq!(judged("dead", "dead"), Finding::Invalid);
    assert_eq!(judged("dead", "suspect"), Finding::Unknown);
}

/// Node 2 answers every 20 ms but for a gap; node 1 says something of it at 9 s.
fn accused(gap_ms: u64, states: [&str; 2], accusations: Accusations) -> Vec<String> {
    let mut ops = Vec::new();
    let mut at = 0;
    while at < 12_000 {
        let incarnation = if at < 4_000 { 1 } else { 2 };
        ops.push(read(at, at + 2, 2, &[(2, "alive", incarnation)]));
        at += if at == 6_000 { gap_ms } else { 20 };
    }
    ops.extend((0..600).map(|look| {
        let state = if look == 450 { states[1] } else { states[0] };
        read(20 * look, 20 * look + 1, 1, &[(1, "alive", 1), (2, state, if look < 250 { 1 } else { 2 })])
    }));
    let judgement = judge(ops, None, accusations);
    let names = judgement.anomalies.into_iter().map(|anomaly| anomaly.name);
    names.filter(|name| name.starts_with("false")).collect()
}

#[test]
fn who_was_well_is_not_declared_dead() {
    use Accusations::{Allowed, NoDeaths, NoSuspicions};
    let dead = ["alive", "dead"];
    assert_eq!(accused(20, dead, NoDeaths), ["false death"]);
    assert_eq!(accused(20, dead, NoSuspicions), ["false death"]);
    assert_eq!(accused(390, dead, NoDeaths), ["false death"]);
    assert_eq!(accused(450, dead, NoDeaths), [""; 0], "it may have stood still");
    assert_eq!(accused(20, dead, Allowed), [""; 0]);
    let suspect = ["alive", "suspect"];
    assert_eq!(accused(20, suspect, NoSuspicions), ["false suspicion"]);
    assert_eq!(accused(100, suspect, NoSuspicions), [""; 0]);
    assert_eq!(accused(20, suspect, NoDeaths), [""; 0]);
    assert_eq!(accused(20, ["alive", "alive"], NoSuspicions), [""; 0]);
}

#[test]
fn an_accusation_of_the_first_incarnation_may_be_older_than_the_history() {
    let accused_at = |at: u64| {
        let mut ops: Vec<Op> = (0..60).map(|look| read(100 * look, 100 * look + 1, 2, &[(2, "alive", 1)])).collect();
        ops.push(read(at, at + 1, 1, &[(1, "alive", 1), (2, "dead", 1)]));
        judge(ops, None, Accusations::NoDeaths).anomalies.len()
    };
    assert_eq!(accused_at(4_900), 0);
    assert_eq!(accused_at(5_100), 1, "it had time enough to contradict");
}

#[test]
fn what_is_no_view_is_not_judged() {
    let op = Op(0, 1, 1, "read", Outcome::Ok, Value::list([Value::Int(3)]));
    let judgement = judge(vec![op], Some(0), Accusations::Allowed);
    assert_eq!(judgement.finding, Finding::Unknown);
    assert!(judgement.unknown[0].contains("no list of"), "{:?}", judgement.unknown);
}

/// Random numbers that replay from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}

const STATES: [&str; 4] = ["alive", "suspect", "dead", "left"];

/// A history of two nodes and two members in which anything can be said.
fn any_history(dice: &mut Dice) -> History {
    let mut ops = Vec::new();
    for _ in 0..2 + dice.below(4) {
        let (from, node) = (dice.below(12), 1 + dice.below(2) as u16);
        let until = from + 1 + dice.below(6);
        if dice.below(3) == 0 {
            let f = if dice.below(2) == 0 { "leave" } else { "join" };
            ops.push(change(from, until, node, f, Outcome::ALL[dice.below(3) as usize]));
            continue;
        }
        let mut rows = Vec::new();
        for member in 1..=2 {
            let state = if member == i64::from(node) { 3 * dice.below(2) } else { dice.below(4) };
            rows.push((member, STATES[state as usize], 1 + dice.below(2) as i64));
        }
        ops.push(read(from, until, node, &rows));
    }
    history(ops)
}

/// Rules 1 to 4 as they are written, over all pairs.
fn breaks_a_rule(looks: &Looks<'_>) -> [bool; 4] {
    let all = &looks.looks;
    let pairs = || all.iter().flat_map(|a| all.iter().map(move |b| (a, b)));
    let in_order = || pairs().filter(|(a, b)| a.completed() < b.op.invoked);
    let own = |look: &Look<'_>| look.own().expect("these nodes speak of themselves");
    let reached = in_order().any(|(a, b)| a.view[&b.node].incarnation > own(b).incarnation);
    let greater = in_order().any(|(a, b)| {
        let one_life = a.node == b.node && own(a).incarnation == own(b).incarnation;
        one_life && a.view.iter().any(|(member, before)| b.view[member] < *before)
    });
    let left = pairs().any(|(a, b)| {
        let said = b.view[&a.node];
        let own = own(a);
        let contradicts = match own.state {
            State::Left => said.state.is_live(),
            _ => said.state == State::Left,
        };
        said.incarnation == own.incarnation && contradicts
    });
    let effect = |op: &OpView<'_>| if op.outcome == Outcome::Info { u32::MAX } else { op.completed.unwrap() };
    let changes: Vec<&OpView<'_>> = looks.changes().collect();
    let forgotten = all.iter().any(|look| {
        let here = || changes.iter().filter(|op| op.node.map(i64::from) == Some(look.node));
        here().filter(|op| op.outcome == Outcome::Ok && effect(op) < look.op.invoked).any(|done| {
            let undone = here().any(|op| op.f != done.f && op.invoked < look.completed() && effect(op) > done.invoked);
            !undone && (own(look).state == State::Left) != (done.f == "leave")
        })
    });
    [reached, greater, left, forgotten]
}

#[test]
fn random_histories_are_judged_as_the_rules_are_written() {
    let mut dice = Dice(7);
    let (mut invalid, mut each) = (0, [0; 4]);
    for _ in 0..20_000 {
        let history = any_history(&mut dice);
        let ops: Vec<OpView<'_>> = history.ops().collect();
        let looks = Looks::of(&history, &ops).unwrap();
        let broken = breaks_a_rule(&looks);
        let demand = MembersDemand { settled: None, accusations: Accusations::Allowed, gap_ns: 0 };
        let judgement = check_members(&history, &demand);
        let reported = judgement.finding == Finding::Invalid;
        assert_eq!(reported, broken.contains(&true), "{broken:?} {:?}", judgement.anomalies);
        // One rule alone: its own name is reported.
        let names = [
            &["incarnation from nowhere", "non-monotonic incarnation"][..],
            &["ghost member", "resurrected member", "non-monotonic view"],
            &["ghost member", "departure from nowhere"],
            &["forgotten leave", "forgotten join"],
        ];
        if let [at] = (0..4).filter(|&rule| broken[rule]).collect::<Vec<_>>()[..] {
            assert!(judgement.anomalies.iter().all(|anomaly| names[at].contains(&&*anomaly.name)));
            each[at] += 1;
        }
        invalid += u32::from(reported);
    }
    assert!((5_000..19_000).contains(&invalid), "{invalid}");
    assert!(each.iter().all(|&count| count > 100), "{each:?}");
}
