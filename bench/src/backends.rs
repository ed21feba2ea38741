//! Stores and queues of a run: each begins empty, and nothing is left of it afterwards.

use std::sync::Arc;

use anyhow::Context as _;
use redis::AsyncCommands as _;
use sms_core::Store;
use sms_store_pg::{PgConfig, PgStore};
use sms_store_sqlite::{SqliteConfig, SqliteStore};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

/// The addresses of the services.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    /// Of a database, as one who may create others.
    pub(crate) pg: String,
    pub(crate) redis: String,
    pub(crate) amqp: String,
}

impl Services {
    /// From the environment, or the usual ones on this machine.
    pub(crate) fn read() -> Self {
        let address = |variable: &str, usual: &str| {
            std::env::var(variable).unwrap_or_else(|_| usual.to_owned())
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
    /// A Redis that refuses connections.
    Away,
}

/// An empty store and an empty queue.
#[derive(Debug)]
pub(crate) struct Place {
    services: Services,
    name: String,
    store: StoreKind,
    queue: QueueKind,
    folder: TempDir,
}

impl Place {
    pub(crate) async fn new(
        services: &Services,
        store: StoreKind,
        queue: QueueKind,
    ) -> anyhow::Result<Self> {
        let name = format!("bench_{}", uuid::Uuid::now_v7().simple());
        // Beside the program and not in the folder for temporary files, which may be memory.
        let folder =
            TempDir::with_prefix_in("bench-", std::env::current_exe()?.with_file_name(""))?;
        if store == StoreKind::Pg {
            execute(&services.pg, &format!("CREATE DATABASE {name}")).await?;
        }
        Ok(Self { services: services.clone(), name, store, queue, folder })
    }

    /// The address of the store.
    pub(crate) fn store_url(&self) -> anyhow::Result<String> {
        match self.store {
            StoreKind::Sqlite => {
                Ok(format!("sqlite:{}", self.folder.path().join("sms.db").display()))
            }
            StoreKind::Pg => database(&self.services.pg, &self.name),
        }
    }

    /// The address of the queue.
    pub(crate) fn queue_url(&self) -> String {
        let with_prefix = |url: &str| {
            let separator = if url.contains('?') { '&' } else { '?' };
            format!("{url}{separator}prefix={}", self.name)
        };
        match self.queue {
            QueueKind::Memory => "memory:".to_owned(),
            QueueKind::Redis => with_prefix(&self.services.redis),
            QueueKind::Away => "redis://127.0.0.1:1".to_owned(),
            QueueKind::Amqp => with_prefix(&self.services.amqp),
        }
    }

    /// The store itself, to look at and to fill.
    pub(crate) async fn open(&self) -> anyhow::Result<Arc<dyn Store>> {
        let url = self.store_url()?;
        Ok(match self.store {
            StoreKind::Sqlite => Arc::new(SqliteStore::open(SqliteConfig::from_url(&url)?).await?),
            StoreKind::Pg => Arc::new(PgStore::open(PgConfig::from_url(&url)?).await?),
        })
    }

    /// Tells the database to tidy up and to write out, so that a figure does not pay for the one
    /// before.
    pub(crate) async fn calm(&self) -> anyhow::Result<()> {
        if self.store == StoreKind::Pg {
            execute(&self.store_url()?, "VACUUM ANALYZE").await?;
            execute(&self.store_url()?, "CHECKPOINT").await?;
        }
        Ok(())
    }

    /// Removes everything.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        if self.store == StoreKind::Pg {
            execute(&self.services.pg, &format!("DROP DATABASE {} WITH (FORCE)", self.name))
                .await?;
        }
        match self.queue {
            QueueKind::Memory | QueueKind::Away => {}
            QueueKind::Redis => forget_redis(&self.services.redis, &self.name).await?,
            QueueKind::Amqp => forget_amqp(&self.services.amqp, &self.name).await?,
        }
        Ok(())
    }
}

/// The address of another database of the same server.
pub(crate) fn database(server: &str, name: &str) -> anyhow::Result<String> {
    let mut url = url::Url::parse(server).context("the address of PostgreSQL")?;
    url.set_path(name);
    Ok(url.to_string())
}

/// Runs a statement that is a transaction by itself.
pub(crate) async fn execute(url: &str, statement: &str) -> anyhow::Result<()> {
    let mut conn = PgConnection::connect(url).await.context("PostgreSQL is needed")?;
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut conn).await?;
    conn.close().await?;
    Ok(())
}

async fn forget_redis(url: &str, prefix: &str) -> anyhow::Result<()> {
    let mut conn = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    let keys: Vec<String> = conn.keys(format!("*{prefix}*")).await?;
    if !keys.is_empty() {
        let _: () = conn.unlink(keys).await?;
    }
    Ok(())
}

async fn forget_amqp(url: &str, prefix: &str) -> anyhow::Result<()> {
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
