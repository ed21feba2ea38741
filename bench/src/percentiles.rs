//! Percentiles of durations, and medians.

use serde::{Deserialize, Serialize};

/// Percentiles of many durations, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Percentiles {
    pub(crate) count: usize,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

impl Percentiles {
    /// Percentiles of these microseconds.
    pub(crate) fn new(mut micros: Vec<u64>) -> Self {
        micros.sort_unstable();
        // The smallest duration that this share of them does not exceed.
        let quantile = |per_cent: usize| {
            let rank = (micros.len() * per_cent).div_ceil(100).max(1);
            micros.get(rank - 1).map_or(0.0, |micros| *micros as f64 / 1000.0)
        };
        Self {
            count: micros.len(),
            p50_ms: quantile(50),
            p99_ms: quantile(99),
            max_ms: quantile(100),
        }
    }
}

/// Median of these figures; NaN if there are none.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    match figures.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => figures[count / 2],
        count => f64::midpoint(figures[count / 2 - 1], figures[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_sorted_durations() {
        let percentiles = Percentiles::new((1..=200).rev().map(|n| n * 1000).collect());
        assert_eq!(
            (percentiles.p50_ms, percentiles.p99_ms, percentiles.max_ms),
            (100.0, 198.0, 200.0)
        );
        assert!(Percentiles::new(vec![]).p99_ms.abs() < f64::EPSILON);
    }

    #[test]
    fn a_median_is_the_middle() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(vec![3.0, 1.0]) - 2.0).abs() < f64::EPSILON);
    }
}
