//! From addresses to adapters.

use std::sync::Arc;

use crate::callbacks::CallbackReader;
use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};
use sms_core::{MemoryQueue, Provider, Queue, Registry, Sandbox, Store};

#[cfg(not(feature = "sqlite"))]
compile_error!("a server needs a store: enable the feature `sqlite`");

/// The store an address names, not opened yet.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreAddress {
    /// A SQLite file.
    #[cfg(feature = "sqlite")]
    Sqlite(sms_store_sqlite::SqliteConfig),
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
            other => bail!("store: this build has no store `{other}:`; try sqlite:data/sms.db"),
        }
    }

    /// Opens the store, which is the registry too.
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
        }
    }
}

/// Opens the queue at an address.
///
/// # Errors
///
/// An address this build does not know.
pub fn queue(address: &SecretString) -> anyhow::Result<Arc<dyn Queue>> {
    match scheme(address.expose_secret()) {
        "memory" => Ok(Arc::new(MemoryQueue::new())),
        other => bail!("queue: this build has no queue `{other}:`; try memory:"),
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
