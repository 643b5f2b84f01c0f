//! Recovery after crashes at every byte, and refusal of damage.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rashomon_raft::{Checkpoint, Command, Entry, HardState, Record, Recovered, Snapshot, Update, Value};

use super::*;

fn entry(index: u64, term: u64) -> Arc<Entry> {
    let update = Update::Write(Value::Int(index as i64));
    Arc::new(Entry { term, index, command: Some(Arc::new(Command { session: None, key: "k".into(), update })) })
}

fn commit(writer: &mut Writer, records: Vec<Record>) {
    writer.commit(vec![Batch { records, number: 1 }]).expect("the directory is writable");
}

fn open(dir: &Path) -> (Recovered, Writer) {
    let found = recover(dir).expect("the directory is intact");
    let writer = Writer::open(dir, &found).expect("the directory is writable");
    (found.recovered, writer)
}

fn hard_state(term: u64) -> HardState {
    HardState { term, vote: Some(2) }
}

#[test]
fn a_new_directory_is_an_empty_node() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(open(dir.path()).0, Recovered::default());
    assert_eq!(open(dir.path()).0, Recovered::default());
}

#[test]
fn what_was_written_is_read_back_with_truncations_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer) = open(dir.path());
    commit(&mut writer, vec![Record::HardState(hard_state(1)), Record::Append(vec![entry(1, 1), entry(2, 1)])]);
    commit(&mut writer, vec![Record::TruncateAfter(1), Record::HardState(hard_state(2))]);
    commit(&mut writer, vec![Record::Append(vec![entry(2, 2), entry(3, 2)])]);
    drop(writer);
    let recovered = open(dir.path()).0;
    assert_eq!(recovered.hard_state, hard_state(2));
    assert_eq!(recovered.entries, vec![entry(1, 1), entry(2, 2), entry(3, 2)]);
}

#[test]
fn a_write_torn_at_any_byte_is_dropped_and_writing_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer) = open(dir.path());
    commit(&mut writer, vec![Record::Append(vec![entry(1, 1)])]);
    let path = segment_path(dir.path(), 1);
    let before = fs::read(&path).unwrap();
    commit(&mut writer, vec![Record::HardState(hard_state(3)), Record::Append(vec![entry(2, 1), entry(3, 1)])]);
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
            let found = recover(dir.path()).unwrap();
            assert_eq!(found.recovered.entries, vec![entry(1, 1)], "torn at byte {length}");
            assert_eq!(found.torn as usize, bytes.len() - before.len());
            let mut writer = Writer::open(dir.path(), &found).unwrap();
            commit(&mut writer, vec![Record::Append(vec![entry(2, 9)])]);
            drop(writer);
            assert_eq!(recover(dir.path()).unwrap().recovered.entries, vec![entry(1, 1), entry(2, 9)]);
        }
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(recover(dir.path()).unwrap().recovered.entries.len(), 3);
}

#[test]
fn damage_before_the_last_frame_is_refused_at_every_byte() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer) = open(dir.path());
    commit(&mut writer, vec![Record::Append(vec![entry(1, 1)])]);
    let path = segment_path(dir.path(), 1);
    let damageable = fs::read(&path).unwrap().len();
    commit(&mut writer, vec![Record::Append(vec![entry(2, 1)])]);
    drop(writer);
    let whole = fs::read(&path).unwrap();
    for at in 0..damageable {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        fs::write(&path, &bytes).unwrap();
        let error = recover(dir.path()).expect_err("a flipped bit before intact frames must be noticed");
        assert!(matches!(error, WalError::Damaged { .. }), "byte {at}: {error}");
    }
}

fn checkpoint(last_index: u64, base_index: u64, entries: Vec<Arc<Entry>>) -> Checkpoint {
    let snapshot = Arc::new(Snapshot { last_index, last_term: 1, state: vec![7; 100] });
    Checkpoint { snapshot, hard_state: hard_state(4), base_index, base_term: 1, entries }
}

#[test]
fn a_checkpoint_replaces_what_was_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer) = open(dir.path());
    commit(&mut writer, vec![Record::Append((1..=5).map(|index| entry(index, 1)).collect())]);
    let first = checkpoint(4, 3, vec![entry(4, 1), entry(5, 1)]);
    commit(&mut writer, vec![Record::Checkpoint(first.clone()), Record::Append(vec![entry(6, 2)])]);
    drop(writer);
    let recovered = open(dir.path()).0;
    assert_eq!(recovered.snapshot, Some(first.snapshot));
    assert_eq!((recovered.base_index, recovered.hard_state), (3, hard_state(4)));
    assert_eq!(recovered.entries, vec![entry(4, 1), entry(5, 1), entry(6, 2)]);
    let files = fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(files, 2, "one segment and one snapshot are left");
}

#[test]
fn a_crash_between_any_two_steps_of_a_checkpoint_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer) = open(dir.path());
    commit(&mut writer, vec![Record::Append(vec![entry(1, 1), entry(2, 1)])]);
    let old = segment_path(dir.path(), 1);
    let old_bytes = fs::read(&old).unwrap();
    commit(&mut writer, vec![Record::Checkpoint(checkpoint(2, 2, Vec::new()))]);
    drop(writer);
    let new = segment_path(dir.path(), 2);
    let new_bytes = fs::read(&new).unwrap();

    // The old segment was not deleted: it does not count, and goes now.
    fs::write(&old, &old_bytes).unwrap();
    assert_eq!(recover(dir.path()).unwrap().recovered.base_index, 2);
    // The new segment has only its temporary name: the old one counts, the snapshot is a left-over.
    fs::rename(&new, new.with_extension("tmp")).unwrap();
    let (recovered, writer) = open(dir.path());
    assert_eq!((recovered.snapshot, recovered.entries.len()), (None, 2));
    drop(writer);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    // A segment appears whole or not at all, so a cut-off first frame is damage.
    fs::write(&new, &new_bytes[..new_bytes.len() - 1]).unwrap();
    assert!(matches!(recover(dir.path()), Err(WalError::Damaged { .. })));
}

#[test]
fn a_damaged_or_missing_snapshot_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut writer) = open(dir.path());
    commit(&mut writer, vec![Record::Checkpoint(checkpoint(2, 2, Vec::new()))]);
    drop(writer);
    let path = snapshot_path(dir.path(), 2);
    let mut bytes = fs::read(&path).unwrap();
    bytes[20] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(recover(dir.path()), Err(WalError::Damaged { .. })));
    fs::remove_file(&path).unwrap();
    assert!(matches!(recover(dir.path()), Err(WalError::Io { .. })));
}
