//! A store. It delegates to the memory store, and builds every request and result itself.

use sms_core::provider::ProviderRef;
use sms_core::store::ReceiptEffect;
use sms_core::store::event::Event;
use sms_core::store::{
    AwaitingRequest, BeginRequest, Begun, BulkChange, BulkResult, CancelRequest, DueRequest,
    EventPage, EventsRequest, ExpireRequest, InferRequest, InsertRequest, Inserted, ListRequest,
    LogEnd, LogEndRequest, MessageRequest, PurgeRequest, RescueRequest, ResolveRequest,
    RoutePurgeRequest, Settled, Settlement, Stats, StatsRequest, UnmatchedRequest,
};
use sms_core::{
    Archive, Job, MemoryStore, MessageCount, MessageId, MessagePage, NewMessage, NumberReader,
    Receipt, Result, Status, Store, StoredMessage, UnmatchedId, async_trait,
};

use crate::copy;

/// A store in memory.
#[derive(Debug)]
pub struct OutsideStore(MemoryStore);

impl OutsideStore {
    /// A store on top of a memory store.
    pub fn new(memory: MemoryStore) -> Self {
        Self(memory)
    }
}

/// Copies each item of an answer.
fn each<T>(items: Vec<T>, copy: fn(T) -> T) -> Vec<T> {
    items.into_iter().map(copy).collect()
}

#[async_trait]
impl Archive for OutsideStore {
    fn numbers(&self) -> NumberReader {
        self.0.numbers()
    }

    async fn unmatched(&self, request: &UnmatchedRequest) -> Result<Vec<UnmatchedId>> {
        let found = self.0.unmatched(&copy::unmatched_request(request)).await?;
        Ok(found.iter().map(copy::unmatched_id).collect())
    }

    async fn get(&self, request: &MessageRequest) -> Result<Option<StoredMessage>> {
        Ok(self.0.get(&copy::message_request(request)).await?.map(copy::stored_message))
    }

    async fn list(&self, request: &ListRequest) -> Result<MessagePage> {
        Ok(copy::message_page(self.0.list(&copy::list_request(request)).await?))
    }

    async fn count(&self, request: &ListRequest) -> Result<MessageCount> {
        Ok(copy::message_count(self.0.count(&copy::list_request(request)).await?))
    }

    async fn timeline(&self, request: &MessageRequest) -> Result<Vec<Event>> {
        Ok(each(self.0.timeline(&copy::message_request(request)).await?, copy::event))
    }

    async fn events(&self, request: &EventsRequest) -> Result<EventPage> {
        let page = self.0.events(&copy::events_request(request)).await?;
        Ok(EventPage::new(each(page.events, copy::event), page.read_to))
    }

    async fn log_end(&self, _: &LogEndRequest) -> Result<LogEnd> {
        Ok(LogEnd::new(self.0.log_end(&LogEndRequest::new()).await?.position))
    }

    async fn stats(&self, request: &StatsRequest) -> Result<Stats> {
        Ok(copy::stats(&self.0.stats(&copy::stats_request(request)).await?))
    }
}

#[async_trait]
impl Store for OutsideStore {
    async fn replays(&self, messages: &[NewMessage]) -> Result<Vec<Option<Inserted>>> {
        self.0.replays(messages).await
    }

    async fn insert(&self, request: InsertRequest<'_>) -> Result<Vec<Inserted>> {
        self.0.insert(copy::insert_request(request)).await
    }

    async fn due(&self, request: DueRequest) -> Result<Vec<Job>> {
        let jobs = self.0.due(copy::due_request(request)).await?;
        Ok(jobs.iter().map(copy::job).collect())
    }

    async fn begin(&self, request: BeginRequest<'_>) -> Result<Vec<Begun>> {
        Ok(each(self.0.begin(copy::begin_request(request)).await?, copy::begun))
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Settled>> {
        let settlements: Vec<_> = settlements.iter().map(copy::settlement).collect();
        self.0.settle(&settlements).await
    }

    async fn rescue(&self, request: RescueRequest) -> Result<Vec<MessageId>> {
        self.0.rescue(RescueRequest::new(request.limit)).await
    }

    async fn expire(&self, request: ExpireRequest) -> Result<Vec<MessageId>> {
        self.0.expire(ExpireRequest::new(request.limit)).await
    }

    async fn apply_receipts(&self, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>> {
        let receipts: Vec<_> = receipts.iter().map(copy::receipt).collect();
        self.0.apply_receipts(&receipts).await
    }

    async fn awaiting_receipt(&self, request: AwaitingRequest) -> Result<Vec<ProviderRef>> {
        let refs = self.0.awaiting_receipt(copy::awaiting_request(&request)).await?;
        Ok(each(refs, copy::provider_ref))
    }

    async fn infer(&self, request: InferRequest) -> Result<Vec<MessageId>> {
        self.0.infer(InferRequest::new(request.min_age)).await
    }

    async fn resolve(&self, request: ResolveRequest) -> Result<Status> {
        self.0.resolve(copy::resolve_request(request)).await
    }

    async fn cancel(&self, request: CancelRequest) -> Result<Status> {
        self.0.cancel(copy::cancel_request(request)).await
    }

    async fn change_all(&self, request: BulkChange) -> Result<Vec<BulkResult>> {
        self.0.change_all(copy::bulk_change(request)).await
    }

    async fn purge(&self, request: PurgeRequest) -> Result<usize> {
        self.0.purge(PurgeRequest::new(request.older_than, request.limit)).await
    }

    async fn purge_route(&self, request: RoutePurgeRequest) -> Result<usize> {
        let RoutePurgeRequest { route, older_than, keep_newest, limit, .. } = request;
        let request = RoutePurgeRequest::new(route, older_than, limit).keep_newest(keep_newest);
        self.0.purge_route(request).await
    }
}
