//! What a checker answers.

use std::borrow::Cow;
use std::fmt;

use rashomon_history::OpId;
use serde::{Deserialize, Serialize};

/// How much a checker may spend before it must answer `inconclusive`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Steps of search (model steps, configurations): deterministic, unlike seconds.
    pub steps: u64,
    /// Bytes the checker's own tables may hold.
    pub bytes: u64,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { steps: 200_000_000, bytes: 2 << 30 }
    }
}

/// A checker's answer about one history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finding {
    /// The history satisfies the model.
    Valid,
    /// It does not; there is an anomaly.
    Invalid,
    /// The budget ran out before either was certain.
    Unknown,
}

/// One contradiction, as small as it could be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anomaly {
    /// Its name in the field: `stale read`, `lost update`, `G1c`, ….
    pub name: String,
    /// One sentence in plain words, with the operations, the values and how far off it was.
    pub sentence: String,
    /// The object it happened on, as text; empty when there is only one.
    pub key: String,
    /// The operations that contradict each other (a minimal core), in order of invocation.
    pub operations: Vec<OpId>,
    /// Further sentences, one per step of the argument.
    pub explanation: Vec<String>,
    /// The window of the history that a reader should look at, ns: from just before the first operation of the core to
    /// just after the last.
    pub window: (u64, u64),
    /// Which operation must come before which other, and why: the steps of the argument where it is one of order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<Edge>,
}

/// That one operation must come before another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// The one that comes first.
    pub from: OpId,
    /// The other.
    pub to: OpId,
    /// Which kind of reason it is.
    pub kind: EdgeKind,
    /// The reason in words, with values and times.
    pub why: String,
}

/// A kind of reason why one operation comes before another. Any word: these are the usual ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EdgeKind(pub Cow<'static, str>);

impl EdgeKind {
    /// The first had completed before the second was invoked.
    pub const REAL_TIME: EdgeKind = EdgeKind(Cow::Borrowed("real-time"));
    /// One process ran them in this order.
    pub const PROCESS: EdgeKind = EdgeKind(Cow::Borrowed("process"));
    /// The second read what the first wrote.
    pub const WR: EdgeKind = EdgeKind(Cow::Borrowed("wr"));
    /// The second overwrote what the first wrote.
    pub const WW: EdgeKind = EdgeKind(Cow::Borrowed("ww"));
    /// The second overwrote what the first read.
    pub const RW: EdgeKind = EdgeKind(Cow::Borrowed("rw"));
}

impl fmt::Display for EdgeKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What was judged and by which method, for one part of a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Method {
    /// The method: `zones`, `frontier`, `search`, ….
    pub method: String,
    /// How many parts (keys, elements) it judged.
    pub parts: u64,
    /// How many operations were in them.
    pub operations: u64,
    /// Steps it took.
    pub steps: u64,
    /// Why this method.
    pub why: String,
}

/// The whole answer of a checker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// Which checker and model, as `linearizable cas-register`.
    pub checker: String,
    /// The answer.
    pub finding: Finding,
    /// For [`Finding::Invalid`]: what contradicts, the clearest first. At least one.
    pub anomalies: Vec<Anomaly>,
    /// For [`Finding::Unknown`]: what ran out, on which part, and what to do.
    pub unknown: Vec<String>,
    /// Which methods judged what.
    pub methods: Vec<Method>,
    /// Notes a reader should know (`2,310 reads of unknown outcome were ignored`).
    pub notes: Vec<String>,
    /// What was measured on the way, for tables and plots. A measurement is never a violation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measurements: Vec<Measurement>,
}

/// Something that a checker measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// What, as a person would write it above a plot: `time to converge`, `t-visibility`.
    pub name: String,
    /// What the number, or the y of each point, is in: `ms`, `versions`, `fraction of reads`.
    pub unit: String,
    /// How much.
    pub measured: Measured,
}

/// A number, or a curve. No number in it is NaN or infinite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measured {
    /// One number.
    Number(f64),
    /// A curve, its points in order of x.
    Series {
        /// What x is in: `ms`.
        x_unit: String,
        /// The points, as (x, y).
        points: Vec<(f64, f64)>,
    },
}

// Equality is total, because no number in a measurement is NaN.
impl Eq for Measurement {}
impl Eq for Measured {}

impl Measurement {
    /// A number.
    pub fn number(name: &str, unit: &str, number: f64) -> Measurement {
        Measurement { name: name.to_owned(), unit: unit.to_owned(), measured: Measured::Number(number) }
    }

    /// A curve: `points` in order of x.
    pub fn series(name: &str, unit: &str, x_unit: &str, points: Vec<(f64, f64)>) -> Measurement {
        let measured = Measured::Series { x_unit: x_unit.to_owned(), points };
        Measurement { name: name.to_owned(), unit: unit.to_owned(), measured }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anomalies_of_old_verdicts_have_no_edges() {
        let old = r#"{"name":"stale read","sentence":"s","key":"","operations":[1,2],"explanation":[],"window":[0,9]}"#;
        let anomaly: Anomaly = serde_json::from_str(old).expect("what earlier versions wrote is read");
        assert!(anomaly.edges.is_empty());
        let written = serde_json::to_string(&anomaly).expect("an anomaly is written");
        assert_eq!(written, old, "and nothing is added where there is nothing to say");
    }

    #[test]
    fn any_word_is_a_kind_of_edge() {
        let edge = r#"{"from":1,"to":2,"kind":"predicate-rw","why":"because"}"#;
        let read: Edge = serde_json::from_str(edge).expect("an edge");
        assert_eq!(read.kind, EdgeKind("predicate-rw".into()));
        assert_eq!(serde_json::to_string(&read).expect("an edge is written"), edge);
        assert_eq!(EdgeKind::WW.to_string(), "ww");
    }
}
