//! The store: opening the file, and whose turn it is to write.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Transaction};
use sms_core::clock::StoreTime;
use sms_core::provider::{Polling, ProviderRef};
use sms_core::store::ReceiptEffect;
use sms_core::store::{
    BeginRequest, Begun, CancelRequest, DueRequest, InsertRequest, Inserted, ListRequest,
    ResolveRequest, Settled, Settlement, Stats, StatsRange, UnmatchedRequest,
};
use sms_core::{
    Clock, Error, Event, Job, Message, MessageId, MessagePage, NewMessage, NumberReader, Receipt,
    Result, SchemaLevel, Scope, Status, Store, StoredMessage, SystemClock, UnmatchedId,
    async_trait,
};
use tokio::time::timeout;

use crate::clock::KeptClock;
use crate::config::SqliteConfig;
use crate::error::{Done, from_sqlite, stopped, timed_out};
use crate::files::Files;
use crate::readers::Readers;
use crate::writer::{Writer, begin};
use crate::{
    claim, connect, inference, insert, list, migrations, opening, person, purge, read, receipts,
    settle, sweep,
};

/// A [`Store`](sms_core::Store) and [`Registry`](sms_core::Registry) in one SQLite file.
///
/// Cheap to clone; clones share their connections. Several stores, also of several processes, may
/// be open on one file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: Arc<Readers>,
    clock: Arc<KeptClock>,
    timeout: Duration,
    numbers: NumberReader,
    schema: SchemaLevel,
}

impl SqliteStore {
    /// Opens the file, makes it and its folder where there is none, and brings its schema up to
    /// date.
    ///
    /// # Errors
    ///
    /// `Config` when the folder cannot be made, or a newer version has migrated the file so that
    /// this one cannot use it; `Unavailable` when SQLite cannot
    /// open or write the file now; `Internal` when it is not a database.
    pub async fn open(config: SqliteConfig) -> Result<Self> {
        Self::open_on(config, Arc::new(SystemClock)).await
    }

    /// [Opens](Self::open) the file on the clocks of another machine. For tests.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    #[doc(hidden)]
    pub async fn open_on(config: SqliteConfig, clock: Arc<dyn Clock>) -> Result<Self> {
        config.check()?;
        let (timeout, numbers) = (config.timeout, config.numbers);
        let open = tokio::task::spawn_blocking(
            move || -> Result<(Writer, Readers, SchemaLevel, KeptClock)> {
                connect::check_version()?;
                opening::prepare(config.path())?;
                let refused = |failure| opening::refused(config.path(), failure);
                let mut conn = connect::first(&config).map_err(refused)?;
                let schema = migrate(&mut conn).map_err(refused)?;
                opening::close_to_others(config.path());
                let clock = KeptClock::load(&conn, clock)?;
                let files = Arc::new(Files::of(config.path())?);
                let readers = Readers::new(config.clone(), Arc::clone(&files));
                Ok((Writer::start(config, conn, files)?, readers, schema, clock))
            },
        );
        let (writer, readers, schema, clock) =
            open.await.map_err(|error| stopped().with_source(error))??;
        Ok(Self {
            writer,
            readers: Arc::new(readers),
            clock: Arc::new(clock),
            timeout,
            numbers,
            schema,
        })
    }

    /// How far the schema had been migrated when the store was opened.
    pub fn schema(&self) -> SchemaLevel {
        self.schema
    }

    /// Finds out whether the file can be opened and is a database, or can be made; changes nothing.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open) about the file and its folder.
    pub async fn check(config: &SqliteConfig) -> Result<()> {
        config.check()?;
        connect::check_version()?;
        let path = config.path().to_owned();
        let check = tokio::task::spawn_blocking(move || opening::check(&path));
        check.await.map_err(|error| stopped().with_source(error))?
    }

