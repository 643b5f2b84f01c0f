//! A broken rule in words.

use rashomon_history::History;

use super::{decider, uncertainty};
use crate::minimal::minimal_core;
use crate::model::{Model, Nature};
use crate::specialist::Broken;
use crate::story::{Story, describe, name_operation};
use crate::subhistory::{Item, NEVER, compile};
use crate::verdict::Anomaly;

/// A contradiction of more operations is described by this many of them.
const LISTED: usize = 12;
/// A contradiction of no more operations is shrunk further by relaxing single facts.
const RELAXED: usize = 2_000;

/// Explains which rule some operations of one object break, under the rule's own name.
pub(crate) fn explain_rule<M: Model>(model: &M, history: &History, broken: &Broken) -> Anomaly {
    let Broken { rule, among, alone } = broken;
    let ops: Vec<u32> = among.iter().map(|op| op.0).collect();
    let subhistory = compile(model, history, &ops).expect("the specialist reads what the model reads");
    let core = (*alone && subhistory.items.len() <= RELAXED).then(|| {
        let observes = |item: &Item| model.nature(&subhistory.classes[item.class as usize]) == Nature::Observer;
        minimal_core(
            &subhistory.items,
            NEVER - 1,
            &[],
            observes,
            decider(model, &subhistory.classes, subhistory.items.len() as u64),
        )
    });
    let facts = match &core {
        Some(core) => core.facts.clone(),
        None => subhistory.items.iter().copied().filter(Item::is_certain).collect(),
    };
    // An operation whose completion does not matter is still part of the story: it happened, or may have.
    let described = if facts.is_empty() { &subhistory.items } else { &facts };
    let order = core.as_ref().map_or(&[][..], |core| &core.order);
    let story = Story { history, subhistory: &subhistory, core: described, order };
    let mut anomaly = describe(model, &story);
    anomaly.explanation.extend(core.as_ref().and_then(|core| uncertainty(model, history, &subhistory, core)));
    let listed: Vec<String> = described
        .iter()
        .skip(described.len().saturating_sub(LISTED))
        .map(|item| name_operation(model, &story.view(item), story.op(item), item.is_certain()))
        .collect();
    let more = described.len().saturating_sub(LISTED);
    let earlier = if more > 0 { format!("after {more} earlier operations, ") } else { String::new() };
    anomaly.name = rule.name.to_owned();
    anomaly.sentence = format!("{}: {earlier}{}.", rule.because, listed.join("; "));
    anomaly
}
