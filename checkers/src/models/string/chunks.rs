//! Strings in which every piece is written once: decided in time linear in the operations and in what the reads
//! returned.
//!
//! A *piece* is the argument of a `put` or an `append`. Where no piece is written twice and every string that a `get`
//! returned can be cut into pieces in exactly one way, the get shows which put it follows (none, if it follows the
//! initial empty string) and which appends took effect since, in order. A put begins an *epoch*, and so does the
//! initial state: the put, the appends that some get showed in it, and these gets. The longest get of an epoch is its
//! order. The order within an epoch is compared with real time as the list of `append-list` is; the epochs themselves
//! are clusters with zones, as the values of a register are (Gibbons and Korach, *Testing shared memories*, 1997; see
//! `register/zones.rs`): each stands together in a linearization, so only the order of epochs is open, and one exists
//! exactly when no two forward zones overlap and no backward zone lies inside a forward one. An acknowledged write that
//! no get showed is a cluster of its own: it takes effect just before the next epoch begins, or after the last. A write
//! of unknown outcome that no get showed is left out.

use std::sync::Arc;

use rashomon_history::{OpId, Outcome, Value};
use rustc_hash::FxHashMap;

use super::pieces::{Cut, Pieces};
use crate::engine::{Answer, Answered};
use crate::model::Unusable;
use crate::specialist::{Decision, Rows, Scratch, Specialist};

/// The specialist for strings whose pieces are unique.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunks;

/// The epoch that the initial empty string begins.
const INITIAL: usize = 0;
/// The completion of an operation of unknown outcome.
const LATE: u32 = u32::MAX;

/// Operations that contradict each other (indices of rows), or why this is not the method.
enum Stop {
    Contradiction(Vec<u32>),
    Left(&'static str),
}

impl Specialist for Chunks {
    fn method(&self) -> &'static str {
        "unique pieces"
    }

    fn why(&self) -> &'static str {
        "every piece is written at most once, and every get is made of them in one way"
    }

    fn decide(&self, rows: &Rows<'_>, prove: bool, _scratch: &mut Scratch) -> Result<Decision, (OpId, Unusable)> {
        let answer = match Epochs::of(rows).and_then(|epochs| epochs.order(rows, prove)) {
            Ok(order) => Answer::Yes(order.into_iter().map(|index| rows.op(index)).collect()),
            Err(Stop::Contradiction(mut among)) => {
                among.sort_unstable();
                among.dedup();
                let at = among.iter().filter_map(|&index| rows.get(index).completed).max().unwrap_or(0);
                Answer::No { at, among: among.into_iter().map(|index| rows.op(index)).collect() }
            }
            Err(Stop::Left(why)) => return Ok(Decision::Left(why)),
        };
        Ok(Decision::Decided(Answered { answer, steps: u64::from(rows.len()) }))
    }
}

/// A put with what gets showed to follow it.
#[derive(Default)]
struct Epoch {
    /// The row of its put; none for the initial epoch.
    put: Option<u32>,
    /// The appends that its longest get shows, as rows, in order.
    appends: Vec<u32>,
    /// The longest get.
    longest: Option<u32>,
    /// All gets: how many appends each shows, and its row.
    gets: Vec<(u32, u32)>,
}

/// The first completion and the last invocation in a cluster, each with its row. Positions are shifted by one, so that
/// the initial state comes before everything.
#[derive(Clone, Copy)]
struct Zone {
    first: (u32, Option<u32>),
    last: (u32, Option<u32>),
    /// The epoch; none for a write that no get showed.
    epoch: Option<usize>,
}

impl Zone {
    fn low(&self) -> u32 {
        self.first.0.min(self.last.0)
    }

    fn high(&self) -> u32 {
        self.first.0.max(self.last.0)
    }

    fn is_forward(&self) -> bool {
        self.first.0 < self.last.0
    }
}

struct Epochs {
    epochs: Vec<Epoch>,
    /// Acknowledged writes that no get showed.
    unseen: Vec<u32>,
}

