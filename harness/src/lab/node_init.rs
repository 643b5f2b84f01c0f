//! PID 1 of a node: sets the node's namespaces up, starts its processes, reaps them, and stops, continues or kills them
//! all at once.
//!
//! It is a fork of the hub and single-threaded. It ends, and with it everything in the node, when the controller's end
//! of its link is closed.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::clock::{self, Follower};
use super::error::{Attempt, LabError, LabErrorKind, Result};
use super::link::Link;
use super::netlink::Netlink;
use super::protocol::{
    ClockedProcess, CpuUse, Ending, NodeAnswer, NodeMessage, NodeProcess, NodeRequest, NodeSetup, StartRequest,
};
use super::throttle::Throttle;
use super::view::{self, View};
use super::watchdog::Watchdog;
use super::{confine, sys};

/// The end of a link that a node's init holds.
pub(crate) type NodeInitLink = Link<NodeMessage, NodeRequest>;

/// Name of the network device in a node and in the clients' namespace.
pub(crate) const NODE_DEVICE: &str = "eth0";
const LOOPBACK_INDEX: u32 = 1;
/// How long a stop or a kill may take to reach every thread. A process in an uninterruptible disk wait needs longer
/// than the few milliseconds that are usual.
const REACH_ALL: Duration = Duration::from_secs(5);
/// How long to wait for a report of a program at a time, while it is being started.
const LOADING: Duration = Duration::from_micros(500);
const ALL_PROCESSES: Pid = Pid::from_raw(-1);

/// Runs the node's init until its link closes; never returns. `data` and `shared` are the node's folders.
pub(crate) fn run(link: NodeInitLink, data: OwnedFd, shared: OwnedFd) -> ! {
    // An error here means that the controller is gone, and there is nobody left to tell.
    let folders = Some((data, shared));
    let running = BTreeMap::new();
    let _ = NodeInit { link, running, folders, watchdog: None, throttle: None, follower: None, paused: false }.serve();
    std::process::exit(0)
}

struct NodeInit {
    link: NodeInitLink,
    /// The node's processes that run: name by pid.
    running: BTreeMap<i32, String>,
    /// Until the set-up has attached them.
    folders: Option<(OwnedFd, OwnedFd)>,
    /// From the set-up on.
    watchdog: Option<Watchdog>,
    /// While the node's processes get a small share of the CPU.
    throttle: Option<Throttle>,
    /// If the node's clock can be set.
    follower: Option<Follower>,
    /// Its processes are paused.
    paused: bool,
}

impl NodeInit {
    fn serve(&mut self) -> std::io::Result<()> {
        let children =
            SignalFd::with_flags(&SigSet::from(Signal::SIGCHLD), SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        loop {
            let sources =
                [Some(self.link.as_fd()), Some(children.as_fd()), self.follower.as_ref().map(Follower::as_fd)];
            let mut ready: Vec<_> =
                sources.into_iter().flatten().map(|source| PollFd::new(source, PollFlags::POLLIN)).collect();
            let pauses = [self.watchdog.as_ref().map(Watchdog::pause), self.throttle.as_ref().map(Throttle::pause)];
            let pause = pauses.into_iter().flatten().min();
            match poll(&mut ready, pause.unwrap_or(PollTimeout::NONE)) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
            let waits = |place: usize| ready.get(place).and_then(PollFd::any).unwrap_or(false);
            let (request_waits, program_waits) = (waits(0), waits(2));
            if let (true, Some(follower)) = (program_waits, &self.follower) {
                follower.answer();
            }
            // Drain the signalfd first, then reap: a child that ends in between is reaped at the next turn.
            while matches!(children.read_signal(), Ok(Some(_))) {}
            self.reap()?;
            if request_waits {
                let Some(received) = self.link.receive()? else { return Ok(()) };
                let reply = self.handle(received.message, received.descriptors);
                self.link.send(&reply, &[])?;
                // A child may have ended while a start had the signals unblocked.
                self.reap()?;
            }
            if let Some(throttle) = &mut self.throttle {
                // What cannot be stopped now can be at the next turn; the proof tells.
                let _ = throttle.turn(self.paused);
            }
            if let Some(reason) = self.watchdog.as_mut().and_then(Watchdog::look) {
                self.link.send(&NodeMessage::LimitReached { reason }, &[])?;
                // What survives it is looked at again.
                let _ = self.kill_all();
            }
        }
    }

    /// Collects every ended child. Orphans of the node's processes become children of this process.
    fn reap(&mut self) -> std::io::Result<()> {
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            if status == WaitStatus::StillAlive {
                break;
            }
            let ended = match &self.follower {
                Some(follower) => follower.take_stop(status).unwrap_or(status),
                None => status,
            };
            self.take_end(ended)?;
        }
        Ok(())
    }

