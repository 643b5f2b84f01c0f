//! The names of kinds and classes of faults, as users type them and files have them.
//!
//! What a kind means, which class it belongs to and how it is drawn and injected is declared by the fault itself
//! (`rashomon_faults::Fault`): a crate of your own brings kinds and classes of its own.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of a kind of fault: `kill-leader`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct FaultKind(Cow<'static, str>);

/// The name of a class of faults: `kill`. On the command line it stands for all of its kinds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FaultClass(Cow<'static, str>);

impl FaultClass {
    /// The class of this name.
    pub const fn new(name: &'static str) -> FaultClass {
        FaultClass(Cow::Borrowed(name))
    }

    /// The name used on the command line and in files.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FaultClass {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Names in plans of version 0.1.0 that were not those of the command line.
const EARLIER: [(&str, FaultKind); 2] =
    [("kill", FaultKind::new("kill-some")), ("pause", FaultKind::new("pause-some"))];

impl FaultKind {
    /// The kind of this name.
    pub const fn new(name: &'static str) -> FaultKind {
        FaultKind(Cow::Borrowed(name))
    }

    /// The name used on the command line and in files.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for FaultKind {
    fn from(name: String) -> FaultKind {
        let earlier = EARLIER.into_iter().find(|(earlier, _)| *earlier == name);
        earlier.map_or(FaultKind(Cow::Owned(name)), |(_, kind)| kind)
    }
}

impl From<FaultKind> for String {
    fn from(kind: FaultKind) -> String {
        kind.0.into_owned()
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_by_their_names_and_by_those_of_earlier_plans() {
        let read = |text: &str| serde_json::from_str::<FaultKind>(text).unwrap();
        assert_eq!(read("\"kill\""), FaultKind::new("kill-some"));
        assert_eq!(read("\"meteor\"").as_str(), "meteor");
        assert_eq!(serde_json::to_string(&FaultKind::new("kill-all")).unwrap(), "\"kill-all\"");
    }
}
