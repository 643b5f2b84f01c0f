//! Who is in the cluster: what a node of [`rashomon_swim`] needs of its host, alone or as a part of another node.
//!
//! [`http`] is what clients may ask of it; a node that does nothing else keeps its identity in an [`IdentityFile`].

pub(crate) mod http;
mod identity;

pub(crate) use identity::{IdentityFile, recover};
