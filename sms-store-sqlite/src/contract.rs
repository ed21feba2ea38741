//! The contracts: each method of [`Store`], [`Registry`], [`Rollups`], [`Worklists`], [`Erasure`]
//! and [`Transfer`] and the statements that carry it out.

use serde_json::Value;
use sms_core::erasure::{EraseMessages, EraseNumber, ErasedNumber, RemoveTexts, RemovedTexts};
use sms_core::provider::ProviderRef;
use sms_core::registry::{Expect, Record};
use sms_core::rollups::requests::{RollUpProgress, RollUpRequest, SeriesRequest};
use sms_core::rollups::series::Series;
use sms_core::stop_list::{NewStop, Stop, StopsRequest};
use sms_core::store::ReceiptEffect;
use sms_core::store::{
    Archive, AwaitingRequest, BeginRequest, Begun, BulkChange, BulkResult, CancelRequest,
    DueRequest, EventPage, EventsRequest, ExpireRequest, InferRequest, InsertRequest, Inserted,
    ListRequest, LogEnd, LogEndRequest, MessageRequest, PurgeRequest, RescueRequest,
    ResolveRequest, RoutePurgeRequest, Settled, Settlement, Stats, StatsRequest, UnmatchedRequest,
};
use sms_core::transfer::tables::Table;
use sms_core::transfer::{Fence, Progress, Row};
use sms_core::worklists::item::{ItemCounts, WorkItem};
use sms_core::worklists::requests::{AppendItems, DeleteItems, ItemsRequest, RecordResults};
use sms_core::{
    Erasure, Event, Job, MessageCount, MessageId, MessagePage, NewMessage, NumberReader,
    PhoneNumber, Receipt, Registry, Result, Rollups, Status, StopList, Store, StoredMessage,
    Transfer, UnmatchedId, Worklists, async_trait,
};

use crate::sql::{
    claim, erasure, idempotency, inference, insert, list, maintenance, manual, read, receipts,
    registry, rollups, settle, stop_list, transfer, worklists,
};
use crate::store::SqliteStore;

#[async_trait]
impl Archive for SqliteStore {
    fn numbers(&self) -> NumberReader {
        self.numbers
    }

    async fn unmatched(&self, request: &UnmatchedRequest) -> Result<Vec<UnmatchedId>> {
        inference::unmatched(&self.database, request).await
    }

    async fn get(&self, request: &MessageRequest) -> Result<Option<StoredMessage>> {
        read::get(&self.database, request).await
    }

    async fn list(&self, request: &ListRequest) -> Result<MessagePage> {
        list::list(&self.database, request, self.numbers).await
    }

    async fn count(&self, request: &ListRequest) -> Result<MessageCount> {
        list::count(&self.database, request, self.numbers).await
    }

    async fn timeline(&self, request: &MessageRequest) -> Result<Vec<Event>> {
        read::timeline(&self.database, request).await
    }

    async fn events(&self, request: &EventsRequest) -> Result<EventPage> {
        read::events(&self.database, request).await
    }

    async fn log_end(&self, request: &LogEndRequest) -> Result<LogEnd> {
        read::log_end(&self.database, request).await
    }

