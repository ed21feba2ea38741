//! Stores in a schema of their own.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sms_core::store::decision::Verdict;
use sms_core::store::{BeginRequest, InsertRequest, Inserted, ListRequest, Settlement};
use sms_core::{Archive, Message, MessageId, NewMessage, Outcome, Result, Store as _};
use sms_store_pg::{PgConfig, PgStore};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

const URL: &str = "SMS_TEST_PG_URL";
const DEFAULT_URL: &str = "postgres://postgres@127.0.0.1:5432/postgres";

pub(crate) fn url() -> String {
    std::env::var(URL).unwrap_or_else(|_| DEFAULT_URL.to_owned())
}

/// A schema that no other test uses. It is removed when this is dropped.
pub(crate) struct Schema(String);

impl Schema {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        // The id of a message serves as a random number.
        let random = MessageId::new().to_string().replace('-', "");
        Self(format!("sms_test_{process}_{count}_{}", &random[20..]))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// With a small pool: there are many tests at once, and a server has 100 connections. The
    /// machine may be busy.
    pub(crate) fn config(&self) -> PgConfig {
        let config = PgConfig::from_url(&url()).expect("an address in SMS_TEST_PG_URL");
        config.schema(&self.0).connections(3).timeout(Duration::from_mins(1))
    }

    pub(crate) async fn open(&self) -> PgStore {
        self.open_with(self.config()).await
    }

    pub(crate) async fn open_with(&self, config: PgConfig) -> PgStore {
        PgStore::open(config).await.unwrap_or_else(|error| no_server(&error))
    }

    /// A connection of the application, which also finds the tables of the store.
    pub(crate) async fn connect(&self) -> PgConnection {
        let mut conn = connect().await;
        run(&mut conn, &format!("SET search_path = {}", self.0)).await;
        conn
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.0);
        // In a thread of its own, because this may be dropped inside a runtime.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                if let Ok(mut conn) = PgConnection::connect(&url()).await {
                    let _ = sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut conn).await;
                    let _ = conn.close().await;
                }
            });
        });
        let _ = dropped.join();
    }
}

pub(crate) async fn connect() -> PgConnection {
    match PgConnection::connect(&url()).await {
        Ok(conn) => conn,
        Err(error) => no_server(&error),
    }
}

fn no_server(error: &dyn std::error::Error) -> ! {
    let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    panic!("these tests need PostgreSQL at {URL} (now {}), which answers: {error}{cause}", url())
}

pub(crate) fn message(text: &str) -> Message {
    Message::new("+79251234567", text)
}

pub(crate) fn messages(count: usize) -> Vec<NewMessage> {
    (0..count).map(|n| message(&format!("text {n}")).prepare().expect("valid")).collect()
}

pub(crate) fn ids(messages: &[NewMessage]) -> Vec<MessageId> {
    messages.iter().map(|message| message.id).collect()
}

pub(crate) async fn insert(store: &PgStore, messages: &[NewMessage]) -> Result<Vec<Inserted>> {
    store.insert(InsertRequest::new(messages)).await
}

/// Inserts messages, and returns how many of them are stored.
pub(crate) async fn inserted(store: &PgStore, messages: &[NewMessage]) -> usize {
    let inserted = insert(store, messages).await.expect("inserted");
    inserted.iter().filter(|inserted| inserted.is_stored()).count()
}

/// Begins these as the first batch of this worker. Returns how many it got.
pub(crate) async fn begin(store: &PgStore, ids: &[MessageId], worker: &str) -> usize {
    let lease = Duration::from_mins(1);
    let request = BeginRequest::new(ids, worker, 1, "p", lease);
    store.begin(request).await.expect("begun").len()
}

/// The acceptance of a first attempt.
pub(crate) fn accepted(id: MessageId) -> Settlement {
    Settlement::new(id, 1, "p".to_owned(), Outcome::accepted(format!("p-{id}")), Verdict::Sent)
        .took(Duration::from_millis(5))
}

pub(crate) async fn count(store: &PgStore) -> usize {
    let all = ListRequest::new(100_000);
    store.list(&all).await.expect("a list").messages.len()
}

/// Runs statements without arguments.
pub(crate) async fn run(conn: &mut PgConnection, statement: &str) {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(conn).await.expect(statement);
}

/// The first column of the first row of a statement.
pub(crate) async fn ask(conn: &mut PgConnection, statement: &str) -> String {
    sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(conn).await.expect(statement)
}
