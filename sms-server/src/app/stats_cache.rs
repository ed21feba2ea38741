//! Cache of slow statistics.
//!
//! A count reads one index entry for each message in its range. A slow count is kept for ten times
//! as long as it took, so that any number of dashboards keeps the database busy for a tenth of the
//! time of one core. A fast count is never kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sms_core::Result;
use sms_core::store::{Scope, Stats, StatsRequest};
use tokio::time::Instant;

use crate::http::params::Params;

/// The time of a count above which its result is kept.
const CACHE_IF_SLOWER_THAN: Duration = Duration::from_millis(20);
/// The time a result is kept, as a multiple of the time of its count.
const CACHE_FACTOR: u32 = 10;

/// The key of a result: the caller's scope, and the parameters as they came.
pub(crate) type Asked = (Scope, Params);

/// Results of slow counts.
#[derive(Debug, Default)]
pub(crate) struct StatsCache(Mutex<HashMap<Asked, Arc<Slot>>>);

/// Locked during the count, so that concurrent requests share one.
type Slot = tokio::sync::Mutex<Option<Cached>>;

#[derive(Debug)]
struct Cached {
    range: StatsRequest,
    stats: Stats,
    until: Instant,
}

impl StatsCache {
    /// Counts a range, unless the same was counted a short time ago. The result includes the range
    /// that was counted: one that ends now moves on with each count.
    pub(crate) async fn stats(
        &self,
        asked: Asked,
        range: StatsRequest,
        count: impl AsyncFnOnce(&StatsRequest) -> Result<Stats>,
    ) -> Result<(StatsRequest, Stats)> {
        let slot = self.slot(asked);
        let mut cached = slot.lock().await;
        if let Some(cached) = cached.as_ref().filter(|cached| cached.until > Instant::now()) {
            return Ok((cached.range.clone(), cached.stats));
        }
        let start = Instant::now();
        let stats = count(&range).await?;
        let took = start.elapsed();
        *cached = (took > CACHE_IF_SLOWER_THAN).then(|| Cached {
            range: range.clone(),
            stats,
            until: start + took * CACHE_FACTOR,
        });
        Ok((range, stats))
    }

    fn slot(&self, asked: Asked) -> Arc<Slot> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Removes what is over. A slot that is being counted is locked, or held by a request.
        slots.retain(|_, slot| {
            let is_fresh = |cached: &Option<Cached>| {
                cached.as_ref().is_some_and(|cached| cached.until > Instant::now())
            };
            Arc::strong_count(slot) > 1 || slot.try_lock().is_ok_and(|cached| is_fresh(&cached))
        });
        Arc::clone(slots.entry(asked).or_default())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep};

    use super::*;

    /// The result of the nth count, which takes this long.
    async fn ask(cache: &StatsCache, nth: u64, takes: Duration) -> u64 {
        let count = async |_: &StatsRequest| {
            sleep(takes).await;
            Ok(Stats { counts: [nth; 9] })
        };
        let range = StatsRequest::default();
        cache.stats((Scope::All, Params(Vec::new())), range, count).await.unwrap().1.counts[0]
    }

    #[tokio::test(start_paused = true)]
    async fn a_count_that_takes_long_is_kept_for_ten_times_as_long() {
        let (cache, second) = (StatsCache::default(), Duration::from_secs(1));
        assert_eq!(ask(&cache, 1, second).await, 1);
        advance(second * 8).await;
        assert_eq!(ask(&cache, 2, second).await, 1);
        advance(second * 2).await;
        assert_eq!(ask(&cache, 3, second).await, 3);
        let (one, other) = tokio::join!(ask(&cache, 4, second), ask(&cache, 5, second));
        assert_eq!((one, other), (3, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_quick_count_is_always_new_and_a_kept_one_is_of_who_asked() {
        let (cache, quick) = (StatsCache::default(), Duration::from_millis(5));
        assert_eq!(ask(&cache, 1, quick).await, 1);
        assert_eq!(ask(&cache, 2, Duration::from_secs(1)).await, 2);
        let count = async |_: &StatsRequest| Ok(Stats { counts: [7; 9] });
        let asked = (Scope::Owner("other".into()), Params(Vec::new()));
        let other = cache.stats(asked, StatsRequest::default(), count).await.unwrap();
        assert_eq!(other.1.counts[0], 7);
        advance(Duration::from_mins(1)).await;
        ask(&cache, 8, quick).await;
        assert_eq!(cache.0.lock().unwrap().len(), 1, "what is over is forgotten");
    }
}
