//! What a node sees of the machine: its programs, read-only, and nothing of anybody's files.
//!
//! A node's root is an empty file system in memory, into which this module puts: the machine's programs and libraries
//! (`/usr`, `/lib`, `/opt`, …) and its configuration (`/etc`, without what not everybody may read), all read-only,
//! without set-user-id and without devices; a `/proc`, `/sys` and `/dev` of the node's own; private `/tmp`, `/run`,
//! `/var` and `/dev/shm`; its data directory, writable; the folder with which faults reach into it, read-only. The
//! machine's own root is then detached (`pivot_root(2)`), and cannot be reached by any path.
//!
//! A node's processes hold no capability, so they can neither mount nor unmount anything.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::LAB_DIR;
use super::error::{Attempt, LabError, LabErrorKind, Result};
use super::isolation::NodeUser;
use super::protocol::NodeSetup;
use super::sys::{self, NO_DEVICES, NO_SUID, READ_ONLY};

/// Where the machine's programs and what they need may be. Links among them are made again as links.
const SYSTEM: [&str; 12] =
    ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32", "opt", "etc", "nix", "gnu"];
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// In `/etc`, folders that hold secrets although everybody may look into them, or whose secrets only their owner may
/// read: the node's user may be that owner.
const SECRETS: [&str; 8] = [
    "ssh",
    "ssl/private",
    "pki/tls/private",
    "letsencrypt",
    "kubernetes",
    "wireguard",
    "NetworkManager/system-connections",
    "sudoers.d",
];
/// In `/proc`, what changes the machine, or tells too much of it, even without a capability where the node's user is
/// the machine's root.
const PROC_READ_ONLY: [&str; 7] = ["sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "scsi"];
const PROC_HIDDEN: [&str; 5] = ["kcore", "keys", "kmsg", "timer_list", "sched_debug"];
const ROOT_OPTIONS: &str = "mode=0755,size=1m,nr_inodes=4k";

/// What the hub prepares once for all nodes, in the lab's own folder.
pub(crate) fn prepare(user: NodeUser, hosts: &str) -> Result<Vec<PathBuf>> {
    let lab = Path::new(LAB_DIR);
    let make = |name: &str, content: &str| {
        let path = lab.join(name);
        fs::write(&path, content)
            .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o444)))
            .map_err(|error| LabError::file(format!("cannot make {}", path.display()), &error))
    };
    make("hosts", hosts)?;
    make("passwd", &accounts("/etc/passwd", user, ":/tmp:/bin/sh"))?;
    make("group", &accounts("/etc/group", user, ""))?;
    make("nothing", "")?;
    for folder in ["empty", "root"] {
        fs::create_dir_all(lab.join(folder))
            .map_err(|error| LabError::file(format!("cannot make {}", lab.join(folder).display()), &error))?;
    }
    Ok(secrets(Path::new("/etc")))
}

/// The machine's accounts or groups, with the node's own in place of those of the same id or name. `home_and_shell` is
/// empty for groups.
fn accounts(file: &str, user: NodeUser, home_and_shell: &str) -> String {
    let id = user.id().to_string();
    let existing = fs::read_to_string(file).unwrap_or_default();
    let others = existing.lines().filter(|line| {
        let mut fields = line.split(':');
        fields.next() != Some(user.name()) && fields.nth(1) != Some(&id)
    });
    let mut text: String = others.map(|line| format!("{line}\n")).collect();
    let own = if home_and_shell.is_empty() {
        format!("{}:x:{id}:\n", user.name())
    } else {
        format!("{}:x:{id}:{id}:{}{home_and_shell}\n", user.name(), user.name())
    };
    text.push_str(&own);
    text
}

/// What in `/etc` a node must not see.
fn secrets(etc: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(etc).into_iter().flatten().flatten();
    let closed = entries.filter_map(|entry| {
        let about = fs::symlink_metadata(entry.path()).ok()?;
        let open = if about.is_dir() { 0o005 } else { 0o004 };
        (!about.is_symlink() && about.mode() & open != open).then(|| entry.path())
    });
    let known = SECRETS.iter().map(|name| etc.join(name)).filter(|path| path.exists());
    let mut all: Vec<PathBuf> = closed.chain(known).collect();
    all.sort();
    all.dedup();
    // What lies in a hidden folder cannot be hidden again.
    let inside = |path: &PathBuf| all.iter().any(|other| other != path && path.starts_with(other));
    all.iter().filter(|path| !inside(path)).cloned().collect()
}

/// The parts of the machine's file system that a node sees, taken while they can still be looked up.
pub(crate) struct View {
    system: Vec<(PathBuf, Part)>,
    devices: Vec<(PathBuf, OwnedFd)>,
}

enum Part {
    Link(PathBuf),
    Tree(OwnedFd),
}

