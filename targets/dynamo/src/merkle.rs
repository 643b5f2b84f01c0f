//! Hash trees: how two replicas of a partition find where they differ without telling each other everything.
//!
//! Merkle (A digital signature based on a conventional encryption function, 1987), as section 4.7 of the Dynamo paper
//! uses it: a node's hash is the hash of its children's, so equal roots mean equal data, and only paths that lead to a
//! difference are walked. A leaf stands for the keys of one range of hashes; its hash is the sum of its keys' digests
//! (exclusive or), so that a change of a key costs constant time.

use serde::{Deserialize, Serialize};

use crate::hash::hash;
use crate::mutant::Mutant;

/// Leaves of a tree.
pub(crate) const LEAVES: u16 = 64;

/// Children of an inner node.
pub(crate) const FAN: u16 = 8;

/// The hashes of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tree {
    leaves: Vec<u64>,
}

impl Default for Tree {
    fn default() -> Tree {
        Tree { leaves: vec![0; usize::from(LEAVES)] }
    }
}

impl Tree {
    /// Adds a key's digest to its leaf, or takes it away again.
    pub(crate) fn toggle(&mut self, leaf: u16, digest: u64) {
        self.leaves[usize::from(leaf)] ^= digest;
    }

    /// The hashes of the inner nodes below the root.
    pub(crate) fn inner(&self, mutant: Option<Mutant>) -> Vec<u64> {
        let hash_of = |leaves: &[u64]| match mutant {
            // D16: the range ends one too early.
            Some(Mutant::MerkleRangeEnd) => hash(&leaves[..leaves.len() - 1].to_vec()),
            _ => hash(&leaves.to_vec()),
        };
        self.leaves.chunks(usize::from(FAN)).map(hash_of).collect()
    }

    /// The root's hash.
    pub(crate) fn root(&self, mutant: Option<Mutant>) -> u64 {
        hash(&self.inner(mutant))
    }

    /// A leaf's hash.
    pub(crate) fn leaf(&self, leaf: u16) -> Option<u64> {
        self.leaves.get(usize::from(leaf)).copied()
    }

    /// The leaves below an inner node, with their hashes.
    pub(crate) fn leaves_below(&self, inner: u16) -> Vec<(u16, u64)> {
        let from = inner * FAN;
        (from..from + FAN).map(|leaf| (leaf, self.leaves[usize::from(leaf)])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_on_its_path_and_nowhere_else() {
        let mut one = Tree::default();
        for leaf in 0..LEAVES {
            one.toggle(leaf, u64::from(leaf) * 77 + 5);
        }
        let mut two = one.clone();
        assert_eq!(one.root(None), two.root(None));
        two.toggle(42, 9);
        assert_ne!(one.root(None), two.root(None));
        let differing: Vec<usize> = (0..8).filter(|at| one.inner(None)[*at] != two.inner(None)[*at]).collect();
        assert_eq!(differing, [5]);
        let below = one.leaves_below(5).into_iter().zip(two.leaves_below(5));
        assert_eq!(below.filter(|(mine, theirs)| mine != theirs).map(|(mine, _)| mine.0).collect::<Vec<_>>(), [42]);
        two.toggle(42, 9);
        assert_eq!(one.root(None), two.root(None));
    }
}
