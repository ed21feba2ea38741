//! The hub over a store that counts its reads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sms_core::store::{
    CancelRequest, EventPage, InsertRequest, ListRequest, LogEnd, LogEndRequest, MessageRequest,
    Stats, StatsRequest, Store as _, UnmatchedRequest,
};
use sms_core::{
    MemoryStore, Message, MessageCount, MessageId, MessagePage, NumberReader, Result,
    StoredMessage, UnmatchedId, async_trait,
};
use tokio::time::sleep;

use super::*;

/// An archive that counts the reads of its log.
#[derive(Debug, Default)]
struct Counting {
    store: MemoryStore,
    reads: AtomicUsize,
}

#[async_trait]
impl Archive for Counting {
    fn numbers(&self) -> NumberReader {
        self.store.numbers()
    }

    async fn get(&self, request: &MessageRequest) -> Result<Option<StoredMessage>> {
        self.store.get(request).await
    }

    async fn list(&self, request: &ListRequest) -> Result<MessagePage> {
        self.store.list(request).await
    }

    async fn count(&self, request: &ListRequest) -> Result<MessageCount> {
        self.store.count(request).await
    }

    async fn timeline(&self, request: &MessageRequest) -> Result<Vec<Event>> {
        self.store.timeline(request).await
    }

    async fn events(&self, request: &EventsRequest) -> Result<EventPage> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.store.events(request).await
    }

    async fn log_end(&self, request: &LogEndRequest) -> Result<LogEnd> {
        self.store.log_end(request).await
    }

    async fn stats(&self, request: &StatsRequest) -> Result<Stats> {
        self.store.stats(request).await
    }

    async fn unmatched(&self, request: &UnmatchedRequest) -> Result<Vec<UnmatchedId>> {
        self.store.unmatched(request).await
    }
}

impl Counting {
    /// Records an event of this owner.
    async fn record(&self, owner: &str) -> MessageId {
        let message = Message::new("+79251234567", "hi").owner(owner.to_owned());
        let messages = [message.prepare().expect("valid")];
        self.store.insert(InsertRequest::new(&messages)).await.expect("inserted");
        self.store.cancel(CancelRequest::new(messages[0].id, "olga")).await.expect("cancelled");
        messages[0].id
    }
}

/// Reads in a second, long after the last event.
async fn reads_per_second(archive: &Counting) -> usize {
    sleep(Duration::from_secs(30)).await;
    let before = archive.reads.load(Ordering::Relaxed);
    sleep(Duration::from_secs(10)).await;
    (archive.reads.load(Ordering::Relaxed) - before) / 10
}

#[tokio::test(start_paused = true)]
async fn two_hundred_followers_cost_one_read_of_the_log_and_none_costs_none() {
    let archive = Arc::new(Counting::default());
    let hub = Arc::new(EventHub::new(archive.clone()));
    let scopes = ["a", "b", "c", "d"].map(|owner| Scope::Owner(owner.to_owned()));
    let follow = |n: usize| hub.subscribe(&scopes[n % 4], 0);
    let mut followers: Vec<_> = (0..200).map(follow).collect();
    assert_eq!(reads_per_second(&archive).await, 1);

    let (a, b) = (archive.record("a").await, archive.record("b").await);
    for (n, follower) in followers.iter_mut().enumerate().filter(|(n, _)| n % 4 < 2) {
        let batch = follower.next().await.expect("events");
        let ids: Vec<_> = batch.iter().map(|event| event.message_id).collect();
        assert_eq!(ids, [if n % 4 == 0 { a } else { b }], "only those of its owner");
    }
    assert_eq!(reads_per_second(&archive).await, 1);
    assert!(followers.iter().all(|follower| follower.position() == Some(2)));

    drop(followers);
    assert_eq!(reads_per_second(&archive).await, 0);
    let mut all = hub.subscribe(&Scope::All, 1);
    assert_eq!(all.next().await.expect("events")[0].message_id, b, "it begins again where asked");
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_for_a_follower_that_reads_nothing_is_bounded() {
    let archive = Arc::new(Counting::default());
    let hub = Arc::new(EventHub::new(archive.clone()));
    let mut slow = hub.subscribe(&Scope::All, 0);
    let mut quick = hub.subscribe(&Scope::All, 0);
    for _ in 0..=MAX_BEHIND {
        let id = archive.record("a").await;
        assert_eq!(quick.next().await.expect("events")[0].message_id, id);
    }
    assert!(slow.next().await.is_none());
}
