//! What clients have to say besides their answers: the standard error of a client program, for instance.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// No more than this is kept of a run's clients, bytes.
const MOST: u64 = 64 << 20;
/// A longer line is cut, bytes.
const LONGEST_LINE: usize = 16 << 10;

/// The file `clients.log` of a run. Cheap to clone. It is created with its first line, and never fails a run: what
/// cannot be written is dropped.
#[derive(Clone, Debug, Default)]
pub struct ClientLog(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Where lines go; `None`: nowhere.
    path: Option<PathBuf>,
    file: Option<File>,
    written: u64,
    epoch: Option<Instant>,
}

impl ClientLog {
    /// A log in this file; times in it count from `epoch`.
    pub fn at(path: &Path, epoch: Instant) -> ClientLog {
        let state = State { path: Some(path.to_owned()), epoch: Some(epoch), ..State::default() };
        ClientLog(Arc::new(Mutex::new(state)))
    }

    /// A log that keeps nothing.
    pub fn nowhere() -> ClientLog {
        ClientLog::default()
    }

    /// Adds a line of the client of this process, with the run's clock in front.
    pub fn line(&self, process: u64, text: &str) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.write(process, text).is_err() {
            state.path = None;
        }
    }
}

impl State {
    fn write(&mut self, process: u64, text: &str) -> io::Result<()> {
        let Some(path) = self.path.clone() else { return Ok(()) };
        let mut end = text.len().min(LONGEST_LINE);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let seconds = self.epoch.map_or(0.0, |epoch| epoch.elapsed().as_secs_f64());
        let mut line = format!("[{seconds:12.6}] process {process}: {}\n", &text[..end]);
        if self.written + line.len() as u64 > MOST {
            line = "the rest is left out\n".to_owned();
            self.path = None;
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(File::create(path)?),
        };
        file.write_all(line.as_bytes())?;
        self.written += line.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_cut_and_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clients.log");
        let log = ClientLog::at(&path, Instant::now());
        assert!(!path.exists());
        log.line(7, "cannot connect");
        log.line(8, &"é".repeat(LONGEST_LINE));
        log.0.lock().unwrap().written = MOST;
        log.line(9, "too much");
        log.line(9, "more");
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with("process 7: cannot connect"), "{text}");
        assert!(lines[1].len() < LONGEST_LINE + 64);
        assert_eq!(lines[2..], ["the rest is left out"]);
        ClientLog::nowhere().line(1, "nothing happens");
    }
}
