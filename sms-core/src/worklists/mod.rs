//! Worklists: numbered items of work with a result each, for work over many messages that outlasts
//! a request and the process that began it.

pub mod item;
pub mod requests;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use self::item::{ItemCounts, WorkItem};
use self::requests::{AppendItems, DeleteItems, ItemsRequest, RecordResults};
use crate::error::Result;

/// Lists of work, kept by a store next to its messages.
///
/// Optional for a store: without it there are no bulk actions and no imports.
///
/// # Contract
///
/// * **Durable**: what a method has written is on disk when it returns.
/// * **Numbers**: the caller numbers the items of a list. An item that is appended again under a
///   number that is taken changes nothing, so a lost answer can be repeated.
/// * **Once**: only a pending item takes a result; it keeps it for as long as it exists. Of several
///   callers with a result for the same item, one is recorded.
/// * **Order**: items are read in the order of their numbers.
/// * **Whole**: every call is one transaction. A dropped call has happened whole or not at all.
/// * **Errors**: every method may answer `Unavailable` (retry) or `Internal` (an operator must
///   look).
#[async_trait]
pub trait Worklists: Debug + Send + Sync + 'static {
    /// Adds items to a list, which begins to exist with its first one.
    async fn append(&self, request: AppendItems) -> Result<()>;

    /// Reads items from a number on.
    async fn items(&self, request: &ItemsRequest) -> Result<Vec<WorkItem>>;

    /// Records results of pending items; others stay as they are. Returns the number of items that
    /// changed.
    async fn record(&self, request: RecordResults) -> Result<usize>;

    /// Counts the items of a list by state.
    async fn counts(&self, list: &str) -> Result<ItemCounts>;

    /// Removes items of a list. Returns their number, which is less than the limit when the list is
    /// empty.
    async fn delete(&self, request: DeleteItems) -> Result<usize>;
}

#[async_trait]
impl<T: Worklists + ?Sized> Worklists for Arc<T> {
    async fn append(&self, request: AppendItems) -> Result<()> {
        (**self).append(request).await
    }

    async fn items(&self, request: &ItemsRequest) -> Result<Vec<WorkItem>> {
        (**self).items(request).await
    }

    async fn record(&self, request: RecordResults) -> Result<usize> {
        (**self).record(request).await
    }

    async fn counts(&self, list: &str) -> Result<ItemCounts> {
        (**self).counts(list).await
    }

    async fn delete(&self, request: DeleteItems) -> Result<usize> {
        (**self).delete(request).await
    }
}
