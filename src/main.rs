//! Registers the targets and workloads; everything else is in the harness.
fn main() {}
