//! Lists: each read shows the order of all elements before it, so the longest read of a key gives its versions
//! (Kingsbury and Alvaro, *Elle*, VLDB 2020).
//!
//! What a transaction appended itself is taken off the end of its reads first, since nobody else may have seen it
//! there. Elements that no read shows come after all that one shows: earlier, that read would have shown them.

use rashomon_history::{Outcome, Value};
use rustc_hash::FxHashMap;

use super::findings::Findings;
use super::input::{Kind, NO_VERSION, Transactions};
use super::levels::Condition;
use super::same_key::SameKey;
use super::versions::{NOBODY, Versions, VersionsBuilder};

/// What the reads say.
pub(super) struct Inferred {
    pub(super) versions: Versions,
    /// Why some keys could not be judged.
    pub(super) unknown: Vec<String>,
}

/// Where a read stands.
#[derive(Clone, Copy)]
struct Place {
    txn: u32,
    place: u32,
    /// How many elements it returned before the transaction's own.
    length: u32,
}

/// Gives each step its version, and finds the order of versions.
pub(super) fn infer(txns: &mut Transactions, findings: &mut Findings) -> Inferred {
    let longest = own_reads(txns, findings);
    let strays = compare(txns, &longest, findings);
    let mut order = order(txns, &longest, findings);
    stray_elements(txns, &strays, &order.failed, &mut order.committed, findings);
    for step in txns.steps.iter_mut().filter(|step| order.unreadable[step.key as usize]) {
        step.set_version(NO_VERSION);
    }
    let mut forked = vec![false; txns.keys.len()];
    strays.iter().for_each(|&(txn, place)| forked[txns.steps_of(txn)[place].key as usize] = true);
    let mut builder = VersionsBuilder::default();
    for (key, &forked) in forked.iter().enumerate() {
        builder.key();
        for &(txn, step) in &order.writers[order.starts[key]..order.starts[key + 1]] {
            let again = txn != NOBODY && order.overwritten[step as usize];
            builder.version(txn, again);
        }
        let mut last = NOBODY;
        for &(txn, step) in &order.appends[order.append_starts[key]..order.append_starts[key + 1]] {
            let observed = txns.steps[step as usize].version() != NO_VERSION || order.unreadable[key] || forked;
            if !observed && order.committed[txn as usize] && txn != last {
                builder.unobserved(txn);
                last = txn;
            }
        }
    }
    let versions = builder.finish(order.committed);
    reads_by_version(txns, &versions, findings);
    Inferred { versions, unknown: order.unknown }
}

/// Takes a transaction's own elements off its reads, and finds each key's longest read.
fn own_reads(txns: &mut Transactions, findings: &mut Findings) -> Vec<Option<Place>> {
    let mut longest: Vec<Option<Place>> = vec![None; txns.keys.len()];
    let mut same = SameKey::default();
    for txn in 0..txns.len() as u32 {
        if txns.outcome[txn as usize] != Outcome::Ok {
            continue;
        }
        same.fill(txns.steps_of(txn));
        let range = txns.range(txn);
        for place in 0..range.len() {
            let step = txns.steps[range.start + place];
            if step.kind() != Kind::Read {
                continue;
            }
            let list = txns.list(txn, place);
            let mut length = list.len();
            let own = same.before(place).filter(|&before| txns.steps[range.start + before].is_write());
            let mut shown = true;
            for before in own {
                shown = length > 0 && list[length - 1] == *txns.value(txn, before);
                if !shown {
                    break;
                }
                length -= 1;
            }
            if !shown {
                length = list.len();
                findings.add("internal", Condition::Own, step.key, &[txn], || {
                    let key = &txns.keys[step.key as usize];
                    format!("T1 read key {key} as {}, which does not end with what T1 had appended before", short(list))
                });
            }
            txns.steps[range.start + place].set_version(length as u32);
            let best = &mut longest[step.key as usize];
            if best.is_none_or(|best| best.length < length as u32) {
                *best = Some(Place { txn, place: place as u32, length: length as u32 });
            }
        }
    }
    longest
}

/// A list as it stands in sentences: its end is what matters.
pub(super) fn short(list: &[Value]) -> String {
    const SHOWN: usize = 8;
    let shown = &list[list.len().saturating_sub(SHOWN)..];
    let texts: Vec<String> = shown.iter().map(Value::to_string).collect();
    let more = if list.len() > SHOWN { "… " } else { "" };
    format!("[{more}{}]", texts.join(" "))
}

