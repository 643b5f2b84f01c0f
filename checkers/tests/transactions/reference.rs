//! Isolation levels by definition: every order of commits is tried, and every snapshot.
//!
//! It shares nothing with the checker but the names of levels. A level holds when some order of commits of the
//! transactions that took effect (those of unknown outcome may have or not) satisfies its axioms (Biswas and Enea 2019;
//! Cerone, Bernardi and Gotsman 2015; Crooks et al., *Seeing is believing*, 2017, for snapshots).

use std::collections::BTreeSet;

use rashomon_history::{History, Outcome, Value};

/// A micro-operation.
#[derive(Clone, Debug)]
struct Step {
    write: bool,
    key: Value,
    value: Value,
}

#[derive(Clone, Debug)]
struct Txn {
    outcome: Outcome,
    process: u32,
    invoked: u32,
    completed: Option<u32>,
    steps: Vec<Step>,
}

/// The names of the levels that hold.
pub(crate) fn levels(history: &History, lists: bool) -> BTreeSet<&'static str> {
    let txns: Vec<Txn> = history.ops().map(|op| read(&op)).collect();
    let unknown: Vec<usize> = (0..txns.len()).filter(|&txn| txns[txn].outcome == Outcome::Info).collect();
    let mut holding = BTreeSet::new();
    for chosen in 0..1_u32 << unknown.len() {
        let happened = |txn: usize| match txns[txn].outcome {
            Outcome::Ok => true,
            Outcome::Fail => false,
            Outcome::Info => chosen >> unknown.iter().position(|&other| other == txn).expect("it is one") & 1 == 1,
        };
        // What some transaction read has taken effect, also at levels that allow reads of aborted ones.
        if unknown.iter().any(|&txn| !happened(txn) && observed(&txns, &txns[txn])) {
            continue;
        }
        let members: Vec<usize> = (0..txns.len()).filter(|&txn| happened(txn)).collect();
        each_permutation(members, &mut |order| {
            World { txns: &txns, order, lists }.judge(&mut holding);
        });
    }
    holding
}

fn read(op: &rashomon_history::OpView<'_>) -> Txn {
    let ok = op.outcome == Outcome::Ok;
    let value = if ok { &op.output } else { &op.input };
    let steps = value.as_list().expect("a transaction").iter().map(|step| {
        let parts = step.as_list().expect("a micro-operation");
        Step { write: parts[0].as_text() != Some("r"), key: parts[1].clone(), value: parts[2].clone() }
    });
    // What a transaction without a known end read is not known.
    let steps = steps.filter(|step| ok || step.write).collect();
    let completed = if ok { op.completed } else { None };
    Txn { outcome: op.outcome, process: op.process, invoked: op.invoked, completed, steps }
}

/// True when a read that is known returned something that the transaction wrote.
fn observed(txns: &[Txn], writer: &Txn) -> bool {
    let shows = |read: &Step, write: &Step| {
        let seen = read.value.as_list().map_or(read.value == write.value, |list| list.contains(&write.value));
        !read.write && read.key == write.key && seen
    };
    let reads = || txns.iter().flat_map(|txn| &txn.steps);
    writer.steps.iter().filter(|step| step.write).any(|write| reads().any(|read| shows(read, write)))
}

fn each_permutation(members: Vec<usize>, visit: &mut impl FnMut(&[usize])) {
    fn place(order: &mut Vec<usize>, from: usize, visit: &mut impl FnMut(&[usize])) {
        if from == order.len() {
            return visit(order);
        }
        for other in from..order.len() {
            order.swap(from, other);
            place(order, from + 1, visit);
            order.swap(from, other);
        }
    }
    let mut order = members;
    place(&mut order, 0, visit);
}

/// One order of commits. Positions in it name transactions; `None` is the initial state.
struct World<'a> {
    txns: &'a [Txn],
    order: &'a [usize],
    lists: bool,
}

/// A read without what its transaction wrote itself.
#[derive(Clone, Debug)]
struct Read {
    key: Value,
    seen: Vec<Value>,
}

