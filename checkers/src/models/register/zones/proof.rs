//! The linearization that zones prove.

use rashomon_history::{History, OpId, Outcome};

use super::super::FailedCas;
use super::clusters::{Act, Clusters, NO_CLUSTER};
use super::{extent, shifted};
use crate::specialist::Rows;

/// How many places are tried for one compare-and-set that found another value.
const PLACES: usize = 1_000;

/// The blocks in the order of their zones, each cluster's write before those that found it. `None` when a
/// compare-and-set that found another value has no place in this order.
pub(super) fn linearize(rows: &Rows<'_>, clusters: &Clusters, failed_cas: FailedCas) -> Option<Vec<OpId>> {
    let mut blocks: Vec<(u32, u32)> = clusters
        .heads()
        .map(|head| {
            let (first, last) = extent(rows, clusters, head).expect("no block contradicts itself");
            (first.min(last), head)
        })
        .collect();
    blocks.sort_unstable();
    let mut rank = rustc_hash::FxHashMap::default();
    for (_, head) in blocks {
        let mut member = head;
        while member != NO_CLUSTER {
            rank.insert(member, rank.len() as u32);
            member = clusters.next(member);
        }
    }
    let mut placed: Vec<(u32, bool, u32)> = Vec::new();
    for op in 0..rows.len() {
        let finds = matches!(clusters.act(rows.history(), rows.get(op), failed_cas), Act::Found(_));
        if let Some(rank) = clusters.of_op(rows, op).and_then(|cluster| rank.get(&cluster)) {
            placed.push((*rank, finds, op));
        }
    }
    placed.sort_unstable();
    let mut order: Vec<u32> = placed.into_iter().map(|(_, _, op)| op).collect();
    if clusters.refused {
        order = place_refused(rows, clusters, order)?;
    }
    Some(order.into_iter().map(|op| rows.op(op)).collect())
}

/// Puts every compare-and-set that found another value where the register did not hold its value.
fn place_refused(rows: &Rows<'_>, clusters: &Clusters, order: Vec<u32>) -> Option<Vec<u32>> {
    // Up to where everything that completed before a position stands, and from where all that was invoked after it.
    let mut ends: Vec<(u32, usize)> = Vec::new();
    let mut begins: Vec<(u32, usize)> = Vec::new();
    let mut held = vec![History::NIL];
    for (place, &op) in order.iter().enumerate() {
        let row = rows.get(op);
        if let (Some(completed), Outcome::Ok) = (row.completed, row.outcome) {
            ends.push((shifted(completed), place + 1));
        }
        begins.push((shifted(row.invoked), place));
        let before = held[place];
        held.push(match clusters.act(rows.history(), row, FailedCas::Compared) {
            Act::Wrote(value) | Act::Replaced(_, value) => value,
            _ => before,
        });
    }
    ends.sort_unstable();
    begins.sort_unstable();
    for index in 1..ends.len() {
        ends[index].1 = ends[index].1.max(ends[index - 1].1);
    }
    for index in (1..begins.len()).rev() {
        begins[index - 1].1 = begins[index - 1].1.min(begins[index].1);
    }
    let mut refused: Vec<(usize, u32)> = Vec::new();
    // Those placed so far by completion, each with the furthest place up to it.
    let mut floors: Vec<(u32, usize)> = Vec::new();
    for op in 0..rows.len() {
        let row = rows.get(op);
        let Act::Refused(value) = clusters.act(rows.history(), row, FailedCas::Compared) else { continue };
        let (invoked, completed) = (shifted(row.invoked), shifted(row.completed?));
        let before = |list: &[(u32, usize)]| list.partition_point(|entry| entry.0 < invoked);
        let mut low = before(&ends).checked_sub(1).map_or(0, |index| ends[index].1);
        for &(_, place) in floors.iter().filter(|floor| floor.0 < invoked) {
            low = low.max(place);
        }
        let after = begins.partition_point(|entry| entry.0 < completed);
        let high = begins.get(after).map_or(order.len(), |entry| entry.1);
        let place = (low..=high).take(PLACES).find(|&place| held[place] != value)?;
        refused.push((place, op));
        // Only the most recent matter for long: an older floor is below what completed since.
        floors.retain(|floor| floor.1 > low || floor.0 >= invoked);
        floors.push((completed, place));
    }
    refused.sort_by_key(|&(place, op)| (place, op));
    let mut merged = Vec::with_capacity(order.len() + refused.len());
    let mut next = refused.into_iter().peekable();
    for place in 0..=order.len() {
        while let Some((_, op)) = next.next_if(|entry| entry.0 == place) {
            merged.push(op);
        }
        merged.extend(order.get(place));
    }
    Some(merged)
}
