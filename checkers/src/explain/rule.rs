//! A broken rule in words.

use rashomon_history::History;

use super::{clock_error, decider};
use crate::minimal::minimal_core;
use crate::model::{Model, Nature};
use crate::part::{Item, NEVER, compile};
use crate::specialist::Broken;
use crate::story::{Story, name_operation, tell};
use crate::verdict::Anomaly;

/// A contradiction of more operations is told by this many of them.
const LISTED: usize = 12;
/// A contradiction of no more operations is shrunk further by relaxing single facts.
const RELAXED: usize = 2_000;

/// Explains which rule some operations of one object break, under the rule's own name.
pub(crate) fn explain_rule<M: Model>(model: &M, history: &History, broken: &Broken) -> Anomaly {
    let Broken { rule, among, alone } = broken;
    let ops: Vec<u32> = among.iter().map(|op| op.0).collect();
    let part = compile(model, history, &ops).expect("the specialist reads what the model reads");
    let core = (*alone && part.items.len() <= RELAXED).then(|| {
        let observes = |item: &Item| model.nature(&part.classes[item.class as usize]) == Nature::Observer;
        minimal_core(&part.items, NEVER - 1, &[], observes, decider(model, &part.classes, part.items.len() as u64))
    });
    let facts = match &core {
        Some(core) => core.facts.clone(),
        None => part.items.iter().copied().filter(Item::is_certain).collect(),
    };
    // An operation whose completion does not matter is still part of the story: it happened, or may have.
    let told = if facts.is_empty() { &part.items } else { &facts };
    let order = core.as_ref().map_or(&[][..], |core| &core.order);
    let story = Story { history, part: &part, core: told, order };
    let mut anomaly = tell(model, &story);
    anomaly.explanation.extend(core.as_ref().and_then(|core| clock_error(model, history, &part, core)));
    let listed: Vec<String> = told
        .iter()
        .skip(told.len().saturating_sub(LISTED))
        .map(|item| name_operation(model, &story.view(item), story.op(item), item.is_certain()))
        .collect();
    let more = told.len().saturating_sub(LISTED);
    let earlier = if more > 0 { format!("after {more} earlier operations, ") } else { String::new() };
    anomaly.name = rule.name.to_owned();
    anomaly.sentence = format!("{}: {earlier}{}.", rule.because, listed.join("; "));
    anomaly
}
