//! Who is in the cluster, as every node sees it: views must move forward only, and converge to the truth.
//!
//! Clients ask their nodes all the time. A few of them also let their node leave the cluster and join it again, in
//! turns; the others never leave, so that there is always a cluster. Leaves are what makes ghosts possible.
//!
//! Whether a node may declare another one dead depends on what was cut, which a history does not tell. Where the faults
//! of a run leave no excuse, `accusations` says so: `no-deaths` for nodes that only stand still or crash,
//! `no-suspicions` for cuts around which there is always a way through another node.

use std::collections::BTreeMap;
use std::sync::Arc;

use rashomon_checkers::eventual::{Accusations, EventualDemand, MembersDemand, check_members};
use rashomon_checkers::{Budget, Judgement};
use rashomon_history::{History, Outcome, Value};
use rashomon_spec::consistency::Level;
use rashomon_spec::draw::{Draw, Stream};
use rashomon_spec::interface::{self, Interface};
use rashomon_spec::operation::{Completion, Operation};
use rashomon_spec::workload::{Generator, GeneratorSpec, Requirements, Workload, WorkloadOption};

use crate::options;

/// The workload `members`.
pub struct Members;

const OPTIONS: [WorkloadOption; 5] = [
    WorkloadOption {
        name: "movers",
        default: "2",
        meaning: "how many clients, from the first on, let their node leave and join",
    },
    WorkloadOption { name: "stay", default: "200", meaning: "operations of such a client before its node leaves" },
    WorkloadOption { name: "away", default: "100", meaning: "operations of such a client before its node joins again" },
    WorkloadOption {
        name: "accusations",
        default: "allowed",
        meaning: "of members that answered all the time: `allowed`, `no-deaths` (the faults cut nobody off), \
                  `no-suspicions` (any two nodes always have somebody whom both reach)",
    },
    WorkloadOption {
        name: "gap-ms",
        default: "100",
        meaning: "who answers clients without a longer gap is well: less than a probe may take, or for deaths a \
                  suspicion",
    },
];

impl Workload for Members {
    fn name(&self) -> &'static str {
        "members"
    }

    fn summary(&self) -> &'static str {
        "nodes leave and join; every node's view of the cluster moves forward and converges to the truth"
    }

    fn interface(&self) -> &'static Interface {
        &interface::MEMBERS
    }

    fn model(&self, demand: &Requirements) -> Option<String> {
        // Any view may be behind: nobody promises more than that they converge.
        demand.consistency.converges_later().then(|| "members".to_owned())
    }

    fn options(&self) -> &'static [WorkloadOption] {
        &OPTIONS
    }

    fn required(&self, options: &BTreeMap<String, String>) -> Vec<&'static str> {
        match options.get("movers").map(String::as_str) {
            Some("0") => vec!["read"],
            _ => vec!["read", "leave", "join"],
        }
    }

    fn generator(&self, spec: &GeneratorSpec) -> Result<Box<dyn Generator>, String> {
        Ok(Box::new(Movers::new(spec)?))
    }

    fn check(&self, history: &History, demand: &Requirements, _: &Budget) -> Vec<Judgement> {
        let settled = demand.quiet_since_ns.map(|quiet| EventualDemand {
            quiescent_since_ns: Some(quiet),
            convergence_ns: demand.convergence_ns,
            promise: Level::EVENTUAL,
        });
        let accusations = match demand.option("accusations") {
            "no-deaths" => Accusations::NoDeaths,
            "no-suspicions" => Accusations::NoSuspicions,
            _ => Accusations::Allowed,
        };
        // The generator has refused what is no number.
        let gap_ns = demand.option("gap-ms").parse().unwrap_or(0) * 1_000_000;
        vec![check_members(history, &MembersDemand { settled, accusations, gap_ns })]
    }
}

/// Reads before what was not acknowledged is tried again.
const PATIENCE: u64 = 20;

/// Clients that let their node leave and join, among others that only look.
struct Movers {
    draw: Draw,
    movers: Vec<Mover>,
    stay: u64,
    away: u64,
    read: Arc<str>,
    leave: Arc<str>,
    join: Arc<str>,
}

struct Mover {
    /// Its node is to leave next, else to join.
    leaves: bool,
    /// Reads until then.
    reads: u64,
}

