//! A store in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::erasure;
use super::search::{count, search};
use super::tables::Tables;
use super::worklists::KeptItems;
use crate::clock::{Clock, StoreClock, SystemClock};
use crate::erasure::{
    EraseMessages, EraseNumber, ErasedNumber, Erasure, RemoveTexts, RemovedTexts,
};
use crate::error::Result;
use crate::message::phone::{NumberReader, PhoneNumber, Region};
use crate::message::{MessageId, NewMessage, StoredMessage};
use crate::provider::ProviderRef;
use crate::provider::receipt::Receipt;
use crate::queue::Job;
use crate::rollups::Rollups;
use crate::rollups::requests::{RollUpProgress, RollUpRequest, SeriesRequest};
use crate::rollups::series::Series;
use crate::stop_list::{NewStop, Stop, StopList, StopsRequest};
use crate::store::ReceiptEffect;
use crate::store::count::MessageCount;
use crate::store::event::Event;
use crate::store::inference::UnmatchedId;
use crate::store::page::MessagePage;
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

/// A [`Store`] in memory: not durable, for tests and as the model the other stores are compared
/// with.
#[derive(Debug)]
pub struct MemoryStore {
    clock: StoreClock,
    numbers: NumberReader,
    tables: Mutex<Tables>,
    items: Mutex<KeptItems>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self {
            clock: StoreClock::new(Arc::new(SystemClock)),
            numbers: NumberReader::default(),
            tables: Mutex::default(),
            items: Mutex::default(),
        }
    }
}

