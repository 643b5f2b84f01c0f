//! The neighbours that each node is told in the workload `broadcast`.

use std::collections::BTreeMap;

/// The names of the topologies, as `--topology` takes them.
pub const TOPOLOGIES: [&str; 7] = ["grid", "line", "total", "tree", "tree2", "tree3", "tree4"];

/// The neighbours of each node; `None` for an unknown name.
///
/// A grid is as wide as it is high, or one wider; a tree is filled level by level, `tree` with two children.
pub fn topology(name: &str, nodes: &[String]) -> Option<BTreeMap<String, Vec<String>>> {
    let count = nodes.len();
    let linked: Box<dyn Fn(usize, usize) -> bool> = match name {
        "total" => Box::new(|_, _| true),
        "line" => Box::new(|low, high| high == low + 1),
        "grid" => {
            let width = (1..).find(|width| width * width >= count).unwrap_or(1);
            Box::new(move |low, high| high == low + width || (high == low + 1 && high % width != 0))
        }
        "tree" | "tree2" => Box::new(|low, high| (high - 1) / 2 == low),
        "tree3" => Box::new(|low, high| (high - 1) / 3 == low),
        "tree4" => Box::new(|low, high| (high - 1) / 4 == low),
        _ => return None,
    };
    let neighbours = |node: usize| {
        let others = (0..count).filter(|&other| other != node && linked(node.min(other), node.max(other)));
        others.map(|other| nodes[other].clone()).collect()
    };
    Some((0..count).map(|node| (nodes[node].clone(), neighbours(node))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn neighbours(name: &str, count: usize, node: &str) -> Vec<String> {
        let nodes: Vec<String> = (1..=count).map(|id| format!("n{id}")).collect();
        topology(name, &nodes).unwrap()[node].clone()
    }

    #[test]
    fn each_topology_has_its_links() {
        assert_eq!(neighbours("line", 5, "n1"), ["n2"]);
        assert_eq!(neighbours("line", 5, "n3"), ["n2", "n4"]);
        assert_eq!(neighbours("grid", 5, "n1"), ["n2", "n4"]);
        assert_eq!(neighbours("grid", 5, "n3"), ["n2"]);
        assert_eq!(neighbours("grid", 5, "n5"), ["n2", "n4"]);
        assert_eq!(neighbours("tree", 7, "n1"), ["n2", "n3"]);
        assert_eq!(neighbours("tree4", 7, "n2"), ["n1", "n6", "n7"]);
        assert_eq!(neighbours("total", 3, "n2"), ["n1", "n3"]);
        assert_eq!(topology("ring", &[]), None);
    }

    #[test]
    fn every_topology_is_connected_and_symmetric() {
        for name in TOPOLOGIES {
            for count in 1..30 {
                let nodes: Vec<String> = (1..=count).map(|id| format!("n{id}")).collect();
                let links = topology(name, &nodes).unwrap();
                let mut reached = vec!["n1".to_owned()];
                let mut at = 0;
                while at < reached.len() {
                    for next in &links[&reached[at]] {
                        assert!(links[next].contains(&reached[at]), "{name} of {count}");
                        if !reached.contains(next) {
                            reached.push(next.clone());
                        }
                    }
                    at += 1;
                }
                assert_eq!(reached.len(), count, "{name} of {count}");
            }
        }
    }
}
