//! Records what every client sees, in real-time order, without growing.
//!
//! Events get their time and their place in the sequence under one lock, so the order of the history is a real-time
//! order: an invocation is recorded before its request is sent, a completion after its answer has come. A thread of
//! its own encodes and writes; when the disk cannot keep up, recording waits for it instead of filling memory.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rashomon_history::{Event, EventKind, HistoryWriter, WriteError};

use crate::client::{Completion, Operation};
use crate::interface::Interface;
use crate::tally::Tally;

/// How many events are handed to the writer at once.
const BATCH_EVENTS: usize = 4096;
/// How many batches may wait for the writer.
const BATCHES_WAITING: usize = 16;
/// How long an event may stay out of the file.
const FLUSH_EVERY: Duration = Duration::from_millis(200);

/// Records events; shared by all clients of a run.
pub struct Recorder {
    epoch: Instant,
    state: Mutex<State>,
    failed: Arc<AtomicBool>,
    writer: Mutex<Option<JoinHandle<io::Result<()>>>>,
}

struct State {
    batch: Vec<Event>,
    batches: Option<SyncSender<Vec<Event>>>,
    tally: Tally,
}

impl Recorder {
    /// Begins a history in a new file. Times count from `epoch`. What has been written also goes to `audience`, as long
    /// as somebody listens there.
    pub fn create(
        path: &Path,
        epoch: Instant,
        interface: &'static Interface,
        nodes: u16,
        audience: Option<Sender<Vec<Event>>>,
    ) -> io::Result<Recorder> {
        let file = File::options().write(true).create_new(true).open(path)?;
        Recorder::into_writer(BufWriter::with_capacity(1 << 18, file), epoch, interface, nodes, audience)
    }

    /// Begins a history in any writer.
    pub fn into_writer(
        sink: impl Write + Send + 'static,
        epoch: Instant,
        interface: &'static Interface,
        nodes: u16,
        audience: Option<Sender<Vec<Event>>>,
    ) -> io::Result<Recorder> {
        let (batches, waiting) = mpsc::sync_channel(BATCHES_WAITING);
        let failed = Arc::new(AtomicBool::new(false));
        let seen = failed.clone();
        let writer = std::thread::Builder::new().name("recorder".to_owned()).spawn(move || {
            let written = write_batches(sink, &waiting, audience).map_err(as_io_error);
            if written.is_err() {
                seen.store(true, Ordering::Release);
            }
            written
        })?;
        let batch = Vec::with_capacity(BATCH_EVENTS);
        let state = State { batch, batches: Some(batches), tally: Tally::new(interface, nodes) };
        Ok(Recorder { epoch, state: Mutex::new(state), failed, writer: Mutex::new(Some(writer)) })
    }

    /// Nanoseconds since the run began.
    pub fn now_ns(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    /// True once the history could not be written: the run must end.
    pub fn failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// A process is about to send a request. Returns the time of the invocation.
    pub fn invoke(&self, process: u32, node: u16, operation: &Operation) -> u64 {
        let mut state = self.lock();
        let time = self.now_ns();
        let event = Event {
            time,
            process,
            kind: EventKind::Invoke,
            f: operation.f.clone(),
            key: operation.key.clone(),
            value: operation.value.clone(),
            node: Some(node),
            error: None,
        };
        state.push(event);
        time
    }

    /// A process has its answer, or has given up. `node` is the node that it asked, `invoked` what [`Recorder::invoke`]
    /// returned.
    pub fn complete(&self, process: u32, node: u16, operation: &Operation, invoked: u64, completion: &Completion) {
        let mut state = self.lock();
        let time = self.now_ns();
        let event = Event {
            time,
            process,
            kind: completion.outcome.into(),
            f: operation.f.clone(),
            key: operation.key.clone(),
            value: completion.value.clone(),
            node: Some(completion.node.unwrap_or(node)),
            error: completion.error.clone(),
        };
        state.push(event);
        state.tally.count(node, operation, completion, time - invoked);
    }

    /// Looks at the counts, or changes them.
    pub fn with_tally<T>(&self, look: impl FnOnce(&mut Tally) -> T) -> T {
        look(&mut self.lock().tally)
    }

    /// Ends the history: everything is on disk when this returns.
    pub fn finish(&self) -> io::Result<()> {
        {
            let mut state = self.lock();
            state.hand_over();
            state.batches = None;
        }
        let writer = self.writer.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        match writer {
            Some(writer) => writer.join().unwrap_or_else(|_| Err(io::Error::other("the recorder's thread panicked"))),
            None => Ok(()),
        }
    }

    /// Hands over what has been recorded, so that it reaches the disk soon. Called a few times a second.
    pub fn tick(&self) {
        self.lock().hand_over();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A client that panicked while recording leaves counts at worst one short; the history is still in order.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl State {
    fn push(&mut self, event: Event) {
        self.batch.push(event);
        if self.batch.len() >= BATCH_EVENTS {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH_EVENTS));
        if let Some(batches) = &self.batches {
            // The writer is gone only after a failed write, which `failed` already says.
            let _ = batches.send(batch);
        }
    }
}

fn write_batches(
    sink: impl Write,
    batches: &Receiver<Vec<Event>>,
    mut audience: Option<Sender<Vec<Event>>>,
) -> Result<(), WriteError> {
    let mut writer = HistoryWriter::new(sink)?;
    let mut flushed = Instant::now();
    loop {
        match batches.recv_timeout(FLUSH_EVERY) {
            Ok(batch) => {
                for event in &batch {
                    writer.push(event)?;
                }
                audience = audience.filter(|listener| listener.send(batch).is_ok());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                writer.finish()?;
                return Ok(());
            }
        }
        if flushed.elapsed() >= FLUSH_EVERY {
            writer.flush()?;
            flushed = Instant::now();
        }
    }
}

fn as_io_error(error: WriteError) -> io::Error {
    match error {
        WriteError::Io(error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use rashomon_history::{HistoryReader, Value};

    use super::*;

    fn write_one() -> Operation {
        Operation { f: "write".into(), key: Value::Int(1), value: Value::Int(7) }
    }

    #[test]
    fn what_is_recorded_is_read_back_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.rhist");
        let recorder = Recorder::create(&path, Instant::now(), &crate::interface::REGISTER, 3, None).unwrap();
        let operation = write_one();
        for process in 0..10_000 {
            let invoked = recorder.invoke(process, 1, &operation);
            recorder.complete(process, 1, &operation, invoked, &Completion::ok(Value::Int(7)));
        }
        recorder.finish().unwrap();
        let reader = HistoryReader::new(File::open(&path).unwrap());
        let events: Vec<Event> = reader.map(|event| event.unwrap()).collect();
        assert_eq!(events.len(), 20_000);
        assert!(events.is_sorted_by_key(|event| event.time));
        assert_eq!(recorder.with_tally(|tally| tally.acknowledged()), 10_000);
    }

    struct FullDisk;

    impl Write for FullDisk {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_reported_and_nobody_waits_for_it() {
        let recorder = Recorder::into_writer(FullDisk, Instant::now(), &crate::interface::REGISTER, 1, None).unwrap();
        let operation = write_one();
        for process in 0..1_000_000 {
            recorder.invoke(process, 1, &operation);
            if recorder.failed() {
                break;
            }
        }
        assert!(recorder.failed());
        assert_eq!(recorder.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn an_existing_history_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.rhist");
        std::fs::write(&path, "precious").unwrap();
        assert!(Recorder::create(&path, Instant::now(), &crate::interface::REGISTER, 1, None).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    }
}