    async fn stats(&self, request: &StatsRequest) -> Result<Stats> {
        read::stats(&self.database, request).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn insert(&self, request: InsertRequest<'_>) -> Result<Vec<Inserted>> {
        insert::insert(&self.database, request).await
    }

    async fn replays(&self, messages: &[NewMessage]) -> Result<Vec<Option<Inserted>>> {
        idempotency::replays(&self.database, messages).await
    }

    async fn due(&self, request: DueRequest) -> Result<Vec<Job>> {
        claim::due(&self.database, request).await
    }

    async fn begin(&self, request: BeginRequest<'_>) -> Result<Vec<Begun>> {
        claim::begin(&self.database, request).await
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Settled>> {
        settle::settle(&self.database, settlements).await
    }

    async fn rescue(&self, request: RescueRequest) -> Result<Vec<MessageId>> {
        maintenance::rescue(&self.database, request.limit).await
    }

    async fn expire(&self, request: ExpireRequest) -> Result<Vec<MessageId>> {
        maintenance::expire(&self.database, request.limit).await
    }

    async fn apply_receipts(&self, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>> {
        receipts::apply(&self.database, receipts).await
    }

    async fn awaiting_receipt(&self, request: AwaitingRequest) -> Result<Vec<ProviderRef>> {
        maintenance::awaiting_receipt(&self.database, request).await
    }

    async fn infer(&self, request: InferRequest) -> Result<Vec<MessageId>> {
        inference::infer(&self.database, request.min_age).await
    }

    async fn resolve(&self, request: ResolveRequest) -> Result<Status> {
        manual::resolve(&self.database, request).await
    }

    async fn cancel(&self, request: CancelRequest) -> Result<Status> {
        manual::cancel(&self.database, request).await
    }

    async fn change_all(&self, request: BulkChange) -> Result<Vec<BulkResult>> {
        manual::change_all(&self.database, request).await
    }

    async fn purge(&self, request: PurgeRequest) -> Result<usize> {
        maintenance::purge(&self.database, request.older_than, request.limit).await
    }

    async fn purge_route(&self, request: RoutePurgeRequest) -> Result<usize> {
        maintenance::purge_route(&self.database, request).await
    }
}

#[async_trait]
impl Registry for SqliteStore {
    async fn put(&self, kind: &str, name: &str, value: &Value, expect: Expect) -> Result<u64> {
        registry::put(&self.database, kind, name, value, expect).await
    }

    async fn get(&self, kind: &str, name: &str) -> Result<Option<Record>> {
        registry::get(&self.database, kind, name).await
    }

    async fn list(&self, kind: &str) -> Result<Vec<Record>> {
        registry::list(&self.database, kind).await
    }

    async fn delete(&self, kind: &str, name: &str) -> Result<bool> {
        registry::delete(&self.database, kind, name).await
    }
}

#[async_trait]
impl Rollups for SqliteStore {
    async fn roll_up(&self, request: RollUpRequest) -> Result<RollUpProgress> {
        rollups::roll_up(&self.database, request).await
    }

    async fn series(&self, request: &SeriesRequest) -> Result<Series> {
        rollups::series(&self.database, request).await
    }
}

#[async_trait]
impl StopList for SqliteStore {
    async fn add(&self, stops: &[NewStop]) -> Result<usize> {
        stop_list::add(&self.database, stops).await
    }

    async fn remove(&self, numbers: &[PhoneNumber]) -> Result<usize> {
        stop_list::remove(&self.database, numbers).await
    }

    async fn listed(&self, numbers: &[PhoneNumber]) -> Result<Vec<PhoneNumber>> {
        stop_list::listed(&self.database, numbers).await
    }

    async fn page(&self, request: StopsRequest) -> Result<Vec<Stop>> {
        stop_list::page(&self.database, request).await
    }
}

#[async_trait]
impl Erasure for SqliteStore {
    async fn erase(&self, request: EraseMessages) -> Result<Vec<BulkResult>> {
        erasure::erase(&self.database, request).await
    }

    async fn erase_number(&self, request: EraseNumber) -> Result<ErasedNumber> {
        erasure::erase_number(&self.database, request, self.numbers).await
    }

    async fn remove_texts(&self, request: RemoveTexts) -> Result<RemovedTexts> {
        erasure::remove_texts(&self.database, request).await
    }
}

#[async_trait]
impl Worklists for SqliteStore {
    async fn append(&self, request: AppendItems) -> Result<()> {
        worklists::append(&self.database, request).await
    }

    async fn items(&self, request: &ItemsRequest) -> Result<Vec<WorkItem>> {
        worklists::items(&self.database, request).await
    }

    async fn record(&self, request: RecordResults) -> Result<usize> {
        worklists::record(&self.database, request).await
    }

    async fn counts(&self, list: &str) -> Result<ItemCounts> {
        worklists::counts(&self.database, list).await
    }

    async fn delete(&self, request: DeleteItems) -> Result<usize> {
        worklists::delete(&self.database, request).await
    }
}

#[async_trait]
impl Transfer for SqliteStore {
    async fn read(
        &self,
        table: &'static Table,
        after: Option<&Row>,
        limit: usize,
    ) -> Result<Vec<Row>> {
        transfer::read_rows(&self.database, table, after, limit).await
    }

    async fn write(&self, table: &'static Table, rows: Vec<Row>, progress: Progress) -> Result<()> {
        transfer::write_rows(&self.database, table, rows, progress).await
    }

    async fn count_rows(&self, table: &'static Table) -> Result<u64> {
        transfer::count_rows(&self.database, table).await
    }

    async fn fence(&self, fence: Fence) -> Result<()> {
        transfer::fence(&self.database, fence).await
    }
}
