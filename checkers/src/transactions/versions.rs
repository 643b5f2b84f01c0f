//! The versions of each key in their order, and the dependencies that follow from it.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::graph::{Graph, PASS, RW, SO, WR, WW};
use super::input::{Kind, NO_VERSION, Step, Transactions};

/// No transaction: the initial version, or the version of an aborted one.
pub(super) const NOBODY: u32 = u32::MAX;
/// Set in [`Versions::writer`] where the same transaction wrote the key again later.
const INTERMEDIATE: u32 = 1 << 31;

/// The versions of all keys. Version 0 of a key is its initial state.
#[derive(Debug, Default)]
pub(super) struct Versions {
    /// Where a key's versions begin in the columns below, by key, and their number at the end.
    base: Vec<u32>,
    /// Who wrote each version.
    writer: Vec<u32>,
    /// Who wrote the next version that another transaction wrote; [`NOBODY`] after the last.
    next: Vec<u32>,
    /// Where a key's entries in `unobserved` begin.
    rest: Vec<u32>,
    /// Who wrote a key after all versions of known order, each once; their order among each other is not known.
    unobserved: Vec<u32>,
    /// Which transactions took effect for certain.
    pub(super) committed: Vec<bool>,
}

/// Collects the versions, key by key in the order of keys.
#[derive(Default)]
pub(super) struct VersionsBuilder(Versions);

impl VersionsBuilder {
    /// The next version of the key: who wrote it, and whether the same transaction wrote the key again.
    pub(super) fn version(&mut self, writer: u32, intermediate: bool) {
        let flag = if intermediate && writer != NOBODY { INTERMEDIATE } else { 0 };
        self.0.writer.push(writer ^ flag);
    }

    /// Begins the next key.
    pub(super) fn key(&mut self) {
        self.0.base.push(self.0.writer.len() as u32);
        self.0.rest.push(self.0.unobserved.len() as u32);
        self.0.writer.push(NOBODY);
    }

    /// A writer of the key whose versions come after all others.
    pub(super) fn unobserved(&mut self, writer: u32) {
        self.0.unobserved.push(writer);
    }

    pub(super) fn finish(self, committed: Vec<bool>) -> Versions {
        let mut all = self.0;
        all.base.push(all.writer.len() as u32);
        all.rest.push(all.unobserved.len() as u32);
        all.committed = committed;
        all.next = vec![NOBODY; all.writer.len()];
        for key in 0..all.base.len() - 1 {
            let (mut following, mut after) = (NOBODY, NOBODY);
            for place in (all.base[key] as usize..all.base[key + 1] as usize).rev() {
                let writer = strip(all.writer[place]);
                // `following` wrote the next version, `after` the next one that `following` did not write.
                all.next[place] = if following != writer || writer == NOBODY { following } else { after };
                if writer != NOBODY {
                    if following != writer {
                        after = following;
                    }
                    following = writer;
                }
            }
        }
        all
    }
}

fn strip(writer: u32) -> u32 {
    if writer == NOBODY { NOBODY } else { writer & !INTERMEDIATE }
}

impl Versions {
    /// Who wrote a version; [`NOBODY`] for the initial one and those of aborted transactions.
    pub(super) fn writer(&self, key: u32, version: u32) -> u32 {
        strip(self.writer[(self.base[key as usize] + version) as usize])
    }

    /// True when the writer of this version wrote the key again.
    pub(super) fn is_intermediate(&self, key: u32, version: u32) -> bool {
        let writer = self.writer[(self.base[key as usize] + version) as usize];
        writer != NOBODY && writer & INTERMEDIATE != 0
    }

    /// Who overwrote or extended a version first, other than its own writer; [`NOBODY`] when that is not known.
    pub(super) fn next(&self, key: u32, version: u32) -> u32 {
        self.next[(self.base[key as usize] + version) as usize]
    }

    /// The number of a key's last version of known order.
    pub(super) fn last(&self, key: u32) -> u32 {
        self.base[key as usize + 1] - self.base[key as usize] - 1
    }

    /// Where a version stands among the versions of all keys.
    pub(super) fn place(&self, key: u32, version: u32) -> usize {
        (self.base[key as usize] + version) as usize
    }

    /// How many versions all keys have.
    pub(super) fn count(&self) -> usize {
        self.writer.len()
    }

    /// The last writer whose version has a known place.
    fn last_writer(&self, key: u32) -> u32 {
        (0..=self.last(key)).rev().map(|version| self.writer(key, version)).find(|&w| w != NOBODY).unwrap_or(NOBODY)
    }

    /// The writers of versions that come after all those of known order.
    pub(super) fn unobserved(&self, key: u32) -> &[u32] {
        &self.unobserved[self.rest[key as usize] as usize..self.rest[key as usize + 1] as usize]
    }

    fn keys(&self) -> u32 {
        self.base.len() as u32 - 1
    }
}

