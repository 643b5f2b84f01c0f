//! What this machine can do for the lab. Each check really tries what a run would do, in a lab of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::enter::{EnterSpec, Errand, LabStdout, enter_for};
use super::error::{LabError, Result};
use super::{Inside, Lab, LabSpec, Limits, NamespaceLab};
use crate::target::NodeCommand;

/// Less free space than this is worth a warning: a run with its logs may need it.
const ENOUGH_DISK_BYTES: u64 = 1 << 30;
const PROBE_NODES: u16 = 2;

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What, in a word or two: `user namespaces`.
    pub name: String,
    /// Whether it works.
    pub outcome: CheckOutcome,
    /// What was found.
    pub detail: String,
    /// What mends it; empty when nothing is wrong.
    pub remedy: String,
}

/// Whether something works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOutcome {
    /// It works.
    Ok,
    /// Runs work, but some faults do not, or less well.
    Warning,
    /// No run can work.
    Failed,
}

impl Check {
    fn ok(name: &str, detail: impl Into<String>) -> Self {
        Self { name: name.into(), outcome: CheckOutcome::Ok, detail: detail.into(), remedy: String::new() }
    }

    fn warning(name: &str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name: name.into(), outcome: CheckOutcome::Warning, detail: detail.into(), remedy: remedy.into() }
    }

    fn failed(name: &str, error: LabError) -> Self {
        Self { name: name.into(), outcome: CheckOutcome::Failed, detail: error.what, remedy: error.remedy }
    }
}

/// Tries what a run needs: namespaces, network, iptables, clock faults, disk space in `results`.
///
/// Like [`super::enter()`] it starts this program anew.
pub fn doctor(results: &Path) -> Vec<Check> {
    let mut checks = match probe() {
        Ok(checks) => checks,
        Err(error) => vec![Check::failed("lab", error)],
    };
    checks.push(nodes());
    checks.push(faketime());
    checks.push(disk(results));
    checks
}

fn probe() -> Result<Vec<Check>> {
    let folder = std::env::temp_dir().join(format!("rashomon-doctor-{}", std::process::id()));
    let spec = EnterSpec {
        label: "doctor".into(),
        payload: folder.to_string_lossy().into_owned(),
        stdout: LabStdout::Captured,
        ..EnterSpec::default()
    };
    let mut lab = enter_for(&spec, Errand::Probe)?;
    let output = lab.take_stdout().map(std::io::read_to_string);
    lab.wait()?;
    let _ = std::fs::remove_dir_all(&folder);
    let checks = output.and_then(|text| serde_json::from_str(&text.ok()?).ok());
    checks.ok_or_else(|| LabError::lost("the lab ended before its checks were done"))
}

pub(crate) fn probe_inside(inside: Inside) -> ! {
    let checks = checks_inside(inside).unwrap_or_else(|error| vec![Check::failed("lab", error)]);
    out!("{}", serde_json::to_string(&checks).unwrap_or_default());
    std::process::exit(0)
}

fn checks_inside(inside: Inside) -> Result<Vec<Check>> {
    let kind = if maps_one_user() { "in a user namespace" } else { "as root, without a user namespace" };
    let mut checks = vec![Check::ok("namespaces", format!("user, network, mount, PID, IPC and UTS, {kind}"))];
    let spec = LabSpec::new(PROBE_NODES, inside.payload.clone());
    let lab = NamespaceLab::up(inside, &spec)?;
    checks.push(Check::ok("network", format!("{PROBE_NODES} nodes on a bridge, each with a tmpfs for its data")));
    checks.push(match lab.exec(1, &shell("true"), Duration::from_secs(5)) {
        Ok(output) if output.ending.success() => Check::ok("nodes", "a process was started in a node"),
        Ok(output) => Check::warning("nodes", format!("a shell in a node {}", output.ending), ""),
        Err(error) => Check::failed("nodes", error),
    });
    checks.push(isolation());
    checks.push(partition(&lab));
    checks.push(retransmission());
    Box::new(lab).down()?;
    Ok(checks)
}

fn shell(script: &str) -> NodeCommand {
    NodeCommand::new("/bin/sh").args(["-c", script])
}

/// A user namespace that maps one user only is the lab's own.
fn maps_one_user() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace().nth(2) == Some("1")
}

