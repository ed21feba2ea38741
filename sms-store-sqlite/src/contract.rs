//! The contracts: each method of [`Store`] and [`Registry`] and the statements that carry it out.

use std::time::Duration;

use serde_json::Value;
use sms_core::provider::{Polling, ProviderRef};
use sms_core::registry::{Expect, Record};
use sms_core::store::ReceiptEffect;
use sms_core::store::{
    BeginRequest, Begun, CancelRequest, DueRequest, InsertRequest, Inserted, ListRequest,
    ResolveRequest, Settled, Settlement, Stats, StatsRange, UnmatchedRequest,
};
use sms_core::{
    Event, Job, MessageId, MessagePage, NewMessage, NumberReader, Receipt, Registry, Result, Scope,
    Status, Store, StoredMessage, UnmatchedId, async_trait,
};

use crate::sql::{
    claim, inference, insert, list, maintenance, manual, read, receipts, registry, settle,
};
use crate::store::SqliteStore;

#[async_trait]
impl Store for SqliteStore {
    fn numbers(&self) -> NumberReader {
        self.numbers
    }

    async fn insert(&self, request: InsertRequest<'_>) -> Result<Vec<Inserted>> {
        insert::insert(&self.database, request).await
    }

    async fn replays(&self, messages: &[NewMessage]) -> Result<Vec<Option<Inserted>>> {
        insert::replays(&self.database, messages).await
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

    async fn rescue(&self, limit: usize) -> Result<Vec<MessageId>> {
        maintenance::rescue(&self.database, limit).await
    }

    async fn expire(&self, limit: usize) -> Result<Vec<MessageId>> {
        maintenance::expire(&self.database, limit).await
    }

    async fn apply_receipts(&self, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>> {
        receipts::apply(&self.database, receipts).await
    }

    async fn awaiting_receipt(&self, polling: &Polling, limit: usize) -> Result<Vec<ProviderRef>> {
        maintenance::awaiting_receipt(&self.database, *polling, limit).await
    }

    async fn infer(&self, quiet: Duration) -> Result<Vec<MessageId>> {
        inference::infer(&self.database, quiet).await
    }

    async fn unmatched(&self, request: &UnmatchedRequest) -> Result<Vec<UnmatchedId>> {
        inference::unmatched(&self.database, request).await
    }

    async fn resolve(&self, request: ResolveRequest) -> Result<Status> {
        manual::resolve(&self.database, request).await
    }

    async fn cancel(&self, request: CancelRequest) -> Result<Status> {
        manual::cancel(&self.database, request).await
    }

    async fn get(&self, id: MessageId, scope: &Scope) -> Result<Option<StoredMessage>> {
        read::get(&self.database, id, scope).await
    }

    async fn list(&self, request: &ListRequest) -> Result<MessagePage> {
        list::list(&self.database, request, self.numbers).await
    }

    async fn timeline(&self, id: MessageId) -> Result<Vec<Event>> {
        read::timeline(&self.database, id).await
    }

    async fn events_after(&self, seq: u64, limit: usize) -> Result<Vec<Event>> {
        read::events_after(&self.database, seq, limit).await
    }

    async fn stats(&self, range: &StatsRange) -> Result<Stats> {
        read::stats(&self.database, range).await
    }

    async fn purge(&self, older_than: Duration, limit: usize) -> Result<usize> {
        maintenance::purge(&self.database, older_than, limit).await
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
