//! Names: of replicas, and of the updates they make.

use std::fmt;

use rashomon_protocol::NodeId;
use serde::{Deserialize, Serialize};

/// A replica: one life of a node's data.
///
/// A node that restarts with its data is the same actor. A node whose data was lost comes back as another one, since it
/// no longer knows which dots it has given out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// The node.
    pub node: NodeId,
    /// Differs between any two lives of a node's data.
    pub incarnation: u32,
}

/// The name of one update: the actor that made it, and its number among that actor's updates, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Dot {
    /// Who made it.
    pub actor: Actor,
    /// Which of its updates.
    pub counter: u64,
}

impl fmt::Display for Actor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{:x}", self.node, self.incarnation)
    }
}

impl fmt::Display for Dot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.actor, self.counter)
    }
}

impl std::str::FromStr for Dot {
    type Err = BadDot;

    fn from_str(text: &str) -> Result<Dot, BadDot> {
        let mut parts = text.split('.');
        let (Some(node), Some(incarnation), Some(counter), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(BadDot);
        };
        let node = node.parse().map_err(|_| BadDot)?;
        let incarnation = u32::from_str_radix(incarnation, 16).map_err(|_| BadDot)?;
        let counter = counter.parse().map_err(|_| BadDot)?;
        Ok(Dot { actor: Actor { node, incarnation }, counter })
    }
}

/// A text that names no dot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadDot;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_is_read_back_from_its_text() {
        let dot = Dot { actor: Actor { node: 3, incarnation: 0xdead_beef }, counter: 1 << 40 };
        assert_eq!(dot.to_string().parse(), Ok(dot));
        for bad in ["", "1.2", "1.g.3", "1.2.3.4", "70000.1.1", "1.2.-3"] {
            assert_eq!(bad.parse::<Dot>(), Err(BadDot), "{bad}");
        }
    }
}