/// When a row took effect at the earliest and at the latest, shifted.
fn interval(rows: &Rows<'_>, index: u32) -> (u32, u32) {
    let row = rows.get(index);
    let completed = row.completed.filter(|_| row.outcome == Outcome::Ok).map_or(LATE, |position| position + 1);
    (row.invoked + 1, completed)
}

impl Epochs {
    fn of(rows: &Rows<'_>) -> Result<Epochs, Stop> {
        let (pieces, gets) = read(rows)?;
        let mut epochs = vec![Epoch::default()];
        let mut epoch_of_put: FxHashMap<u32, usize> = FxHashMap::default();
        let mut cuts: FxHashMap<u32, (usize, Arc<[u32]>)> = FxHashMap::default();
        for (index, output, text) in gets {
            let (epoch, appends) = match cuts.get(&output) {
                Some(known) => known.clone(),
                None => {
                    let (put, appends) = match pieces.cut(&text) {
                        Cut::One(put, appends) => (put, appends),
                        Cut::Impossible => return Err(Stop::Contradiction(vec![index])),
                        Cut::Several => return Err(Stop::Left("a get can be made of the written pieces in two ways")),
                    };
                    let epoch = put.map_or(INITIAL, |put| {
                        *epoch_of_put.entry(put).or_insert_with(|| {
                            epochs.push(Epoch { put: Some(put), ..Epoch::default() });
                            epochs.len() - 1
                        })
                    });
                    let known = (epoch, Arc::from(appends));
                    cuts.insert(output, known.clone());
                    known
                }
            };
            epochs[epoch].add(index, &appends)?;
        }
        // The epoch in which an append was shown, and a get that shows it there.
        let mut shown: FxHashMap<u32, (usize, u32)> = FxHashMap::default();
        for (number, epoch) in epochs.iter().enumerate() {
            for &append in &epoch.appends {
                let longest = epoch.longest.expect("a get showed it");
                let (other, get) = *shown.entry(append).or_insert((number, longest));
                if other != number {
                    return Err(Stop::Contradiction(vec![get, longest]));
                }
            }
        }
        let seen = |index: &u32| shown.contains_key(index) || epoch_of_put.contains_key(index);
        let certain = |index: &u32| rows.get(*index).outcome == Outcome::Ok;
        let unseen = pieces.rows().filter(|index| certain(index) && !seen(index)).collect();
        Ok(Epochs { epochs, unseen })
    }

    /// The operations in a linearization.
    fn order(&self, rows: &Rows<'_>, prove: bool) -> Result<Vec<u32>, Stop> {
        let mut zones = Vec::with_capacity(self.epochs.len() + self.unseen.len());
        let mut orders = Vec::with_capacity(self.epochs.len());
        for (number, epoch) in self.epochs.iter().enumerate() {
            let (zone, order) = epoch.in_time(rows, number)?;
            zones.push(zone);
            orders.push(order);
        }
        for &index in &self.unseen {
            let (invoked, completed) = interval(rows, index);
            zones.push(Zone { first: (completed, Some(index)), last: (invoked, Some(index)), epoch: None });
        }
        zones.sort_unstable_by_key(Zone::low);
        if let Some((one, other)) = sweep(&zones) {
            return Err(Stop::Contradiction(self.conflict(one, other)));
        }
        if !prove {
            return Ok(Vec::new());
        }
        let order = zones.iter().flat_map(|zone| match zone.epoch {
            Some(epoch) => orders[epoch].clone(),
            None => vec![zone.first.1.expect("a write that no get showed is a row")],
        });
        Ok(order.collect())
    }

    /// The operations that put two clusters in both orders, and the gets that show to which of them they belong.
    fn conflict(&self, one: &Zone, other: &Zone) -> Vec<u32> {
        let mut among = Vec::new();
        for zone in [one, other] {
            let ends = [zone.first.1, zone.last.1];
            among.extend(ends.into_iter().flatten());
            let Some(epoch) = zone.epoch.map(|epoch| &self.epochs[epoch]) else { continue };
            if ends.iter().flatten().any(|end| epoch.appends.contains(end)) {
                among.extend(epoch.longest);
            }
        }
        among
    }
}

