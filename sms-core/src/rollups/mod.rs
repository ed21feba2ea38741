//! Rollups: counts of what happened to messages, by the minute and by the hour; the source of
//! charts.
//!
//! They are derived from the event log and from the acceptances that an insert notes, after the
//! fact: no step of a message waits for them. [`changes`](change::changes) decides what is counted,
//! for every store.

pub mod change;
pub mod counter;
pub mod latency;
pub mod requests;
pub mod series;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use self::requests::{RollUpProgress, RollUpRequest, SeriesRequest};
use self::series::Series;
use crate::error::Result;

/// Counts over time, kept by a store next to its messages.
///
/// Optional for a store: without it there are no charts, and everything else works.
///
/// # Contract
///
/// * **A beginning**: counting begins with the first [`roll_up`](Self::roll_up), and includes all
///   that is committed after it. Until then a store notes nothing for it. From then on somebody
///   must roll up, or what an insert notes adds up.
/// * **Once**: a transition is counted once, although any number of callers roll up at a time and
///   each may vanish at any point. The counts and the position up to which the log was read are
///   written in one transaction.
/// * **Gaps**: an event that is committed later at an earlier position is not skipped.
/// * **Purge**: what is counted stays counted when its message is purged. A message that is purged
///   before its events were read is not counted further.
/// * **Retention**: minutes are kept for 72 hours, and hours for 90 days.
/// * **Errors**: every method may answer `Unavailable` (retry) or `Internal` (an operator must
///   look).
#[async_trait]
pub trait Rollups: Debug + Send + Sync + 'static {
    /// Counts a bounded part of what has happened since the last call, and drops counts that are
    /// too old.
    async fn roll_up(&self, request: RollUpRequest) -> Result<RollUpProgress>;

    /// Reads the counts of a range.
    async fn series(&self, request: &SeriesRequest) -> Result<Series>;
}

#[async_trait]
impl<T: Rollups + ?Sized> Rollups for Arc<T> {
    async fn roll_up(&self, request: RollUpRequest) -> Result<RollUpProgress> {
        (**self).roll_up(request).await
    }

    async fn series(&self, request: &SeriesRequest) -> Result<Series> {
        (**self).series(request).await
    }
}
