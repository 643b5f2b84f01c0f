//! Transactions that append to lists and read them (Elle's `list-append`): what is read shows the order of all appends
//! before it, so every anomaly of items is found, and each level up to strict serializability is decided.

use rashomon_checkers::transactions::Objects;
use rashomon_spec::interface;

use super::Transactional;
use super::micro::Word;
use super::mixed::{self, Mixed};

/// The workload `append`.
pub const APPEND: Transactional = Transactional {
    name: "append",
    summary: "transactions append to lists and read them; isolated from each other as demanded",
    interface: &interface::LIST_APPEND,
    objects: Objects::Lists,
    options: &mixed::OPTIONS,
    generator: |spec| Ok(Box::new(Mixed::new(spec, Word::append())?)),
};
