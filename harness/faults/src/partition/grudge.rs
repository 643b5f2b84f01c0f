//! Which links a partition cuts.

use crate::environment::Grudge;

/// `node` can neither send to nor hear any of the others.
pub(crate) fn isolate(node: u16, nodes: u16) -> Grudge {
    deaf(node, nodes).union(&mute(node, nodes)).copied().collect()
}

/// Every link there is.
pub(crate) fn every_link(nodes: u16) -> Grudge {
    let pairs = (1..=nodes).flat_map(|from| (1..=nodes).map(move |to| (from, to)));
    pairs.filter(|(from, to)| from != to).collect()
}

/// Two nodes cannot reach each other.
pub(crate) fn unlink(one: u16, other: u16) -> Grudge {
    Grudge::from([(one, other), (other, one)])
}

/// `node` hears nobody.
pub(crate) fn deaf(node: u16, nodes: u16) -> Grudge {
    (1..=nodes).filter(|&other| other != node).map(|other| (other, node)).collect()
}

/// `node` is heard by nobody.
pub(crate) fn mute(node: u16, nodes: u16) -> Grudge {
    (1..=nodes).filter(|&other| other != node).map(|other| (node, other)).collect()
}

/// `group` and everyone else cannot reach each other.
pub(crate) fn split(group: &[u16], nodes: u16) -> Grudge {
    let mut links = Grudge::new();
    for &inside in group {
        for outside in (1..=nodes).filter(|node| !group.contains(node)) {
            links.insert((inside, outside));
            links.insert((outside, inside));
        }
    }
    links
}

/// Every node of the ring reaches its nearest neighbours, just enough of them to be a majority with itself.
pub(crate) fn majorities_ring(ring: &[u16]) -> Grudge {
    let nodes = ring.len();
    let majority = nodes / 2 + 1;
    let reach = (majority - 1).div_ceil(2);
    let mut links = Grudge::new();
    for (here, &from) in ring.iter().enumerate() {
        for (there, &to) in ring.iter().enumerate() {
            let apart = here.abs_diff(there);
            if apart.min(nodes - apart) > reach {
                links.insert((from, to));
            }
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn reached(links: &Grudge, node: u16, nodes: u16) -> usize {
        (1..=nodes).filter(|&other| !links.contains(&(node, other)) && !links.contains(&(other, node))).count()
    }

    #[test]
    fn an_isolated_node_reaches_only_itself_and_the_others_each_other() {
        let links = isolate(2, 5);
        assert_eq!(reached(&links, 2, 5), 1);
        assert!([1, 3, 4, 5].iter().all(|&node| reached(&links, node, 5) == 4));
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
        let links = split(&[1, 4], 5);
        assert_eq!(links.len(), 12);
        assert!([1, 4].iter().all(|&node| reached(&links, node, 5) == 2));
        assert!([2, 3, 5].iter().all(|&node| reached(&links, node, 5) == 3));
    }

    #[test]
    fn in_a_ring_everyone_sees_a_majority_and_no_two_the_same() {
        for nodes in 4..=9u16 {
            let ring: Vec<u16> = (1..=nodes).rev().collect();
            let links = majorities_ring(&ring);
            let seen =
                |node: u16| -> BTreeSet<u16> { (1..=nodes).filter(|&other| !links.contains(&(other, node))).collect() };
            let views: BTreeSet<BTreeSet<u16>> = (1..=nodes).map(seen).collect();
            assert!((1..=nodes).all(|node| seen(node).len() > nodes as usize / 2), "{nodes} nodes");
            if nodes >= 5 {
                assert_eq!(views.len(), nodes as usize, "{nodes} nodes");
            }
        }
    }
}
