//! A described target as the harness sees it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rashomon_harness::client::{Client, Completion, Invocation, Operation};
use rashomon_harness::consistency::Level;
use rashomon_harness::interface::Interface;
use rashomon_harness::lab::NodeUser;
use rashomon_harness::target::{
    ClusterContext, ClusterPlan, Connection, MutantInfo, Node, NodePlan, Recipe, Setting, StatusFuture, Target,
    TargetConfig, TargetError, TargetInfo, TargetTiming, Version,
};

use crate::choices;
use crate::client::{ClientKind, Seat};
use crate::file::{Description, MutantEntry, User};
use crate::plan::Planner;
use crate::program;
use crate::status::Status;
use crate::template::{Text, Values};
use crate::time;
use crate::wrong::Wrong;

/// Where programs of nodes are looked for.
const NODE_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A target that a file describes.
pub struct Described {
    pub(crate) name: String,
    /// The file it was read from; none for a text that is part of the program.
    pub(crate) file: Option<PathBuf>,
    /// The folder that relative paths start from.
    pub(crate) folder: PathBuf,
    /// The text, as errors quote its places.
    pub(crate) text: String,
    pub(crate) description: Description,
    pub(crate) promises: Promises,
    pub(crate) client: Box<dyn ClientKind>,
    pub(crate) status: Status,
}

/// What it promises of each interface.
pub(crate) struct Promises {
    pub(crate) usual: Vec<Promise>,
    /// Under some settings, in order.
    pub(crate) weaker: Vec<(BTreeMap<Text, String>, Vec<Promise>)>,
}

