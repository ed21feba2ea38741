//! Counts for those who look at them again and again.
//!
//! A count reads an entry of an index for each message in its range. One that takes long is kept
//! for ten times as long, so that any number of dashboards takes a tenth of a core of the database;
//! one that takes no time is always new.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sms_core::Result;
use sms_core::store::{Scope, Stats, StatsRange};
use tokio::time::Instant;

/// What takes longer is kept.
const LONG: Duration = Duration::from_millis(20);
/// For how many times as long.
const TIMES: u32 = 10;

/// What was asked for: whose messages, and the parameters as they came.
pub(crate) type Asked = (Scope, Vec<(String, String)>);

/// Counts that are kept.
#[derive(Debug, Default)]
pub(crate) struct Tallies(Mutex<HashMap<Asked, Arc<Slot>>>);

/// Whoever asks while it is being counted waits for the same count.
type Slot = tokio::sync::Mutex<Option<Kept>>;

#[derive(Debug)]
struct Kept {
    range: StatsRange,
    stats: Stats,
    until: Instant,
}

impl Tallies {
    /// The counts of a range, and the range they are of.
    pub(crate) async fn stats(
        &self,
        asked: Asked,
        range: StatsRange,
        count: impl AsyncFnOnce(&StatsRange) -> Result<Stats>,
    ) -> Result<(StatsRange, Stats)> {
        let slot = self.slot(asked);
        let mut kept = slot.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| kept.until > Instant::now()) {
            return Ok((kept.range.clone(), kept.stats));
        }
        let start = Instant::now();
        let stats = count(&range).await?;
        let took = start.elapsed();
        *kept = (took > LONG).then(|| Kept {
            range: range.clone(),
            stats,
            until: start + took * TIMES,
        });
        Ok((range, stats))
    }

    fn slot(&self, asked: Asked) -> Arc<Slot> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that are being counted are locked or held by somebody.
        slots.retain(|_, slot| {
            Arc::strong_count(slot) > 1
                || slot
                    .try_lock()
                    .is_ok_and(|kept| kept.as_ref().is_some_and(|kept| kept.until > Instant::now()))
        });
        Arc::clone(slots.entry(asked).or_default())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep};

    use super::*;

    /// What is counted the nth time, which takes so long.
    async fn ask(tallies: &Tallies, nth: u64, takes: Duration) -> u64 {
        let count = async |_: &StatsRange| {
            sleep(takes).await;
            Ok(Stats { counts: [nth; 9] })
        };
        let range = StatsRange::default();
        tallies.stats((Scope::All, Vec::new()), range, count).await.unwrap().1.counts[0]
    }

    #[tokio::test(start_paused = true)]
    async fn a_count_that_takes_long_is_kept_for_ten_times_as_long() {
        let (tallies, second) = (Tallies::default(), Duration::from_secs(1));
        assert_eq!(ask(&tallies, 1, second).await, 1);
        advance(second * 8).await;
        assert_eq!(ask(&tallies, 2, second).await, 1);
        advance(second * 2).await;
        assert_eq!(ask(&tallies, 3, second).await, 3);
        let (one, other) = tokio::join!(ask(&tallies, 4, second), ask(&tallies, 5, second));
        assert_eq!((one, other), (3, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_quick_count_is_always_new_and_a_kept_one_is_of_who_asked() {
        let (tallies, quick) = (Tallies::default(), Duration::from_millis(5));
        assert_eq!(ask(&tallies, 1, quick).await, 1);
        assert_eq!(ask(&tallies, 2, Duration::from_secs(1)).await, 2);
        let count = async |_: &StatsRange| Ok(Stats { counts: [7; 9] });
        let asked = (Scope::Owner("other".into()), Vec::new());
        let other = tallies.stats(asked, StatsRange::default(), count).await.unwrap();
        assert_eq!(other.1.counts[0], 7);
        advance(Duration::from_mins(1)).await;
        ask(&tallies, 8, quick).await;
        assert_eq!(tallies.0.lock().unwrap().len(), 1, "what is over is forgotten");
    }
}
