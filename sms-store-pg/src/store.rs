//! The store: its connections, its clock, and how long a call may take.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sms_core::clock::StoreTime;
use sms_core::provider::{Polling, ProviderRef};
use sms_core::store::ReceiptEffect;
use sms_core::store::{
    BeginRequest, Begun, CancelRequest, DueRequest, InsertRequest, Inserted, ListRequest,
    ResolveRequest, Settled, Settlement, Stats, StatsRange, UnmatchedRequest,
};
use sms_core::{
    Clock, Event, Job, Message, MessageId, MessagePage, NewMessage, NumberReader, Receipt, Result,
    SchemaLevel, Scope, Status, Store, StoredMessage, SystemClock, UnmatchedId, async_trait,
};
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use tokio::time::timeout;

use crate::clock::ServerClock;
use crate::config::PgConfig;
use crate::error::timed_out;
use crate::insert::Statements;
use crate::ledger::Together;
use crate::pool::{Lent, Pool, Query};
use crate::{
    claim, connect, inference, insert, list, migrations, opening, person, purge, read, receipts,
    settle, sql, sweep,
};

/// The longest a migration may take.
const MIGRATION_TIMEOUT: Duration = Duration::from_hours(1);

/// A [`Store`](sms_core::Store) and [`Registry`](sms_core::Registry) in one schema of a PostgreSQL
/// database.
///
/// Cheap to clone; clones share their connections. Any number of stores, on any number of machines,
/// may be open on one schema, and share the work.
#[derive(Clone, Debug)]
pub struct PgStore {
    pool: Pool,
    pub(crate) inserts: Statements,
    clock: Arc<ServerClock>,
    timeout: Duration,
    numbers: NumberReader,
    schema: SchemaLevel,
}

impl PgStore {
    /// Connects, and brings the schema up to date, unless the configuration [leaves that to
    /// others](PgConfig::migrate). Nodes that are started at once wait for the first of them to do
    /// it.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the server cannot be reached; `Config` when it refuses the user, has no
    /// such database, or the user may not make the schema; also when the schema was edited by hand,
    /// is to be migrated by others and is not, or has been migrated by a newer version so that this
    /// one cannot use it.
    pub async fn open(config: PgConfig) -> Result<Self> {
        Self::open_on(config, None).await
    }

    /// [Opens](Self::open) the schema on another clock than the server's. For tests.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    #[doc(hidden)]
    pub async fn open_on(config: PgConfig, clock: Option<Arc<dyn Clock>>) -> Result<Self> {
        config.check()?;
        let mut store = Self {
            pool: Pool::new(
                connect::options(&config),
                usize::try_from(config.connections).unwrap_or(1),
            ),
            inserts: Statements::new(&config.schema),
            clock: Arc::new(ServerClock::of(Arc::new(SystemClock))),
            timeout: config.timeout,
            numbers: config.numbers,
            schema: SchemaLevel::new(0, 0, 0),
        };
        let connected = timeout(store.timeout, store.connection()).await;
        let mut conn = connected.map_err(|_| opening::too_slow(&config))??;
        let right = |error| opening::with_missing_right(&config, error);
        if config.migrate {
            let migrated = migrations::run(conn.conn()?, &config.schema);
            timeout(MIGRATION_TIMEOUT, migrated).await.map_err(timed_out)?.map_err(right)?;
        } else {
            store.limited(migrations::check(conn.conn()?, &config.schema)).await.map_err(right)?;
        }
        // Before anything is written: this program may be too old for what a newer one has made of
        // the schema.
        store.schema = store.limited(migrations::level(conn.conn()?)).await.map_err(right)?;
        store.limited(migrations::raise_event_base(conn.conn()?)).await.map_err(right)?;
        // There may be no other connection.
        drop(conn);
        store.clock = Arc::new(ServerClock::start(store.pool.clone(), store.timeout, clock).await?);
        Ok(store)
    }

    /// Connects and signs in, and changes nothing: for whoever checks an address.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open) about the server, the user and the database.
    pub async fn check(config: &PgConfig) -> Result<()> {
        config.check()?;
        let pool = Pool::new(connect::options(config), 1);
        let connected = timeout(config.timeout, pool.take()).await;
        connected.map_err(|_| opening::too_slow(config))??;
        pool.close().await;
        Ok(())
    }

    /// How far the schema had been migrated when the store was opened.
    pub fn schema(&self) -> SchemaLevel {
        self.schema
    }

