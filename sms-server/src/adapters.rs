//! Adapters by their addresses. No other file names an adapter.

mod address;
mod store;

use std::sync::Arc;

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};
use sms_core::{Explanation, MemoryQueue, Provider, Queue, Registry, Route, Sandbox};

use self::address::{is_api_id, split, unknown};
pub use self::store::{OpenStore, StoreAddress};
use crate::app::site::QueueKind;
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

    /// The kind of the queue.
    pub(crate) const fn kind(&self) -> QueueKind {
        match self {
            Self::Memory => QueueKind::Memory,
            #[cfg(feature = "redis")]
            Self::Redis(_) => QueueKind::Redis,
            #[cfg(feature = "amqp")]
            Self::Amqp(_) => QueueKind::Rabbitmq,
        }
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

/// Meanings of the codes that rules of the sandbox may give while no provider is configured: those
/// of sms.ru, which the sandbox then stands in for.
#[cfg(feature = "smsru")]
pub(crate) const SANDBOX_CODES: fn(i32) -> Option<Explanation> = sms_smsru::code::explain;
#[cfg(not(feature = "smsru"))]
pub(crate) const SANDBOX_CODES: fn(i32) -> Option<Explanation> = |_| None;

/// Tells whether nothing that this provider accepts leaves the machine.
pub(crate) fn is_sandbox(provider: &dyn Provider) -> bool {
    provider.name() == Sandbox::NAME
}

#[cfg(test)]
mod tests;
