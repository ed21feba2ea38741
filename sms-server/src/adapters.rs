//! Adapters by their addresses. No other file names an adapter.

use std::sync::Arc;

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};
use sms_core::{
    Erasure, MemoryQueue, Provider, Queue, Region, Registry, Rollups, Route, Sandbox, SchemaLevel,
    StopList, Store, Worklists,
};

use crate::app::metrics::SetGauges;
use crate::config::{Config, Key};
use crate::secrets::{self, Configured, KeyFile, Secrets};

#[cfg(not(any(feature = "sqlite", feature = "pg")))]
compile_error!("a server needs a store: enable the feature `sqlite` or `pg`");

/// The store, queue and provider of a configuration, before they are opened.
#[derive(Debug)]
pub(crate) struct Addresses {
    pub(crate) store: StoreAddress,
    pub(crate) queue: QueueAddress,
    pub(crate) provider: Arc<dyn Provider>,
    /// Routes next to the default one, each with its provider.
    pub(crate) routes: Vec<(Route, Arc<dyn Provider>)>,
}

impl Addresses {
    /// Reads all three. An error begins with the setting to change.
    pub(crate) fn read(config: &Config) -> anyhow::Result<Self> {
        let place = |key| move || config.place(key);
        Ok(Self {
            store: StoreAddress::read(&config.store).with_context(place(Key::Store))?,
            queue: QueueAddress::read(&config.queue).with_context(place(Key::Queue))?,
            provider: open_provider(&config.provider).with_context(place(Key::Provider))?,
            // Messages of test keys: nothing of them leaves the machine.
            routes: vec![(Route::SANDBOX, Arc::new(Sandbox::new()))],
        })
    }
}

/// Opens the store of a configuration. An error begins with the setting to change.
pub(crate) async fn open_store(config: &Config) -> anyhow::Result<OpenStore> {
    let open = async { StoreAddress::read(&config.store)?.open(config.region).await };
    open.await.with_context(|| config.place(Key::Store))
}

/// The secrets of a configuration, in this registry of its store. An error begins with the setting
/// to change.
pub(crate) async fn open_secrets(
    config: &Config,
    registry: Arc<dyn Registry>,
) -> anyhow::Result<Secrets> {
    let (configured, file) = secret_key(config)?;
    secrets::open(configured, file, registry).await
}

/// The key of a configuration with its setting, and the file for it.
pub(crate) fn secret_key(config: &Config) -> anyhow::Result<(Configured<'_>, Option<KeyFile>)> {
    let file = StoreAddress::read(&config.store).with_context(|| config.place(Key::Store))?;
    let configured =
        Configured { keys: config.secret_key.as_ref(), place: config.place(Key::SecretKey) };
    Ok((configured, file.key_file()))
}

/// An open store, by what it can do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenStore {
    /// Messages and their events.
    pub store: Arc<dyn Store>,
    /// Small records, in the same database.
    pub registry: Arc<dyn Registry>,
    /// Counts over time, in the same database.
    pub rollups: Arc<dyn Rollups>,
    /// Numbers that nothing is sent to, in the same database.
    pub stop_list: Arc<dyn StopList>,
    /// Erasure in the same database.
    pub erasure: Arc<dyn Erasure>,
    /// Items of bulk actions, in the same database.
    pub worklists: Arc<dyn Worklists>,
    /// Sets gauges of its resources, for metrics.
    pub(crate) set_gauges: SetGauges,
}

impl OpenStore {
    fn new<T: Store + Registry + Rollups + StopList + Erasure + Worklists>(
        store: T,
        set_gauges: impl Fn(&T) + Send + Sync + 'static,
    ) -> Self {
        let store = Arc::new(store);
        let shared = Arc::clone(&store);
        Self {
            set_gauges: SetGauges::new(move || set_gauges(&shared)),
            store: store.clone(),
            registry: store.clone(),
            rollups: store.clone(),
            stop_list: store.clone(),
            erasure: store.clone(),
            worklists: store,
        }
    }
}

