//! Which run has which place in a campaign: a function of its specification and of what was recorded at its start, so
//! that every shard, and a campaign that goes on after a crash, has the same plan.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cell::{CanaryCell, Cell};
use crate::record::Role;
use crate::shard::Shard;
use crate::spec::Day;

/// Seeds are small enough to be typed.
const SEEDS: u64 = 1_000_000_000;

/// What is recorded once, when a campaign (or a shard of one) begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The format of the campaign's files.
    pub format: u32,
    /// The campaign's name.
    pub name: String,
    /// The day it began: with `seed`, what all seeds follow from.
    pub date: Day,
    /// When it began, RFC 3339 in UTC.
    pub started: String,
    /// The specification's seed.
    pub seed: u64,
    /// SHA-256 of the specification's text, hexadecimal.
    pub specification: String,
    /// The version of Rashomon that began it.
    pub version: String,
    /// Which part this is.
    pub shard: Shard,
    /// The seeds that found something before, which are run again.
    pub corpus: Vec<KnownSeed>,
}

impl Header {
    /// The format of today.
    pub const FORMAT: u32 = 1;

    /// Whether two of them are of the same campaign: whether their runs may be merged.
    pub fn same_campaign(&self, other: &Header) -> bool {
        let whole = |header: &Header| Header { shard: Shard::WHOLE, started: String::new(), ..header.clone() };
        let corpus = |header: Header| Header { corpus: Vec::new(), ..header };
        corpus(whole(self)) == corpus(whole(other)) && self.shard.count == other.shard.count
    }
}

/// A seed that found something in an earlier campaign.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KnownSeed {
    /// The name of its cell.
    pub cell: String,
    /// The seed.
    pub seed: u64,
}

/// A run with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// Its identity within the campaign: its place, or that of the run it repeats.
    pub id: String,
    /// What it is for.
    pub role: Role,
    /// The name of its cell, or of its canary.
    pub cell: String,
    /// The words that follow `run`, without the seed.
    pub words: Vec<String>,
    /// Seeds to try, the first that can be planned counts: a short load has no room for every class of faults under
    /// every seed.
    pub seeds: Vec<u64>,
}

/// The whole plan: canaries first (a campaign that finds nothing should say so early), then seeds that found something
/// before, then rounds over all cells. Each round has every cell as often as its weight says, in an order of its own.
#[derive(Clone, Debug)]
pub struct Plan {
    header: Header,
    cells: Vec<Cell>,
    canaries: Vec<CanaryCell>,
    corpus: Vec<(usize, u64)>,
    /// Places of cells, each as often as its weight says.
    round: Vec<usize>,
    runs: Option<u64>,
}

impl Plan {
    /// The plan of a campaign; `runs` bounds the runs after canaries.
    pub fn new(header: Header, cells: Vec<Cell>, canaries: Vec<CanaryCell>, runs: Option<u64>) -> Plan {
        let place = |name: &str| cells.iter().position(|cell| cell.name == name);
        let corpus = header.corpus.iter().filter_map(|known| Some((place(&known.cell)?, known.seed))).collect();
        let times = |(place, cell): (usize, &Cell)| std::iter::repeat_n(place, cell.weight as usize);
        let round = cells.iter().enumerate().flat_map(times).collect();
        Plan { header, cells, canaries, corpus, round, runs }
    }

    /// What was recorded at the start.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The combinations.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The known bugs that must be found.
    pub fn canaries(&self) -> &[CanaryCell] {
        &self.canaries
    }

    fn canary_runs(&self) -> u64 {
        self.canaries.iter().map(|canary| u64::from(canary.runs)).sum()
    }

    /// How many runs there are, where that is bounded.
    pub fn len(&self) -> Option<u64> {
        let rounds = if self.round.is_empty() { Some(0) } else { self.runs };
        // Of the bounded number the seeds that found something before are the first.
        Some(self.canary_runs() + rounds?)
    }

