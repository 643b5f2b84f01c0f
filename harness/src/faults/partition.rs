//! Partitions, loss and delay: which directed links drop or hold packets, and how many, as rules of one chain in the
//! lab's hub.
//!
//! All active ones are one chain, replaced as a whole in one `iptables-restore`, so a partition begins (and
//! heals) for the whole cluster at one instant. Every rule carries the number of its fault, by which its packet
//! counter is found again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use crate::lab::RuleCounter;

/// Directed pairs (from, to) of nodes between which packets are dropped.
pub type Grudge = BTreeSet<(u16, u16)>;

/// Links and what becomes of their packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The links.
    pub links: Grudge,
    /// What becomes of the packets.
    pub fate: Fate,
}

/// What becomes of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Each is dropped.
    Dropped,
    /// So many in a hundred are dropped, chosen at random.
    Lost(u8),
    /// Each goes into this queue, where it is held back.
    Held(u16),
}

impl Cut {
    /// Nothing passes.
    pub fn whole(links: Grudge) -> Cut {
        Cut { links, fate: Fate::Dropped }
    }
}

/// The chain in the hub's filter table.
pub const CHAIN: &str = "RASHOMON";

/// `node` can neither send to nor hear any of the others.
pub fn isolate(node: u16, nodes: u16) -> Grudge {
    deaf(node, nodes).union(&mute(node, nodes)).copied().collect()
}

/// Every link there is.
pub fn every_link(nodes: u16) -> Grudge {
    let pairs = (1..=nodes).flat_map(|from| (1..=nodes).map(move |to| (from, to)));
    pairs.filter(|(from, to)| from != to).collect()
}

/// Two nodes cannot reach each other.
pub fn unlink(one: u16, other: u16) -> Grudge {
    Grudge::from([(one, other), (other, one)])
}

/// `node` hears nobody.
pub fn deaf(node: u16, nodes: u16) -> Grudge {
    (1..=nodes).filter(|&other| other != node).map(|other| (other, node)).collect()
}

/// `node` is heard by nobody.
pub fn mute(node: u16, nodes: u16) -> Grudge {
    (1..=nodes).filter(|&other| other != node).map(|other| (node, other)).collect()
}

/// `group` and everyone else cannot reach each other.
pub fn split(group: &[u16], nodes: u16) -> Grudge {
    let mut grudge = Grudge::new();
    for &inside in group {
        for outside in (1..=nodes).filter(|node| !group.contains(node)) {
            grudge.insert((inside, outside));
            grudge.insert((outside, inside));
        }
    }
    grudge
}

/// Every node of the ring reaches its nearest neighbours, just enough of them to be a majority with itself.
pub fn majorities_ring(ring: &[u16]) -> Grudge {
    let nodes = ring.len();
    let majority = nodes / 2 + 1;
    let reach = (majority - 1).div_ceil(2);
    let mut grudge = Grudge::new();
    for (here, &from) in ring.iter().enumerate() {
        for (there, &to) in ring.iter().enumerate() {
            let apart = here.abs_diff(there);
            if apart.min(nodes - apart) > reach {
                grudge.insert((from, to));
            }
        }
    }
    grudge
}

/// The input of `iptables-restore --noflush` that makes these partitions (by number of the fault), and no others, the
/// content of the chain.
pub fn rules(active: &BTreeMap<u32, Cut>, address: impl Fn(u16) -> Ipv4Addr) -> String {
    let mut text = format!("*filter\n:{CHAIN} - [0:0]\n");
    // What comes out of a queue is not looked at again: rules that drop come first.
    let mut cuts: Vec<(&u32, &Cut)> = active.iter().collect();
    cuts.sort_by_key(|&(fault, cut)| (matches!(cut.fate, Fate::Held(_)), fault));
    for (fault, cut) in cuts {
        let (some, jump) = match cut.fate {
            Fate::Dropped => (String::new(), "DROP".to_owned()),
            Fate::Lost(percent) => {
                let share = f64::from(percent) / 100.0;
                (format!("-m statistic --mode random --probability {share:.2} "), "DROP".to_owned())
            }
            Fate::Held(queue) => (String::new(), format!("NFQUEUE --queue-num {queue} --queue-bypass")),
        };
        for &(from, to) in &cut.links {
            let (from, to) = (address(from), address(to));
            writeln!(text, "-A {CHAIN} -s {from}/32 -d {to}/32 {some}-m comment --comment f{fault} -j {jump}")
                .expect("writing to a string");
        }
    }
    text.push_str("COMMIT\n");
    text
}

/// The input that makes the chain, empty, and sends every forwarded packet through it.
pub fn first_rules() -> String {
    format!("*filter\n:{CHAIN} - [0:0]\n-A FORWARD -j {CHAIN}\nCOMMIT\n")
}

