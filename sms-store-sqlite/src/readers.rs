//! The connections that read.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use sms_core::Result;
use tokio::sync::Semaphore;

use crate::config::SqliteConfig;
use crate::connect;
use crate::error::{Done, closed, stopped};
use crate::files::Files;

/// As many connections as may read at once. One is opened when it is needed first, and lost with work that panics.
pub(crate) struct Readers {
    config: SqliteConfig,
    files: Arc<Files>,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").field("permits", &self.permits).finish_non_exhaustive()
    }
}

impl Readers {
    pub(crate) fn new(config: SqliteConfig, files: Arc<Files>) -> Self {
        let permits = Arc::new(Semaphore::new(config.readers as usize));
        Self { config, files, idle: Mutex::default(), permits }
    }

    /// Reads, on a thread where that may take its time. It is not stopped when the caller goes away.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> Done<T> + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| closed())?;
        let readers = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || {
            let conn = readers.take()?;
            let answer = work(&conn);
            readers.idle().push(conn);
            drop(permit);
            answer
        });
        Ok(read.await.map_err(|error| stopped().with_source(error))??)
    }

    fn take(&self) -> Done<Connection> {
        let idle = self.idle().pop();
        idle.map_or_else(|| connect::reader(&self.config, &self.files), Ok)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes every connection, after the reads that are under way.
    pub(crate) async fn close(&self) {
        // An error says that they are closed already.
        let all = self.permits.acquire_many(self.config.readers).await;
        self.permits.close();
        drop(all);
        self.idle().clear();
    }
}
