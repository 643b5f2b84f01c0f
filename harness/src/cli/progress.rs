//! Who listens to a run on the command line: a terminal with one live line, a pipe with a few lines, lines of JSON.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};

use crate::event::{Listener, ProgressSample, RunEvent, RunEventKind};

/// How often a pipe gets a line, ns on the run's clock.
const LINE_EVERY_NS: u64 = 10_000_000_000;

/// What of a run is shown on standard error while it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// Warnings.
    Quiet,
    /// Where each run is written; for several at once.
    Starts,
    /// Also phases, rates and faults.
    Progress,
}

/// Shows a run's phase, rates and current faults on standard error.
pub(crate) struct Terminal {
    verbosity: Verbosity,
    /// The live line, where standard error is a terminal.
    bar: Option<ProgressBar>,
    /// The sample that was shown last, of each run.
    shown: Mutex<BTreeMap<String, ProgressSample>>,
}

impl Terminal {
    pub(crate) fn new(verbosity: Verbosity) -> Terminal {
        let live = verbosity == Verbosity::Progress && std::io::stderr().is_terminal();
        let bar = live.then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(ProgressStyle::with_template("{spinner} {wide_msg}").expect("the template is well formed"));
            bar
        });
        Terminal { verbosity, bar, shown: Mutex::default() }
    }

    /// A line that stays.
    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| err!("{text}")),
            None => err!("{text}"),
        }
    }

    /// The live line, or a line of its own where there is none.
    fn status(&self, elapsed_ms: f64, text: String) {
        match &self.bar {
            Some(bar) => {
                bar.set_message(text);
                bar.tick();
            }
            None => err!("[{:8.3}] {text}", elapsed_ms / 1000.0),
        }
    }

    fn sample(&self, event: &RunEvent, sample: &ProgressSample) {
        let mut shown = self.lock();
        let before = shown.get(&event.run);
        let due = before.map_or(0, |before| before.time_ns) + LINE_EVERY_NS;
        if self.bar.is_none() && sample.time_ns < due {
            return;
        }
        let [ok, fail, info] = sample.rates_since(before);
        let faults =
            if sample.active_faults.is_empty() { "no faults".to_owned() } else { sample.active_faults.join("; ") };
        let seconds = sample.time_ns as f64 / 1e9;
        let phase = sample.phase;
        let text = format!("{phase} {seconds:6.1} s  ok {ok:6.0}/s  fail {fail:4.0}/s  info {info:4.0}/s  {faults}");
        shown.insert(event.run.clone(), sample.clone());
        self.status(event.elapsed_ms, text);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, ProgressSample>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Terminal {
    fn event(&self, event: &RunEvent) {
        match &event.kind {
            RunEventKind::Warning { message } => self.line(&format!("warning: {message}")),
            _ if self.verbosity == Verbosity::Quiet => {}
            RunEventKind::RunStarted { folder, target, mutant, workload, .. } => {
                let mutant = mutant.as_ref().map_or_else(String::new, |name| format!(" ({name} mutant)"));
                self.line(&format!("{target}{mutant}, {workload}: {}", folder.display()));
            }
            _ if self.verbosity == Verbosity::Starts => {}
            RunEventKind::PhaseBegan { phase } => self.status(event.elapsed_ms, phase.to_string()),
            RunEventKind::Progress(sample) => self.sample(event, sample),
            RunEventKind::Finished { .. } => {
                self.lock().remove(&event.run);
                if let Some(bar) = &self.bar {
                    bar.finish_and_clear();
                    bar.reset();
                }
            }
            _ => {}
        }
    }
}

/// Every event as a line of JSON on standard output.
pub(crate) struct JsonLines;

impl Listener for JsonLines {
    fn event(&self, event: &RunEvent) {
        out!("{}", serde_json::to_string(event).expect("events serialise"));
    }
}
