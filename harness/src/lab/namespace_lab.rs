//! The lab of Linux namespaces, as the controller uses it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::error::{Attempt, LabError, LabErrorKind, Result};
use super::link::Link;
use super::logs::{LogCollector, make_log_dir};
use super::node_link::{NodeLink, UnexpectedEnd};
use super::output::{output_pipe, read_all};
use super::protocol::{
    ClockedProcess, CpuUse, Ending, HubReply, HubRequest, HubSpec, NodeAnswer, NodeProcess, NodeRequest, NodeSetup,
    StartRequest,
};
use super::sys::{NO_DEVICES, NO_SUID, READ_ONLY};
use super::{CommandOutput, DataPlacement, Effect, Inside, Isolation, LAB_DIR, Lab, LabSpec, NodeExit, RuleCounter};
use super::{MAIN_PROCESS, NODE_LOG, NODE_PATH, clock, counters, declared, node_init, readiness, view};
use crate::target::{Node, NodeCommand, Readiness, Step, StopRequest};

/// Most nodes that a lab can have: the clients need an address of the same subnet.
pub const MAX_NODES: u16 = 200;
const CLIENTS_HOST: u8 = 254;
const PREFIX_LEN: u8 = 24;
/// How long the hub may take for anything: a hundred nodes on a loaded machine, rules that wait for a lock.
const HUB_ANSWERS: Duration = Duration::from_secs(30);
/// Pause between two readiness probes at first; it grows to the second value.
const PROBE_PAUSE: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(25));
/// How long one try of a readiness command may take.
const READINESS_COMMAND: Duration = Duration::from_secs(5);
/// How long to wait for the rest of a command's output after its end.
const OUTPUT_END: Duration = Duration::from_secs(1);

/// A cluster of nodes in namespaces, connected by a hub; the controller and its clients are one more member.
///
/// All methods block for at most a few milliseconds, unless they say otherwise.
#[derive(Debug)]
pub struct NamespaceLab {
    nodes: Vec<Node>,
    members: Vec<Member>,
    hub: Mutex<Link<HubRequest, HubReply>>,
    bridge_netfilter: bool,
    logs: LogCollector,
    clients_ip: Ipv4Addr,
    run_dir: PathBuf,
    isolation: Isolation,
}

#[derive(Debug)]
struct Member {
    link: NodeLink,
    log_dir: PathBuf,
    shared_dir: PathBuf,
    /// Variables of the last start, so that commands see what the node sees.
    env: Mutex<BTreeMap<String, String>>,
}

impl NamespaceLab {
    /// Builds the network and the nodes. When this returns, every node can reach every other.
    ///
    /// # Errors
    ///
    /// When a namespace, a mount or a network device cannot be made.
    pub fn up(inside: Inside, spec: &LabSpec) -> Result<Self> {
        if spec.nodes == 0 || spec.nodes > MAX_NODES {
            return Err(LabError::usage(format!("a lab has 1 to {MAX_NODES} nodes, not {}", spec.nodes)));
        }
        let nodes = spec.planned_nodes();
        let clients_ip = address(spec.subnet, CLIENTS_HOST);
        let logs = LogCollector::start(spec.limits.log_bytes)?;
        let hub = inside.hub;
        hub.set_patience(HUB_ANSWERS).attempt(LabErrorKind::Lost, || "set the hub's link up".into())?;
        let send = |request| hub.send(&request, &[]).map_err(|_| hub_lost());
        send(HubRequest::Up(HubSpec {
            nodes: nodes.iter().map(|node| node_setup(node, spec)).collect(),
            controller_pid: std::process::id(),
            clients_address: clients_ip,
            user: spec.user,
            data_in_memory: spec.data == DataPlacement::Memory,
            hosts_file: hosts_file(&nodes, clients_ip),
        }))?;
        let (reply, links) = receive(&hub)?;
        let HubReply::LinksMade = reply else { return Err(unexpected(reply)) };
        let addresses: Vec<_> = nodes.iter().map(|node| node.ip).collect();
        node_init::configure_network(clients_ip, PREFIX_LEN, &addresses)?;
        let (reply, _) = receive(&hub)?;
        let HubReply::Up { bridge_netfilter, uid } = reply else { return Err(unexpected(reply)) };
        let mut members = Vec::new();
        for (node, link) in nodes.iter().zip(links) {
            let log_dir = spec.run_dir.join("nodes").join(&node.name);
            make_log_dir(&log_dir)?;
            let link = NodeLink::start(&node.name, Link::from_socket(link))?;
            members.push(Member { link, log_dir, shared_dir: shared_dir(&node.name), env: Mutex::default() });
        }
        let run_dir = spec.run_dir.clone();
        let isolation = Isolation::new(spec.user, uid, spec.limits, &spec.data);
        Ok(Self { nodes, members, hub: Mutex::new(hub), bridge_netfilter, logs, clients_ip, run_dir, isolation })
    }

