//! What a node of raft-kv keeps in its write-ahead log, and how it is replayed.

use std::sync::Arc;

use rashomon_protocol::Disk;
use rashomon_raft::{Checkpoint, Entry, HardState, Index, Record, Recovered, Snapshot, Term};
use serde::{Deserialize, Serialize};

use crate::wal::{Content, Found, Write};

/// What is kept: records of the protocol, snapshots of its state machine.
pub(super) struct RaftLog;

impl Content for RaftLog {
    /// Never a checkpoint: [`write()`] turns those into checkpoints of the log.
    type Record = Record;
    type Head = Base;
    type Snapshot = Snapshot;
}

/// What the log says at a checkpoint.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Base {
    hard_state: HardState,
    base_index: Index,
    base_term: Term,
    entries: Vec<Arc<Entry>>,
}

/// A record of the protocol as something to write.
pub(super) fn write(record: Record) -> Write<RaftLog> {
    match record {
        Record::Checkpoint(Checkpoint { snapshot, hard_state, base_index, base_term, entries }) => {
            Write::Checkpoint { snapshot, head: Base { hard_state, base_index, base_term, entries } }
        }
        record => Write::Record(record),
    }
}

/// What a node remembers. Takes the content out of what was found.
pub(super) fn replay(found: &mut Found<RaftLog>) -> Result<Recovered, String> {
    let Base { hard_state, base_index, base_term, entries } = std::mem::take(&mut found.head);
    let snapshot = found.snapshot.take().map(Arc::new);
    let mut recovered = Recovered { hard_state, snapshot, base_index, base_term, entries };
    for record in std::mem::take(&mut found.records) {
        if matches!(record, Record::Checkpoint(_)) {
            return Err("the log has a checkpoint inside a segment".to_owned());
        }
        recovered.apply(record)?;
    }
    Ok(recovered)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::wal::{Batch, Writer, recover};

    fn entry(index: u64, term: u64) -> Arc<Entry> {
        Arc::new(Entry { term, index, command: None })
    }

    fn open(dir: &Path) -> (Result<Recovered, String>, Writer<RaftLog>) {
        let mut found = recover(dir).expect("the directory is intact");
        let writer = Writer::open(dir, &found).expect("the directory is writable");
        (replay(&mut found), writer)
    }

    fn commit(writer: &mut Writer<RaftLog>, records: Vec<Record>) {
        let writes = records.into_iter().map(write).collect();
        writer.commit(vec![Batch { writes, number: 1 }]).expect("the directory is writable");
    }

    fn hard_state(term: u64) -> HardState {
        HardState { term, vote: Some(2) }
    }

    #[test]
    fn truncations_are_replayed_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let (nothing, mut writer) = open(dir.path());
        assert_eq!(nothing, Ok(Recovered::default()));
        commit(&mut writer, vec![Record::HardState(hard_state(1)), Record::Append(vec![entry(1, 1), entry(2, 1)])]);
        commit(&mut writer, vec![Record::TruncateAfter(1), Record::HardState(hard_state(2))]);
        commit(&mut writer, vec![Record::Append(vec![entry(2, 2), entry(3, 2)])]);
        drop(writer);
        let recovered = open(dir.path()).0.unwrap();
        assert_eq!(recovered.hard_state, hard_state(2));
        assert_eq!(recovered.entries, vec![entry(1, 1), entry(2, 2), entry(3, 2)]);
    }

    #[test]
    fn a_checkpoint_is_what_recovery_starts_from() {
        let dir = tempfile::tempdir().unwrap();
        let (_, mut writer) = open(dir.path());
        let snapshot = Arc::new(Snapshot { last_index: 4, last_term: 1, state: vec![7; 100] });
        let entries = vec![entry(4, 1), entry(5, 1)];
        let checkpoint =
            Checkpoint { snapshot: snapshot.clone(), hard_state: hard_state(4), base_index: 3, base_term: 1, entries };
        commit(&mut writer, vec![Record::Append((1..=5).map(|index| entry(index, 1)).collect())]);
        commit(&mut writer, vec![Record::Checkpoint(checkpoint), Record::Append(vec![entry(6, 2)])]);
        drop(writer);
        let recovered = open(dir.path()).0.unwrap();
        assert_eq!(recovered.snapshot, Some(snapshot));
        assert_eq!((recovered.base_index, recovered.hard_state), (3, hard_state(4)));
        assert_eq!(recovered.entries, vec![entry(4, 1), entry(5, 1), entry(6, 2)]);
    }

    #[test]
    fn a_gap_in_the_log_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (_, mut writer) = open(dir.path());
        commit(&mut writer, vec![Record::Append(vec![entry(2, 1)])]);
        drop(writer);
        assert!(open(dir.path()).0.is_err_and(|why| why.contains("entry 1 was expected")));
    }
}
