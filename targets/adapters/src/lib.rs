//! The targets as the harness sees them: command lines, clients, interfaces.

mod crdt;
mod dynamo;
mod http;
mod included;
mod lww_kv;
mod maelstrom;
mod node_program;
mod object_client;
mod raft_kv;
mod swim;

pub use crdt::CrdtReplicas;
pub use dynamo::Dynamo;
pub use lww_kv::LwwKv;
pub use maelstrom::{Maelstrom, MaelstromOptions};
pub use raft_kv::RaftKv;
pub use swim::SwimMembers;
