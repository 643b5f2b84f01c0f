//! The sequential specifications that are built in.

pub(crate) mod checkers;
mod list;
mod map;
mod register;
mod string;

pub use checkers::{
    APPEND_LIST, CAS_REGISTER, CAS_REGISTER_COMPARED, CHECKERS, KV_STRING, MULTI_REGISTER, REGISTER,
    SEQUENTIAL_CAS_REGISTER, SEQUENTIAL_REGISTER,
};
pub use list::{AppendList, ListOp};
pub use map::{MultiRegister, MultiStep};
pub use register::{CasRegister, FailedCas, Register, RegisterOp};
pub use string::{StringMap, StringOp};
