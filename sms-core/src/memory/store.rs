//! A store in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::search::search;
use super::tables::Tables;
use crate::clock::{Clock, StoreClock, SystemClock};
use crate::error::Result;
use crate::message::phone::{NumberReader, Region};
use crate::message::{MessageId, NewMessage, StoredMessage};
use crate::provider::receipt::Receipt;
use crate::provider::{Polling, ProviderRef};
use crate::queue::Job;
use crate::store::ReceiptEffect;
use crate::store::event::Event;
use crate::store::inference::UnmatchedId;
use crate::store::page::MessagePage;
use crate::store::status::Status;
use crate::store::{
    BeginRequest, Begun, CancelRequest, DueRequest, InsertRequest, Inserted, ListRequest,
    ResolveRequest, Scope, Settled, Settlement, Stats, StatsRange, Store, UnmatchedRequest,
};

/// A [`Store`] in memory: not durable, for tests and as the model the other stores are compared
/// with.
#[derive(Debug)]
pub struct MemoryStore {
    clock: StoreClock,
    numbers: NumberReader,
    tables: Mutex<Tables>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }
}

impl MemoryStore {
    /// An empty store on the system's clock.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store on this clock.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock: StoreClock::new(clock),
            numbers: NumberReader::default(),
            tables: Mutex::default(),
        }
    }

    /// Sets the region of the national formats in which numbers are read. Defaults to Russia.
    pub fn region(mut self, region: Region) -> Self {
        self.numbers = NumberReader::new(region);
        self
    }

    /// The tables, and the time.
    fn lock(&self) -> (MutexGuard<'_, Tables>, i64) {
        (self.tables.lock().unwrap_or_else(PoisonError::into_inner), self.clock.read().now)
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn numbers(&self) -> NumberReader {
        self.numbers
    }

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
        Ok(tables.due(now, request))
    }

    async fn begin(&self, request: BeginRequest<'_>) -> Result<Vec<Begun>> {
        let (mut tables, _) = self.lock();
        Ok(tables.begin(self.clock.read(), &request))
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Settled>> {
        let (mut tables, now) = self.lock();
        Ok(settlements.iter().map(|settlement| tables.settle(now, settlement)).collect())
    }

    async fn rescue(&self, limit: usize) -> Result<Vec<MessageId>> {
        let (mut tables, now) = self.lock();
        Ok(tables.rescue(now, limit))
    }

    async fn expire(&self, limit: usize) -> Result<Vec<MessageId>> {
        let (mut tables, now) = self.lock();
        Ok(tables.expire(now, limit))
    }

    async fn apply_receipts(&self, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>> {
        let (mut tables, now) = self.lock();
        Ok(receipts.iter().map(|receipt| tables.receive(now, receipt)).collect())
    }

    async fn awaiting_receipt(&self, polling: &Polling, limit: usize) -> Result<Vec<ProviderRef>> {
        let (mut tables, now) = self.lock();
        Ok(tables.awaiting_receipt(now, polling, limit))
    }

    async fn infer(&self, quiet: Duration) -> Result<Vec<MessageId>> {
        let (mut tables, now) = self.lock();
        Ok(if self.clock.is_comparable() { tables.infer(now, quiet) } else { Vec::new() })
    }

    async fn unmatched(&self, request: &UnmatchedRequest) -> Result<Vec<UnmatchedId>> {
        let (tables, _) = self.lock();
        Ok(request.select(tables.unmatched(i64::MIN)))
    }

    async fn resolve(&self, request: ResolveRequest) -> Result<Status> {
        let (mut tables, now) = self.lock();
        tables.resolve(now, request)
    }

    async fn cancel(&self, request: CancelRequest) -> Result<Status> {
        let (mut tables, now) = self.lock();
        tables.cancel(now, request)
    }

    async fn get(&self, id: MessageId, scope: &Scope) -> Result<Option<StoredMessage>> {
        let (tables, _) = self.lock();
        Ok(tables.get(id, scope))
    }

    async fn list(&self, request: &ListRequest) -> Result<MessagePage> {
        let (tables, _) = self.lock();
        Ok(search(request, self.numbers, tables.newest_before(request.after)))
    }

    async fn timeline(&self, id: MessageId) -> Result<Vec<Event>> {
        let (tables, _) = self.lock();
        Ok(tables.timeline(id))
    }

    async fn events_after(&self, seq: u64, limit: usize) -> Result<Vec<Event>> {
        let (tables, _) = self.lock();
        Ok(tables.events_after(seq, limit))
    }

    async fn stats(&self, range: &StatsRange) -> Result<Stats> {
        let (tables, _) = self.lock();
        Ok(tables.stats(range))
    }

    async fn purge(&self, older_than: Duration, limit: usize) -> Result<usize> {
        let (mut tables, now) = self.lock();
        Ok(tables.purge(now, older_than, limit))
    }
}
