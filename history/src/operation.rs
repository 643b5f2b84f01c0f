//! How an operation ended.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How an operation ended, as far as its client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It happened, between its invocation and its completion.
    Ok,
    /// It certainly did not happen. A client that is not certain must say [`Outcome::Info`].
    Fail,
    /// Nobody knows: it may have happened, may still happen, or never.
    Info,
}

impl Outcome {
    /// All outcomes, in the order reports list them.
    pub const ALL: [Outcome; 3] = [Outcome::Ok, Outcome::Fail, Outcome::Info];

    /// The word used in files and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Fail => "fail",
            Outcome::Info => "info",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
