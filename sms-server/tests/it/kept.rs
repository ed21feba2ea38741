//! The store of a server that is killed and started again.

use std::path::Path;
use std::sync::Arc;

use sms_core::Store;
use sms_store_sqlite::{SqliteConfig, SqliteStore};
use tempfile::TempDir;

use crate::process::Server;

/// A store that outlives the processes which use it.
pub(crate) struct Kept {
    folder: TempDir,
    #[cfg(all(feature = "pg", feature = "redis", feature = "amqp"))]
    postgres: Option<sms_testkit::instances::Postgres>,
}

impl Kept {
    pub(crate) fn sqlite() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            #[cfg(all(feature = "pg", feature = "redis", feature = "amqp"))]
            postgres: None,
        }
    }

    /// Only programs are killed, and not the computer: commits need not reach the disk.
    #[cfg(all(feature = "pg", feature = "redis", feature = "amqp"))]
    pub(crate) async fn postgres() -> Self {
        let postgres = sms_testkit::instances::Postgres::start_with(&[("fsync", "off")]).await;
        Self { postgres: Some(postgres), ..Self::sqlite() }
    }

    /// Starts a server with this store.
    pub(crate) fn start(&self, settings: &[(&str, &str)]) -> Server {
        let settings = [settings, &self.address()].concat();
        Server::start(self.folder.path(), &settings)
    }

    #[cfg(all(feature = "pg", feature = "redis", feature = "amqp"))]
    fn address(&self) -> Vec<(&str, &str)> {
        self.postgres.iter().map(|postgres| ("SMS_STORE", postgres.url())).collect()
    }

    #[cfg(not(all(feature = "pg", feature = "redis", feature = "amqp")))]
    fn address(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    /// The same store, after the first start of a server.
    pub(crate) async fn open(&self) -> Arc<dyn Store> {
        #[cfg(all(feature = "pg", feature = "redis", feature = "amqp"))]
        if let Some(postgres) = &self.postgres {
            let config = sms_store_pg::PgConfig::from_url(postgres.url()).expect("an address");
            return Arc::new(sms_store_pg::PgStore::open(config).await.expect("opens"));
        }
        Arc::new(open_sqlite(self.folder.path()).await)
    }
}

async fn open_sqlite(folder: &Path) -> SqliteStore {
    SqliteStore::open(SqliteConfig::new(folder.join("data/sms.db"))).await.expect("opens")
}
