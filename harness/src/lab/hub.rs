//! The hub: owns the lab's bridge and is the parent of every node's init.
//!
//! It lives in a network namespace of its own, through whose bridge all packets between nodes and clients pass: one
//! rule there is seen by the whole cluster at the same instant. A single-threaded fork of the lab's init that serves
//! one request of the controller after the other.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sched::CloneFlags;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use super::confine::{self, Identity};
use super::delay::Delay;
use super::error::{Attempt, LabError, LabErrorKind, Result};
use super::link::Link;
use super::netlink::Netlink;
use super::node_init::{self, NODE_DEVICE, hardware_address};
use super::protocol::{Ending, HubReply, HubRequest, HubSpec, NodeMessage, NodeRequest, NodeSetup};
use super::sys::{self, Forked, NO_DEVICES, NO_SUID, READ_ONLY};
use super::view;

/// The end of the link that the hub holds.
pub(crate) type HubLink = Link<HubReply, HubRequest>;

const BRIDGE: &str = "hub0";
/// The hub's port of the clients' namespace.
const CLIENTS_PORT: &str = "clients";
const NODE_NAMESPACES: CloneFlags = CloneFlags::CLONE_NEWUSER
    .union(CloneFlags::CLONE_NEWNET)
    .union(CloneFlags::CLONE_NEWNS)
    .union(CloneFlags::CLONE_NEWPID)
    .union(CloneFlags::CLONE_NEWIPC)
    .union(CloneFlags::CLONE_NEWUTS);
/// How long the ports may take until they forward; a millisecond or two is usual.
const PORTS_UP: Duration = Duration::from_secs(5);
/// Where an ordinary user's PATH often does not lead.
const SYSTEM_PROGRAMS: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin"];

/// Serves the controller; never returns. When the controller is gone it sleeps until the lab's init ends it.
pub(crate) fn run(link: HubLink) -> ! {
    let mut hub = Hub { link, nodes: Vec::new(), delays: BTreeMap::new() };
    let _ = hub.serve();
    loop {
        nix::unistd::pause();
    }
}

struct Hub {
    link: HubLink,
    nodes: Vec<Pid>,
    /// By queue.
    delays: BTreeMap<u16, Delay>,
}

/// A node that has been forked and not been set up yet.
struct NewNode {
    pid: Pid,
    link: Link<NodeRequest, NodeMessage>,
}

impl Hub {
    fn serve(&mut self) -> std::io::Result<()> {
        while let Some(received) = self.link.receive()? {
            let reply = match received.message {
                HubRequest::Up(spec) => self.up(spec),
                HubRequest::Run { program, args, input } => run_program(&program, &args, &input),
                HubRequest::Hold { queue, least_us, most_us } => self.hold(queue, least_us, most_us),
                HubRequest::Release { queue } => self.release(queue),
                HubRequest::Down => self.down().map(|()| HubReply::Down),
            };
            self.link.send(&reply.unwrap_or_else(HubReply::Failed), &[])?;
        }
        Ok(())
    }

