//! The target `crdt`: the included replicated data types, as a cluster of `rashomon-node crdt` processes.

use std::time::Duration;

use rashomon_harness::client::Client;
use rashomon_harness::consistency::Level;
use rashomon_harness::interface::{self, Interface};
use rashomon_harness::target::{
    ClusterContext, Connection, Node, NodePlan, StatusFuture, Target, TargetConfig, TargetError, TargetInfo,
    TargetTiming, Version,
};

use crate::included::{self, Settings};
use crate::node_program;

/// The target `crdt`.
pub struct CrdtReplicas;

const SETTINGS: &Settings = &[
    ("gossip-ms", "50", "how often a replica sends its peers what they have not acknowledged"),
    ("gossip", "delta", "what it sends: `delta`, the updates they lack, or `state`, everything it has"),
    (
        "set",
        "or",
        "what a cart is: `or`, an observed-remove set (adds win), or `lww`: the last update by the clocks wins, \
         and clocks that disagree lose updates",
    ),
    ("resolution-us", "1", "what the times of register writes and `lww` updates are rounded down to, microseconds"),
    ("collect-ms", "1000", "how often a replica looks for tombstones that every replica has seen, and drops them"),
    ("snapshot-every", "500", "records after which a replica takes a snapshot and cuts its log"),
    ("max-deltas", "2000", "deltas kept for replicas that lag behind; one that lags further is sent everything"),
];

/// The settings that are words, with the words they can be.
const WORDS: [(&str, [&str; 2]); 2] = [("gossip", ["delta", "state"]), ("set", ["or", "lww"])];

impl CrdtReplicas {
    /// The value of a setting, if it makes sense.
    fn setting<'a>(&self, choice: &'a TargetConfig, name: &str) -> Result<&'a str, TargetError> {
        let value = included::setting(SETTINGS, choice, name);
        match WORDS.iter().find(|(known, _)| *known == name) {
            Some((_, words)) if words.contains(&value) => Ok(value),
            Some((_, [one, other])) => Err(TargetError {
                what: format!("the setting {name}={value} is neither `{one}` nor `{other}`"),
                remedy: format!("give for example --set {name}={one}"),
            }),
            None => included::number(SETTINGS, choice, name).map(|_| value),
        }
    }
}

impl Target for CrdtReplicas {
    fn info(&self) -> TargetInfo {
        TargetInfo {
            interfaces: vec![
                &interface::CART,
                &interface::SET,
                &interface::COUNTER,
                &interface::REGISTER,
                &interface::SIBLINGS,
                &interface::TEXT,
                &interface::MAP,
            ],
            settings: included::listed(SETTINGS),
            mutants: included::mutants::<rashomon_crdt::Mutant>(),
            default_workload: "cart".to_owned(),
            has_leader: false,
            ..TargetInfo::new(
                "crdt",
                "the included replicated data types: any replica serves any client, deltas are gossiped",
            )
        }
    }

    /// A client stays with one replica, a replica tells nothing that a crash could take back, and deltas (or states)
    /// are joined in an order that respects causality: that is causal consistency, for every type and setting. It holds
    /// beyond single objects, and convergence with it. A replica whose *disk* loses what it had synced breaks it.
    fn consistency(&self, _: &TargetConfig, _: &'static Interface) -> Level {
        Level::CAUSAL
    }

    fn workload_defaults(&self, choice: &TargetConfig, workload: &str) -> Vec<(String, String)> {
        let last_wins = self.setting(choice, "set").is_ok_and(|set| set == "lww");
        match workload {
            // Of concurrent writes any may win, and with clocks that disagree of others too.
            "register" => included::options(&[("cas", "no"), ("last-write", "any")]),
            "cart" if last_wins => included::options(&[("wins", "last")]),
            _ => Vec::new(),
        }
    }

    fn timing(&self, choice: &TargetConfig) -> Result<TargetTiming, TargetError> {
        let gossip = Duration::from_millis(included::number(SETTINGS, choice, "gossip-ms")?);
        Ok(TargetTiming {
            // Nobody is elected; a replica that misses acknowledgements for so long sends less often.
            election_timeout: 6 * gossip,
            // A broken connection is noticed and made anew.
            recovery: 12 * gossip + Duration::from_millis(500),
            // As well, then eight rounds until a peer that was silent is sent to, and twice as much for those behind
            // it.
            convergence: 40 * gossip + Duration::from_millis(2_000),
        })
    }

    fn prepare(&self, choice: &TargetConfig) -> Result<Version, TargetError> {
        for (name, ..) in SETTINGS {
            self.setting(choice, name)?;
        }
        node_program::version(choice)
    }

    fn node_plan(&self, cluster: &ClusterContext, node: &Node) -> Result<NodePlan, TargetError> {
        let ClusterContext { config: choice, nodes: cluster } = cluster;
        let mut args = included::arguments("crdt", choice, node, cluster);
        for (name, ..) in SETTINGS {
            args.push(format!("--{name}={}", self.setting(choice, name)?));
        }
        included::node_plan(choice, args)
    }

    fn client(&self, _: &ClusterContext, connection: &Connection<'_>) -> Box<dyn Client> {
        included::client(connection)
    }

    fn status<'a>(&'a self, _: &'a ClusterContext, node: &'a Node, timeout: Duration) -> StatusFuture<'a> {
        included::status(node, timeout)
    }
}
