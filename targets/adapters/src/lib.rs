//! The targets as the harness sees them: command lines, clients, interfaces.

mod http;
mod node_program;
mod object_client;
mod raft_kv;

pub use raft_kv::RaftKv;