impl View {
    /// Takes them. To be called before the process becomes the node's user, who may not be allowed to.
    pub(crate) fn take() -> Result<Self> {
        let mut system = Vec::new();
        for name in SYSTEM {
            let path = Path::new("/").join(name);
            let Ok(about) = fs::symlink_metadata(&path) else { continue };
            let part = if about.is_symlink() {
                Part::Link(fs::read_link(&path).attempt(LabErrorKind::Mount, || format!("read {}", path.display()))?)
            } else {
                Part::Tree(take(&path, READ_ONLY | NO_SUID | NO_DEVICES)?)
            };
            system.push((name.into(), part));
        }
        let mut devices = Vec::new();
        for name in DEVICES {
            let path = Path::new("/dev").join(name);
            if path.exists() {
                devices.push((Path::new("dev").join(name), take(&path, READ_ONLY | NO_SUID)?));
            }
        }
        Ok(Self { system, devices })
    }

    /// Makes this the whole of what the process and its children see. `data` and `shared` are the node's folders.
    pub(crate) fn enter(self, setup: &NodeSetup, data: OwnedFd, shared: OwnedFd) -> Result<()> {
        let root = Path::new(LAB_DIR).join("root");
        mount_fresh("tmpfs", &root, MsFlags::MS_NOSUID | MsFlags::MS_NODEV, ROOT_OPTIONS)?;
        for (name, part) in self.system {
            let path = root.join(name);
            match part {
                Part::Link(target) => {
                    symlink(target, &path).attempt(LabErrorKind::Mount, || format!("make {}", path.display()))?;
                }
                Part::Tree(tree) => attach(&tree, &path)?,
            }
        }
        cover_configuration(&root, &setup.hidden)?;
        make_devices(&root, self.devices, setup.limits.scratch_bytes)?;
        make_proc(&root)?;
        let scratch = format!("size={},nr_inodes={}", setup.limits.scratch_bytes, inodes(setup.limits.scratch_bytes));
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        for (name, mode) in [("tmp", "1777"), ("run", "0755"), ("var", "0755")] {
            make_folder(&root.join(name))?;
            mount_fresh("tmpfs", &root.join(name), flags, &format!("mode={mode},{scratch}"))?;
        }
        fill_var(&root.join("var"))?;
        for (tree, path) in [(data, &setup.data_dir), (shared, &setup.shared_dir)] {
            attach(&tree, &below(&root, path))?;
        }
        leave_for(&root)
    }
}

/// A detached copy of what is at `path`, with these attributes set.
pub(crate) fn take(path: &Path, attributes: u64) -> Result<OwnedFd> {
    let taken = sys::clone_tree(path).and_then(|tree| sys::change_tree(tree.as_fd(), attributes, 0).map(|()| tree));
    taken.map_err(|error| {
        let remedy = match error.raw_os_error() {
            Some(libc::ENOSYS) => "this kernel is too old to isolate nodes: use Linux 5.12 or later",
            Some(libc::ENOENT) => "give the path of a file or folder that exists",
            Some(libc::EACCES) => "choose a path that this user may look up",
            _ => "",
        };
        LabError::new(LabErrorKind::Mount, format!("cannot show {} to a node: {error}", path.display()), remedy)
    })
}

/// Shows further files and folders to a node that has entered its view: each at its path, unless it is there already.
pub(crate) fn show(further: &[(PathBuf, OwnedFd)]) -> Result<()> {
    let missing: Vec<_> = further.iter().filter(|(path, tree)| !is_at(path, tree)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let root = Path::new("/");
    let change = |set, clear| sys::change_mount(root, set, clear).attempt(LabErrorKind::Mount, || "open up /".into());
    change(0, READ_ONLY)?;
    let shown = missing.into_iter().try_for_each(|(path, tree)| {
        attach(tree, path).or_else(|_| {
            // What was shown there before has been replaced on the machine: nothing can be put over a deleted file.
            let _ = umount2(path, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW);
            attach(tree, path)
        })
    });
    change(READ_ONLY, 0)?;
    shown
}

fn is_at(path: &Path, tree: &OwnedFd) -> bool {
    let wanted = nix::sys::stat::fstat(tree).map(|about| (about.st_dev, about.st_ino));
    fs::metadata(path).is_ok_and(|there| wanted.is_ok_and(|wanted| wanted == (there.dev(), there.ino())))
}

/// Attaches a tree at a path, whose folders are made where they are missing.
fn attach(tree: &OwnedFd, path: &Path) -> Result<()> {
    let failed = || format!("show {} to a node", path.display());
    let about = nix::sys::stat::fstat(tree).attempt(LabErrorKind::Mount, failed)?;
    if about.st_mode & libc::S_IFMT == libc::S_IFDIR {
        fs::create_dir_all(path).attempt(LabErrorKind::Mount, failed)?;
    } else if !path.exists() {
        path.parent().map_or(Ok(()), fs::create_dir_all).attempt(LabErrorKind::Mount, failed)?;
        fs::File::create(path).attempt(LabErrorKind::Mount, failed)?;
    }
    sys::attach_tree(tree.as_fd(), path).attempt(LabErrorKind::Mount, failed)
}

/// `path`, which is absolute, below another root.
fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).attempt(LabErrorKind::Mount, || format!("make {}", path.display()))
}

fn mount_fresh(kind: &str, target: &Path, flags: MsFlags, options: &str) -> Result<()> {
    mount(Some(kind), target, Some(kind), flags, Some(options))
        .attempt(LabErrorKind::Mount, || format!("mount {kind} on {}", target.display()))
}

