//! By which checkers a history is judged: those that fit what the run's target promises.

use rashomon_checkers::eventual::{self, EventualDemand, Promise};
use rashomon_checkers::{Budget, Judgement, ModelKind};
use rashomon_history::History;
use rashomon_spec::consistency::Consistency;
use rashomon_spec::workload::Requirements;

/// What a workload demands under a consistency: all of some models.
pub(crate) type Models = Vec<ModelKind>;

/// Their names, in one line.
pub(crate) fn in_words(models: &Models, demand: &Requirements) -> Option<String> {
    let names: Vec<&str> = models.iter().map(|model| model.name()).collect();
    match demand.consistency {
        _ if names.is_empty() => None,
        Consistency::Linearizable if !names[0].starts_with("linearizable") => {
            Some(format!("linearizable {}", names.join(", ")))
        }
        _ => Some(names.join(", ")),
    }
}

/// Judges a history by each of them.
pub(crate) fn check(models: &Models, history: &History, demand: &Requirements, budget: &Budget) -> Vec<Judgement> {
    let eventual = eventual_demand(demand);
    let judge = |&model: &ModelKind| match model {
        ModelKind::Eventual(kind) => eventual::check(history, kind, &eventual, budget),
        other => rashomon_checkers::check(history, other, budget),
    };
    models.iter().map(judge).collect()
}

fn eventual_demand(demand: &Requirements) -> EventualDemand {
    EventualDemand {
        // Without a quiet time nothing is settled: what is missing may still come.
        quiescent_since_ns: Some(demand.quiet_since_ns.unwrap_or(u64::MAX)),
        convergence_ns: demand.convergence_ns,
        promise: match demand.consistency {
            Consistency::Eventual => Promise::Eventual,
            Consistency::Session => Promise::Session,
            Consistency::Causal | Consistency::Linearizable => Promise::Replica,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn nothing_is_settled_before_the_run_is_quiet() {
        let mut demand = Requirements::new(Consistency::Session, BTreeMap::new());
        assert_eq!(eventual_demand(&demand).quiescent_since_ns, Some(u64::MAX));
        demand.quiet_since_ns = Some(7);
        assert_eq!(eventual_demand(&demand).quiescent_since_ns, Some(7));
        assert_eq!(eventual_demand(&demand).promise, Promise::Session);
    }
}
