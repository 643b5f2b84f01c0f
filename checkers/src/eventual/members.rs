//! `members`: the views that nodes have of their cluster's membership move forward only, and converge to the truth.
//!
//! A read returns what one node holds every member for: `[member state incarnation]`. A member raises its incarnation
//! itself, with every start, every refutation, every leave and every join, and nobody else does (SWIM §4.2). So
//! statements about a member are totally ordered: by incarnation, then alive < suspect < dead < left. That gives six
//! rules, each of which is certain from the history alone, whatever faults there were:
//!
//! 1. No node knows an incarnation that the member itself, asked later, has not reached.
//! 2. While a node does not restart (its own incarnation stays what it was), its statements about a member only get
//!    greater: who was dead or left is live again in a higher incarnation only.
//! 3. A member has left in exactly those incarnations of which it says so itself.
//! 4. A member that acknowledged a leave says that it has left, until it is told to join; and the other way round.
//! 5. When views are settled, every node's view has as live exactly the members that say so themselves, at least once.
//! 6. Where the demand says so ([`Accusations`]): nobody is declared dead (or suspected) that was well all the time.
//!
//! Not judged: how fast a failure is noticed. A node that is cut off is declared dead rightfully, and the history does
//! not tell who was cut off: so rule 6 is for runs whose faults leave no such excuse.

mod accused;
mod final_views;
mod forward;
mod looks;
#[cfg(test)]
mod tests;

use rashomon_history::{History, OpView};
use serde::{Deserialize, Serialize};

use self::looks::Looks;
use super::EventualDemand;
use crate::findings::Findings;
use crate::verdict::{Budget, Judgement};

/// Which accusations of members that were well are anomalies. A member was well while its node acknowledged operations
/// without a longer gap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accusations {
    /// None: links may have been cut.
    #[default]
    Allowed,
    /// Deaths: no two nodes were cut off from each other, also not by way of others; nodes may have stood still.
    NoDeaths,
    /// Suspicions and deaths: any two nodes had somebody whom both could reach. Counts while all nodes were well.
    NoSuspicions,
}

/// What is demanded of views.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembersDemand {
    /// When views must have converged; `None` while the history may go on: then only what is already certain is
    /// reported.
    pub settled: Option<EventualDemand>,
    /// What rule 6 forbids.
    pub accusations: Accusations,
    /// Who answers clients without a longer gap than this is well, ns: less than what a probe (for suspicions) or a
    /// suspicion (for deaths) may take.
    pub gap_ns: u64,
}

pub(super) fn check(history: &History, demand: &EventualDemand, _: &Budget) -> Judgement {
    let demand = MembersDemand { settled: Some(*demand), accusations: Accusations::Allowed, gap_ns: 0 };
    check_members(history, &demand)
}

/// Judges a history of `read`, `leave` and `join`.
pub fn check_members(history: &History, demand: &MembersDemand) -> Judgement {
    let what = "compares what nodes say of each other with what each says of itself";
    let mut findings = Findings::new("members", what, history.len());
    let ops: Vec<OpView<'_>> = history.ops().collect();
    let looks = match Looks::of(history, &ops) {
        Ok(looks) => looks,
        Err(what) => {
            findings.unknown(what);
            return findings.judgement();
        }
    };
    forward::judge(&looks, &mut findings);
    accused::judge(&looks, demand, &mut findings);
    match &demand.settled {
        Some(settled) => final_views::judge(&looks, settled, &mut findings),
        None => findings.unknown("the history has no quiescent period: whether views converge is not known".to_owned()),
    }
    findings.judgement()
}