    /// The clients' address: that of this process.
    pub fn clients_ip(&self) -> Ipv4Addr {
        self.clients_ip
    }

    /// How the nodes are isolated.
    pub fn isolation(&self) -> &Isolation {
        &self.isolation
    }

    /// That a process of the lab was killed from outside, as far as this process has noticed.
    pub fn disturbance(&self) -> Option<LabError> {
        self.members.iter().find_map(|member| member.link.disturbance())
    }

    /// Sets the zero of the clock in the nodes' logs.
    pub fn set_epoch(&self, epoch: Instant) {
        self.logs.set_epoch(epoch);
    }

    /// How many lines of the nodes' logs could not be written, for want of disk space for instance.
    pub fn dropped_log_lines(&self) -> u64 {
        self.logs.dropped_lines()
    }

    /// A folder that this process and the node see under the same path, and only this process may write to: for files
    /// with which a fault reaches into a node.
    ///
    /// # Errors
    ///
    /// When there is no such node.
    pub fn shared_dir(&self, node: u16) -> Result<&Path> {
        Ok(&self.member(node)?.shared_dir)
    }

    /// Sets how far the wall clock of a node's processes is off, through their vDSO, for all of them at the same
    /// instant.
    ///
    /// # Errors
    ///
    /// When there is no such node, or its file cannot be written.
    pub fn set_clock(&self, node: u16, by_ms: i64) -> Result<()> {
        clock::set(self.shared_dir(node)?, by_ms)
            .map_err(|error| LabError::file("a node's clock cannot be set", &error))
    }

    /// The processes of a node, and by what each of them has the node's clock.
    ///
    /// # Errors
    ///
    /// When there is no such node.
    pub fn clocked(&self, node: u16) -> Result<Vec<ClockedProcess>> {
        match self.member(node)?.link.request(|id| NodeRequest::Clocks { id }, &[])? {
            NodeAnswer::Clocks(processes) => Ok(processes),
            answer => Err(LabError::lost(format!("node {node} gave an answer that does not fit: {answer:?}"))),
        }
    }

    /// Feeds rules to `iptables-restore --noflush` in the hub's network namespace, where the chain `FORWARD` sees each
    /// packet between two members once. All of them take effect at the same instant.
    ///
    /// # Errors
    ///
    /// When iptables is missing, rejects the rules, or would not see bridged packets.
    pub fn hub_restore(&self, rules: &str) -> Result<()> {
        if !self.bridge_netfilter {
            return Err(LabError::new(
                LabErrorKind::BridgeNetfilter,
                "this kernel does not pass bridged packets to iptables, so a partition would have no effect",
                "load the module once, as root: modprobe br_netfilter",
            ));
        }
        self.run_in_hub("iptables-restore", &["--noflush"], rules).map(|_| ())
    }

    /// The rules of a chain of the hub's filter table, in order, with the packets that each one has matched.
    ///
    /// # Errors
    ///
    /// When iptables is missing or fails.
    pub fn hub_counters(&self, chain: &str) -> Result<Vec<RuleCounter>> {
        let saved = self.run_in_hub("iptables-save", &["-c", "-t", "filter"], "")?;
        Ok(counters::parse(&saved, chain))
    }

    /// Holds back every packet that a rule of the hub sends into this queue (`-j NFQUEUE`), for a time between these.
    ///
    /// # Errors
    ///
    /// When the kernel has no packet queues, or the queue is held already.
    pub fn hold(&self, queue: u16, least: Duration, most: Duration) -> Result<()> {
        let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        match self.ask_hub(&HubRequest::Hold { queue, least_us: micros(least), most_us: micros(most) })? {
            HubReply::Holding => Ok(()),
            reply => Err(unexpected(reply)),
        }
    }