    /// Whether nothing is planned.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// How many of the runs belong to this campaign's part, where that is bounded.
    pub fn len_of_shard(&self) -> Option<u64> {
        let (len, shard) = (self.len()?, self.header.shard);
        Some((len + u64::from(shard.count) - u64::from(shard.index)) / u64::from(shard.count))
    }

    /// The places of this campaign's part, in order.
    pub fn places(&self) -> impl Iterator<Item = u64> {
        let shard = self.header.shard;
        (u64::from(shard.index - 1)..self.len().unwrap_or(u64::MAX)).step_by(shard.count as usize)
    }

    /// The run at a place; `None` behind the end.
    pub fn get(&self, place: u64) -> Option<Planned> {
        if self.len().is_some_and(|len| place >= len) {
            return None;
        }
        let id = format!("{place:06}");
        let mut before = 0;
        // Canaries in turns, so that each has had a run soon.
        for turn in 0..self.canaries.iter().map(|canary| canary.runs).max().unwrap_or(0) {
            for canary in self.canaries.iter().filter(|canary| turn < canary.runs) {
                if before == place {
                    let seeds = self.seeds(&canary.name(), u64::from(turn));
                    let (cell, words) = (canary.name(), canary.words.clone());
                    return Some(Planned { id, role: Role::Canary, cell, words, seeds });
                }
                before += 1;
            }
        }
        let place = place - before;
        if let Some(&(cell, seed)) = self.corpus.get(place as usize) {
            let Cell { name, words, .. } = self.cells[cell].clone();
            return Some(Planned { id, role: Role::Corpus, cell: name, words, seeds: vec![seed] });
        }
        let place = place - self.corpus.len() as u64;
        let (round, within) = (place / self.round.len() as u64, (place % self.round.len() as u64) as usize);
        let slot = self.order(round)[within];
        let Cell { name, words, .. } = self.cells[self.round[slot]].clone();
        let earlier = self.round[..slot].iter().rev().take_while(|&&cell| cell == self.round[slot]).count() as u64;
        let weight = u64::from(self.cells[self.round[slot]].weight);
        let seeds = self.seeds(&name, round * weight + earlier);
        Some(Planned { id, role: Role::Main, cell: name, words, seeds })
    }

    /// The order of a round: slots of `round`, shuffled by hashes.
    fn order(&self, round: u64) -> Vec<usize> {
        let mut slots: Vec<usize> = (0..self.round.len()).collect();
        slots.sort_by_cached_key(|slot| self.hash(&format!("order {round} {slot}")));
        slots
    }

    /// The seeds of a cell's run with this number, the later ones in case that the earlier cannot be planned.
    fn seeds(&self, cell: &str, number: u64) -> Vec<u64> {
        (0..20).map(|attempt| self.hash(&format!("seed {cell} {number} {attempt}")) % SEEDS).collect()
    }

