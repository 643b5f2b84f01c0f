//! What iptables says of its rules.

use super::RuleCounter;

/// Reads lines such as `[12:720] -A FORWARD -s 10.77.0.1/32 -j DROP`.
pub(crate) fn parse(saved: &str, chain: &str) -> Vec<RuleCounter> {
    let parse = |line: &str| {
        let (counters, rule) = line.strip_prefix('[')?.split_once("] ")?;
        let (packets, bytes) = counters.split_once(':')?;
        let rest = rule.strip_prefix("-A ")?;
        let in_chain = rest.strip_prefix(chain).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
        in_chain.then_some(())?;
        Some(RuleCounter { rule: rule.to_owned(), packets: packets.parse().ok()?, bytes: bytes.parse().ok()? })
    };
    saved.lines().filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_those_of_the_chain() {
        let saved = "*filter\n:FORWARD ACCEPT [0:0]\n:cut - [0:0]\n[3:180] -A FORWARD -j cut\n\
                     [12:720] -A cut -s 10.77.0.1/32 -j DROP\n[0:0] -A cut2 -j DROP\nCOMMIT\n";
        let rule = "-A cut -s 10.77.0.1/32 -j DROP".to_owned();
        assert_eq!(parse(saved, "cut"), vec![RuleCounter { rule, packets: 12, bytes: 720 }]);
        assert_eq!(parse(saved, "FORWARD")[0].packets, 3);
    }
}
