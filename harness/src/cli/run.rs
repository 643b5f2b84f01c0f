//! `rashomon run`: from flags to a plan, from a plan to a run, from a run to a verdict.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser};
use rashomon_runs::{Plan, Store, Verdict};
pub(super) use rashomon_spec::quantity::duration_ms;

use super::error::CommandError;
use super::names;
use super::other::{self, OtherArguments};
use super::progress::{JsonLines, Terminal, Verbosity};
use super::seeds::{self, Seeds};
use super::summary;
use crate::consistency::Level;
use crate::event::Listener;
use crate::faults::FaultCatalogue;
use crate::faults::kind::FaultKind;
use crate::registry::Registry;
use crate::run::{ClockWay, DataPlacement, OtherRuns, RunSpec};
use crate::runner::{self, Many};
use crate::schedule::Schedule;
use crate::target::{MutantInfo, Target, TargetConfig};
use crate::workload::{GeneratorSpec, Requirements, Workload};

#[derive(Args)]
pub(crate) struct RunArguments {
    /// The system under test: a target's name (`rashomon list targets`), or a file that describes one
    target: String,
    /// What the clients do (`rashomon list workloads`); the target's own when not given
    #[arg(long)]
    workload: Option<String>,
    /// An option of the workload, as NAME=VALUE; may be repeated
    #[arg(short = 'o', long = "option", value_name = "NAME=VALUE")]
    options: Vec<String>,
    /// Switches on a known bug of the target (`rashomon list mutants`)
    #[arg(long, value_name = "NAME")]
    mutant: Option<String>,
    /// Tests another build of the target's node program
    #[arg(long, value_name = "PATH")]
    node_binary: Option<PathBuf>,
    #[command(flatten)]
    other: OtherArguments,
    /// A setting of the target, as NAME=VALUE; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// What the history must satisfy; what the target promises under its settings when not given
    #[arg(long, value_parser = consistency())]
    consistency: Option<Level>,
    /// How long after the last heal and the last update replicas may still disagree; the target's own when not given
    #[arg(long, value_name = "TIME", value_parser = duration_ms)]
    convergence: Option<u64>,
    /// How many nodes
    #[arg(long, value_name = "COUNT")]
    nodes: Option<u16>,
    /// How many processes run at once
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    clients: u32,
    /// Operations a second over all clients; 0: each client sends as soon as it has its answer
    #[arg(long, value_name = "PER SECOND", default_value_t = 1000.0)]
    rate: f64,
    /// Length of the load: 30s, 500ms, 5m
    #[arg(long, default_value = "30s", value_parser = duration_ms)]
    time: u64,
    /// Classes or kinds of faults, with commas between (`rashomon list faults`); `all` (but those that are opt-in) or
    /// `none`
    #[arg(long, value_name = "FAULTS", default_value = "partition,kill")]
    faults: String,
    /// Seed of every random choice [default: random]
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// One run for each seed of a range, as 1..20 (both ends included)
    #[arg(long, value_name = "FIRST..LAST")]
    seeds: Option<Seeds>,
    /// Hard deadline per operation; one still pending then ends as `info`
    #[arg(long, default_value = "1s", value_parser = duration_ms)]
    deadline: u64,
    /// Where the nodes keep their data: `tmpfs` (in memory) or `disk` (in the run's folder)
    #[arg(long, value_parser = data_placement(), default_value = "tmpfs")]
    data: DataPlacement,
    /// How clock faults set a program's clock: `auto` (as it suits the program), `vdso` or `libfaketime`
    #[arg(long, value_parser = clock_way(), default_value = "auto")]
    clock: ClockWay,
    /// Checks the history while it grows, and ends the run at the first certain violation
    #[arg(long)]
    stop_on_violation: bool,
    /// How many runs go on at once
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=32))]
    jobs: u16,
    /// The folder of runs
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,
    /// Shows results and warnings only, no progress
    #[arg(long)]
    quiet: bool,
    /// Writes every event of the runs to standard output instead, as one line of JSON each
    #[arg(long)]
    json: bool,
}

