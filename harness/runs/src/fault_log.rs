//! The file of faults: a line when a fault begins, another when it has been healed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use rashomon_spec::fault_kind::FaultClass;

use crate::{FaultOutcome, FaultRecord};

/// Writes `faults.jsonl`, one line at a time, and keeps the latest record of each fault.
pub struct FaultLog {
    file: File,
    latest: BTreeMap<u32, FaultRecord>,
    observer: Option<Observer>,
}

/// Who is shown each record that is written.
type Observer = Box<dyn FnMut(&FaultRecord) + Send>;

impl FaultLog {
    /// Begins the file.
    pub(crate) fn create(path: &Path) -> io::Result<FaultLog> {
        Ok(FaultLog {
            file: File::options().append(true).create_new(true).open(path)?,
            latest: BTreeMap::new(),
            observer: None,
        })
    }

    /// Shows each record to somebody when it has been written.
    pub fn observed_by(self, observer: impl FnMut(&FaultRecord) + Send + 'static) -> FaultLog {
        FaultLog { observer: Some(Box::new(observer)), ..self }
    }

    /// Writes a record; the later one of a fault counts.
    pub fn write(&mut self, record: FaultRecord) -> io::Result<()> {
        let mut line = serde_json::to_vec(&record)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        if let Some(observer) = &mut self.observer {
            observer(&record);
        }
        self.latest.insert(record.id, record);
        Ok(())
    }

    /// The latest record of each fault, in order of their ids.
    pub fn records(&self) -> impl Iterator<Item = &FaultRecord> {
        self.latest.values()
    }

    /// The latest record of a fault.
    pub fn latest(&self, id: u32) -> Option<&FaultRecord> {
        self.latest.get(&id)
    }

    /// How many faults of each class had this outcome, in order of the class's name.
    pub fn count(&self, outcome: FaultOutcome) -> Vec<(FaultClass, u64)> {
        let mut counts: BTreeMap<&str, (FaultClass, u64)> = BTreeMap::new();
        for record in self.latest.values().filter(|record| record.outcome == outcome) {
            counts.entry(record.class.as_str()).or_insert((record.class.clone(), 0)).1 += 1;
        }
        counts.into_values().collect()
    }

    /// When the last fault was healed, ns; `None` when none took effect.
    pub fn last_heal_ns(&self) -> Option<u64> {
        let installed = self.latest.values().filter(|record| record.outcome != FaultOutcome::Skipped);
        installed.filter_map(|record| record.end_ns).max()
    }
}
