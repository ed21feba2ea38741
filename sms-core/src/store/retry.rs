//! Backoff between attempts that were certainly not accepted.

use std::time::Duration;

/// Exponential backoff with full jitter: the n-th delay is uniform between zero and
/// `min(max, base · 2ⁿ⁻¹)`, so that messages that failed together are not retried together.
///
/// The number of attempts is not part of the policy: each message has its own limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Longest first delay. Defaults to 10 s.
    pub base: Duration,
    /// Longest delay. Defaults to 10 min.
    pub max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { base: Duration::from_secs(10), max: Duration::from_mins(10) }
    }
}

impl RetryPolicy {
    /// Delay after the `attempt`-th counted attempt (from 1). `random` is uniform in `0.0..1.0`;
    /// values outside are clamped.
    pub fn delay(&self, attempt: u32, random: f64) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        let ceiling = self.base.saturating_mul(1 << doublings).min(self.max);
        ceiling.mul_f64(random.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_up_to_the_maximum() {
        let policy = RetryPolicy { base: Duration::from_secs(1), max: Duration::from_secs(5) };
        let ceilings: Vec<u64> =
            (1..=5).map(|attempt| policy.delay(attempt, 1.0).as_secs()).collect();
        assert_eq!(ceilings, [1, 2, 4, 5, 5]);
        assert_eq!(policy.delay(u32::MAX, 1.0), policy.max);
    }

    #[test]
    fn jitter_is_full() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.delay(1, 0.0), Duration::ZERO);
        assert_eq!(policy.delay(1, 0.5), policy.base / 2);
    }
}
