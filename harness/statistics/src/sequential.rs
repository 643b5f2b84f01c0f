//! Tests and intervals that stay valid however often they are looked at.
//!
//! All of them are bets against a hypothesis (V. Ville, *Étude critique de la notion de collectif*, 1939; G. Shafer,
//! "Testing by betting", 2021). A gambler begins with a wealth of 1 and bets before each observation. If the hypothesis
//! holds, no bet gains on average, so the wealth ever reaches 1/α with probability at most α, at whatever time somebody
//! looks and for whatever reason somebody stops. Which fraction to bet is not known before, so the wealth is spread
//! over several: a mixture, as in the mixture sequential probability ratio test (H. Robbins, "Statistical methods
//! related to the law of the iterated logarithm", 1970; R. Johari et al., "Peeking at A/B tests", 2017).
//!
//! Wealth is given as its natural logarithm, because it grows exponentially.

/// Fractions of the wealth that are bet, and how much of the beginning wealth bets each: small ones find small
/// differences in many pairs, large ones large differences in few.
const BETS: [(f64, f64); 6] = [(0.1, 0.05), (0.3, 0.10), (0.5, 0.15), (0.7, 0.15), (0.9, 0.20), (0.99, 0.35)];

/// The logarithm of the wealth that proves at level `alpha`.
pub fn proof(alpha: f64) -> f64 {
    -alpha.ln()
}

/// The logarithm of the wealth of a gambler who bets, before each of some coins, that it falls on `heads`: a test of
/// "heads is not likelier than tails". In pairs of runs, the coins are the pairs in which exactly one of the two
/// showed something (the discordant pairs of McNemar's test, 1947); with equal versions each is fair.
pub fn coin_wealth(heads: u64, tails: u64) -> f64 {
    let (heads, tails) = (heads as f64, tails as f64);
    mixture(|bet| heads * bet.ln_1p() + tails * (-bet).ln_1p())
}

/// Whether the pairs refute, at level `alpha`, that the candidate shows something in a share of its runs that is larger
/// than the base's by `excess` or more. Of `pairs`, the candidate alone showed it in `candidate` and the base alone in
/// `base`. The bets are those on means of bounded variables of I. Waudby-Smith and A. Ramdas, "Estimating means of
/// bounded random variables by betting", 2024.
pub fn excess_is_below(excess: f64, candidate: u64, base: u64, pairs: u64, alpha: f64) -> bool {
    let equal = pairs.saturating_sub(candidate + base) as f64;
    let wealth = mixture(|bet| {
        // A bet of λ on "less than the excess": 1 − λ(d − excess) with d of 1, 0 or −1 is never below 1 − bet.
        let stake = bet / (1.0 - excess);
        candidate as f64 * (-bet).ln_1p()
            + equal * (stake * excess).ln_1p()
            + base as f64 * (stake * (1.0 + excess)).ln_1p()
    });
    wealth >= proof(alpha)
}

/// The smallest excess that [`excess_is_below`] refutes: the upper end of a confidence sequence; 1 where it refutes
/// none.
pub fn excess_bound(candidate: u64, base: u64, pairs: u64, alpha: f64) -> f64 {
    let (mut low, mut high) = (-1.0, 1.0 - 1e-9);
    if !excess_is_below(high, candidate, base, pairs, alpha) {
        return 1.0;
    }
    // The wealth grows with the excess, so halving finds where it proves.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if excess_is_below(middle, candidate, base, pairs, alpha) { high = middle } else { low = middle }
    }
    high
}

/// A confidence sequence of a median: between which values it lies, at level 1 − `alpha`, however often it is asked. It
/// inverts [`coin_wealth`]: each value is compared with a candidate for the median, which half of them exceed; so it
/// assumes nothing of their distribution, and its ends are values that were seen (S. Howard and A. Ramdas, "Sequential
/// estimation of quantiles", 2022, have the same idea with other boundaries). Infinite where the values are too few.
/// `sorted` is in ascending order.
pub fn median_interval(sorted: &[f64], alpha: f64) -> (f64, f64) {
    match most_dissenters(sorted.len() as u64, proof(alpha / 2.0)) {
        Some(dissenters) => {
            let dissenters = dissenters as usize;
            (sorted[dissenters], sorted[sorted.len() - 1 - dissenters])
        }
        None => (f64::NEG_INFINITY, f64::INFINITY),
    }
}