/// A store by its address, before it is opened.
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
    /// An address that this build does not know; those of the adapter.
    pub fn read(address: &SecretString) -> anyhow::Result<Self> {
        let address = address.expose_secret();
        match split(address).0 {
            #[cfg(feature = "sqlite")]
            "sqlite" => Ok(Self::Sqlite(sms_store_sqlite::SqliteConfig::from_url(address)?)),
            #[cfg(not(feature = "sqlite"))]
            "sqlite" => bail!("built without SQLite; build with `--features sqlite`"),
            #[cfg(feature = "pg")]
            "postgres" | "postgresql" => {
                Ok(Self::Pg(Box::new(sms_store_pg::PgConfig::from_url(address)?)))
            }
            #[cfg(not(feature = "pg"))]
            "postgres" | "postgresql" => {
                bail!("built without PostgreSQL; build with `--features pg`")
            }
            _ => {
                bail!("{}", unknown(address, "sqlite:data/sms.db or postgres://user@host/database"))
            }
        }
    }

    /// The file with the secret key, next to a store that is a file.
    #[cfg_attr(
        not(feature = "pg"),
        expect(clippy::unnecessary_wraps, reason = "every store of this build is a file")
    )]
    fn key_file(&self) -> Option<KeyFile> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(config) => Some(KeyFile::next_to(config.path())),
            #[cfg(feature = "pg")]
            Self::Pg(_) => None,
        }
    }

    /// Brings the schema of the store up to date, and returns its level.
    ///
    /// # Errors
    ///
    /// Those of the adapter.
    pub async fn migrate(self) -> anyhow::Result<SchemaLevel> {
        Ok(match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(config) => sms_store_sqlite::SqliteStore::open(config).await?.schema(),
            #[cfg(feature = "pg")]
            Self::Pg(config) => sms_store_pg::PgStore::open(*config).await?.schema(),
        })
    }

    /// Tries whether the store can be opened. Changes nothing.
    ///
    /// # Errors
    ///
    /// Those of the adapter.
    pub async fn check(&self) -> anyhow::Result<()> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(config) => Ok(sms_store_sqlite::SqliteStore::check(config).await?),
            #[cfg(feature = "pg")]
            Self::Pg(config) => Ok(sms_store_pg::PgStore::check(config).await?),
        }
    }

    /// Opens the store, and brings its schema up to date. National phone numbers are those of this
    /// region.
    ///
    /// # Errors
    ///
    /// Those of the adapter.
    pub async fn open(self, region: Region) -> anyhow::Result<OpenStore> {
        Ok(match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(config) => {
                let path = config.path().to_owned();
                let store = sms_store_sqlite::SqliteStore::open(config.region(region)).await?;
                OpenStore::new(store, move |_| set_file_sizes(&path))
            }
            #[cfg(feature = "pg")]
            Self::Pg(config) => {
                let store = sms_store_pg::PgStore::open(config.region(region)).await?;
                OpenStore::new(store, set_connections)
            }
        })
    }
}

/// Sets the sizes of the file of SQLite and of its write-ahead log.
#[cfg(feature = "sqlite")]
fn set_file_sizes(path: &std::path::Path) {
    metrics::describe_gauge!("sms_sqlite_file_bytes", "Size of the file.");
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    for (file, path) in [("database", path), ("wal", wal.as_ref())] {
        #[expect(clippy::cast_precision_loss, reason = "gauges are f64, exact below 2^53")]
        let size = std::fs::metadata(path).map_or(0, |file| file.len()) as f64;
        metrics::gauge!("sms_sqlite_file_bytes", "file" => file).set(size);
    }
}

/// Sets the numbers of connections to PostgreSQL.
#[cfg(feature = "pg")]
fn set_connections(store: &sms_store_pg::PgStore) {
    metrics::describe_gauge!("sms_store_connections", "Connections to the database.");
    let (idle, used) = store.connections();
    for (state, connections) in [("idle", idle), ("used", used)] {
        let connections = u32::try_from(connections).unwrap_or(u32::MAX);
        metrics::gauge!("sms_store_connections", "state" => state).set(connections);
    }
}