/// The dependency graph: transactions first, then auxiliary nodes. Each of these stands between the readers of a key's
/// last version and the writers of what comes after it, where there are many of both.
pub(super) struct Dependencies {
    pub(super) graph: Graph,
    /// Pairs of writers whose versions nobody read, of which the first read the last version of known order: unless
    /// its update is lost, it wrote before the other.
    pub(super) forced: Vec<(u32, u32)>,
}

impl Dependencies {
    /// The graph for levels without lost updates, with the order of writes that these imply.
    pub(super) fn without_lost_updates(&self) -> Cow<'_, Graph> {
        if self.forced.is_empty() { Cow::Borrowed(&self.graph) } else { Cow::Owned(self.graph.with(&self.forced, WW)) }
    }
}

/// True for a transaction that read the last version of known order.
pub(super) fn reads_last(txns: &Transactions, versions: &Versions, key: u32, txn: u32) -> bool {
    let last = versions.last(key);
    txns.steps_of(txn).iter().any(|step| step.key == key && step.kind() == Kind::Read && step.version() == last)
}

fn forced(txns: &Transactions, versions: &Versions) -> Vec<(u32, u32)> {
    let mut pairs = Vec::new();
    for key in (0..versions.keys()).filter(|&key| versions.unobserved(key).len() > 1) {
        let writers = versions.unobserved(key);
        let mut updaters = writers.iter().filter(|&&txn| reads_last(txns, versions, key, txn));
        // Of two, one has lost its update in any case.
        if let (Some(&updater), None) = (updaters.next(), updaters.next()) {
            pairs.extend(writers.iter().filter(|&&txn| txn != updater).map(|&txn| (updater, txn)));
        }
    }
    pairs
}

/// Calls a function with the key and version of each read of a committed transaction that saw a known version.
fn each_read(txns: &Transactions, versions: &Versions, mut visit: impl FnMut(u32, Step)) {
    for txn in 0..txns.len() as u32 {
        if !versions.committed[txn as usize] {
            continue;
        }
        for &step in txns.steps_of(txn) {
            if step.kind() == Kind::Read && step.version() != NO_VERSION {
                visit(txn, step);
            }
        }
    }
}

/// The dependencies that the versions imply, and the order of processes.
pub(super) fn dependencies(txns: &Transactions, versions: &Versions) -> Dependencies {
    let mut late_readers = vec![0_u64; versions.keys() as usize];
    each_read(txns, versions, |_, step| {
        if versions.next(step.key, step.version()) == NOBODY {
            late_readers[step.key as usize] += 1;
        }
    });
    let mut node_of: FxHashMap<u32, u32> = FxHashMap::default();
    for key in 0..versions.keys() {
        let (readers, writers) = (late_readers[key as usize], versions.unobserved(key).len() as u64);
        if readers * writers > 4 * (readers + writers) {
            node_of.insert(key, (txns.len() + node_of.len()) as u32);
        }
    }
    let sessions = sessions(txns, &versions.committed);
    let graph = Graph::build(txns.len() + node_of.len(), |edge| {
        let mut edge = |from: u32, to: u32, kind| {
            if from != to {
                edge(from, to, kind);
            }
        };
        for key in 0..versions.keys() {
            for version in 1..=versions.last(key) {
                let (writer, next) = (versions.writer(key, version), versions.next(key, version));
                let again = version < versions.last(key) && versions.writer(key, version + 1) == writer;
                if writer != NOBODY && next != NOBODY && !again {
                    edge(writer, next, WW);
                }
            }
            let rest = versions.unobserved(key);
            let last = if rest.is_empty() { NOBODY } else { versions.last_writer(key) };
            if last != NOBODY {
                rest.iter().for_each(|&writer| edge(last, writer, WW));
            }
            if let Some(&node) = node_of.get(&key) {
                rest.iter().for_each(|&writer| edge(node, writer, PASS));
            }
        }
        each_read(txns, versions, |txn, step| {
            let writer = versions.writer(step.key, step.version());
            if writer != NOBODY {
                edge(writer, txn, WR);
            }
            match versions.next(step.key, step.version()) {
                NOBODY => match node_of.get(&step.key) {
                    Some(&node) => edge(txn, node, RW),
                    None => versions.unobserved(step.key).iter().for_each(|&writer| edge(txn, writer, RW)),
                },
                next => edge(txn, next, RW),
            }
        });
        for (txn, &before) in sessions.iter().enumerate() {
            if before != NOBODY {
                edge(before, txn as u32, SO);
            }
        }
    });
    Dependencies { graph, forced: forced(txns, versions) }
}

/// For each committed transaction, the one before it that its process ran and whose end is known.
pub(super) fn sessions(txns: &Transactions, committed: &[bool]) -> Vec<u32> {
    let mut last: FxHashMap<u32, u32> = FxHashMap::default();
    (0..txns.len() as u32)
        .map(|txn| {
            if !committed[txn as usize] {
                return NOBODY;
            }
            let process = txns.process[txn as usize];
            let before = last.get(&process).copied().filter(|&before| txns.precedes(before, txn)).unwrap_or(NOBODY);
            if txns.completed[txn as usize] != super::input::NEVER {
                last.insert(process, txn);
            }
            before
        })
        .collect()
}