/// Compares all reads with the longest of their key. Those that are no prefix of it get no version; they are returned.
fn compare(txns: &mut Transactions, longest: &[Option<Place>], findings: &mut Findings) -> Vec<(u32, usize)> {
    let mut strays = Vec::new();
    for txn in 0..txns.len() as u32 {
        if txns.outcome[txn as usize] != Outcome::Ok {
            continue;
        }
        let range = txns.range(txn);
        for place in 0..range.len() {
            let step = txns.steps[range.start + place];
            let Some(best) = longest[step.key as usize].filter(|_| step.kind() == Kind::Read) else { continue };
            let length = step.version() as usize;
            let list = &txns.list(txn, place)[..length];
            let order = txns.list(best.txn, best.place as usize);
            if (txn, place) == (best.txn, best.place as usize) || *list == order[..length] {
                continue;
            }
            findings.add("incompatible order", Condition::Versions, step.key, &[txn, best.txn], || {
                let key = &txns.keys[step.key as usize];
                let at = list.iter().zip(order).position(|(one, other)| one != other).unwrap_or(0);
                format!(
                    "T1 read key {key} as {}, T2 as {}: element {} is {} for T1 and {} for T2, and no order of appends \
                     gives both",
                    short(list),
                    short(&order[..best.length as usize]),
                    at + 1,
                    list[at],
                    order[at]
                )
            });
            txns.steps[range.start + place].set_version(NO_VERSION);
            strays.push((txn, place));
        }
    }
    strays
}

/// The elements of all keys in their order.
struct Ordered {
    /// Who wrote each version, and in which step: by key, in order.
    writers: Vec<(u32, u32)>,
    starts: Vec<usize>,
    /// All appends that may have happened, by key: transaction and step.
    appends: Vec<(u32, u32)>,
    append_starts: Vec<usize>,
    /// Steps whose transaction appended to the same key again.
    overwritten: Vec<bool>,
    committed: Vec<bool>,
    /// Keys whose elements are not unique.
    unreadable: Vec<bool>,
    unknown: Vec<String>,
    /// Appends that certainly did not happen.
    failed: FxHashMap<(u32, Value), u32>,
}

fn order(txns: &mut Transactions, longest: &[Option<Place>], findings: &mut Findings) -> Ordered {
    let keys = txns.keys.len();
    let mut all = Ordered {
        writers: Vec::new(),
        starts: vec![0; keys + 1],
        appends: Vec::new(),
        append_starts: vec![0; keys + 1],
        overwritten: overwritten(txns),
        committed: txns.outcome.iter().map(|&outcome| outcome == Outcome::Ok).collect(),
        unreadable: vec![false; keys],
        unknown: Vec::new(),
        failed: FxHashMap::default(),
    };
    group_appends(txns, &mut all);
    let mut writer_of: FxHashMap<Value, (u32, u32)> = FxHashMap::default();
    for (key, best) in longest.iter().enumerate() {
        let appends = all.append_starts[key]..all.append_starts[key + 1];
        if writer_of.capacity() > 4 * appends.len() + 64 {
            writer_of = FxHashMap::default();
        }
        writer_of.clear();
        for &(txn, step) in &all.appends[appends] {
            let element = txns.value(txn, step as usize - txns.range(txn).start);
            if let Some(&(other, _)) = writer_of.get(element) {
                all.unreadable[key] = true;
                all.unknown.push(format!(
                    "key {} gets element {element} from op {} and again from op {}: reads do not identify their \
                     writers; append unique elements",
                    txns.keys[key], txns.ops[other as usize].0, txns.ops[txn as usize].0
                ));
                break;
            }
            writer_of.insert(element.clone(), (txn, step));
        }
        if !all.unreadable[key]
            && let Some(best) = *best
        {
            order_key(txns, key as u32, best, &writer_of, &mut all, findings);
        }
        all.starts[key + 1] = all.writers.len();
    }
    const SHOWN: usize = 3;
    if all.unknown.len() > SHOWN {
        let more = all.unknown.len() - SHOWN;
        all.unknown.truncate(SHOWN);
        all.unknown.push(format!("the elements of {more} more keys are not unique"));
    }
    all
}

