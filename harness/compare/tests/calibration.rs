//! Simulated comparisons, 10,000 of each kind of equal versions, looked at after every pair: how often which verdict,
//! and after how many pairs. The runs are synthetic, the judge and its choice of the next pair are the real ones.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rashomon_compare::{ComparisonVerdict, Design, Finding, Judge, Observed, Pair, Side, Step};
use rashomon_runs::Verdict;

/// A version: in which share of its runs it violates, crashes, and how slow it is.
#[derive(Clone, Copy)]
struct Simulated {
    violates: f64,
    crashes: f64,
    /// The factor on latency, and the divisor of throughput.
    slow: f64,
}

const CLEAN: Simulated = Simulated { violates: 0.0, crashes: 0.0, slow: 1.0 };
/// As many for what is promised of equal versions.
const COMPARISONS: u64 = 10_000;
/// As many for the rest.
const FEWER: u64 = 2000;

struct Dice(ChaCha8Rng);

impl Dice {
    fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Noise of runs: heavy tails, as of a machine with neighbours.
    fn noise(&mut self, spread: f64) -> f64 {
        let normal = (0..6).map(|_| self.uniform()).sum::<f64>() - 3.0;
        let outlier = if self.uniform() < 0.05 { 5.0 } else { 1.0 };
        (spread * outlier * normal).exp()
    }
}

fn run(dice: &mut Dice, version: Simulated, shared: f64) -> Observed {
    let finding = Finding {
        name: "stale read".to_owned(),
        checker: "register".to_owned(),
        sentence: String::new(),
        operations: 3,
        certain: true,
    };
    let latency = 2.0 * version.slow * shared * dice.noise(0.15);
    let measures = [
        ("throughput", 900.0 / version.slow / shared * dice.noise(0.1)),
        ("latency p50", latency),
        ("latency p99", 8.0 * latency * dice.noise(0.3)),
        ("outage under kill", 300.0 * dice.noise(0.5)),
    ];
    Observed {
        run: String::new(),
        verdict: Verdict::Pass,
        reason: String::new(),
        interrupted: false,
        findings: if dice.uniform() < version.violates { vec![finding] } else { Vec::new() },
        crashes: if dice.uniform() < version.crashes { vec!["n1".to_owned()] } else { Vec::new() },
        unfinished: None,
        measures: measures.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        exposure: vec![("kill faults".to_owned(), 3)],
        reproduce: String::new(),
    }
}

/// How many comparisons ended with each verdict, and after how many pairs each was certain.
#[derive(Default)]
struct Ends {
    verdicts: Vec<(ComparisonVerdict, u64)>,
}

impl Ends {
    fn share(&self, wanted: &[ComparisonVerdict]) -> f64 {
        let hits = self.verdicts.iter().filter(|(verdict, _)| wanted.contains(verdict)).count();
        hits as f64 / self.verdicts.len() as f64
    }

    /// Within so many pairs this share of the comparisons was over.
    fn pairs(&self, share: f64) -> u64 {
        let mut pairs: Vec<u64> = self.verdicts.iter().map(|&(_, pairs)| pairs).collect();
        pairs.sort_unstable();
        pairs[((pairs.len() - 1) as f64 * share) as usize]
    }
}

fn simulate(comparisons: u64, seed: u64, base: Simulated, candidate: Simulated, pairs: u64) -> Ends {
    let mut dice = Dice(ChaCha8Rng::seed_from_u64(seed));
    let mut ends = Ends::default();
    for _ in 0..comparisons {
        let design = Design { most_pairs: Some(pairs), ..Design::new(vec!["kill".to_owned()]) };
        let mut judge = Judge::new(design);
        let mut number = 0;
        loop {
            let repeats = match judge.next() {
                Step::Fresh => None,
                Step::Repeat(number) => Some(number),
                Step::Stop => break,
            };
            number += 1;
            let shared = dice.noise(0.2);
            let base = run(&mut dice, base, shared);
            let candidate = run(&mut dice, candidate, shared);
            let plan = String::new();
            judge.count(Pair { number, seed: number, plan, repeats, first: Side::Base, base, candidate });
        }
        ends.verdicts.push((judge.verdict(), judge.usable_pairs()));
    }
    ends
}