/// Runs `rashomon run`; the exit code is the worst verdict's.
pub(crate) fn run(registry: &Registry, arguments: &RunArguments) -> Result<u8, CommandError> {
    let store = Store::open(&arguments.results)?;
    let seeds = match (arguments.seeds, arguments.seed) {
        (Some(seeds), _) => seeds,
        (None, Some(seed)) => Seeds { first: seed, last: seed },
        (None, None) => {
            let seed = seeds::any();
            Seeds { first: seed, last: seed }
        }
    };
    // A seed that cannot be planned is reported before the first run, not after some. Plans are drawn again when their
    // turn comes: those of a million seeds are large.
    seeds.iter().try_for_each(|seed| arguments.plan(registry, seed).map(drop))?;
    let plans = seeds.iter().map(|seed| arguments.plan(registry, seed).expect("the same plan was drawn before"));
    let listener = arguments.listener();
    let many =
        Many { runner: &super::runner(registry, &store), jobs: usize::from(arguments.jobs), listener: &*listener };
    let mut digests = Vec::new();
    let mut failed = None;
    many.run(plans.map(|plan| ((), plan)), |(), result| match result {
        Ok(run) => {
            if !arguments.json {
                summary::print_run(registry, &run);
            }
            digests.push(run.digest());
            ControlFlow::Continue(())
        }
        Err(error) => {
            failed.get_or_insert(error);
            ControlFlow::Break(())
        }
    });
    digests.sort_by_key(|digest| digest.seed);
    if arguments.seeds.is_some() && !arguments.json {
        summary::print_table(&digests);
    }
    if let Some(error) = failed {
        return Err(error.into());
    }
    let worst = digests.iter().filter_map(|digest| digest.verdict).fold(Verdict::Pass, Verdict::worst);
    Ok(worst.exit_code())
}

pub(super) fn consistency() -> impl TypedValueParser<Value = Level> {
    let words = Level::all().map(Level::name);
    PossibleValuesParser::new(words).map(|word| word.parse().expect("a possible value"))
}

fn clock_way() -> impl TypedValueParser<Value = ClockWay> {
    let words = ClockWay::ALL.map(ClockWay::as_str);
    PossibleValuesParser::new(words).map(|word| ClockWay::named(&word).expect("a possible value"))
}

fn data_placement() -> impl TypedValueParser<Value = DataPlacement> {
    let words = DataPlacement::ALL.map(DataPlacement::as_str);
    PossibleValuesParser::new(words).map(|word| DataPlacement::named(&word).expect("a possible value"))
}

/// The arguments of a run without a command line of their own.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct Words {
    #[command(flatten)]
    run: RunArguments,
}

impl RunArguments {
    /// The arguments that these words (the target's name and flags) stand for.
    pub(crate) fn from_words(words: &[String]) -> Result<RunArguments, CommandError> {
        let parsed = Words::try_parse_from(words);
        parsed.map(|words| words.run).map_err(|error| CommandError::usage(error.to_string(), ""))
    }

    /// Who is told what happens.
    fn listener(&self) -> Box<dyn Listener> {
        let verbosity = match (self.quiet, self.jobs) {
            (true, _) => Verbosity::Quiet,
            (false, 1) => Verbosity::Progress,
            (false, _) => Verbosity::Starts,
        };
        if self.json { Box::new(JsonLines) } else { Box::new(Terminal::new(verbosity)) }
    }

    /// Ends each run at its first certain violation.
    pub(crate) fn stop_on_violation(&mut self) {
        self.stop_on_violation = true;
    }

    /// The plan of one seed, everything checked that can be checked before anything is started.
    pub(crate) fn plan(&self, registry: &Registry, seed: u64) -> Result<Plan, CommandError> {
        let target = names::target(registry, &self.target)?;
        let info = target.info();
        let workload = self.workload.as_deref().unwrap_or(&info.default_workload);
        let workload = registry.find_workload(workload).ok_or_else(|| {
            names::unknown("workload", workload, registry.workloads().map(|workload| workload.name()))
        })?;
        let faults = registry.faults();
        let spec = self.spec(faults, &*target, &**workload, seed)?;
        let timing = target.timing(&spec.target_config())?;
        let has_leader = target.info_under(&spec.target_config()).has_leader;
        let draw = |time_ms| faults.draw(seed, spec.nodes, has_leader, time_ms, &spec.faults, timing);
        let schedule = draw(spec.time_ms);
        every_class_fits(faults, &spec, &schedule, draw)?;
        Ok(Plan { spec, schedule, definition: info.definition })
    }

