//! The sequential specifications that are built in.

mod list;
mod map;
mod register;

pub use list::{AppendList, ListOp};
pub use map::{MultiRegister, MultiStep, StringMap, StringOp};
pub use register::{CasRegister, FailedCas, Register, RegisterOp};