fn isolation() -> Check {
    let outside = std::net::SocketAddr::from(([1, 1, 1, 1], 80));
    match std::net::TcpStream::connect_timeout(&outside, Duration::from_millis(200)) {
        Err(error) if error.raw_os_error() == Some(libc::ENETUNREACH) => {
            Check::ok("isolation", "the lab has no route to the outside")
        }
        other => Check::failed("isolation", LabError::lost(format!("the lab reaches the outside: {other:?}"))),
    }
}

/// Drops the packets from node 1 to the clients for a moment, and looks whether the rule has seen any.
fn partition(lab: &NamespaceLab) -> Check {
    let name = "partitions";
    let node = lab.nodes()[0].ip;
    let rules = format!("*filter\n-A FORWARD -s {node} -j DROP\nCOMMIT\n");
    let tried = lab.hub_restore(&rules).and_then(|()| {
        // Nobody listens there; but the refusal is dropped on its way back.
        let _ = std::net::TcpStream::connect_timeout(&(node, 9).into(), Duration::from_millis(100));
        lab.hub_counters("FORWARD")
    });
    match tried {
        Ok(counters) if counters.iter().any(|counter| counter.packets > 0) => {
            Check::ok(name, "iptables drops packets between nodes, and counts them")
        }
        Ok(_) => Check::warning(
            name,
            "iptables accepts the rule, but no packet passes by it",
            "load the module once, as root: modprobe br_netfilter",
        ),
        Err(error) => Check::warning(name, error.what, error.remedy),
    }
}

fn retransmission() -> Check {
    let name = "tcp retransmission";
    match std::fs::read_to_string("/proc/sys/net/ipv4/tcp_rto_max_ms") {
        Ok(value) if value.trim() == "1000" => {
            Check::ok(name, "old connections notice the end of a partition within 1 s")
        }
        Ok(value) => {
            Check::warning(name, format!("net.ipv4.tcp_rto_max_ms is {}, and cannot be changed", value.trim()), "")
        }
        Err(_) => Check::warning(
            name,
            "this kernel has no net.ipv4.tcp_rto_max_ms: after a partition old connections sleep for up to as long again",
            "use Linux 6.15 or later, or give runs with long partitions more time to recover",
        ),
    }
}

/// Where libfaketime is: `/usr/lib/<multiarch>/faketime/` on Debian, `/usr/lib64/faketime/` and `/usr/lib/faketime/`
/// elsewhere.
pub fn find_faketime() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|e| e.path()).collect();
    folders.sort();
    folders.extend(["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from));
    folders.into_iter().map(|folder| folder.join("faketime/libfaketime.so.1")).find(|library| library.is_file())
}

fn nodes() -> Check {
    let most = Limits::most_nodes();
    Check::ok("cluster size", format!("--nodes up to {most} with the memory that is available now"))
}

fn faketime() -> Check {
    let name = "clock faults";
    match (super::vdso_is_possible(), find_faketime()) {
        (Ok(()), Some(library)) => Check::ok(name, format!("through the vDSO, or {}", library.display())),
        (Ok(()), None) => Check::ok(name, "through the vDSO of every program"),
        (Err(why), Some(library)) => Check::ok(name, format!("{}, for dynamic programs: {why}", library.display())),
        (Err(why), None) => Check::warning(
            name,
            format!("libfaketime is not installed, and clocks cannot be set without: {why}"),
            "install the package libfaketime (Debian, Ubuntu, Fedora, Arch: apt-get, dnf or pacman install libfaketime)",
        ),
    }
}

fn disk(results: &Path) -> Check {
    let name = "disk";
    // The folder may not have been made yet.
    let Some(folder) = results.ancestors().find(|folder| folder.is_dir()) else {
        return Check::warning(
            name,
            format!("{} cannot be made", results.display()),
            "choose another folder for results",
        );
    };
    match nix::sys::statvfs::statvfs(folder) {
        Ok(stat) => {
            let free = stat.blocks_available() * stat.fragment_size();
            let detail = format!("{:.1} GiB are free for {}", free as f64 / (1u64 << 30) as f64, results.display());
            if free >= ENOUGH_DISK_BYTES {
                Check::ok(name, detail)
            } else {
                Check::warning(name, detail, "free some disk space, or choose another folder for results")
            }
        }
        Err(error) => Check::warning(name, format!("cannot ask how much is free: {error}"), ""),
    }
}
