//! `sequential-insert`: one client's additions become visible in order.
//!
//! A process adds elements one after the other. Whoever reads one of them must read every element that the same process
//! had got acknowledged before it began to add that one. Elements are never removed and added once. This follows from
//! sequential consistency (Lamport 1979), and already from causal consistency with convergent reads; Jepsen's
//! `sequential` test for CockroachDB looks for the same thing.

use rashomon_history::{History, Outcome};
use rustc_hash::FxHashMap;

use crate::findings::{Findings, between, on_key};
use crate::names::Names;
use crate::operations::Object;
use crate::verdict::Judgement;

pub(super) fn check(history: &History) -> Judgement {
    Findings::of_keys("sequential-insert", "looks for holes in each process's additions", history, judge)
}

/// An element that may have been added.
struct Element {
    add: u32,
    /// Who added it: a number among those who add.
    adder: u32,
    /// How many elements its adder had got acknowledged before.
    before: u32,
    acknowledged: bool,
}

/// Who adds elements.
#[derive(Default)]
struct Adder {
    /// Its acknowledged elements, in order.
    acknowledged: Vec<u32>,
    /// How many of them are in a read, how many must be because of the last one that is, and that one.
    seen: Option<(u32, u32, u32)>,
}

fn judge(object: &Object<'_>, findings: &mut Findings) {
    let adds = || (0..).zip(object.iter()).filter(|(_, op)| op.f() == "add" && op.outcome != Outcome::Fail);
    let mut names = Names::expecting(adds().map(|(_, op)| op.input()));
    let mut elements: Vec<Element> = Vec::new();
    let mut adders: Vec<Adder> = Vec::new();
    let mut adder_of: FxHashMap<u32, u32> = FxHashMap::default();
    for (index, op) in adds() {
        let number = names.number(&op.input());
        if (number as usize) < elements.len() {
            return findings.unknown(format!("element {} was added twice; each must be added once", op.input()));
        }
        let adder = *adder_of.entry(op.process).or_insert(adders.len() as u32);
        adders.resize_with(adders.len().max(adder as usize + 1), Adder::default);
        let mine = &mut adders[adder as usize].acknowledged;
        let acknowledged = op.outcome == Outcome::Ok;
        elements.push(Element { add: index, adder, before: mine.len() as u32, acknowledged });
        if acknowledged {
            mine.push(number);
        }
    }
    // Per element, the read in which it was found last.
    let mut found = vec![u32::MAX; elements.len()];
    let mut read = 0_u64;
    for op in object.done("read") {
        let output = op.output();
        let Some(values) = output.as_list() else { continue };
        read += u64::from(!values.is_empty());
        let mut seen: Vec<u32> = Vec::new();
        for value in values {
            let Some(number) = names.find(value) else { continue };
            if std::mem::replace(&mut found[number as usize], op.id.0) == op.id.0 {
                continue;
            }
            let element = &elements[number as usize];
            let (have, need, last) = adders[element.adder as usize].seen.get_or_insert_with(|| {
                seen.push(element.adder);
                (0, 0, number)
            });
            *have += u32::from(element.acknowledged);
            let needed = element.before + u32::from(element.acknowledged);
            if (needed, value) >= (*need, names.name(*last)) {
                (*need, *last) = (needed, number);
            }
        }
        let mut holes: Vec<&Element> = Vec::new();
        for adder in seen {
            if let Some((.., last)) = adders[adder as usize].seen.take().filter(|(have, need, _)| have < need) {
                holes.push(&elements[last as usize]);
            }
        }
        holes.sort_unstable_by_key(|later| object.get(later.add).process);
        for &Element { add, adder, before, .. } in holes {
            let earlier = &adders[adder as usize].acknowledged[..before as usize];
            let Some(&missing) = earlier.iter().find(|&&number| found[number as usize] != op.id.0) else { continue };
            let (missing, later) = (object.get(elements[missing as usize].add), object.get(add));
            findings.report("addition out of order", [missing, later, op], |[missing, later, op]| {
                format!(
                    "A read{} has element {last} but not {}, which the same process {} had got acknowledged {} before \
                     it began to add {last}.",
                    on_key(&op.key),
                    missing.input,
                    later.process,
                    between(missing, later),
                    last = later.input
                )
            });
        }
    }
    if read == 0 {
        findings.unknown(format!("no read{} returned an element", object.on_key()));
    }
}
