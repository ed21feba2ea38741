//! The random scenarios of `model` notice a faulty store.

use std::sync::Arc;
use std::time::Duration;

use sms_core::provider::ProviderRef;
use sms_core::store::ReceiptEffect;
use sms_core::store::event::Event;
use sms_core::store::{
    Archive, AwaitingRequest, BeginRequest, Begun, BulkChange, BulkResult, CancelRequest,
    DueRequest, EventPage, EventsRequest, ExpireRequest, InferRequest, InsertRequest, Inserted,
    ListRequest, LogEnd, LogEndRequest, MessageRequest, PurgeRequest, RescueRequest,
    ResolveRequest, RoutePurgeRequest, Settled, Settlement, Stats, StatsRequest, UnmatchedRequest,
};
use sms_core::{
    Job, MemoryStore, MessageCount, MessageId, MessagePage, NewMessage, NumberReader, Receipt,
    Result, Status, Store, StoredMessage, UnmatchedId, async_trait,
};
use sms_testkit::StoreHarness;

/// The fault of a [`Faulty`] store.
#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    /// Claims a due message again at once.
    PushAtNotAdvanced,
    /// Treats every settlement as the owner's.
    NoFence,
    /// Loses receipts that arrive before their provider id is known.
    NothingParked,
    /// Makes leases half as long.
    ShortLease,
    /// Accepts a message with a key that is in use.
    NoKeys,
    /// Purges messages too early.
    EagerPurge,
    /// Infers outcomes before late answers had time to arrive.
    RashInference,
}

#[derive(Debug)]
struct Faulty(Arc<MemoryStore>, Fault);

impl Faulty {
    async fn with_current_fence(&self, settlement: &Settlement) -> Result<Settlement> {
        let stored = self.0.get(&MessageRequest::new(settlement.id)).await?;
        let fence = stored.map_or(settlement.fence, |stored| stored.state.fence);
        let mut settlement = settlement.clone();
        settlement.fence = fence;
        Ok(settlement)
    }
}

#[async_trait]
impl Archive for Faulty {
    fn numbers(&self) -> NumberReader {
        self.0.numbers()
    }

    async fn unmatched(&self, request: &UnmatchedRequest) -> Result<Vec<UnmatchedId>> {
        self.0.unmatched(request).await
    }

    async fn get(&self, request: &MessageRequest) -> Result<Option<StoredMessage>> {
        self.0.get(request).await
    }

    async fn list(&self, request: &ListRequest) -> Result<MessagePage> {
        self.0.list(request).await
    }

    async fn count(&self, request: &ListRequest) -> Result<MessageCount> {
        self.0.count(request).await
    }

    async fn timeline(&self, request: &MessageRequest) -> Result<Vec<Event>> {
        self.0.timeline(request).await
    }

    async fn events(&self, request: &EventsRequest) -> Result<EventPage> {
        self.0.events(request).await
    }

    async fn log_end(&self, request: &LogEndRequest) -> Result<LogEnd> {
        self.0.log_end(request).await
    }

    async fn stats(&self, request: &StatsRequest) -> Result<Stats> {
        self.0.stats(request).await
    }
}

#[async_trait]
impl Store for Faulty {
    async fn replays(&self, messages: &[NewMessage]) -> Result<Vec<Option<Inserted>>> {
        self.0.replays(messages).await
    }

    async fn insert(&self, request: InsertRequest<'_>) -> Result<Vec<Inserted>> {
        let mut messages = request.messages.to_vec();
        if matches!(self.1, Fault::NoKeys) {
            for message in &mut messages {
                message.key = None;
            }
        }
        self.0.insert(InsertRequest::new(&messages).push_after(request.push_after)).await
    }

    async fn due(&self, mut request: DueRequest) -> Result<Vec<Job>> {
        if matches!(self.1, Fault::PushAtNotAdvanced) {
            request.again_after = Duration::ZERO;
        }
        self.0.due(request).await
    }

    async fn begin(&self, mut request: BeginRequest<'_>) -> Result<Vec<Begun>> {
        if matches!(self.1, Fault::ShortLease) {
            request.lease /= 2;
        }
        self.0.begin(request).await
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Settled>> {
        let mut settlements = settlements.to_vec();
        if matches!(self.1, Fault::NothingParked) {
            // Removes all parked receipts, but no message.
            self.0.purge(PurgeRequest::new(Duration::ZERO, 0)).await?;
        }
        if matches!(self.1, Fault::NoFence) {
            for settlement in &mut settlements {
                *settlement = self.with_current_fence(settlement).await?;
            }
        }
        self.0.settle(&settlements).await
    }

    async fn rescue(&self, request: RescueRequest) -> Result<Vec<MessageId>> {
        self.0.rescue(request).await
    }

    async fn expire(&self, request: ExpireRequest) -> Result<Vec<MessageId>> {
        self.0.expire(request).await
    }

    async fn apply_receipts(&self, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>> {
        self.0.apply_receipts(receipts).await
    }

    async fn awaiting_receipt(&self, request: AwaitingRequest) -> Result<Vec<ProviderRef>> {
        self.0.awaiting_receipt(request).await
    }

    async fn infer(&self, request: InferRequest) -> Result<Vec<MessageId>> {
        let min_age = request.min_age / if matches!(self.1, Fault::RashInference) { 10 } else { 1 };
        self.0.infer(InferRequest::new(min_age)).await
    }

    async fn resolve(&self, request: ResolveRequest) -> Result<Status> {
        self.0.resolve(request).await
    }

    async fn cancel(&self, request: CancelRequest) -> Result<Status> {
        self.0.cancel(request).await
    }

    async fn change_all(&self, request: BulkChange) -> Result<Vec<BulkResult>> {
        self.0.change_all(request).await
    }

    async fn purge(&self, request: PurgeRequest) -> Result<usize> {
        let eager = matches!(self.1, Fault::EagerPurge);
        let older_than = request.older_than / if eager { 100 } else { 1 };
        self.0.purge(PurgeRequest::new(older_than, request.limit)).await
    }

    async fn purge_route(&self, request: RoutePurgeRequest) -> Result<usize> {
        self.0.purge_route(request).await
    }
}

fn run_with(fault: Fault) {
    sms_testkit::run_without_limit(sms_testkit::model::every_step_matches_the_model(async || {
        let clock = super::memory::clock();
        let store = Arc::new(MemoryStore::new().clock(clock.clone()));
        StoreHarness::new(Faulty(store, fault), clock)
    }));
}

#[test]
fn a_correct_store_passes() {
    run_with(Fault::None);
}

macro_rules! noticed {
    ($($name:ident: $fault:ident)*) => { $(
        #[test]
        #[should_panic(expected = "the store differs from the model")]
        fn $name() {
            run_with(Fault::$fault);
        }
    )* };
}

noticed! {
    a_store_that_offers_a_message_twice_is_noticed: PushAtNotAdvanced
    a_store_without_fences_is_noticed: NoFence
    a_store_that_parks_no_receipts_is_noticed: NothingParked
    a_store_with_short_leases_is_noticed: ShortLease
    a_store_without_keys_is_noticed: NoKeys
    a_store_that_purges_early_is_noticed: EagerPurge
    a_store_that_infers_early_is_noticed: RashInference
}
