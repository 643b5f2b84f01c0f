//! Grudge that drop, lose or hold packets, as rules of one chain in the lab's hub.
//!
//! All active ones are one chain, replaced as a whole in one `iptables-restore`, so a partition begins (and
//! heals) for the whole cluster at one instant. Every rule carries the identity of its fault, by which its
//! packet counter is found again.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use rashomon_faults::Grudge;

use crate::lab::RuleCounter;

/// Grudge and what becomes of their packets.
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

/// The chain in the hub's filter table.
pub const CHAIN: &str = "RASHOMON";

/// The input of `iptables-restore --noflush` that makes these cuts (by identity of the fault), and no others, the
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

    #[test]
    fn rules_name_their_fault_and_counters_are_found_by_it() {
        let link = |from, to| Grudge::from([(from, to)]);
        let loss = Cut { links: link(2, 1), fate: Fate::Lost(15) };
        let delay = Cut { links: link(2, 1), fate: Fate::Held(2) };
        let whole = Cut { links: link(1, 2), fate: Fate::Dropped };
        let active = BTreeMap::from([(2, delay), (3, whole), (12, loss)]);
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
