//! From addresses to adapters.

use std::sync::Arc;

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};
use sms_core::{MemoryQueue, Provider, Queue, Region, Registry, Sandbox, SchemaLevel, Store};

use crate::app::callbacks::CallbackReader;
use crate::config::{Config, Key};

#[cfg(not(any(feature = "sqlite", feature = "pg")))]
compile_error!("a server needs a store: enable the feature `sqlite` or `pg`");

/// The store, queue and provider of a configuration, not opened yet.
#[derive(Debug)]
pub(crate) struct Addresses {
    pub(crate) store: StoreAddress,
    pub(crate) queue: QueueAddress,
    pub(crate) provider: Upstream,
}

impl Addresses {
    /// Reads them all. An error begins with the setting to change.
    pub(crate) fn read(config: &Config) -> anyhow::Result<Self> {
        let place = |key| move || config.place(key);
        Ok(Self {
            store: StoreAddress::read(&config.store).with_context(place(Key::Store))?,
            queue: QueueAddress::read(&config.queue).with_context(place(Key::Queue))?,
            provider: Upstream::read(&config.provider).with_context(place(Key::Provider))?,
        })
    }
}

/// Opens the store of a configuration. An error begins with the setting to change.
pub(crate) async fn open_store(
    config: &Config,
) -> anyhow::Result<(Arc<dyn Store>, Arc<dyn Registry>)> {
    let open = async { StoreAddress::read(&config.store)?.open(config.region).await };
    open.await.with_context(|| config.place(Key::Store))
}

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

    /// Brings the schema of the store up to date: how far it is then.
    ///
    /// # Errors
    ///
    /// The adapter's.
    pub async fn migrate(self) -> anyhow::Result<SchemaLevel> {
        Ok(match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(config) => sms_store_sqlite::SqliteStore::open(config).await?.schema(),
            #[cfg(feature = "pg")]
            Self::Pg(config) => sms_store_pg::PgStore::open(*config).await?.schema(),
        })
    }

    /// Finds out whether the store can be opened; changes nothing.
    ///
    /// # Errors
    ///
    /// The adapter's.
    pub async fn check(&self) -> anyhow::Result<()> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(config) => Ok(sms_store_sqlite::SqliteStore::check(config).await?),
            #[cfg(feature = "pg")]
            Self::Pg(config) => Ok(sms_store_pg::PgStore::check(config).await?),
        }
    }

    /// Opens the store, which is the registry too, and brings its schema up to date. Numbers are
    /// read in this region.
    ///
    /// # Errors
    ///
    /// The adapter's.
    pub async fn open(self, region: Region) -> anyhow::Result<(Arc<dyn Store>, Arc<dyn Registry>)> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(config) => {
                let store =
                    Arc::new(sms_store_sqlite::SqliteStore::open(config.region(region)).await?);
                Ok((store.clone(), store))
            }
            #[cfg(feature = "pg")]
            Self::Pg(config) => {
                let store = Arc::new(sms_store_pg::PgStore::open(config.region(region)).await?);
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

    /// Whether other processes get what this one pushes. If not, a process without workers has
    /// nobody to push to.
    pub const fn is_shared(&self) -> bool {
        !matches!(self, Self::Memory)
    }

    /// Connects. A server that is down is no error: what is accepted meanwhile goes out when it is
    /// back.
    ///
    /// # Errors
    ///
    /// What only a person can mend: a wrong password, missing rights, queues with other options.
    #[allow(clippy::unused_async, reason = "depends on the features")]
    pub async fn open(self) -> anyhow::Result<Arc<dyn Queue>> {
        match self {
            Self::Memory => Ok(Arc::new(MemoryQueue::new())),
            #[cfg(feature = "redis")]
            Self::Redis(config) => {
                let queue = Arc::new(sms_queue_redis::RedisQueue::connect(config)?);
                refuse_what_only_a_person_can_mend(&*queue).await?;
                Ok(queue)
            }
            #[cfg(feature = "amqp")]
            Self::Amqp(config) => Ok(Arc::new(sms_queue_amqp::AmqpQueue::connect(config).await?)),
        }
    }
}

