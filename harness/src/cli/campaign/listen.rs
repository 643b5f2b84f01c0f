//! Who listens to a campaign on the command line.

use std::cell::RefCell;

use rashomon_campaign::{Header, Role};
use rashomon_index::{Index, IndexError};
use rashomon_runs::Verdict;

use crate::campaign::{CampaignEvent, CampaignListener};

/// A line for each run on standard error; with `quiet` only for what was found.
pub(super) struct Lines {
    pub(super) quiet: bool,
}

impl CampaignListener for Lines {
    fn event(&self, event: &CampaignEvent) {
        match event {
            CampaignEvent::Warning { message } => err!("warning: {message}"),
            CampaignEvent::CampaignStarted { folder, planned, done, jobs } if !self.quiet => {
                let planned = planned.map_or_else(|| "runs until the time is up".to_owned(), |n| format!("{n} runs"));
                let continued = if *done > 0 { format!(", {done} of them made before") } else { String::new() };
                err!("{}: {planned}{continued}, {jobs} at once", folder.display());
            }
            CampaignEvent::CampaignRunFinished { record, progress } => {
                let notable = record.role != Role::Canary && record.verdict != Verdict::Pass;
                if self.quiet && !notable {
                    return;
                }
                let of = progress.planned.map_or_else(String::new, |planned| format!("/{planned}"));
                let left = progress.left_s.map_or_else(String::new, |left| format!("; {} left", about(left)));
                let what = match record.role {
                    Role::Canary => "canary ",
                    Role::Repetition => "again ",
                    Role::Corpus => "known seed ",
                    Role::Main => "",
                };
                let why = record.cause.as_ref().map_or_else(String::new, |cause| format!(": {cause}"));
                err!(
                    "[{:>4}{of}] {:<12} {what}{}, seed {}, {:.1} s{left}{why}",
                    progress.done,
                    record.verdict.as_str(),
                    record.cell,
                    record.seed,
                    record.wall_s
                );
            }
            _ => {}
        }
    }
}

/// Every event as a line of JSON on standard output.
pub(super) struct Json;

impl CampaignListener for Json {
    fn event(&self, event: &CampaignEvent) {
        out!("{}", serde_json::to_string(event).expect("events serialise"));
    }
}

/// Adds each run to the index as it ends, and tells another listener. The index is a convenience: where it fails, the
/// campaign goes on without it, and its files have everything.
pub(super) struct Indexing<'a> {
    pub(super) index: RefCell<Option<Box<dyn Index>>>,
    pub(super) header: &'a Header,
    pub(super) inner: &'a dyn CampaignListener,
}

impl Indexing<'_> {
    /// Uses the index, for as long as it works.
    pub(super) fn use_index(&self, work: impl FnOnce(&mut dyn Index) -> Result<(), IndexError>) {
        let mut index = self.index.borrow_mut();
        let Some(error) = index.as_mut().and_then(|index| work(&mut **index).err()) else { return };
        *index = None;
        let message = format!("{error}; the campaign continues without an index: {}", error.remedy());
        self.inner.event(&CampaignEvent::Warning { message });
    }
}

impl CampaignListener for Indexing<'_> {
    fn event(&self, event: &CampaignEvent) {
        if let CampaignEvent::CampaignRunFinished { record, .. } = event {
            self.use_index(|index| index.put_runs(self.header, std::slice::from_ref(&**record)));
        }
        self.inner.event(event);
    }
}

/// A length of time that is not known exactly.
pub(super) fn about(seconds: f64) -> String {
    match seconds.max(0.0) {
        s if s < 90.0 => format!("about {s:.0} s"),
        s if s < 90.0 * 60.0 => format!("about {:.0} min", s / 60.0),
        s => format!("about {:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_exactly_is_not_said_exactly() {
        assert_eq!(
            [about(-3.0), about(75.4), about(600.0), about(9000.0)],
            ["about 0 s", "about 75 s", "about 10 min", "about 2.5 h"]
        );
    }
}
