//! `rashomon list`: what can be chosen.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};

use super::error::CommandError;
use crate::consistency::Level;
use crate::registry::Registry;
use crate::target::{Setting, TargetConfig, TargetInfo};
use crate::workload::Requirements;

#[derive(Args)]
pub(crate) struct ListArguments {
    /// Of what
    what: What,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// Systems that can be tested
    Targets,
    /// What clients can do
    Workloads,
    /// The vocabularies by which workloads and targets meet
    Interfaces,
    /// What can be broken
    Faults,
    /// What a history can be checked against
    Models,
    /// Consistency levels of objects, and isolation levels of transactions
    Levels,
    /// Known bugs that can be switched on, with the run that finds each
    Mutants,
}

/// Runs `rashomon list`.
pub(crate) fn list(registry: &Registry, arguments: &ListArguments) -> Result<u8, CommandError> {
    match arguments.what {
        What::Targets => targets(registry),
        What::Workloads => workloads(registry),
        What::Interfaces => interfaces(registry),
        What::Faults => faults(registry),
        What::Models => models(registry),
        What::Levels => levels(),
        What::Mutants => mutants(registry),
    }
    Ok(0)
}

fn targets(registry: &Registry) {
    for target in registry.targets() {
        let info = target.info();
        out!("{:<14} {}", info.name, info.summary);
        let choice = TargetConfig::default();
        let promise = |interface| format!("{interface} ({})", target.consistency(&choice, interface));
        let promises: Vec<String> = info.interfaces.iter().map(|&interface| promise(interface)).collect();
        out!("{:<14}   serves: {}", "", promises.join(", "));
        out!("{:<14}   by default: {} nodes, workload {}", "", info.default_nodes, info.default_workload);
        for Setting { name, default, meaning } in &info.settings {
            out!("{:<14}   --set {name}={default}: {meaning}", "");
        }
    }
}

fn workloads(registry: &Registry) {
    for workload in registry.workloads() {
        out!("{:<14} {} (interface: {})", workload.name(), workload.summary(), workload.interface());
        let defaults = workload.options().iter().map(|option| (option.name.to_owned(), option.default.to_owned()));
        let options: BTreeMap<String, String> = defaults.collect();
        for consistency in Level::all() {
            if let Some(model) = workload.model(&Requirements::new(consistency, options.clone())) {
                out!("{:<14}   checks {consistency}: {model}", "");
            }
        }
        for option in workload.options() {
            out!("{:<14}   -o {}={}: {}", "", option.name, option.default, option.meaning);
        }
    }
}

fn interfaces(registry: &Registry) {
    for interface in registry.interfaces() {
        out!("{:<14} {}", interface.name, interface.summary);
        for function in interface.functions {
            out!("{:<14}   {:<9} {}", "", function.name, function.meaning);
        }
        let workloads = registry.workloads().filter(|workload| workload.interface() == interface);
        out!("{:<14}   spoken by: {}", "", listed(workloads.map(|workload| workload.name())));
        let infos: Vec<TargetInfo> = registry.targets().map(|target| target.info()).collect();
        let serve = infos.iter().filter(|info| info.interfaces.contains(&interface));
        out!("{:<14}   served by: {}", "", listed(serve.map(|info| info.name.as_str())));
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn faults(registry: &Registry) {
    for fault in registry.faults().faults() {
        let class = fault.class();
        let opt_in = class.opt_in.map_or_else(String::new, |reason| format!("; opt-in: {reason}"));
        out!("{:<10} {:<18} {}{opt_in}", class.name, fault.kind().as_str(), fault.meaning());
    }
}

fn models(registry: &Registry) {
    for checker in registry.checkers().iter() {
        out!("{:<24} {}", checker.name, checker.summary);
        if let [first, rest @ ..] = checker.aliases {
            let others: String = rest.iter().map(|alias| format!(", {alias}")).collect();
            out!("{:<24}   also called: {first}{others}", "");
        }
        for precondition in checker.preconditions {
            out!("{:<24}   where {precondition}", "");
        }
    }
}

fn levels() {
    for level in Level::all() {
        out!("{:<43} {}", level.name(), level.text());
        if !level.aliases().is_empty() {
            out!("{:<43}   also: {}", "", level.aliases().join(", "));
        }
    }
}

fn mutants(registry: &Registry) {
    for target in registry.targets() {
        let info = target.info();
        for mutant in &info.mutants {
            out!("{:<20} {:<4} {}", mutant.name, mutant.id, mutant.summary);
            out!("{:<20}      shows as: {}", "", mutant.exposes);
            let found_by = match &mutant.recipe {
                Some(recipe) => {
                    let words = recipe.flags(&info.name, &mutant.name);
                    format!("{} run {}", super::program_name(), words.join(" "))
                }
                None => "nothing yet: it needs a fault that this version does not have".to_owned(),
            };
            out!("{:<20}      found by: {found_by}", "");
        }
    }
}
