//! `set-full`: what happens to each element over all reads (Jepsen's `set-full`).
//!
//! An element is *known* from the moment its add was acknowledged or a read that has it returned, whichever came first.
//! Every read invoked after that should have it. If the last of those reads that lacks it was invoked after every read
//! that has it had returned, it is **lost**; if a later one has it again, it was **stale** (told with how long). An
//! acknowledged element that no read was invoked after is **never read**: no evidence, hence *unknown*. Besides:
//! **duplicated** in one read, **unexpected** (nobody added it, or its add failed, or had not begun).
//!
//! A stale element is a violation only of `set-full-linearizable`; how long elements were stale is always measured. One
//! pass over what the reads returned: an element needs to remember only its first and its last read, and from which
//! read on none lacked it.

use rashomon_history::{History, OpView, Outcome, Value};

use super::findings::{Findings, begun, between, last_moment, of_key};
use crate::eventual::Names;
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
    findings.by_key(history, |ops, findings| judge(ops, linearizable, findings, &mut stale));
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

fn judge(ops: &[OpView<'_>], linearizable: bool, findings: &mut Findings, stale: &mut Vec<u64>) {
    let is_read = |op: &&OpView<'_>| op.f == "read" && op.outcome == Outcome::Ok && op.output.as_list().is_some();
    let reads: Vec<&OpView<'_>> = ops.iter().filter(is_read).collect();
    if reads.is_empty() {
        let key = ops.first().map_or(String::new(), |op| of_key(&op.key));
        return findings.unknown(format!("no read{key} returned: nobody looked whether the elements are there"));
    }
    let adds = || ops.iter().enumerate().filter(|(_, op)| op.f == "add");
    let mut names = Names::expecting(adds().map(|(_, op)| &op.input));
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
    for (index, add) in adds() {
        let number = names.number(&add.input) as usize;
        elements.resize(elements.len().max(number + 1), unseen);
        let element = &mut elements[number];
        element.first = element.first.min(index as u32);
        if add.outcome != Outcome::Fail {
            element.possible = element.possible.min(index as u32);
        }
        let known = ops.get(element.acknowledged as usize);
        if add.outcome == Outcome::Ok && known.is_none_or(|known| last_moment(add) < last_moment(known)) {
            element.acknowledged = index as u32;
        }
    }
    // Backwards, so that the reads from `suffix` on are those already passed.
    for (number, read) in (0..reads.len() as u32).zip(&reads).rev() {
        for value in read.output.as_list().unwrap_or_default() {
            let element = names.number(value) as usize;
            elements.resize(elements.len().max(element + 1), unseen);
            let element = &mut elements[element];
            if element.now == number {
                findings.anomaly("duplicated element", &[read], || {
                    format!("One read, {}, returned element {value} more than once.", begun(read))
                });
                continue;
            }
            element.now = number;
            if element.suffix == number + 1 {
                element.suffix = number;
            }
            let end = |read: u32| reads.get(read as usize).map(|read| last_moment(read));
            if end(element.first_seen).is_none_or(|end| last_moment(read) <= end) {
                element.first_seen = number;
            }
            if end(element.last_seen).is_none_or(|end| last_moment(read) > end) {
                element.last_seen = number;
            }
        }
    }
    let mut tally = Tally::default();
    let mut told = Telling { ops, reads: &reads, linearizable, findings, tally: &mut tally, stale };
    for (number, element) in (0..).zip(&elements) {
        told.judge(names.name(number), element);
    }
    tally.tell(&ops[0].key, findings);
}

/// Counts over the elements of one key.
#[derive(Default)]
struct Tally {
    never_read: u64,
    stable: u64,
    stale: u64,
}

impl Tally {
    fn tell(self, key: &Value, findings: &mut Findings) {
        if self.never_read > 0 {
            findings.unknown(format!(
                "{} acknowledged elements{} were never looked for: no read began after their adds",
                self.never_read,
                of_key(key)
            ));
        }
        if self.stable + self.never_read + self.stale == 0 {
            findings.unknown(format!("no element{} was ever acknowledged or seen", of_key(key)));
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
    findings.measure(Measurement::series("stale elements", "share of stale elements", "ms", points.to_vec()));
}

struct Telling<'o, 'a> {
    ops: &'a [OpView<'a>],
    reads: &'o [&'a OpView<'a>],
    linearizable: bool,
    findings: &'o mut Findings,
    tally: &'o mut Tally,
    stale: &'o mut Vec<u64>,
}

impl<'a> Telling<'_, 'a> {
    fn judge(&mut self, value: &Value, element: &Element) {
        let op = |index: u32| self.ops.get(index as usize);
        let read = |number: u32| self.reads.get(number as usize).copied();
        let (first, possible) = (op(element.first), op(element.possible));
        let (first_seen, last_seen) = (read(element.first_seen), read(element.last_seen));
        if let Some(read) = first_seen {
            self.comes_from_somewhere(value, read, first, possible);
        }
        let acknowledged = op(element.acknowledged);
        let Some(known) = [acknowledged, first_seen].into_iter().flatten().min_by_key(|op| last_moment(op)) else {
            return;
        };
        let reads = self.reads;
        if last_moment(known) > reads[reads.len() - 1].invoked {
            self.tally.never_read += u64::from(first_seen.is_none());
            self.tally.stable += u64::from(first_seen.is_some());
            return;
        }
        // The last read that lacks it, if it should have it.
        let missing = element.suffix.checked_sub(1).map(|last| reads[last as usize]);
        let Some(missing) = missing.filter(|read| read.invoked > last_moment(known)) else {
            self.tally.stable += 1;
            return;
        };
        let source = if known.f == "add" { "acknowledged" } else { "seen by a read" };
        match last_seen {
            Some(seen) if last_moment(seen) > missing.invoked => {
                self.tally.stale += 1;
                self.stale.push(between(known, missing).0);
                if self.linearizable {
                    self.findings.anomaly("stale read", &[known, missing, seen], || {
                        format!(
                            "Element {value} had been {source} {} before a read began that lacks it; a later read has it.",
                            between(known, missing)
                        )
                    });
                }
            }
            seen => self.findings.anomaly(
                "lost element",
                &Vec::from_iter([first, Some(known), seen, Some(missing)].into_iter().flatten()),
                || {
                    let again = match seen {
                        Some(seen) => format!("it was last seen by a read that began {}", begun(seen)),
                        None => "no read ever had it".to_owned(),
                    };
                    format!(
                        "Element {value} was {source} {} before a read began that lacks it, and {again}.",
                        between(known, missing)
                    )
                },
            ),
        }
    }

    /// The element of a read was added before.
    fn comes_from_somewhere(
        &mut self,
        value: &Value,
        read: &OpView<'_>,
        first: Option<&OpView<'_>>,
        possible: Option<&OpView<'_>>,
    ) {
        match (possible, first) {
            (Some(add), _) if add.invoked < last_moment(read) => {}
            (Some(add), _) => self.findings.anomaly("unexpected element", &[read, add], || {
                format!("A read returned element {value} before its add began {}.", begun(add))
            }),
            (None, None) => self.findings.anomaly("unexpected element", &[read], || {
                format!("A read, {}, returned element {value}, which nobody added.", begun(read))
            }),
            (None, Some(add)) => self.findings.anomaly("failed add seen", &[add, read], || {
                format!("A read returned element {value}, but its add had failed, which means that it did not happen.")
            }),
        }
    }
}
