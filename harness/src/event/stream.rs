//! How the controller's events leave the lab: one line of JSON each, on its standard output, which the runner holds.

use std::io::{BufRead, BufReader, Read, Write};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use super::RunEventKind;

/// Events that may wait for the runner before further ones are dropped.
const WAITING: usize = 4096;

/// The controller's end. A runner that does not keep up (a terminal that was stopped, say) must not hold up the load:
/// then events are dropped.
pub(crate) struct EventSender {
    queue: SyncSender<Message>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

enum Message {
    Event(Box<RunEventKind>),
    End,
}

impl EventSender {
    /// Writes to this.
    pub(crate) fn new(mut sink: impl Write + Send + 'static) -> EventSender {
        let (queue, waiting) = mpsc::sync_channel(WAITING);
        let writer = std::thread::spawn(move || {
            while let Ok(Message::Event(event)) = waiting.recv() {
                let mut line = serde_json::to_vec(&event).expect("events serialise");
                line.push(b'\n');
                // A runner that is gone takes the lab with it; until then there is nobody to tell.
                let _ = sink.write_all(&line).and_then(|()| sink.flush());
            }
        });
        EventSender { queue, writer: Mutex::new(Some(writer)) }
    }

    /// Sends an event, or drops it when too many wait.
    pub(crate) fn send(&self, event: RunEventKind) {
        let _ = self.queue.try_send(Message::Event(Box::new(event)));
    }

    /// Sends the last events, which are never dropped, and waits until all have been written.
    pub(crate) fn finish(&self, last: Option<RunEventKind>) {
        let messages = last.map(|event| Message::Event(Box::new(event))).into_iter().chain([Message::End]);
        for message in messages {
            let _ = self.queue.send(message);
        }
        if let Some(writer) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = writer.join();
        }
    }
}

/// The runner's end: hands over every event until the stream ends. A line that is no event was printed by something
/// else in the controller, a target's own code for instance; it becomes a warning.
pub(crate) fn receive(stream: impl Read, mut hand_over: impl FnMut(RunEventKind)) {
    let mut lines = BufReader::new(stream);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        match serde_json::from_slice(&line) {
            Ok(event) => hand_over(event),
            Err(_) => {
                let text = String::from_utf8_lossy(&line);
                hand_over(RunEventKind::Warning { message: format!("printed inside the lab: {}", text.trim_end()) });
            }
        }
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::Phase;
    use super::*;

    #[test]
    fn what_is_sent_is_received_in_order_and_foreign_lines_become_warnings() {
        let (reader, writer) = std::io::pipe().unwrap();
        let sender = EventSender::new(writer.try_clone().unwrap());
        sender.send(RunEventKind::PhaseBegan { phase: Phase::Load });
        sender.finish(Some(RunEventKind::Broke { what: "the disk is full".to_owned(), remedy: String::new() }));
        // Afterwards nobody listens, and that is no reason to fail.
        sender.send(RunEventKind::PhaseBegan { phase: Phase::LabDown });
        (&writer).write_all(b"hello from a client\n\xff unfinished").unwrap();
        drop(writer);
        drop(sender);
        let mut received = Vec::new();
        receive(reader, |event| received.push(event));
        assert!(matches!(received[0], RunEventKind::PhaseBegan { phase: Phase::Load }));
        assert!(matches!(&received[1], RunEventKind::Broke { what, .. } if what == "the disk is full"));
        let warned = |event: &RunEventKind, text: &str| match event {
            RunEventKind::Warning { message } => message.contains(text),
            _ => false,
        };
        assert!(warned(&received[2], "hello from a client") && warned(&received[3], "unfinished"), "{received:?}");
        assert_eq!(received.len(), 4);
    }

    #[test]
    fn a_runner_that_does_not_read_holds_nothing_up() {
        let (reader, writer) = std::io::pipe().unwrap();
        let sender = EventSender::new(writer);
        for _ in 0..100_000 {
            sender.send(RunEventKind::Warning { message: "x".repeat(100) });
        }
        let reading = std::thread::spawn(move || {
            let mut count = 0;
            receive(reader, |_| count += 1);
            count
        });
        sender.finish(Some(RunEventKind::PhaseBegan { phase: Phase::LabDown }));
        drop(sender);
        let count = reading.join().unwrap();
        assert!(count > WAITING && count < 100_000, "{count}");
    }
}