impl MemoryStore {
    /// An empty store on the system's clock.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the clock. Defaults to the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = StoreClock::new(Arc::new(clock));
        self
    }

    /// Sets the region of the national formats in which numbers are read. Defaults to Russia.
    pub fn region(mut self, region: Region) -> Self {
        self.numbers = NumberReader::new(region);
        self
    }

    /// The tables, and the time.
    fn lock(&self) -> (MutexGuard<'_, Tables>, i64) {
        (self.tables.lock().unwrap_or_else(PoisonError::into_inner), self.clock.read().now_ms)
    }

    fn lock_items(&self) -> MutexGuard<'_, KeptItems> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Archive for MemoryStore {
    fn numbers(&self) -> NumberReader {
        self.numbers
    }

    async fn unmatched(&self, request: &UnmatchedRequest) -> Result<Vec<UnmatchedId>> {
        let (tables, _) = self.lock();
        Ok(request.select(tables.unmatched(i64::MIN)))
    }

    async fn get(&self, request: &MessageRequest) -> Result<Option<StoredMessage>> {
        let (tables, _) = self.lock();
        Ok(tables.get(request))
    }

    async fn list(&self, request: &ListRequest) -> Result<MessagePage> {
        let (tables, _) = self.lock();
        Ok(search(request, self.numbers, tables.newest_before(request.after)))
    }

    async fn count(&self, request: &ListRequest) -> Result<MessageCount> {
        let (tables, _) = self.lock();
        Ok(count(request, self.numbers, tables.newest_before(request.after)))
    }

    async fn timeline(&self, request: &MessageRequest) -> Result<Vec<Event>> {
        let (tables, _) = self.lock();
        Ok(tables.timeline(request))
    }

    async fn events(&self, request: &EventsRequest) -> Result<EventPage> {
        let (tables, _) = self.lock();
        Ok(tables.events(request))
    }

    async fn log_end(&self, _: &LogEndRequest) -> Result<LogEnd> {
        let (tables, _) = self.lock();
        Ok(tables.log_end())
    }

    async fn stats(&self, request: &StatsRequest) -> Result<Stats> {
        let (tables, _) = self.lock();
        Ok(tables.stats(request))
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn insert(&self, request: InsertRequest<'_>) -> Result<Vec<Inserted>> {
        let (mut tables, _) = self.lock();
        let time = self.clock.read();
        Ok(request.messages.iter().map(|message| tables.insert(time, message, &request)).collect())
    }

    async fn replays(&self, messages: &[NewMessage]) -> Result<Vec<Option<Inserted>>> {
        let (tables, now) = self.lock();
        Ok(messages.iter().map(|message| tables.replay(now, message)).collect())
    }

    async fn due(&self, request: DueRequest) -> Result<Vec<Job>> {
        let (mut tables, now) = self.lock();
        Ok(tables.due(now, &request))
    }

    async fn begin(&self, request: BeginRequest<'_>) -> Result<Vec<Begun>> {
        let (mut tables, _) = self.lock();
        Ok(tables.begin(self.clock.read(), &request))
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Settled>> {
        let (mut tables, now) = self.lock();
        Ok(settlements.iter().map(|settlement| tables.settle(now, settlement)).collect())
    }

    async fn rescue(&self, request: RescueRequest) -> Result<Vec<MessageId>> {
        let (mut tables, now) = self.lock();
        Ok(tables.rescue(now, request.limit))
    }

    async fn expire(&self, request: ExpireRequest) -> Result<Vec<MessageId>> {
        let (mut tables, now) = self.lock();
        Ok(tables.expire(now, request.limit))
    }

    async fn apply_receipts(&self, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>> {
        let (mut tables, now) = self.lock();
        Ok(receipts.iter().map(|receipt| tables.receive(now, receipt)).collect())
    }

    async fn awaiting_receipt(&self, request: AwaitingRequest) -> Result<Vec<ProviderRef>> {
        let (mut tables, now) = self.lock();
        Ok(tables.awaiting_receipt(now, &request))
    }

    async fn infer(&self, request: InferRequest) -> Result<Vec<MessageId>> {
        let (mut tables, now) = self.lock();
        Ok(if self.clock.is_comparable() { tables.infer(now, request.min_age) } else { Vec::new() })
    }

    async fn resolve(&self, request: ResolveRequest) -> Result<Status> {
        let (mut tables, now) = self.lock();
        tables.resolve(now, request)
    }

    async fn cancel(&self, request: CancelRequest) -> Result<Status> {
        let (mut tables, now) = self.lock();
        tables.cancel(now, request)
    }

    async fn change_all(&self, request: BulkChange) -> Result<Vec<BulkResult>> {
        let (mut tables, now) = self.lock();
        Ok(tables.change_all(now, &request))
    }

    async fn purge(&self, request: PurgeRequest) -> Result<usize> {
        let (mut tables, now) = self.lock();
        Ok(tables.purge(now, request.older_than, request.limit))
    }

    async fn purge_route(&self, request: RoutePurgeRequest) -> Result<usize> {
        let (mut tables, now) = self.lock();
        Ok(tables.purge_route(now, &request))
    }
}

#[async_trait]
impl Rollups for MemoryStore {
    async fn roll_up(&self, request: RollUpRequest) -> Result<RollUpProgress> {
        let (mut tables, now) = self.lock();
        let Some(position) = tables.counts.position() else {
            let end = tables.log_end().position;
            tables.counts.begin(end);
            return Ok(RollUpProgress::new(false));
        };
        let (events, read_to) = tables.logged_after(position, request.limit);
        let is_behind = events.len() == request.limit;
        let changes = tables.counts.add(now, events, read_to);
        Ok(RollUpProgress::new(is_behind).changes(changes))
    }

    async fn series(&self, request: &SeriesRequest) -> Result<Series> {
        let (tables, _) = self.lock();
        Ok(tables.counts.series(request))
    }
}

#[async_trait]
impl StopList for MemoryStore {
    async fn add(&self, stops: &[NewStop]) -> Result<usize> {
        let (mut tables, now) = self.lock();
        Ok(tables.stops.add(now, stops))
    }

    async fn remove(&self, numbers: &[PhoneNumber]) -> Result<usize> {
        let (mut tables, _) = self.lock();
        Ok(tables.stops.remove(numbers))
    }

    async fn listed(&self, numbers: &[PhoneNumber]) -> Result<Vec<PhoneNumber>> {
        let (tables, _) = self.lock();
        Ok(tables.stops.listed(numbers))
    }

    async fn page(&self, request: StopsRequest) -> Result<Vec<Stop>> {
        let (tables, _) = self.lock();
        Ok(tables.stops.page(&request))
    }
}

#[async_trait]
impl Erasure for MemoryStore {
    async fn erase(&self, request: EraseMessages) -> Result<Vec<BulkResult>> {
        let (mut tables, _) = self.lock();
        Ok(erasure::erase(&mut tables, &request))
    }

    async fn erase_number(&self, request: EraseNumber) -> Result<ErasedNumber> {
        let mut erased = erasure::erase_number(&mut self.lock().0, request);
        if !erased.has_more {
            let digits = self.numbers().common_digits(request.number);
            erased.items = self.lock_items().erase(&digits, request.limit);
            erased.has_more = erased.items == request.limit;
        }
        Ok(erased)
    }

    async fn remove_texts(&self, request: RemoveTexts) -> Result<RemovedTexts> {
        let (mut tables, now) = self.lock();
        Ok(erasure::remove_texts(&mut tables, now, request))
    }
}

#[async_trait]
impl Worklists for MemoryStore {
    async fn append(&self, request: AppendItems) -> Result<()> {
        self.lock_items().append(request);
        Ok(())
    }

    async fn items(&self, request: &ItemsRequest) -> Result<Vec<WorkItem>> {
        Ok(self.lock_items().items(request))
    }

    async fn record(&self, request: RecordResults) -> Result<usize> {
        Ok(self.lock_items().record(request))
    }

    async fn counts(&self, list: &str) -> Result<ItemCounts> {
        Ok(self.lock_items().counts(list))
    }

    async fn delete(&self, request: DeleteItems) -> Result<usize> {
        Ok(self.lock_items().delete(&request))
    }
}