/// Packets dropped (or held) per fault, from the chain's counters.
pub fn dropped(counters: &[RuleCounter]) -> BTreeMap<u32, u64> {
    let mut dropped = BTreeMap::new();
    for counter in counters {
        let words: Vec<&str> = counter.rule.split_whitespace().collect();
        let comment = words.iter().position(|&word| word == "--comment").and_then(|at| words.get(at + 1));
        let fault = comment.and_then(|text| text.trim_matches('"').strip_prefix('f'));
        if let Some(fault) = fault.and_then(|text| text.parse().ok()) {
            *dropped.entry(fault).or_default() += counter.packets;
        }
    }
    dropped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(grudge: &Grudge, node: u16, nodes: u16) -> usize {
        (1..=nodes).filter(|&other| !grudge.contains(&(node, other)) && !grudge.contains(&(other, node))).count()
    }

    #[test]
    fn an_isolated_node_reaches_only_itself_and_the_others_each_other() {
        let grudge = isolate(2, 5);
        assert_eq!(reached(&grudge, 2, 5), 1);
        assert!([1, 3, 4, 5].iter().all(|&node| reached(&grudge, node, 5) == 4));
    }

    #[test]
    fn every_link_is_there_once_in_each_direction() {
        assert_eq!(every_link(3).len(), 6);
        assert_eq!(every_link(2), isolate(1, 2));
    }

    #[test]
    fn one_way_partitions_drop_one_direction_only() {
        assert_eq!(deaf(1, 3), Grudge::from([(2, 1), (3, 1)]));
        assert_eq!(mute(1, 3), Grudge::from([(1, 2), (1, 3)]));
    }

    #[test]
    fn a_split_leaves_both_sides_whole() {
        let grudge = split(&[1, 4], 5);
        assert_eq!(grudge.len(), 12);
        assert!([1, 4].iter().all(|&node| reached(&grudge, node, 5) == 2));
        assert!([2, 3, 5].iter().all(|&node| reached(&grudge, node, 5) == 3));
    }

    #[test]
    fn in_a_ring_everyone_sees_a_majority_and_no_two_the_same() {
        for nodes in 4..=9u16 {
            let ring: Vec<u16> = (1..=nodes).rev().collect();
            let grudge = majorities_ring(&ring);
            let seen = |node: u16| -> BTreeSet<u16> {
                (1..=nodes).filter(|&other| !grudge.contains(&(other, node))).collect()
            };
            let views: BTreeSet<BTreeSet<u16>> = (1..=nodes).map(seen).collect();
            assert!((1..=nodes).all(|node| seen(node).len() > nodes as usize / 2), "{nodes} nodes");
            if nodes >= 5 {
                assert_eq!(views.len(), nodes as usize, "{nodes} nodes");
            }
        }
    }

    #[test]
    fn rules_name_their_fault_and_counters_are_found_by_it() {
        let loss = Cut { links: deaf(1, 2), fate: Fate::Lost(15) };
        let delay = Cut { links: mute(2, 2), fate: Fate::Held(2) };
        let active = BTreeMap::from([(2, delay), (3, Cut::whole(mute(1, 2))), (12, loss)]);
        let text = rules(&active, |node| Ipv4Addr::new(10, 77, 0, node as u8));
        assert_eq!(
            text,
            "*filter\n:RASHOMON - [0:0]\n\
             -A RASHOMON -s 10.77.0.1/32 -d 10.77.0.2/32 -m comment --comment f3 -j DROP\n\
             -A RASHOMON -s 10.77.0.2/32 -d 10.77.0.1/32 -m statistic --mode random --probability 0.15 -m comment --comment f12 -j DROP\n\
             -A RASHOMON -s 10.77.0.2/32 -d 10.77.0.1/32 -m comment --comment f2 -j NFQUEUE --queue-num 2 --queue-bypass\n\
             COMMIT\n"
        );
        let counter = |packets, rule: &str| RuleCounter { rule: rule.to_owned(), packets, bytes: 60 * packets };
        let counters = [
            counter(5, "-A RASHOMON -s 10.77.0.1/32 -d 10.77.0.2/32 -m comment --comment f3 -j DROP"),
            counter(2, "-A RASHOMON -s 10.77.0.1/32 -d 10.77.0.3/32 -m comment --comment \"f3\" -j DROP"),
            counter(0, "-A RASHOMON -s 10.77.0.2/32 -d 10.77.0.1/32 -m comment --comment f12 -j DROP"),
        ];
        assert_eq!(dropped(&counters), BTreeMap::from([(3, 7), (12, 0)]));
    }
}
