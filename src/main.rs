//! Registers the targets and workloads; everything else is in the harness.

use std::process::ExitCode;

use rashomon_described::DescribedTargets;
use rashomon_harness::registry::Registry;
use rashomon_targets::{CrdtReplicas, Dynamo, LwwKv, RaftKv, SwimMembers};
use rashomon_workloads::{CART, COUNTER, MAP, Members, REGISTER, SET, SIBLINGS, TEXT};

fn main() -> ExitCode {
    let registry = Registry::new().target(RaftKv).target(Dynamo).target(CrdtReplicas).target(LwwKv).target(SwimMembers);
    let registry = registry.target_source(DescribedTargets);
    let registry = registry.workload(REGISTER).workload(SET).workload(COUNTER).workload(CART);
    rashomon_harness::cli::main(registry.workload(SIBLINGS).workload(TEXT).workload(MAP).workload(Members))
}
