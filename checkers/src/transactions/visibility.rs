//! Levels weaker than snapshots: which writes a transaction must not miss, given what else it has seen.
//!
//! Read off the transactions directly: a read of version `v` of a key misses a transaction that wrote a later version.
//! The levels differ in whose writes may not be missed (Biswas and Enea, *On the complexity of checking transactional
//! consistency*, OOPSLA 2019; their algorithms: Møldrup and Pavlogiannis, *AWDIT*, PLDI 2025).

use rustc_hash::FxHashMap;

use super::evaluate::Evaluation;
use super::graph::{SO, WITH_SO, WR};
use super::input::{Kind, NO_VERSION, Transactions};
use super::levels::Condition;
use super::versions::{Dependencies, NOBODY, Versions, sessions};

/// A version after all those of known order.
const LATER: u32 = NO_VERSION - 1;

/// Evaluates monotonic atomic view, read atomic and causal for transactions that are on cycles.
pub(super) fn check(
    txns: &Transactions,
    versions: &Versions,
    deps: &Dependencies,
    core: &[u32],
    found: &mut Evaluation,
) {
    let mut reads: FxHashMap<u32, u32> = FxHashMap::default();
    for &txn in core {
        within_transaction(txns, versions, txn, &mut reads, found);
    }
    if found.broken.has(Condition::Fractured) {
        found.broken.insert(Condition::FracturedSession);
    } else {
        sessions_seen(txns, versions, found);
    }
    if [Condition::FracturedSession, Condition::DepSession].iter().any(|&condition| found.broken.has(condition)) {
        found.broken.insert(Condition::Causal);
    } else {
        causal(txns, versions, deps, core, found);
    }
    // Each is a special case of a single anti-dependency.
    for (narrow, wide) in [
        (Condition::Monotonic, Condition::Fractured),
        (Condition::Fractured, Condition::Single),
        (Condition::Causal, Condition::SingleSession),
        (Condition::Causal, Condition::Prefix),
    ] {
        if found.broken.has(narrow) {
            found.broken.insert(wide);
        }
    }
}

/// The version of a key that a transaction left, if it wrote the key.
fn written(step_version: u32) -> u32 {
    if step_version == NO_VERSION { LATER } else { step_version }
}

/// Reads of one transaction that miss another from which it read, before or after.
fn within_transaction(
    txns: &Transactions,
    versions: &Versions,
    txn: u32,
    earliest: &mut FxHashMap<u32, u32>,
    found: &mut Evaluation,
) {
    let steps = txns.steps_of(txn);
    let known = |place: usize| steps[place].kind() == Kind::Read && steps[place].version() != NO_VERSION;
    earliest.clear();
    for place in (0..steps.len()).filter(|&place| known(place)) {
        let version = earliest.entry(steps[place].key).or_insert(NO_VERSION);
        *version = steps[place].version().min(*version);
    }
    for place in (0..steps.len()).filter(|&place| known(place)) {
        let source = versions.writer(steps[place].key, steps[place].version());
        if source == NOBODY || source == txn {
            continue;
        }
        for write in txns.steps_of(source).iter().filter(|step| step.is_write()) {
            let version = written(write.version());
            if earliest
                .get(&write.key)
                .is_some_and(|&read| read < version && differs(versions, write.key, read, source))
            {
                found.broken.insert(Condition::Fractured);
                let misses = |later: usize| {
                    known(later)
                        && steps[later].key == write.key
                        && steps[later].version() < version
                        && differs(versions, write.key, steps[later].version(), source)
                };
                if !found.broken.has(Condition::Monotonic) && (place + 1..steps.len()).any(misses) {
                    found.broken.insert(Condition::Monotonic);
                }
            }
        }
    }
}

/// True unless the version read is itself one that the transaction wrote.
fn differs(versions: &Versions, key: u32, read: u32, source: u32) -> bool {
    versions.writer(key, read) != source
}

/// Reads that miss what the same process wrote before.
fn sessions_seen(txns: &Transactions, versions: &Versions, found: &mut Evaluation) {
    let before = sessions(txns, &versions.committed);
    let mut latest: FxHashMap<(u32, u32), (u32, u32)> = FxHashMap::default();
    for txn in (0..txns.len() as u32).filter(|&txn| versions.committed[txn as usize]) {
        let process = txns.process[txn as usize];
        if before[txn as usize] != NOBODY {
            for step in txns.steps_of(txn) {
                if step.kind() == Kind::Read
                    && step.version() != NO_VERSION
                    && let Some(&(version, writer)) = latest.get(&(process, step.key))
                    && step.version() < version
                    && differs(versions, step.key, step.version(), writer)
                {
                    found.broken.insert(Condition::FracturedSession);
                    return;
                }
            }
        }
        if txns.completed[txn as usize] == super::input::NEVER {
            continue;
        }
        for step in txns.steps_of(txn).iter().filter(|step| step.is_write()) {
            let version = latest.entry((process, step.key)).or_insert((0, txn));
            if written(step.version()) >= version.0 {
                *version = (written(step.version()), txn);
            }
        }
    }
}

