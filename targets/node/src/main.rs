//! The node program of the included targets: one process is one node of a cluster.
//!
//! The protocols are pure state machines in crates of their own; this program gives them sockets, files and clocks. It
//! is the only one of the target crates that has any. What all targets need is beside this file: [`driver`], the
//! loop around any protocol, with [`start`], [`wal`], [`peers`], [`http`], [`clock`], [`notices`], [`members`]. What
//! one target needs is in a module of its name: its options, its HTTP interface, what it keeps on disk.

mod bench;
mod clock;
mod crdt;
mod driver;
mod dynamo;
mod http;
mod lww_kv;
mod maelstrom;
mod members;
mod notices;
mod peers;
mod raft_kv;
mod start;
mod swim;
mod wal;

use std::io::Write;

use clap::{Parser, Subcommand};
use rashomon_mutants::{MutantInfo, Mutants};

/// A node of one of Rashomon's included target systems.
#[derive(Parser)]
#[command(name = "rashomon-node", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a node of the replicated key-value store on Raft.
    RaftKv(raft_kv::Options),
    /// Runs a node of the replicated data types.
    Crdt(crdt::Options),
    /// Runs a node of the naive store in which the last write by the wall clock wins.
    LwwKv(lww_kv::Options),
    /// Runs a node that knows who is in the cluster, and does nothing else.
    Swim(swim::Options),
    /// Runs a node of the Dynamo-style key-value store.
    Dynamo(dynamo::Options),
    /// Runs a node program that speaks Maelstrom's protocol, and carries its messages.
    Maelstrom(maelstrom::Options),
    /// Lists the known bugs that `--mutant` builds in.
    ListMutants,
    /// Measures a running raft-kv cluster: closed-loop clients over HTTP.
    #[command(hide = true)]
    Bench(bench::Options),
}

fn main() {
    abort_on_panic();
    let result = match Arguments::parse().command {
        Command::RaftKv(options) => raft_kv::run(options),
        Command::Crdt(options) => crdt::run(options),
        Command::LwwKv(options) => lww_kv::run(options),
        Command::Swim(options) => swim::run(options),
        Command::Dynamo(options) => dynamo::run(options),
        Command::Maelstrom(options) => maelstrom::run(options),
        Command::ListMutants => {
            list_mutants();
            Ok(())
        }
        Command::Bench(options) => bench::run(options),
    };
    if let Err(error) = result {
        eprintln!("ERROR rashomon-node: {error}");
        std::process::exit(1);
    }
}

/// A panic anywhere ends the process: a node of which one task is dead must not go on as if it were alive.
fn abort_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("ERROR rashomon-node: a panic ends this node, which is a bug in it: {panic}");
        std::process::abort();
    }));
}

fn list_mutants() {
    let mut text = String::new();
    text += &mutants::<rashomon_raft::Mutant>("raft-kv");
    text += &mutants::<rashomon_crdt::Mutant>("crdt");
    text += &mutants::<rashomon_lww::Mutant>("lww-kv");
    text += &mutants::<rashomon_dynamo::Mutant>("dynamo");
    text += &mutants::<rashomon_swim::Mutant>("swim");
    // A reader that has seen enough and closed the pipe is no error.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// The mutants of a target, each with the command that exposes it.
fn mutants<M: Mutants>(target: &str) -> String {
    let described = |info: &MutantInfo<M>| {
        let MutantInfo { name, id, summary, exposes, recipe, .. } = info;
        let run =
            recipe.command(target, name).map_or("none yet".to_owned(), |command| format!("rashomon run {command}"));
        format!("{id} {name}: {summary}\n    exposes: {exposes}\n    recipe: {run}\n    note: {}\n", recipe.note)
    };
    M::ALL.iter().map(described).collect()
}
