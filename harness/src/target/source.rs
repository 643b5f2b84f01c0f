//! Targets that are no part of the program: described in files, and read when a command names one.

use std::sync::Arc;

use super::{Target, TargetError};
use crate::interface::Interface;

/// Finds and reads descriptions of targets.
pub trait TargetSource: Send + Sync {
    /// The target that a word of the command line stands for; `None` when the word names no file of this source.
    fn find(&self, word: &str, known: &[&'static Interface]) -> Option<Result<Arc<dyn Target>, TargetError>>;

    /// The target of an earlier run, from the definition that its manifest keeps ([`TargetInfo::definition`]).
    ///
    /// # Errors
    ///
    /// When this version does not understand the definition.
    ///
    /// [`TargetInfo::definition`]: super::TargetInfo::definition
    fn read(&self, definition: &str, known: &[&'static Interface]) -> Result<Arc<dyn Target>, TargetError>;

    /// The words for what can be found from here without a path.
    fn names(&self) -> Vec<String>;
}

/// Why there is no target for a word or a definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTarget {
    /// Nothing has that name.
    #[error("there is no target `{0}`")]
    Unknown(String),
    /// It was found, and its description is wrong.
    #[error(transparent)]
    Wrong(#[from] TargetError),
}

impl NoTarget {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            NoTarget::Unknown(_) => "use the program that made the run, or name a file".to_owned(),
            NoTarget::Wrong(error) => error.remedy.clone(),
        }
    }
}