    fn spec(
        &self,
        faults: &FaultCatalogue,
        target: &dyn Target,
        workload: &dyn Workload,
        seed: u64,
    ) -> Result<RunSpec, CommandError> {
        let config = TargetConfig {
            mutant: self.mutant.clone(),
            node_binary: self.node_binary.clone(),
            settings: assignments(
                "setting",
                &self.settings,
                target.info().settings.iter().map(|setting| &*setting.name),
            )?,
            seed,
        };
        let info = target.info_under(&config);
        if !info.interfaces.contains(&workload.interface()) {
            let served: Vec<&str> = info.interfaces.iter().map(|interface| interface.name).collect();
            return Err(CommandError::usage(
                format!("the workload `{}` needs the interface `{}`", workload.name(), workload.interface()),
                format!("`{}` serves: {}", info.name, served.join(", ")),
            ));
        }
        if let Some(name) = &self.mutant {
            known_mutant(&info.mutants, name)?;
        }
        let nodes = self.nodes.unwrap_or(info.default_nodes);
        bounded("--nodes", u64::from(nodes), 1, u64::from(crate::lab::MAX_NODES))?;
        bounded("--clients", u64::from(self.clients), 1, 10_000)?;
        bounded("--time", self.time, 100, 7 * 24 * 3_600_000)?;
        bounded("--deadline", self.deadline, 1, 3_600_000)?;
        if !(0.0..=10_000_000.0).contains(&self.rate) {
            let remedy = "give operations a second, as --rate 1000, or 0 for a closed loop";
            return Err(CommandError::usage(format!("--rate {} is out of bounds", self.rate), remedy));
        }
        if let Some(convergence) = self.convergence {
            bounded("--convergence", convergence, 100, 3_600_000)?;
        }
        let mut spec = RunSpec {
            target: info.name.clone(),
            mutant: config.mutant,
            node_binary: config.node_binary,
            settings: config.settings,
            workload: workload.name().to_owned(),
            options: BTreeMap::new(),
            consistency: Level::default(),
            convergence_ms: 0,
            nodes,
            clients: self.clients,
            rate: self.rate,
            time_ms: self.time,
            faults: fault_kinds(faults, &self.faults, nodes, info.has_leader)?,
            seed,
            deadline_ms: self.deadline,
            data: self.data,
            clock: self.clock,
            stop_on_violation: self.stop_on_violation,
            other: self.other.version(&info)?,
        };
        if spec.other.as_ref().is_some_and(|other| other.runs == OtherRuns::Restarts) {
            other::restarts(faults, &spec)?;
        }
        let choice = spec.target_config();
        spec.options = options(target, &choice, workload, &self.options)?;
        spec.consistency = self.consistency.unwrap_or_else(|| target.consistency(&choice, workload.interface()));
        let convergence = target.timing(&choice)?.convergence;
        spec.convergence_ms = self.convergence.unwrap_or(convergence.as_millis() as u64);
        judgeable(workload, &spec)?;
        let generator = GeneratorSpec { seed, clients: spec.clients, options: spec.options.clone() };
        if let Err(error) = workload.generator(&generator) {
            let remedy = "`rashomon list workloads` shows the options";
            return Err(CommandError::usage(error, remedy));
        }
        Ok(spec)
    }
}

/// The schedule has a fault of every class that was asked for; `draw` gives the schedule of another time.
fn every_class_fits(
    faults: &FaultCatalogue,
    spec: &RunSpec,
    schedule: &Schedule,
    draw: impl Fn(u64) -> Schedule,
) -> Result<(), CommandError> {
    let classes = faults.classes_of(&spec.faults);
    let lacks = faults.lacks(schedule, &classes);
    if lacks.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = lacks.into_iter().map(|class| class.name).collect();
    let seconds = spec.time_ms / 1000 + 1;
    let enough = (seconds..seconds + 600).find(|&seconds| faults.lacks(&draw(seconds * 1000), &classes).is_empty());
    let longer = enough.map_or("a longer --time".to_owned(), |seconds| format!("--time {seconds}s"));
    Err(CommandError::usage(
        format!(
            "{} s is too short for a fault of each requested class: no {}",
            spec.time_ms as f64 / 1e3,
            names.join(", ")
        ),
        format!("use {longer} or other --faults"),
    ))
}

pub(super) fn known_mutant(mutants: &[MutantInfo], name: &str) -> Result<(), CommandError> {
    if mutants.iter().any(|mutant| mutant.name == name) {
        return Ok(());
    }
    Err(names::unknown("mutant", name, mutants.iter().map(|mutant| mutant.name.as_str())))
}

fn bounded(flag: &str, number: u64, low: u64, high: u64) -> Result<(), CommandError> {
    if (low..=high).contains(&number) {
        return Ok(());
    }
    let unit = if matches!(flag, "--time" | "--deadline" | "--convergence") { " ms" } else { "" };
    let remedy = format!("choose from {low}{unit} to {high}{unit}");
    Err(CommandError::usage(format!("{flag} {number}{unit} is out of bounds"), remedy))
}

/// The workload has a checker for the consistency that is demanded.
fn judgeable(workload: &dyn Workload, spec: &RunSpec) -> Result<(), CommandError> {
    let judges = |consistency| workload.model(&Requirements::new(consistency, spec.options.clone())).is_some();
    if judges(spec.consistency) {
        return Ok(());
    }
    let can: Vec<&str> = Level::all().filter(|&level| judges(level)).map(Level::name).collect();
    Err(CommandError::usage(
        format!("the workload `{}` has no checker for {} consistency", workload.name(), spec.consistency),
        format!("choose one with --consistency: {}", can.join(", ")),
    ))
}

