//! Every type against its meaning: the laws of joins, deltas against states, and values against a reference.

mod explore;
mod laws;
mod reference;
