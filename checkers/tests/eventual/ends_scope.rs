//! `convergence` and `eventual-register` against their definitions, on all small histories and many random ones.

use rashomon_checkers::eventual;
use std::collections::{BTreeMap, BTreeSet};

use rashomon_checkers::Checker;
use rashomon_checkers::Level;
use rashomon_checkers::eventual::EventualDemand;
use rashomon_checkers::small::{Call, Choices, each_history, random_history};
use rashomon_checkers::{Budget, Finding, Judgement, Measured};
use rashomon_history::{Event, EventKind, History, OpView, Outcome, Value};

use super::reference::normal;
use super::script::{MS, NIL, list};
use super::small_scope::{closed, updates};

const BOUND: u64 = 4 * MS;

/// What is demanded: healed at this time, if anything was broken.
fn demand(healed: Option<u64>) -> EventualDemand {
    EventualDemand { quiescent_since_ns: healed, convergence_ns: BOUND, promise: Level::EVENTUAL }
}

fn objects(history: &History) -> Vec<Vec<OpView<'_>>> {
    let keys: BTreeSet<Value> = history.ops().map(|op| op.key).collect();
    keys.iter().map(|key| history.ops().filter(|op| op.key == *key).collect()).collect()
}

fn is_read(op: &OpView<'_>) -> bool {
    op.f == "read" && op.outcome == Outcome::Ok
}

/// Who answered: a node, or a process whose node nobody knows.
fn site(op: &OpView<'_>) -> (Option<u16>, u32) {
    (op.node, if op.node.is_some() { 0 } else { op.process })
}