    fn up(&mut self, mut spec: HubSpec) -> Result<HubReply> {
        let identity = confine::identity();
        let hidden = view::prepare(spec.user, &spec.hosts_file)?;
        prepare_folders(&spec, identity)?;
        let members: Vec<_> = spec.nodes.iter().map(|node| node.address).chain([spec.clients_address]).collect();
        for node in &mut spec.nodes {
            node.neighbours.clone_from(&members);
            node.hidden.clone_from(&hidden);
        }
        let network = |what: String| move || format!("{what} in the lab's network");
        let mut netlink = Netlink::open().attempt(LabErrorKind::Network, network("open a netlink socket".into()))?;
        netlink.add_bridge(BRIDGE).map_err(|error| no_bridge(&error))?;
        let bridge =
            netlink.link_state(BRIDGE).attempt(LabErrorKind::Network, network("find the bridge".into()))?.index;
        // Nothing but IPv4 of the nodes belongs on the bridge.
        node_init::write_sysctl("net/ipv6/conf/hub0/disable_ipv6", "1");
        let bridge_netfilter = node_init::write_sysctl("net/bridge/bridge-nf-call-iptables", "1");

        let mut ports = vec![CLIENTS_PORT.to_owned()];
        netlink
            .add_veth_port(
                CLIENTS_PORT,
                bridge,
                NODE_DEVICE,
                spec.controller_pid,
                hardware_address(spec.clients_address),
            )
            .attempt(LabErrorKind::Network, network("make the clients' link".into()))?;
        let mut new_nodes = Vec::new();
        for setup in &spec.nodes {
            let node = self.fork_node(setup)?;
            confine::map_user(node.pid, setup.user, identity)?;
            netlink
                .add_veth_port(
                    &setup.name,
                    bridge,
                    NODE_DEVICE,
                    node.pid.as_raw() as u32,
                    hardware_address(setup.address),
                )
                .attempt(LabErrorKind::Network, network(format!("make the link of {}", setup.name)))?;
            ports.push(setup.name.clone());
            // From here on the node sets itself up, while the next one is made.
            node.send(NodeRequest::Setup(setup.clone()))?;
            new_nodes.push(node);
        }
        // The controller sets up its own device meanwhile.
        let descriptors: Vec<_> = new_nodes.iter().map(|node| node.link.as_fd()).collect();
        self.link
            .send(&HubReply::LinksMade, &descriptors)
            .attempt(LabErrorKind::Lost, || "pass the nodes' links to the controller".into())?;
        for (node, setup) in new_nodes.iter().zip(&spec.nodes) {
            node.wait_until_set_up(setup)?;
        }
        wait_for_ports(&mut netlink, &ports)?;
        Ok(HubReply::Up { bridge_netfilter, uid: identity.uid })
    }

    fn fork_node(&mut self, setup: &NodeSetup) -> Result<NewNode> {
        let (link, init_link) = Link::pair().attempt(LabErrorKind::Lost, || "make a link".into())?;
        // Taken here, for the node may not be allowed to look their paths up.
        let data = view::take(&setup.data_dir, NO_SUID | NO_DEVICES)?;
        let shared = view::take(&setup.shared_dir, READ_ONLY | NO_SUID | NO_DEVICES)?;
        match sys::fork_into(NODE_NAMESPACES).map_err(|error| super::namespaces::cannot_make_namespaces(&error))? {
            Forked::Child => {
                let kept = [init_link.as_fd(), data.as_fd(), shared.as_fd()].map(|fd| fd.as_raw_fd());
                // The hub's other descriptors are nothing for a node: links of other nodes are among them.
                sys::close_all_but(&kept);
                node_init::run(init_link, data, shared)
            }
            Forked::Parent(pid) => {
                self.nodes.push(pid);
                Ok(NewNode { pid, link })
            }
        }
    }

    fn hold(&mut self, queue: u16, least_us: u32, most_us: u32) -> Result<HubReply> {
        if self.delays.contains_key(&queue) {
            return Err(LabError::usage(format!("queue {queue} is held already")));
        }
        self.delays.insert(queue, Delay::start(queue, least_us, most_us)?);
        Ok(HubReply::Holding)
    }

    fn release(&mut self, queue: u16) -> Result<HubReply> {
        let delay = self.delays.remove(&queue);
        let delay = delay.ok_or_else(|| LabError::usage(format!("queue {queue} is not held")))?;
        Ok(HubReply::Released { packets: delay.end()? })
    }

    /// Kills every node's init, and with it all that is in its PID namespace. The bridge goes with the lab.
    fn down(&mut self) -> Result<()> {
        for pid in &self.nodes {
            kill(*pid, Signal::SIGKILL).attempt(LabErrorKind::Node, || format!("kill a node's init, pid {pid}"))?;
        }
        for pid in self.nodes.drain(..) {
            // Returns only when the whole PID namespace is empty.
            waitpid(pid, None).attempt(LabErrorKind::Node, || format!("wait for a node's init, pid {pid}"))?;
        }
        Ok(())
    }
}

impl NewNode {
    fn send(&self, request: NodeRequest) -> Result<()> {
        self.link.send(&request, &[]).attempt(LabErrorKind::Lost, || "talk to a node's init".into())
    }

