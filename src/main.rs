//! Registers the targets and workloads; everything else is in the harness.

use std::process::ExitCode;

use rashomon_described::{DescribedTargets, New, servers};
use rashomon_harness::registry::Registry;
use rashomon_postgres::Postgres;
use rashomon_targets::{CrdtReplicas, Dynamo, LwwKv, Maelstrom, MaelstromOptions, RaftKv, SwimMembers};
use rashomon_workloads::{
    APPEND, Bank, CART, COUNTER, ECHO, IDS, LOG, LONG_FORK, MAP, Members, REGISTER, RW_REGISTER, SET, SIBLINGS, TEXT,
    WRITE_SKEW,
};

fn main() -> ExitCode {
    let registry = Registry::new().target(RaftKv).target(Dynamo).target(CrdtReplicas).target(LwwKv).target(SwimMembers);
    let registry = registry.target(Postgres).target(Maelstrom::default()).dialect(MaelstromOptions);
    let registry = servers().into_iter().fold(registry, Registry::target);
    let registry = registry.target_source(DescribedTargets).command(New);
    let registry = registry.workload(REGISTER).workload(SET).workload(COUNTER).workload(CART);
    let registry = registry.workload(SIBLINGS).workload(TEXT).workload(MAP).workload(Members);
    let registry = registry.workload(APPEND).workload(RW_REGISTER).workload(Bank).workload(LONG_FORK);
    rashomon_harness::cli::main(registry.workload(WRITE_SKEW).workload(IDS).workload(ECHO).workload(LOG))
}
