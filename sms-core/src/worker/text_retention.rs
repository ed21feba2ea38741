//! Removal of the texts of old messages.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::erasure::{Erasure, RemoveTexts};
use crate::error::Result;
use crate::message::MessageId;
use crate::outage::Outage;
use crate::supervise::catch_panic;

/// Time between two looks for texts that have grown old.
const INTERVAL: Duration = Duration::from_mins(10);
/// Time after which the search begins with the oldest message again: messages may end long after
/// newer ones.
const SWEEP_INTERVAL: Duration = Duration::from_hours(24);
/// Messages of one step: some milliseconds of work.
const BATCH: usize = 200;
/// The shortest and the longest pause after a step. A pause is three times as long as the step
/// took, so that this takes a quarter of the store's time at most, and less the slower it is.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(5));
const PAUSE_FACTOR: u32 = 3;

/// The search for texts of messages that ended long ago. Several workers may do it at a time: each
/// step is a compare-and-set in the store.
#[derive(Debug)]
pub(super) struct TextRetention {
    erasure: Arc<dyn Erasure>,
    after: Duration,
    progress: Mutex<Sweep>,
}

/// The progress of a search through the messages.
#[derive(Clone, Copy, Debug)]
struct Sweep {
    position: Option<MessageId>,
    begun_at: Instant,
}

impl TextRetention {
    pub(super) fn new(erasure: Arc<dyn Erasure>, after: Duration) -> Self {
        let progress = Mutex::new(Sweep { position: None, begun_at: Instant::now() });
        Self { erasure, after, progress }
    }

    /// Works until the shutdown, which drops the step in hand.
    pub(super) async fn run(&self, shutdown: &CancellationToken) {
        let outage = Outage::new("the removal of old texts", "it is repeated");
        let work = async {
            loop {
                let swept = catch_panic(self.sweep()).await;
                outage.note_work(&swept);
                sleep(INTERVAL).await;
            }
        };
        shutdown.run_until_cancelled(work).await;
    }

    /// Removes every text that is old by now, from the position on.
    async fn sweep(&self) -> Result<()> {
        let mut removed = 0;
        loop {
            let started = Instant::now();
            let request = RemoveTexts::new(self.after, BATCH).after(self.position());
            let step = self.erasure.remove_texts(request).await?;
            removed += step.removed;
            self.lock().position = step.position;
            if !step.has_more {
                break;
            }
            sleep((started.elapsed() * PAUSE_FACTOR).clamp(PAUSES.0, PAUSES.1)).await;
        }
        if removed > 0 {
            tracing::info!(messages = removed, "texts removed: their retention time is over");
        }
        Ok(())
    }

    /// The position of the next step.
    fn position(&self) -> Option<MessageId> {
        let mut sweep = self.lock();
        if sweep.begun_at.elapsed() > SWEEP_INTERVAL {
            *sweep = Sweep { position: None, begun_at: Instant::now() };
        }
        sweep.position
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Sweep> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
