//! Registers the targets and workloads; everything else is in the harness.

use std::process::ExitCode;

use rashomon_harness::registry::Registry;
use rashomon_targets::{CrdtReplicas, Dynamo, LwwKv, RaftKv, SwimMembers};
use rashomon_workloads::{Cart, Counter, Map, Members, Register, Set, Siblings, Text};

fn main() -> ExitCode {
    let registry = Registry::new().target(RaftKv).target(Dynamo).target(CrdtReplicas).target(LwwKv).target(SwimMembers);
    let registry = registry.workload(Register).workload(Set).workload(Counter).workload(Cart);
    rashomon_harness::cli::main(registry.workload(Siblings).workload(Text).workload(Map).workload(Members))
}
