//! Events that are changes of what nodes say when they are asked.

use std::sync::Arc;
use std::time::Duration;

use super::EventLog;
use super::line::Reported;
use crate::target::{ClusterContext, Target};

/// Asks a node (by its place in the cluster) again and again, and reports when it begins or ceases to lead. Ends only
/// with its task.
pub async fn watch(
    target: Arc<dyn Target>,
    cluster: Arc<ClusterContext>,
    node: usize,
    every: Duration,
    log: Arc<EventLog>,
) {
    let Some(node) = cluster.nodes.get(node) else { return };
    let mut pause = tokio::time::interval(every.max(Duration::from_millis(1)));
    pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // The term in which it leads.
    let mut leads: Option<u64> = None;
    loop {
        pause.tick().await;
        // A node that does not answer may lead all the same.
        let Some(status) = target.status(&cluster, node, every.max(Duration::from_millis(50))).await else { continue };
        let now = status.leads.then_some(status.term);
        if now != leads {
            let kind = if status.leads { "leader" } else { "follower" };
            log.record(&node.name, Reported::new(kind, Some(status.term), ""));
            leads = now;
        }
    }
}