    fn hash(&self, of: &str) -> u64 {
        let Header { seed, date, .. } = &self.header;
        let digest = Sha256::digest(format!("{seed} {} {of}", date.as_str()));
        u64::from_be_bytes(digest[..8].try_into().expect("a digest has 32 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::cell::{self, tests::targets};
    use crate::spec::Spec;

    const SPECS: [&str; 3] = [
        "name = \"one\"\nbudget.runs = 40\n[[run]]\ntarget = \"raft-kv\"\nfaults = [\"kill\", \"none\", \"pause\"]\n",
        "name = \"two\"\nbudget.runs = 7\n[[run]]\ntarget = \"crdt\"\nworkloads = [\"set\", \"cart\"]\nweight = 3\n\
         [[run]]\ntarget = \"raft-kv\"\n[[canary]]\ntarget = \"raft-kv\"\nmutant = \"stale-read\"\nruns = 5\n",
        "name = \"three\"\n[[canary]]\ntarget = \"raft-kv\"\nmutant = \"stale-read\"\n\
         [[canary]]\ntarget = \"crdt\"\nmutant = \"stale-read\"\nruns = 4\n",
    ];

    fn plan(text: &str, shard: Shard, date: &str) -> Plan {
        let spec = Spec::parse(text).unwrap();
        let header = Header {
            format: Header::FORMAT,
            name: spec.name.get_ref().clone(),
            date: Day::try_from(date.to_owned()).unwrap(),
            started: String::new(),
            seed: spec.seed,
            specification: String::new(),
            version: String::new(),
            shard,
            corpus: vec![KnownSeed { cell: "raft-kv register none 5 nodes".to_owned(), seed: 7 }],
        };
        let cells = cell::cells(text, &spec, &targets).unwrap();
        let canaries = cell::canaries(text, &spec, &targets).unwrap();
        Plan::new(header, cells, canaries, spec.budget.runs)
    }

    fn all(plan: &Plan) -> Vec<Planned> {
        plan.places().map_while(|place| plan.get(place)).collect()
    }

    #[test]
    fn sixteen_shards_are_disjoint_and_together_the_whole() {
        for text in SPECS {
            let whole = all(&plan(text, Shard::WHOLE, "2026-11-29"));
            let mut together = Vec::new();
            for index in 1..=16 {
                let part = plan(text, Shard::new(index, 16).unwrap(), "2026-11-29");
                let runs = all(&part);
                assert_eq!(part.len_of_shard(), Some(runs.len() as u64));
                together.extend(runs);
            }
            together.sort_by(|a, b| a.id.cmp(&b.id));
            assert_eq!(together, whole);
            let ids: BTreeSet<&String> = whole.iter().map(|run| &run.id).collect();
            assert_eq!(ids.len(), whole.len());
        }
    }

    #[test]
    fn a_round_has_every_cell_as_often_as_its_weight_says() {
        let plan = plan(SPECS[1], Shard::WHOLE, "2026-11-29");
        let runs = all(&plan);
        assert_eq!(runs.len(), 12);
        assert!(runs[..5].iter().all(|run| run.role == Role::Canary));
        let count = |cell: &str| runs[5..].iter().filter(|run| run.cell.starts_with(cell)).count();
        assert_eq!([count("crdt set"), count("crdt cart"), count("raft-kv")], [3, 3, 1]);
        let seeds: BTreeSet<u64> = runs.iter().map(|run| run.seeds[0]).collect();
        assert_eq!(seeds.len(), 12, "no seed occurs twice");
    }

    #[test]
    fn seeds_that_found_something_are_run_first_and_the_number_of_runs_stays() {
        let runs = all(&plan(SPECS[0], Shard::WHOLE, "2026-11-29"));
        assert_eq!(runs.len(), 40);
        assert_eq!((runs[0].role, runs[0].seeds[0]), (Role::Corpus, 7));
        assert_eq!(runs.iter().filter(|run| run.role == Role::Corpus).count(), 1);
    }

    #[test]
    fn another_day_has_other_seeds_and_the_same_day_the_same() {
        let seeds =
            |date| all(&plan(SPECS[0], Shard::WHOLE, date)).into_iter().map(|run| run.seeds).collect::<Vec<_>>();
        assert_eq!(seeds("2026-11-29"), seeds("2026-11-29"));
        assert_ne!(seeds("2026-11-29")[1..], seeds("2026-11-30")[1..]);
        // Seeds in old records would no longer be those of their place.
        assert_eq!(seeds("2026-11-29")[1][0], GOLDEN);
    }

    const GOLDEN: u64 = 476_609_761;

    #[test]
    fn a_plan_without_a_bound_goes_on() {
        let text = SPECS[0].replace("budget.runs = 40", "budget.time = \"8h\"");
        let plan = plan(&text, Shard::WHOLE, "2026-11-29");
        assert_eq!(plan.len(), None);
        assert!(plan.get(10_000_000).is_some());
    }
}
