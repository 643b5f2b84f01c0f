//! The replicated data types.

mod counters;
mod lww_register;
mod lww_set;
mod mv_register;
mod or_map;
mod or_set;
mod rga;

pub use counters::{GCounter, PnCounter};
pub use lww_register::LwwRegister;
pub use lww_set::{LwwEntry, LwwSet};
pub use mv_register::{MvPut, MvRegister};
pub use or_map::{MapOperation, OrMap};
pub use or_set::{OrSet, SetOperation};
pub use rga::{Rga, RgaNode, RgaOperation};

/// What registers hold, sets and sequences consist of.
pub type Element = i64;
