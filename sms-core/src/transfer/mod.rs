//! Copying of a whole store into another one, also of another kind: the [`Transfer`] trait.

pub mod tables;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use self::tables::Table;
use crate::error::Result;

/// One row of a [`Table`]: an array of its columns, in their order.
pub type Row = Value;

/// Reading and writing of all rows of a store.
///
/// Optional for a store: without it nothing can be copied. The same [tables](tables::TABLES) stand
/// for the tables of every store.
///
/// # Contract
///
/// * **Exact**: rows that were read from one store and written to another are equal there,
///   with ids, times, numbers and encrypted values.
/// * **Once**: `write` writes all of its rows together with the progress, or nothing. So a copy
///   that was interrupted goes on after the rows of the last progress.
/// * **Bounded**: each call handles the rows of one batch.
/// * **Errors**: every method may answer `Unavailable` (retry) or `Internal` (an operator must
///   look).
#[async_trait]
pub trait Transfer: Debug + Send + Sync + 'static {
    /// Reads rows of a table in the order of its key, after this row.
    async fn read(
        &self,
        table: &'static Table,
        after: Option<&Row>,
        limit: usize,
    ) -> Result<Vec<Row>>;

    /// Writes rows of a table, and the progress of the copy.
    async fn write(&self, table: &'static Table, rows: Vec<Row>, progress: Progress) -> Result<()>;

    /// Counts the rows of a table.
    async fn count_rows(&self, table: &'static Table) -> Result<u64>;

    /// Sets what the store refuses to every program, also to those that are running and to older
    /// ones. They get `Unavailable` with the reason as its source. Repeatable.
    async fn fence(&self, fence: Fence) -> Result<()>;
}

/// A record of the registry that tells how far a copy is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Kind of the record.
    pub kind: String,
    /// Name of the record.
    pub name: String,
    /// The document.
    pub value: Value,
}

impl Progress {
    /// A record with this document.
    pub fn new(kind: impl Into<String>, name: impl Into<String>, value: Value) -> Self {
        Self { kind: kind.into(), name: name.into(), value }
    }
}

/// Changes that a store refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fence {
    /// Nothing.
    Open,
    /// To accept a message and to begin to send one. Outcomes of calls in flight are recorded.
    NoNewWork {
        /// The reason, for the logs of the programs.
        reason: String,
    },
    /// Every change of a [table](tables::TABLES).
    Frozen {
        /// The reason, for the logs of the programs.
        reason: String,
    },
}

#[async_trait]
impl<T: Transfer + ?Sized> Transfer for Arc<T> {
    async fn read(
        &self,
        table: &'static Table,
        after: Option<&Row>,
        limit: usize,
    ) -> Result<Vec<Row>> {
        (**self).read(table, after, limit).await
    }

    async fn write(&self, table: &'static Table, rows: Vec<Row>, progress: Progress) -> Result<()> {
        (**self).write(table, rows, progress).await
    }

    async fn count_rows(&self, table: &'static Table) -> Result<u64> {
        (**self).count_rows(table).await
    }

    async fn fence(&self, fence: Fence) -> Result<()> {
        (**self).fence(fence).await
    }
}
