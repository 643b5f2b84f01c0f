//! The shortest cycle of a given shape.
//!
//! A breadth-first search from each node of a strongly connected component, over pairs of a node and what the path has
//! already contained. Each search is cut off at the best length so far, and nodes already searched from are left out.
//! petgraph has no such search.

use rustc_hash::FxHashMap;

use super::graph::{DATA, DEP, Graph, Mask, PASS, RW, SO, WITH_SO, WR, WW};

/// How many anti-dependencies a cycle has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anti {
    None,
    One,
    /// Two or more, none next to another.
    Apart,
    /// Two or more, some next to each other.
    Adjacent,
    /// Any number.
    Any,
}

/// How a cycle closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    /// By edges of the data alone.
    Data,
    /// With at least one edge of process order.
    Process,
    /// By the last transaction's end before the first one's begin.
    RealTime,
}

/// What cycles are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) anti: Anti,
    /// At least one wr edge.
    pub(super) needs_wr: bool,
    pub(super) closing: Closing,
}

/// What a path contained, in bits.
type Trace = u8;
const RW_ONCE: Trace = 1;
const RW_TWICE: Trace = 2;
const LAST_RW: Trace = 4;
const FIRST_RW: Trace = 8;
const ADJACENT: Trace = 16;
const SEEN_WR: Trace = 32;
const SEEN_SO: Trace = 64;

impl Shape {
    pub(super) fn mask(self) -> Mask {
        let data = match self.anti {
            Anti::None if self.needs_wr => DEP,
            Anti::None => 1 << WW,
            _ => DATA,
        };
        data | if self.closing == Closing::Process { WITH_SO } else { 0 }
    }

    /// No cycle of this shape is shorter.
    fn least(self) -> u32 {
        match (self.anti, self.closing) {
            (Anti::Apart, _) => 4,
            (Anti::Adjacent, Closing::Process | Closing::RealTime) => 3,
            _ => 2,
        }
    }

    /// The trace after one more edge; `None` when no cycle of the shape goes on so.
    fn follow(self, trace: Trace, kind: u32, first: bool) -> Option<Trace> {
        Some(match kind {
            RW => {
                let mut next = trace | LAST_RW;
                next |= if trace & RW_ONCE == 0 { RW_ONCE } else { RW_TWICE };
                if first {
                    next |= FIRST_RW;
                }
                if trace & LAST_RW != 0 {
                    next |= ADJACENT;
                }
                let allowed = match self.anti {
                    Anti::None => false,
                    Anti::One => next & RW_TWICE == 0,
                    Anti::Apart => next & ADJACENT == 0,
                    Anti::Adjacent | Anti::Any => true,
                };
                return allowed.then_some(next);
            }
            PASS => trace,
            WR => (trace | if self.needs_wr { SEEN_WR } else { 0 }) & !LAST_RW,
            SO => (trace | SEEN_SO) & !LAST_RW,
            _ => trace & !LAST_RW,
        })
    }

    fn accepts(self, trace: Trace) -> bool {
        let around = trace & LAST_RW != 0 && trace & FIRST_RW != 0 && self.closing != Closing::RealTime;
        let adjacent = trace & ADJACENT != 0 || around && trace & RW_TWICE != 0;
        let anti = match self.anti {
            Anti::None => trace & RW_ONCE == 0,
            Anti::One => trace & RW_ONCE != 0 && trace & RW_TWICE == 0,
            Anti::Apart => trace & RW_TWICE != 0 && !adjacent,
            Anti::Adjacent => trace & RW_TWICE != 0 && adjacent,
            Anti::Any => true,
        };
        let wr = !self.needs_wr || trace & SEEN_WR != 0;
        anti && wr && (self.closing != Closing::Process || trace & SEEN_SO != 0)
    }
}

/// A cycle: its nodes in order, and the kinds of the edges that leave them. With [`Closing::RealTime`] the last node's
/// edge is the one of real time and has no kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cycle {
    pub(super) nodes: Vec<u32>,
    pub(super) kinds: Vec<u32>,
}

/// What a search found.
#[derive(Clone, Debug, Default)]
pub(super) struct Searched {
    pub(super) cycle: Option<Cycle>,
    /// The cycle is the shortest, or there is none.
    pub(super) complete: bool,
}

/// Where to search, and when a path is a cycle.
pub(super) struct Search<'a> {
    pub(super) graph: &'a Graph,
    /// Nodes from here on stand for no transaction.
    pub(super) auxiliary: u32,
    /// For [`Closing::RealTime`]: the first ended before the second began.
    pub(super) precedes: &'a dyn Fn(u32, u32) -> bool,
    /// True for nodes from which a path that began at the first may still close.
    pub(super) useful: &'a dyn Fn(u32, u32) -> bool,
}

/// A state that a search has reached: node, trace, and from where by which kind of edge.
struct Reached {
    node: u32,
    trace: Trace,
    from: u32,
    kind: u32,
    depth: u32,
}

