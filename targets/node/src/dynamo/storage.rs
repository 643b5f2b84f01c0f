//! What a node of dynamo keeps in its write-ahead log: records of the store, and who the node is to its cluster.

use std::sync::Arc;

use rashomon_dynamo::{Record, Recovered};
use rashomon_protocol::Disk;
use rashomon_swim::Identity;
use serde::{Deserialize, Serialize};

use super::node::StoreNode;
use crate::wal::{Content, Found, Write};

/// What is kept.
pub(super) struct StoreLog;

/// Something that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Entry {
    /// A record of the store.
    Store(Record),
    /// The node's latest identity.
    Identity(Identity),
}

/// Everything that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The store.
    pub(super) store: Recovered,
    /// The node's identity, once it has one.
    pub(super) identity: Option<Identity>,
}

impl Content for StoreLog {
    type Record = Entry;
    type Head = ();
    type Snapshot = Kept;
}

/// Everything, in place of all records so far.
pub(super) fn checkpoint(node: &StoreNode) -> Write<StoreLog> {
    Write::Checkpoint { snapshot: Arc::new(node.image()), head: () }
}

/// What a node remembers. Takes the content out of what was found.
pub(super) fn replay(found: &mut Found<StoreLog>) -> Result<Kept, String> {
    let mut kept = found.snapshot.take().unwrap_or_default();
    std::mem::take(&mut found.records).into_iter().try_for_each(|record| kept.apply(record))?;
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use rashomon_dynamo::{Key, Object, Register, Space, Value, Version};

    use super::*;
    use crate::wal::{Batch, Writer, recover};

    fn put(name: &str, stamp: u64) -> Record {
        let version = Version { stamp, node: 1, unique: stamp };
        let object = Object::Register(Register { version, value: Some(Value::Int(5)) });
        Record::Put { key: Key { space: Space::Register, name: name.into() }, object, birth: None }
    }

    #[test]
    fn records_before_and_after_a_checkpoint_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let open = || {
            let mut found = recover::<StoreLog>(dir.path()).unwrap();
            let writer = Writer::open(dir.path(), &found).unwrap();
            (replay(&mut found).unwrap(), writer)
        };
        let (nothing, mut writer) = open();
        assert_eq!(nothing, Kept::default());
        let mut expected = Kept::default();
        expected.store.apply(put("a", 1)).unwrap();
        expected.identity = Some(Identity { incarnation: 3, left: false });
        let record = |record| Write::Record(Entry::Store(record));
        let checkpoint = Write::Checkpoint { snapshot: Arc::new(expected.clone()), head: () };
        expected.store.apply(put("a", 2)).unwrap();
        expected.store.apply(put("b", 1)).unwrap();
        let writes = vec![record(put("z", 9)), checkpoint, record(put("a", 2)), record(put("b", 1))];
        writer.commit(vec![Batch { writes, number: 1 }]).unwrap();
        drop(writer);
        assert_eq!(open().0, expected);
    }
}