/// How many of some coins may be tails at most so that the heads still prove; `None` when not even all heads do.
fn most_dissenters(coins: u64, proof: f64) -> Option<u64> {
    let proves = |tails: &u64| coin_wealth(coins - tails, *tails) >= proof;
    (0..=coins / 2).take_while(proves).last()
}

/// How many more pairs it takes until `decided` (asked with a number of pairs) holds; `None` when 10,000 are not
/// enough.
pub fn further_pairs(pairs: u64, mut decided: impl FnMut(u64) -> bool) -> Option<u64> {
    (1..=10_000).find(|&more| decided(pairs + more))
}

/// The logarithm of the weighted sum of wealths that are given by their logarithms.
fn mixture(log_wealth: impl Fn(f64) -> f64) -> f64 {
    let logs = BETS.map(|(bet, weight)| log_wealth(bet) + weight.ln());
    log_sum(&logs)
}

/// The logarithm of the sum of numbers that are given by their logarithms.
pub fn log_sum(logs: &[f64]) -> f64 {
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest + logs.iter().map(|log| (log - largest).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_are_a_whole_and_no_bet_risks_everything() {
        assert!((BETS.iter().map(|(_, weight)| weight).sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(BETS.iter().all(|(bet, _)| (0.0..1.0).contains(bet)));
        assert!(coin_wealth(0, 0).abs() < 1e-12, "nobody gains before the first coin");
    }

    #[test]
    fn no_bet_gains_on_average_against_a_fair_coin() {
        // The mean wealth over all rows of ten coins is what it was at the beginning: a martingale.
        let rows = 1u32 << 10;
        let mean = (0..rows).map(|row| u64::from(row.count_ones())).map(|heads| coin_wealth(heads, 10 - heads).exp());
        assert!((mean.sum::<f64>() / f64::from(rows) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_fair_coin_is_called_biased_in_at_most_one_of_twenty_rows_however_often_one_looks() {
        // The exact probability over rows of 400 coins, looking after each: paths that have crossed leave the table.
        let mut alive = vec![1.0];
        let mut crossed = 0.0;
        for coins in 1..=400u64 {
            let mut next = vec![0.0; alive.len() + 1];
            for (heads, probability) in alive.iter().enumerate() {
                next[heads] += probability / 2.0;
                next[heads + 1] += probability / 2.0;
            }
            for (heads, probability) in next.iter_mut().enumerate() {
                if coin_wealth(heads as u64, coins - heads as u64) >= proof(0.05) {
                    crossed += *probability;
                    *probability = 0.0;
                }
            }
            alive = next;
        }
        assert!(crossed > 0.02 && crossed <= 0.05, "{crossed}");
    }

    #[test]
    fn pairs_that_decide() {
        let decides_at = |alpha| (1..).find(|&heads| coin_wealth(heads, 0) >= proof(alpha)).unwrap();
        assert_eq!([0.05, 0.025, 0.01, 0.005].map(decides_at), [6, 7, 8, 9]);
        assert!(coin_wealth(10, 1) > proof(0.05) && coin_wealth(5, 5) < 0.0);
        assert_eq!(further_pairs(3, |pairs| pairs >= 10), Some(7));
        assert_eq!(further_pairs(3, |_| false), None);
    }

    #[test]
    fn the_excess_is_bounded_by_about_four_over_n_without_a_difference() {
        assert_eq!(excess_bound(0, 0, 0, 0.05), 1.0);
        let bound = excess_bound(0, 0, 100, 0.05);
        assert!((0.035..0.045).contains(&bound), "{bound}");
        assert!(excess_bound(2, 0, 100, 0.05) > bound && excess_bound(0, 5, 100, 0.05) < bound);
        assert!(excess_bound(0, 40, 100, 0.05) < 0.0, "the candidate is certainly better");
        assert!(excess_bound(40, 0, 100, 0.05) > 0.4);
    }

    #[test]
    fn the_interval_of_a_median_is_made_of_values_seen() {
        let values: Vec<f64> = (0..20).map(f64::from).collect();
        let (low, high) = median_interval(&values, 0.05);
        assert!(low > 0.0 && low < 9.5 && high == 19.0 - low, "{low} {high}");
        assert_eq!(median_interval(&values[..6], 0.05), (f64::NEG_INFINITY, f64::INFINITY));
        assert_eq!(median_interval(&values[..7], 0.05), (0.0, 6.0));
    }
}
