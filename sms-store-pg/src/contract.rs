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
use crate::store::PgStore;

#[async_trait]
impl Archive for PgStore {
    fn numbers(&self) -> NumberReader {
        self.numbers
    }

    async fn unmatched(&self, request: &UnmatchedRequest) -> Result<Vec<UnmatchedId>> {
        self.limited(inference::unmatched(&self.database, request)).await
    }

    async fn get(&self, request: &MessageRequest) -> Result<Option<StoredMessage>> {
        self.limited(read::get(&self.database, request)).await
    }

    async fn list(&self, request: &ListRequest) -> Result<MessagePage> {
        self.limited(list::list(&self.database, request, self.numbers)).await
    }

    async fn count(&self, request: &ListRequest) -> Result<MessageCount> {
        self.limited(list::count(&self.database, request, self.numbers)).await
    }

    async fn timeline(&self, request: &MessageRequest) -> Result<Vec<Event>> {
        self.limited(read::timeline(&self.database, request)).await
    }

    async fn events(&self, request: &EventsRequest) -> Result<EventPage> {
        self.limited(read::events(&self.database, request)).await
    }

    async fn log_end(&self, request: &LogEndRequest) -> Result<LogEnd> {
        self.limited(read::log_end(&self.database, request)).await
    }

    async fn stats(&self, request: &StatsRequest) -> Result<Stats> {
        self.limited(read::stats(&self.database, request)).await
    }
}

#[async_trait]
impl Store for PgStore {
    async fn insert(&self, request: InsertRequest<'_>) -> Result<Vec<Inserted>> {
        self.limited(insert::insert(&self.database, &self.inserts, request)).await
    }

    async fn replays(&self, messages: &[NewMessage]) -> Result<Vec<Option<Inserted>>> {
        self.limited(idempotency::replays(&self.database, &self.inserts.key_holders, messages))
            .await
    }

    async fn due(&self, request: DueRequest) -> Result<Vec<Job>> {
        self.limited(claim::due(&self.database, request)).await
    }

    async fn begin(&self, request: BeginRequest<'_>) -> Result<Vec<Begun>> {
        self.limited(claim::begin(&self.database, request)).await
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Settled>> {
        self.limited(settle::settle(&self.database, settlements)).await
    }

    async fn rescue(&self, request: RescueRequest) -> Result<Vec<MessageId>> {
        self.limited(maintenance::rescue(&self.database, request.limit)).await
    }

    async fn expire(&self, request: ExpireRequest) -> Result<Vec<MessageId>> {
        self.limited(maintenance::expire(&self.database, request.limit)).await
    }

    async fn apply_receipts(&self, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>> {
        self.limited(receipts::apply(&self.database, receipts)).await
    }

    async fn awaiting_receipt(&self, request: AwaitingRequest) -> Result<Vec<ProviderRef>> {
        self.limited(maintenance::awaiting_receipt(&self.database, &request)).await
    }

    async fn infer(&self, request: InferRequest) -> Result<Vec<MessageId>> {
        self.limited(inference::infer(&self.database, request.min_age)).await
    }

    async fn resolve(&self, request: ResolveRequest) -> Result<Status> {
        self.limited(manual::resolve(&self.database, request)).await
    }

    async fn cancel(&self, request: CancelRequest) -> Result<Status> {
        self.limited(manual::cancel(&self.database, request)).await
    }

    async fn change_all(&self, request: BulkChange) -> Result<Vec<BulkResult>> {
        self.limited(manual::change_all(&self.database, request)).await
    }

    async fn purge(&self, request: PurgeRequest) -> Result<usize> {
        self.limited(maintenance::purge(&self.database, request.older_than, request.limit)).await
    }

    async fn purge_route(&self, request: RoutePurgeRequest) -> Result<usize> {
        self.limited(maintenance::purge_route(&self.database, &request)).await
    }
}

#[async_trait]
impl Registry for PgStore {
    async fn put(&self, kind: &str, name: &str, value: &Value, expect: Expect) -> Result<u64> {
        self.limited(registry::put(&self.database, kind, name, value, expect)).await
    }

    async fn get(&self, kind: &str, name: &str) -> Result<Option<Record>> {
        self.limited(registry::get(&self.database, kind, name)).await
    }

    async fn list(&self, kind: &str) -> Result<Vec<Record>> {
        self.limited(registry::list(&self.database, kind)).await
    }

    async fn delete(&self, kind: &str, name: &str) -> Result<bool> {
        self.limited(registry::delete(&self.database, kind, name)).await
    }
}

#[async_trait]
impl Rollups for PgStore {
    async fn roll_up(&self, request: RollUpRequest) -> Result<RollUpProgress> {
        self.limited(rollups::roll_up(&self.database, request)).await
    }

    async fn series(&self, request: &SeriesRequest) -> Result<Series> {
        self.limited(rollups::series(&self.database, request)).await
    }
}

#[async_trait]
impl StopList for PgStore {
    async fn add(&self, stops: &[NewStop]) -> Result<usize> {
        self.limited(stop_list::add(&self.database, stops)).await
    }

    async fn remove(&self, numbers: &[PhoneNumber]) -> Result<usize> {
        self.limited(stop_list::remove(&self.database, numbers)).await
    }

    async fn listed(&self, numbers: &[PhoneNumber]) -> Result<Vec<PhoneNumber>> {
        self.limited(stop_list::listed(&self.database, numbers)).await
    }

    async fn page(&self, request: StopsRequest) -> Result<Vec<Stop>> {
        self.limited(stop_list::page(&self.database, request)).await
    }
}

#[async_trait]
impl Erasure for PgStore {
    async fn erase(&self, request: EraseMessages) -> Result<Vec<BulkResult>> {
        self.limited(erasure::erase(&self.database, request)).await
    }

    async fn erase_number(&self, request: EraseNumber) -> Result<ErasedNumber> {
        self.limited(erasure::erase_number(&self.database, request, self.numbers)).await
    }

    async fn remove_texts(&self, request: RemoveTexts) -> Result<RemovedTexts> {
        self.limited(erasure::remove_texts(&self.database, request)).await
    }
}

#[async_trait]
impl Worklists for PgStore {
    async fn append(&self, request: AppendItems) -> Result<()> {
        self.limited(worklists::append(&self.database, request)).await
    }

    async fn items(&self, request: &ItemsRequest) -> Result<Vec<WorkItem>> {
        self.limited(worklists::items(&self.database, request)).await
    }

    async fn record(&self, request: RecordResults) -> Result<usize> {
        self.limited(worklists::record(&self.database, request)).await
    }

    async fn counts(&self, list: &str) -> Result<ItemCounts> {
        self.limited(worklists::counts(&self.database, list)).await
    }

    async fn delete(&self, request: DeleteItems) -> Result<usize> {
        self.limited(worklists::delete(&self.database, request)).await
    }
}

#[async_trait]
impl Transfer for PgStore {
    async fn read(
        &self,
        table: &'static Table,
        after: Option<&Row>,
        limit: usize,
    ) -> Result<Vec<Row>> {
        self.limited(transfer::read_rows(&self.database, table, after, limit)).await
    }

    async fn write(&self, table: &'static Table, rows: Vec<Row>, progress: Progress) -> Result<()> {
        self.limited(transfer::write_rows(&self.database, table, rows, progress)).await
    }

    async fn count_rows(&self, table: &'static Table) -> Result<u64> {
        self.limited(transfer::count_rows(&self.database, table)).await
    }

    async fn fence(&self, fence: Fence) -> Result<()> {
        self.limited(transfer::fence(&self.database, fence)).await
    }
}