    fn take_end(&mut self, status: WaitStatus) -> std::io::Result<()> {
        Ending::from_wait(status).map_or(Ok(()), |(pid, ending)| self.report_end(pid, ending))
    }

    fn report_end(&mut self, pid: i32, ending: Ending) -> std::io::Result<()> {
        let message = match self.running.remove(&pid) {
            Some(process) => NodeMessage::ProcessEnded { process, pid, ending },
            None => NodeMessage::CommandEnded { pid, ending },
        };
        self.link.send(&message, &[])
    }

    fn handle(&mut self, request: NodeRequest, descriptors: Vec<OwnedFd>) -> NodeMessage {
        let (id, answer) = match request {
            NodeRequest::Setup(setup) => return NodeMessage::SetUp(self.set_up(&setup)),
            NodeRequest::Start { id, process, start } => (id, self.start_process(process, &start, descriptors)),
            NodeRequest::Command { id, start } => {
                (id, self.spawn(&start, descriptors).map(|pid| NodeAnswer::Started { pid, process: None }))
            }
            NodeRequest::Signal { id, process, signal } => (id, self.signal_process(&process, signal)),
            NodeRequest::KillCommand { id, pid } => {
                // Already gone is what was wanted.
                let _ = kill(Pid::from_raw(-pid), Signal::SIGKILL);
                (id, Ok(NodeAnswer::Done))
            }
            NodeRequest::KillAll { id } => (id, self.kill_all()),
            NodeRequest::Pause { id } => {
                self.paused = true;
                (id, pause_all())
            }
            NodeRequest::Resume { id } => (id, self.resume_all()),
            NodeRequest::LimitCpu { id, percent } => (id, self.limit_cpu(percent).map(NodeAnswer::Cpu)),
            NodeRequest::Clocks { id } => (id, Ok(NodeAnswer::Clocks(self.clocks()))),
        };
        NodeMessage::Answer { id, answer }
    }

    fn set_up(&mut self, setup: &NodeSetup) -> Result<()> {
        let (data, shared) = self.folders.take().ok_or_else(|| LabError::usage("the node is set up already"))?;
        sys::name_process(&format!("lab-{}", setup.name));
        nix::unistd::sethostname(&setup.name).attempt(LabErrorKind::Namespaces, || "set the host name".into())?;
        // A session of its own: no signal from anybody's terminal reaches a node. Fails only where it leads one.
        let _ = nix::unistd::setsid();
        let view = View::take()?;
        confine::become_user(setup.user)?;
        confine::set_parameters();
        configure_network(setup.address, setup.prefix_len, &setup.neighbours)?;
        view.enter(setup, data, shared)?;
        confine::give_up_privileges(setup.user, &setup.limits)?;
        if let Some(page) = &setup.clock {
            let follower = Follower::start(page);
            self.follower = Some(follower.attempt(LabErrorKind::Node, || "follow what a node executes".into())?);
        }
        self.watchdog = Some(Watchdog::new(&setup.limits));
        Ok(())
    }

    fn pid_of(&self, process: &str) -> Option<i32> {
        self.running.iter().find(|(_, name)| *name == process).map(|(pid, _)| *pid)
    }

    fn start_process(
        &mut self,
        process: String,
        start: &StartRequest,
        descriptors: Vec<OwnedFd>,
    ) -> Result<NodeAnswer> {
        if let Some(pid) = self.pid_of(&process) {
            return Err(LabError::usage(format!("the node's process `{process}` already runs, as pid {pid}")));
        }
        let pid = self.spawn(start, descriptors)?;
        self.running.insert(pid, process.clone());
        self.runs_again();
        Ok(NodeAnswer::Started { pid, process: Some(process) })
    }

    /// Starts a program. Where programs are followed, this goes on in another thread meanwhile: it waits for the
    /// program to be loaded, which waits for this thread.
    fn spawn(&mut self, start: &StartRequest, descriptors: Vec<OwnedFd>) -> Result<i32> {
        let Some(follower) = &self.follower else { return spawn(start, descriptors) };
        let mut ended = Vec::new();
        let spawned = std::thread::scope(|scope| {
            let spawning = scope.spawn(|| spawn(start, descriptors));
            while !spawning.is_finished() {
                ended.extend(follower.serve(LOADING));
            }
            spawning.join().unwrap_or_else(|_| Err(LabError::lost("the start of a program panicked")))
        });
        for status in ended {
            self.take_end(status).attempt(LabErrorKind::Lost, || "report to the controller".into())?;
        }
        spawned
    }