impl Movers {
    fn new(spec: &GeneratorSpec) -> Result<Movers, String> {
        let movers = options::number(&spec.options, "movers", 0, 1_000)?;
        let stay = options::number(&spec.options, "stay", 1, 1_000_000)?;
        let away = options::number(&spec.options, "away", 1, 1_000_000)?;
        options::number(&spec.options, "gap-ms", 1, 60_000)?;
        options::word(&spec.options, "accusations", &["allowed", "no-deaths", "no-suspicions"])?;
        let mut draw = Draw::new(spec.seed, Stream::Generator);
        let movers = (0..movers).map(|_| Mover { leaves: true, reads: draw.between(stay / 2, stay * 3 / 2) }).collect();
        let names = ["read", "leave", "join"].map(Arc::from);
        let [read, leave, join] = names;
        Ok(Movers { draw, movers, stay, away, read, leave, join })
    }

    fn look(&self) -> Operation {
        Operation { f: self.read.clone(), key: Value::Nil, value: Value::Nil }
    }
}

impl Generator for Movers {
    fn next(&mut self, client: u32) -> Option<Operation> {
        let Some(mover) = self.movers.get_mut(client as usize) else { return Some(self.look()) };
        if mover.reads > 0 {
            mover.reads -= 1;
            return Some(self.look());
        }
        let f = if mover.leaves { self.leave.clone() } else { self.join.clone() };
        Some(Operation { f, key: Value::Nil, value: Value::Nil })
    }

    fn observe(&mut self, client: u32, operation: &Operation, completion: &Completion) {
        let Some(mover) = self.movers.get_mut(client as usize).filter(|_| operation.f != self.read) else { return };
        if completion.outcome != Outcome::Ok {
            // Asking twice does no harm: who has left leaves no second time.
            mover.reads = PATIENCE;
            return;
        }
        mover.leaves = operation.f == self.join;
        let usual = if mover.leaves { self.stay } else { self.away };
        mover.reads = self.draw.between(usual / 2, usual * 3 / 2);
    }

    fn final_reads(&mut self) -> Vec<Operation> {
        vec![self.look()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generator(seed: u64, options: &[(&str, &str)]) -> Result<Movers, String> {
        let mut all: BTreeMap<String, String> =
            OPTIONS.iter().map(|option| (option.name.to_owned(), option.default.to_owned())).collect();
        all.extend(options.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        Movers::new(&GeneratorSpec { seed, clients: 4, options: all })
    }

    /// What one client does, each operation answered by `answer`.
    fn functions(
        movers: &mut Movers,
        client: u32,
        count: usize,
        answer: impl Fn(&Operation) -> Completion,
    ) -> Vec<String> {
        let each = (0..count).map(|_| {
            let operation = movers.next(client).expect("it never ends");
            movers.observe(client, &operation, &answer(&operation));
            operation.f.to_string()
        });
        each.collect()
    }

    fn changes(functions: Vec<String>) -> Vec<String> {
        functions.into_iter().filter(|f| f != "read").collect()
    }

    #[test]
    fn movers_leave_and_join_in_turns_and_the_others_only_look() {
        let mut movers = generator(1, &[]).unwrap();
        let ok = |operation: &Operation| Completion::ok(operation.value.clone());
        let moves = changes(functions(&mut movers, 1, 3_000, ok));
        assert!(moves.len() > 10, "{moves:?}");
        assert!(moves.iter().step_by(2).all(|f| f == "leave") && moves[1..].iter().step_by(2).all(|f| f == "join"));
        assert!(changes(functions(&mut movers, 2, 3_000, ok)).is_empty());
    }

    #[test]
    fn what_was_not_acknowledged_is_asked_again() {
        let mut movers = generator(1, &[("movers", "1")]).unwrap();
        let lost = |operation: &Operation| Completion::info(operation, "timeout: no answer");
        let moves = changes(functions(&mut movers, 0, 3_000, lost));
        assert!(moves.len() > 100 && moves.iter().all(|f| f == "leave"), "{moves:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_operations() {
        let run = |seed| {
            let ok = |operation: &Operation| Completion::ok(operation.value.clone());
            functions(&mut generator(seed, &[]).unwrap(), 0, 2_000, ok)
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }

    #[test]
    fn wrong_options_are_named() {
        assert!(generator(1, &[("stay", "0")]).is_err_and(|error| error.contains("`stay`")));
        assert!(generator(1, &[("accusations", "some")]).is_err_and(|error| error.contains("no-deaths")));
    }
}
