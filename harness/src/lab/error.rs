//! What can go wrong in the lab, each time with what to do about it.
//!
//! A [`LabError`] crosses process borders (lab init → the program outside, a node's init → the controller), so it is
//! plain data.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The lab's result type.
pub type Result<T> = std::result::Result<T, LabError>;

/// A failure of the lab: what happened and, where it is known, what mends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct LabError {
    /// What kind of failure this is, for programs.
    pub kind: LabErrorKind,
    /// What happened, in one sentence without a full stop.
    pub what: String,
    /// What the user can do, as a sentence or a command. Empty where only a report to the developers helps.
    pub remedy: String,
}

/// The kinds of failure that a caller may want to tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabErrorKind {
    /// The system forbids user namespaces, or takes away the privileges inside of them.
    UserNamespaces,
    /// Another namespace could not be made.
    Namespaces,
    /// A mount failed.
    Mount,
    /// A network device, address or bridge could not be set up.
    Network,
    /// A program is not installed, or cannot be seen or executed.
    MissingProgram,
    /// The kernel does not pass bridged packets to iptables, so partitions would have no effect.
    BridgeNetfilter,
    /// A node or one of its commands did not start, or ended too early.
    Node,
    /// Something did not happen in time.
    Timeout,
    /// Something that cannot be: the lab's processes do not understand each other.
    Lost,
    /// A process of the lab was killed or stopped by somebody else, and with it the lab. The run is interrupted, and
    /// nothing is known to be wrong with the program.
    Disturbed,
    /// A file could not be read or written.
    File,
    /// The caller asked for something that does not make sense (no such node, already running).
    Usage,
}

impl LabError {
    /// An error with its remedy; an empty remedy says that none is known.
    pub fn new(kind: LabErrorKind, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { kind, what: what.into(), remedy: remedy.into() }
    }

    /// The lab's processes are in disorder: `what` says how that was noticed.
    pub fn lost(what: impl Into<String>) -> Self {
        Self::new(LabErrorKind::Lost, what, "run again; please report it if it happens again")
    }

    /// A process of the lab was killed or stopped from outside: `what` says which.
    pub fn disturbed(what: impl Into<String>) -> Self {
        Self::new(
            LabErrorKind::Disturbed,
            what,
            "see who does that (somebody's kill, or the kernel for want of memory: dmesg says so), and run again",
        )
    }

    /// A call that does not make sense.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(LabErrorKind::Usage, what, "")
    }

    /// A failed operation on a file.
    pub fn file(what: impl fmt::Display, error: &std::io::Error) -> Self {
        let remedy = match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => "free some disk space",
            std::io::ErrorKind::PermissionDenied => "choose a folder that this user may write to",
            std::io::ErrorKind::ReadOnlyFilesystem => "choose a folder on a writable file system",
            _ => "",
        };
        Self::new(LabErrorKind::File, format!("{what}: {error}"), remedy)
    }
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.remedy.is_empty() {
            write!(f, ". To mend it: {}", self.remedy)?;
        }
        Ok(())
    }
}

/// Adds the kind and the attempted action to a system error.
pub(crate) trait Attempt<T> {
    /// Turns the error into a [`LabError`] of `kind` that says what was attempted.
    fn attempt(self, kind: LabErrorKind, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: fmt::Display> Attempt<T> for std::result::Result<T, E> {
    fn attempt(self, kind: LabErrorKind, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| LabError::new(kind, format!("cannot {}: {error}", what()), ""))
    }
}
