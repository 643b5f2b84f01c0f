//! The clusters of a register's history: each value with its write and who found it.

use rashomon_history::{History, Outcome, Row};
use rustc_hash::FxHashMap;

use super::super::FailedCas;
use super::shifted;
use crate::specialist::Rows;

/// No operation, no cluster.
pub(super) const NO_CLUSTER: u32 = u32::MAX;
/// The cluster of the initial value.
const INITIAL: u32 = 0;
/// The completion of nobody: after everything.
const LATE: u32 = u32::MAX >> 1;

/// One value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cluster {
    /// Who wrote it; [`NO_CLUSTER`] for the initial value.
    pub(super) writer: u32,
    /// The first completion among those that found it and left it, shifted.
    pub(super) first_found: u32,
    /// The last invocation among them, shifted; 0 when there is none.
    pub(super) last_found: u32,
}

const EMPTY: Cluster = Cluster { writer: NO_CLUSTER, first_found: LATE, last_found: 0 };

/// How a compare-and-set links clusters. Only there when the history has any.
#[derive(Clone, Debug, Default)]
struct Links {
    /// The cluster that a cluster's writer found; [`NO_CLUSTER`] for a plain write.
    from: Vec<u32>,
    /// The cluster that replaced a cluster by compare-and-set.
    next: Vec<u32>,
}

/// All clusters.
pub(super) struct Clusters {
    clusters: Vec<Cluster>,
    links: Option<Links>,
    index: Index,
    functions: Vec<Function>,
    /// Whether there are compare-and-sets that compared and found another value.
    pub(super) refused: bool,
}

/// What became of reading the operations.
pub(super) enum Reading {
    /// The clusters of a history with unique values.
    Clusters(Clusters),
    /// These operations alone contradict each other.
    Impossible(Vec<u32>),
    /// A value is written twice, or nil is written: zones cannot tell.
    Repeated,
}

/// What an operation does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Function {
    Read,
    Write,
    Cas,
    Other,
}

/// An operation with its values.
pub(super) enum Act {
    /// It says nothing.
    Nothing,
    /// It found this value and left it.
    Found(u32),
    /// It wrote this value.
    Wrote(u32),
    /// It replaced the first by the second.
    Replaced(u32, u32),
    /// It found a value other than this one.
    Refused(u32),
}

/// Value ids to clusters: directly where the values are dense integers.
enum Index {
    Dense { first: u32, clusters: Vec<u32> },
    Hashed(FxHashMap<u32, u32>),
}

impl Index {
    fn get(&self, value: u32) -> u32 {
        match self {
            Index::Dense { first, clusters } => {
                clusters.get(value.wrapping_sub(*first) as usize).copied().unwrap_or(NO_CLUSTER)
            }
            Index::Hashed(clusters) => clusters.get(&value).copied().unwrap_or(NO_CLUSTER),
        }
    }
}

impl Clusters {
    /// Reads the operations of one register.
    pub(super) fn of(rows: &Rows<'_>, failed_cas: FailedCas) -> Reading {
        let functions: Vec<Function> = (0..rows.history().functions())
            .map(|id| match &**rows.history().function(id as u16) {
                "read" => Function::Read,
                "write" => Function::Write,
                "cas" => Function::Cas,
                _ => Function::Other,
            })
            .collect();
        let mut this = Clusters {
            clusters: vec![EMPTY],
            links: None,
            index: Index::Hashed(FxHashMap::default()),
            functions,
            refused: false,
        };
        let Some(has_cas) = this.survey(rows, failed_cas) else { return Reading::Repeated };
        let mut nowhere = None;
        for op in 0..rows.len() {
            let row = rows.get(op);
            match this.act(rows.history(), row, failed_cas) {
                Act::Wrote(value) | Act::Replaced(_, value) => {
                    let cluster = this.find_or_make(value).expect("the survey saw all written values");
                    let writer = &mut this.clusters[cluster as usize].writer;
                    if *writer != NO_CLUSTER {
                        return Reading::Repeated;
                    }
                    *writer = op;
                }
                Act::Found(value) => match this.find_or_make(value) {
                    Some(cluster) => {
                        let cluster = &mut this.clusters[cluster as usize];
                        let completed = row.completed.map_or(LATE, shifted);
                        cluster.first_found = cluster.first_found.min(completed);
                        cluster.last_found = cluster.last_found.max(shifted(row.invoked));
                    }
                    None => nowhere = nowhere.or(Some(op)),
                },
                Act::Nothing | Act::Refused(_) => {}
            }
        }
        // A value that was found before its write was seen here got a cluster; it needs a write all the same.
        if this.clusters[1..].iter().any(|cluster| cluster.writer == NO_CLUSTER) {
            let orphan = |op: &u32| match this.act(rows.history(), rows.get(*op), failed_cas) {
                Act::Found(value) => {
                    let cluster = this.find(value);
                    cluster != INITIAL && cluster != NO_CLUSTER && this.clusters[cluster as usize].writer == NO_CLUSTER
                }
                _ => false,
            };
            nowhere = nowhere.or_else(|| (0..rows.len()).find(orphan));
        }
        match nowhere {
            Some(op) => Reading::Impossible(vec![op]),
            None => match this.link(rows, failed_cas, has_cas) {
                Ok(()) => Reading::Clusters(this),
                Err(among) => Reading::Impossible(among),
            },
        }
    }

