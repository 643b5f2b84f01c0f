//! The search for an order of those writes that nothing forces.
//!
//! One Boolean variable for each pair of writers whose order is open. Deciding it adds edges to the graph; a cycle is a
//! conflict, and the decisions on it are a clause that holds ever after (conflict-driven clause learning with
//! acyclicity as its theory, as MonoSAT and VeriStrong have it). The graph keeps a topological order under insertion of
//! edges (Pearce and Kelly, *A dynamic topological sort algorithm*, 2006), which also says how to decide first.

use std::collections::BinaryHeap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::graph::{RW, WW};
use super::polygraph::Polygraph;

/// A decision: pair `literal / 2`, in its order (even) or reversed (odd).
type Literal = u32;
const NONE: u32 = u32::MAX;

/// Writers of a key whose order is open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) key: u32,
    pub(super) first: u32,
    pub(super) second: u32,
}

/// What the search found.
pub(super) enum Solved {
    /// The nodes in an order that some order of all writes allows.
    Order(Vec<u32>),
    /// No way to choose is possible. A choice that shows it.
    Impossible(Option<u32>),
    /// The steps ran out; a choice that was open.
    Exhausted(Option<u32>),
}

/// A choice between two sets of edges.
pub(super) struct Choice {
    /// The edges of either side.
    pub(super) edges: [Vec<(u32, u32)>; 2],
    /// While the first stands before the second, the first side is tried first.
    pub(super) nodes: (u32, u32),
}

/// The choices between the orders of pairs.
pub(super) fn choices(graph: &Polygraph<'_>, pairs: &[Pair]) -> Vec<Choice> {
    let mut readers: FxHashMap<(u32, u32), Vec<u32>> = FxHashMap::default();
    for (txn, reads) in graph.problem.registers.reads.iter().enumerate() {
        for read in reads {
            readers.entry((read.key, read.source)).or_default().push(txn as u32);
        }
    }
    let side = |key, first, second| {
        let mut list = vec![graph.problem.ends(WW, first, second)];
        let of_first = readers.get(&(key, first)).map_or(&[][..], Vec::as_slice);
        let others = of_first.iter().filter(|&&reader| reader != second);
        list.extend(others.map(|&reader| graph.problem.ends(RW, reader, second)));
        list
    };
    let choice = |&Pair { key, first, second }: &Pair| Choice {
        edges: [side(key, first, second), side(key, second, first)],
        nodes: (graph.problem.commit(first), graph.problem.commit(second)),
    };
    pairs.iter().map(choice).collect()
}

/// The pairs whose order is open; `None` when there are more than allowed.
pub(super) fn open_pairs(graph: &Polygraph<'_>, most: usize, steps: &mut u64) -> Option<Vec<Pair>> {
    let mut pairs = Vec::new();
    for (key, writers) in graph.problem.registers.writers.iter().enumerate() {
        for (place, &first) in writers.iter().enumerate() {
            *steps = steps.saturating_sub((writers.len() - place) as u64);
            if *steps == 0 {
                return None;
            }
            for &second in &writers[place + 1..] {
                let ordered = |one, other| graph.implied(WW, one, other);
                if !ordered(first, second) && !ordered(second, first) {
                    pairs.push(Pair { key: key as u32, first, second });
                }
            }
            if pairs.len() > most {
                return None;
            }
        }
    }
    Some(pairs)
}

/// Edges with the literal that put them there.
type Arcs = Vec<Vec<(u32, Literal)>>;

struct Solver<'a> {
    choices: &'a [Choice],
    out: Arcs,
    into: Arcs,
    /// The place of each node in the order.
    place: Vec<u32>,
    /// 0 open, 1 in its order, 2 reversed.
    value: Vec<u8>,
    level: Vec<u32>,
    /// The clause that implied it.
    reason: Vec<u32>,
    trail: Vec<Literal>,
    marks: Vec<usize>,
    clauses: Vec<Vec<Literal>>,
    watches: Vec<Vec<u32>>,
    activity: Vec<f64>,
    bump: f64,
    heap: BinaryHeap<(u64, u32)>,
    next: usize,
    seen: Vec<u32>,
    stamp: u32,
}

