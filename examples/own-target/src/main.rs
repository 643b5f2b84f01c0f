//! An example of a crate that tests a system of its own: a small key-value server, a client, a workload.
//!
//! `docs/your-own-system.md` explains it step by step. Here the system under test is another command of the same
//! program; usually it is a program of its own that [`target`] names.

mod client;
mod counter;
mod peak;
mod server;
mod target;

use std::process::ExitCode;

use rashomon_harness::registry::Registry;
use rashomon_workloads::REGISTER;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("serve") {
        return server::main(arguments);
    }
    let registry =
        Registry::new().target(target::TinyKv).workload(REGISTER).workload(counter::Counter).workload(peak::Peak);
    rashomon_harness::cli::main(registry)
}