/// The order of one key's elements: its longest read, attributed to the appends.
fn order_key(
    txns: &mut Transactions,
    key: u32,
    best: Place,
    writer_of: &FxHashMap<Value, (u32, u32)>,
    all: &mut Ordered,
    findings: &mut Findings,
) {
    let first = all.writers.len();
    let mut aborted: Option<u32> = None;
    for version in 1..=best.length {
        let element = txns.list(best.txn, best.place as usize)[version as usize - 1].clone();
        let found = writer_of.get(&element).copied();
        let (txn, step) = found.unwrap_or((NOBODY, 0));
        let name = &txns.keys[key as usize];
        if txn == NOBODY {
            aborted = missing(txns, key, &element, (best.txn, version), &all.failed, findings).or(aborted);
        } else if txns.steps[step as usize].version() != NO_VERSION {
            findings.add("duplicate elements", Condition::Versions, key, &[best.txn, txn], || {
                format!("T1 read key {name} with element {element} twice, which T2 appended once")
            });
            all.writers.push((NOBODY, 0));
            continue;
        } else {
            txns.steps[step as usize].set_version(version);
            all.committed[txn as usize] = true;
            if let Some(failed) = aborted.take() {
                findings.add("dirty update", Condition::Committed, key, &[failed, txn], || {
                    format!(
                        "T1 was aborted, but T2's append of {element} to key {name} extended a list with T1's element"
                    )
                });
            }
        }
        all.writers.push((txn, step));
    }
    // A read with a duplicate element is no order; what stands in front of it still is one.
    debug_assert_eq!(all.writers.len() - first, best.length as usize);
}

/// An element that nobody appended who may have taken effect. Returns the failed transaction, when that wrote it.
fn missing(
    txns: &Transactions,
    key: u32,
    element: &Value,
    (reader, _): (u32, u32),
    failed: &FxHashMap<(u32, Value), u32>,
    findings: &mut Findings,
) -> Option<u32> {
    let name = &txns.keys[key as usize];
    match failed.get(&(key, element.clone())) {
        Some(&writer) => {
            findings.add("G1a", Condition::Committed, key, &[reader, writer], || {
                format!("T1 read element {element} of key {name}, but T2, which appended it, was aborted")
            });
            Some(writer)
        }
        None => {
            findings.add("thin-air read", Condition::Versions, key, &[reader], || {
                format!("T1 read element {element} of key {name}, which no transaction appended")
            });
            None
        }
    }
}

/// Steps that are not their transaction's last append to their key.
fn overwritten(txns: &Transactions) -> Vec<bool> {
    let mut overwritten = vec![false; txns.steps.len()];
    let mut same = SameKey::default();
    for txn in 0..txns.len() as u32 {
        let range = txns.range(txn);
        if range.len() < 2 {
            continue;
        }
        same.fill(txns.steps_of(txn));
        for place in 0..range.len() {
            if txns.steps[range.start + place].is_write()
                && let Some(before) = same.before(place).find(|&before| txns.steps[range.start + before].is_write())
            {
                overwritten[range.start + before] = true;
            }
        }
    }
    overwritten
}

/// Sorts the appends by key, in order of invocation.
fn group_appends(txns: &Transactions, all: &mut Ordered) {
    let writes = |txn: u32| txns.range(txn).filter(|&step| txns.steps[step].is_write());
    for txn in 0..txns.len() as u32 {
        for step in writes(txn) {
            let key = txns.steps[step].key;
            if txns.failed(txn) {
                let element = txns.value(txn, step - txns.range(txn).start).clone();
                all.failed.insert((key, element), txn);
            } else {
                all.append_starts[key as usize + 1] += 1;
            }
        }
    }
    for key in 0..txns.keys.len() {
        all.append_starts[key + 1] += all.append_starts[key];
    }
    let mut filled = all.append_starts.clone();
    all.appends = vec![(0, 0); all.append_starts[txns.keys.len()]];
    for txn in (0..txns.len() as u32).filter(|&txn| !txns.failed(txn)) {
        for step in writes(txn) {
            let place = &mut filled[txns.steps[step].key as usize];
            all.appends[*place] = (txn, step as u32);
            *place += 1;
        }
    }
}

/// What reads that no order explains still show: elements of aborted transactions, and who took effect.
fn stray_elements(
    txns: &Transactions,
    strays: &[(u32, usize)],
    failed: &FxHashMap<(u32, Value), u32>,
    committed: &mut [bool],
    findings: &mut Findings,
) {
    if strays.is_empty() {
        return;
    }
    let mut writers: FxHashMap<(u32, &Value), u32> = FxHashMap::default();
    for txn in (0..txns.len() as u32).filter(|&txn| !txns.failed(txn)) {
        for (place, step) in txns.steps_of(txn).iter().enumerate().filter(|(_, step)| step.is_write()) {
            writers.insert((step.key, txns.value(txn, place)), txn);
        }
    }
    for &(txn, place) in strays {
        let key = txns.steps_of(txn)[place].key;
        for element in txns.list(txn, place) {
            match writers.get(&(key, element)) {
                Some(&writer) => committed[writer as usize] = true,
                None => drop(missing(txns, key, element, (txn, 0), failed, findings)),
            }
        }
    }
}

