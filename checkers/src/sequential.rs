//! Sequential consistency: some order explains everything and keeps the order of each process.
//!
//! Lamport, *How to make a multiprocessor computer that correctly executes multiprocess programs* (1979). Unlike
//! linearizability it says nothing about real time and is not local: all keys are judged together. Deciding it is
//! NP-complete even for registers with unique values (Gibbons and Korach 1997), so this is for small histories.
//!
//! A contradiction is weakened as those of linearizability are: an observer is dropped, another operation may have
//! happened or not, and an operation is freed from its process's order. What is left is needed, as far as the effort
//! that shrinking may take allows to find out.

use std::collections::BTreeMap;

use rashomon_history::{History, OpId, Outcome};
use rustc_hash::FxHashSet;

use crate::model::{Model, Nature, Unusable};
use crate::story::name_operation;
use crate::verdict::{Anomaly, Budget, Finding, Judgement, Method};

/// How many steps shrinking may take in all, and how many so many times those that refuting the history took.
const LEAST_EFFORT: u64 = 1_000_000;
const EFFORT: u64 = 20;
/// One attempt may take at least so many steps, and so many times those that refuting the history took.
const LEAST_ATTEMPT: u64 = 20_000;
const ATTEMPT: u64 = 2;
/// A contradiction of more operations is reported by this many of them.
const REPORTED: usize = 12;

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is sequentially consistent; this order proves it.
    Yes(Vec<OpId>),
    /// No order explains it. These operations contradict each other, in order of invocation.
    No(Vec<OpId>),
    /// The budget ran out.
    Unknown,
}

/// One operation with the object it works on.
#[derive(Clone, Debug)]
struct Call<Op> {
    op: OpId,
    /// Whose order it keeps.
    process: u32,
    object: usize,
    call: Op,
    certain: bool,
}

/// Stands in an order for an operation of unknown outcome that never happened.
const SKIPPED: OpId = OpId(u32::MAX);

/// What is left to do: how many operations of each process are placed, and what each object holds.
type Config<State> = (Vec<u32>, Vec<State>);
/// A configuration on the current path and what is left to try from it.
type Frame<State> = (Config<State>, Vec<(Config<State>, OpId)>);

/// Judges a whole history by search over all interleavings of its processes.
pub fn check<M: Model>(model: &M, history: &History, budget: &Budget) -> Result<Answer, (OpId, Unusable)> {
    let mut objects: BTreeMap<u32, usize> = BTreeMap::new();
    let mut calls = Vec::new();
    for id in 0..history.len() as u32 {
        let view = history.op(OpId(id));
        let Some(call) = model.operation(&view).map_err(|error| (view.id, error))? else { continue };
        let known = objects.len();
        let object = *objects.entry(history.key_of(view.id)).or_insert(known);
        let certain = view.outcome != Outcome::Info;
        calls.push(Call { op: view.id, process: view.process, object, call, certain });
    }
    let (found, steps) = search(model, &calls, objects.len(), budget);
    Ok(match found {
        Some(Some(order)) => Answer::Yes(order),
        Some(None) => Answer::No(core(model, calls, objects.len(), steps)),
        None => Answer::Unknown,
    })
}

/// An order that explains these calls, if there is one, and the steps this took; `None` when the budget ran out.
fn search<M: Model>(
    model: &M,
    calls: &[Call<M::Op>],
    objects: usize,
    budget: &Budget,
) -> (Option<Option<Vec<OpId>>>, u64) {
    let mut by_process: BTreeMap<u32, Vec<&Call<M::Op>>> = BTreeMap::new();
    for call in calls {
        by_process.entry(call.process).or_default().push(call);
    }
    let processes: Vec<Vec<&Call<M::Op>>> = by_process.into_values().collect();
    let start: Config<M::State> = (vec![0; processes.len()], vec![model.initial(); objects]);
    let size = 64 + 8 * (processes.len() + objects * size_of::<M::State>().div_ceil(8)) as u64;
    let mut seen: FxHashSet<Config<M::State>> = FxHashSet::default();
    let mut path: Vec<Frame<M::State>> = Vec::new();
    let mut order = Vec::new();
    let mut steps = 0;
    let successors = |config: &Config<M::State>, steps: &mut u64| {
        let mut next = Vec::new();
        for (process, calls) in processes.iter().enumerate() {
            if let Some(call) = calls.get(config.0[process] as usize) {
                *steps += 1;
                if !call.certain {
                    let mut after = config.clone();
                    after.0[process] += 1;
                    next.push((after, SKIPPED));
                }
                for state in model.step(&config.1[call.object], &call.call) {
                    let mut after = config.clone();
                    after.0[process] += 1;
                    after.1[call.object] = state;
                    next.push((after, call.op));
                }
            }
        }
        next
    };
    let done = |config: &Config<M::State>| {
        let left = |(process, calls): (usize, &Vec<&Call<M::Op>>)| {
            calls[config.0[process] as usize..].iter().any(|call| call.certain)
        };
        !processes.iter().enumerate().any(left)
    };
    let first = successors(&start, &mut steps);
    path.push((start, first));
    while let Some((config, choices)) = path.last_mut() {
        if done(config) {
            order.retain(|&op| op != SKIPPED);
            return (Some(Some(order)), steps);
        }
        let Some((after, op)) = choices.pop() else {
            path.pop();
            order.pop();
            continue;
        };
        if !seen.insert(after.clone()) {
            continue;
        }
        if steps > budget.steps || seen.len() as u64 * size > budget.bytes {
            return (None, steps);
        }
        let next = successors(&after, &mut steps);
        path.push((after, next));
        order.push(op);
    }
    (Some(None), steps)
}

