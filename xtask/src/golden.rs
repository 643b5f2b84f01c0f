//! `cargo xtask golden`: rewrites the expected output of the protocols' golden scripts.

use std::path::Path;

use crate::process::{self, Error};

/// Crates whose tests compare with golden scripts and rewrite them when `UPDATE_GOLDEN` is set.
const CRATES: &[&str] = &["rashomon-raft", "rashomon-crdt", "rashomon-swim"];

/// Runs those tests with `UPDATE_GOLDEN=1`.
pub(crate) fn run(root: &Path) -> Result<(), Error> {
    for name in CRATES {
        process::cargo(root, &["test", "--quiet", "--package", name], &[("UPDATE_GOLDEN", "1")])?;
    }
    println!("golden scripts rewritten; read `git diff` before you commit it");
    Ok(())
}
