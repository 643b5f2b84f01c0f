//! The targets as the harness sees them: command lines, clients, interfaces.

mod http;
mod node_program;
mod raft_kv;
mod register_client;

pub use raft_kv::RaftKv;
