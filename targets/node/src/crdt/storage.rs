//! What a node of crdt keeps in its write-ahead log.

use std::sync::Arc;

use rashomon_crdt::{Record, Recovered, Snapshot};

use crate::wal::{Content, Found, Write};

/// What is kept: names and deltas, snapshots of the state.
pub(super) struct ReplicaLog;

impl Content for ReplicaLog {
    /// Never a snapshot: [`write()`] turns those into checkpoints of the log.
    type Record = Record;
    type Head = ();
    type Snapshot = Snapshot;
}

/// A record of the replica as something to write.
pub(super) fn write(record: Record) -> Write<ReplicaLog> {
    match record {
        Record::Snapshot(snapshot) => Write::Checkpoint { snapshot, head: () },
        record => Write::Record(record),
    }
}

/// What a replica remembers. Takes the content out of what was found.
pub(super) fn replay(found: &mut Found<ReplicaLog>) -> Recovered {
    Recovered { snapshot: found.snapshot.take().map(Arc::new), records: std::mem::take(&mut found.records) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rashomon_crdt::{Clock, Config, Query, Reading, Replica, Update};

    use super::*;
    use crate::wal::{Batch, Writer, recover};

    fn start(dir: &Path, incarnation: u32) -> (Replica, Writer<ReplicaLog>) {
        let mut found = recover(dir).expect("the directory is intact");
        let writer = Writer::open(dir, &found).expect("the directory is writable");
        let mut config = Config::new(1, [1]);
        (config.incarnation, config.snapshot_every) = (incarnation, 4);
        (Replica::new(config, replay(&mut found), Clock::default()), writer)
    }

    #[test]
    fn a_replica_comes_back_with_its_name_and_its_state_before_and_after_a_snapshot() {
        let dir = tempfile::tempdir().unwrap();
        for round in 1..8 {
            let (mut replica, mut writer) = start(dir.path(), round);
            assert_eq!(replica.status().actor.incarnation, 1, "the first name stays");
            replica.update(&"k".into(), &Update::CounterAdd(i64::from(round)));
            let output = replica.output();
            assert!(output.replies.is_empty(), "an answer before the update is durable");
            let writes = output.records.into_iter().map(write).collect();
            writer.commit(vec![Batch { writes, number: output.persist }]).expect("the directory is writable");
            replica.persisted(output.persist);
            assert_eq!(replica.output().replies.len(), 1);
            let expected = Reading::Total((1..=round).map(i64::from).sum());
            let reading = start(dir.path(), 99).0.store().read(&"k".into(), Query::Counter, Default::default());
            assert_eq!(reading, expected);
        }
    }
}
