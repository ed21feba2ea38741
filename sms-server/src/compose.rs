//! From addresses to adapters.

use std::sync::Arc;

use crate::callbacks::CallbackReader;
use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};
use sms_core::{MemoryQueue, Provider, Queue, Registry, Sandbox, SchemaLevel, Store};

#[cfg(not(any(feature = "sqlite", feature = "pg")))]
compile_error!("a server needs a store: enable the feature `sqlite` or `pg`");

/// The store an address names, not opened yet.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreAddress {
    /// A SQLite file.
    #[cfg(feature = "sqlite")]
    Sqlite(sms_store_sqlite::SqliteConfig),
    /// A PostgreSQL database.
    #[cfg(feature = "pg")]
    Pg(Box<sms_store_pg::PgConfig>),
}

impl StoreAddress {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// An address this build does not know; the adapter's.
    pub fn read(address: &SecretString) -> anyhow::Result<Self> {
        let address = address.expose_secret();
        match scheme(address) {
            #[cfg(feature = "sqlite")]
            "sqlite" => Ok(Self::Sqlite(sms_store_sqlite::SqliteConfig::from_url(address).context("store")?)),
            #[cfg(feature = "pg")]
            "postgres" | "postgresql" => {
                Ok(Self::Pg(Box::new(sms_store_pg::PgConfig::from_url(address).context("store")?)))
            }
            other => bail!(
                "store: this build has no store `{other}:`; try sqlite:data/sms.db or postgres://user@host/database"
            ),
        }
    }

    /// Brings the schema of the store up to date: how far it is then.
    ///
    /// # Errors
    ///
    /// The adapter's.
    pub async fn migrate(self) -> anyhow::Result<SchemaLevel> {
        Ok(match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(config) => {
                sms_store_sqlite::SqliteStore::open(config).await.context("store")?.schema()
            }
            #[cfg(feature = "pg")]
            Self::Pg(config) => sms_store_pg::PgStore::open(*config).await.context("store")?.schema(),
        })
    }

    /// Opens the store, which is the registry too, and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// The adapter's.
    pub async fn open(self) -> anyhow::Result<(Arc<dyn Store>, Arc<dyn Registry>)> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(config) => {
                let store = Arc::new(sms_store_sqlite::SqliteStore::open(config).await.context("store")?);
                Ok((store.clone(), store))
            }
            #[cfg(feature = "pg")]
            Self::Pg(config) => {
                let store = Arc::new(sms_store_pg::PgStore::open(*config).await.context("store")?);
                Ok((store.clone(), store))
            }
        }
    }
}

/// The queue an address names, not connected yet.
#[derive(Debug)]
#[non_exhaustive]
pub enum QueueAddress {
    /// Inside the process.
    Memory,
    /// Redis.
    #[cfg(feature = "redis")]
    Redis(sms_queue_redis::RedisConfig),
    /// `RabbitMQ`.
    #[cfg(feature = "amqp")]
    Amqp(sms_queue_amqp::AmqpConfig),
}

impl QueueAddress {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// An address this build does not know; the adapter's.
    pub fn read(address: &SecretString) -> anyhow::Result<Self> {
        let address = address.expose_secret();
        match scheme(address) {
            "memory" => Ok(Self::Memory),
            #[cfg(feature = "redis")]
            scheme if scheme.starts_with("redis") => {
                Ok(Self::Redis(sms_queue_redis::RedisConfig::from_url(address).context("queue")?))
            }
            #[cfg(feature = "amqp")]
            "amqp" | "amqps" => {
                Ok(Self::Amqp(sms_queue_amqp::AmqpConfig::from_url(address).context("queue")?))
            }
            other => bail!(
                "queue: this build has no queue `{other}:`; try memory:, redis://host:6379 or amqp://host:5672/%2f"
            ),
        }
    }

    /// Whether other processes get what this one pushes. If not, a process without workers has nobody to push to.
    pub const fn is_shared(&self) -> bool {
        !matches!(self, Self::Memory)
    }

    /// Connects. A server that is down is no error: what is accepted meanwhile goes out when it is back.
    ///
    /// # Errors
    ///
    /// The adapter's.
    #[allow(clippy::unused_async, reason = "depends on the features")]
    pub async fn open(self) -> anyhow::Result<Arc<dyn Queue>> {
        match self {
            Self::Memory => Ok(Arc::new(MemoryQueue::new())),
            #[cfg(feature = "redis")]
            Self::Redis(config) => {
                Ok(Arc::new(sms_queue_redis::RedisQueue::connect(config).context("queue")?))
            }
            #[cfg(feature = "amqp")]
            Self::Amqp(config) => {
                Ok(Arc::new(sms_queue_amqp::AmqpQueue::connect(config).await.context("queue")?))
            }
        }
    }
}

/// A provider.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Upstream {
    /// Sends nothing.
    Sandbox(Arc<Sandbox>),
    /// sms.ru.
    #[cfg(feature = "smsru")]
    SmsRu(Arc<sms_smsru::SmsRu>),
}

impl Upstream {
    /// Makes the provider at an address.
    ///
    /// # Errors
    ///
    /// An address this build does not know; the adapter's.
    pub fn read(address: &SecretString) -> anyhow::Result<Self> {
        let address = address.expose_secret();
        match scheme(address) {
            "sandbox" => Ok(Self::Sandbox(Arc::new(Sandbox::new()))),
            #[cfg(feature = "smsru")]
            "smsru" | "smsru+http" => {
                Ok(Self::SmsRu(Arc::new(sms_smsru::SmsRu::from_url(address).context("provider")?)))
            }
            other => {
                bail!(
                    "provider: this build has no provider `{other}:`; try sandbox: or smsru://API_ID@sms.ru"
                )
            }
        }
    }

    /// It, for who only sends.
    pub fn provider(&self) -> Arc<dyn Provider> {
        match self {
            Self::Sandbox(sandbox) => sandbox.clone(),
            #[cfg(feature = "smsru")]
            Self::SmsRu(smsru) => smsru.clone(),
        }
    }

    /// What reads its callbacks; `None` where it makes none, or none that can be verified.
    pub fn callbacks(&self) -> Option<CallbackReader> {
        match self {
            Self::Sandbox(_) => None,
            #[cfg(feature = "smsru")]
            Self::SmsRu(smsru) => {
                let reader = smsru.callbacks()?;
                let read = move |body: &[u8]| {
                    let records = reader.read(body)?;
                    Ok(records.iter().filter_map(sms_smsru::Record::receipt).collect())
                };
                Some(CallbackReader { answer: "100", read: Box::new(read) })
            }
        }
    }
}

/// The part of an address that may be shown.
fn scheme(address: &str) -> &str {
    address.split_once(':').map_or("", |(scheme, _)| scheme)
}
