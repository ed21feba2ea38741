//! A wrapper of a store, registry or queue that logs its outages.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::time::Instant;

use crate::erasure::{
    EraseMessages, EraseNumber, ErasedNumber, Erasure, RemoveTexts, RemovedTexts,
};
use crate::error::Result;
use crate::message::phone::{NumberReader, PhoneNumber};
use crate::message::{MessageId, NewMessage, StoredMessage};
use crate::outage::Outage;
use crate::provider::ProviderRef;
use crate::provider::receipt::Receipt;
use crate::queue::{Job, Lease, Queue, QueueStats};
use crate::registry::{Expect, Record, Registry};
use crate::rollups::Rollups;
use crate::rollups::requests::{RollUpProgress, RollUpRequest, SeriesRequest};
use crate::rollups::series::Series;
use crate::stop_list::{NewStop, Stop, StopList, StopsRequest};
use crate::store::count::MessageCount;
use crate::store::event::Event;
use crate::store::inference::UnmatchedId;
use crate::store::page::MessagePage;
use crate::store::requests::ReceiptEffect;
use crate::store::status::Status;
use crate::store::{
    Archive, AwaitingRequest, BeginRequest, Begun, BulkChange, BulkResult, CancelRequest,
    DueRequest, EventPage, EventsRequest, ExpireRequest, InferRequest, InsertRequest, Inserted,
    ListRequest, LogEnd, LogEndRequest, MessageRequest, PurgeRequest, RescueRequest,
    ResolveRequest, RoutePurgeRequest, Settled, Settlement, Stats, StatsRequest, Store,
    UnmatchedRequest,
};
use crate::worklists::Worklists;
use crate::worklists::item::{ItemCounts, WorkItem};
use crate::worklists::requests::{AppendItems, DeleteItems, ItemsRequest, RecordResults};

/// Time after which a call that the caller gave up counts as a failure of the service.
const NO_ANSWER_AFTER: Duration = Duration::from_secs(3);

/// Passes all calls on and logs outages: one line when an outage begins, one per minute and one
/// when it ends. Callers need not log these failures, see
/// [`is_reported`](crate::Error::is_reported).
///
/// Clones share their log lines, and so do all wrappers of one [`Outage`].
#[derive(Clone, Debug)]
pub struct Watched<T> {
    inner: T,
    outage: Arc<Outage>,
}

impl<T> Watched<T> {
    /// A wrapper of `inner` that logs through `outage`.
    pub const fn new(inner: T, outage: Arc<Outage>) -> Self {
        Self { inner, outage }
    }

    /// Runs a call that may take as long as `wait` even if the service works.
    async fn watch<R>(&self, wait: Duration, call: impl Future<Output = Result<R>>) -> Result<R> {
        let mut pending =
            Pending { outage: &self.outage, since: Instant::now(), wait, is_over: false };
        let result = call.await;
        pending.is_over = true;
        self.outage.note(result)
    }

    async fn call<R>(&self, call: impl Future<Output = Result<R>>) -> Result<R> {
        self.watch(Duration::ZERO, call).await
    }
}

/// A call in progress. Records a failure if it is dropped after a long time without an answer.
struct Pending<'a> {
    outage: &'a Outage,
    since: Instant,
    wait: Duration,
    is_over: bool,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        let waited = self.since.elapsed();
        if !self.is_over && waited >= self.wait + NO_ANSWER_AFTER {
            self.outage.failed(&format!("no answer in {} s", waited.as_secs()));
        }
    }
}

#[async_trait]
impl<T: Archive> Archive for Watched<T> {
    fn numbers(&self) -> NumberReader {
        self.inner.numbers()
    }
    async fn unmatched(&self, request: &UnmatchedRequest) -> Result<Vec<UnmatchedId>> {
        self.call(self.inner.unmatched(request)).await
    }
    async fn get(&self, request: &MessageRequest) -> Result<Option<StoredMessage>> {
        self.call(self.inner.get(request)).await
    }
    async fn list(&self, request: &ListRequest) -> Result<MessagePage> {
        self.call(self.inner.list(request)).await
    }
    async fn count(&self, request: &ListRequest) -> Result<MessageCount> {
        self.call(self.inner.count(request)).await
    }
    async fn timeline(&self, request: &MessageRequest) -> Result<Vec<Event>> {
        self.call(self.inner.timeline(request)).await
    }
    async fn events(&self, request: &EventsRequest) -> Result<EventPage> {
        self.call(self.inner.events(request)).await
    }
    async fn log_end(&self, request: &LogEndRequest) -> Result<LogEnd> {
        self.call(self.inner.log_end(request)).await
    }
    async fn stats(&self, request: &StatsRequest) -> Result<Stats> {
        self.call(self.inner.stats(request)).await
    }
}