/// Searches for an order of the open pairs.
pub(super) fn solve(graph: &[Vec<u32>], topological: &[u32], choices: &[Choice], steps: &mut u64) -> Solved {
    let mut solver = Solver::new(graph, topological, choices);
    loop {
        if *steps == 0 {
            return Solved::Exhausted(solver.heap.peek().map(|&(_, choice)| choice));
        }
        match solver.propagate(steps) {
            Some(conflict) => {
                if solver.marks.is_empty() {
                    return Solved::Impossible(conflict.first().map(|&literal| literal / 2));
                }
                if let Err(pair) = solver.learn(conflict) {
                    return Solved::Impossible(pair);
                }
            }
            None => {
                let Some(literal) = solver.decide() else { return Solved::Order(solver.order()) };
                solver.marks.push(solver.trail.len());
                solver.assign(literal, NONE);
            }
        }
    }
}

/// The edges that a decision adds.
fn edges_of(choices: &[Choice], literal: Literal) -> &[(u32, u32)] {
    &choices[literal as usize / 2].edges[literal as usize % 2]
}

impl<'a> Solver<'a> {
    fn new(graph: &[Vec<u32>], topological: &[u32], choices: &'a [Choice]) -> Solver<'a> {
        let nodes = graph.len();
        let mut place = vec![0; nodes];
        topological.iter().enumerate().for_each(|(at, &node)| place[node as usize] = at as u32);
        let mut into: Arcs = vec![Vec::new(); nodes];
        let mut out: Arcs = vec![Vec::new(); nodes];
        for (from, targets) in graph.iter().enumerate() {
            for &to in targets {
                out[from].push((to, NONE));
                into[to as usize].push((from as u32, NONE));
            }
        }
        let pairs = choices;
        Solver {
            choices,
            out,
            into,
            place,
            value: vec![0; pairs.len()],
            level: vec![0; pairs.len()],
            reason: vec![NONE; pairs.len()],
            trail: Vec::new(),
            marks: Vec::new(),
            clauses: Vec::new(),
            watches: vec![Vec::new(); 2 * pairs.len()],
            activity: vec![0.0; pairs.len()],
            bump: 1.0,
            heap: (0..pairs.len() as u32).map(|pair| (0, pair)).collect(),
            next: 0,
            seen: vec![0; nodes],
            stamp: 0,
        }
    }

    fn holds(&self, literal: Literal) -> Option<bool> {
        match self.value[literal as usize / 2] {
            0 => None,
            value => Some(u32::from(value - 1) == literal % 2),
        }
    }

    fn assign(&mut self, literal: Literal, reason: u32) {
        let pair = literal as usize / 2;
        self.value[pair] = 1 + (literal % 2) as u8;
        self.level[pair] = self.marks.len() as u32;
        self.reason[pair] = reason;
        self.trail.push(literal);
    }

    /// The most active open pair, in the order that the nodes stand in.
    fn decide(&mut self) -> Option<Literal> {
        while let Some((_, pair)) = self.heap.pop() {
            if self.value[pair as usize] != 0 {
                continue;
            }
            let (first, second) = self.choices[pair as usize].nodes;
            return Some(2 * pair + u32::from(self.place[first as usize] > self.place[second as usize]));
        }
        None
    }

    /// Adds the edges of all new literals and what clauses imply. A conflict is a set of literals that cannot all hold.
    fn propagate(&mut self, steps: &mut u64) -> Option<Vec<Literal>> {
        while self.next < self.trail.len() {
            let literal = self.trail[self.next];
            self.next += 1;
            let choices = self.choices;
            for &(from, to) in edges_of(choices, literal) {
                if let Err(conflict) = self.insert(from, to, literal, steps) {
                    return Some(conflict);
                }
            }
            if let Some(conflict) = self.unit(literal) {
                return Some(conflict);
            }
        }
        None
    }

    /// Clauses of which a watched literal has become false.
    fn unit(&mut self, literal: Literal) -> Option<Vec<Literal>> {
        let gone = literal ^ 1;
        let mut watching = std::mem::take(&mut self.watches[gone as usize]);
        let mut kept = 0;
        let mut conflict = None;
        for at in 0..watching.len() {
            let index = watching[at];
            if conflict.is_some() {
                watching[kept] = index;
                kept += 1;
                continue;
            }
            let mut clause = std::mem::take(&mut self.clauses[index as usize]);
            if clause[0] == gone {
                clause.swap(0, 1);
            }
            let moved = (self.holds(clause[0]) != Some(true))
                .then(|| (2..clause.len()).find(|&place| self.holds(clause[place]) != Some(false)))
                .flatten();
            if let Some(place) = moved {
                clause.swap(1, place);
                self.watches[clause[1] as usize].push(index);
            } else {
                watching[kept] = index;
                kept += 1;
                match self.holds(clause[0]) {
                    Some(true) => {}
                    Some(false) => conflict = Some(clause.iter().map(|literal| literal ^ 1).collect()),
                    None => self.assign(clause[0], index),
                }
            }
            self.clauses[index as usize] = clause;
        }
        watching.truncate(kept);
        self.watches[gone as usize] = watching;
        conflict
    }

    /// Adds an edge and repairs the order of nodes. Fails with the literals of a cycle.
    fn insert(&mut self, from: u32, to: u32, literal: Literal, steps: &mut u64) -> Result<(), Vec<Literal>> {
        if self.place[from as usize] >= self.place[to as usize] {
            let (ahead, parents) = self.search(to, self.place[from as usize], steps);
            if let Some(last) = ahead.iter().position(|&node| node == from) {
                let mut conflict = vec![literal];
                let mut at = last;
                while at != 0 {
                    let (parent, by) = parents[at];
                    if by != NONE && !conflict.contains(&by) {
                        conflict.push(by);
                    }
                    at = parent as usize;
                }
                return Err(conflict);
            }
            let behind = self.search_back(from, self.place[to as usize], steps);
            self.reorder(ahead, behind);
        }
        self.out[from as usize].push((to, literal));
        self.into[to as usize].push((from, literal));
        Ok(())
    }

    /// All nodes reached from one that stand no later than a place, each with where it was reached from.
    fn search(&mut self, start: u32, most: u32, steps: &mut u64) -> (Vec<u32>, Vec<(u32, Literal)>) {
        self.stamp += 1;
        let (mut found, mut parents, mut next) = (vec![start], vec![(0, NONE)], 0);
        self.seen[start as usize] = self.stamp;
        while next < found.len() {
            let arcs = &self.out[found[next] as usize];
            *steps = steps.saturating_sub(1 + arcs.len() as u64);
            for &(to, by) in arcs {
                if self.place[to as usize] <= most && self.seen[to as usize] != self.stamp {
                    self.seen[to as usize] = self.stamp;
                    found.push(to);
                    parents.push((next as u32, by));
                }
            }
            next += 1;
        }
        (found, parents)
    }

    fn search_back(&mut self, start: u32, least: u32, steps: &mut u64) -> Vec<u32> {
        self.stamp += 1;
        let (mut found, mut next) = (vec![start], 0);
        self.seen[start as usize] = self.stamp;
        while next < found.len() {
            let arcs = &self.into[found[next] as usize];
            *steps = steps.saturating_sub(1 + arcs.len() as u64);
            for &(from, _) in arcs {
                if self.place[from as usize] >= least && self.seen[from as usize] != self.stamp {
                    self.seen[from as usize] = self.stamp;
                    found.push(from);
                }
            }
            next += 1;
        }
        found
    }

    /// Gives the places of both sets to those behind first.
    fn reorder(&mut self, mut ahead: Vec<u32>, mut behind: Vec<u32>) {
        ahead.sort_unstable_by_key(|&node| self.place[node as usize]);
        behind.sort_unstable_by_key(|&node| self.place[node as usize]);
        behind.append(&mut ahead);
        let mut places: Vec<u32> = behind.iter().map(|&node| self.place[node as usize]).collect();
        places.sort_unstable();
        for (node, place) in behind.into_iter().zip(places) {
            self.place[node as usize] = place;
        }
    }

    /// Learns a clause from a conflict and goes back to where it implies something (first unique implication point).
    fn learn(&mut self, conflict: Vec<Literal>) -> Result<(), Option<u32>> {
        let culprit = conflict.first().map(|&literal| literal / 2);
        // A conflict found late may be about earlier levels only.
        let highest = conflict.iter().map(|&literal| self.level[literal as usize / 2]).max().unwrap_or(0);
        if highest == 0 {
            return Err(culprit);
        }
        self.back_to(highest);
        let mut clause: Vec<Literal> = vec![NONE];
        let mut marked: FxHashSet<u32> = FxHashSet::default();
        let mut open = 0;
        let mut literals = conflict;
        let mut at = self.trail.len();
        let asserting = loop {
            for &literal in &literals {
                let pair = literal as usize / 2;
                if self.level[pair] == 0 || !marked.insert(pair as u32) {
                    continue;
                }
                self.activity[pair] += self.bump;
                if self.level[pair] == highest {
                    open += 1;
                } else {
                    clause.push(literal ^ 1);
                }
            }
            let literal = loop {
                at -= 1;
                if marked.contains(&(self.trail[at] / 2)) {
                    break self.trail[at];
                }
            };
            open -= 1;
            if open == 0 {
                break literal ^ 1;
            }
            let reason = self.reason[literal as usize / 2];
            literals = self.clauses[reason as usize]
                .iter()
                .filter(|&&other| other != literal)
                .map(|other| other ^ 1)
                .collect();
        };
        clause[0] = asserting;
        self.bump *= 1.05;
        if self.bump > 1e200 {
            self.activity.iter_mut().for_each(|activity| *activity *= 1e-200);
            self.bump *= 1e-200;
        }
        let back = clause[1..].iter().map(|&literal| self.level[literal as usize / 2]).max().unwrap_or(0);
        if let Some(second) = (1..clause.len()).find(|&place| self.level[clause[place] as usize / 2] == back) {
            clause.swap(1, second);
        }
        self.back_to(back);
        let index = self.clauses.len() as u32;
        if clause.len() > 1 {
            self.watches[clause[0] as usize].push(index);
            self.watches[clause[1] as usize].push(index);
        }
        self.clauses.push(clause);
        self.assign(asserting, index);
        Ok(())
    }

    /// Takes back all decisions above a level.
    fn back_to(&mut self, level: u32) {
        while self.marks.len() as u32 > level {
            let mark = self.marks.pop().expect("there are levels above");
            while self.trail.len() > mark {
                let literal = self.trail.pop().expect("the trail is longer");
                let pair = literal as usize / 2;
                if self.trail.len() < self.next {
                    self.remove(literal);
                }
                self.value[pair] = 0;
                self.heap.push((self.activity[pair].to_bits(), pair as u32));
            }
        }
        self.next = self.next.min(self.trail.len());
    }

    /// Removes the edges of a literal: they are the last of their nodes.
    fn remove(&mut self, literal: Literal) {
        for &(from, to) in edges_of(self.choices, literal).iter().rev() {
            let last = |arcs: &[(u32, Literal)]| arcs.last().is_some_and(|&(_, by)| by == literal);
            if last(&self.out[from as usize]) && self.out[from as usize].last().is_some_and(|&(other, _)| other == to) {
                self.out[from as usize].pop();
                if last(&self.into[to as usize]) {
                    self.into[to as usize].pop();
                }
            }
        }
    }

    fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.out.len() as u32).collect();
        order.sort_unstable_by_key(|&node| self.place[node as usize]);
        order
    }
}
