//! Short cycles in a directed graph of small integers.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

/// An edge, and why it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge<R> {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) reason: R,
}

/// From how many nodes a shortest cycle is searched.
const STARTS: usize = 64;

/// A cycle, as a list of edges, the shortest through any of some of the nodes that are on cycles; `None` when there is
/// no cycle at all. Linear in the number of nodes and edges (Kahn, *Topological sorting of large networks*, 1962).
pub(crate) fn find_cycle<R: Copy>(nodes: usize, edges: &[Edge<R>]) -> Option<Vec<Edge<R>>> {
    let mut core: Vec<bool> = vec![true; nodes];
    // What is left when nodes without a way in, and then those without a way out, are taken away one after the other.
    peel(&mut core, edges, |edge| (edge.from, edge.to));
    peel(&mut core, edges, |edge| (edge.to, edge.from));
    let mut next: FxHashMap<u32, Vec<Edge<R>>> = FxHashMap::default();
    for &edge in edges.iter().filter(|edge| core[edge.from as usize] && core[edge.to as usize]) {
        next.entry(edge.from).or_default().push(edge);
    }
    let mut starts = edges.iter().map(|edge| edge.from).filter(|from| next.contains_key(from));
    let mut tried: Vec<u32> = Vec::new();
    let mut best: Option<Vec<Edge<R>>> = None;
    while let Some(start) = starts.by_ref().find(|start| !tried.contains(start)) {
        tried.push(start);
        if let Some(cycle) = cycle_through(start, &next)
            && best.as_ref().is_none_or(|best| cycle.len() < best.len())
        {
            best = Some(cycle);
        }
        let enough = tried.len() >= STARTS && best.is_some();
        if enough || best.as_ref().is_some_and(|best| best.len() <= 2) {
            break;
        }
    }
    best
}

/// Takes away the nodes without an edge into them from what is left, again and again.
fn peel<R: Copy>(core: &mut [bool], edges: &[Edge<R>], ends: impl Fn(&Edge<R>) -> (u32, u32)) {
    let mut degrees = vec![0_u32; core.len()];
    let mut starts = vec![0_u32; core.len() + 1];
    let left: Vec<(u32, u32)> =
        edges.iter().map(&ends).filter(|&(from, to)| core[from as usize] && core[to as usize]).collect();
    for &(from, to) in &left {
        starts[from as usize + 1] += 1;
        degrees[to as usize] += 1;
    }
    for index in 0..core.len() {
        starts[index + 1] += starts[index];
    }
    let mut filled = starts.clone();
    let mut targets = vec![0_u32; left.len()];
    for &(from, to) in &left {
        targets[filled[from as usize] as usize] = to;
        filled[from as usize] += 1;
    }
    let mut free: Vec<u32> = (0..core.len() as u32).filter(|&node| degrees[node as usize] == 0).collect();
    while let Some(node) = free.pop() {
        core[node as usize] = false;
        for &to in &targets[starts[node as usize] as usize..starts[node as usize + 1] as usize] {
            degrees[to as usize] -= 1;
            if degrees[to as usize] == 0 {
                free.push(to);
            }
        }
    }
}

/// The shortest cycle through a node, breadth first.
fn cycle_through<R: Copy>(start: u32, next: &FxHashMap<u32, Vec<Edge<R>>>) -> Option<Vec<Edge<R>>> {
    let mut came: FxHashMap<u32, Edge<R>> = FxHashMap::default();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for &edge in next.get(&node).into_iter().flatten() {
            if edge.to == start {
                let mut cycle = vec![edge];
                let mut at = node;
                while at != start {
                    let edge = came[&at];
                    cycle.push(edge);
                    at = edge.from;
                }
                cycle.reverse();
                return Some(cycle);
            }
            if let std::collections::hash_map::Entry::Vacant(vacant) = came.entry(edge.to) {
                vacant.insert(edge);
                queue.push_back(edge.to);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycle(nodes: usize, edges: &[(u32, u32)]) -> Option<usize> {
        let edges: Vec<Edge<()>> = edges.iter().map(|&(from, to)| Edge { from, to, reason: () }).collect();
        let cycle = find_cycle(nodes, &edges)?;
        for (index, edge) in cycle.iter().enumerate() {
            assert_eq!(edge.to, cycle[(index + 1) % cycle.len()].from);
        }
        Some(cycle.len())
    }

    #[test]
    fn the_shortest_cycle() {
        assert_eq!(cycle(4, &[(0, 1), (1, 2), (0, 2), (2, 3)]), None);
        assert_eq!(cycle(4, &[(0, 1), (1, 2), (2, 3), (3, 0)]), Some(4));
        assert_eq!(cycle(5, &[(0, 1), (1, 2), (2, 3), (3, 0), (3, 2), (4, 0), (3, 4)]), Some(2));
        assert_eq!(cycle(1, &[(0, 0)]), Some(1));
        // A node between two cycles is on none.
        assert_eq!(cycle(7, &[(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 5), (5, 6), (6, 4)]), Some(3));
    }
}
