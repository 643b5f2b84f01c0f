//! What a person sees while a run is under way: one live line on a terminal, a few quiet lines in a pipe.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::faults::nemesis::Doing;
use crate::recorder::Recorder;

/// How often the live line changes.
const LIVE_EVERY: Duration = Duration::from_millis(250);
/// How often a pipe gets a line.
const QUIET_EVERY: Duration = Duration::from_secs(10);

/// Shows a run's phase, rates and current faults on standard error.
pub struct Progress {
    bar: Option<ProgressBar>,
    /// Nothing is shown at all.
    quiet: bool,
    phase: Mutex<&'static str>,
    began: Instant,
}

impl Progress {
    /// Begins, in the phase `phase`; `quiet` shows nothing.
    pub fn new(phase: &'static str, quiet: bool) -> Arc<Progress> {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(ProgressStyle::with_template("{spinner} {wide_msg}").expect("the template is well formed"));
            bar
        });
        let progress = Progress { bar, quiet, phase: Mutex::new(phase), began: Instant::now() };
        progress.show(phase.to_owned());
        Arc::new(progress)
    }

    /// The run enters another phase.
    pub fn phase(&self, phase: &'static str) {
        *self.lock() = phase;
        let seconds = self.began.elapsed().as_secs_f64();
        match &self.bar {
            Some(_) => self.show(phase.to_owned()),
            None if self.quiet => {}
            None => tell!("[{seconds:8.3}] {phase}"),
        }
    }

    /// Shows rates and faults until it is dropped.
    pub async fn watch(self: Arc<Progress>, recorder: Arc<Recorder>, doing: Doing) {
        let mut before = [0; 3];
        let mut printed = Instant::now();
        let every = if self.bar.is_some() { LIVE_EVERY } else { QUIET_EVERY };
        loop {
            tokio::time::sleep(LIVE_EVERY).await;
            recorder.tick();
            if printed.elapsed() < every {
                continue;
            }
            let now = recorder.with_tally(|tally| tally.totals());
            let per_second = |index: usize| (now[index] - before[index]) as f64 / printed.elapsed().as_secs_f64();
            let (ok, fail, info) = (per_second(0), per_second(1), per_second(2));
            let faults: Vec<String> =
                doing.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).values().cloned().collect();
            let faults = if faults.is_empty() { "no fault".to_owned() } else { faults.join("; ") };
            let seconds = recorder.now_ns() as f64 / 1e9;
            let phase = *self.lock();
            let text =
                format!("{phase} {seconds:6.1} s  ok {ok:6.0}/s  fail {fail:4.0}/s  info {info:4.0}/s  {faults}");
            match &self.bar {
                Some(_) => self.show(text),
                None if self.quiet => {}
                None => tell!("[{:8.3}] {text}", self.began.elapsed().as_secs_f64()),
            }
            before = now;
            printed = Instant::now();
        }
    }

    /// Takes the live line away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn show(&self, text: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(text);
            bar.tick();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, &'static str> {
        self.phase.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
