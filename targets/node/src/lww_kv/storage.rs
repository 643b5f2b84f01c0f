//! What a node of lww-kv keeps on disk: every write that it kept, and now and then all cells.

use std::sync::Arc;

use rashomon_lww::{Node, Remembered, Update};

use crate::wal::{Content, Found, Write};

/// What is kept.
pub(super) struct LwwLog;

impl Content for LwwLog {
    type Record = Update;
    type Head = ();
    /// All cells.
    type Snapshot = Vec<Update>;
}

/// All cells, in place of all records so far.
pub(super) fn checkpoint(node: &Node) -> Write<LwwLog> {
    Write::Checkpoint { snapshot: Arc::new(node.snapshot()), head: () }
}

/// What a node remembers. Takes the content out of what was found.
pub(super) fn replay(found: &mut Found<LwwLog>) -> Remembered {
    let mut remembered = found.snapshot.take().unwrap_or_default();
    remembered.append(&mut found.records);
    Remembered(remembered)
}