/// From when on nothing changed an object any more, and nothing was broken.
fn quiescent(ops: &[OpView<'_>], healed: Option<u64>) -> u64 {
    let mut quiescent = healed.unwrap_or(0);
    for op in ops {
        if op.f != "read" && op.outcome != Outcome::Fail {
            quiescent = quiescent.max(op.complete_time.unwrap_or(op.invoke_time));
        }
    }
    quiescent
}

/// The reads that began when the object was quiescent, and whether each of them is the last of its site.
fn final_reads<'a>(ops: &'a [OpView<'a>], healed: Option<u64>) -> Vec<(&'a OpView<'a>, bool)> {
    let quiescent = quiescent(ops, healed);
    let reads: Vec<&OpView<'_>> = ops.iter().filter(|op| is_read(op) && op.invoke_time >= quiescent).collect();
    let is_last = |read: &OpView<'_>| !reads.iter().any(|other| site(other) == site(read) && other.id > read.id);
    reads.iter().map(|&read| (read, is_last(read))).collect()
}

/// What must be found, and how long the objects that converged took, ns.
fn convergence(history: &History, healed: Option<u64>) -> (Finding, Vec<u64>) {
    let (mut disagree, mut early, mut compared) = (false, false, false);
    let (mut times, mut sites, mut silent) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for ops in objects(history) {
        let ordered = ops.iter().any(|op| op.f == "insert");
        let said = |op: &OpView<'_>| if ordered { op.output.clone() } else { normal(&op.output) };
        let (quiescent, reads) = (quiescent(&ops, healed), final_reads(&ops, healed));
        let said_by = |reads: &mut dyn Iterator<Item = &OpView<'_>>| reads.map(said).collect::<BTreeSet<Value>>().len();
        let settled = said_by(&mut reads.iter().map(|read| read.0).filter(|op| op.invoke_time >= quiescent + BOUND));
        let last = said_by(&mut reads.iter().filter(|(_, last)| *last).map(|read| read.0));
        compared |= reads.iter().filter(|(_, last)| *last).count() > 1;
        sites.extend(reads.iter().map(|(read, _)| site(read)));
        silent.extend(ops.iter().filter_map(|op| op.node).map(|node| (Some(node), 0)));
        disagree |= settled > 1;
        early |= settled <= 1 && last > 1;
        if settled <= 1 && last == 1 {
            // From which read on all say the same.
            let from = (0..reads.len()).find(|&at| said_by(&mut reads[at..].iter().map(|read| read.0)) == 1);
            let from = from.expect("the last one agrees with itself");
            times.push(if from == 0 { 0 } else { reads[from].0.invoke_time - quiescent });
        }
    }
    let finding = if disagree {
        Finding::Invalid
    } else if early || !compared || !silent.is_subset(&sites) {
        Finding::Unknown
    } else {
        Finding::Valid
    };
    (finding, times)
}

/// The value that a write, or a compare-and-set that succeeded, wrote.
fn written(op: &OpView<'_>) -> Option<Value> {
    match op.f {
        "write" => Some(op.input.clone()),
        "cas" => op.input.as_list().map(|pair| pair[1].clone()),
        _ => None,
    }
}

/// Whether a register can have come to hold what this read returned: each write that may have happened takes effect at
/// some moment, acknowledged ones before their acknowledgement; every read returned what was written before it ended;
/// and what remains was written last of all that remain, among them everything acknowledged.
fn can_remain(ops: &[OpView<'_>], read: Option<&OpView<'_>>) -> bool {
    let writes: Vec<&OpView<'_>> =
        ops.iter().filter(|op| written(op).is_some() && op.outcome != Outcome::Fail).collect();
    let end = ops.iter().map(|op| op.completed.unwrap_or(op.invoked)).max().unwrap_or(0) + 1;
    let acknowledged = |op: &OpView<'_>| op.outcome == Outcome::Ok;
    // Moments lie between events: `m` is right after the event at `m`. Those of unknown outcome can also get lost,
    // which is not the same as not having happened: somebody may have seen them.
    let mut moments: Vec<u32> = writes.iter().map(|op| op.invoked).collect();
    loop {
        let reads_hold = ops.iter().filter(|op| is_read(op) && !op.output.is_nil()).all(|read| {
            let before = |at: usize| Some(moments[at]) < read.completed;
            (0..writes.len()).any(|at| written(writes[at]).as_ref() == Some(&read.output) && before(at))
        });
        if reads_hold {
            let Some(read) = read else { return true };
            let mut subsets = 0..1_u32 << writes.len();
            let possible = subsets.any(|remain| {
                let remains = |at: usize| remain & 1 << at != 0;
                if (0..writes.len()).any(|at| acknowledged(writes[at]) && !remains(at)) {
                    return false;
                }
                // Of two at one moment either may be the last.
                let newest = (0..writes.len()).filter(|&at| remains(at)).map(|at| moments[at]).max();
                let mut last = (0..writes.len()).filter(|&at| remains(at) && Some(moments[at]) == newest);
                match newest {
                    None => read.output.is_nil(),
                    Some(_) => last.any(|at| written(writes[at]).as_ref() == Some(&read.output)),
                }
            });
            if possible {
                return true;
            }
        }
        // The next choice of moments.
        let mut at = 0;
        loop {
            if at == writes.len() {
                return false;
            }
            let bound = if acknowledged(writes[at]) { writes[at].completed.unwrap_or(end) } else { end };
            moments[at] += 1;
            if moments[at] < bound {
                break;
            }
            moments[at] = writes[at].invoked;
            at += 1;
        }
    }
}

/// What must be found.
fn register(history: &History, healed: Option<u64>) -> Finding {
    let (mut lost, mut early, mut seen) = (false, false, false);
    for ops in objects(history) {
        let settled = quiescent(&ops, healed) + BOUND;
        lost |= !can_remain(&ops, None);
        let mut answers = BTreeSet::new();
        for (read, last) in final_reads(&ops, healed) {
            seen = true;
            if read.invoke_time >= settled {
                answers.insert(read.output.clone());
            }
            let wrong = (read.invoke_time >= settled || last) && !can_remain(&ops, Some(read));
            lost |= wrong && read.invoke_time >= settled;
            early |= wrong && read.invoke_time < settled;
        }
        // All settled reads agree.
        lost |= answers.len() > 1;
    }
    match (lost, early || !seen) {
        (true, _) => Finding::Invalid,
        (false, true) => Finding::Unknown,
        (false, false) => Finding::Valid,
    }
}

/// How many histories had each finding.
type Tally = BTreeMap<String, u64>;

fn judged(history: &History, kind: Checker, healed: Option<u64>, expected: Finding, tally: &mut Tally) -> Judgement {
    let judgement = kind.check_under(history, &demand(healed), &Budget::default());
    let listed = || history.ops().map(|op| format!("{op:?}")).collect::<Vec<_>>().join("\n");
    assert_eq!(judgement.finding, expected, "healed {healed:?}: {judgement:#?}\n{}", listed());
    *tally.entry(format!("{expected:?}")).or_default() += 1;
    judgement
}

fn compare_convergence(history: &History, healed: Option<u64>, tally: &mut Tally) {
    let (expected, times) = convergence(history, healed);
    let judgement = judged(history, eventual::CONVERGENCE, healed, expected, tally);
    let longest = judgement.measurements.iter().find(|known| known.name == "longest time to converge");
    let longest = longest.map(|known| known.measured.clone());
    assert_eq!(longest, times.iter().max().map(|&time| Measured::Number(time as f64 / 1e6)), "{judgement:#?}");
}

/// Values that are written twice are not told apart: then only what is reported must be right.
fn compare_register(history: &History, healed: Option<u64>, tally: &mut Tally) {
    let expected = register(history, healed);
    let unique = objects(history).iter().all(|ops| {
        let writes: Vec<Value> = ops.iter().filter(|op| op.outcome != Outcome::Fail).filter_map(written).collect();
        writes.iter().collect::<BTreeSet<_>>().len() == writes.len()
    });
    if unique {
        judged(history, eventual::EVENTUAL_REGISTER, healed, expected, tally);
    } else {
        let judgement = eventual::EVENTUAL_REGISTER.check_under(history, &demand(healed), &Budget::default());
        let listed = || history.ops().map(|op| format!("{op:?}")).collect::<Vec<_>>().join("\n");
        assert!(judgement.finding != Finding::Invalid || expected == Finding::Invalid, "{judgement:#?}\n{}", listed());
        let found = if judgement.finding == expected { "same" } else { "weaker" };
        *tally.entry(format!("written twice, {found}")).or_default() += 1;
    }
}

/// The history as of several objects: each operation's key is its process number modulo the number of keys.
fn keyed(history: &History, keys: u32, with_nodes: bool) -> History {
    let mut events: Vec<(u64, u32, Event)> = Vec::new();
    for op in history.ops() {
        let key = Value::Int(i64::from(op.process % keys));
        let node = op.node.filter(|_| with_nodes);
        let mut event = |time, position, kind, value: &Value| {
            let (f, key, value, process) = (op.f.into(), key.clone(), value.clone(), op.process);
            events.push((time, position, Event { time, process, kind, f, key, value, node, error: None }));
        };
        event(op.invoke_time, op.invoked, EventKind::Invoke, &op.input);
        if let (Some(time), Some(position)) = (op.complete_time, op.completed) {
            let kind = match op.outcome {
                Outcome::Ok => EventKind::Ok,
                Outcome::Fail => EventKind::Fail,
                Outcome::Info => EventKind::Info,
            };
            event(time, position, kind, &op.output);
        }
    }
    events.sort_by_key(|(_, position, _)| *position);
    History::from_events(events.into_iter().map(|(_, _, event)| event)).expect("a history")
}

fn reads(answers: impl IntoIterator<Item = Value>) -> Vec<Call> {
    answers.into_iter().map(|answer| Call::ok("read", NIL, answer)).collect()
}

fn ints(items: &[i64]) -> Vec<Value> {
    items.iter().copied().map(Value::Int).collect()
}

/// Registers: what may be called, and what may be read.
fn register_calls() -> (Vec<Call>, Vec<Value>) {
    let answers = [vec![NIL], ints(&[1, 2, 3])].concat();
    let cas = updates("cas", [Value::pair(1.into(), 3.into())]);
    let open = vec![Call::pending("write", 2.into()), Call::fail("read", NIL)];
    ([updates("write", ints(&[1, 2])), cas, open, reads(answers.clone())].concat(), answers)
}

#[test]
fn all_histories_of_registers() {
    let (calls, answers) = register_calls();
    let (mut registers, mut agreements) = (Tally::new(), Tally::new());
    for size in 1..=2 {
        each_history(&calls, size, |history| {
            for answer in &answers {
                let nodes = |process| process as u16 + 1;
                compare_register(&closed(history, nodes, std::slice::from_ref(answer)), None, &mut registers);
                for other in &answers {
                    let both = closed(history, nodes, &[answer.clone(), other.clone()]);
                    compare_convergence(&both, None, &mut agreements);
                }
            }
            for healed in [None, Some(2 * MS), Some(100 * MS)] {
                compare_register(history, healed, &mut registers);
                compare_convergence(history, healed, &mut agreements);
            }
        });
    }
    println!("eventual-register: {registers:?}, convergence: {agreements:?}");
    for tally in [&registers, &agreements] {
        assert!(["Valid", "Invalid", "Unknown"].iter().all(|finding| tally[*finding] > 50), "{tally:?}");
    }
}

#[test]
fn random_histories_of_registers() {
    let (calls, answers) = register_calls();
    let mut choices = Choices::new(17);
    let (mut registers, mut agreements) = (Tally::new(), Tally::new());
    for round in 0..6000 {
        let clients = 1 + choices.below(3);
        let history = random_history(&calls, 3 + choices.below(4), clients, &mut choices);
        let reads = choices.below(4);
        let first = answers[choices.below(answers.len())].clone();
        let answer = |choices: &mut Choices| match choices.below(3) {
            0 => answers[choices.below(answers.len())].clone(),
            _ => first.clone(),
        };
        let final_reads: Vec<Value> = (0..reads).map(|_| answer(&mut choices)).collect();
        let history = closed(&history, |process| (process as usize % clients) as u16 + 1, &final_reads);
        let history = keyed(&history, 1 + round % 2, round % 5 != 0);
        // At any moment of the history, or late: while the final reads were on their way, or after them.
        let healed = match choices.below(4) {
            0 => None,
            1 => Some(choices.below(8) as u64 * MS),
            2 => Some(1996 * MS + choices.below(6) as u64 * MS),
            _ => Some(1900 * MS),
        };
        compare_register(&history, healed, &mut registers);
        compare_convergence(&history, healed, &mut agreements);
    }
    println!("eventual-register: {registers:?}, convergence: {agreements:?}");
    for tally in [&registers, &agreements] {
        assert!(["Valid", "Invalid", "Unknown"].iter().all(|finding| tally[*finding] > 200), "{tally:?}");
    }
}

#[test]
fn random_histories_of_sets_and_texts_converge() {
    let answers: Vec<Value> = [&[][..], &[1], &[1, 2], &[2, 1]].map(list).to_vec();
    let map = |values: &[i64]| Value::Map([(Value::text("a"), list(values))].into());
    let maps = vec![map(&[1, 2]), map(&[2, 1]), map(&[1])];
    let mut choices = Choices::new(23);
    let mut tally = Tally::new();
    for round in 0..4000 {
        let f = ["add", "insert", "put"][round % 3];
        let answers = if f == "put" { &maps } else { &answers };
        let calls = [updates(f, [Value::pair(1.into(), NIL)]), reads(answers.clone()), reads(answers.clone())].concat();
        let clients = 1 + choices.below(3);
        let history = random_history(&calls, 2 + choices.below(4), clients, &mut choices);
        let final_reads: Vec<Value> =
            (0..choices.below(4)).map(|_| answers[choices.below(answers.len())].clone()).collect();
        let history = closed(&history, |process| (process as usize % clients) as u16 + 1, &final_reads);
        let healed = [None, Some(1998 * MS)][choices.below(2)];
        compare_convergence(&history, healed, &mut tally);
    }
    println!("convergence: {tally:?}");
    assert!(["Valid", "Invalid", "Unknown"].iter().all(|finding| tally[*finding] > 200), "{tally:?}");
}