/// One process's place in the past of a transaction.
struct Chains {
    chain: FxHashMap<u32, (u32, u32)>,
    count: usize,
}

/// Reads that miss what happened before, by process order and reads, with one clock entry for each process.
fn causal(txns: &Transactions, versions: &Versions, deps: &Dependencies, core: &[u32], found: &mut Evaluation) {
    const MOST_ENTRIES: usize = 1 << 27;
    let before = sessions(txns, &versions.committed);
    let mut chains = Chains { chain: FxHashMap::default(), count: 0 };
    let mut end_of: FxHashMap<u32, u32> = FxHashMap::default();
    let mut last_of_process: FxHashMap<u32, (u32, u32)> = FxHashMap::default();
    for &txn in core {
        // A chain goes on only from its last transaction: one of unknown outcome may stand beside it.
        let process = txns.process[txn as usize];
        let goes_on = last_of_process.get(&process).copied().filter(|_| before[txn as usize] != NOBODY);
        let closed = txns.completed[txn as usize] == super::input::NEVER;
        let chain = match goes_on {
            Some((chain, _)) if !closed => chain,
            _ => {
                chains.count += 1;
                chains.count as u32 - 1
            }
        };
        let place = end_of.entry(chain).or_insert(0);
        *place += 1;
        chains.chain.insert(txn, (chain, *place));
        if !closed {
            last_of_process.insert(process, (chain, *place));
        }
    }
    if core.len().saturating_mul(chains.count) > MOST_ENTRIES {
        found.open.insert(Condition::Causal);
        found.why_open.push("too many processes are entangled to decide causal consistency".to_owned());
        return;
    }
    let clocks = clocks(deps, core, &chains);
    // Who wrote each key, by chain, in the chain's order, with the latest version so far.
    let mut writes: FxHashMap<u32, Vec<(u32, u32, u32, u32)>> = FxHashMap::default();
    for &txn in core {
        let (chain, place) = chains.chain[&txn];
        for step in txns.steps_of(txn).iter().filter(|step| step.is_write()) {
            writes.entry(step.key).or_default().push((chain, place, written(step.version()), txn));
        }
    }
    for list in writes.values_mut() {
        list.sort_unstable();
        for index in 1..list.len() {
            if list[index].0 == list[index - 1].0 && list[index].2 < list[index - 1].2 {
                (list[index].2, list[index].3) = (list[index - 1].2, list[index - 1].3);
            }
        }
    }
    for (row, &txn) in core.iter().enumerate() {
        let clock = &clocks[row * chains.count..(row + 1) * chains.count];
        for step in txns.steps_of(txn).iter().filter(|step| step.kind() == Kind::Read && step.version() != NO_VERSION) {
            let Some(list) = writes.get(&step.key) else { continue };
            let mut index = 0;
            while index < list.len() {
                let chain = list[index].0;
                let group = list[index..].partition_point(|entry| entry.0 == chain);
                let seen = list[index..index + group].partition_point(|entry| entry.1 <= clock[chain as usize]);
                if seen > 0 {
                    let (_, _, version, writer) = list[index + seen - 1];
                    if version > step.version() && writer != txn && differs(versions, step.key, step.version(), writer)
                    {
                        found.broken.insert(Condition::Causal);
                        return;
                    }
                }
                index += group;
            }
        }
    }
}

/// For each transaction of the core, how far it has seen each chain.
fn clocks(deps: &Dependencies, core: &[u32], chains: &Chains) -> Vec<u32> {
    let part = deps.graph.within(core);
    let mut clocks = vec![0_u32; core.len() * chains.count];
    for node in part.topological(1 << WR | WITH_SO) {
        let (chain, place) = chains.chain[&core[node as usize]];
        let from = node as usize * chains.count;
        for arc in part.arcs(node).iter().filter(|arc| arc.of(1 << WR | 1 << SO)) {
            let to = arc.to() as usize * chains.count;
            for entry in 0..chains.count {
                clocks[to + entry] = clocks[to + entry].max(clocks[from + entry]);
            }
            clocks[to + chain as usize] = clocks[to + chain as usize].max(place);
        }
    }
    clocks
}
