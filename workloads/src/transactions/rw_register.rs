//! Transactions that write registers and read them (Elle's `rw-register`). Each value is written once to its key, so a
//! read names its write; in which order writes took effect is inferred, and searched for where that is not enough.

use rashomon_checkers::transactions::Objects;
use rashomon_spec::interface;

use super::Transactional;
use super::micro::Word;
use super::mixed::{self, Mixed};

/// The workload `rw-register`.
pub const RW_REGISTER: Transactional = Transactional {
    name: "rw-register",
    summary: "transactions write registers and read them; isolated from each other as demanded",
    interface: &interface::RW_REGISTER,
    objects: Objects::Registers,
    options: &mixed::OPTIONS,
    generator: |spec| Ok(Box::new(Mixed::new(spec, Word::write())?)),
};
