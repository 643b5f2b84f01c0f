//! `monotonic`: what one process reads of a key never becomes smaller (the session guarantee *monotonic reads*; Terry
//! et al., 1994, for values that only grow: versions, sequence numbers, counters that are only incremented).

use rashomon_history::{History, OpView, Outcome};
use rustc_hash::FxHashMap;

use crate::findings::{Findings, between, on_key};
use crate::verdict::Judgement;

pub(super) fn check(history: &History) -> Judgement {
    let mut findings =
        Findings::new("monotonic", "compares each read with the largest its process had read", history.len());
    let mut largest: FxHashMap<(u32, u32), (OpView<'_>, i64)> = FxHashMap::default();
    let (mut reads, mut again) = (0_u64, 0_u64);
    for (row, op) in history.rows().zip(history.ops()).filter(|(_, op)| op.f == "read" && op.outcome == Outcome::Ok) {
        if op.output.is_nil() {
            continue;
        }
        let Some(value) = op.output.as_int() else {
            findings.unknown(format!("operation {} read {}, which is not a 64-bit integer", op.id.0, op.output));
            return findings.judgement();
        };
        reads += 1;
        let Some((earlier, larger)) = largest.get(&(op.process, row.key)) else {
            largest.insert((op.process, row.key), (op, value));
            continue;
        };
        again += 1;
        if value < *larger {
            findings.anomaly("non-monotonic read", &[earlier, &op], || {
                format!(
                    "Process {} read {larger}{}, and {} later {value}.",
                    op.process,
                    on_key(&op.key),
                    between(earlier, &op)
                )
            });
        } else {
            largest.insert((op.process, row.key), (op, value));
        }
    }
    if again == 0 {
        findings.unknown(format!("no process read a key twice ({reads} reads returned a number)"));
    }
    findings.judgement()
}
