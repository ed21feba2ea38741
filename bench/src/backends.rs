//! Stores and queues of a run. They are empty at the start and removed at the end.

use std::sync::Arc;

use anyhow::Context as _;
use redis::AsyncCommands as _;
use sms_core::Store;
use sms_store_pg::{PgConfig, PgStore};
use sms_store_sqlite::{SqliteConfig, SqliteStore};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

/// Addresses of the services.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    /// A database, with a user that may create others.
    pub(crate) pg: String,
    pub(crate) redis: String,
    pub(crate) amqp: String,
}

impl Services {
    /// Reads the addresses from the environment. The defaults are the usual ones on this machine.
    pub(crate) fn read() -> Self {
        let address = |variable: &str, default: &str| {
            std::env::var(variable).unwrap_or_else(|_| default.to_owned())
        };
        Self {
            pg: address("SMS_TEST_PG_URL", "postgres://postgres@127.0.0.1:5432/postgres"),
            redis: address("SMS_TEST_REDIS_URL", "redis://127.0.0.1:6379"),
            amqp: address("SMS_TEST_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2f"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    Sqlite,
    Pg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueueKind {
    Memory,
    Redis,
    Amqp,
    /// A Redis address that refuses connections.
    Unreachable,
}

/// One store and one queue.
#[derive(Debug)]
pub(crate) struct Backends {
    services: Services,
    name: String,
    store: StoreKind,
    queue: QueueKind,
    folder: TempDir,
}

impl Backends {
    pub(crate) async fn new(
        services: &Services,
        store: StoreKind,
        queue: QueueKind,
    ) -> anyhow::Result<Self> {
        let name = format!("bench_{}", uuid::Uuid::now_v7().simple());
        // In the folder of the program: that for temporary files may be in memory.
        let folder =
            TempDir::with_prefix_in("bench-", std::env::current_exe()?.with_file_name(""))?;
        if store == StoreKind::Pg {
            execute(&services.pg, &format!("CREATE DATABASE {name}")).await?;
        }
        Ok(Self { services: services.clone(), name, store, queue, folder })
    }

    /// Address of the store.
    pub(crate) fn store_url(&self) -> anyhow::Result<String> {
        match self.store {
            StoreKind::Sqlite => {
                Ok(format!("sqlite:{}", self.folder.path().join("sms.db").display()))
            }
            StoreKind::Pg => database(&self.services.pg, &self.name),
        }
    }

    /// Address of the queue.
    pub(crate) fn queue_url(&self) -> String {
        let with_prefix = |url: &str| {
            let separator = if url.contains('?') { '&' } else { '?' };
            format!("{url}{separator}prefix={}", self.name)
        };
        match self.queue {
            QueueKind::Memory => "memory:".to_owned(),
            QueueKind::Redis => with_prefix(&self.services.redis),
            QueueKind::Unreachable => "redis://127.0.0.1:1".to_owned(),
            QueueKind::Amqp => with_prefix(&self.services.amqp),
        }
    }

    /// Opens the store, to fill it and to check it.
    pub(crate) async fn open(&self) -> anyhow::Result<Arc<dyn Store>> {
        let url = self.store_url()?;
        Ok(match self.store {
            StoreKind::Sqlite => Arc::new(SqliteStore::open(SqliteConfig::from_url(&url)?).await?),
            StoreKind::Pg => Arc::new(PgStore::open(PgConfig::from_url(&url)?).await?),
        })
    }

    /// Runs the database's pending maintenance, so that a measurement does not pay for the one
    /// before.
    pub(crate) async fn vacuum(&self) -> anyhow::Result<()> {
        if self.store == StoreKind::Pg {
            execute(&self.store_url()?, "VACUUM ANALYZE").await?;
            execute(&self.store_url()?, "CHECKPOINT").await?;
        }
        Ok(())
    }

    /// Removes everything.
    pub(crate) async fn remove(self) -> anyhow::Result<()> {
        if self.store == StoreKind::Pg {
            execute(&self.services.pg, &format!("DROP DATABASE {} WITH (FORCE)", self.name))
                .await?;
        }
        match self.queue {
            QueueKind::Memory | QueueKind::Unreachable => {}
            QueueKind::Redis => remove_redis(&self.services.redis, &self.name).await?,
            QueueKind::Amqp => remove_amqp(&self.services.amqp, &self.name).await?,
        }
        Ok(())
    }
}

/// Address of another database of the same server.
pub(crate) fn database(server: &str, name: &str) -> anyhow::Result<String> {
    let mut url = url::Url::parse(server).context("the address of PostgreSQL")?;
    url.set_path(name);
    Ok(url.to_string())
}

/// Runs one statement outside of a transaction.
pub(crate) async fn execute(url: &str, statement: &str) -> anyhow::Result<()> {
    let mut conn = PgConnection::connect(url).await.context("PostgreSQL is needed")?;
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut conn).await?;
    conn.close().await?;
    Ok(())
}

async fn remove_redis(url: &str, prefix: &str) -> anyhow::Result<()> {
    let mut conn = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    let keys: Vec<String> = conn.keys(format!("*{prefix}*")).await?;
    if !keys.is_empty() {
        let _: () = conn.unlink(keys).await?;
    }
    Ok(())
}

async fn remove_amqp(url: &str, prefix: &str) -> anyhow::Result<()> {
    let conn = lapin::Connection::connect(url, lapin::ConnectionProperties::default()).await?;
    let channel = conn.create_channel().await?;
    for lane in ["urgent", "normal", "bulk", "dead"] {
        channel
            .queue_delete(
                format!("{prefix}.{lane}").into(),
                lapin::options::QueueDeleteOptions::default(),
            )
            .await?;
    }
    let exchange = format!("{prefix}.dead");
    channel
        .exchange_delete(exchange.into(), lapin::options::ExchangeDeleteOptions::default())
        .await?;
    conn.close(0, "done".into()).await?;
    Ok(())
}
