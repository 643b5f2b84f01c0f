//! Recovery after crashes at every byte, and refusal of damage.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::*;

/// Numbers, with lists of numbers as heads and snapshots.
struct Numbers;

impl Content for Numbers {
    type Record = u64;
    type Head = Vec<u64>;
    type Snapshot = Vec<u64>;
}

/// A head, a snapshot and the records since.
#[derive(Debug, Default, PartialEq)]
struct Kept {
    head: Vec<u64>,
    snapshot: Option<Vec<u64>>,
    records: Vec<u64>,
}

fn found(dir: &Path) -> Result<Found<Numbers>, WalError> {
    recover(dir)
}

fn kept(found: Found<Numbers>) -> Kept {
    Kept { head: found.head, snapshot: found.snapshot, records: found.records }
}

fn read(dir: &Path) -> Kept {
    kept(found(dir).expect("the directory is intact"))
}

fn refusal(dir: &Path) -> WalError {
    found(dir).err().expect("the directory is damaged")
}

fn commit(writer: &mut Writer<Numbers>, writes: Vec<Write<Numbers>>) {
    writer.commit(vec![Batch { writes, number: 1 }]).expect("the directory is writable");
}

fn records(numbers: impl IntoIterator<Item = u64>) -> Vec<Write<Numbers>> {
    numbers.into_iter().map(Write::Record).collect()
}

fn checkpoint(snapshot: u64, head: u64) -> Write<Numbers> {
    Write::Checkpoint { snapshot: Arc::new(vec![snapshot; 100]), head: vec![head] }
}

fn open(dir: &Path) -> (Kept, Writer<Numbers>) {
    let found = found(dir).expect("the directory is intact");
    let writer = Writer::open(dir, &found).expect("the directory is writable");
    (kept(found), writer)
}

#[test]
fn a_new_directory_is_an_empty_node() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(open(dir.path()).0, Kept::default());
    assert_eq!(open(dir.path()).0, Kept::default());
}

#[test]
fn what_was_written_is_read_back_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer) = open(dir.path());
    commit(&mut writer, records([1, 2]));
    commit(&mut writer, records([3]));
    drop(writer);
    let (kept, mut writer) = open(dir.path());
    assert_eq!(kept.records, vec![1, 2, 3]);
    writer.commit(vec![Batch { writes: records([4]), number: 1 }, Batch { writes: records([5]), number: 2 }]).unwrap();
    drop(writer);
    assert_eq!(read(dir.path()).records, vec![1, 2, 3, 4, 5]);
}

#[test]
fn a_write_torn_at_any_byte_is_dropped_and_writing_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer) = open(dir.path());
    commit(&mut writer, records([1]));
    let path = segment_path(dir.path(), 1);
    let before = fs::read(&path).unwrap();
    commit(&mut writer, records([2, 1 << 40, 3]));
    drop(writer);
    let whole = fs::read(&path).unwrap();
    for length in before.len()..whole.len() {
        // Cut short, and as long as it should be but with zeros where pages were not written.
        for padding in [0, whole.len() - length] {
            let mut bytes = whole[..length].to_vec();
            bytes.resize(length + padding, 0);
            if bytes == whole {
                continue;
            }
            fs::write(&path, &bytes).unwrap();
            let found = found(dir.path()).unwrap();
            assert_eq!(found.records, vec![1], "torn at byte {length}");
            assert_eq!(found.torn as usize, bytes.len() - before.len());
            let mut writer = Writer::open(dir.path(), &found).unwrap();
            commit(&mut writer, records([9]));
            drop(writer);
            assert_eq!(read(dir.path()).records, vec![1, 9]);
        }
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(read(dir.path()).records.len(), 4);
}

#[test]
fn damage_before_the_last_frame_is_refused_at_every_byte() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer) = open(dir.path());
    commit(&mut writer, records([1]));
    let path = segment_path(dir.path(), 1);
    let damageable = fs::read(&path).unwrap().len();
    commit(&mut writer, records([2]));
    drop(writer);
    let whole = fs::read(&path).unwrap();
    for at in 0..damageable {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        fs::write(&path, &bytes).unwrap();
        let error = refusal(dir.path());
        assert!(matches!(error, WalError::Damaged { .. }), "byte {at}: {error}");
    }
}

#[test]
fn a_checkpoint_replaces_what_was_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer) = open(dir.path());
    commit(&mut writer, records(1..=5));
    commit(&mut writer, [checkpoint(7, 4)].into_iter().chain(records([6])).collect());
    drop(writer);
    let expected = Kept { head: vec![4], snapshot: Some(vec![7; 100]), records: vec![6] };
    assert_eq!(open(dir.path()).0, expected);
    let files = fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(files, 2, "one segment and one snapshot are left");
}

#[test]
fn a_crash_between_any_two_steps_of_a_checkpoint_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer) = open(dir.path());
    commit(&mut writer, records([1, 2]));
    let old = segment_path(dir.path(), 1);
    let old_bytes = fs::read(&old).unwrap();
    commit(&mut writer, vec![checkpoint(7, 2)]);
    drop(writer);
    let new = segment_path(dir.path(), 2);
    let new_bytes = fs::read(&new).unwrap();

    // The old segment was not deleted: it does not count, and goes now.
    fs::write(&old, &old_bytes).unwrap();
    assert_eq!(read(dir.path()).head, vec![2]);
    // The new segment has only its temporary name: the old one counts, the snapshot is a left-over.
    fs::rename(&new, new.with_extension("tmp")).unwrap();
    let (kept, writer) = open(dir.path());
    assert_eq!((kept.snapshot, kept.records.len()), (None, 2));
    drop(writer);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    // A segment appears whole or not at all, so a cut-off first frame is damage.
    fs::write(&new, &new_bytes[..new_bytes.len() - 1]).unwrap();
    assert!(matches!(refusal(dir.path()), WalError::Damaged { .. }));
}

#[test]
fn a_damaged_or_missing_snapshot_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer) = open(dir.path());
    commit(&mut writer, vec![checkpoint(7, 2)]);
    drop(writer);
    let path = snapshot_path(dir.path(), 2);
    let mut bytes = fs::read(&path).unwrap();
    bytes[20] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(refusal(dir.path()), WalError::Damaged { .. }));
    fs::remove_file(&path).unwrap();
    assert!(matches!(refusal(dir.path()), WalError::Io { .. }));
}
