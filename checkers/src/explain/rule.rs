//! A broken rule in words.

use rashomon_history::{History, OpId};

use super::Case;
use crate::minimal::{Core, core_among, core_until};
use crate::model::Model;
use crate::specialist::{Broken, Rule};
use crate::story::{LISTED, list_operations, name_operation};
use crate::subhistory::{Item, NEVER, Subhistory, compile};
use crate::verdict::Anomaly;

/// A contradiction of no more operations is shrunk further by relaxing single facts, where it stands alone.
const RELAXED: usize = 2_000;
/// A history of no more operations is searched for another core where that of the rule needs the others.
const SMALL: usize = 64;

/// Explains which rule some operations of one object break, under the rule's own name where the core is what it is
/// about.
pub(crate) fn explain_rule<M: Model>(
    model: &M,
    history: &History,
    subhistory: Subhistory<M::Op>,
    broken: &Broken,
) -> Anomaly {
    let Broken { rule, among, alone } = broken;
    let case = Case::new(model, history, subhistory);
    let mut shrinking = case.shrinking(case.subhistory.items.len() as u64);
    let mut core = core_among(case.operations(), among, |items| shrinking.decide(items));
    if core.is_none() && case.subhistory.items.len() <= SMALL {
        core = core_until(case.operations(), NEVER - 1, true, |items| shrinking.decide(items));
    }
    match core {
        Some(core) => of_core(&case, &core, broken),
        None => apart(model, history, among, *rule, *alone),
    }
}

/// The anomaly of a core that contradicts itself whatever the other operations did.
fn of_core<M: Model>(case: &Case<'_, M>, core: &Core, broken: &Broken) -> Anomaly {
    let mut anomaly = case.anomaly(core);
    let within = |among: &[OpId]| core.facts.iter().all(|fact| among.binary_search(&fact.op).is_ok());
    // What the facts alone break, the others weakened, is what they are about. Where the specialist cannot read the
    // weakened ones, the rule is still true of all of its own operations.
    if let Some((rule, _)) = case.broken_rule(core).filter(|(_, among)| within(among)) {
        name(&mut anomaly, rule, case, &core.facts);
    } else if within(&broken.among) && broken.among.len() <= LISTED {
        let items = case.subhistory.items.iter().copied();
        let items: Vec<Item> = items.filter(|item| broken.among.binary_search(&item.op).is_ok()).collect();
        name(&mut anomaly, broken.rule, case, &items);
    }
    anomaly
}

/// The anomaly of operations that contradict each other when the others are left out, as the rule says.
fn apart<M: Model>(model: &M, history: &History, among: &[OpId], rule: Rule, alone: bool) -> Anomaly {
    let ops: Vec<u32> = among.iter().map(|op| op.0).collect();
    let subhistory = compile(model, history, &ops).expect("the specialist reads what the model reads");
    let case = Case::new(model, history, subhistory);
    let mut shrinking = case.shrinking(ops.len() as u64);
    let relaxed = alone && case.subhistory.items.len() <= RELAXED;
    let core =
        relaxed.then(|| core_until(case.operations(), NEVER - 1, true, |items| shrinking.decide(items))).flatten();
    let mut anomaly = match &core {
        Some(core) => case.anomaly(core),
        None => case.anomaly(&super::everything(case.operations(), NEVER - 1)),
    };
    let certain: Vec<Item> = case.subhistory.items.iter().copied().filter(Item::is_certain).collect();
    // An operation whose completion does not matter is still part of the story: it happened, or may have.
    let facts = core.as_ref().map_or(&certain, |core| &core.facts);
    name(&mut anomaly, rule, &case, if facts.is_empty() { &case.subhistory.items } else { facts });
    if alone {
        anomaly.explanation.push("All other operations were left out: none of them can explain these.".to_owned());
    }
    anomaly
}

/// Gives an anomaly the rule's name and sentence.
fn name<M: Model>(anomaly: &mut Anomaly, rule: Rule, case: &Case<'_, M>, items: &[Item]) {
    let listed = items.iter().map(|item| {
        let op = &case.subhistory.classes[item.class as usize];
        name_operation(case.model, &case.history.op(item.op), op, item.is_certain())
    });
    anomaly.name = rule.name.to_owned();
    anomaly.sentence = format!("{}: {}.", rule.because, list_operations(&listed.collect::<Vec<_>>()));
}