    /// Ends [`NamespaceLab::hold`]; what is held goes on at once. How many packets were held back.
    ///
    /// # Errors
    ///
    /// When the queue is not held.
    pub fn release(&self, queue: u16) -> Result<u64> {
        match self.ask_hub(&HubRequest::Release { queue })? {
            HubReply::Released { packets } => Ok(packets),
            reply => Err(unexpected(reply)),
        }
    }

    fn run_in_hub(&self, program: &str, args: &[&str], input: &str) -> Result<String> {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        match self.ask_hub(&HubRequest::Run { program: program.into(), args, input: input.into() })? {
            HubReply::Ran { ending: Ending::Exited(0), stdout, .. } => Ok(stdout),
            HubReply::Ran { ending, .. } if ending.from_outside() => {
                Err(LabError::disturbed(format!("{program} {ending} in the hub")))
            }
            HubReply::Ran { ending, stderr, .. } => Err(LabError::new(
                LabErrorKind::Network,
                format!("{program} {ending} in the hub: {}", stderr.trim()),
                "run `rashomon doctor`: it tries iptables in a lab of its own",
            )),
            reply => Err(unexpected(reply)),
        }
    }

    fn ask_hub(&self, request: &HubRequest) -> Result<HubReply> {
        let hub = lock(&self.hub);
        hub.send(request, &[]).map_err(|_| hub_lost())?;
        Ok(receive(&hub)?.0)
    }

    fn member(&self, node: u16) -> Result<&Member> {
        let index = usize::from(node).checked_sub(1);
        index.and_then(|index| self.members.get(index)).ok_or_else(|| {
            LabError::usage(format!("there is no node {node}; the lab has the nodes 1 to {}", self.members.len()))
        })
    }

    fn environment(&self, node: &Node) -> BTreeMap<String, String> {
        let home = node.data_dir.to_string_lossy().into_owned();
        let user = self.isolation.user.name();
        let variables =
            [("PATH", NODE_PATH), ("LANG", "C.UTF-8"), ("HOME", &home), ("HOSTNAME", &node.name), ("USER", user)];
        variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Adds a line of the harness's own to a node's log.
    ///
    /// # Errors
    ///
    /// When there is no such node.
    pub fn note(&self, node: u16, text: String) -> Result<()> {
        self.logs.note(&self.log_file(node)?, text);
        Ok(())
    }

    fn start_request(&self, node: u16, command: &NodeCommand, env: &BTreeMap<String, String>) -> StartRequest {
        let node = &self.nodes[usize::from(node) - 1];
        let mut all = self.environment(node);
        all.extend(env.clone());
        all.extend(command.env.iter().cloned());
        StartRequest {
            program: command.program.to_string_lossy().into_owned(),
            args: command.args.clone(),
            env: all,
            cwd: node.data_dir.clone(),
            network: true,
            show: Vec::new(),
        }
    }

    /// Adds to a start what the command names of this machine; the descriptors go with the request.
    fn show(&self, command: &NodeCommand, start: &mut StartRequest) -> Result<Vec<OwnedFd>> {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        start.show = declared::paths(command, &self.run_dir, home.as_deref());
        // A program that does not exist is the node's to report.
        start.show.retain(|path| path.exists());
        start.show.iter().map(|path| view::take(path, READ_ONLY | NO_SUID | NO_DEVICES)).collect()
    }

    /// Runs a readiness command once; an error says what it printed.
    fn probe_by(&self, node: u16, command: &NodeCommand) -> std::result::Result<(), String> {
        let output = self.exec(node, command, READINESS_COMMAND).map_err(|error| error.what)?;
        if output.ending.success() {
            return Ok(());
        }
        let said: String = [output.stderr.trim(), output.stdout.trim()].join(" ").chars().take(200).collect();
        Err(format!("{} {}: {}", command.program.display(), output.ending, said.trim()))
    }

    /// Pauses or resumes, and turns the answer into its proof.
    fn reach_all(&self, node: u16, make: impl FnOnce(u64) -> NodeRequest) -> Result<Effect> {
        let begun = Instant::now();
        match self.member(node)?.link.request(make, &[])? {
            NodeAnswer::Processes(processes) => Ok(Effect { processes, took: begun.elapsed() }),
            answer => Err(LabError::lost(format!("node {node} gave an answer that does not fit: {answer:?}"))),
        }
    }
}

impl Lab for NamespaceLab {
    fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    fn start_process(&self, node: u16, process: &str, command: &NodeCommand, log: &str) -> Result<()> {
        let member = self.member(node)?;
        let env: BTreeMap<_, _> = command.env.iter().cloned().collect();
        let mut start = self.start_request(node, command, &BTreeMap::new());
        let shown = self.show(command, &mut start)?;
        let (read, write) = LogCollector::pipe()?;
        member.link.expect_end(false);
        let request = |id| NodeRequest::Start { id, process: process.to_owned(), start };
        let log = member.log_dir.join(log);
        // Both streams go into one pipe, so that they stay in the order in which they were written.
        let descriptors: Vec<_> = [&write, &write].into_iter().chain(&shown).map(AsFd::as_fd).collect();
        match member.link.request(request, &descriptors) {
            Ok(NodeAnswer::Started { pid, .. }) => {
                self.logs.note(&log, format!("--- started, pid {pid} ---"));
                self.logs.follow(&log, read);
                *lock(&member.env) = env;
                Ok(())
            }
            Ok(answer) => Err(LabError::lost(format!("node {node} gave an answer that does not fit: {answer:?}"))),
            Err(error) => {
                self.logs.note(&log, format!("--- not started: {error} ---"));
                Err(error)
            }
        }
    }

