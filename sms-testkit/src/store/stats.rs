//! Counts by state.

use sms_core::store::{Stats, StatsRequest};
use sms_core::{Archive, MessageId, Status};
use time::OffsetDateTime;

use super::steps::{message, secs};
use crate::harness::StoreHarness;

pub async fn an_empty_store_counts_nothing(h: &StoreHarness) {
    assert_eq!(h.store.stats(&StatsRequest::default()).await.expect("stats"), Stats::default());
}

pub async fn every_state_is_counted(h: &StoreHarness) {
    for (number, status) in Status::ALL.into_iter().enumerate() {
        for _ in 0..=number {
            h.in_status(status).await;
        }
    }
    let stats = h.store.stats(&StatsRequest::default()).await.expect("stats");
    assert_eq!(stats.counts, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

pub async fn the_range_holds_its_start_and_not_its_end(h: &StoreHarness) {
    let mut times = Vec::new();
    for _ in 0..3 {
        let id: MessageId = h.queued(message()).await;
        times.push(h.state(id).await.created_at);
        h.advance(secs(10)).await;
    }
    let count = async |from_time: Option<OffsetDateTime>, to_time: Option<OffsetDateTime>| {
        let range = StatsRequest::new().from_time(from_time).to_time(to_time);
        h.store.stats(&range).await.expect("stats").count(Status::Queued)
    };
    assert_eq!(count(Some(times[1]), None).await, 2);
    assert_eq!(count(None, Some(times[1])).await, 1);
    assert_eq!(count(Some(times[0]), Some(times[2])).await, 2);
    assert_eq!(count(Some(times[2]), Some(times[0])).await, 0);
}
