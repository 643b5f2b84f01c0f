//! Anomalies that show without a cycle, each class collected with its first example.

use super::levels::Condition;

/// A class of anomalies that was found, with its first example.
#[derive(Clone, Debug)]
pub(super) struct Direct {
    /// The class, under Elle's name.
    pub(super) name: &'static str,
    /// What it breaks.
    pub(super) breaks: Condition,
    /// The key of the example.
    pub(super) key: u32,
    /// Its transactions, in the order of the sentence.
    pub(super) txns: Vec<u32>,
    /// What was seen, with `T1`, `T2`, … for the transactions.
    pub(super) sentence: String,
    /// How many there are.
    pub(super) count: u64,
}

/// All anomalies that show without a cycle.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Direct>);

impl Findings {
    /// Counts one, and keeps it when it is the first of its class and condition.
    pub(super) fn add(
        &mut self,
        name: &'static str,
        breaks: Condition,
        key: u32,
        txns: &[u32],
        sentence: impl FnOnce() -> String,
    ) {
        if let Some(known) = self.0.iter_mut().find(|known| known.name == name && known.breaks == breaks) {
            known.count += 1;
            return;
        }
        self.0.push(Direct { name, breaks, key, txns: txns.to_vec(), sentence: sentence(), count: 1 });
    }
}
