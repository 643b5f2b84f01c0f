//! Registers in which every value is written at most once: decided by zones, in `n log n`.
//!
//! Gibbons and Korach, *Testing shared memories* (1997), section 3; the names are those of Golab, Li and Shah,
//! *Analyzing consistency properties for fun and profit* (2011). A value's *cluster* is its write and the operations
//! that found it. In a linearization every cluster stands together, so only the order of clusters is open: `X` must
//! come before `Y` when an operation of `X` completed (first at `f`) before one of `Y` was invoked (last at `s`). The
//! *zone* between `f` and `s` is forward when `f < s`. An order exists exactly when no two forward zones overlap and
//! no backward zone lies inside a forward one, and then the order of the zones' beginnings is one.
//!
//! A compare-and-set that took effect puts its new value's cluster right after that of the value it found; such chains
//! are *blocks*, and what holds for clusters holds for blocks. A write of unknown outcome completes after everything:
//! unless somebody found its value, its zone is never inside another. A compare-and-set of unknown outcome took effect
//! when somebody found its value; else it is left out. One that compared and found another value
//! ([`FailedCas::Compared`]) is put into the finished order; where that fails, another method has to decide.

mod clusters;
mod pass;
mod proof;

use rashomon_history::{History, OpId};

use super::FailedCas;
use crate::engine::{Answer, Answered};
use crate::keys::KeyTable;
use crate::model::Unusable;
use crate::specialist::{Decision, Rows, Scratch, Specialist};
use clusters::{Clusters, NO_CLUSTER, Reading};

/// The specialist for registers with unique values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Zones {
    pub(super) failed_cas: FailedCas,
}

/// A block of clusters that stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Zone {
    /// Where it begins.
    low: u32,
    /// Where it ends, doubled; odd when the zone is backward.
    high: u32,
}

/// A contradiction, by its clusters.
enum Conflict {
    /// Within one block.
    Block(u32),
    /// Between two zones.
    Zones(Zone, Zone),
}

impl Specialist for Zones {
    fn method(&self) -> &'static str {
        "zones"
    }

    fn why(&self) -> &'static str {
        "every value is written at most once"
    }

    fn decide(&self, rows: &Rows<'_>, prove: bool, _scratch: &mut Scratch) -> Result<Decision, (OpId, Unusable)> {
        let clusters = match Clusters::of(rows, self.failed_cas) {
            Reading::Clusters(clusters) => clusters,
            Reading::Impossible(among) => return Ok(Decision::Decided(no(rows, &among))),
            Reading::Repeated => return Ok(Decision::Left("a value is written twice, or nil is written")),
        };
        let (zones, conflict) = match find_zones(rows, &clusters) {
            Ok(zones) => {
                let conflict = sweep(&zones);
                (zones, conflict.map(|(first, second)| Conflict::Zones(first, second)))
            }
            Err(head) => (Vec::new(), Some(Conflict::Block(head))),
        };
        if let Some(conflict) = conflict {
            return Ok(Decision::Decided(no(rows, &among(rows, &clusters, conflict))));
        }
        drop(zones);
        let mut order = Vec::new();
        if prove || clusters.refused {
            match proof::linearize(rows, &clusters, self.failed_cas) {
                Some(found) => order = found,
                None => return Ok(Decision::Left("a failed cas finds no place in the only order of the writes")),
            }
        }
        Ok(Decision::Decided(Answered { answer: Answer::Yes(order), steps: u64::from(rows.len()) }))
    }

    fn certain(&self, history: &History, keys: &KeyTable, threads: usize) -> Vec<bool> {
        pass::certain(history, keys, threads)
    }
}

/// The answer no, because of these operations.
fn no(rows: &Rows<'_>, among: &[u32]) -> Answered {
    let at = among.iter().filter_map(|&index| rows.get(index).completed).max().unwrap_or(0);
    let among = among.iter().map(|&index| rows.op(index)).collect();
    Answered { answer: Answer::No { at, among }, steps: u64::from(rows.len()) }
}

/// Positions are shifted by one, so that 0 is before everything: where the initial value was written.
fn shifted(position: u32) -> u32 {
    position + 1
}

/// The zones in order of their beginnings; an error names the head of a block that contradicts itself.
fn find_zones(rows: &Rows<'_>, clusters: &Clusters) -> Result<Vec<Zone>, u32> {
    let mut zones = Vec::new();
    for head in clusters.heads() {
        let (first, last) = extent(rows, clusters, head).ok_or(head)?;
        if first < last {
            zones.push(Zone { low: first, high: 2 * last });
        } else {
            zones.push(Zone { low: last, high: 2 * first + 1 });
        }
    }
    zones.sort_unstable();
    Ok(zones)
}

/// The first completion and the last invocation in a block; `None` when its own order contradicts real time.
fn extent(rows: &Rows<'_>, clusters: &Clusters, head: u32) -> Option<(u32, u32)> {
    let (mut first, mut last) = (u32::MAX >> 1, 0);
    let mut member = head;
    while member != NO_CLUSTER {
        let cluster = clusters.get(member);
        // The write comes first, then those that found its value.
        let (invoked, completed) = match cluster.writer {
            NO_CLUSTER => (0, 0),
            writer => {
                let row = rows.get(writer);
                let certain = row.outcome == rashomon_history::Outcome::Ok;
                let completed = row.completed.filter(|_| certain).map_or(u32::MAX >> 1, shifted);
                (shifted(row.invoked), completed)
            }
        };
        for (invoked, completed) in [(invoked, completed), (cluster.last_found, cluster.first_found)] {
            if completed < last {
                return None;
            }
            first = first.min(completed);
            last = last.max(invoked);
        }
        member = clusters.next(member);
    }
    Some((first, last))
}

/// The first two zones that contradict each other.
fn sweep(zones: &[Zone]) -> Option<(Zone, Zone)> {
    let mut forward: Option<Zone> = None;
    for &zone in zones {
        let end = forward.map_or(0, |zone| zone.high / 2);
        let is_forward = zone.high % 2 == 0;
        if let Some(other) = forward
            && (if is_forward { zone.low < end } else { zone.high / 2 < end })
        {
            return Some((other, zone));
        }
        if is_forward {
            forward = Some(zone);
        }
    }
    None
}

/// The operations of the blocks that contradict each other: the projection of a linearization to whole blocks is one,
/// so the others need not be looked at.
fn among(rows: &Rows<'_>, clusters: &Clusters, conflict: Conflict) -> Vec<u32> {
    let heads: Vec<u32> = match conflict {
        Conflict::Block(head) => vec![head],
        Conflict::Zones(first, second) => {
            let is_one = |&head: &u32| {
                extent(rows, clusters, head).is_some_and(|(begin, end)| {
                    [first, second].iter().any(|zone| zone.low == begin.min(end) && zone.high / 2 == begin.max(end))
                })
            };
            clusters.heads().filter(is_one).collect()
        }
    };
    let mut members = rustc_hash::FxHashSet::default();
    for head in heads {
        let mut member = head;
        while member != NO_CLUSTER {
            members.insert(member);
            member = clusters.next(member);
        }
    }
    let belongs = |index: &u32| clusters.of_op(rows, *index).is_some_and(|cluster| members.contains(&cluster));
    (0..rows.len()).filter(belongs).collect()
}