    /// Looks at what is written, to index it well; whether anything is by compare-and-set. `None` when zones cannot
    /// tell.
    fn survey(&mut self, rows: &Rows<'_>, failed_cas: FailedCas) -> Option<bool> {
        let (mut low, mut high, mut writes, mut has_cas) = (u32::MAX, 0, 0usize, false);
        for op in 0..rows.len() {
            let row = rows.get(op);
            if self.functions[row.function as usize] == Function::Other {
                return None;
            }
            match self.act(rows.history(), row, failed_cas) {
                act @ (Act::Wrote(value) | Act::Replaced(_, value)) => {
                    if value == History::NIL {
                        return None;
                    }
                    (low, high, writes) = (low.min(value), high.max(value), writes + 1);
                    has_cas |= matches!(act, Act::Replaced(..));
                }
                Act::Refused(_) => self.refused = true,
                Act::Nothing | Act::Found(_) => {}
            }
        }
        if writes > 0 && ((high - low) as usize) < 4 * writes + 64 {
            self.index = Index::Dense { first: low, clusters: vec![NO_CLUSTER; (high - low) as usize + 1] };
        }
        self.clusters.reserve_exact(writes);
        Some(has_cas)
    }

    /// The cluster of a value, made when there is none; `None` for one far from all that is written.
    fn find_or_make(&mut self, value: u32) -> Option<u32> {
        if value == History::NIL {
            return Some(INITIAL);
        }
        let next = self.clusters.len() as u32;
        let cluster = match &mut self.index {
            Index::Dense { first, clusters } => clusters.get_mut(value.wrapping_sub(*first) as usize)?,
            Index::Hashed(clusters) => clusters.entry(value).or_insert(NO_CLUSTER),
        };
        if *cluster == NO_CLUSTER {
            *cluster = next;
            self.clusters.push(EMPTY);
        }
        Some(*cluster)
    }

    /// Links clusters by compare-and-set, and drops those whose compare-and-set may never have happened.
    fn link(&mut self, rows: &Rows<'_>, failed_cas: FailedCas, has_cas: bool) -> Result<(), Vec<u32>> {
        if has_cas {
            let count = self.clusters.len();
            let mut links = Links { from: vec![NO_CLUSTER; count], next: vec![NO_CLUSTER; count] };
            self.link_all(rows, failed_cas, &mut links)?;
            self.links = Some(links);
        }
        Ok(())
    }

    fn link_all(&mut self, rows: &Rows<'_>, failed_cas: FailedCas, links: &mut Links) -> Result<(), Vec<u32>> {
        // A compare-and-set took effect when it says so, or when its value was found; then so did what it found.
        let count = self.clusters.len() as u32;
        let found_by = |this: &Clusters, cluster: u32| match this.act(
            rows.history(),
            rows.get(this.clusters[cluster as usize].writer),
            failed_cas,
        ) {
            Act::Replaced(from, _) => Some(from),
            _ => None,
        };
        let mut happened = vec![false; count as usize];
        happened[INITIAL as usize] = true;
        for start in 1..count {
            let mut cluster = start;
            if !self.is_certain(rows, start) && self.clusters[start as usize].last_found == 0 {
                continue;
            }
            while !std::mem::replace(&mut happened[cluster as usize], true) {
                let Some(value) = found_by(self, cluster) else { break };
                let from = self.find(value);
                if from == NO_CLUSTER {
                    return Err(self.around(rows, &[cluster], links));
                }
                links.from[cluster as usize] = from;
                let other = std::mem::replace(&mut links.next[from as usize], cluster);
                if other != NO_CLUSTER {
                    return Err(self.around(rows, &[cluster, other], links));
                }
                cluster = from;
            }
        }
        for (cluster, happened) in self.clusters.iter_mut().zip(&happened) {
            if !happened {
                cluster.writer = NO_CLUSTER;
            }
        }
        // What no chain from a plain write or the initial value reaches goes round in a circle.
        let mut reached = vec![false; count as usize];
        for head in 0..count {
            if links.from[head as usize] == NO_CLUSTER {
                let mut member = head;
                while member != NO_CLUSTER {
                    reached[member as usize] = true;
                    member = links.next[member as usize];
                }
            }
        }
        match (1..count).find(|&cluster| happened[cluster as usize] && !reached[cluster as usize]) {
            Some(cluster) => Err(self.around(rows, &[cluster], links)),
            None => Ok(()),
        }
    }

