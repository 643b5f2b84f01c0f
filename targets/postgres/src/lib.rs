//! The target `postgres`: real PostgreSQL servers from a distribution, alone or as a primary with standbys.
//!
//! Transactions over lists, over registers and between the accounts of a bank run at the isolation level that a setting
//! names. What each level promises, and where it does not hold, is in `settings.rs`; which errors say that a
//! transaction did not happen is in `sqlstate.rs`; everything that the servers are told is in `server.rs`.

mod client;
mod installation;
mod schema;
mod server;
mod session;
mod settings;
mod sqlstate;
mod target;
mod transaction;

pub use target::Postgres;