    /// By what each process has the node's clock.
    fn clocks(&self) -> Vec<ClockedProcess> {
        let page = self.follower.as_ref().map(Follower::page);
        let clocked = processes().into_iter().map(|process| ClockedProcess {
            vdso: page.is_some_and(|page| clock::is_followed_by(process.pid, page)),
            libfaketime: clock::has_libfaketime(process.pid),
            process,
        });
        clocked.collect()
    }

    fn signal_process(&self, process: &str, signal: i32) -> Result<NodeAnswer> {
        let pid = self
            .pid_of(process)
            .ok_or_else(|| LabError::usage(format!("the node's process `{process}` does not run")))?;
        let signal = Signal::try_from(signal).attempt(LabErrorKind::Usage, || format!("send signal {signal}"))?;
        kill(Pid::from_raw(pid), signal).attempt(LabErrorKind::Node, || format!("send {signal} to pid {pid}"))?;
        Ok(NodeAnswer::Done)
    }

    fn resume_all(&mut self) -> Result<NodeAnswer> {
        signal_all(Signal::SIGCONT)?;
        let resumed = reach_all("continue", |_, states| !states.contains(&'T'));
        self.runs_again();
        resumed
    }

    /// Processes run, whatever was done to those before them.
    fn runs_again(&mut self) {
        self.paused = false;
        if let Some(throttle) = &mut self.throttle {
            throttle.run_first();
        }
    }

    fn limit_cpu(&mut self, percent: Option<u8>) -> Result<CpuUse> {
        match (percent, self.throttle.take()) {
            (Some(percent), None) => {
                let (throttle, before) = Throttle::begin(percent)?;
                self.throttle = Some(throttle);
                Ok(before)
            }
            (None, Some(throttle)) => throttle.end(self.paused),
            (Some(_), limited) => {
                self.throttle = limited;
                Err(LabError::usage("the node's processes are limited already"))
            }
            (None, None) => Err(LabError::usage("the node's processes are not limited")),
        }
    }

    /// `kill(-1)` spares only the caller, and the kernel lets no fork slip through it, so one call reaches everything.
    fn kill_all(&mut self) -> Result<NodeAnswer> {
        let processes = processes();
        signal_all(Signal::SIGKILL)?;
        let deadline = Instant::now() + REACH_ALL;
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) if Instant::now() > deadline => {
                    return Err(LabError::new(
                        LabErrorKind::Timeout,
                        format!("processes survive SIGKILL: {}", list(&self::processes())),
                        "they hang in the kernel, most likely in a disk request: look at the disk and at dmesg",
                    ));
                }
                Ok(WaitStatus::StillAlive) => std::thread::sleep(Duration::from_micros(100)),
                Ok(status) => {
                    if let Some((pid, ending)) = Ending::from_wait(status) {
                        self.report_end(pid, ending)
                            .attempt(LabErrorKind::Lost, || "report to the controller".into())?;
                    }
                }
                Err(Errno::ECHILD) => break,
                Err(error) => return Err(error).attempt(LabErrorKind::Node, || "wait for the node's processes".into()),
            }
        }
        Ok(NodeAnswer::Processes(processes))
    }
}

pub(super) fn signal_all(signal: Signal) -> Result<()> {
    match kill(ALL_PROCESSES, signal) {
        // There is no process but this one.
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error).attempt(LabErrorKind::Node, || format!("send {signal} to all processes")),
    }
}

fn pause_all() -> Result<NodeAnswer> {
    signal_all(Signal::SIGSTOP)?;
    // Who waits for a child of its own memory to execute a program (`vfork(2)`) runs no more than that child does.
    reach_all("stop", |pid, states| {
        let waits = |state| state == 'D' && sys::waits_for_vfork(pid);
        states.iter().all(|&state| matches!(state, 'T' | 't') || waits(state))
    })
}

