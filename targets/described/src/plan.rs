//! From a description to the plans of a cluster and its nodes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use rashomon_harness::protocol_events::LogLines;
use rashomon_harness::target::{
    ClusterContext, ClusterPlan, EventSource, GracefulStop, LogPattern, Node, NodeCommand, NodeFile, NodePlan,
    ProcessPlan, Readiness, SharedFile, Step, StopRequest,
};

use crate::choices;
use crate::file::{Description, FileEntry, ProcessEntry, StepEntry};
use crate::template::{Text, Values};
use crate::wrong::Wrong;

/// How often nodes are asked whether they lead.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// Makes the plans of one cluster.
pub(crate) struct Planner<'a> {
    pub(crate) description: &'a Description,
    /// The folder that relative paths start from.
    pub(crate) folder: &'a Path,
    pub(crate) cluster: &'a ClusterContext,
}

impl Planner<'_> {
    pub(crate) fn values(&self, node: &Node) -> Result<Values, Wrong> {
        choices::values(self.description, &self.folder.display().to_string(), self.cluster, node)
    }

    /// How a node is prepared, started, seen to serve and stopped.
    pub(crate) fn node(&self, node: &Node) -> Result<NodePlan, Wrong> {
        let description = self.description;
        let values = self.values(node)?;
        let there = |id: &&u16| usize::from(**id) <= self.cluster.nodes.len();
        let first: Vec<u16> = description.start_first.iter().filter(there).copied().collect();
        let in_front = first.iter().position(|id| *id == node.id).unwrap_or(first.len());
        Ok(NodePlan {
            files: self.files(node, &values)?,
            prepare: self.steps(node, &values, &description.prepare)?,
            restore: description.restore.as_ref().map(|steps| self.steps(node, &values, steps)).transpose()?,
            after: first[..in_front].to_vec(),
            processes: self.processes(node, &values)?,
            readiness: self.readiness(&values)?,
            ready_within: description.ready.within.0,
            stop: self.stop(&values)?,
            events: self.events()?,
        })
    }

    /// What is done once for the whole cluster.
    pub(crate) fn cluster(&self) -> Result<ClusterPlan, Wrong> {
        let mut plan = ClusterPlan::default();
        for file in &self.description.shared_files {
            let Some(first) = self.cluster.nodes.first() else { break };
            let values = self.values(first)?;
            plan.files.push(SharedFile {
                path: file.path.expand(&values)?.into(),
                printed_by: Step::new(self.command(&file.printed_by, &values)?),
                mode: mode(&file.mode, file.path.at())?,
            });
        }
        for step in &self.description.after_start {
            let at = step.command.first().and_then(Text::at);
            let node = self.cluster.nodes.get(usize::from(step.node).wrapping_sub(1)).ok_or_else(|| {
                let what = format!("a command after the start runs in node {}, which there is not", step.node);
                Wrong::new(at, what, "name a node that every run has: 1")
            })?;
            let command = self.command(&step.command, &self.values(node)?)?;
            plan.after_start.push((step.node, Step { within: step.within.0, ..Step::with_network(command) }));
        }
        Ok(plan)
    }

    fn files(&self, node: &Node, values: &Values) -> Result<Vec<NodeFile>, Wrong> {
        let mut files = Vec::new();
        for file in &self.description.files {
            if choices::applies(self.description, self.cluster, node, &file.applies())? {
                let FileEntry { path, content, mode: bits, .. } = file;
                let written = NodeFile::new(path.expand(values)?, content.expand(values)?);
                files.push(NodeFile { mode: mode(bits, path.at())?, ..written });
            }
        }
        Ok(files)
    }

    fn steps(&self, node: &Node, values: &Values, entries: &[StepEntry]) -> Result<Vec<Step>, Wrong> {
        let mut steps = Vec::new();
        for entry in entries {
            if choices::applies(self.description, self.cluster, node, &entry.applies())? {
                let command = self.command(&entry.command, values)?;
                steps.push(Step { command, network: entry.network, within: entry.within.0 });
            }
        }
        Ok(steps)
    }

    fn processes(&self, node: &Node, values: &Values) -> Result<Vec<ProcessPlan>, Wrong> {
        let mut processes = Vec::new();
        for entry in &self.description.processes {
            let ProcessEntry { name, command, more, env, reads } = entry;
            let mut command = self.command(command, values)?;
            for more in more {
                if choices::applies(self.description, self.cluster, node, &more.applies())? {
                    command.args.extend(expand_all(&more.args, values)?);
                }
            }
            for (variable, value) in env {
                command.env.push((variable.clone(), value.expand(values)?));
            }
            for path in reads {
                command.reads.push(self.folder.join(path.expand(values)?));
            }
            processes.push(ProcessPlan { name: name.clone(), command });
        }
        if let (Some(other), Some(first)) = (self.other_program(values)?, processes.first_mut()) {
            first.command.program = other;
        }
        Ok(processes)
    }

    /// The program to start in the place of the first process's: another build, or that of a known bug.
    fn other_program(&self, values: &Values) -> Result<Option<PathBuf>, Wrong> {
        let config = &self.cluster.config;
        if config.node_binary.is_some() {
            return Ok(config.node_binary.clone());
        }
        let mutant = config.mutant.as_ref().and_then(|name| self.description.mutants.get(name));
        let Some(program) = mutant.and_then(|mutant| mutant.program.as_ref()) else { return Ok(None) };
        Ok(Some(self.program(&program.expand(values)?)))
    }

    /// A command with its templates expanded.
    pub(crate) fn command(&self, words: &[Text], values: &Values) -> Result<NodeCommand, Wrong> {
        let words = expand_all(words, values)?;
        match words.split_first() {
            Some((program, args)) if !program.is_empty() => Ok(NodeCommand::new(self.program(program)).args(args)),
            _ => Err(Wrong::new(None, "a command is empty", "write the program and its arguments as a list")),
        }
    }

    /// A command as it is run in the first node, where the file has one.
    pub(crate) fn command_if_any(&self, words: &[Text]) -> Result<Option<NodeCommand>, Wrong> {
        match self.cluster.nodes.first() {
            Some(first) if !words.is_empty() => Ok(Some(self.command(words, &self.values(first)?)?)),
            _ => Ok(None),
        }
    }

    /// A program as it is started: a relative path starts from the file's folder, a bare name is looked for in the
    /// node.
    fn program(&self, word: &str) -> PathBuf {
        if word.contains('/') { self.folder.join(word) } else { PathBuf::from(word) }
    }

    fn readiness(&self, values: &Values) -> Result<Readiness, Wrong> {
        let ready = &self.description.ready;
        match (ready.tcp, &ready.http, ready.command.is_empty()) {
            (Some(port), None, true) => Ok(Readiness::Tcp(port)),
            (None, Some(page), true) => Ok(Readiness::Http { port: page.port, path: page.path.clone() }),
            (None, None, false) => Ok(Readiness::Command(self.command(&ready.command, values)?)),
            _ => Err(Wrong::in_table("ready", "`ready` must say one thing", "give one of `tcp`, `http` and `command`")),
        }
    }

    fn stop(&self, values: &Values) -> Result<GracefulStop, Wrong> {
        let stop = &self.description.stop;
        let GracefulStop { how, within } = GracefulStop::default();
        let within = stop.within.map_or(within, |within| within.0);
        let how = match (&stop.signal, stop.command.is_empty()) {
            (Some(name), true) => {
                let full = format!("SIG{}", name.as_str().trim_start_matches("SIG"));
                let signal: Signal = full.parse().map_err(|_| {
                    let what = format!("`{}` is no signal", name.as_str());
                    Wrong::new(name.at(), what, "write it as SIGTERM, SIGINT, SIGQUIT, …")
                })?;
                StopRequest::Signal(signal as i32)
            }
            (None, true) => how,
            (None, false) => StopRequest::Command(self.command(&stop.command, values)?),
            (Some(name), false) => {
                return Err(Wrong::new(name.at(), "`stop` has a signal and a command", "give one of them"));
            }
        };
        Ok(GracefulStop { how, within })
    }

    fn events(&self) -> Result<Vec<EventSource>, Wrong> {
        let mut patterns = Vec::new();
        let mut sources = Vec::new();
        let mut add = |kind: &str, regex: &Text| -> Result<(), Wrong> {
            let pattern = LogPattern::new(kind, regex.as_str());
            LogLines::new(std::slice::from_ref(&pattern))
                .map_err(|error| Wrong::new(regex.at(), error.what, error.remedy))?;
            patterns.push(pattern);
            Ok(())
        };
        if let Some(leader) = &self.description.leader {
            if let Some(line) = &leader.log {
                add("leader", line)?;
            } else if leader.channel {
                sources.push(EventSource::Channel);
            } else {
                sources.push(EventSource::Status { every: leader.every.map_or(ASK_EVERY, |every| every.0) });
            }
        }
        for event in &self.description.events {
            add(&event.kind, &event.log)?;
        }
        if !patterns.is_empty() {
            sources.push(EventSource::Log(patterns));
        }
        Ok(sources)
    }
}

/// Every word with its templates expanded.
pub(crate) fn expand_all(words: &[Text], values: &Values) -> Result<Vec<String>, Wrong> {
    words.iter().map(|word| word.expand(values)).collect()
}

fn mode(octal: &str, at: Option<std::ops::Range<usize>>) -> Result<u32, Wrong> {
    u32::from_str_radix(octal, 8)
        .ok()
        .filter(|bits| *bits <= 0o7777)
        .ok_or_else(|| Wrong::new(at, format!("`{octal}` are no permission bits"), "write them in octal, as \"644\""))
}
