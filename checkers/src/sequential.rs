//! Sequential consistency: some order explains everything and keeps the order of each process.
//!
//! Lamport, *How to make a multiprocessor computer that correctly executes multiprocess programs* (1979). Unlike
//! linearizability it says nothing about real time and is not local: all keys are judged together. Deciding it is
//! NP-complete even for registers with unique values (Gibbons and Korach 1997), so this is for small histories.

use std::collections::BTreeMap;

use rashomon_history::{History, OpId, Outcome};
use rustc_hash::FxHashSet;

use crate::model::{Model, Unusable};
use crate::verdict::{Anomaly, Budget, Finding, Judgement, Method};

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is sequentially consistent; this order proves it.
    Yes(Vec<OpId>),
    /// No order explains it.
    No,
    /// The budget ran out.
    Unknown,
}

/// One operation with the object it works on.
struct Call<Op> {
    op: OpId,
    object: usize,
    call: Op,
    certain: bool,
}

/// What is left to do: how many operations of each process are placed, and what each object holds.
type Config<State> = (Vec<u32>, Vec<State>);
/// A configuration on the current path and what is left to try from it.
type Frame<State> = (Config<State>, Vec<(Config<State>, OpId)>);

/// Judges a whole history by search over all interleavings of its processes.
pub fn check<M: Model>(model: &M, history: &History, budget: &Budget) -> Result<Answer, (OpId, Unusable)> {
    let mut objects: BTreeMap<u32, usize> = BTreeMap::new();
    let mut processes: BTreeMap<u32, Vec<Call<M::Op>>> = BTreeMap::new();
    for id in 0..history.len() as u32 {
        let view = history.op(OpId(id));
        let Some(call) = model.operation(&view).map_err(|error| (view.id, error))? else { continue };
        let known = objects.len();
        let object = *objects.entry(history.key_of(view.id)).or_insert(known);
        let certain = view.outcome != Outcome::Info;
        processes.entry(view.process).or_default().push(Call { op: view.id, object, call, certain });
    }
    let processes: Vec<Vec<Call<M::Op>>> = processes.into_values().collect();
    let start: Config<M::State> = (vec![0; processes.len()], vec![model.initial(); objects.len()]);
    let size = 64 + 8 * (processes.len() + objects.len() * size_of::<M::State>().div_ceil(8)) as u64;
    let mut seen: FxHashSet<Config<M::State>> = FxHashSet::default();
    let mut path: Vec<Frame<M::State>> = Vec::new();
    let mut order = Vec::new();
    let mut steps = 0;
    let successors = |config: &Config<M::State>, steps: &mut u64| {
        let mut next = Vec::new();
        for (process, calls) in processes.iter().enumerate() {
            if let Some(call) = calls.get(config.0[process] as usize) {
                *steps += 1;
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
        let left = |(process, calls): (usize, &Vec<Call<M::Op>>)| {
            calls[config.0[process] as usize..].iter().any(|call| call.certain)
        };
        !processes.iter().enumerate().any(left)
    };
    let first = successors(&start, &mut steps);
    path.push((start, first));
    while let Some((config, choices)) = path.last_mut() {
        if done(config) {
            return Ok(Answer::Yes(order));
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
            return Ok(Answer::Unknown);
        }
        let next = successors(&after, &mut steps);
        path.push((after, next));
        order.push(op);
    }
    Ok(Answer::No)
}

/// As [`check`], as a judgement. The contradiction is the whole history: no smaller one is looked for.
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
        Ok(Answer::No) => {
            judgement.finding = Finding::Invalid;
            judgement.anomalies.push(Anomaly {
                name: "not sequentially consistent".to_owned(),
                sentence: format!(
                    "No order of the {} operations explains what they returned and keeps the order of each process.",
                    history.len()
                ),
                key: String::new(),
                operations: (0..history.len() as u32).map(OpId).collect(),
                explanation: Vec::new(),
                window: (history.ops().next().map_or(0, |op| op.invoke_time), history.end_time()),
            });
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
