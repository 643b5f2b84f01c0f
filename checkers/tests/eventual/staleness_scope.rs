//! `staleness` against its definition, on all small histories and many random ones.

use rashomon_checkers::eventual;
use std::collections::BTreeMap;

use rashomon_checkers::eventual::EventualDemand;
use rashomon_checkers::small::{Call, Choices, each_history, random_history};
use rashomon_checkers::{Budget, Finding, Measured};
use rashomon_history::{History, OpView, Outcome, Value};

use super::script::{MS, NIL, list};
use super::small_scope::updates;

/// What is to be measured of one read.
struct Sample {
    /// By how long it is stale, ns, and by how many versions; `None` when it is not.
    stale: Option<(u64, u64)>,
    /// How long after the latest acknowledged update it began, ns, and whether it showed that or a newer one.
    visible: (u64, bool),
}

fn is_read(op: &OpView<'_>) -> bool {
    op.f == "read" && op.outcome == Outcome::Ok
}

/// The reads of a history that could have been stale, straight from the definition: some acknowledged update had
/// completed before. `shows(update, read)`: whether what the read returned is that update or may be newer.
fn samples(history: &History, shows: impl Fn(&OpView<'_>, &OpView<'_>) -> bool) -> Vec<Sample> {
    let is_update = |op: &OpView<'_>| op.f != "read" && op.outcome == Outcome::Ok;
    let before = |read: &OpView<'_>| -> Vec<OpView<'_>> {
        let mut updates: Vec<_> =
            history.ops().filter(|op| is_update(op) && op.completed < Some(read.invoked)).collect();
        updates.sort_by_key(|op| op.completed);
        updates
    };
    let sample = |read: OpView<'_>| {
        let updates = before(&read);
        let age = |update: &OpView<'_>| read.invoke_time - update.complete_time.expect("it completed");
        let missing: Vec<_> = updates.iter().filter(|update| !shows(update, &read)).collect();
        Some(Sample {
            stale: missing.first().map(|first| (age(first), missing.len() as u64)),
            visible: updates.last().map(|latest| (age(latest), shows(latest, &read)))?,
        })
    };
    history.ops().filter(is_read).filter_map(sample).collect()
}

/// The last moment at which the returned value can have been written; `None` when nobody wrote it.
fn written_by(history: &History, value: &Value) -> Option<u32> {
    if value.is_nil() {
        return Some(0);
    }
    let writes = history.ops().filter(|op| op.f == "write" && op.outcome != Outcome::Fail && op.input == *value);
    let write = writes.last()?;
    let acknowledged = write.completed.filter(|_| write.outcome == Outcome::Ok);
    let seen = history.ops().filter(|op| is_read(op) && op.output == *value).filter_map(|op| op.completed).min();
    // What is read before it was written, which must not be, counts as written then.
    Some(acknowledged.unwrap_or(u32::MAX).min(seen.unwrap_or(u32::MAX)).max(write.invoked + 1))
}

fn compare(history: &History, samples: &[Sample]) {
    let judgement = eventual::STALENESS.check_under(history, &EventualDemand::DEFAULT, &Budget::default());
    let listed = || history.ops().map(|op| format!("{op:?}")).collect::<Vec<_>>().join("\n");
    let measured = |name: &str| judgement.measurements.iter().find(|known| known.name == name);
    let number = |name: &str| match measured(name).map(|known| &known.measured) {
        Some(Measured::Number(number)) => Some(*number),
        _ => None,
    };
    let points = |name: &str| match measured(name).map(|known| &known.measured) {
        Some(Measured::Series { points, .. }) => points.clone(),
        _ => Vec::new(),
    };
    let expected = if samples.is_empty() { Finding::Unknown } else { Finding::Valid };
    assert_eq!(judgement.finding, expected, "{judgement:#?}\n{}", listed());
    if samples.is_empty() {
        return;
    }
    let stale: Vec<(u64, u64)> = samples.iter().filter_map(|sample| sample.stale).collect();
    let all = samples.len() as f64;
    assert_eq!(number("stale reads"), Some(100.0 * stale.len() as f64 / all), "{judgement:#?}\n{}", listed());
    let longest = stale.iter().map(|(age, _)| *age as f64 / 1e6).reduce(f64::max);
    assert_eq!(number("max staleness"), longest, "{judgement:#?}\n{}", listed());
    let most = stale.iter().map(|(_, versions)| *versions as f64).reduce(f64::max);
    assert_eq!(number("max version staleness"), most, "{judgement:#?}\n{}", listed());
    // The distributions: up to each value the fraction of reads that they say.
    let up_to = |ages: &[f64], value: f64| {
        (all - ages.len() as f64 + ages.iter().filter(|&&age| age <= value).count() as f64) / all
    };
    let ages: Vec<f64> = stale.iter().map(|(age, _)| *age as f64 / 1e6).collect();
    let versions: Vec<f64> = stale.iter().map(|(_, versions)| *versions as f64).collect();
    for (name, values) in [("staleness in time", ages), ("staleness in versions", versions)] {
        let points = points(name);
        assert_eq!(points.is_empty(), values.is_empty(), "{judgement:#?}");
        for &(value, share) in &points {
            assert!((up_to(&values, value) - share).abs() < 1e-9, "{name} {points:?} {values:?}\n{}", listed());
        }
        assert!(points.is_empty() || points.last().is_some_and(|&(_, share)| share == 1.0), "{points:?}");
    }
    // t-visibility, in steps of which the first ends at 1 ms, then 2, 5, 10, ….
    let mut steps: BTreeMap<usize, Vec<&(u64, bool)>> = BTreeMap::new();
    for Sample { visible, .. } in samples {
        let step = [1, 2, 5, 10, 20, 50, 100].iter().filter(|&&bound| visible.0 >= bound * MS).count();
        steps.entry(step).or_default().push(visible);
    }
    let mean = |step: &Vec<&(u64, bool)>, of: &dyn Fn(&(u64, bool)) -> f64| {
        step.iter().map(|sample| of(sample)).sum::<f64>() / step.len() as f64
    };
    let expected: Vec<(f64, f64)> = steps
        .values()
        .map(|step| (mean(step, &|(after, _)| *after as f64 / 1e6), mean(step, &|(_, seen)| f64::from(*seen))))
        .collect();
    let visibility = points("t-visibility");
    let same =
        |(one, other): (&(f64, f64), &(f64, f64))| (one.0 - other.0).abs() < 1e-9 && (one.1 - other.1).abs() < 1e-9;
    assert_eq!(visibility.len(), expected.len(), "{visibility:?} {expected:?}\n{}", listed());
    assert!(visibility.iter().zip(&expected).all(same), "{visibility:?} {expected:?}\n{}", listed());
}

