//! All faults that there are: those included here, and those that a crate of your own registers.

use std::sync::Arc;

use rashomon_spec::fault_kind::FaultKind;
use rashomon_spec::schedule::{Aim, Schedule};

use crate::clock::Jump;
use crate::environment::Capability;
use crate::fault::{Fault, FaultClassInfo};
use crate::kill::Kill;
use crate::packets::{Whose, delay::Delay, loss::Loss};
use crate::partition::isolate::Isolate;
use crate::partition::majorities_ring::MajoritiesRing;
use crate::partition::one_link::OneLink;
use crate::partition::one_way::OneWay;
use crate::partition::split::MajorityMinority;
use crate::pause::Pause;
use crate::slow_node::SlowNode;
use crate::wipe::WipeOne;

/// The faults there are, in an order that never changes: what a seed draws depends on it.
#[derive(Clone, Default)]
pub struct FaultCatalogue {
    faults: Vec<Arc<dyn Fault>>,
}

impl FaultCatalogue {
    /// No faults.
    pub fn new() -> FaultCatalogue {
        FaultCatalogue::default()
    }

    /// The included faults. New ones come last, so that no seed draws anything else than it did.
    pub fn included() -> FaultCatalogue {
        FaultCatalogue::new()
            .with(Isolate::Leader)
            .with(Isolate::One)
            .with(MajorityMinority)
            .with(MajoritiesRing)
            .with(OneLink)
            .with(OneWay::In)
            .with(OneWay::Out)
            .with(Kill::Some)
            .with(Kill::Leader)
            .with(Kill::All)
            .with(Pause::Some)
            .with(Pause::Leader)
            .with(Jump::Ahead)
            .with(Jump::Back)
            .with(Loss(Whose::One))
            .with(Loss(Whose::All))
            .with(Delay(Whose::One))
            .with(Delay(Whose::All))
            .with(WipeOne)
            .with(SlowNode)
    }

    /// Adds a fault.
    ///
    /// # Panics
    ///
    /// When a kind or a class has this name already: names are what users type and files refer to.
    pub fn with(mut self, fault: impl Fault + 'static) -> FaultCatalogue {
        let kind = fault.kind();
        let taken = self.faults.iter().any(|other| {
            let class = other.class();
            other.kind() == kind
                || class.name == kind.as_str()
                || other.kind().as_str() == fault.class().name
                || (class.name == fault.class().name && !std::ptr::eq(class, fault.class()))
        });
        assert!(
            !taken && fault.class().name != kind.as_str(),
            "the name of the fault `{kind}` or of its class is taken"
        );
        self.faults.push(Arc::new(fault));
        self
    }

    /// All faults, in order.
    pub fn faults(&self) -> impl Iterator<Item = &Arc<dyn Fault>> {
        self.faults.iter()
    }

    /// The fault of this kind.
    pub fn find(&self, kind: &FaultKind) -> Option<&Arc<dyn Fault>> {
        self.faults().find(|fault| fault.kind() == *kind)
    }

    /// The class of a kind.
    pub fn class(&self, kind: &FaultKind) -> Option<&'static FaultClassInfo> {
        self.find(kind).map(|fault| fault.class())
    }

    /// All classes, in order.
    pub fn classes(&self) -> Vec<&'static FaultClassInfo> {
        let mut classes: Vec<&'static FaultClassInfo> = Vec::new();
        for class in self.faults().map(|fault| fault.class()) {
            if !classes.iter().any(|known| known.name == class.name) {
                classes.push(class);
            }
        }
        classes
    }

    /// The kinds of a class, in order.
    pub fn kinds(&self, class: &str) -> Vec<FaultKind> {
        self.faults().filter(|fault| fault.class().name == class).map(|fault| fault.kind()).collect()
    }

    /// Every kind that does not have to be asked for by name: what `all` stands for.
    pub fn all(&self) -> Vec<FaultKind> {
        self.faults().filter(|fault| fault.class().opt_in.is_none()).map(|fault| fault.kind()).collect()
    }

    /// The kinds that a class or a kind stands for by its name; `None` when there is no such name.
    pub fn named(&self, name: &str) -> Option<Vec<FaultKind>> {
        let kinds = self.kinds(name);
        if !kinds.is_empty() {
            return Some(kinds);
        }
        self.faults().find(|fault| fault.kind().as_str() == name).map(|fault| vec![fault.kind()])
    }

    /// These kinds in order, each once.
    pub fn ordered(&self, kinds: &[FaultKind]) -> Vec<FaultKind> {
        self.faults().map(|fault| fault.kind()).filter(|kind| kinds.contains(kind)).collect()
    }

    /// The classes that these kinds belong to, in order.
    pub fn classes_of(&self, kinds: &[FaultKind]) -> Vec<&'static FaultClassInfo> {
        let has = |class: &&'static FaultClassInfo| self.kinds(class.name).iter().any(|kind| kinds.contains(kind));
        self.classes().into_iter().filter(has).collect()
    }

    /// What these kinds need of a lab.
    pub fn needs(&self, kinds: &[FaultKind], capability: Capability) -> bool {
        self.classes_of(kinds).iter().any(|class| class.needs.contains(&capability))
    }

    /// Those of the kinds that mean something in a cluster of so many nodes, in which a node leads or none does.
    pub fn meaningful(&self, kinds: impl IntoIterator<Item = FaultKind>, nodes: u16, leader: bool) -> Vec<FaultKind> {
        let means = |kind: &FaultKind| {
            self.find(kind).is_some_and(|fault| fault.nodes_min() <= nodes && (leader || !fault.needs_leader()))
        };
        kinds.into_iter().filter(means).collect()
    }

    /// Kinds as a person would write them for such a cluster: a class's name where all of its kinds are there.
    pub fn shortest(&self, kinds: &[FaultKind], nodes: u16, leader: bool) -> String {
        let mut words: Vec<String> = Vec::new();
        for class in self.classes() {
            let all = self.kinds(class.name);
            let whole = self.meaningful(all.iter().cloned(), nodes, leader);
            if !whole.is_empty() && whole.iter().all(|kind| kinds.contains(kind)) {
                words.push(class.name.to_owned());
            } else {
                words.extend(all.iter().filter(|kind| kinds.contains(kind)).map(FaultKind::to_string));
            }
        }
        if words.is_empty() { "none".to_owned() } else { words.join(",") }
    }

    /// Whether a plan, perhaps one that a person has written, can be injected into a cluster of so many nodes; else
    /// what is wrong with it.
    pub fn check(&self, schedule: &Schedule, nodes: u16) -> Result<(), String> {
        let mut known = std::collections::BTreeSet::new();
        for (_, planned) in schedule.faults() {
            let wrong = |what: String| Err(format!("fault {} of the plan {what}", planned.id));
            let Some(fault) = self.find(&planned.kind) else {
                return wrong(format!("is of a kind that does not exist: {}", planned.kind));
            };
            match &planned.aim {
                Aim::Nodes(group) | Aim::LeaderAnd(group) => {
                    if let Some(node) = group.iter().find(|&&node| node == 0 || node > nodes) {
                        return wrong(format!("is aimed at node {node}, and there are {nodes}"));
                    }
                }
                Aim::SameAs(other) if !known.contains(other) => {
                    return wrong(format!("is aimed at the nodes of fault {other}, which is not before it"));
                }
                Aim::SameAs(_) | Aim::All | Aim::Leader => {}
            }
            for (name, low, high) in fault.parameters() {
                match planned.parameters.get(*name) {
                    Some(value) if (low..=high).contains(&value) => {}
                    Some(value) => return wrong(format!("has {name} {value}; choose from {low} to {high}")),
                    None => return wrong(format!("has no {name}")),
                }
            }
            if planned.at_ms.checked_add(planned.for_ms).is_none_or(|end_ms| end_ms > LONGEST_MS) {
                return wrong("ends too late".to_owned());
            }
            if !known.insert(planned.id) {
                return wrong("has the identity of another one".to_owned());
            }
        }
        Ok(())
    }
}

