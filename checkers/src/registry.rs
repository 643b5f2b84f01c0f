//! The models by name, for `rashomon check --model` and `rashomon list models`.

use std::fmt;
use std::str::FromStr;

use rashomon_history::History;
use thiserror::Error;

use crate::anomalies::{self, AnomalyKind};
use crate::eventual::{self, EventualKind};
use crate::models::{AppendList, CasRegister, FailedCas, MultiRegister, Register, StringMap};
use crate::objects::{self, ObjectKind};
use crate::verdict::{Budget, Judgement};
use crate::{linearizable, sequential};

/// What a history is judged against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ModelKind {
    /// Read and write.
    Register,
    /// Read, write and compare-and-set.
    CasRegister,
    /// The same where a failed compare-and-set says that it compared.
    CasRegisterCompared,
    /// A string per key: get, put, append.
    StringMap,
    /// Registers read and written several at a time.
    MultiRegister,
    /// An append-only list per key.
    AppendList,
    /// Read and write, sequentially consistent.
    SequentialRegister,
    /// Read, write and compare-and-set, sequentially consistent.
    SequentialCasRegister,
    /// Another object, judged by a specialist of its own.
    Object(ObjectKind),
    /// What must hold of an object whatever its consistency model.
    Anomaly(AnomalyKind),
    /// What must hold of replicas that agree only later.
    Eventual(EventualKind),
}

/// No model has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no model `{0}`; `rashomon list models` names them all")]
pub struct UnknownModel(pub String);

impl ModelKind {
    /// All models, in the order they are listed.
    pub const ALL: &'static [ModelKind] = &[
        ModelKind::Register,
        ModelKind::CasRegister,
        ModelKind::CasRegisterCompared,
        ModelKind::StringMap,
        ModelKind::MultiRegister,
        ModelKind::AppendList,
        ModelKind::SequentialRegister,
        ModelKind::SequentialCasRegister,
        ModelKind::Object(ObjectKind::Set),
        ModelKind::Object(ObjectKind::Counter),
        ModelKind::Object(ObjectKind::FetchAndAdd),
        ModelKind::Object(ObjectKind::FifoQueue),
        ModelKind::Object(ObjectKind::UnorderedQueue),
        ModelKind::Object(ObjectKind::Stack),
        ModelKind::Object(ObjectKind::PriorityQueue),
        ModelKind::Object(ObjectKind::Mutex),
        ModelKind::Object(ObjectKind::Semaphore(2)),
        ModelKind::Object(ObjectKind::OwnedMutex),
        ModelKind::Object(ObjectKind::OwnedSemaphore(2)),
        ModelKind::Object(ObjectKind::ReadersWriterLock),
        ModelKind::Object(ObjectKind::FencedLock),
        ModelKind::Anomaly(AnomalyKind::Set),
        ModelKind::Anomaly(AnomalyKind::SetFull),
        ModelKind::Anomaly(AnomalyKind::SetFullLinearizable),
        ModelKind::Anomaly(AnomalyKind::TotalQueue),
        ModelKind::Anomaly(AnomalyKind::Queue),
        ModelKind::Anomaly(AnomalyKind::UniqueIds),
        ModelKind::Anomaly(AnomalyKind::Counter),
        ModelKind::Anomaly(AnomalyKind::Monotonic),
        ModelKind::Anomaly(AnomalyKind::SequentialInsert),
        ModelKind::Anomaly(AnomalyKind::LockExclusion),
        ModelKind::Anomaly(AnomalyKind::LockFencing),
        ModelKind::Anomaly(AnomalyKind::Log),
        ModelKind::Anomaly(AnomalyKind::Bank),
        ModelKind::Anomaly(AnomalyKind::BankOverdraft),
        ModelKind::Eventual(EventualKind::Convergence),
        ModelKind::Eventual(EventualKind::Register),
        ModelKind::Eventual(EventualKind::UnorderedRegister),
        ModelKind::Eventual(EventualKind::SessionGuarantees),
        ModelKind::Eventual(EventualKind::CausalRegister),
        ModelKind::Eventual(EventualKind::CausalConvergence),
        ModelKind::Eventual(EventualKind::Set),
        ModelKind::Eventual(EventualKind::Counter),
        ModelKind::Eventual(EventualKind::OrSet),
        ModelKind::Eventual(EventualKind::LwwSet),
        ModelKind::Eventual(EventualKind::Siblings),
        ModelKind::Eventual(EventualKind::OrMap),
        ModelKind::Eventual(EventualKind::Text),
        ModelKind::Eventual(EventualKind::Members),
        ModelKind::Eventual(EventualKind::Staleness),
    ];

    /// The name users write.
    pub fn name(self) -> &'static str {
        match self {
            ModelKind::Register => "register",
            ModelKind::CasRegister => "cas-register",
            ModelKind::CasRegisterCompared => "cas-register-compared",
            ModelKind::StringMap => "kv-string",
            ModelKind::MultiRegister => "multi-register",
            ModelKind::AppendList => "append-list",
            ModelKind::SequentialRegister => "sequential-register",
            ModelKind::SequentialCasRegister => "sequential-cas-register",
            ModelKind::Object(kind) => kind.name(),
            ModelKind::Anomaly(kind) => kind.name(),
            ModelKind::Eventual(kind) => kind.name(),
        }
    }

    /// What it means, in one line.
    pub fn description(self) -> &'static str {
        match self {
            ModelKind::Register => "linearizable register per key: read, write; nil before the first write",
            ModelKind::CasRegister => {
                "linearizable register per key: read, write, cas [from to]; a failed cas says nothing"
            }
            ModelKind::CasRegisterCompared => {
                "cas-register in whose histories a failed cas means that it found another value"
            }
            ModelKind::StringMap => "linearizable string per key: get, put, append; empty at first",
            ModelKind::MultiRegister => {
                "linearizable registers: txn, a list of [read key value], [write key value], [append key element]"
            }
            ModelKind::AppendList => "linearizable list per key: append, read; empty at first",
            ModelKind::SequentialRegister => "sequentially consistent registers (small histories): read, write",
            ModelKind::SequentialCasRegister => "sequentially consistent registers (small histories): read, write, cas",
            ModelKind::Object(kind) => kind.description(),
            ModelKind::Anomaly(kind) => kind.description(),
            ModelKind::Eventual(kind) => kind.description(),
        }
    }
}