/// A queue by its address, before it is connected.
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
    /// An address that this build does not know; those of the adapter.
    pub fn read(address: &SecretString) -> anyhow::Result<Self> {
        let address = address.expose_secret();
        match split(address) {
            ("memory", "") => Ok(Self::Memory),
            ("memory", _) => {
                bail!("memory: takes nothing after its colon: it is in the process itself")
            }
            #[cfg(feature = "redis")]
            (scheme, _) if scheme.starts_with("redis") => {
                Ok(Self::Redis(sms_queue_redis::RedisConfig::from_url(address)?))
            }
            #[cfg(not(feature = "redis"))]
            (scheme, _) if scheme.starts_with("redis") => {
                bail!("built without Redis; build with `--features redis`")
            }
            #[cfg(feature = "amqp")]
            ("amqp" | "amqps", _) => Ok(Self::Amqp(sms_queue_amqp::AmqpConfig::from_url(address)?)),
            #[cfg(not(feature = "amqp"))]
            ("amqp" | "amqps", _) => bail!("built without RabbitMQ; build with `--features amqp`"),
            _ => {
                bail!("{}", unknown(address, "memory:, redis://host:6379 or amqp://host:5672/%2f"))
            }
        }
    }

    /// Tells whether other processes can pull what this one pushes. If not, a process without a
    /// worker must not push.
    pub const fn is_shared(&self) -> bool {
        !matches!(self, Self::Memory)
    }

    /// Connects. A server that is down is no error: messages go on through the store until it is
    /// back.
    ///
    /// # Errors
    ///
    /// Errors of the configuration: a wrong password, missing rights, queues with other options.
    #[allow(clippy::unused_async, reason = "depends on the features")]
    pub async fn open(self) -> anyhow::Result<Arc<dyn Queue>> {
        match self {
            Self::Memory => Ok(Arc::new(MemoryQueue::new())),
            #[cfg(feature = "redis")]
            Self::Redis(config) => {
                let queue = Arc::new(sms_queue_redis::RedisQueue::connect(config)?);
                refuse_wrong_config(&*queue).await?;
                Ok(queue)
            }
            #[cfg(feature = "amqp")]
            Self::Amqp(config) => Ok(Arc::new(sms_queue_amqp::AmqpQueue::connect(config).await?)),
        }
    }
}

/// Makes the first call of a queue that connects with it. A server that is down, or does not answer
/// in 5 s, is no error.
#[cfg(feature = "redis")]
async fn refuse_wrong_config(queue: &dyn Queue) -> anyhow::Result<()> {
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(5);
    match tokio::time::timeout(LIMIT, queue.stats()).await {
        Ok(Err(error)) if error.kind() == sms_core::ErrorKind::Config => Err(error.into()),
        _ => Ok(()),
    }
}

/// Opens the provider of an address. It connects later.
///
/// # Errors
///
/// An address that this build does not know; those of the adapter.
pub fn open_provider(address: &SecretString) -> anyhow::Result<Arc<dyn Provider>> {
    let address = address.expose_secret();
    match split(address) {
        ("sandbox", "") => Ok(Arc::new(Sandbox::new())),
        ("sandbox", _) => bail!("sandbox: takes nothing after its colon"),
        #[cfg(feature = "smsru")]
        ("smsru" | "smsru+http", _) => Ok(Arc::new(sms_smsru::SmsRu::from_url(address)?)),
        #[cfg(not(feature = "smsru"))]
        ("smsru" | "smsru+http", _) => {
            bail!("built without sms.ru; build with `--features smsru`")
        }
        _ if is_api_id(address) => bail!(
            "this looks like an api_id of sms.ru; write smsru://API_ID@sms.ru, with it for API_ID"
        ),
        _ => bail!("{}", unknown(address, "sandbox: or smsru://API_ID@sms.ru")),
    }
}

/// Tells whether nothing that this provider accepts leaves the machine.
pub(crate) fn is_sandbox(provider: &dyn Provider) -> bool {
    provider.name() == Sandbox::NAME
}

/// The scheme of an address, and the rest after its colon. An address may be a scheme alone.
fn split(address: &str) -> (&str, &str) {
    address.split_once(':').unwrap_or((address, ""))
}

/// The error of a text that is no known address. A secret may have been given in place of the
/// address: the scheme is shown only if it cannot be a part of one.
fn unknown(address: &str, known: &str) -> String {
    let scheme = address.split_once("://").map(|(scheme, _)| scheme);
    let is_plain =
        |scheme: &&str| scheme.len() <= 16 && scheme.bytes().all(|byte| byte.is_ascii_lowercase());
    match scheme.filter(is_plain) {
        Some(scheme) => {
            format!("unknown scheme `{scheme}://`; an address begins as {known}")
        }
        None => format!("not an address; an address begins as {known}"),
    }
}

/// Recognizes the form of an API id of sms.ru: five groups of hexadecimal digits.
fn is_api_id(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let is_hex =
        |group: &&str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.len() == 36 && groups.len() == 5 && groups.iter().all(is_hex)
}

#[cfg(test)]
mod tests;
