//! The target `dynamo`: the included Dynamo-style store, as a cluster of `rashomon-node dynamo` processes.

use std::time::Duration;

use rashomon_harness::client::Client;
use rashomon_harness::consistency::Level;
use rashomon_harness::interface::{self, Interface};
use rashomon_harness::target::{
    ClusterContext, Connection, MutantInfo, Node, NodePlan, StatusFuture, Target, TargetConfig, TargetError,
    TargetInfo, TargetTiming, Version,
};

use crate::{included, node_program};

/// The target `dynamo`.
pub struct Dynamo;

const SETTINGS: [(&str, &str, &str); 14] = [
    ("n", "3", "replicas of a key (N)"),
    ("r", "2", "replicas that answer before a read is complete (R)"),
    ("w", "2", "replicas that hold a write before it is acknowledged (W)"),
    ("quorum", "strict", "whose answers count: `strict`, a key's own replicas; `sloppy`, also their fallback nodes"),
    ("conflict", "versions", "what decides between writes of a register: `versions`, or `lww`, the writers' clocks"),
    ("patience-ms", "30", "how long a node waits for replicas before it asks others"),
    ("hints", "yes", "whether a replica that missed a write gets a hint: `yes` or `no`"),
    ("handoff-ms", "100", "how often hints are handed over"),
    ("read-repair", "yes", "whether reads mend replicas that are behind: `yes` or `no`"),
    ("anti-entropy-ms", "200", "how often a replica compares its hash trees with another; 0 for never"),
    ("grace-ms", "2000", "how long a tombstone is kept at the least"),
    ("probe-ms", "150", "how often a member is probed for failures"),
    ("churn-ms", "0", "every so often the highest node leaves the ring or joins it again; 0 for never"),
    ("request-timeout-ms", "600", "how long a node tries to carry a request out"),
];

/// The settings that are words, with the words they can be.
const WORDS: [(&str, [&str; 2]); 4] = [
    ("quorum", ["strict", "sloppy"]),
    ("conflict", ["versions", "lww"]),
    ("hints", ["yes", "no"]),
    ("read-repair", ["yes", "no"]),
];

/// The settings that may be 0.
const MAY_BE_ZERO: [&str; 2] = ["anti-entropy-ms", "churn-ms"];

impl Dynamo {
    /// The value of a setting, as the user gave it or else its default.
    fn value<'a>(&self, choice: &'a TargetConfig, name: &str) -> &'a str {
        included::setting(&SETTINGS, choice, name)
    }

    /// The value of a setting, if it makes sense.
    fn setting<'a>(&self, choice: &'a TargetConfig, name: &str) -> Result<&'a str, TargetError> {
        let value = self.value(choice, name);
        let least = u64::from(!MAY_BE_ZERO.contains(&name));
        let (sensible, expected) = match WORDS.iter().find(|(known, _)| *known == name) {
            Some((_, words)) => (words.contains(&value), format!("`{}` or `{}`", words[0], words[1])),
            None => (value.parse().is_ok_and(|number: u64| number >= least), format!("a whole number from {least}")),
        };
        let default = self.value(&TargetConfig::default(), name).to_owned();
        sensible.then_some(value).ok_or_else(|| TargetError {
            what: format!("the setting {name}={value} is not {expected}"),
            remedy: format!("give for example --set {name}={default}"),
        })
    }

    /// A setting that is a number; 0 for one that makes no sense, which [`Target::prepare`] has refused.
    fn number(&self, choice: &TargetConfig, name: &str) -> u64 {
        self.value(choice, name).parse().unwrap_or(0)
    }

    fn milliseconds(&self, choice: &TargetConfig, name: &str) -> Duration {
        Duration::from_millis(self.number(choice, name))
    }

    /// Whether every read quorum meets every write quorum.
    fn is_strong(&self, choice: &TargetConfig) -> bool {
        let number = |name| self.number(choice, name);
        self.value(choice, "quorum") == "strict" && number("r") + number("w") > number("n")
    }

    /// Whether something makes replicas agree again whatever happened: they compare all they have, or reads compare
    /// several of them and mend those that are behind. Hints alone do not: the coordinator writes them when a replica
    /// has not answered in time, and may be dead by then.
    fn repairs(&self, choice: &TargetConfig) -> bool {
        let compares = self.number(choice, "anti-entropy-ms") > 0;
        let reads_repair = self.value(choice, "read-repair") == "yes" && self.number(choice, "r") > 1;
        compares || reads_repair || self.is_strong(choice)
    }
}

