//! `set-full`: what happens to each element over all reads (Jepsen's `set-full`).
//!
//! An element is *known* from the moment its add was acknowledged or a read that has it returned, whichever came first.
//! Every read invoked after that should have it. If the last of those reads that lacks it was invoked after every read
//! that has it had returned, it is **lost**; if a later one has it again, it was **stale** (reported with how long). An
//! acknowledged element that no read was invoked after is **never read**: no evidence, hence *unknown*. Besides:
//! **duplicated** in one read, **unexpected** (nobody added it, or its add failed, or had not begun).
//!
//! A stale element is a violation only of `set-full-linearizable`; how long elements were stale is always measured. One
//! pass over what the reads returned: an element needs to remember only its first and its last read, and from which
//! read on none lacked it.

use rashomon_history::{History, Outcome, Value};

use crate::findings::{Findings, begun, between};
use crate::names::Names;
use crate::operations::{Object, Operation};
use crate::story::Span;
use crate::verdict::{Judgement, Measurement};

pub(super) fn check(history: &History) -> Judgement {
    judge_all(history, "set-full", false)
}

pub(super) fn check_linearizable(history: &History) -> Judgement {
    judge_all(history, "set-full-linearizable", true)
}

fn judge_all(history: &History, name: &'static str, linearizable: bool) -> Judgement {
    let mut findings = Findings::new(name, "follows each element over all reads", history.len());
    let mut stale = Vec::new();
    findings.by_key(history, |object, findings| judge(object, linearizable, findings, &mut stale));
    measure(stale, &mut findings);
    findings.judgement()
}

/// No operation, or no read.
const NONE: u32 = u32::MAX;

/// What is known of one element. Operations are indices among those of its key, reads are numbers among its reads.
#[derive(Clone, Copy)]
struct Element {
    /// Its first add.
    first: u32,
    /// The add that may have happened and began first.
    possible: u32,
    /// The add that was acknowledged first.
    acknowledged: u32,
    /// The read that has it and returned first.
    first_seen: u32,
    /// The read that has it and returned last.
    last_seen: u32,
    /// From this read on, in order of invocation, none lacks it.
    suffix: u32,
    /// The read in which it was found just now.
    now: u32,
}

fn judge(object: &Object<'_>, linearizable: bool, findings: &mut Findings, stale: &mut Vec<u64>) {
    let reads: Vec<Operation<'_>> = object.done("read").filter(|op| op.output().as_list().is_some()).collect();
    if reads.is_empty() {
        let key = object.on_key();
        return findings.unknown(format!("no read{key} returned: no read could show the elements"));
    }
    let mut names = Names::expecting(object.of("add").map(|op| op.input()));
    let unseen = Element {
        first: NONE,
        possible: NONE,
        acknowledged: NONE,
        first_seen: NONE,
        last_seen: NONE,
        suffix: reads.len() as u32,
        now: NONE,
    };
    let mut elements: Vec<Element> = Vec::new();
    for (index, add) in (0..).zip(object.iter()).filter(|(_, op)| op.f() == "add") {
        let number = names.number(&add.input()) as usize;
        elements.resize(elements.len().max(number + 1), unseen);
        let element = &mut elements[number];
        element.first = element.first.min(index);
        if add.outcome != Outcome::Fail {
            element.possible = element.possible.min(index);
        }
        let sooner = |known: u32| known == NONE || add.last_moment() < object.get(known).last_moment();
        if add.outcome == Outcome::Ok && sooner(element.acknowledged) {
            element.acknowledged = index;
        }
    }
    // Backwards, so that the reads from `suffix` on are those already passed.
    for (number, read) in (0..reads.len() as u32).zip(&reads).rev() {
        for value in read.output().as_list().unwrap_or_default() {
            let element = names.number(value) as usize;
            elements.resize(elements.len().max(element + 1), unseen);
            let element = &mut elements[element];
            if element.now == number {
                findings.report("duplicated element", [*read], |[read]| {
                    format!("One read, {}, returned element {value} more than once.", begun(read))
                });
                continue;
            }
            element.now = number;
            if element.suffix == number + 1 {
                element.suffix = number;
            }
            let end = |read: u32| reads.get(read as usize).map(|read| read.last_moment());
            if end(element.first_seen).is_none_or(|end| read.last_moment() <= end) {
                element.first_seen = number;
            }
            if end(element.last_seen).is_none_or(|end| read.last_moment() > end) {
                element.last_seen = number;
            }
        }
    }
    let mut tally = Tally::default();
    let mut reported = ElementFindings { object, reads: &reads, linearizable, findings, tally: &mut tally, stale };
    for (number, element) in (0..).zip(&elements) {
        reported.judge(names.name(number), element);
    }
    tally.report(&object.on_key(), findings);
}

/// Counts over the elements of one key.
#[derive(Default)]
struct Tally {
    never_read: u64,
    stable: u64,
    stale: u64,
    lost: u64,
}