    fn running(&self, node: u16) -> Result<bool> {
        Ok(!self.member(node)?.link.running().is_empty())
    }

    fn signal(&self, node: u16, signal: Signal) -> Result<()> {
        let link = &self.member(node)?.link;
        let running = link.running();
        if running.is_empty() {
            return Err(LabError::usage("no process of the node runs"));
        }
        for process in running.into_iter().rev() {
            link.request(|id| NodeRequest::Signal { id, process, signal: signal as i32 }, &[])?;
        }
        Ok(())
    }

    fn kill(&self, node: u16) -> Result<Effect> {
        let link = &self.member(node)?.link;
        link.expect_end(true);
        let effect = self.reach_all(node, |id| NodeRequest::KillAll { id })?;
        self.logs.note(&self.log_file(node)?, format!("--- killed, {} ---", list(&effect.processes)));
        Ok(effect)
    }

    fn stop_by(&self, node: u16, request: &StopRequest, grace: Duration) -> Result<bool> {
        let link = &self.member(node)?.link;
        link.expect_end(true);
        if link.running().is_empty() {
            return Ok(true);
        }
        let deadline = Instant::now() + grace;
        let asked = match request {
            StopRequest::Signal(number) => Signal::try_from(*number)
                .attempt(LabErrorKind::Usage, || format!("send signal {number}"))
                .and_then(|signal| self.signal(node, signal)),
            StopRequest::Command(command) => self.exec(node, command, grace).map(|_| ()),
        };
        let stopped = link.wait_until_stopped(deadline);
        if !stopped {
            // It may have ended by itself between the question and the signal, but it did not.
            asked?;
        }
        self.kill(node)?;
        Ok(stopped)
    }

    fn pause(&self, node: u16) -> Result<Effect> {
        self.reach_all(node, |id| NodeRequest::Pause { id })
    }

    fn resume(&self, node: u16) -> Result<Effect> {
        self.reach_all(node, |id| NodeRequest::Resume { id })
    }

    fn limit_cpu(&self, node: u16, percent: Option<u8>) -> Result<CpuUse> {
        match self.member(node)?.link.request(|id| NodeRequest::LimitCpu { id, percent }, &[])? {
            NodeAnswer::Cpu(used) => Ok(used),
            answer => Err(LabError::lost(format!("node {node} gave an answer that does not fit: {answer:?}"))),
        }
    }

