//! Registers the targets and workloads; everything else is in the harness.

use std::process::ExitCode;

use rashomon_harness::registry::Registry;
use rashomon_targets::RaftKv;
use rashomon_workloads::Register;

fn main() -> ExitCode {
    rashomon_harness::cli::main(Registry::new().target(RaftKv).workload(Register))
}