/// Longer than any run.
const LONGEST_MS: u64 = 365 * 24 * 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again() {
        let catalogue = FaultCatalogue::included();
        for fault in catalogue.faults() {
            assert_eq!(catalogue.named(fault.kind().as_str()), Some(vec![fault.kind()]));
            assert!(catalogue.kinds(fault.class().name).contains(&fault.kind()));
        }
        assert_eq!(catalogue.named("kill").unwrap().len(), 3);
        assert_eq!(catalogue.named("meteor"), None);
        let all = catalogue.all();
        assert!(all.contains(&Kill::All.kind()) && !all.contains(&WipeOne.kind()));
    }

    #[test]
    #[should_panic(expected = "`kill-all`")]
    fn a_name_is_given_once() {
        let _ = FaultCatalogue::included().with(Kill::All);
    }

    #[test]
    fn whole_classes_are_written_by_their_name() {
        let catalogue = FaultCatalogue::included();
        let mut kinds = catalogue.kinds("kill");
        kinds.push(Isolate::Leader.kind());
        assert_eq!(catalogue.shortest(&kinds, 5, true), "isolate-leader,kill");
        assert_eq!(catalogue.shortest(&[], 5, true), "none");
        let without_ring = catalogue.meaningful(catalogue.kinds("partition"), 3, true);
        assert_eq!(without_ring.len(), 6);
        assert_eq!(catalogue.shortest(&without_ring, 3, true), "partition");
        let leaderless = catalogue.meaningful(catalogue.kinds("kill"), 1, false);
        assert_eq!(catalogue.shortest(&leaderless, 1, false), "kill");
    }

    #[test]
    fn a_plan_that_cannot_be_injected_is_refused_with_the_reason() {
        let catalogue = FaultCatalogue::included();
        let check = |faults: &str| {
            let plan = format!(r#"{{"episodes":[{{"faults":[{faults}],"end_ms":9}}]}}"#);
            catalogue.check(&serde_json::from_str(&plan).unwrap(), 3)
        };
        let fault = |id: u32, kind: &str, aim: &str, more: &str| {
            format!(r#"{{"id":{id},"kind":"{kind}","aim":{aim},"at_ms":1,"for_ms":2{more}}}"#)
        };
        let kill = fault(1, "kill-some", r#"{"nodes":[3]}"#, "");
        assert_eq!(check(&kill), Ok(()));
        assert_eq!(check(&format!("{kill},{}", fault(2, "pause-some", r#"{"same-as":1}"#, ""))), Ok(()));
        for (faults, expected) in [
            (fault(1, "meteor", r#""all""#, ""), "meteor"),
            (fault(1, "kill-some", r#"{"nodes":[4]}"#, ""), "node 4"),
            (fault(1, "kill-some", r#"{"nodes":[0]}"#, ""), "node 0"),
            (fault(1, "kill-some", r#"{"same-as":1}"#, ""), "not before it"),
            (fault(1, "loss-all", r#""all""#, ""), "no percent"),
            (fault(1, "loss-all", r#""all""#, r#","parameters":{"percent":300}"#), "300"),
            (format!("{kill},{kill}"), "identity"),
            (kill.replace(r#""for_ms":2"#, r#""for_ms":18446744073709551615"#), "too late"),
        ] {
            let error = check(&faults).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
