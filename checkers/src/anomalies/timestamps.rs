//! `timestamps`: a timestamp oracle gives out integers that rise in real time (Peng and Dabek, *Large-scale incremental
//! processing using distributed transactions and notifications*, 2010, section 2.3, "strictly increasing").
//!
//! Two requests at the same time may be answered in either order; a timestamp that had been returned before another was
//! asked for must be smaller. No timestamp is given out twice.

use rashomon_history::History;
use rustc_hash::FxHashMap;

use crate::findings::{Findings, between};
use crate::operations::{Object, Operation};
use crate::verdict::Judgement;

pub(super) fn check(history: &History) -> Judgement {
    Findings::of_keys(
        "timestamps",
        "compares each timestamp with the largest returned before it was asked for",
        history,
        judge,
    )
}

fn judge(object: &Object<'_>, findings: &mut Findings) {
    let given = |op: &Operation<'_>| op.output().as_int().filter(|_| op.outcome == rashomon_history::Outcome::Ok);
    let timestamps: Vec<(u32, i64)> =
        (0..).zip(object.iter()).filter_map(|(index, op)| Some((index, given(&op)?))).collect();
    if timestamps.is_empty() {
        return findings.unknown(format!("no timestamp{} was given out", object.on_key()));
    }
    let mut first: FxHashMap<i64, u32> = FxHashMap::default();
    let mut returned: Vec<(u32, u32, i64)> =
        timestamps.iter().map(|&(index, value)| (object.get(index).last_moment(), index, value)).collect();
    returned.sort_unstable();
    let mut returned = returned.into_iter().peekable();
    let mut largest: Option<(u32, i64)> = None;
    for (index, value) in timestamps {
        let op = object.get(index);
        while let Some((_, earlier, value)) = returned.next_if(|&(ended, ..)| ended < op.invoked) {
            if largest.is_none_or(|(_, largest)| largest < value) {
                largest = Some((earlier, value));
            }
        }
        match largest {
            Some((earlier, larger)) if larger > value => {
                findings.report("timestamp went back", [object.get(earlier), op], |[earlier, op]| {
                    format!(
                        "Process {} was given {larger}; process {}, which asked {} later, was given {value}.",
                        earlier.process,
                        op.process,
                        between(earlier, op)
                    )
                });
            }
            _ => {
                if let Some(&earlier) = first.get(&value) {
                    findings.report("duplicate timestamp", [object.get(earlier), op], |[earlier, op]| {
                        format!("{value} was given to process {} and to process {}.", earlier.process, op.process)
                    });
                }
            }
        }
        first.entry(value).or_insert(index);
    }
}
