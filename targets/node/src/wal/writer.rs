//! Writing: group commit and checkpoints.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::{Content, Found, Head, SEGMENT_BYTES, WalError, at, frame, segment_path, snapshot_path};

/// Something to write.
pub(crate) enum Write<C: Content> {
    /// Follows what is there.
    Record(C::Record),
    /// Replaces everything before it.
    Checkpoint {
        /// The state.
        snapshot: Arc<C::Snapshot>,
        /// What else is needed.
        head: C::Head,
    },
}

/// What to write in order, and the number to report when it is durable.
pub(crate) struct Batch<C: Content> {
    /// What to write.
    pub(crate) writes: Vec<Write<C>>,
    /// Ascending from batch to batch; that a number is durable implies all before it.
    pub(crate) number: u64,
}

/// Appends to the last segment of a directory.
pub(crate) struct Writer<C> {
    dir: PathBuf,
    file: File,
    segment: u64,
    length: u64,
    buffer: Vec<u8>,
    content: PhantomData<fn(C)>,
}

impl<C: Content> Writer<C> {
    /// Goes on where recovery ended: cuts off a torn write, deletes what is no longer needed.
    pub(crate) fn open(dir: &Path, found: &Found<C>) -> Result<Writer<C>, WalError> {
        for path in &found.obsolete {
            at(path, fs::remove_file(path))?;
        }
        let (segment, file, length) = if found.length == 0 {
            // A new node, or one that crashed while it made its first segment.
            let number = found.segment.max(1);
            let head = Head::Checkpoint { snapshot: None, head: C::Head::default() };
            let (file, length) = create_segment(dir, number, &head)?;
            (number, file, length)
        } else {
            let path = segment_path(dir, found.segment);
            let file = at(&path, OpenOptions::new().append(true).open(&path))?;
            at(&path, file.set_len(found.length))?;
            at(&path, file.sync_all())?;
            (found.segment, file, found.length)
        };
        let buffer = Vec::with_capacity(1 << 16);
        Ok(Writer { dir: dir.to_path_buf(), file, segment, length, buffer, content: PhantomData })
    }

    /// Writes all batches, in order, and makes them durable with one `fdatasync` (more only for a checkpoint).
    pub(crate) fn commit(&mut self, batches: Vec<Batch<C>>) -> Result<(), WalError> {
        let mut group = Vec::new();
        for write in batches.into_iter().flat_map(|batch| batch.writes) {
            match write {
                Write::Record(record) => group.push(record),
                Write::Checkpoint { snapshot, head } => {
                    self.append(&std::mem::take(&mut group))?;
                    self.checkpoint(&snapshot, head)?;
                }
            }
        }
        self.append(&group)?;
        if self.length > SEGMENT_BYTES {
            self.segment += 1;
            (self.file, self.length) = create_segment(&self.dir, self.segment, &Head::<C::Head>::Continues)?;
        }
        Ok(())
    }

    fn append(&mut self, group: &[C::Record]) -> Result<(), WalError> {
        if group.is_empty() {
            return Ok(());
        }
        let path = segment_path(&self.dir, self.segment);
        self.buffer.clear();
        frame::encode(&encode(&group), &mut self.buffer);
        at(&path, self.file.write_all(&self.buffer))?;
        self.length += self.buffer.len() as u64;
        at(&path, self.file.sync_data())
    }

    fn checkpoint(&mut self, snapshot: &C::Snapshot, head: C::Head) -> Result<(), WalError> {
        let number = self.segment + 1;
        let mut bytes = Vec::new();
        frame::encode(&encode(snapshot), &mut bytes);
        replace(&self.dir, &snapshot_path(&self.dir, number), &bytes)?;
        let head = Head::Checkpoint { snapshot: Some(number), head };
        (self.file, self.length) = create_segment(&self.dir, number, &head)?;
        self.segment = number;
        self.delete_before(number)
    }

    fn delete_before(&self, number: u64) -> Result<(), WalError> {
        for item in at(&self.dir, fs::read_dir(&self.dir))? {
            let path = at(&self.dir, item)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let digits: String = name.chars().filter(char::is_ascii_digit).collect();
            let is_ours = name.starts_with("wal-") || name.starts_with("snapshot-");
            if is_ours && digits.parse::<u64>().is_ok_and(|found| found < number) {
                at(&path, fs::remove_file(&path))?;
            }
        }
        Ok(())
    }
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("records are plain data and always encode")
}

/// A new segment that is there whole or not at all, with its length.
fn create_segment(dir: &Path, number: u64, head: &Head<impl Serialize>) -> Result<(File, u64), WalError> {
    let path = segment_path(dir, number);
    let mut bytes = Vec::new();
    frame::encode(&encode(head), &mut bytes);
    replace(dir, &path, &bytes)?;
    let file = at(&path, OpenOptions::new().append(true).open(&path))?;
    Ok((file, bytes.len() as u64))
}

/// Puts a file in its place durably: temporary name, fsync, rename, fsync of the directory.
fn replace(dir: &Path, path: &Path, bytes: &[u8]) -> Result<(), WalError> {
    let temporary = path.with_extension("tmp");
    let mut file = at(&temporary, File::create(&temporary))?;
    at(&temporary, file.write_all(bytes))?;
    at(&temporary, file.sync_all())?;
    at(path, fs::rename(&temporary, path))?;
    at(dir, File::open(dir).and_then(|dir| dir.sync_all()))
}