    /// The same store on another clock. For tests.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Arc::new(KeptClock::new(clock));
        self
    }

    /// Runs `work` as one transaction on the connection that writes, so that an application can
    /// change tables of its own in the same file together with [`insert_in`](Self::insert_in). It
    /// is committed if `work` answers `Ok`, and rolled back otherwise.
    ///
    /// Every other write through this store waits until it ends: keep it short. A caller that goes
    /// away before its turn leaves nothing done; one that goes away later leaves it done.
    ///
    /// # Errors
    ///
    /// That of `work`; `Unavailable` when somebody else keeps writing for too long, or it does not
    /// end in time, in which case it may still happen; `Internal` when it panics.
    pub async fn transaction<T, E, W>(&self, work: W) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        W: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let failed = |error: rusqlite::Error| from_sqlite(error.into());
        let run = move |conn: &mut Connection, files: &Files| {
            files.check_again(conn)?;
            let transaction = begin(conn).map_err(failed)?;
            let answer = work(&transaction)?;
            transaction.commit().map_err(failed)?;
            files.check_commit(conn)?;
            Ok(answer)
        };
        timeout(self.timeout, self.writer.alone(run)).await.map_err(timed_out)??
    }

    /// Accepts a message in the caller's own transaction: it is stored if and when that commits.
    /// The caretaker of a worker then finds it, within its interval. The transaction is one of
    /// [`transaction`](Self::transaction), or of a connection of the caller's own to the same file.
    ///
    /// Answers with its id: a new one, or that of the first message with its idempotency key.
    ///
    /// # Errors
    ///
    /// `Invalid` with the wrong fields; `KeyReused`; `Unavailable`. After any of them the
    /// transaction is still the caller's, to go on with or to roll back.
    pub fn insert_in(&self, conn: &Connection, message: &Message) -> Result<MessageId> {
        insert::insert_in(conn, self.time(), &message.prepare_with(self.numbers)?)
    }

    /// Closes every connection, after the calls that are under way. Without it the file is closed
    /// when the last clone is gone.
    pub async fn close(&self) {
        self.readers.close().await;
        // Last, so that closing it checkpoints and removes the write-ahead log.
        self.writer.close().await;
    }

    pub(crate) fn time(&self) -> StoreTime {
        self.clock.read()
    }

    /// See [`StoreClock::is_comparable`](sms_core::clock::StoreClock::is_comparable).
    pub(crate) fn are_times_comparable(&self) -> bool {
        self.clock.is_comparable()
    }

    /// Runs statements as one transaction.
    pub(crate) async fn write<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Connection, i64) -> Done<T> + Send + 'static,
    {
        let clock = Arc::clone(&self.clock);
        let write = move |conn: &Connection| {
            let before = conn.total_changes();
            let answer = work(conn, clock.read().now)?;
            clock.keep(conn, before)?;
            Done::Ok(answer)
        };
        self.transaction(move |conn| write(conn).map_err(Error::from)).await
    }

    /// Runs statements in one transaction with others that wait. See [`Writer::share`].
    pub(crate) async fn share<T, W>(&self, mut work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnMut(&Connection, StoreTime) -> Done<T> + Send + 'static,
    {
        let clock = Arc::clone(&self.clock);
        let shared = self.writer.share(move |conn| {
            let before = conn.total_changes();
            let answer = work(conn, clock.read())?;
            clock.keep(conn, before)?;
            Ok(answer)
        });
        timeout(self.timeout, shared).await.map_err(timed_out)?
    }

    /// Runs statements that read.
    pub(crate) async fn read<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Done<T> + Send + 'static,
    {
        timeout(self.timeout, self.readers.read(work)).await.map_err(timed_out)?
    }

    /// Runs statements that may read much. They leave connections to [`read`](Self::read).
    pub(crate) async fn scan<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Done<T> + Send + 'static,
    {
        timeout(self.timeout, self.readers.scan(work)).await.map_err(timed_out)?
    }
}

fn migrate(conn: &mut Connection) -> Done<SchemaLevel> {
    let transaction = begin(conn)?;
    let schema = migrations::run(&transaction)?;
    transaction.commit()?;
    Ok(schema)
}

#[async_trait]
impl Store for SqliteStore {
    fn numbers(&self) -> NumberReader {
        self.numbers
    }

    async fn replays(&self, messages: &[NewMessage]) -> Result<Vec<Option<Inserted>>> {
        insert::replays(self, messages).await
    }

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

    async fn list(&self, request: &ListRequest) -> Result<MessagePage> {
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