impl Target for Dynamo {
    fn info(&self) -> TargetInfo {
        // The recipes of the membership's mutants are for the target `swim`, which is nothing but membership.
        let of_membership = included::mutants::<rashomon_swim::Mutant>().into_iter();
        let of_membership = of_membership.map(|info| MutantInfo { recipe: None, ..info });
        TargetInfo {
            interfaces: vec![
                &interface::REGISTER,
                &interface::SIBLINGS,
                &interface::SET,
                &interface::CART,
                &interface::COUNTER,
                &interface::MEMBERS,
            ],
            settings: included::listed(&SETTINGS),
            mutants: included::mutants::<rashomon_dynamo::Mutant>().into_iter().chain(of_membership).collect(),
            has_leader: false,
            ..TargetInfo::new(
                "dynamo",
                "the included Dynamo: quorums without a leader, siblings, hints, anti-entropy, a changing ring",
            )
        }
    }

    /// Registers under versions are linearizable where strict quorums meet. There the other objects never go back
    /// either, and a client finds what it wrote: what a read tells is on W replicas, of which the next asks one. With
    /// anything weaker, replicas agree later, and that is all.
    fn consistency(&self, choice: &TargetConfig, interface: &'static Interface) -> Level {
        match interface.name {
            "register" if self.value(choice, "conflict") == "lww" => Level::EVENTUAL,
            "register" if self.is_strong(choice) => Level::LINEARIZABLE,
            "members" => Level::EVENTUAL,
            _ if self.is_strong(choice) => Level::SESSION,
            _ => Level::EVENTUAL,
        }
    }

    fn workload_defaults(&self, choice: &TargetConfig, workload: &str) -> Vec<(String, String)> {
        let by_clock = self.value(choice, "conflict") == "lww";
        match workload {
            // Versions from a quorum that meets no other are no order in time. Where the last write wins, that is what
            // clients rely on, and what clocks that disagree break.
            "register" if !by_clock && !self.is_strong(choice) => {
                included::options(&[("cas", "no"), ("last-write", "any")])
            }
            "register" => included::options(&[("cas", "no")]),
            _ => Vec::new(),
        }
    }

    fn timing(&self, choice: &TargetConfig) -> Result<TargetTiming, TargetError> {
        let probe = self.milliseconds(choice, "probe-ms");
        let patience = self.milliseconds(choice, "patience-ms");
        let anti_entropy = self.milliseconds(choice, "anti-entropy-ms");
        let handoff = self.milliseconds(choice, "handoff-ms");
        // Where replicas compare nothing, all depends on hints: one that was lost on its way is sent again after ten
        // times the patience, and the write it is for may have gone on for long.
        let hints_alone = if anti_entropy.is_zero() { 100 * patience } else { Duration::ZERO };
        Ok(TargetTiming {
            // A silent node is suspected after a probe or two.
            election_timeout: 2 * probe,
            // Connections are made anew, and the node is no longer missed.
            recovery: 4 * probe + 10 * patience + Duration::from_millis(300),
            // Each replica has compared its trees with every other one some times; hints have gone out, once more where
            // they were lost and once more where they were refused; a node that was dead for others is tried again.
            convergence: 40 * anti_entropy + hints_alone + 3 * handoff + 20 * probe + Duration::from_millis(3_000),
        })
    }

