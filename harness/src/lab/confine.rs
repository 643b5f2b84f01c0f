//! As whom a node's processes run, and what they may do: a user namespace of their own whose one user is nobody of
//! rights outside, no capabilities, no way to gain any, limited numbers.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Pid, Uid, setgroups, setresgid, setresuid};

use super::error::{Attempt, LabErrorKind, Result};
use super::isolation::{Limits, NodeUser};
use super::node_init::write_sysctl;
use super::sys;

/// A user and group id that no system assigns: `UIDS-GIDS.md` of systemd lists 0x70000000 to 0x7FFFFFFF as unused.
const UNUSED_ID: u32 = 0x7000_0000;
/// The kernel counts processes by user namespace from this version on, and before that all of a user.
const COUNTS_BY_NAMESPACE: (u32, u32) = (5, 14);
/// `capability(7)` numbers of what a root inside of a node keeps: chown, dac_override, fowner, fsetid, kill, setgid,
/// setuid, net_bind_service.
const ROOT_KEEPS: [libc::c_ulong; 8] = [0, 1, 3, 4, 5, 6, 7, 10];

/// A user and a group outside of the nodes, as the lab numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Who the nodes are: a user of no rights where the lab may choose, and else the lab's own user.
pub(crate) fn identity() -> Identity {
    let choose = |file: &str| choice(&fs::read_to_string(Path::new("/proc/self").join(file)).unwrap_or_default());
    Identity { uid: choose("uid_map"), gid: choose("gid_map") }
}

/// The id to choose of those that a map of a user namespace has: the unused one, else the last one.
fn choice(map: &str) -> u32 {
    let ranges = map.lines().filter_map(|line| {
        let mut numbers = line.split_whitespace().map(|number| number.parse::<u64>().ok());
        let (first, _, count) = (numbers.next()??, numbers.next()??, numbers.next()??);
        Some(first..first + count)
    });
    let ranges: Vec<_> = ranges.collect();
    if ranges.iter().any(|range| range.contains(&u64::from(UNUSED_ID))) {
        return UNUSED_ID;
    }
    ranges.iter().map(|range| range.end.saturating_sub(1)).max().and_then(|last| last.try_into().ok()).unwrap_or(0)
}

/// What of the root of a lab with a user namespace may be more than root alone: a second user, for the nodes.
pub(crate) fn second_user() -> String {
    format!("1 {UNUSED_ID} 1")
}

/// Maps the one user and group of a node's user namespace. Done by the hub, who may.
pub(crate) fn map_user(init: Pid, user: NodeUser, identity: Identity) -> Result<()> {
    let process = PathBuf::from(format!("/proc/{init}"));
    for (file, outside) in [("uid_map", identity.uid), ("gid_map", identity.gid)] {
        fs::write(process.join(file), format!("{} {outside} 1", user.id()))
            .attempt(LabErrorKind::UserNamespaces, || format!("write a node's {file}"))?;
    }
    Ok(())
}

/// Makes this process the node's user. It keeps its capabilities over the node's namespaces until it executes a
/// program.
pub(crate) fn become_user(user: NodeUser) -> Result<()> {
    let failed = || format!("become the user {} of a node", user.name());
    // Where groups may not be changed, they are those of an ordinary user, and stay.
    let _ = setgroups(&[]);
    let (uid, gid) = (Uid::from_raw(user.id()), Gid::from_raw(user.id()));
    setresgid(gid, gid, gid).attempt(LabErrorKind::UserNamespaces, failed)?;
    setresuid(uid, uid, uid).attempt(LabErrorKind::UserNamespaces, failed)?;
    // Nothing of the init is the node's to look at, although they are the same user.
    nix::sys::prctl::set_dumpable(false).attempt(LabErrorKind::UserNamespaces, failed)?;
    sys::leave_keyring();
    Ok(())
}

/// Makes sure that no program of the node has or gains a privilege, and limits what can be limited once for all.
pub(crate) fn give_up_privileges(user: NodeUser, limits: &Limits) -> Result<()> {
    nix::sys::prctl::set_no_new_privs().attempt(LabErrorKind::UserNamespaces, || "renounce privileges".into())?;
    sys::drop_from_bounding_set(|capability| user != NodeUser::Root || !ROOT_KEEPS.contains(&capability));
    let limit = |resource, most| setrlimit(resource, most, most);
    if kernel_version() >= COUNTS_BY_NAMESPACE {
        limit(Resource::RLIMIT_NPROC, limits.processes)
            .attempt(LabErrorKind::Node, || "limit the number of a node's processes".into())?;
    }
    limit(Resource::RLIMIT_CORE, 0).attempt(LabErrorKind::Node, || "switch core dumps off".into())
}

/// Kernel parameters of the node's own namespaces. To be set while `/proc/sys` is writable.
pub(crate) fn set_parameters() {
    // In a user namespace of its own making a process has every capability, over new namespaces.
    write_sysctl("user/max_user_namespaces", "0");
    // Servers with small port numbers need no privilege for them.
    write_sysctl("net/ipv4/ip_unprivileged_port_start", "0");
}

fn kernel_version() -> (u32, u32) {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit()).map_while(|word| word.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_somebody_without_rights_where_the_lab_may_choose() {
        assert_eq!(choice("         0          0 4294967295\n"), UNUSED_ID, "root of the machine");
        assert_eq!(choice("0 1000 1\n"), 0, "an ordinary user, who is root in the lab");
        assert_eq!(choice("0 0 1\n1 1879048192 1\n"), 1, "root in a user namespace");
        assert_eq!(choice("0 100000 65536\n"), 65535, "root of a container");
        assert_eq!(choice(""), 0);
    }

    #[test]
    fn the_kernel_has_a_version() {
        assert!(kernel_version() > (2, 6));
    }
}