impl World<'_> {
    fn txn(&self, at: usize) -> &Txn {
        &self.txns[self.order[at]]
    }

    fn writes(&self, at: usize, key: &Value) -> Vec<Value> {
        let steps = self.txn(at).steps.iter().filter(|step| step.write && step.key == *key);
        steps.map(|step| step.value.clone()).collect()
    }

    /// The reads of others' writes, and whether own writes are seen as they must be.
    fn reads(&self, at: usize) -> (Vec<Read>, bool) {
        let (mut reads, mut right) = (Vec::new(), true);
        let steps = &self.txn(at).steps;
        for (place, step) in steps.iter().enumerate().filter(|(_, step)| !step.write) {
            let own: Vec<Value> = steps[..place]
                .iter()
                .filter(|before| before.write && before.key == step.key)
                .map(|before| before.value.clone())
                .collect();
            let future = steps[place..].iter().filter(|later| later.write && later.key == step.key);
            let seen: Vec<Value> = if self.lists {
                step.value.as_list().unwrap_or(&[]).to_vec()
            } else {
                [step.value.clone()].into_iter().filter(|value| !value.is_nil()).collect()
            };
            right &= future.clone().all(|later| !seen.contains(&later.value));
            if own.is_empty() {
                reads.push(Read { key: step.key.clone(), seen });
            } else if self.lists {
                let suffix = seen.ends_with(&own);
                right &= suffix;
                let kept = if suffix { seen.len() - own.len() } else { seen.len() };
                reads.push(Read { key: step.key.clone(), seen: seen[..kept].to_vec() });
            } else {
                right &= seen.last() == own.last();
            }
        }
        (reads, right)
    }

    /// The state of a key after some commits, as a read returns it.
    fn state(&self, commits: usize, key: &Value) -> Vec<Value> {
        let all: Vec<Value> = (0..commits).flat_map(|at| self.writes(at, key)).collect();
        if self.lists { all } else { all.last().cloned().into_iter().collect() }
    }

    /// Whose write a read returned: `None` for the initial state. Fails when nobody here wrote it.
    fn source(&self, read: &Read) -> Result<Option<usize>, ()> {
        match read.seen.last() {
            None => Ok(None),
            Some(value) => {
                let found = (0..self.order.len()).find(|&at| self.writes(at, &read.key).contains(value));
                found.map(Some).ok_or(())
            }
        }
    }

    fn session(&self, first: usize, second: usize) -> bool {
        self.txn(first).process == self.txn(second).process && self.real_time(first, second)
    }

    fn real_time(&self, first: usize, second: usize) -> bool {
        self.txn(first).completed.is_some_and(|end| end < self.txn(second).invoked)
    }

    fn keeps(&self, before: impl Fn(usize, usize) -> bool) -> bool {
        (0..self.order.len()).all(|second| (second..self.order.len()).all(|first| !before(first, second)))
    }

    fn judge(&self, holding: &mut BTreeSet<&'static str>) {
        let session = self.keeps(|first, second| self.session(first, second));
        let strong = self.keeps(|first, second| self.real_time(first, second));
        let mut add = |name: &'static str| {
            holding.insert(name);
        };
        if !self.uncommitted() {
            return;
        }
        add("read-uncommitted");
        if session {
            add("strong-session-read-uncommitted");
        }
        if strong {
            add("strong-read-uncommitted");
        }
        if !self.committed() {
            return;
        }
        add("read-committed");
        if session {
            add("strong-session-read-committed");
        }
        if strong {
            add("strong-read-committed");
        }
        if self.cursor() {
            add("cursor-stability");
        }
        let sources = |at: usize| -> Vec<usize> {
            self.reads(at).0.iter().filter_map(|read| self.source(read).expect("committed")).collect()
        };
        if self.monotonic() {
            add("monotonic-atomic-view");
        }
        if self.misses_nothing(|at| sources(at).into_iter().collect()) {
            add("atomic-visibility");
        }
        let own = |at: usize| (0..self.order.len()).filter(move |&first| self.session(first, at));
        if session && self.misses_nothing(|at| sources(at).into_iter().chain(own(at)).collect()) {
            add("read-atomic");
        }
        if session && self.misses_nothing(|at| self.past(at, |at| sources(at).into_iter().chain(own(at)).collect())) {
            add("causal");
        }
        let conflicts = |at: usize| {
            let mine = self.txn(at).steps.iter().filter(|step| step.write);
            let keys: BTreeSet<&Value> = mine.map(|step| &step.key).collect();
            (0..at).filter(move |&first| keys.iter().any(|key| !self.writes(first, key).is_empty()))
        };
        let psi = |at: usize| -> BTreeSet<usize> { sources(at).into_iter().chain(conflicts(at)).collect() };
        if self.misses_nothing(|at| self.past(at, psi)) {
            add("parallel-snapshot-isolation");
        }
        if session && self.misses_nothing(|at| self.past(at, |at| psi(at).into_iter().chain(own(at)).collect())) {
            add("strong-session-parallel-snapshot-isolation");
        }
        self.snapshots(&mut add);
    }

    /// One order of versions explains all reads, but for elements of aborted transactions.
    fn uncommitted(&self) -> bool {
        (0..self.order.len()).all(|at| {
            let (reads, _) = self.reads(at);
            reads.iter().all(|read| {
                let mut counted = read.seen.clone();
                counted.sort();
                let unique = counted.windows(2).all(|pair| pair[0] != pair[1]);
                let written = |value: &Value| {
                    self.txns.iter().any(|txn| {
                        txn.steps.iter().any(|step| step.write && step.key == read.key && step.value == *value)
                    })
                };
                if !self.lists {
                    return read.seen.iter().all(written);
                }
                let others = (0..self.order.len()).flat_map(|other| self.reads(other).0);
                let agree = others.filter(|other| other.key == read.key).all(|other| {
                    let length = other.seen.len().min(read.seen.len());
                    other.seen[..length] == read.seen[..length]
                });
                let all = self.state(self.order.len(), &read.key);
                let committed: Vec<Value> = read.seen.iter().filter(|value| all.contains(value)).cloned().collect();
                unique && agree && read.seen.iter().all(written) && all.starts_with(&committed)
            })
        })
    }

    /// Reads return final values of transactions committed before.
    fn committed(&self) -> bool {
        (0..self.order.len()).all(|at| {
            let (reads, own) = self.reads(at);
            own && reads.iter().all(|read| {
                let Ok(source) = self.source(read) else { return false };
                let Some(source) = source else { return true };
                let last = self.writes(source, &read.key).last().cloned();
                let whole = read
                    .seen
                    .iter()
                    .all(|value| (0..self.order.len()).any(|other| self.writes(other, &read.key).contains(value)));
                whole && source < at && last == read.seen.last().cloned()
            })
        })
    }

    /// A key that is read and written is not written by another in between.
    fn cursor(&self) -> bool {
        (0..self.order.len()).all(|at| {
            self.reads(at).0.iter().all(|read| {
                let first = self.source(read).expect("committed").map_or(0, |source| source + 1);
                let writes = !self.writes(at, &read.key).is_empty();
                !writes || (first..at).all(|between| self.writes(between, &read.key).is_empty())
            })
        })
    }

    /// Once something of a transaction was read, later reads miss nothing of it.
    fn monotonic(&self) -> bool {
        (0..self.order.len()).all(|at| {
            let (reads, _) = self.reads(at);
            (0..reads.len()).all(|early| {
                let Some(seen) = self.source(&reads[early]).expect("committed") else { return true };
                reads[early + 1..].iter().all(|late| self.shows(late, seen))
            })
        })
    }

    /// True unless the read misses what a transaction wrote.
    fn shows(&self, read: &Read, txn: usize) -> bool {
        let source = self.source(read).expect("committed");
        self.writes(txn, &read.key).is_empty() || source.is_some_and(|source| source >= txn)
    }

    /// No read misses any of the transactions that must be visible to its own.
    fn misses_nothing(&self, visible: impl Fn(usize) -> BTreeSet<usize>) -> bool {
        (0..self.order.len()).all(|at| {
            let must = visible(at);
            self.reads(at).0.iter().all(|read| must.iter().all(|&txn| txn == at || self.shows(read, txn)))
        })
    }

    /// Everything that comes before, by steps of some kind.
    fn past(&self, at: usize, step: impl Fn(usize) -> BTreeSet<usize>) -> BTreeSet<usize> {
        let mut all = BTreeSet::new();
        let mut open = vec![at];
        while let Some(next) = open.pop() {
            for before in step(next) {
                if all.insert(before) {
                    open.push(before);
                }
            }
        }
        all
    }

    /// Levels in which each transaction reads one state between commits.
    fn snapshots(&self, add: &mut impl FnMut(&'static str)) {
        let fits = |at: usize, commits: usize| {
            let (reads, own) = self.reads(at);
            own && reads.iter().all(|read| self.state(commits, &read.key) == read.seen)
        };
        let unchanged = |at: usize, commits: usize| {
            (commits..at).all(|between| {
                self.txn(at).steps.iter().all(|step| !step.write || self.writes(between, &step.key).is_empty())
            })
        };
        let after_session =
            |at: usize, commits: usize| (commits..self.order.len()).all(|other| !self.session(other, at));
        let after_all = |at: usize, commits: usize| (commits..self.order.len()).all(|other| !self.real_time(other, at));
        let mut some = |name: &'static str, allowed: &dyn Fn(usize, usize) -> bool| {
            if (0..self.order.len()).all(|at| (0..=at).any(|commits| fits(at, commits) && allowed(at, commits))) {
                add(name);
            }
        };
        some("prefix", &|at, commits| after_session(at, commits));
        some("snapshot-isolation", &|at, commits| unchanged(at, commits));
        some("strong-session-snapshot-isolation", &|at, commits| unchanged(at, commits) && after_session(at, commits));
        some("strong-snapshot-isolation", &|at, commits| unchanged(at, commits) && after_all(at, commits));
        some("repeatable-read", &|at, commits| commits == at);
        some("serializable", &|at, commits| commits == at);
        some("strong-session-serializable", &|at, commits| commits == at && after_session(at, commits));
        some("strict-serializable", &|at, commits| commits == at && after_all(at, commits));
    }
}