/// The workload's options: its defaults, changed by the target's, changed by the user's.
fn options(
    target: &dyn Target,
    choice: &TargetConfig,
    workload: &dyn Workload,
    given: &[String],
) -> Result<BTreeMap<String, String>, CommandError> {
    let mut options = runner::option_defaults(target, choice, workload);
    options.extend(assignments("option", given, workload.options().iter().map(|option| option.name))?);
    Ok(options)
}

/// `NAME=VALUE` pairs whose names are known.
pub(super) fn assignments<'a>(
    what: &str,
    given: &[String],
    known: impl Iterator<Item = &'a str> + Clone,
) -> Result<BTreeMap<String, String>, CommandError> {
    let mut pairs = BTreeMap::new();
    for pair in given {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            CommandError::usage(format!("the {what} `{pair}` has no value"), format!("write it as {pair}=VALUE"))
        })?;
        if !known.clone().any(|candidate| candidate == name) {
            return Err(names::unknown(what, name, known));
        }
        pairs.insert(name.to_owned(), value.to_owned());
    }
    Ok(pairs)
}

/// The kinds of faults that a list of classes and kinds stands for, in order.
fn fault_kinds(faults: &FaultCatalogue, text: &str, nodes: u16, leader: bool) -> Result<Vec<FaultKind>, CommandError> {
    let named: Vec<Vec<FaultKind>> = match text {
        "all" => vec![faults.all()],
        "none" => Vec::new(),
        names_given => {
            let names = names_given.split(',').map(str::trim);
            names.map(|name| faults.named(name).ok_or_else(|| unknown_fault(faults, name))).collect::<Result<_, _>>()?
        }
    };
    let mut kinds = Vec::new();
    // What is requested by name but does not apply here is not part of the run, which must not go unnoticed.
    for (name, kinds_named) in text.split(',').map(str::trim).zip(named) {
        let meaningful = faults.meaningful(kinds_named, nodes, leader);
        if meaningful.is_empty() {
            let whom = if leader { "" } else { " without a leader" };
            let count = if nodes == 1 { "1 node".to_owned() } else { format!("{nodes} nodes") };
            let remedy = "use more nodes, or other faults";
            return Err(CommandError::usage(format!("--faults {name} does not apply to {count}{whom}"), remedy));
        }
        kinds.extend(meaningful);
    }
    Ok(faults.ordered(&kinds))
}

fn unknown_fault(faults: &FaultCatalogue, name: &str) -> CommandError {
    let kinds: Vec<FaultKind> = faults.faults().map(|fault| fault.kind()).collect();
    let classes = faults.classes().into_iter().map(|class| class.name);
    let known = classes.chain(kinds.iter().map(FaultKind::as_str)).chain(["all", "none"]);
    names::unknown("class or kind of faults", name, known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_named_by_class_or_kind_and_a_wrong_one_gets_the_nearest() {
        let faults = FaultCatalogue::included();
        let fault_kinds = |text: &str, nodes, leader| fault_kinds(&faults, text, nodes, leader);
        let kinds = fault_kinds("pause-leader,isolate-one,pause-leader", 5, true).unwrap();
        assert_eq!(kinds, ["isolate-one", "pause-leader"].map(FaultKind::new));
        assert_eq!(fault_kinds("kill", 5, true).unwrap().len(), 3);
        assert_eq!(fault_kinds("kill", 5, false).unwrap(), ["kill-some", "kill-all"].map(FaultKind::new));
        assert!(fault_kinds("partition,kill", 1, true).unwrap_err().to_string().contains("partition does not apply"));
        assert!(fault_kinds("partition,kill-leader", 5, false).unwrap_err().to_string().contains("kill-leader"));
        assert!(fault_kinds("kill-leader", 5, false).unwrap_err().to_string().contains("without a leader"));
        let all = fault_kinds("all", 5, true).unwrap();
        assert_eq!(all, faults.all());
        assert!(!all.contains(&FaultKind::new("wipe-one")) && fault_kinds("wipe", 5, true).is_ok());
        assert!(fault_kinds("none", 5, true).unwrap().is_empty());
        assert!(fault_kinds("partitions", 5, true).unwrap_err().to_string().contains("did you mean `partition`?"));
        assert!(fault_kinds("majorities-ring", 3, true).is_err());
    }

    #[test]
    fn assignments_are_checked() {
        let known = ["keys", "values"].into_iter();
        let pairs = assignments("option", &["keys=3".to_owned()], known.clone()).unwrap();
        assert_eq!(pairs["keys"], "3");
        assert!(
            assignments("option", &["key=3".to_owned()], known.clone()).unwrap_err().to_string().contains("`keys`")
        );
        assert!(assignments("option", &["keys".to_owned()], known).unwrap_err().to_string().contains("keys=VALUE"));
    }
}