    /// The same store on another clock than the server's. For tests: in production every node needs
    /// the same one.
    #[doc(hidden)]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Arc::new(ServerClock::of(clock));
        self
    }

    /// Accepts a message in the caller's own transaction: it is stored if and when that commits.
    /// The caretaker of a worker then finds it, within its interval.
    ///
    /// The connection leads to the same database. Answers with the message's id: a new one, or that
    /// of the first message with its idempotency key. The key is held until the transaction ends:
    /// others that use it wait.
    ///
    /// # Errors
    ///
    /// `Invalid` with the wrong fields; `KeyReused`: the transaction goes on. `Unavailable`:
    /// PostgreSQL has given up the transaction, or nobody knows; roll it back. A transaction that
    /// is stricter than `READ COMMITTED` also gets that when another one has used the key after it
    /// began.
    pub async fn insert_in(&self, conn: &mut PgConnection, message: &Message) -> Result<MessageId> {
        let message = message.prepare_with(self.numbers)?;
        self.limited(insert::insert_in(self, conn, &message)).await
    }

    /// Closes every connection: idle ones now, others when their calls are done. Calls that come
    /// later answer `Closed`.
    pub async fn close(&self) {
        // What does not close in time is cut off.
        let _ = timeout(self.timeout, self.pool.close()).await;
    }

    /// The time.
    pub(crate) fn time(&self) -> StoreTime {
        self.clock.read()
    }

    /// The time that statements are told.
    pub(crate) fn now(&self) -> i64 {
        self.time().now
    }

    /// See [`StoreClock::is_comparable`](sms_core::clock::StoreClock::is_comparable).
    pub(crate) fn are_times_comparable(&self) -> bool {
        self.clock.is_comparable()
    }

    /// A connection, when it is one's turn.
    pub(crate) async fn connection(&self) -> Result<Lent> {
        self.pool.take().await
    }

    /// Runs one statement, which is a transaction by itself: its rows.
    pub(crate) async fn rows(&self, query: Query<'_>) -> Result<Vec<PgRow>> {
        self.connection().await?.rows(query).await
    }

    /// Runs one statement that may read much: its rows. It takes none of the connections kept for
    /// writes, and the server itself ends it after 5 s, also when nobody waits for it any more.
    pub(crate) async fn scan(&self, query: Query<'_>) -> Result<Vec<PgRow>> {
        let mut conn = self.pool.take_to_scan().await?;
        conn.script(sql::BEGIN_SCAN).await?;
        let found = conn.rows(query).await?;
        conn.script(sql::COMMIT).await?;
        conn.is_clean();
        Ok(found)
    }

    /// Runs one statement that reads a bounded number of rows, on a connection that
    /// [scans](Self::scan) may take.
    pub(crate) async fn scan_briefly(&self, query: Query<'_>) -> Result<Vec<PgRow>> {
        self.pool.take_to_scan().await?.rows(query).await
    }

    /// Begins a transaction of several statements.
    pub(crate) async fn together(&self) -> Result<Together> {
        Together::begin(self.connection().await?, self.now()).await
    }

    /// Bounds the time of a call. There are no probes of idle connections: one whose other end is
    /// gone without a word would never answer. It is closed, as every connection is whose call was
    /// dropped in the middle.
    pub(crate) async fn limited<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        timeout(self.timeout, call).await.map_err(timed_out)?
    }
}

#[async_trait]
impl Store for PgStore {
    fn numbers(&self) -> NumberReader {
        self.numbers
    }

    async fn replays(&self, messages: &[NewMessage]) -> Result<Vec<Option<Inserted>>> {
        self.limited(insert::replays(self, messages)).await
    }

    async fn insert(&self, request: InsertRequest<'_>) -> Result<Vec<Inserted>> {
        self.limited(insert::insert(self, request)).await
    }

    async fn due(&self, request: DueRequest) -> Result<Vec<Job>> {
        self.limited(claim::due(self, request)).await
    }

    async fn begin(&self, request: BeginRequest<'_>) -> Result<Vec<Begun>> {
        self.limited(claim::begin(self, request)).await
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Settled>> {
        self.limited(settle::settle(self, settlements)).await
    }

    async fn rescue(&self, limit: usize) -> Result<Vec<MessageId>> {
        self.limited(sweep::rescue(self, limit)).await
    }

    async fn expire(&self, limit: usize) -> Result<Vec<MessageId>> {
        self.limited(sweep::expire(self, limit)).await
    }

    async fn apply_receipts(&self, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>> {
        self.limited(receipts::apply(self, receipts)).await
    }

    async fn awaiting_receipt(&self, polling: &Polling, limit: usize) -> Result<Vec<ProviderRef>> {
        self.limited(sweep::awaiting_receipt(self, polling, limit)).await
    }

    async fn infer(&self, quiet: Duration) -> Result<Vec<MessageId>> {
        self.limited(inference::infer(self, quiet)).await
    }

    async fn unmatched(&self, request: &UnmatchedRequest) -> Result<Vec<UnmatchedId>> {
        self.limited(inference::unmatched(self, request)).await
    }

    async fn resolve(&self, request: ResolveRequest) -> Result<Status> {
        self.limited(person::resolve(self, request)).await
    }

    async fn cancel(&self, request: CancelRequest) -> Result<Status> {
        self.limited(person::cancel(self, request)).await
    }

    async fn get(&self, id: MessageId, scope: &Scope) -> Result<Option<StoredMessage>> {
        self.limited(read::get(self, id, scope)).await
    }

    async fn list(&self, request: &ListRequest) -> Result<MessagePage> {
        self.limited(list::list(self, request)).await
    }

    async fn timeline(&self, id: MessageId) -> Result<Vec<Event>> {
        self.limited(read::timeline(self, id)).await
    }

    async fn events_after(&self, seq: u64, limit: usize) -> Result<Vec<Event>> {
        self.limited(read::events_after(self, seq, limit)).await
    }

    async fn stats(&self, range: &StatsRange) -> Result<Stats> {
        self.limited(read::stats(self, range)).await
    }

    async fn purge(&self, older_than: Duration, limit: usize) -> Result<usize> {
        self.limited(purge::purge(self, older_than, limit)).await
    }
}