/// A file system in memory has a limit of files, too: each takes kernel memory, also if it is empty.
pub(crate) fn inodes(bytes: u64) -> u64 {
    (bytes / 4096).max(1024)
}

/// Puts the lab's own files and nothing at all over files of `/etc`.
fn cover_configuration(root: &Path, hidden: &[PathBuf]) -> Result<()> {
    let lab = Path::new(LAB_DIR);
    let attributes = READ_ONLY | NO_SUID | NO_DEVICES;
    for name in ["passwd", "group", "hosts"] {
        let path = root.join("etc").join(name);
        // Without such a file there is no place to put one.
        if path.is_file() {
            let tree = take(&lab.join(name), attributes)?;
            // A link, as some systems have it, is replaced where it leads to.
            let path = path.canonicalize().unwrap_or(path);
            attach(&tree, &path)?;
        }
    }
    for path in hidden {
        let cover = if path.is_dir() { "empty" } else { "nothing" };
        attach(&take(&lab.join(cover), attributes)?, &below(root, path))?;
    }
    Ok(())
}

fn make_devices(root: &Path, devices: Vec<(PathBuf, OwnedFd)>, shared_memory_bytes: u64) -> Result<()> {
    let dev = root.join("dev");
    for folder in ["shm", "pts"] {
        make_folder(&dev.join(folder))?;
    }
    for (path, tree) in devices {
        attach(&tree, &root.join(path))?;
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    let options = format!("mode=1777,size={shared_memory_bytes},nr_inodes={}", inodes(shared_memory_bytes));
    mount_fresh("tmpfs", &dev.join("shm"), flags | MsFlags::MS_NODEV, &options)?;
    mount_fresh("devpts", &dev.join("pts"), flags, "newinstance,ptmxmode=0666,mode=0620")?;
    let links = [
        ("ptmx", "pts/ptmx"),
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ];
    for (name, target) in links {
        symlink(target, dev.join(name)).attempt(LabErrorKind::Mount, || format!("make /dev/{name}"))?;
    }
    Ok(())
}

fn make_proc(root: &Path) -> Result<()> {
    let (proc, sysfs) = (root.join("proc"), root.join("sys"));
    make_folder(&proc)?;
    make_folder(&sysfs)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount_fresh("proc", &proc, flags, "")?;
    // In some containers a new one may not be mounted: then there is none.
    let _ = mount_fresh("sysfs", &sysfs, flags | MsFlags::MS_RDONLY, "");
    for name in PROC_READ_ONLY {
        let path = proc.join(name);
        if path.exists() {
            attach(&take(&path, READ_ONLY)?, &path)?;
        }
    }
    for name in PROC_HIDDEN {
        let path = proc.join(name);
        if path.exists() {
            attach(&take(Path::new("/dev/null"), READ_ONLY | NO_SUID)?, &path)?;
        }
    }
    Ok(())
}

/// What programs expect below `/var`.
fn fill_var(var: &Path) -> Result<()> {
    for folder in ["cache", "lib", "log", "spool"] {
        make_folder(&var.join(folder))?;
    }
    for (name, target) in [("tmp", "/tmp"), ("run", "/run"), ("lock", "/run")] {
        symlink(target, var.join(name)).attempt(LabErrorKind::Mount, || format!("make /var/{name}"))?;
    }
    Ok(())
}

/// Makes `root` the root, detaches the old one, and lets nothing be added to the new one.
fn leave_for(root: &Path) -> Result<()> {
    let leave = || -> io::Result<()> {
        std::env::set_current_dir(root)?;
        // The old root comes to lie over the new one, and is detached from there.
        nix::unistd::pivot_root(".", ".")?;
        umount2(".", MntFlags::MNT_DETACH)?;
        std::env::set_current_dir("/")?;
        sys::change_mount(Path::new("/"), READ_ONLY, 0)
    };
    leave().attempt(LabErrorKind::Mount, || "hide the machine's files from a node".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_not_everybody_may_read_is_hidden() {
        let etc = tempfile::tempdir().unwrap();
        let make = |name: &str, mode: u32| {
            let path = etc.path().join(name);
            if name.ends_with(".d") || name == "ssh" { fs::create_dir(&path) } else { fs::write(&path, "") }.unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            path
        };
        make("passwd", 0o644);
        make("conf.d", 0o755);
        let mut hidden = vec![make("shadow", 0o640), make("secret.d", 0o750), make("ssh", 0o755)];
        symlink("/nowhere", etc.path().join("link")).unwrap();
        hidden.sort();
        assert_eq!(secrets(etc.path()), hidden);
    }

    #[test]
    fn the_nodes_account_replaces_one_of_its_id() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passwd");
        fs::write(&file, "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/zsh\n").unwrap();
        let text = accounts(file.to_str().unwrap(), NodeUser::Unprivileged, ":/:/bin/sh");
        assert_eq!(text, "root:x:0:0:root:/root:/bin/bash\nnode:x:1000:1000:node:/:/bin/sh\n");
    }
}