    fn prepare(&self, choice: &TargetConfig) -> Result<Version, TargetError> {
        for (name, ..) in SETTINGS {
            self.setting(choice, name)?;
        }
        let n = self.number(choice, "n");
        for name in ["r", "w"] {
            if self.number(choice, name) > n {
                return Err(TargetError {
                    what: format!("{name}={} of only n={n} replicas", self.number(choice, name)),
                    remedy: format!("give --set {name}=1 up to {n}, or more replicas with --set n=…"),
                });
            }
        }
        if !self.repairs(choice) {
            return Err(TargetError {
                what: "these settings can leave replicas apart for good: a coordinator that is killed takes hints with it \
                       that it had not written yet, a read repairs no more than the R replicas that it asks, and \
                       anti-entropy is off"
                    .to_owned(),
                remedy: "turn anti-entropy on with --set anti-entropy-ms=200, or read repair with --set read-repair=yes \
                         --set r=2, or let strict quorums meet (R + W > N)"
                    .to_owned(),
            });
        }
        node_program::version(choice)
    }

    fn node_plan(&self, cluster: &ClusterContext, node: &Node) -> Result<NodePlan, TargetError> {
        let ClusterContext { config: choice, nodes: cluster } = cluster;
        let n = self.number(choice, "n");
        if n > cluster.len() as u64 {
            return Err(TargetError {
                what: format!("{n} replicas of each key on {} nodes", cluster.len()),
                remedy: format!("give --nodes {n} or more, or fewer replicas with --set n=…"),
            });
        }
        let mut args = included::arguments("dynamo", choice, node, cluster);
        args.push(format!("--seed={}", choice.seed.wrapping_mul(64).wrapping_add(u64::from(node.id))));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(settings: &[(&str, &str)]) -> TargetConfig {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        TargetConfig { settings, ..TargetConfig::default() }
    }

    #[test]
    fn what_is_promised_follows_from_the_settings() {
        let promise = |settings: &[(&str, &str)], interface| Dynamo.consistency(&choice(settings), interface);
        assert_eq!(promise(&[], &interface::REGISTER), Level::LINEARIZABLE);
        assert_eq!(promise(&[("r", "1"), ("w", "3")], &interface::REGISTER), Level::LINEARIZABLE);
        assert_eq!(promise(&[("r", "1")], &interface::REGISTER), Level::EVENTUAL);
        assert_eq!(promise(&[("quorum", "sloppy")], &interface::REGISTER), Level::EVENTUAL);
        assert_eq!(promise(&[("conflict", "lww")], &interface::REGISTER), Level::EVENTUAL);
        assert_eq!(promise(&[], &interface::CART), Level::SESSION);
        assert_eq!(promise(&[("w", "1")], &interface::CART), Level::EVENTUAL);
    }

    #[test]
    fn every_setting_is_checked() {
        for (name, default, _) in SETTINGS {
            assert_eq!(Dynamo.setting(&choice(&[]), name), Ok(default));
            assert!(Dynamo.setting(&choice(&[(name, "many")]), name).is_err());
        }
        assert!(Dynamo.setting(&choice(&[("grace-ms", "0")]), "grace-ms").is_err());
        assert!(Dynamo.setting(&choice(&[("churn-ms", "0")]), "churn-ms").is_ok());
    }

    #[test]
    fn a_store_that_may_never_agree_is_refused() {
        let is_refused = |settings: &[(&str, &str)]| {
            Dynamo.prepare(&choice(settings)).is_err_and(|error| error.what.contains("apart for good"))
        };
        let (weak, silent) = ([("r", "1"), ("w", "1")], ("anti-entropy-ms", "0"));
        let off = [("hints", "no"), ("read-repair", "no"), silent];
        assert!(is_refused(&[&off[..], &weak].concat()));
        assert!(!is_refused(&off));
        // Hints are not enough, nor is the repair by reads that ask one replica.
        assert!(is_refused(&[&off[1..], &weak].concat()));
        assert!(is_refused(&[&weak[..], &[silent]].concat()));
        assert!(is_refused(&[silent, ("quorum", "sloppy"), ("read-repair", "no")]));
        // Repair by reads that ask two replicas is, and so is anti-entropy.
        assert!(!is_refused(&[silent, ("quorum", "sloppy")]));
        assert!(!is_refused(&[&off[..2], &weak].concat()));
    }

    #[test]
    fn no_two_mutants_share_a_name() {
        let mutants = Dynamo.info().mutants;
        for mutant in &mutants {
            assert_eq!(mutants.iter().filter(|other| other.name == mutant.name).count(), 1, "{}", mutant.name);
        }
    }
}
