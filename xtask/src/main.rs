//! Developer tools: `cargo xtask tidy|bench|golden`.
fn main() {}
