//! The sequential specifications that are built in.

mod register;

pub use register::{CasRegister, FailedCas, Register, RegisterOp};
