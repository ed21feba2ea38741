//! The store by its address.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use secrecy::{ExposeSecret, SecretString};
use sms_core::store::migration_plan::MigrationPlan;
use sms_core::{
    Erasure, Region, Registry, Rollups, SchemaLevel, StopList, Store, Transfer, Worklists,
};

use super::address::{split, unknown};
use crate::app::metrics::SetGauges;
use crate::app::site::StoreKind;
use crate::secrets::KeyFile;

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
    /// All rows, to be copied.
    pub transfer: Arc<dyn Transfer>,
    /// Identity of the tables; `None` for a store that does not know it.
    pub identity: Option<String>,
    /// Sets gauges of its resources, for metrics.
    pub(crate) set_gauges: SetGauges,
}

impl OpenStore {
    fn new<T>(store: T, set_gauges: impl Fn(&T) + Send + Sync + 'static) -> Self
    where
        T: Store + Registry + Rollups + StopList + Erasure + Worklists + Transfer,
    {
        let store = Arc::new(store);
        let shared = Arc::clone(&store);
        Self {
            set_gauges: SetGauges::new(move || set_gauges(&shared)),
            store: store.clone(),
            registry: store.clone(),
            rollups: store.clone(),
            stop_list: store.clone(),
            erasure: store.clone(),
            worklists: store.clone(),
            transfer: store,
            identity: None,
        }
    }
}

/// A store by its address, before it is opened.
#[derive(Clone, Debug)]
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

    /// The kind of the store.
    pub(crate) const fn kind(&self) -> StoreKind {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => StoreKind::Sqlite,
            #[cfg(feature = "pg")]
            Self::Pg(_) => StoreKind::Postgresql,
        }
    }

    /// The file with the secret key, next to a store that is a file.
    #[cfg_attr(
        not(feature = "pg"),
        expect(clippy::unnecessary_wraps, reason = "every store of this build is a file")
    )]
    pub(crate) fn key_file(&self) -> Option<KeyFile> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(config) => Some(KeyFile::next_to(config.path())),
            #[cfg(feature = "pg")]
            Self::Pg(_) => None,
        }
    }

    /// True if the store is a file that does not exist.
    pub(crate) fn is_missing(&self) -> bool {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(config) => !config.path().exists(),
            #[cfg(feature = "pg")]
            Self::Pg(_) => false,
        }
    }

    /// The same store for work that may take long.
    pub(crate) fn patient(self) -> Self {
        const PATIENCE: Duration = Duration::from_mins(10);
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(config) => Self::Sqlite(config.timeout(PATIENCE)),
            #[cfg(feature = "pg")]
            Self::Pg(config) => Self::Pg(Box::new(config.timeout(PATIENCE))),
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

    /// Copies the store to a new file while it is in use. `None` for a store that is not copied by
    /// this program.
    ///
    /// # Errors
    ///
    /// Those of the adapter.
    #[cfg_attr(not(feature = "sqlite"), expect(unused_variables, reason = "no store is a file"))]
    #[cfg_attr(
        not(feature = "sqlite"),
        expect(clippy::unused_async, reason = "no store is a file")
    )]
    pub(crate) async fn backup(
        &self,
        file: &Path,
        mark: serde_json::Value,
    ) -> anyhow::Result<Option<StoreBackup>> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(config) => {
                let (kind, name) = (crate::store_marks::KIND, crate::store_marks::BACKUP);
                let request = sms_store_sqlite::BackupRequest::new(file, kind, name, mark);
                let written = sms_store_sqlite::SqliteStore::backup(config, request).await?;
                Ok(Some(StoreBackup { bytes: written.bytes, messages: written.messages }))
            }
            #[cfg(feature = "pg")]
            Self::Pg(_) => Ok(None),
        }
    }

    /// The version of the server of the store, as a number such as 150004, and the schema of its
    /// tables; `None` for a store without a server.
    ///
    /// # Errors
    ///
    /// Those of the adapter.
    #[cfg(feature = "pg")]
    pub(crate) async fn server(&self) -> anyhow::Result<Option<StoreServer>> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Ok(None),
            Self::Pg(config) => {
                let version = sms_store_pg::PgStore::server_version(config).await?;
                Ok(Some(StoreServer { version, schema: config.schema_name().to_owned() }))
            }
        }
    }

    /// The migrations that opening the store would apply. Changes nothing.
    ///
    /// # Errors
    ///
    /// Those of the adapter.
    pub async fn migration_plan(&self) -> anyhow::Result<MigrationPlan> {
        Ok(match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(config) => sms_store_sqlite::SqliteStore::migration_plan(config).await?,
            #[cfg(feature = "pg")]
            Self::Pg(config) => sms_store_pg::PgStore::migration_plan(config).await?,
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
                let identity = Some(store.identity().await?);
                OpenStore { identity, ..OpenStore::new(store, set_connections) }
            }
        })
    }
}

/// Sets the sizes of the file of SQLite and of its write-ahead log.
#[cfg(feature = "sqlite")]
fn set_file_sizes(path: &Path) {
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

/// A copy of a store.
#[derive(Debug)]
pub(crate) struct StoreBackup {
    pub(crate) bytes: u64,
    pub(crate) messages: u64,
}

/// The server of a store.
#[cfg(feature = "pg")]
#[derive(Debug)]
pub(crate) struct StoreServer {
    pub(crate) version: u32,
    pub(crate) schema: String,
}