/// What it promises of an interface.
pub(crate) type Promise = (&'static Interface, Level);

impl Described {
    fn error(&self, wrong: Wrong) -> TargetError {
        let named = self.file.as_ref().and_then(|file| file.file_name());
        let name = named.map_or_else(|| self.name.clone(), |name| name.to_string_lossy().into_owned());
        wrong.in_file(&name, &self.text)
    }

    fn planner<'a>(&'a self, cluster: &'a ClusterContext) -> Planner<'a> {
        Planner { description: &self.description, folder: &self.folder, cluster }
    }

    /// A cluster of which nothing is started, to try templates with.
    fn example(&self, config: TargetConfig) -> ClusterContext {
        let node = |id: u16| Node {
            id,
            name: format!("n{id}"),
            ip: [10, 77, 0, id.min(253) as u8].into(),
            data_dir: PathBuf::from(format!("/run/rashomon/n{id}/data")),
        };
        ClusterContext { config, nodes: (1..=self.description.nodes.max(1)).map(node).collect() }
    }

    /// That everything can be planned, with each known bug and without: what is wrong is found before a run.
    pub(crate) fn rehearse(&self) -> Result<(), Wrong> {
        let mutants = self.description.mutants.keys().cloned().map(Some);
        for mutant in std::iter::once(None).chain(mutants) {
            let cluster = self.example(TargetConfig { mutant, ..TargetConfig::default() });
            choices::check_settings(&self.description, &cluster.config)?;
            let planner = self.planner(&cluster);
            planner.cluster()?;
            for node in &cluster.nodes {
                planner.node(node)?;
                self.client.check(&planner.values(node)?)?;
            }
            self.timing_of(&cluster.config)?;
            planner.command_if_any(&self.description.version_command)?;
        }
        Ok(())
    }

    fn timing_of(&self, config: &TargetConfig) -> Result<TargetTiming, Wrong> {
        let settings = choices::settings(&self.description, config);
        let of = |entry: &Option<Text>, default: u64| match entry {
            None => Ok(Duration::from_millis(default)),
            Some(text) => time::parse(&text.expand(&settings)?)
                .map_err(|why| Wrong::new(text.at(), why, "give a length of time, as 500ms")),
        };
        let timing = &self.description.timing;
        Ok(TargetTiming {
            election_timeout: of(&timing.election_timeout, 1000)?,
            recovery: of(&timing.recovery, 3000)?,
            convergence: of(&timing.convergence, 5000)?,
        })
    }

    /// That the programs of the nodes are there.
    fn programs_are_there(&self, config: &TargetConfig) -> Result<(), Wrong> {
        let cluster = self.example(config.clone());
        let Some(node) = cluster.nodes.first() else { return Ok(()) };
        let plan = self.planner(&cluster).node(node)?;
        let steps = plan.prepare.iter().map(|step| &step.command);
        for command in plan.processes.iter().map(|process| &process.command).chain(steps) {
            if !program::exists(&command.program, NODE_PATH) {
                let what = format!("the program `{}` is not there", command.program.display());
                return Err(Wrong::new(None, what, self.how_to_install()));
            }
        }
        Ok(())
    }

    fn how_to_install(&self) -> String {
        match self.description.install.as_str() {
            "" => format!("install it ({NODE_PATH}), or write its path, absolute or from the file's folder"),
            install => format!("install it: {install}"),
        }
    }

    fn version_of(&self, config: &TargetConfig) -> Result<Version, Wrong> {
        let cluster = self.example(config.clone());
        if let Some(command) = self.planner(&cluster).command_if_any(&self.description.version_command)? {
            return Ok(Version::PrintedBy(command));
        }
        Ok(Version::Known(self.description.version.clone().unwrap_or_else(|| "not stated".to_owned())))
    }

    fn recipe(&self, mutant: &MutantEntry) -> Option<Recipe> {
        let recipe = mutant.found_by.as_ref()?;
        Some(Recipe {
            workload: recipe.workload.clone().unwrap_or_else(|| self.default_workload()),
            nodes: recipe.nodes.unwrap_or(self.description.nodes),
            faults: recipe.faults.clone(),
            seconds: recipe.time.0.as_secs_f64().ceil() as u32,
            more: recipe.flags.clone(),
        })
    }

    fn default_workload(&self) -> String {
        let first = self.promises.usual.first().map_or("register", |(interface, _)| interface.name);
        self.description.workload.clone().unwrap_or_else(|| first.to_owned())
    }

    /// The text as a run keeps it: with the place it was read from.
    fn definition(&self) -> String {
        match (&self.file, &self.description.read_from) {
            (Some(file), None) => format!("read-from = {:?}\n{}", file.display().to_string(), self.text),
            _ => self.text.clone(),
        }
    }

    fn values(&self, cluster: &ClusterContext, node: &Node) -> Values {
        // They were tried when the file was read.
        self.planner(cluster).values(node).unwrap_or_default()
    }
}

impl Target for Described {
    fn info(&self) -> TargetInfo {
        let setting = |(name, entry): (&Text, &crate::file::SettingEntry)| {
            Setting::new(name.as_str(), &*entry.default, &*entry.meaning)
        };
        let mutant = |(place, (name, entry)): (usize, (&String, &MutantEntry))| MutantInfo {
            name: name.clone(),
            id: if entry.id.is_empty() { (place + 1).to_string() } else { entry.id.clone() },
            summary: entry.summary.clone(),
            exposes: entry.exposes.clone(),
            recipe: self.recipe(entry),
        };
        TargetInfo {
            interfaces: self.promises.usual.iter().map(|(interface, _)| *interface).collect(),
            settings: self.description.settings.iter().map(setting).collect(),
            mutants: self.description.mutants.iter().enumerate().map(mutant).collect(),
            default_workload: self.default_workload(),
            default_nodes: self.description.nodes,
            has_leader: self.description.leader.is_some(),
            exits_by_design: self.description.exits_by_design,
            definition: Some(self.definition()),
            file: self.file.clone(),
            ..TargetInfo::new(&self.name, &self.description.summary)
        }
    }

    fn consistency(&self, config: &TargetConfig, interface: &'static Interface) -> Level {
        let settings = choices::settings(&self.description, config);
        let weaker = self.promises.weaker.iter().filter(|(when, _)| choices::hold(&settings, when));
        let all = weaker.map(|(_, promises)| promises).chain([&self.promises.usual]);
        let promised = all.flatten().find(|(promised, _)| *promised == interface);
        promised.map_or(Level::LINEARIZABLE, |(_, level)| *level)
    }

    fn workload_defaults(&self, _: &TargetConfig, workload: &str) -> Vec<(String, String)> {
        let options = self.description.workloads.get(workload).into_iter().flatten();
        options.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn timing(&self, config: &TargetConfig) -> Result<TargetTiming, TargetError> {
        choices::check_settings(&self.description, config).map_err(|wrong| self.error(wrong))?;
        self.timing_of(config).map_err(|wrong| self.error(wrong))
    }

    fn prepare(&self, config: &TargetConfig) -> Result<Version, TargetError> {
        let prepared = self.programs_are_there(config).and_then(|()| self.client.prepare(&self.folder));
        prepared.and_then(|()| self.version_of(config)).map_err(|wrong| self.error(wrong))
    }

    fn cluster_plan(&self, cluster: &ClusterContext) -> Result<ClusterPlan, TargetError> {
        self.planner(cluster).cluster().map_err(|wrong| self.error(wrong))
    }

    fn node_user(&self) -> NodeUser {
        match self.description.user {
            User::Node => NodeUser::Unprivileged,
            User::Root => NodeUser::Root,
        }
    }

    fn node_plan(&self, cluster: &ClusterContext, node: &Node) -> Result<NodePlan, TargetError> {
        self.planner(cluster).node(node).map_err(|wrong| self.error(wrong))
    }

    fn client(&self, cluster: &ClusterContext, connection: &Connection<'_>) -> Box<dyn Client> {
        match self.planner(cluster).values(connection.node) {
            Ok(values) => self.client.connect(&Seat { connection, values, folder: &self.folder }),
            Err(wrong) => Box::new(Never(wrong.what)),
        }
    }

    fn leads_by_events(&self) -> bool {
        self.description.leader.is_some() && !self.status.answers_leads()
    }

    fn status<'a>(&'a self, cluster: &'a ClusterContext, node: &'a Node, timeout: Duration) -> StatusFuture<'a> {
        let values = self.values(cluster, node);
        Box::pin(async move { self.status.ask(&self.folder, &values, timeout).await })
    }
}

/// A client that cannot be made.
struct Never(String);

impl Client for Never {
    fn invoke<'a>(&'a mut self, operation: &'a Operation) -> Invocation<'a> {
        Box::pin(async move { Completion::fail(operation, format!("client: {}", self.0)) })
    }
}

/// The folder of a file.
pub(crate) fn folder_of(file: Option<&Path>) -> PathBuf {
    file.and_then(Path::parent).map_or_else(|| PathBuf::from("/"), Path::to_owned)
}