/// Waits until every living process of the node has thread states as wanted; answers which processes those are.
fn reach_all(action: &str, wanted: impl Fn(i32, &[char]) -> bool) -> Result<NodeAnswer> {
    let deadline = Instant::now() + REACH_ALL;
    loop {
        let mut reached = Vec::new();
        let mut missing = Vec::new();
        for (process, states) in living() {
            if wanted(process.pid, &states) { reached.push(process) } else { missing.push(process) }
        }
        if missing.is_empty() {
            return Ok(NodeAnswer::Processes(reached));
        }
        if Instant::now() > deadline {
            return Err(LabError::new(
                LabErrorKind::Timeout,
                format!("processes do not {action}: {}", list(&missing)),
                "they hang in the kernel, most likely in a disk request: look at the disk and at dmesg",
            ));
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Every process of the node but this init and those that are dead and not yet reaped.
fn living() -> Vec<(NodeProcess, Vec<char>)> {
    let own = std::process::id() as i32;
    let ids = sys::process_ids().unwrap_or_default();
    ids.into_iter()
        .filter(|pid| *pid != own)
        .filter_map(|pid| {
            let (name, states) = sys::process_state(pid)?;
            let alive = states.iter().any(|state| !matches!(state, 'Z' | 'X'));
            alive.then_some((NodeProcess { pid, name }, states))
        })
        .collect()
}

fn processes() -> Vec<NodeProcess> {
    living().into_iter().map(|(process, _)| process).collect()
}

fn list(processes: &[NodeProcess]) -> String {
    processes.iter().map(|process| format!("{} ({})", process.pid, process.name)).collect::<Vec<_>>().join(", ")
}

/// Starts a program as the leader of a process group of its own, with nothing but the given environment.
fn spawn(start: &StartRequest, descriptors: Vec<OwnedFd>) -> Result<i32> {
    let mut descriptors = descriptors.into_iter();
    let (Some(stdout), Some(stderr)) = (descriptors.next(), descriptors.next()) else {
        return Err(LabError::usage("a command needs two descriptors: standard output and standard error"));
    };
    view::show(&start.show.iter().cloned().zip(descriptors).collect::<Vec<_>>())?;
    // `spawn` searches this process's PATH, and not that of the program's environment.
    let mut command = Command::new(&start.program);
    command
        .args(&start.args)
        .env_clear()
        .envs(&start.env)
        .current_dir(&start.cwd)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .process_group(0);
    if !start.network {
        sys::without_network(&mut command);
    }
    sys::confine(&mut command);
    match sys::spawn_with_signals(&mut command) {
        // Reaped by `reap`, as every child.
        Ok(child) => Ok(child.id() as i32),
        Err(error) => Err(cannot_start(start, &error)),
    }
}

fn cannot_start(start: &StartRequest, error: &std::io::Error) -> LabError {
    let what = format!("cannot start {} in {}: {error}", start.program, start.cwd.display());
    let remedy = match error.kind() {
        std::io::ErrorKind::NotFound if !start.cwd.is_dir() => "the working directory does not exist in the node",
        std::io::ErrorKind::NotFound if Path::new(&start.program).exists() => {
            "the node does not see what executes it: the interpreter in its first line, or its loader; a node sees the \
             machine's /usr, /opt and /etc, the program, and what its command names: name the folder of the interpreter"
        }
        std::io::ErrorKind::NotFound => "install the program or give its whole path",
        std::io::ErrorKind::PermissionDenied => {
            "make the file executable (chmod +x), and its folders readable for this user"
        }
        _ => "",
    };
    LabError::new(LabErrorKind::MissingProgram, what, remedy)
}

/// The hardware address of the lab's member with this address.
pub(crate) fn hardware_address(address: Ipv4Addr) -> [u8; 6] {
    // Locally administered.
    [0x02, 0x72, 0x61, 0x73, 0x68, address.octets()[3]]
}

/// Gives the device of this network namespace its address, and tells it of the other members. There is no route but
/// that to the lab's own subnet.
pub(crate) fn configure_network(address: Ipv4Addr, prefix_len: u8, neighbours: &[Ipv4Addr]) -> Result<()> {
    let network = |what: &'static str| move || format!("{what} in the lab's network");
    let mut netlink = Netlink::open().attempt(LabErrorKind::Network, network("open a netlink socket"))?;
    netlink.set_up(LOOPBACK_INDEX).attempt(LabErrorKind::Network, network("set the loopback device up"))?;
    // Over IPv6 a packet would pass by the partitions, which are made of IPv4 rules.
    write_sysctl("net/ipv6/conf/eth0/disable_ipv6", "1");
    // After a partition an old connection retries within a second, and does not sleep for as long as the partition
    // lasted. Linux 6.15 and later.
    write_sysctl("net/ipv4/tcp_rto_max_ms", "1000");
    let device = netlink.link_state(NODE_DEVICE).attempt(LabErrorKind::Network, network("find eth0"))?;
    netlink.add_address(device.index, address, prefix_len).attempt(LabErrorKind::Network, network("add an address"))?;
    netlink.set_up(device.index).attempt(LabErrorKind::Network, network("set eth0 up"))?;
    for neighbour in neighbours.iter().filter(|neighbour| **neighbour != address) {
        netlink
            .add_neighbour(device.index, *neighbour, hardware_address(*neighbour))
            .attempt(LabErrorKind::Network, network("add a neighbour"))?;
    }
    Ok(())
}

/// Sets a kernel parameter of this namespace where the kernel has it; says whether it did.
pub(crate) fn write_sysctl(name: &str, value: &str) -> bool {
    let file = std::fs::OpenOptions::new().write(true).open(Path::new("/proc/sys").join(name));
    file.and_then(|mut file| file.write_all(value.as_bytes())).is_ok()
}
