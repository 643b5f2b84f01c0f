//! By which checkers a history is judged: those that fit what the run's target promises.

use rashomon_checkers::eventual::EventualDemand;
use rashomon_checkers::{Budget, Checker, Judgement};
use rashomon_history::History;
use rashomon_spec::consistency::Level;
use rashomon_spec::workload::Requirements;

/// What a workload demands under a consistency: all of some models.
pub(crate) type Models = Vec<Checker>;

/// Those that judge a level: these of linearizable objects, those of objects that may differ for a while. None where
/// neither fits.
pub(crate) fn by_level(demand: &Requirements, linearizable: Models, later: Models) -> Models {
    let level = demand.consistency;
    if level == Level::LINEARIZABLE {
        linearizable
    } else if level.converges_later() {
        later
    } else {
        Vec::new()
    }
}

/// Their names, in one line.
pub(crate) fn in_words(models: &Models, demand: &Requirements) -> Option<String> {
    let names: Vec<&str> = models.iter().map(|model| model.name).collect();
    let (&first, all) = (names.first()?, names.join(", "));
    let is_said = demand.consistency != Level::LINEARIZABLE || first.starts_with("linearizable");
    Some(if is_said { all } else { format!("linearizable {all}") })
}

/// Judges a history by each of them.
pub(crate) fn check(models: &Models, history: &History, demand: &Requirements, budget: &Budget) -> Vec<Judgement> {
    let eventual = eventual_demand(demand);
    models.iter().map(|model| model.check_under(history, &eventual, budget)).collect()
}

fn eventual_demand(demand: &Requirements) -> EventualDemand {
    EventualDemand {
        // Without a quiet time nothing is settled: what is missing may still come.
        quiescent_since_ns: Some(demand.quiet_since_ns.unwrap_or(u64::MAX)),
        convergence_ns: demand.convergence_ns,
        promise: demand.consistency,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn nothing_is_settled_before_the_run_is_quiet() {
        let mut demand = Requirements::new(Level::SESSION, BTreeMap::new());
        assert_eq!(eventual_demand(&demand).quiescent_since_ns, Some(u64::MAX));
        demand.quiet_since_ns = Some(7);
        assert_eq!(eventual_demand(&demand).quiescent_since_ns, Some(7));
        assert_eq!(eventual_demand(&demand).promise, Level::SESSION);
    }
}
