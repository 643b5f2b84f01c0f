//! Raft as a sans-IO state machine, with named mutants.