    fn exits(&self) -> Vec<NodeExit> {
        let mut exits: Vec<NodeExit> = Vec::new();
        for (node, member) in self.nodes.iter().zip(&self.members) {
            let ends = member.link.take_unexpected().into_iter();
            exits.extend(ends.map(|end| {
                let UnexpectedEnd { process, pid, ending, at, limit } = end;
                NodeExit { node: node.id, process, pid, ending, at, limit }
            }));
        }
        exits.sort_by_key(|exit| exit.at);
        exits
    }

    fn ready(&self, node: u16, readiness: &Readiness, timeout: Duration) -> Result<()> {
        let member = self.member(node)?;
        let deadline = Instant::now() + timeout;
        let ip = self.nodes[usize::from(node) - 1].ip;
        let mut pause = PROBE_PAUSE.0;
        loop {
            let probed = match readiness {
                Readiness::Command(command) => self.probe_by(node, command),
                probed => readiness::probe(probed, ip),
            };
            let missing = match probed {
                Ok(()) => return Ok(()),
                Err(missing) => missing,
            };
            let log = self.log_file(node)?;
            if let Some(disturbed) = member.link.disturbance() {
                return Err(disturbed);
            }
            let ended = member.link.ended().map(|(process, ending)| match process.as_str() {
                MAIN_PROCESS => ending.to_string(),
                process => format!("process {process} {ending}"),
            });
            let never_started = || member.link.running().is_empty().then(|| "was never started".to_owned());
            if let Some(how) = ended.or_else(never_started) {
                return Err(LabError::new(
                    LabErrorKind::Node,
                    format!("node {node} {how} before it was ready{}", last_words(&log)),
                    remedy_for_end(&log),
                ));
            }
            if Instant::now() > deadline {
                return Err(LabError::new(
                    LabErrorKind::Timeout,
                    format!(
                        "node {node} is not ready after {:.1} s: {missing}{}",
                        timeout.as_secs_f64(),
                        last_words(&log)
                    ),
                    format!("read its log: {}", log.display()),
                ));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(PROBE_PAUSE.1);
        }
    }

    fn run(&self, node: u16, step: &Step) -> Result<CommandOutput> {
        let Step { command, network, within: timeout } = step;
        let member = self.member(node)?;
        let begun = Instant::now();
        let node_env = lock(&member.env).clone();
        let mut start = StartRequest { network: *network, ..self.start_request(node, command, &node_env) };
        let shown = self.show(command, &mut start)?;
        let (stdout, stdout_end) = output_pipe()?;
        let (stderr, stderr_end) = output_pipe()?;
        let request = |id| NodeRequest::Command { id, start };
        let descriptors: Vec<_> = [&stdout_end, &stderr_end].into_iter().chain(&shown).map(AsFd::as_fd).collect();
        let answer = member.link.request(request, &descriptors)?;
        drop((stdout_end, stderr_end));
        let NodeAnswer::Started { pid, .. } = answer else {
            return Err(LabError::lost(format!("node {node} gave an answer that does not fit: {answer:?}")));
        };
        let outputs = [read_all(stdout)?, read_all(stderr)?];
        let ending = member.link.wait_for_command(pid, begun + *timeout)?;
        if let Some(reason) = member.link.take_limit() {
            let what = format!("{} in node {node} was killed by the lab: {reason}", command.program.display());
            return Err(LabError::new(LabErrorKind::Node, what, "docs/isolation.md says what a node may use"));
        }
        let Some(ending) = ending else {
            member.link.request(|id| NodeRequest::KillCommand { id, pid }, &[])?;
            return Err(LabError::new(
                LabErrorKind::Timeout,
                format!(
                    "{} in node {node} does not end within {:.1} s",
                    command.program.display(),
                    timeout.as_secs_f64()
                ),
                "give it more time, or see whether the node is paused",
            ));
        };
        // A process that the command left behind may hold the pipe open; its output is not waited for.
        let [stdout, stderr] = outputs.map(|output| output.recv_timeout(OUTPUT_END).unwrap_or_default());
        Ok(CommandOutput { ending, stdout, stderr })
    }

    fn log_file(&self, node: u16) -> Result<PathBuf> {
        Ok(self.member(node)?.log_dir.join(NODE_LOG))
    }

    fn down(self: Box<Self>) -> Result<()> {
        match self.ask_hub(&HubRequest::Down)? {
            HubReply::Down => Ok(()),
            reply => Err(unexpected(reply)),
        }
    }
}

impl LabSpec {
    /// The nodes that the lab will have.
    pub fn planned_nodes(&self) -> Vec<Node> {
        (1..=self.nodes).map(|id| self.planned_node(id)).collect()
    }