/// Equal versions are called worse, and slower or faster, in at most one of twenty comparisons each.
fn are_not_told_apart(seed: u64, version: Simulated) {
    use ComparisonVerdict::*;
    let ends = simulate(COMPARISONS, seed, version, version, 30);
    let (worse, speed) = (ends.share(&[Worse]), ends.share(&[Slower, Faster]));
    println!("worse {worse}, slower or faster {speed}");
    assert!(worse <= 0.05 && speed <= 0.05, "worse {worse}, slower or faster {speed}");
}

#[test]
fn equal_versions_without_a_fault_are_not_told_apart() {
    are_not_told_apart(1, CLEAN);
}

#[test]
fn equal_versions_that_crash_are_not_told_apart() {
    are_not_told_apart(2, Simulated { crashes: 0.2, ..CLEAN });
}

#[test]
fn equal_versions_that_violate_are_not_told_apart() {
    are_not_told_apart(3, Simulated { violates: 0.3, ..CLEAN });
}

#[test]
fn what_never_fails_is_no_worse() {
    use ComparisonVerdict::*;
    let ends = simulate(FEWER, 4, CLEAN, CLEAN, 60);
    assert_eq!(ends.share(&[Worse, Violates]), 0.0);
    assert!(ends.share(&[NoWorse]) > 0.94, "{}", ends.share(&[NoWorse]));
}

#[test]
fn an_equal_candidate_of_a_base_that_rarely_violates_is_seldom_proved_worse() {
    use ComparisonVerdict::*;
    for (seed, violates) in [(11, 0.01), (12, 0.03), (13, 0.1)] {
        let version = Simulated { violates, ..CLEAN };
        let ends = simulate(FEWER, seed, version, version, 60);
        println!("{violates}: worse {} violates {}", ends.share(&[Worse]), ends.share(&[Violates]));
        assert!(ends.share(&[Worse]) <= 0.05, "{violates}: {}", ends.share(&[Worse]));
        // The documented weakness: what only the candidate showed is reported, although both have it.
        assert!(ends.share(&[Violates]) <= 0.35, "{violates}: {}", ends.share(&[Violates]));
    }
}

#[test]
fn a_worse_candidate_is_found() {
    use ComparisonVerdict::*;
    for (seed, violates, within) in [(21, 1.0, 6), (22, 0.5, 24), (23, 0.2, 60)] {
        let ends = simulate(FEWER, seed, CLEAN, Simulated { violates, ..CLEAN }, 60);
        println!("{violates}: worse {} in {} pairs (nine of ten)", ends.share(&[Worse]), ends.pairs(0.9));
        assert!(ends.share(&[Worse, Violates]) >= 0.999);
        assert!(ends.share(&[Worse]) >= 0.9 && ends.pairs(0.9) <= within, "{violates}: {}", ends.pairs(0.9));
    }
    let ends = simulate(FEWER, 24, CLEAN, Simulated { crashes: 0.5, ..CLEAN }, 60);
    assert!(ends.share(&[Worse]) >= 0.99, "{}", ends.share(&[Worse]));
}

#[test]
fn no_worse_is_said_of_a_worse_candidate_in_at_most_one_of_twenty() {
    use ComparisonVerdict::*;
    for (seed, base, candidate) in [(31, 0.0, 0.101), (32, 0.0, 0.2), (33, 0.1, 0.201), (34, 0.3, 0.401)] {
        let version = |crashes| Simulated { crashes, ..CLEAN };
        let ends = simulate(1000, seed, version(base), version(candidate), 200);
        let accepted = ends.share(&[NoWorse, Faster]);
        println!("{base} against {candidate}: accepted {accepted}, worse {}", ends.share(&[Worse]));
        assert!(accepted <= 0.05, "{base} against {candidate}: {accepted}");
    }
}

#[test]
fn a_slower_candidate_is_found() {
    use ComparisonVerdict::*;
    let slower = |slow| Simulated { slow, ..CLEAN };
    let ends = simulate(FEWER, 41, CLEAN, slower(1.3), 60);
    println!("30% slower: {}", ends.share(&[Slower]));
    assert!(ends.share(&[Slower]) >= 0.99);
    let ends = simulate(FEWER, 42, slower(1.3), CLEAN, 60);
    assert!(ends.share(&[Faster]) >= 0.99);
    // Within the tolerance: of no interest.
    let ends = simulate(FEWER, 43, CLEAN, slower(1.02), 60);
    assert!(ends.share(&[Slower]) <= 0.05, "{}", ends.share(&[Slower]));
}