impl Epoch {
    /// Adds a get that shows these appends.
    fn add(&mut self, index: u32, appends: &[u32]) -> Result<(), Stop> {
        let (shorter, longer) = if appends.len() > self.appends.len() {
            (&self.appends[..], appends)
        } else {
            (appends, &self.appends[..])
        };
        if shorter != &longer[..shorter.len()] {
            let longest = self.longest.expect("only a get is longer than none");
            return Err(Stop::Contradiction(vec![longest, index]));
        }
        if self.longest.is_none() || appends.len() > self.appends.len() {
            // An append takes effect once.
            let mut sorted = appends.to_vec();
            sorted.sort_unstable();
            if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
                return Err(Stop::Contradiction(vec![index]));
            }
            (self.appends, self.longest) = (appends.to_vec(), Some(index));
        }
        self.gets.push((appends.len() as u32, index));
        Ok(())
    }

    /// The only order of its operations, and its zone. A contradiction when real time says otherwise.
    fn in_time(&self, rows: &Rows<'_>, number: usize) -> Result<(Zone, Vec<u32>), Stop> {
        let mut gets = self.gets.clone();
        gets.sort_unstable();
        let mut gets = gets.into_iter().peekable();
        let mut order: Vec<u32> = self.put.into_iter().collect();
        for length in 0..=self.appends.len() {
            while let Some((_, get)) = gets.next_if(|&(shows, _)| shows as usize == length) {
                order.push(get);
            }
            order.extend(self.appends.get(length));
        }
        let initial = if self.put.is_none() { (0, None) } else { (LATE, None) };
        let mut zone = Zone { first: initial, last: (0, None), epoch: Some(number) };
        for &index in &order {
            let (invoked, completed) = interval(rows, index);
            if completed < zone.last.0 {
                // The two are in the order of the epoch because of what gets showed.
                let among = [Some(index), zone.last.1, self.longest];
                return Err(Stop::Contradiction(among.into_iter().flatten().collect()));
            }
            if completed < zone.first.0 {
                zone.first = (completed, Some(index));
            }
            if invoked > zone.last.0 {
                zone.last = (invoked, Some(index));
            }
        }
        Ok((zone, order))
    }
}

/// The first two zones that contradict each other; zones in order of their beginnings.
fn sweep(zones: &[Zone]) -> Option<(&Zone, &Zone)> {
    let mut forward: Option<&Zone> = None;
    for zone in zones {
        if let Some(other) = forward
            && (if zone.is_forward() { zone.low() < other.high() } else { zone.high() < other.high() })
        {
            return Some((other, zone));
        }
        if zone.is_forward() && forward.is_none_or(|other| other.high() < zone.high()) {
            forward = Some(zone);
        }
    }
    None
}

/// A get: its row, the value id of what it returned, and the text.
type Get = (u32, u32, Arc<str>);

/// All pieces, and the gets.
fn read(rows: &Rows<'_>) -> Result<(Pieces, Vec<Get>), Stop> {
    const UNREADABLE: Stop = Stop::Left("an operation is none of a string's");
    let history = rows.history();
    let text = |id: u32| match history.value(id) {
        Value::Text(text) => Ok(text),
        Value::Nil => Ok(Arc::from("")),
        _ => Err(UNREADABLE),
    };
    let mut pieces = Pieces::default();
    let mut gets = Vec::new();
    for index in 0..rows.len() {
        let row = rows.get(index);
        let function = &**history.function(row.function);
        match (function, row.outcome) {
            ("get" | "put" | "append", Outcome::Fail) | ("get", Outcome::Info) => {}
            ("get", Outcome::Ok) => gets.push((index, row.output, text(row.output)?)),
            ("put" | "append", _) => {
                let (puts, piece) = (function == "put", text(row.input)?);
                match (puts, piece.is_empty()) {
                    // It changes nothing.
                    (false, true) => {}
                    (true, true) => return Err(Stop::Left("an empty string is put")),
                    _ if !pieces.add(puts, &piece, index) => return Err(Stop::Left("a piece is written twice")),
                    _ => {}
                }
            }
            _ => return Err(UNREADABLE),
        }
    }
    Ok((pieces, gets))
}
