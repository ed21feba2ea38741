//! The store: opening, closing, and messages in the caller's own transaction.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sms_core::store::migration_plan::MigrationPlan;
use sms_core::{Clock, Message, MessageId, NumberReader, Result, SchemaLevel};
use sqlx::PgConnection;
use tokio::time::timeout;

use crate::clock::ServerClock;
use crate::config::PgConfig;
use crate::database::Database;
use crate::error::{timed_out, undecodable};
use crate::pool::Pool;
use crate::sql::insert::{self, InsertStatements};
use crate::sql::row::Columns;
use crate::{connect, migrations, opening};

const SERVER_VERSION: &str = "SELECT current_setting('server_version_num')::integer";

/// The numbers of two tables in the catalogue: new tables get new ones.
const IDENTITY: &str = "\
    SELECT concat_ws('-', 'messages'::regclass::oid::text, 'registry'::regclass::oid::text)";

/// The longest time a migration may take.
const MIGRATION_TIMEOUT: Duration = Duration::from_hours(1);

/// A [`Store`](sms_core::Store) and [`Registry`](sms_core::Registry) in one schema of a PostgreSQL
/// database.
///
/// Cheap to clone; clones share their connections. Any number of stores, on any number of machines,
/// may be open on one schema, and share the work.
#[derive(Clone, Debug)]
pub struct PgStore {
    pub(crate) database: Database,
    pub(crate) inserts: InsertStatements,
    pub(crate) numbers: NumberReader,
    timeout: Duration,
    schema: SchemaLevel,
}

impl PgStore {
    /// Connects and brings the schema up to date, unless the configuration [leaves that to
    /// others](PgConfig::migrate). If several nodes start at once, one of them migrates and the
    /// others wait for it.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the server cannot be reached. `Config` when the server refuses the user
    /// or has no such database; when the user may not create the schema; when the schema was edited
    /// by hand, or is to be migrated by others and is not; and when a newer version has migrated it
    /// so that this one cannot use it.
    pub async fn open(config: PgConfig) -> Result<Self> {
        Self::open_on(config, None).await
    }

    /// [Opens](Self::open) the schema with another clock than the server's. For tests.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    #[doc(hidden)]
    pub async fn open_on(config: PgConfig, clock: Option<Arc<dyn Clock>>) -> Result<Self> {
        config.check()?;
        let connections = usize::try_from(config.connections).unwrap_or(1);
        let pool = Pool::new(connect::options(&config), connections);
        let connected = timeout(config.timeout, pool.take()).await;
        let mut conn = connected.map_err(|_| opening::too_slow(&config))??;
        let right = |error| opening::with_missing_right(&config, error);
        if config.migrate {
            let migrated = migrations::run(conn.conn()?, &config.schema);
            timeout(MIGRATION_TIMEOUT, migrated).await.map_err(timed_out)?.map_err(right)?;
        } else {
            let checked = migrations::check(conn.conn()?, &config.schema);
            within(config.timeout, checked).await.map_err(right)?;
        }
        // Before anything is written: this program may be too old for the schema of a newer one.
        let level = migrations::level(conn.conn()?);
        let schema = within(config.timeout, level).await.map_err(right)?;
        let raised = migrations::raise_event_base(conn.conn()?);
        within(config.timeout, raised).await.map_err(right)?;
        // The clock needs a connection, and there may be no other one.
        drop(conn);
        let clock = ServerClock::start(pool.clone(), config.timeout, clock).await?;
        Ok(Self {
            database: Database::new(pool, clock),
            inserts: InsertStatements::new(&config.schema),
            numbers: config.numbers,
            timeout: config.timeout,
            schema,
        })
    }

    /// Connects and signs in, and changes nothing: a check of the address.
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

    /// The migrations that [`open`](Self::open) would apply. Changes nothing.
    ///
    /// # Errors
    ///
    /// Those of [`check`](Self::check).
    pub async fn migration_plan(config: &PgConfig) -> Result<MigrationPlan> {
        config.check()?;
        let pool = Pool::new(connect::options(config), 1);
        let plan = async {
            let mut conn = pool.take().await?;
            migrations::plan(conn.conn()?, &config.schema).await
        };
        let plan = timeout(config.timeout, plan).await;
        let plan = plan.map_err(|_| opening::too_slow(config))??;
        pool.close().await;
        Ok(plan)
    }

    /// The version of the server, as a number: 150004 for 15.4. Changes nothing.
    ///
    /// # Errors
    ///
    /// Those of [`check`](Self::check).
    pub async fn server_version(config: &PgConfig) -> Result<u32> {
        config.check()?;
        let pool = Pool::new(connect::options(config), 1);
        let version = async {
            let rows = pool.take().await?.rows(sqlx::query(SERVER_VERSION)).await?;
            let row = rows.first().ok_or_else(|| undecodable("version"))?;
            Columns::new(row).number("version")
        };
        let version = timeout(config.timeout, version).await;
        let version = version.map_err(|_| opening::too_slow(config))??;
        pool.close().await;
        Ok(version)
    }

    /// The identity of the tables. It stays when the server is upgraded or fails over to a copy of
    /// itself, and is another one after the tables were restored by `pg_restore`.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    pub async fn identity(&self) -> Result<String> {
        let rows = self.limited(self.database.rows(sqlx::query(IDENTITY))).await?;
        Columns::new(rows.first().ok_or_else(|| undecodable("identity"))?).take()
    }

    /// The level of the schema when the store was opened.
    pub fn schema(&self) -> SchemaLevel {
        self.schema
    }

    /// The same store with another clock than the server's. For tests: in production every node
    /// needs the same one.
    #[doc(hidden)]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.database = self.database.clock(ServerClock::of(clock));
        self
    }

    /// Accepts a message in the caller's own transaction: it is stored if and when that commits.
    /// The caretaker of a worker then finds it, within its interval.
    ///
    /// The connection must lead to the same database. Returns the message's id: a new one, or that
    /// of the first message with its idempotency key. The key is held until the transaction ends:
    /// other inserts with the same key wait.
    ///
    /// # Errors
    ///
    /// `Invalid` with the wrong fields, and `KeyReused`: the transaction goes on. `Unavailable`:
    /// PostgreSQL has given up the transaction, or its state is unknown; roll it back. A
    /// transaction that is stricter than `READ COMMITTED` also gets `Unavailable` when another one
    /// has used the key since it began.
    pub async fn insert_in(&self, conn: &mut PgConnection, message: &Message) -> Result<MessageId> {
        let message = message.prepare_with(self.numbers)?;
        let inserted = insert::insert_in(&self.database, &self.inserts, conn, &message);
        self.limited(inserted).await
    }

    /// Number of open connections that nobody uses, and of those in use, for monitoring.
    pub fn connections(&self) -> (usize, usize) {
        self.database.connections()
    }

    /// Closes every connection: idle ones now, others when their calls are done. Later calls answer
    /// `Closed`.
    pub async fn close(&self) {
        // Connections that do not close in time are cut off.
        let _ = timeout(self.timeout, self.database.close()).await;
    }

    /// Bounds the time of a call.
    ///
    /// Idle connections are not probed, so a call may use one with a vanished other end and would
    /// never get an answer. The timeout drops such a call, which closes the connection.
    pub(crate) async fn limited<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        within(self.timeout, call).await
    }
}

async fn within<T>(limit: Duration, call: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(limit, call).await.map_err(timed_out)?
}
