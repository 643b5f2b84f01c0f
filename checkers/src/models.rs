//! The sequential specifications that are built in.

mod list;
mod map;
mod register;
mod string;

pub use list::{AppendList, ListOp};
pub use map::{MultiRegister, MultiStep};
pub use register::{CasRegister, FailedCas, Register, RegisterOp};
pub use string::{StringMap, StringOp};