/// What each read shows of others' unfinished work, and of its own future; lost updates; and the order of own appends.
fn reads_by_version(txns: &Transactions, versions: &Versions, findings: &mut Findings) {
    let mut same = SameKey::default();
    let mut updates = vec![NOBODY; versions.count()];
    for txn in (0..txns.len() as u32).filter(|&txn| versions.committed[txn as usize]) {
        let range = txns.range(txn);
        let mut filled = false;
        for place in 0..range.len() {
            let step = txns.steps[range.start + place];
            if step.kind() == Kind::Read && step.version() != NO_VERSION {
                intermediate(txns, versions, txn, place, findings);
            }
            if !step.is_write() || range.len() == 1 {
                continue;
            }
            if !filled {
                same.fill(txns.steps_of(txn));
                filled = true;
            }
            own_order(txns, &same, txn, place, findings);
            own_future(txns, &same, txn, place, findings);
            lost_update(txns, versions, &same, (txn, place), &mut updates, findings);
        }
    }
}

/// An append that stands before an earlier one of the same transaction.
fn own_order(txns: &Transactions, same: &SameKey, txn: u32, place: usize, findings: &mut Findings) {
    let (steps, version) = (txns.steps_of(txn), txns.steps_of(txn)[place].version());
    let Some(before) = same.before(place).find(|&before| steps[before].is_write()) else { return };
    if version < steps[before].version() {
        findings.add("incompatible order", Condition::Versions, steps[place].key, &[txn], || {
            let key = &txns.keys[steps[place].key as usize];
            let (earlier, later) = (txns.value(txn, before), txns.value(txn, place));
            format!("T1 appended {earlier} and then {later} to key {key}, but reads show {later} without {earlier} before it")
        });
    }
}

fn intermediate(txns: &Transactions, versions: &Versions, txn: u32, place: usize, findings: &mut Findings) {
    let step = txns.steps_of(txn)[place];
    if step.version() > versions.last(step.key) || !versions.is_intermediate(step.key, step.version()) {
        return;
    }
    let writer = versions.writer(step.key, step.version());
    if writer != txn {
        findings.add("G1b", Condition::Final, step.key, &[txn, writer], || {
            let (key, list) = (&txns.keys[step.key as usize], txns.list(txn, place));
            let element = &list[step.version() as usize - 1];
            format!(
                "T1 read key {key} as {}, which ends with T2's {element}; but T2 appended to key {key} again, so this is \
                 a state in the middle of T2",
                short(list)
            )
        });
    }
}

/// A read before an append that already shows the element, and one after it that shows it twice.
fn own_future(txns: &Transactions, same: &SameKey, txn: u32, place: usize, findings: &mut Findings) {
    let steps = txns.steps_of(txn);
    let written = steps[place];
    if written.version() == NO_VERSION {
        return;
    }
    for before in same.before(place) {
        let read = steps[before];
        if read.kind() == Kind::Read && read.version() != NO_VERSION && read.version() >= written.version() {
            findings.add("future read", Condition::Own, written.key, &[txn], || {
                let (key, element) = (&txns.keys[written.key as usize], txns.value(txn, place));
                format!("T1 read element {element} of key {key} before it appended it")
            });
        }
    }
}

/// The transaction's last append to a key that it also read: when another one came between, that is an update lost.
fn lost_update(
    txns: &Transactions,
    versions: &Versions,
    same: &SameKey,
    (txn, place): (u32, usize),
    updates: &mut [u32],
    findings: &mut Findings,
) {
    let steps = txns.steps_of(txn);
    let key = steps[place].key;
    if steps[place + 1..].iter().any(|step| step.key == key && step.is_write()) {
        return;
    }
    let after = steps[place + 1..].iter().filter(|step| step.key == key);
    let reads = same.before(place).map(|before| &steps[before]).chain(after);
    let known = reads.filter(|step| step.kind() == Kind::Read && step.version() <= versions.last(key));
    let Some(read) = known.map(|step| step.version()).min() else { return };
    if steps[place].version() <= read || versions.writer(key, read) == txn {
        return;
    }
    let name = &txns.keys[key as usize];
    let next = versions.next(key, read);
    if next != NOBODY && next != txn {
        findings.add("lost update", Condition::LostUpdate, key, &[txn, next], || {
            format!("T1 read key {name} without T2's append and appended to it after T2")
        });
        return;
    }
    if next == txn {
        return;
    }
    // Their order is not known, but whichever is the second has missed the other.
    let first = &mut updates[versions.place(key, read)];
    if *first == NOBODY {
        *first = txn;
    } else if *first != txn {
        findings.add("lost update", Condition::LostUpdate, key, &[*first, txn], || {
            format!(
                "T1 and T2 both read key {name} with {read} elements and appended to it, so the later one missed the \
                 other's append"
            )
        });
    }
}