/// How a call can be weakened.
#[derive(Clone, Copy)]
enum Weaken {
    /// It says nothing any more: dropped if it only observes, else it may have happened at any time, or not.
    Forget,
    /// It keeps no process's order.
    Free,
}

/// Weakens contradicting calls as long as they contradict each other; returns those that certainly happened.
fn core<M: Model>(model: &M, mut calls: Vec<Call<M::Op>>, objects: usize, steps: u64) -> Vec<OpId> {
    let mut left = steps.saturating_mul(EFFORT).max(LEAST_EFFORT);
    let attempt = steps.saturating_mul(ATTEMPT).max(LEAST_ATTEMPT);
    // A process that no operation of the history has, for each operation that is freed.
    let most = calls.iter().map(|call| call.process).max().unwrap_or(0);
    for weaken in [Weaken::Forget, Weaken::Free] {
        let mut chunk = calls.len().next_power_of_two();
        while chunk > 0 {
            let mut start = 0;
            while start < calls.len() && left > 0 {
                let end = (start + chunk).min(calls.len());
                let mut weaker = calls[..start].to_vec();
                for call in &calls[start..end] {
                    let process = most.saturating_add(1).saturating_add(call.op.0);
                    match weaken {
                        _ if !call.certain => weaker.push(call.clone()),
                        Weaken::Forget if model.nature(&call.call) == Nature::Observer => {}
                        Weaken::Forget => weaker.push(Call { process, certain: false, ..call.clone() }),
                        Weaken::Free => weaker.push(Call { process, ..call.clone() }),
                    }
                }
                let next = weaker.len();
                weaker.extend_from_slice(&calls[end..]);
                let (found, steps) =
                    search(model, &weaker, objects, &Budget { steps: attempt.min(left), ..Budget::default() });
                left = left.saturating_sub(steps);
                if matches!(found, Some(None)) {
                    (start, calls) = (next, weaker);
                } else {
                    start = end;
                }
            }
            chunk /= 2;
        }
    }
    calls.iter().filter(|call| call.certain).map(|call| call.op).collect()
}

/// As [`check`], as a judgement.
pub fn judge<M: Model>(model: &M, history: &History, budget: &Budget) -> Judgement {
    let mut judgement = Judgement {
        checker: format!("sequentially consistent {}", model.name()),
        finding: Finding::Unknown,
        anomalies: Vec::new(),
        unknown: Vec::new(),
        methods: vec![Method {
            method: "interleavings".to_owned(),
            parts: 1,
            operations: history.len() as u64,
            steps: 0,
            why: "sequential consistency is not local and has no quick method".to_owned(),
        }],
        notes: Vec::new(),
        measurements: Vec::new(),
    };
    match check(model, history, budget) {
        Ok(Answer::Yes(_)) => judgement.finding = Finding::Valid,
        Ok(Answer::No(core)) => {
            judgement.finding = Finding::Invalid;
            judgement.anomalies.push(describe(model, history, core));
        }
        Ok(Answer::Unknown) => judgement.unknown.push(format!(
            "{} operations: the budget was not enough; raise it, or judge fewer operations at a time",
            history.len()
        )),
        Err((op, error)) => judgement
            .unknown
            .push(format!("operation {} cannot be read: {error}; choose the model that it is of", op.0)),
    }
    judgement
}

fn describe<M: Model>(model: &M, history: &History, core: Vec<OpId>) -> Anomaly {
    let listed: Vec<String> = core
        .iter()
        .filter_map(|&op| {
            let view = history.op(op);
            Some(name_operation(model, &view, &model.operation(&view).ok()??, true))
        })
        .collect();
    let reported = listed.iter().take(REPORTED).map(String::as_str).collect::<Vec<_>>().join("; ");
    let more = if listed.len() > REPORTED { ", …" } else { "" };
    let starts = core.iter().map(|&op| history.op(op).invoke_time);
    let ends = core.iter().map(|&op| {
        let view = history.op(op);
        view.complete_time.unwrap_or(view.invoke_time)
    });
    Anomaly {
        name: "not sequentially consistent".to_owned(),
        sentence: format!(
            "No order of these {} operations explains what they returned and keeps the order of each process: \
             {reported}{more}.",
            core.len()
        ),
        key: String::new(),
        window: (starts.min().unwrap_or(0), ends.max().unwrap_or(0)),
        operations: core,
        explanation: listed,
        edges: Vec::new(),
    }
}
