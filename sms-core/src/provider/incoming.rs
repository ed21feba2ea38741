//! Receipts that arrive on a connection.

use std::fmt::Debug;

use async_trait::async_trait;

use super::receipt::Receipt;

/// Receipts that arrive on a connection without being asked for, as with SMPP.
///
/// The worker writes them to the store before it waits for the next ones. After
/// [`Provider::close`](super::Provider::close) it takes those that have arrived until then, so that
/// a shutdown loses none.
#[async_trait]
pub trait IncomingReceipts: Debug + Send + Sync {
    /// Waits for the next receipts, at least one. Each is returned to one caller only. An empty
    /// list means that the provider is closed and every receipt has been returned.
    ///
    /// Cancellation: a dropped call loses no receipt.
    async fn next(&self) -> Vec<Receipt>;

    /// Tells that receipts of [`next`](Self::next) are committed to the store. A provider that
    /// repeats unconfirmed receipts confirms them here and not earlier, so that a crash loses none.
    /// The call may come after the provider was closed. Does nothing by default.
    async fn written(&self, _receipts: &[Receipt]) {}
}
