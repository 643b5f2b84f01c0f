//! The targets, workloads, faults and checkers that a binary offers.

use std::sync::Arc;

use rashomon_checkers::{Checker, Checkers};
use rashomon_faults::{Fault, FaultCatalogue};

use crate::cli::{Dialect, ExtraCommand};
use crate::interface::{self, Interface};
use crate::target::{NoTarget, Target, TargetSource};
use crate::workload::Workload;

/// The targets, workloads, faults and checkers that a binary offers. The included targets and workloads are registered
/// by `rashomon`'s `main`; a crate of your own registers its own, with or without them.
pub struct Registry {
    /// With their names.
    targets: Vec<(String, Arc<dyn Target>)>,
    /// Where others are found.
    source: Option<Box<dyn TargetSource>>,
    /// Commands with the words of other tools.
    dialects: Vec<Box<dyn Dialect>>,
    workloads: Vec<Arc<dyn Workload>>,
    faults: FaultCatalogue,
    /// The included ones, and those that were added.
    checkers: Checkers,
    commands: Vec<Box<dyn ExtraCommand>>,
}

impl Default for Registry {
    fn default() -> Registry {
        Registry::new()
    }
}

impl Registry {
    /// A registry without targets and workloads, with the included faults.
    pub fn new() -> Registry {
        Registry {
            targets: Vec::new(),
            source: None,
            dialects: Vec::new(),
            workloads: Vec::new(),
            faults: FaultCatalogue::included(),
            checkers: Checkers::included(),
            commands: Vec::new(),
        }
    }

    /// Adds a target.
    pub fn target(mut self, target: impl Target + 'static) -> Registry {
        self.targets.push((target.info().name, Arc::new(target)));
        self
    }

    /// Lets commands name targets that are described in files.
    pub fn target_source(mut self, source: impl TargetSource + 'static) -> Registry {
        self.source = Some(Box::new(source));
        self
    }

    /// Adds a command with the words of another tool.
    pub fn dialect(mut self, dialect: impl Dialect + 'static) -> Registry {
        self.dialects.push(Box::new(dialect));
        self
    }

    /// The commands with the words of other tools.
    pub fn dialects(&self) -> impl Iterator<Item = &dyn Dialect> {
        self.dialects.iter().map(|dialect| &**dialect)
    }

    /// Adds a workload.
    pub fn workload(mut self, workload: impl Workload + 'static) -> Registry {
        self.workloads.push(Arc::new(workload));
        self
    }

    /// Adds a fault of your own after the included ones, whose seeds still draw what they drew.
    ///
    /// # Panics
    ///
    /// When a fault or a class has its name already.
    pub fn fault(mut self, fault: impl Fault + 'static) -> Registry {
        self.faults = self.faults.with(fault);
        self
    }

    /// All faults.
    pub fn faults(&self) -> &FaultCatalogue {
        &self.faults
    }

    /// Adds a checker, for `check --model` and `list models`.
    pub fn checker(mut self, checker: Checker) -> Registry {
        self.checkers.add(checker);
        self
    }

    /// All checkers: the included ones, then those that were added.
    pub fn checkers(&self) -> &Checkers {
        &self.checkers
    }

    /// Adds a command to those of the harness.
    pub fn command(mut self, command: impl ExtraCommand + 'static) -> Registry {
        self.commands.push(Box::new(command));
        self
    }

    /// The commands that were added.
    pub fn commands(&self) -> &[Box<dyn ExtraCommand>] {
        &self.commands
    }

    /// All targets, in the order they were added.
    pub fn targets(&self) -> impl Iterator<Item = &Arc<dyn Target>> {
        self.targets.iter().map(|(_, target)| target)
    }

    /// All workloads, in the order they were added.
    pub fn workloads(&self) -> impl Iterator<Item = &Arc<dyn Workload>> {
        self.workloads.iter()
    }

    /// All interfaces that are known: the included ones, then those that only a registered target or workload names.
    pub fn interfaces(&self) -> Vec<&'static Interface> {
        let mut known: Vec<&'static Interface> = interface::INCLUDED.to_vec();
        let of_targets = self.targets().flat_map(|target| target.info().interfaces);
        for interface in of_targets.chain(self.workloads().map(|workload| workload.interface())) {
            if !known.contains(&interface) {
                known.push(interface);
            }
        }
        known
    }

    /// The names of all targets: those that were added, then those of files that are found by their name.
    pub fn target_names(&self) -> Vec<String> {
        let described = self.source.iter().flat_map(|source| source.names());
        self.targets.iter().map(|(name, _)| name.clone()).chain(described).collect()
    }

    /// The target that a word of the command line stands for: one that was added, or a file.
    ///
    /// # Errors
    ///
    /// When there is none, or its description is wrong.
    pub fn find_target(&self, word: &str) -> Result<Arc<dyn Target>, NoTarget> {
        if let Some((_, target)) = self.targets.iter().find(|(known, _)| known == word) {
            return Ok(target.clone());
        }
        let found = self.source.as_ref().and_then(|source| source.find(word, &self.interfaces()));
        found.map_or_else(|| Err(NoTarget::Unknown(word.to_owned())), |target| Ok(target?))
    }

    /// The target of a plan: what its definition describes, and without one the target of that name.
    ///
    /// # Errors
    ///
    /// As [`Registry::find_target`].
    pub fn planned_target(&self, name: &str, definition: Option<&str>) -> Result<Arc<dyn Target>, NoTarget> {
        match (definition, &self.source) {
            (Some(definition), Some(source)) => Ok(source.read(definition, &self.interfaces())?),
            _ => self.find_target(name),
        }
    }

    /// The workload of this name.
    pub fn find_workload(&self, name: &str) -> Option<&Arc<dyn Workload>> {
        self.workloads().find(|workload| workload.name() == name)
    }
}
