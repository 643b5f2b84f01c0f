//! Histories whose order is known up to what may be exchanged.

use super::call::{Call, Placed};

/// Places blocks one after the other, each block's calls in order of invocation. The error is a call of an earlier
/// block that was invoked after one of a later block had completed.
///
/// That pair is the only thing that can go wrong: if no such pair exists, real time allows every order between blocks,
/// and within a block the order of invocations.
pub(super) fn in_blocks<A: Copy>(calls: &[Call<A>], blocks: &mut [Vec<u32>]) -> Result<Vec<Placed<A>>, (u32, u32)> {
    let mut order = Vec::with_capacity(calls.len());
    let mut latest: Option<u32> = None;
    for block in blocks {
        block.sort_unstable();
        if let Some(latest) = latest {
            let behind =
                block.iter().copied().find(|&call| calls[call as usize].completed < calls[latest as usize].invoked);
            if let Some(behind) = behind {
                return Err((latest, behind));
            }
        }
        if let Some(&last) = block.last() {
            latest = Some(latest.map_or(last, |latest| latest.max(last)));
        }
        order.extend(block.iter().map(|&call| Placed { call, act: calls[call as usize].act }));
    }
    Ok(order)
}