#[async_trait]
impl<T: Store> Store for Watched<T> {
    async fn insert(&self, request: InsertRequest<'_>) -> Result<Vec<Inserted>> {
        self.call(self.inner.insert(request)).await
    }
    async fn replays(&self, messages: &[NewMessage]) -> Result<Vec<Option<Inserted>>> {
        self.call(self.inner.replays(messages)).await
    }
    async fn due(&self, request: DueRequest) -> Result<Vec<Job>> {
        self.call(self.inner.due(request)).await
    }
    async fn begin(&self, request: BeginRequest<'_>) -> Result<Vec<Begun>> {
        self.call(self.inner.begin(request)).await
    }
    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Settled>> {
        self.call(self.inner.settle(settlements)).await
    }
    async fn rescue(&self, request: RescueRequest) -> Result<Vec<MessageId>> {
        self.call(self.inner.rescue(request)).await
    }
    async fn expire(&self, request: ExpireRequest) -> Result<Vec<MessageId>> {
        self.call(self.inner.expire(request)).await
    }
    async fn apply_receipts(&self, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>> {
        self.call(self.inner.apply_receipts(receipts)).await
    }
    async fn awaiting_receipt(&self, request: AwaitingRequest) -> Result<Vec<ProviderRef>> {
        self.call(self.inner.awaiting_receipt(request)).await
    }
    async fn infer(&self, request: InferRequest) -> Result<Vec<MessageId>> {
        self.call(self.inner.infer(request)).await
    }
    async fn resolve(&self, request: ResolveRequest) -> Result<Status> {
        self.call(self.inner.resolve(request)).await
    }
    async fn cancel(&self, request: CancelRequest) -> Result<Status> {
        self.call(self.inner.cancel(request)).await
    }
    async fn change_all(&self, request: BulkChange) -> Result<Vec<BulkResult>> {
        self.call(self.inner.change_all(request)).await
    }
    async fn purge(&self, request: PurgeRequest) -> Result<usize> {
        self.call(self.inner.purge(request)).await
    }

    async fn purge_route(&self, request: RoutePurgeRequest) -> Result<usize> {
        self.call(self.inner.purge_route(request)).await
    }
}

#[async_trait]
impl<T: Registry> Registry for Watched<T> {
    async fn put(&self, kind: &str, name: &str, value: &Value, expect: Expect) -> Result<u64> {
        self.call(self.inner.put(kind, name, value, expect)).await
    }
    async fn get(&self, kind: &str, name: &str) -> Result<Option<Record>> {
        self.call(self.inner.get(kind, name)).await
    }
    async fn list(&self, kind: &str) -> Result<Vec<Record>> {
        self.call(self.inner.list(kind)).await
    }
    async fn delete(&self, kind: &str, name: &str) -> Result<bool> {
        self.call(self.inner.delete(kind, name)).await
    }
}

#[async_trait]
impl<T: Queue> Queue for Watched<T> {
    async fn push(&self, jobs: &[Job]) -> Result<()> {
        self.call(self.inner.push(jobs)).await
    }
    async fn pull(&self, max: usize, wait: Duration) -> Result<Vec<Lease>> {
        self.watch(wait, self.inner.pull(max, wait)).await
    }
    async fn ack(&self, leases: &[Lease]) -> Result<()> {
        self.call(self.inner.ack(leases)).await
    }
    async fn release(&self, leases: &[Lease]) -> Result<()> {
        self.call(self.inner.release(leases)).await
    }
    async fn stats(&self) -> Result<QueueStats> {
        self.call(self.inner.stats()).await
    }
}

#[async_trait]
impl<T: Rollups> Rollups for Watched<T> {
    async fn roll_up(&self, request: RollUpRequest) -> Result<RollUpProgress> {
        self.call(self.inner.roll_up(request)).await
    }
    async fn series(&self, request: &SeriesRequest) -> Result<Series> {
        self.call(self.inner.series(request)).await
    }
}

#[async_trait]
impl<T: StopList> StopList for Watched<T> {
    async fn add(&self, stops: &[NewStop]) -> Result<usize> {
        self.call(self.inner.add(stops)).await
    }
    async fn remove(&self, numbers: &[PhoneNumber]) -> Result<usize> {
        self.call(self.inner.remove(numbers)).await
    }
    async fn listed(&self, numbers: &[PhoneNumber]) -> Result<Vec<PhoneNumber>> {
        self.call(self.inner.listed(numbers)).await
    }
    async fn page(&self, request: StopsRequest) -> Result<Vec<Stop>> {
        self.call(self.inner.page(request)).await
    }
}

#[async_trait]
impl<T: Erasure> Erasure for Watched<T> {
    async fn erase(&self, request: EraseMessages) -> Result<Vec<BulkResult>> {
        self.call(self.inner.erase(request)).await
    }
    async fn erase_number(&self, request: EraseNumber) -> Result<ErasedNumber> {
        self.call(self.inner.erase_number(request)).await
    }
    async fn remove_texts(&self, request: RemoveTexts) -> Result<RemovedTexts> {
        self.call(self.inner.remove_texts(request)).await
    }
}

#[async_trait]
impl<T: Worklists> Worklists for Watched<T> {
    async fn append(&self, request: AppendItems) -> Result<()> {
        self.call(self.inner.append(request)).await
    }
    async fn items(&self, request: &ItemsRequest) -> Result<Vec<WorkItem>> {
        self.call(self.inner.items(request)).await
    }
    async fn record(&self, request: RecordResults) -> Result<usize> {
        self.call(self.inner.record(request)).await
    }
    async fn counts(&self, list: &str) -> Result<ItemCounts> {
        self.call(self.inner.counts(list)).await
    }
    async fn delete(&self, request: DeleteItems) -> Result<usize> {
        self.call(self.inner.delete(request)).await
    }
}