    /// The controller holds a copy of this link already, but reads from it only when the lab is up.
    fn wait_until_set_up(&self, setup: &NodeSetup) -> Result<()> {
        let received = self.link.receive().attempt(LabErrorKind::Lost, || "hear from a node's init".into())?;
        match received.map(|received| received.message) {
            Some(NodeMessage::SetUp(Ok(()))) => Ok(()),
            Some(NodeMessage::SetUp(Err(error))) => {
                Err(LabError { what: format!("node {}: {}", setup.name, error.what), ..error })
            }
            _ => Err(match waitpid(self.pid, None).ok().and_then(Ending::from_wait) {
                Some((_, ending)) if ending.from_outside() => {
                    LabError::disturbed(format!("the init of node {} {ending}", setup.name))
                }
                _ => LabError::lost(format!("the init of node {} ended during its set-up", setup.name)),
            }),
        }
    }
}

/// Makes the folders that are visible under the same path in the controller and in the node that owns them.
fn prepare_folders(spec: &HubSpec, identity: Identity) -> Result<()> {
    let Identity { uid, gid } = identity;
    for node in &spec.nodes {
        for folder in [&node.data_dir, &node.shared_dir] {
            std::fs::create_dir_all(folder)
                .map_err(|error| LabError::file(format!("cannot make {}", folder.display()), &error))?;
        }
        if spec.data_in_memory {
            let (size, inodes) = (node.limits.data_bytes, view::inodes(node.limits.data_bytes));
            let options = format!("mode=0755,uid={uid},gid={gid},size={size},nr_inodes={inodes}");
            sys::mount_new("tmpfs", &node.data_dir, &options)?;
        } else {
            std::os::unix::fs::chown(&node.data_dir, Some(uid), Some(gid))
                .map_err(|error| LabError::file(format!("cannot hand {} over", node.data_dir.display()), &error))?;
        }
    }
    let hosts = Path::new(super::LAB_DIR).join("hosts");
    // Without an /etc/hosts to cover, servers that insist on names must be given one some other way.
    if Path::new("/etc/hosts").exists() { sys::bind(&hosts, Path::new("/etc/hosts")) } else { Ok(()) }
}

fn no_bridge(error: &std::io::Error) -> LabError {
    let what = format!("cannot make a bridge in the lab's network: {error}");
    match error.raw_os_error() {
        Some(libc::EOPNOTSUPP) => {
            LabError::new(LabErrorKind::Network, what, "load the kernel module once, as root: modprobe bridge veth")
        }
        _ => LabError::new(LabErrorKind::Network, what, ""),
    }
}

/// Waits until every port is up and forwards: an address request that is sent earlier is lost, and its retry a second
/// later looks like a slow first connection.
fn wait_for_ports(netlink: &mut Netlink, ports: &[String]) -> Result<()> {
    let deadline = Instant::now() + PORTS_UP;
    for port in ports {
        loop {
            let state = netlink
                .link_state(port)
                .attempt(LabErrorKind::Network, || format!("read the state of the hub's port {port}"))?;
            if state.operational && state.forwarding {
                break;
            }
            if Instant::now() > deadline {
                return Err(LabError::new(
                    LabErrorKind::Timeout,
                    format!("the hub's port {port} does not come up"),
                    "see whether the machine is overloaded, and run again",
                ));
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    Ok(())
}

/// Runs a short program with an input to its end.
fn run_program(program: &str, args: &[String], input: &str) -> Result<HubReply> {
    let path = find_program(program)?;
    let failed = |error: std::io::Error| {
        LabError::new(LabErrorKind::MissingProgram, format!("cannot run {}: {error}", path.display()), "")
    };
    let env =
        BTreeMap::from([("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("LC_ALL", "C")]);
    let mut command = Command::new(&path);
    command.args(args).env_clear().envs(env).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = sys::spawn_with_signals(&mut command).map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that refuses its input says why on standard error.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    let ending = match (output.status.code(), std::os::unix::process::ExitStatusExt::signal(&output.status)) {
        (Some(code), _) => Ending::Exited(code),
        (None, signal) => Ending::Killed(signal.unwrap_or(0)),
    };
    Ok(HubReply::Ran {
        ending,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Finds a system program on the PATH or where system programs are.
pub(crate) fn find_program(program: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SYSTEM_PROGRAMS.map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| {
            LabError::new(
                LabErrorKind::MissingProgram,
                format!("{program} is not installed; partitions are made with it"),
                "install the package iptables (Debian, Ubuntu, Fedora, Arch: apt-get, dnf or pacman install iptables)",
            )
        })
}