impl FromStr for ModelKind {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<ModelKind, UnknownModel> {
        let (base, permits) = name.split_once(':').map_or((name, None), |(base, permits)| (base, Some(permits)));
        let found = ModelKind::ALL.iter().copied().find(|kind| kind.name() == base);
        let kind = match (found, permits) {
            (found, None) => found,
            (Some(ModelKind::Object(kind)), Some(permits)) => {
                let limit = permits.parse().ok().filter(|&limit| limit > 0);
                limit.and_then(|limit| kind.with_permits(limit)).map(ModelKind::Object)
            }
            _ => None,
        };
        kind.ok_or_else(|| UnknownModel(name.to_owned()))
    }
}

impl fmt::Display for ModelKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ModelKind::Object(ObjectKind::Semaphore(limit) | ObjectKind::OwnedSemaphore(limit)) => {
                write!(out, "{}:{limit}", self.name())
            }
            kind => out.write_str(kind.name()),
        }
    }
}

/// Judges a history against a model.
pub fn check(history: &History, model: ModelKind, budget: &Budget) -> Judgement {
    match model {
        ModelKind::Register => linearizable::check(&Register, history, budget),
        ModelKind::CasRegister => linearizable::check(&CasRegister::default(), history, budget),
        ModelKind::CasRegisterCompared => {
            linearizable::check(&CasRegister { failed_cas: FailedCas::Compared }, history, budget)
        }
        ModelKind::StringMap => linearizable::check(&StringMap, history, budget),
        ModelKind::MultiRegister => linearizable::check(&MultiRegister, history, budget),
        ModelKind::AppendList => linearizable::check(&AppendList, history, budget),
        ModelKind::SequentialRegister => sequential::judge(&Register, history, budget),
        ModelKind::SequentialCasRegister => sequential::judge(&CasRegister::default(), history, budget),
        ModelKind::Object(kind) => objects::check(history, kind, budget),
        ModelKind::Anomaly(kind) => anomalies::check(history, kind),
        ModelKind::Eventual(kind) => eventual::check(history, kind, &kind.demand(), budget),
    }
}
