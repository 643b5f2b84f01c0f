//! The protocol of Maelstrom (<https://github.com/jepsen-io/maelstrom>): messages of JSON, error codes, the services
//! that nodes may use, the topologies that they are given, and what is counted of their messages.
//!
//! Everything here is pure. `rashomon-node maelstrom` carries the messages between node programs; the target
//! `maelstrom` speaks as their clients and offers the services.

mod error;
mod message;
pub mod services;
mod topology;
mod traffic;

pub use error::{Code, is_definite};
pub use message::{Body, LONGEST_LINE, Malformed, Message};
pub use services::Services;
pub use topology::{TOPOLOGIES, topology};
pub use traffic::{Ends, Traffic};
