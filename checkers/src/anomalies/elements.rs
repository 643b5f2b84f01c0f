//! `set-full`: what happens to each element over all reads (Jepsen's `set-full`).
//!
//! An element is *known* from the moment its add was acknowledged or a read that has it returned, whichever came first.
//! Every read invoked after that should have it. If the last of those reads that lacks it was invoked after every read
//! that has it had returned, it is **lost**; if a later one has it again, it was **stale** (told with how long). An
//! acknowledged element that no read was invoked after is **never read**: no evidence, hence *unknown*. Besides:
//! **duplicated** in one read, **unexpected** (nobody added it, or its add failed, or had not begun).
//!
//! A stale element is a violation only of `set-full-linearizable`.

use rashomon_history::{History, OpId, OpView, Outcome, Value};
use rustc_hash::FxHashMap;

use super::findings::{Findings, begun, between, last_moment, of_key};
use crate::part::Keys;
use crate::story::Span;
use crate::verdict::Judgement;

pub(super) fn check(history: &History) -> Judgement {
    judge_all(history, "set-full", false)
}

pub(super) fn check_linearizable(history: &History) -> Judgement {
    judge_all(history, "set-full-linearizable", true)
}

fn judge_all(history: &History, name: &'static str, linearizable: bool) -> Judgement {
    let mut findings = Findings::new(name, "follows each element over all reads", history.len());
    let keys = Keys::of(history);
    if keys.is_empty() {
        findings.unknown("the history has no operations".to_owned());
    }
    for key in 0..keys.len() {
        let ops: Vec<OpView<'_>> = keys.ops(key).iter().map(|&op| history.op(OpId(op))).collect();
        judge(&ops, linearizable, &mut findings);
    }
    findings.judgement()
}

/// What is known of one element.
#[derive(Default)]
struct Element<'a> {
    /// Its adds, in order of invocation.
    adds: Vec<&'a OpView<'a>>,
    /// The reads that have it, as indices, in order of invocation.
    present: Vec<u32>,
}

fn judge<'a>(ops: &'a [OpView<'a>], linearizable: bool, findings: &mut Findings) {
    let reads: Vec<&OpView<'_>> =
        ops.iter().filter(|op| op.f == "read" && op.outcome == Outcome::Ok && op.output.as_list().is_some()).collect();
    if reads.is_empty() {
        let key = ops.first().map_or(String::new(), |op| of_key(&op.key));
        return findings.unknown(format!("no read{key} returned: nobody looked whether the elements are there"));
    }
    let mut elements: FxHashMap<&Value, Element<'a>> = FxHashMap::default();
    let mut order: Vec<&Value> = Vec::new();
    for op in ops.iter().filter(|op| op.f == "add") {
        let element = elements.entry(&op.input).or_insert_with(|| {
            order.push(&op.input);
            Element::default()
        });
        element.adds.push(op);
    }
    let lists: Vec<&[Value]> = reads.iter().map(|read| read.output.as_list().unwrap_or_default()).collect();
    for (index, (list, read)) in lists.iter().zip(&reads).enumerate() {
        for value in *list {
            let element = elements.entry(value).or_insert_with(|| {
                order.push(value);
                Element::default()
            });
            if element.present.last() == Some(&(index as u32)) {
                findings.anomaly("duplicated element", &[read], || {
                    format!("One read, {}, returned element {value} more than once.", begun(read))
                });
            } else {
                element.present.push(index as u32);
            }
        }
    }
    let mut tally = Tally::default();
    for value in order {
        elements[value].judge(value, &reads, linearizable, findings, &mut tally);
    }
    tally.tell(&ops[0].key, linearizable, findings);
}

/// Counts over the elements of one key.
#[derive(Default)]
struct Tally {
    never_read: u64,
    stable: u64,
    stale: Vec<u64>,
}

impl Tally {
    fn tell(mut self, key: &Value, linearizable: bool, findings: &mut Findings) {
        if self.never_read > 0 {
            findings.unknown(format!(
                "{} acknowledged elements{} were never looked for: no read began after their adds",
                self.never_read,
                of_key(key)
            ));
        }
        if self.stable + self.never_read == 0 && self.stale.is_empty() {
            findings.unknown(format!("no element{} was ever acknowledged or seen", of_key(key)));
        }
        if !self.stale.is_empty() && !linearizable {
            self.stale.sort_unstable();
            let quantile = |percent: usize| Span(self.stale[(self.stale.len() - 1) * percent / 100]);
            findings.note(format!(
                "{} elements{} were missing from a read that began after they were known, and came back; for {} \
                 (median), {} (99 %), {} (longest)",
                self.stale.len(),
                of_key(key),
                quantile(50),
                quantile(99),
                quantile(100)
            ));
        }
    }
}

impl Element<'_> {
    fn judge(
        &self,
        value: &Value,
        reads: &[&OpView<'_>],
        linearizable: bool,
        findings: &mut Findings,
        tally: &mut Tally,
    ) {
        let first_seen = self.present.iter().map(|&read| reads[read as usize]).min_by_key(|read| last_moment(read));
        if let Some(read) = first_seen {
            match self.adds.iter().filter(|add| add.outcome != Outcome::Fail).min_by_key(|add| add.invoked) {
                Some(add) if add.invoked < last_moment(read) => {}
                Some(add) => findings.anomaly("unexpected element", &[read, add], || {
                    format!("A read returned element {value} before its add began {}.", begun(add))
                }),
                None if self.adds.is_empty() => findings.anomaly("unexpected element", &[read], || {
                    format!("A read, {}, returned element {value}, which nobody added.", begun(read))
                }),
                None => findings.anomaly("failed add seen", &[self.adds[0], read], || {
                    format!(
                        "A read returned element {value}, but its add had failed, which means that it did not happen."
                    )
                }),
            }
        }
        let acknowledged =
            self.adds.iter().copied().filter(|add| add.outcome == Outcome::Ok).min_by_key(|add| last_moment(add));
        let Some(known) = [acknowledged, first_seen].into_iter().flatten().min_by_key(|op| last_moment(op)) else {
            return;
        };
        if last_moment(known) > reads[reads.len() - 1].invoked {
            tally.never_read += u64::from(first_seen.is_none());
            tally.stable += u64::from(first_seen.is_some());
            return;
        }
        // The last read that lacks it: reads and `present` in step from the end.
        let mut later = self.present.len();
        let mut missing = None;
        for index in (0..reads.len()).rev() {
            if reads[index].invoked <= last_moment(known) {
                break;
            }
            if later > 0 && self.present[later - 1] == index as u32 {
                later -= 1;
            } else {
                missing = Some(reads[index]);
                break;
            }
        }
        let Some(missing) = missing else {
            tally.stable += 1;
            return;
        };
        let last_seen = self.present.iter().map(|&read| reads[read as usize]).max_by_key(|read| last_moment(read));
        let source = if known.f == "add" { "acknowledged" } else { "seen by a read" };
        match last_seen {
            Some(seen) if last_moment(seen) > missing.invoked => {
                tally.stale.push(between(known, missing).0);
                if linearizable {
                    findings.anomaly("stale read", &[known, missing, seen], || {
                        format!(
                            "Element {value} had been {source} {} before a read began that lacks it; a later read has it.",
                            between(known, missing)
                        )
                    });
                }
            }
            seen => findings.anomaly(
                "lost element",
                &Vec::from_iter([self.adds.first().copied(), Some(known), seen, Some(missing)].into_iter().flatten()),
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
}