/// Asks a queue that connects with its first call. One that is down, or does not answer in 5 s, is
/// no error.
#[cfg(feature = "redis")]
async fn refuse_what_only_a_person_can_mend(queue: &dyn Queue) -> anyhow::Result<()> {
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(5);
    match tokio::time::timeout(LIMIT, queue.stats()).await {
        Ok(Err(error)) if error.kind() == sms_core::ErrorKind::Config => Err(error.into()),
        _ => Ok(()),
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
        match split(address) {
            ("sandbox", "") => Ok(Self::Sandbox(Arc::new(Sandbox::new()))),
            ("sandbox", _) => bail!("sandbox: takes nothing after its colon"),
            #[cfg(feature = "smsru")]
            ("smsru" | "smsru+http", _) => {
                Ok(Self::SmsRu(Arc::new(sms_smsru::SmsRu::from_url(address)?)))
            }
            #[cfg(not(feature = "smsru"))]
            ("smsru" | "smsru+http", _) => {
                bail!("built without sms.ru; build with `--features smsru`")
            }
            _ if is_api_id(address) => bail!(
                "this looks like an api_id of sms.ru by itself; write smsru://API_ID@sms.ru, with it for API_ID"
            ),
            _ => bail!("{}", unknown(address, "sandbox: or smsru://API_ID@sms.ru")),
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

/// The scheme of an address, and what comes after its colon; a scheme may be all there is.
fn split(address: &str) -> (&str, &str) {
    address.split_once(':').unwrap_or((address, ""))
}

/// Says what was expected in the place of an address. The scheme is shown only where it is one
/// beyond doubt: in the place of the address there may be a secret.
fn unknown(address: &str, known: &str) -> String {
    let scheme = address.split_once("://").map(|(scheme, _)| scheme);
    let is_plain =
        |scheme: &&str| scheme.len() <= 16 && scheme.bytes().all(|byte| byte.is_ascii_lowercase());
    match scheme.filter(is_plain) {
        Some(scheme) => {
            format!("nothing here is reached by `{scheme}://`; an address begins as {known}")
        }
        None => format!("not an address; one begins as {known}"),
    }
}

/// Recognises the form of an API id of sms.ru, five groups of hexadecimal digits.
fn is_api_id(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let is_hex =
        |group: &&str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.len() == 36 && groups.len() == 5 && groups.iter().all(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said<T: std::fmt::Debug>(read: anyhow::Result<T>) -> String {
        format!("{:#}", read.expect_err("must be refused"))
    }

    #[test]
    fn what_takes_nothing_after_its_colon_is_read_with_and_without_the_colon_and_nothing_else() {
        for address in ["memory:", "memory"] {
            assert!(
                matches!(QueueAddress::read(&address.into()), Ok(QueueAddress::Memory)),
                "{address}"
            );
        }
        for address in ["sandbox:", "sandbox"] {
            assert!(
                matches!(Upstream::read(&address.into()), Ok(Upstream::Sandbox(_))),
                "{address}"
            );
        }
        for address in ["memory:foo", "memory://", "memory:?lease=1"] {
            assert!(
                said(QueueAddress::read(&address.into())).contains("nothing after its colon"),
                "{address}"
            );
        }
        for address in ["sandbox:foo", "sandbox://x"] {
            assert!(
                said(Upstream::read(&address.into())).contains("nothing after its colon"),
                "{address}"
            );
        }
    }

    #[test]
    fn a_bare_api_id_is_explained_and_not_repeated() {
        let error = said(Upstream::read(&"CA4A8123-0000-BEEF-CAFE-0123456789AB".into()));
        assert!(error.contains("smsru://API_ID@sms.ru") && !error.contains("CA4A8123"), "{error}");
    }

    #[test]
    fn what_is_no_address_is_answered_with_those_there_are_and_not_repeated() {
        for secret in [
            "",
            "CANARY",
            "CANARY:CANARY",
            "canary:CANARY",
            "79251234567:CANARY@sms.ru",
            "CANARY://x",
        ] {
            let errors = [
                said(StoreAddress::read(&secret.into())),
                said(QueueAddress::read(&secret.into())),
                said(Upstream::read(&secret.into())),
            ];
            for error in errors {
                assert!(error.contains("an address") || error.contains("one begins as"), "{error}");
                assert!(
                    !error.to_lowercase().contains("canary") && !error.contains("7925"),
                    "{error}"
                );
            }
        }
        assert!(said(StoreAddress::read(&"mysql://u:CANARY@h/db".into())).contains("`mysql://`"));
    }

    #[test]
    fn a_hash_in_any_address_is_named() {
        let errors = [
            #[cfg(feature = "sqlite")]
            said(StoreAddress::read(&"sqlite:data/sms.db # the store".into())),
            #[cfg(feature = "pg")]
            said(StoreAddress::read(&"postgres://u:CAN#ARY@h/db".into())),
            #[cfg(feature = "pg")]
            said(StoreAddress::read(&"postgres://u@h/db#CANARY".into())),
            #[cfg(feature = "redis")]
            said(QueueAddress::read(&"redis://:CAN#ARY@h/0".into())),
            #[cfg(feature = "amqp")]
            said(QueueAddress::read(&"amqp://u:CAN#ARY@h/%2f".into())),
            #[cfg(feature = "smsru")]
            said(Upstream::read(&"smsru://CAN#ARY@sms.ru".into())),
        ];
        for error in errors {
            assert!(
                error.contains("holds a #") && !error.contains("CAN") && !error.contains("ARY"),
                "{error}"
            );
        }
    }

    #[test]
    #[cfg(not(feature = "pg"))]
    fn an_address_this_build_cannot_reach_names_the_feature() {
        let error = said(StoreAddress::read(&"postgres://u@h/db".into()));
        assert_eq!(error, "built without PostgreSQL; build with `--features pg`");
    }
}
