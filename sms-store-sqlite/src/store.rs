//! The store: opening the file, and whose turn it is to write.

use std::sync::Arc;
use std::time::Duration;

use sms_core::provider::{Polling, ProviderRef};
use sms_core::receipt::ReceiptEffect;
use sms_core::store::{
    BeginRequest, Begun, CancelRequest, DueRequest, InsertRequest, Inserted, ListRequest, ResolveRequest,
    Settled, Settlement, Stats, StatsRange, UnmatchedRequest,
};
use sms_core::{
    Clock, Error, ErrorKind, Event, Job, Message, MessageId, Receipt, Result, Scope, Status, Store,
    StoredMessage, SystemClock, UnmatchedId, async_trait,
};
use sqlx::sqlite::SqlitePool;
use sqlx::{Sqlite, SqliteConnection};
use tokio::time::timeout;

use crate::config::SqliteConfig;
use crate::error::{from_sqlx, timed_out};
use crate::writer::{Work, Writer};
use crate::{
    claim, connect, inference, insert, list, migrations, person, purge, read, receipts, settle, sweep,
};

/// A [`Store`](sms_core::Store) and [`Registry`](sms_core::Registry) in one SQLite file.
///
/// Cheap to clone; clones share their connections. Several stores, also of several processes, may be open on one file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: SqlitePool,
    clock: Arc<dyn Clock>,
    timeout: Duration,
}

impl SqliteStore {
    /// Opens the file, makes it and its folder where there is none, and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// `Config` when the folder cannot be made, or the file was made by a newer version; `Unavailable` when SQLite cannot
    /// open or write the file now; `Internal` when it is not a database.
    pub async fn open(config: SqliteConfig) -> Result<Self> {
        config.check()?;
        connect::make_folder(config.path()).await?;
        let store = Self {
            writer: Writer::new(connect::writer_pool(&config)),
            readers: connect::reader_pool(&config),
            clock: Arc::new(SystemClock),
            timeout: config.timeout,
        };
        let mut writer = store.transaction().await?;
        connect::check_version(&mut writer).await?;
        migrations::run(&mut writer).await?;
        writer.commit().await.map_err(from_sqlx)?;
        Ok(store)
    }

    /// The same store on another clock. For tests.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Begins a transaction on the connection that writes, so that an application can change tables of its own in the
    /// same file together with [`insert_in`](Self::insert_in).
    ///
    /// Every other write through this store waits until it ends: keep it short, and do not call the store's other
    /// methods meanwhile from the same task, for they would wait for themselves. Dropping it rolls it back.
    ///
    /// # Errors
    ///
    /// `Unavailable` when somebody else keeps writing for too long.
    pub async fn transaction(&self) -> Result<sqlx::Transaction<'static, Sqlite>> {
        timeout(self.timeout, self.writer.begin()).await.map_err(timed_out)?
    }

    /// Accepts a message in the caller's own transaction: it is stored if and when that commits. The caretaker of a worker
    /// then finds it, within its interval.
    ///
    /// Answers with its id: a new one, or that of the first message with its idempotency key.
    ///
    /// # Errors
    ///
    /// `Invalid` with the wrong fields; `KeyReused`; `Unavailable`. After any of them the transaction is still the
    /// caller's, to go on with or to roll back.
    pub async fn insert_in(&self, conn: &mut SqliteConnection, message: &Message) -> Result<MessageId> {
        let work = insert::insert_in(conn, self.now(), message);
        timeout(self.timeout, work).await.map_err(timed_out)?
    }

    /// Closes every connection, after the calls that are under way. Without it the file is closed when the last clone is
    /// gone.
    pub async fn close(&self) {
        self.readers.close().await;
        // Last, so that closing it checkpoints and removes the write-ahead log.
        self.writer.close().await;
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Runs statements as one transaction, in a task of its own: a caller that goes away cancels nothing half-way. One
    /// that does not end in time may still happen, which is what `Unavailable` says.
    pub(crate) async fn write<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut SqliteConnection, i64) -> Work<'c, T> + Send + 'static,
    {
        let (writer, clock) = (self.writer.clone(), Arc::clone(&self.clock));
        let written = tokio::spawn(async move { writer.run(|conn| work(conn, clock.now_ms())).await });
        let stopped = |error| {
            Error::new(ErrorKind::Internal, "a write to the SQLite store was stopped").with_source(error)
        };
        timeout(self.timeout, written).await.map_err(timed_out)?.map_err(stopped)?
    }

    /// Runs statements in one transaction with others that wait; `None` when they are to be repeated by
    /// [`write`](Self::write). See [`Writer::share`].
    pub(crate) async fn write_shared<T, W>(&self, single: bool, work: W) -> Result<Option<T>>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut SqliteConnection, i64) -> Work<'c, Option<T>> + Send + 'static,
    {
        let clock = Arc::clone(&self.clock);
        let written = self.writer.clone().share(single, move |conn| work(conn, clock.now_ms()));
        timeout(self.timeout, written).await.map_err(timed_out)
    }

    /// Runs statements that read.
    pub(crate) async fn read<T, W>(&self, work: W) -> Result<T>
    where
        W: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T>,
    {
        let read = async {
            let mut conn = self.readers.acquire().await.map_err(from_sqlx)?;
            work(&mut conn).await
        };
        timeout(self.timeout, read).await.map_err(timed_out)?
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn insert(&self, request: InsertRequest<'_>) -> Result<Vec<Inserted>> {
        insert::insert(self, request).await
    }

    async fn due(&self, request: DueRequest) -> Result<Vec<Job>> {
        claim::due(self, request).await
    }

    async fn begin(&self, request: BeginRequest<'_>) -> Result<Vec<Begun>> {
        claim::begin(self, request).await
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Settled>> {
        settle::settle(self, settlements).await
    }

    async fn rescue(&self, limit: usize) -> Result<Vec<MessageId>> {
        sweep::rescue(self, limit).await
    }

    async fn expire(&self, limit: usize) -> Result<Vec<MessageId>> {
        sweep::expire(self, limit).await
    }

    async fn apply_receipts(&self, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>> {
        receipts::apply(self, receipts).await
    }

    async fn awaiting_receipt(&self, polling: &Polling, limit: usize) -> Result<Vec<ProviderRef>> {
        sweep::awaiting_receipt(self, *polling, limit).await
    }

    async fn infer(&self, quiet: Duration) -> Result<Vec<MessageId>> {
        inference::infer(self, quiet).await
    }

    async fn unmatched(&self, request: &UnmatchedRequest) -> Result<Vec<UnmatchedId>> {
        inference::unmatched(self, request).await
    }

    async fn resolve(&self, request: ResolveRequest) -> Result<Status> {
        person::resolve(self, request).await
    }

    async fn cancel(&self, request: CancelRequest) -> Result<Status> {
        person::cancel(self, request).await
    }

    async fn get(&self, id: MessageId, scope: &Scope) -> Result<Option<StoredMessage>> {
        read::get(self, id, scope).await
    }

    async fn list(&self, request: &ListRequest) -> Result<Vec<StoredMessage>> {
        list::list(self, request).await
    }

    async fn timeline(&self, id: MessageId) -> Result<Vec<Event>> {
        read::timeline(self, id).await
    }

    async fn events_after(&self, seq: u64, limit: usize) -> Result<Vec<Event>> {
        read::events_after(self, seq, limit).await
    }

    async fn stats(&self, range: &StatsRange) -> Result<Stats> {
        read::stats(self, range).await
    }

    async fn purge(&self, older_than: Duration, limit: usize) -> Result<usize> {
        purge::purge(self, older_than, limit).await
    }
}
