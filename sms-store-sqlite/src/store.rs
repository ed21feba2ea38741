//! The store: opening, closing, and messages in the caller's own transaction.

use std::sync::Arc;

use rusqlite::{Connection, Transaction};
use sms_core::store::migration_plan::MigrationPlan;
use sms_core::{Clock, Error, Message, MessageId, NumberReader, Result, SchemaLevel, SystemClock};

use crate::backup::{Backup, BackupRequest};
use crate::clock::KeptClock;
use crate::config::SqliteConfig;
use crate::database::Database;
use crate::error::{DbResult, stopped};
use crate::files::Files;
use crate::readers::Readers;
use crate::sql::insert;
use crate::writer::{Writer, begin};
use crate::{backup, connect, migrations, opening};

/// A [`Store`](sms_core::Store) and [`Registry`](sms_core::Registry) in one SQLite file.
///
/// Cheap to clone; clones share their connections. Several stores, also of several processes, may
/// be open on one file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    pub(crate) database: Database,
    pub(crate) numbers: NumberReader,
    schema: SchemaLevel,
}

impl SqliteStore {
    /// Opens the file and brings its schema up to date. Creates the file and its folder if they do
    /// not exist.
    ///
    /// # Errors
    ///
    /// `Config` when the folder cannot be created, or a newer version has migrated the file so that
    /// this one cannot use it; `Unavailable` when SQLite cannot open or write the file now;
    /// `Internal` when it is not a database.
    pub async fn open(config: SqliteConfig) -> Result<Self> {
        Self::open_on(config, Arc::new(SystemClock)).await
    }

    /// [Opens](Self::open) the file with the clock of another machine. For tests.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    #[doc(hidden)]
    pub async fn open_on(config: SqliteConfig, clock: Arc<dyn Clock>) -> Result<Self> {
        config.check()?;
        let numbers = config.numbers;
        let open = tokio::task::spawn_blocking(move || open_files(config, clock));
        let (database, schema) = open.await.map_err(|error| stopped().with_source(error))??;
        Ok(Self { database, numbers, schema })
    }

    /// The level of the schema when the store was opened.
    pub fn schema(&self) -> SchemaLevel {
        self.schema
    }

    /// Checks that the file can be opened and is a database, or can be created. Changes nothing.
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

    /// The migrations that [`open`](Self::open) would apply. Changes nothing.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open) about the file.
    pub async fn migration_plan(config: &SqliteConfig) -> Result<MigrationPlan> {
        config.check()?;
        let path = config.path().to_owned();
        let plan = tokio::task::spawn_blocking(move || opening::plan(&path));
        plan.await.map_err(|error| stopped().with_source(error))?
    }

    /// Writes a copy of the database to a new file, readable by this user alone, while others go on
    /// writing: everything that was committed when it began. The copy is checked, durable, and
    /// marked by a record of its registry. The database itself is only read.
    ///
    /// # Errors
    ///
    /// `Config` when there is no database, or the new file exists or cannot be created;
    /// `Unavailable` when the disk is full or SQLite cannot read; `Internal` when the database is
    /// damaged.
    pub async fn backup(config: &SqliteConfig, request: BackupRequest) -> Result<Backup> {
        backup::backup(config, request).await
    }

    /// The same store with another clock. For tests.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.database = self.database.clock(KeptClock::new(clock));
        self
    }

    /// Runs `work` as one transaction on the connection that writes. An application can change
    /// tables of its own in the same file together with [`insert_in`](Self::insert_in). The
    /// transaction is committed if `work` returns `Ok`, and rolled back otherwise.
    ///
    /// Every other write through this store waits until it ends: keep it short. If the caller is
    /// dropped before its turn, nothing is done; if it is dropped later, the work is done.
    ///
    /// # Errors
    ///
    /// That of `work`; `Unavailable` when another writer takes too long, or `work` does not end in
    /// time, in which case it may still be committed; `Internal` when it panics.
    pub async fn transaction<T, E, W>(&self, work: W) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        W: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        self.database.transaction(work).await
    }

    /// Accepts a message in the caller's own transaction: it is stored if and when that commits.
    /// The caretaker of a worker then finds it, within its interval. The transaction is one of
    /// [`transaction`](Self::transaction), or of a connection of the caller's own to the same file.
    ///
    /// Returns the message's id: a new one, or that of the first message with its idempotency key.
    ///
    /// # Errors
    ///
    /// `Invalid` with the wrong fields; `KeyReused`; `Unavailable`. After any of them the
    /// transaction is still the caller's, to go on with or to roll back.
    pub fn insert_in(&self, conn: &Connection, message: &Message) -> Result<MessageId> {
        insert::insert_in(conn, self.database.time(), &message.prepare_with(self.numbers)?)
    }

    /// Closes every connection, after the calls that are running. Without it the file is closed
    /// when the last clone is dropped.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

fn open_files(config: SqliteConfig, clock: Arc<dyn Clock>) -> Result<(Database, SchemaLevel)> {
    connect::check_version()?;
    opening::prepare(config.path())?;
    let refused = |failure| opening::refused(config.path(), failure);
    let mut conn = connect::first(&config).map_err(refused)?;
    let schema = migrate(&mut conn).map_err(refused)?;
    opening::close_to_others(config.path());
    let clock = KeptClock::load(&conn, clock)?;
    let files = Arc::new(Files::of(config.path())?);
    let (timeout, readers) = (config.timeout, Readers::new(config.clone(), Arc::clone(&files)));
    let writer = Writer::start(config, conn, files)?;
    Ok((Database::new(writer, readers, clock, timeout), schema))
}

fn migrate(conn: &mut Connection) -> DbResult<SchemaLevel> {
    let transaction = begin(conn)?;
    let schema = migrations::run(&transaction)?;
    transaction.commit()?;
    Ok(schema)
}