    /// Everything written on the way to these clusters, with one operation that found each uncertain one.
    fn around(&self, rows: &Rows<'_>, clusters: &[u32], links: &Links) -> Vec<u32> {
        let mut members = Vec::new();
        for &start in clusters {
            let mut cluster = start;
            // Nobody may have found its value but the next one.
            while !self.is_proved(rows, cluster) && links.next[cluster as usize] != NO_CLUSTER && members.len() < 10_000
            {
                cluster = links.next[cluster as usize];
                members.push(cluster);
            }
            cluster = start;
            while cluster != NO_CLUSTER && !members.contains(&cluster) && members.len() < 10_000 {
                members.push(cluster);
                cluster = links.from[cluster as usize];
            }
        }
        let mut among = Vec::new();
        for cluster in members {
            if cluster != INITIAL {
                among.push(self.clusters[cluster as usize].writer);
                among.extend(self.witness(rows, cluster));
            }
        }
        sorted(among)
    }

    /// For a cluster whose write is not certain: the first operation that found it.
    fn witness(&self, rows: &Rows<'_>, cluster: u32) -> Option<u32> {
        if self.is_certain(rows, cluster) {
            return None;
        }
        let first = self.clusters[cluster as usize].first_found;
        (0..rows.len()).find(|&op| rows.get(op).completed.is_some_and(|end| shifted(end) == first))
    }

    /// Whether a value's write is certain, or somebody found the value and left it.
    fn is_proved(&self, rows: &Rows<'_>, cluster: u32) -> bool {
        cluster == INITIAL || self.is_certain(rows, cluster) || self.clusters[cluster as usize].last_found > 0
    }

    fn is_certain(&self, rows: &Rows<'_>, cluster: u32) -> bool {
        rows.get(self.clusters[cluster as usize].writer).outcome == Outcome::Ok
    }

    /// What an operation did.
    pub(super) fn act(&self, history: &History, row: Row, failed_cas: FailedCas) -> Act {
        match (self.functions[row.function as usize], row.outcome) {
            (Function::Read, Outcome::Ok) => Act::Found(row.output),
            (Function::Write, Outcome::Ok | Outcome::Info) => Act::Wrote(row.input),
            (Function::Cas, outcome) => match (history.pair(row.input), outcome) {
                (Some((from, _)), Outcome::Fail) if failed_cas == FailedCas::Compared => Act::Refused(from),
                (Some((from, to)), Outcome::Ok) if from == to => Act::Found(from),
                (Some((from, to)), Outcome::Ok | Outcome::Info) if from != to => Act::Replaced(from, to),
                _ => Act::Nothing,
            },
            _ => Act::Nothing,
        }
    }

    fn find(&self, value: u32) -> u32 {
        if value == History::NIL { INITIAL } else { self.index.get(value) }
    }

    /// The cluster that an operation belongs to.
    pub(super) fn of_op(&self, rows: &Rows<'_>, op: u32) -> Option<u32> {
        let cluster = match self.act(rows.history(), rows.get(op), FailedCas::Nothing) {
            Act::Found(value) | Act::Wrote(value) | Act::Replaced(_, value) => self.find(value),
            Act::Nothing | Act::Refused(_) => NO_CLUSTER,
        };
        (cluster != NO_CLUSTER && self.is_live(cluster)).then_some(cluster)
    }

    pub(super) fn get(&self, cluster: u32) -> Cluster {
        self.clusters[cluster as usize]
    }

    /// The cluster that replaced this one by compare-and-set.
    pub(super) fn next(&self, cluster: u32) -> u32 {
        self.links.as_ref().map_or(NO_CLUSTER, |links| links.next[cluster as usize])
    }

    /// Whether its value was certainly there at some time.
    fn is_live(&self, cluster: u32) -> bool {
        cluster == INITIAL || self.clusters[cluster as usize].writer != NO_CLUSTER
    }

    /// The first cluster of each block.
    pub(super) fn heads(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.clusters.len() as u32).filter(|&cluster| {
            self.is_live(cluster) && self.links.as_ref().is_none_or(|links| links.from[cluster as usize] == NO_CLUSTER)
        })
    }
}

fn sorted(mut among: Vec<u32>) -> Vec<u32> {
    among.sort_unstable();
    among.dedup();
    among
}