impl Search<'_> {
    /// The shortest cycle of a shape through any of some nodes.
    pub(super) fn shortest(&self, shape: Shape, starts: &[u32], steps: &mut u64) -> Searched {
        let mut best: Option<Cycle> = None;
        let mut complete = true;
        let least = shape.least();
        let place: FxHashMap<u32, u32> = starts.iter().enumerate().map(|(place, &node)| (node, place as u32)).collect();
        let closed = shape.closing != Closing::RealTime;
        // Most shortest cycles are very short, and a search for them costs little.
        for limit in [least, least + 1, u32::MAX] {
            for (index, &start) in starts.iter().enumerate() {
                let length = best.as_ref().map_or(limit, |best| (best.nodes.len() as u32 - 1).min(limit));
                if length < least {
                    break;
                }
                if *steps == 0 {
                    return Searched { cycle: best, complete: false };
                }
                let later = |node: u32| !closed || place.get(&node).is_none_or(|&place| place as usize >= index);
                let (found, exact) = self.through(shape, start, length, &later, steps);
                complete &= exact;
                best = found.or(best);
            }
            if best.is_some() {
                break;
            }
        }
        Searched { cycle: best, complete }
    }

    /// The shortest cycle of at most some length that begins at a node, and whether nothing was left out.
    fn through(
        &self,
        shape: Shape,
        start: u32,
        length: u32,
        later: &dyn Fn(u32) -> bool,
        steps: &mut u64,
    ) -> (Option<Cycle>, bool) {
        let (mask, mut exact) = (shape.mask(), true);
        let mut reached = vec![Reached { node: start, trace: 0, from: 0, kind: 0, depth: 0 }];
        let mut seen: FxHashMap<(u32, Trace), ()> = FxHashMap::default();
        let mut next = 0;
        while next < reached.len() {
            let Reached { node, trace, depth, .. } = reached[next];
            let arcs = self.graph.arcs(node);
            *steps = steps.saturating_sub(1 + arcs.len() as u64);
            if *steps == 0 {
                return (None, false);
            }
            for arc in arcs.iter().filter(|arc| arc.of(mask)) {
                let Some(trace) = shape.follow(trace, arc.kind(), next == 0) else { continue };
                let (to, kind) = (arc.to(), arc.kind());
                let item = Reached { node: to, trace, from: next as u32, kind, depth: depth + 1 };
                let closes = match shape.closing {
                    Closing::RealTime => to < self.auxiliary && (self.precedes)(to, start),
                    _ => to == start,
                };
                // The closing edge of real time is one more.
                let total = item.depth + u32::from(shape.closing == Closing::RealTime);
                if closes && total <= length && shape.accepts(trace) {
                    match self.cycle(&reached, item, shape) {
                        Some(cycle) => return (Some(cycle), exact),
                        None => exact = false,
                    }
                    continue;
                }
                let goes_on = to != start && total < length && later(to) && (self.useful)(start, to);
                if goes_on && seen.insert((to, trace), ()).is_none() {
                    reached.push(item);
                }
            }
            next += 1;
        }
        (None, exact)
    }

    /// The path to a state as a cycle of transactions; `None` when it passes through one of them twice.
    fn cycle(&self, reached: &[Reached], last: Reached, shape: Shape) -> Option<Cycle> {
        let (mut nodes, mut kinds) = (Vec::new(), Vec::new());
        if shape.closing == Closing::RealTime {
            nodes.push(last.node);
        }
        let mut state = &last;
        loop {
            let before = &reached[state.from as usize];
            if state.kind != PASS {
                kinds.push(state.kind);
            }
            if before.node < self.auxiliary {
                nodes.push(before.node);
            }
            if state.from == 0 {
                break;
            }
            state = before;
        }
        nodes.reverse();
        kinds.reverse();
        let mut sorted = nodes.clone();
        sorted.sort_unstable();
        sorted.windows(2).all(|pair| pair[0] != pair[1]).then_some(Cycle { nodes, kinds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(edges: &[(u32, u32, u32)], anti: Anti, needs_wr: bool, closing: Closing) -> Option<Vec<u32>> {
        let graph = Graph::build(16, |edge| edges.iter().for_each(|&(from, to, kind)| edge(from, to, kind)));
        let precedes = |first: u32, second: u32| first > second;
        let search = Search { graph: &graph, auxiliary: 10, precedes: &precedes, useful: &|_, _| true };
        let starts: Vec<u32> = (0..16).collect();
        let mut steps = 1_000_000;
        let found = search.shortest(Shape { anti, needs_wr, closing }, &starts, &mut steps);
        assert!(found.complete);
        found.cycle.map(|cycle| cycle.nodes)
    }

    #[test]
    fn the_shortest_cycle_of_each_shape_is_found() {
        let edges = [
            (0, 1, WW),
            (1, 2, WW),
            (2, 0, WW),
            (2, 3, WR),
            (3, 1, WW),
            (3, 4, RW),
            (4, 5, WR),
            (5, 6, RW),
            (6, 3, WW),
            (6, 7, RW),
            (7, 5, WR),
            (8, 9, WR),
            (9, 8, SO),
        ];
        assert_eq!(find(&edges, Anti::None, false, Closing::Data), Some(vec![0, 1, 2]));
        assert_eq!(find(&edges, Anti::None, true, Closing::Data), Some(vec![1, 2, 3]));
        assert_eq!(find(&edges, Anti::Apart, false, Closing::Data), Some(vec![3, 4, 5, 6]));
        assert_eq!(find(&edges, Anti::Adjacent, false, Closing::Data), Some(vec![5, 6, 7]));
        assert_eq!(find(&edges, Anti::One, false, Closing::Data), None);
        assert_eq!(find(&edges, Anti::None, true, Closing::Process), Some(vec![8, 9]));
        assert_eq!(find(&edges, Anti::None, false, Closing::RealTime), Some(vec![0, 1]));
        assert_eq!(find(&edges, Anti::One, false, Closing::RealTime), Some(vec![3, 4]));
    }

    #[test]
    fn auxiliary_nodes_are_no_transactions() {
        let edges = [(0, 12, RW), (12, 1, PASS), (1, 0, WR)];
        assert_eq!(find(&edges, Anti::One, false, Closing::Data), Some(vec![0, 1]));
        assert_eq!(
            find(&[(0, 12, RW), (12, 1, PASS), (1, 0, RW)], Anti::Adjacent, false, Closing::Data),
            Some(vec![0, 1])
        );
    }
}
