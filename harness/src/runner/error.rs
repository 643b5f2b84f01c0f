//! Why a plan could not be run at all.

use rashomon_runs::{ReadError, StoreError};
use thiserror::Error;

use crate::target::{NoTarget, TargetError};

/// Why a plan could not be run at all. A run that was begun and broke is none: it has a verdict.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// This program has no target or workload of the plan's name.
    #[error("this program has no {what} `{name}`")]
    Unknown {
        /// `workload`.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The plan cannot be injected into its cluster.
    #[error("{0}")]
    Schedule(String),
    /// There is no such target, or its description is wrong.
    #[error(transparent)]
    NoTarget(#[from] NoTarget),
    /// The target cannot be started.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The machine lacks what the plan needs.
    #[error("{what}")]
    Environment {
        /// What is missing.
        what: String,
        /// What to do about it.
        remedy: String,
    },
    /// The user asked to stop before it began, or somebody killed what it needed.
    #[error("{how} before the run began")]
    Interrupted {
        /// What happened.
        how: String,
    },
    /// The run's folder cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The run's folder cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl RunError {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            RunError::Unknown { .. } => "use the program that made the run".to_owned(),
            RunError::Schedule(_) => {
                "mend the schedule in the manifest, or run the command line it was made by".to_owned()
            }
            RunError::NoTarget(error) => error.remedy(),
            RunError::Target(error) => error.remedy.clone(),
            RunError::Environment { remedy, .. } => remedy.clone(),
            RunError::Interrupted { .. } => String::new(),
            RunError::Store(error) => error.remedy(),
            RunError::Read(error) => error.remedy(),
        }
    }

    /// Whether the plan asks for something that does not exist or make sense, and not the machine is at fault.
    pub fn is_usage(&self) -> bool {
        matches!(self, RunError::Unknown { .. } | RunError::Schedule(_) | RunError::NoTarget(_) | RunError::Target(_))
    }
}
