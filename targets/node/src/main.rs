//! The node program of the included targets.
fn main() {}