impl Tally {
    fn report(self, key: &str, findings: &mut Findings) {
        if self.never_read > 0 {
            findings.unknown(format!(
                "{} acknowledged elements{key} were never looked for: no read began after their adds",
                self.never_read
            ));
        }
        if self.stable + self.never_read + self.stale + self.lost == 0 {
            findings.unknown(format!("no element{key} was ever acknowledged or seen"));
        }
    }
}

/// How long the elements of all keys that came back had been known when the last read that lacks them began.
fn measure(mut stale: Vec<u64>, findings: &mut Findings) {
    stale.sort_unstable();
    let Some(&longest) = stale.last() else { return };
    let quantile = |percent: usize| stale[(stale.len() - 1) * percent / 100];
    findings.note(format!(
        "{} elements were missing from a read that began after they were known, and came back; for {} (median), {} \
         (99 %), {} (longest)",
        stale.len(),
        Span(quantile(50)),
        Span(quantile(99)),
        Span(longest)
    ));
    let ms = |nanos: u64| nanos as f64 / 1e6;
    let points = [0, 10, 25, 50, 75, 90, 95, 99, 100].map(|percent| (ms(quantile(percent)), percent as f64 / 100.0));
    findings.measure(Measurement::number("stale elements, longest", "ms", ms(longest)));
    findings.measure(Measurement::series("stale elements", "fraction of stale elements", "ms", points.to_vec()));
}

struct ElementFindings<'o, 'a> {
    object: &'o Object<'a>,
    reads: &'o [Operation<'a>],
    linearizable: bool,
    findings: &'o mut Findings,
    tally: &'o mut Tally,
    stale: &'o mut Vec<u64>,
}

impl<'a> ElementFindings<'_, 'a> {
    fn judge(&mut self, value: &Value, element: &Element) {
        let op = |index: u32| (index != NONE).then(|| self.object.get(index));
        let read = |number: u32| self.reads.get(number as usize).copied();
        let (first, possible) = (op(element.first), op(element.possible));
        let (first_seen, last_seen) = (read(element.first_seen), read(element.last_seen));
        let acknowledged = op(element.acknowledged);
        if let Some(read) = first_seen {
            self.comes_from_somewhere(value, read, first, possible);
        }
        let Some(known) = [acknowledged, first_seen].into_iter().flatten().min_by_key(|op| op.last_moment()) else {
            return;
        };
        let reads = self.reads;
        if !known.precedes(&reads[reads.len() - 1]) {
            self.tally.never_read += u64::from(first_seen.is_none());
            self.tally.stable += u64::from(first_seen.is_some());
            return;
        }
        // The last read that lacks it, if it should have it.
        let missing = element.suffix.checked_sub(1).map(|last| reads[last as usize]);
        let Some(missing) = missing.filter(|read| known.precedes(read)) else {
            self.tally.stable += 1;
            return;
        };
        let came_back = last_seen.filter(|seen| !seen.precedes(&missing));
        let source = if known.f() == "add" { "acknowledged" } else { "seen by a read" };
        if let Some(seen) = came_back {
            self.tally.stale += 1;
            self.stale.push(between(&known.view(), &missing.view()).0);
            if self.linearizable {
                self.findings.report("stale read", [known, missing, seen], |[known, missing, _]| {
                    let apart = between(known, missing);
                    format!(
                        "Element {value} had been {source} {apart} before a read began that lacks it; a later read has it."
                    )
                });
            }
            return;
        }
        self.tally.lost += 1;
        let involved: Vec<_> =
            [first, Some(known), last_seen, Some(missing)].into_iter().flatten().map(|op| op.view()).collect();
        self.findings.anomaly("lost element", &Vec::from_iter(&involved), || {
            let again = match last_seen {
                Some(seen) => format!("it was last seen by a read that began {}", begun(&seen.view())),
                None => "no read ever had it".to_owned(),
            };
            let apart = between(&known.view(), &missing.view());
            format!("Element {value} was {source} {apart} before a read began that lacks it, and {again}.")
        });
    }

    /// The element of a read was added before.
    fn comes_from_somewhere(
        &mut self,
        value: &Value,
        read: Operation<'_>,
        first: Option<Operation<'_>>,
        possible: Option<Operation<'_>>,
    ) {
        match (possible, first) {
            (Some(add), _) if !read.precedes(&add) => {}
            (Some(add), _) => self.findings.report("unexpected element", [read, add], |[_, add]| {
                format!("A read returned element {value} before its add began {}.", begun(add))
            }),
            (None, None) => self.findings.report("unexpected element", [read], |[read]| {
                format!("A read, {}, returned element {value}, which no operation added.", begun(read))
            }),
            (None, Some(add)) => self.findings.report("aborted read", [add, read], |_| {
                format!("A read returned element {value}, but its add had failed, which means that it did not happen.")
            }),
        }
    }
}
