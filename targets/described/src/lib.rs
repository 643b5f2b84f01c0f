//! Targets without a line of Rust: a TOML file says how nodes are started, what they promise, and how clients talk to
//! them.
//!
//! [`DescribedTargets`] lets every command that takes a target take such a file; [`Described`] is what one describes.
//! The file's format is [`file`](schema), its documentation `docs/described-targets.md`. Clients are programs in any
//! language, asked over their standard input (`docs/clients.md`).
//!
//! A description is hostile input: it is read with bounds, and whatever is wrong with it is reported with line, column
//! and the nearest name before anything is started.

mod choices;
mod client;
mod file;
mod json;
mod new;
mod page;
mod plan;
mod program;
mod read;
mod servers;
mod status;
mod target;
mod template;
mod time;
mod wrong;

pub use file::schema;
pub use new::New;
pub use read::DescribedTargets;
pub use servers::servers;
pub use target::Described;
