//! `set`: elements are added, then the whole set is read at the end (Jepsen's `set`).
//!
//! Judges, per key, the last read that returned. An element whose add was acknowledged before that read began must be
//! in it (*lost*); an element in it must have been asked for by an add that did not fail and was invoked before the
//! read returned (*unexpected*), and must be there once (*duplicated*). Elements of adds acknowledged later are not
//! judged: no read could show them.

use rashomon_history::{History, Outcome, Value};

use crate::findings::{Findings, begun, between, ended};
use crate::names::Names;
use crate::operations::Object;
use crate::verdict::Judgement;

pub(super) fn check(history: &History) -> Judgement {
    Findings::of_keys("set", "compares the adds with the last read of each key", history, judge)
}

/// What is known of one element.
#[derive(Clone, Copy, Default)]
struct Element {
    /// Its earliest add that may have happened; a failed one where there is no other.
    add: Option<u32>,
    acknowledged: bool,
    present: bool,
}

fn judge(object: &Object<'_>, findings: &mut Findings) {
    let Some(read) = object.done("read").rfind(|op| op.output().as_list().is_some()) else {
        let what = "no read of the whole set returned: no read could show the elements";
        return findings.unknown(format!("{what}{}", object.on_key()));
    };
    let mut names = Names::expecting(object.of("add").map(|op| op.input()));
    let mut elements: Vec<Element> = Vec::new();
    let failed = |add: u32| object.get(add).outcome == Outcome::Fail;
    for (index, op) in (0..).zip(object.iter()).filter(|(_, op)| op.f() == "add") {
        let number = names.number(&op.input()) as usize;
        elements.resize(elements.len().max(number + 1), Element::default());
        let element = &mut elements[number];
        if element.add.is_none_or(|known| failed(known) && op.outcome != Outcome::Fail) {
            element.add = Some(index);
        }
        element.acknowledged |= op.outcome == Outcome::Ok;
    }
    let mut present: Vec<Value> = Vec::new();
    for value in read.output().as_list().unwrap_or_default() {
        let number = names.number(value) as usize;
        elements.resize(elements.len().max(number + 1), Element::default());
        if !std::mem::replace(&mut elements[number].present, true) {
            present.push(value.clone());
        } else {
            findings.report("duplicated element", [read], |[read]| {
                format!("The last read, {}, returned element {value} more than once.", begun(read))
            });
        }
    }
    present.sort_unstable();
    let mut recovered = 0_u64;
    for value in &present {
        let element = &elements[names.number(value) as usize];
        match element.add.map(|add| object.get(add)) {
            Some(add) if add.outcome == Outcome::Fail => findings.report("aborted read", [add, read], |_| {
                format!("The last read returned element {value}, but its add had failed, which means that it did not happen.")
            }),
            Some(add) if read.precedes(&add) => findings.report("unexpected element", [read, add], |[_, add]| {
                format!("The last read returned element {value} before its add began {}.", begun(add))
            }),
            Some(_) => recovered += u64::from(!element.acknowledged),
            None => findings.report("unexpected element", [read], |[read]| {
                format!("The last read, {}, returned element {value}, which no operation added.", begun(read))
            }),
        }
    }
    let mut late = 0_u64;
    for add in object.done("add") {
        if elements[names.number(&add.input()) as usize].present {
            continue;
        }
        if !add.precedes(&read) {
            late += 1;
            continue;
        }
        findings.report("lost element", [add, read], |[add, read]| {
            format!(
                "Element {} was acknowledged {} but is missing from the last read, which began {} later.",
                add.input,
                ended(add),
                between(add, read)
            )
        });
    }
    if late > 0 {
        findings.unknown(format!(
            "{late} elements{} were acknowledged after the last read had begun; no read could show them",
            object.on_key()
        ));
    }
    if recovered > 0 {
        findings.note(format!("{recovered} elements of adds with unknown outcome are there"));
    }
}
