//! The thread that owns the disk: whatever gathers while it is busy goes into one group commit.

use std::sync::mpsc;
use std::thread::JoinHandle;

use super::{Batch, Content, WalError, Writer};

/// The thread's handle.
pub(crate) struct Disk<C: Content> {
    batches: mpsc::Sender<Batch<C>>,
    thread: JoinHandle<()>,
}

impl<C: Content> Disk<C> {
    /// Starts the thread. It calls `report` with the number of the last batch after each commit, or with the error
    /// after which it ends; it ends too when `report` returns false.
    pub(crate) fn start(
        mut writer: Writer<C>,
        mut report: impl FnMut(Result<u64, WalError>) -> bool + Send + 'static,
    ) -> Disk<C> {
        let (batches, receiver) = mpsc::channel::<Batch<C>>();
        let thread = std::thread::spawn(move || {
            while let Ok(first) = receiver.recv() {
                let mut group = vec![first];
                group.extend(receiver.try_iter());
                let number = group.last().map_or(0, |batch| batch.number);
                let result = writer.commit(group).map(|()| number);
                let failed = result.is_err();
                if !report(result) || failed {
                    return;
                }
            }
        });
        Disk { batches, thread }
    }

    /// Hands a batch over.
    pub(crate) fn write(&self, batch: Batch<C>) {
        // A thread that ended has reported why; the loop ends on that report.
        let _ = self.batches.send(batch);
    }

    /// Waits until the write under way has ended.
    pub(crate) fn finish(self) {
        drop(self.batches);
        let _ = self.thread.join();
    }
}