    fn planned_node(&self, id: u16) -> Node {
        let name = format!("n{id}");
        let data_dir = match &self.data {
            DataPlacement::Memory => Path::new(LAB_DIR).join(&name).join("data"),
            DataPlacement::Directory(folder) => {
                std::path::absolute(folder).unwrap_or_else(|_| folder.clone()).join(&name)
            }
        };
        Node { id, ip: address(self.subnet, id as u8), name, data_dir }
    }
}

fn address([a, b, c]: [u8; 3], host: u8) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, host)
}

fn shared_dir(name: &str) -> PathBuf {
    Path::new(LAB_DIR).join(name).join("shared")
}

fn node_setup(node: &Node, spec: &LabSpec) -> NodeSetup {
    NodeSetup {
        user: spec.user,
        limits: spec.limits,
        name: node.name.clone(),
        address: node.ip,
        prefix_len: PREFIX_LEN,
        neighbours: Vec::new(),
        data_dir: node.data_dir.clone(),
        shared_dir: shared_dir(&node.name),
        clock: spec.clocks.then(|| clock::file(&shared_dir(&node.name))),
        hidden: Vec::new(),
    }
}

fn hosts_file(nodes: &[Node], clients_ip: Ipv4Addr) -> String {
    let mut hosts = format!("127.0.0.1 localhost\n::1 localhost\n{clients_ip} clients\n");
    for node in nodes {
        hosts.push_str(&format!("{} {}\n", node.ip, node.name));
    }
    hosts
}

fn hub_lost() -> LabError {
    LabError::disturbed("the lab's hub has ended")
}

fn unexpected(reply: HubReply) -> LabError {
    match reply {
        HubReply::Failed(error) => error,
        reply => LabError::lost(format!("the hub gave an answer that does not fit: {reply:?}")),
    }
}

/// Receives one reply; a failure that the hub reports is an error here.
fn receive(hub: &Link<HubRequest, HubReply>) -> Result<(HubReply, Vec<OwnedFd>)> {
    let received = hub.receive().map_err(|error| match error.kind() {
        std::io::ErrorKind::WouldBlock => LabError::disturbed("the lab's hub does not answer: it is stopped, or hangs"),
        _ => LabError::lost(format!("the hub cannot be heard: {error}")),
    })?;
    match received.ok_or_else(hub_lost)? {
        received if matches!(received.message, HubReply::Failed(_)) => Err(unexpected(received.message)),
        received => Ok((received.message, received.descriptors)),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind these locks is replaced whole, so it is sound even after a panic of another thread.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn list(processes: &[NodeProcess]) -> String {
    match processes {
        [] => "nothing was running".into(),
        _ => {
            let pids: Vec<String> =
                processes.iter().map(|process| format!("{} ({})", process.pid, process.name)).collect();
            format!("pid {}", pids.join(", "))
        }
    }
}

/// What to do about a node that has ended: most often it does not see a file.
fn remedy_for_end(log: &Path) -> String {
    const NOT_SEEN: [&str; 5] =
        ["No such file", "can't open", "cannot open", "ModuleNotFoundError", "error while loading shared libraries"];
    let words = last_words(log);
    let read = format!("read its log: {}", log.display());
    if words.contains("unexpected recursive calls") {
        return format!(
            "jemalloc and libfaketime do not work together: use --clock vdso, or leave `clock` out of --faults; {read}"
        );
    }
    if NOT_SEEN.iter().any(|sign| words.contains(sign)) {
        format!(
            "a node sees system programs and what its command names by absolute path: if it lacks a file, name it \
             (docs/isolation.md); {read}"
        )
    } else {
        read
    }
}

/// The end of a log, to show in an error.
fn last_words(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(3)..];
    if last.is_empty() { String::new() } else { format!("; its last lines: {}", last.join(" / ")) }
}