/// Each register's value is written once.
fn is_unique(history: &History) -> bool {
    let writes: Vec<Value> =
        history.ops().filter(|op| op.f == "write" && op.outcome != Outcome::Fail).map(|op| op.input).collect();
    (1..writes.len()).all(|at| !writes[..at].contains(&writes[at]))
}

fn compare_register(history: &History) -> (u64, u64) {
    let shows = |update: &OpView<'_>, read: &OpView<'_>| {
        let effect = written_by(history, &read.output).expect("others are left out");
        update.input == read.output || effect > update.invoked
    };
    // What nobody wrote is for others to say.
    let measurable: Vec<bool> = history.ops().map(|op| written_by(history, &op.output).is_some()).collect();
    let mut samples = samples(history, |update, read| !measurable[read.id.0 as usize] || shows(update, read));
    let mut kept = history.ops().filter(is_read).filter(|read| {
        history.ops().any(|op| op.f == "write" && op.outcome == Outcome::Ok && op.completed < Some(read.invoked))
    });
    samples.retain(|_| kept.next().is_some_and(|read| measurable[read.id.0 as usize]));
    compare(history, &samples);
    (samples.len() as u64, samples.iter().filter(|sample| sample.stale.is_some()).count() as u64)
}

fn compare_set(history: &History) -> (u64, u64) {
    let shows = |update: &OpView<'_>, read: &OpView<'_>| {
        read.output.as_list().is_some_and(|elements| elements.contains(&update.input))
    };
    let samples = samples(history, shows);
    compare(history, &samples);
    (samples.len() as u64, samples.iter().filter(|sample| sample.stale.is_some()).count() as u64)
}

fn calls(f: &'static str, inputs: &[i64], answers: &[Value]) -> Vec<Call> {
    let reads = answers.iter().map(|answer| Call::ok("read", NIL, answer.clone()));
    updates(f, inputs.iter().copied().map(Value::Int)).into_iter().chain(reads).collect()
}

#[test]
fn all_histories_of_up_to_three_operations() {
    let (mut reads, mut stale) = (0, 0);
    let registers = calls("write", &[1, 2], &[NIL, 1.into(), 2.into()]);
    for size in 1..=3 {
        each_history(&registers, size, |history| {
            if is_unique(history) {
                let (all, some) = compare_register(history);
                (reads, stale) = (reads + all, stale + some);
            }
        });
    }
    println!("registers: {stale} of {reads} reads are stale");
    assert!(stale > 150 && reads > stale + 150, "{stale} of {reads}");
    let (mut reads, mut stale) = (0, 0);
    for size in 1..=3 {
        each_history(&calls("add", &[1, 2], &[&[][..], &[1], &[1, 2]].map(list)), size, |history| {
            let (all, some) = if history.ops().any(|op| op.f == "add") { compare_set(history) } else { (0, 0) };
            (reads, stale) = (reads + all, stale + some);
        });
    }
    println!("sets: {stale} of {reads} reads are stale");
    assert!(stale > 50 && reads > stale + 50, "{stale} of {reads}");
}

#[test]
fn random_histories() {
    let mut choices = Choices::new(5);
    let (mut reads, mut stale) = (0, 0);
    let five = [1, 2, 3, 4, 5];
    let registers = calls("write", &five, &[NIL, 1.into(), 2.into(), 3.into(), 4.into(), 5.into(), 6.into()]);
    let sets = calls("add", &five, &[&[][..], &[1], &[1, 2], &[3, 1], &five].map(list));
    for round in 0..12_000 {
        let calls = if round % 2 == 0 { &registers } else { &sets };
        let history = random_history(calls, 4 + choices.below(8), 1 + choices.below(4), &mut choices);
        let (all, some) = match round % 2 {
            0 if is_unique(&history) => compare_register(&history),
            1 if history.ops().any(|op| op.f == "add") => compare_set(&history),
            _ => (0, 0),
        };
        (reads, stale) = (reads + all, stale + some);
    }
    println!("{stale} of {reads} reads are stale");
    assert!(stale > 2000 && reads > stale + 1000, "{stale} of {reads}");
}
