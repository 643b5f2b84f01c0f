//! What a node of lww-kv keeps on disk: every write that it kept, and now and then all cells.

use rashomon_lww::Update;

use crate::wal::{Content, Found};

/// What is kept.
pub(super) struct LwwLog;

impl Content for LwwLog {
    type Record = Update;
    type Head = ();
    /// All cells.
    type Snapshot = Vec<Update>;
}

/// What a node remembers, oldest first. Takes the content out of what was found.
pub(super) fn replay(found: &mut Found<LwwLog>) -> Vec<Update> {
    let mut remembered = found.snapshot.take().unwrap_or_default();
    remembered.append(&mut found.records);
    remembered
}
