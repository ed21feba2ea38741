//! Buckets of times, and percentiles from them.
//!
//! Each power of two of milliseconds has four buckets, so that a time is known to a quarter of its
//! size. The numbers of buckets are kept in stores and never change.

/// The bucket of a time in milliseconds.
pub fn bucket(ms: u64) -> u8 {
    let number = if ms < 4 {
        ms
    } else {
        let power = ms.ilog2();
        let quarter = (ms >> (power - 2)) & 3;
        4 * u64::from(power - 1) + quarter
    };
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// The longest time of a bucket, in milliseconds.
pub const fn longest(bucket: u8) -> u64 {
    if bucket < 4 {
        return bucket as u64;
    }
    let (shift, quarter) = (bucket as u32 / 4 - 1, bucket as u64 % 4);
    let last = (5 + quarter).checked_shl(shift);
    match last {
        Some(next) if next >> shift == 5 + quarter => next - 1,
        _ => u64::MAX,
    }
}

/// The time in milliseconds within which this many per cent of the counted times lie, rounded up to
/// the end of its bucket. `buckets` holds the count of each bucket, in order; `None` when all are
/// empty.
pub fn percentile(
    buckets: impl IntoIterator<Item = (u8, u64)> + Clone,
    per_cent: u64,
) -> Option<u64> {
    let total: u64 = buckets.clone().into_iter().map(|(_, count)| count).sum();
    let rank = total.saturating_mul(per_cent).div_ceil(100).max(1);
    let mut counted = 0;
    let within = |(bucket, count)| {
        counted += count;
        (counted >= rank).then(|| longest(bucket))
    };
    buckets.into_iter().find_map(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_lies_in_its_bucket_which_is_a_quarter_wide_at_most() {
        let around = (0..64).flat_map(|power| {
            let two = 1_u64 << power;
            [two.saturating_sub(1), two, two + two / 4, two + two / 2, two + (two - 1)]
        });
        for ms in (0..5000).chain(around).chain([u64::MAX]) {
            let at = bucket(ms);
            assert!(ms <= longest(at), "{ms} is in {at}, up to {}", longest(at));
            assert!(longest(at) - ms <= ms / 4, "{ms} is in {at}, up to {}", longest(at));
            assert!(at == 0 || ms > longest(at - 1), "{ms} is not in {}", at - 1);
        }
    }

    #[test]
    fn percentiles_are_ranks_among_all_times() {
        assert_eq!(percentile([], 50), None);
        assert_eq!(percentile([(2, 1)], 50), Some(2));
        assert_eq!(percentile([(1, 50), (3, 50)], 50), Some(1));
        assert_eq!(percentile([(1, 49), (3, 51)], 50), Some(3));
        assert_eq!(percentile([(1, 99), (3, 1)], 99), Some(1));
        assert_eq!(percentile([(1, 98), (3, 2)], 99), Some(3));
    }
}
