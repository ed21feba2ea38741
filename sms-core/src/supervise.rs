//! Panics: a defect in one place, above all in an adapter, ends no task that others rely on.
//!
//! A call into an adapter that panics is a call that failed ([`catch_panic`]), so that it is
//! repeated as any other. A task that panics all the same is started again ([`survive_panic`]). The
//! panic hook has reported the place by then.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::sleep;

use crate::error::{Error, ErrorKind, Result};

/// How soon a task that panicked is started again: a defect that comes back at once must not keep a
/// core busy.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// The result of a call, or `Internal` when its code panicked. What the call holds must bear being
/// dropped half way, as any future must.
///
/// # Errors
///
/// The call's own; `Internal` after a panic.
pub async fn catch_panic<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    let failed = |_| Err(Error::new(ErrorKind::Internal, "the code that was called panicked"));
    AssertUnwindSafe(call).catch_unwind().await.unwrap_or_else(failed)
}

/// Runs a task. `None`, a second later, when it panicked: the caller starts it again, in a loop
/// such as `while survive_panic("insert", insert_all(&mut requests)).await.is_none() {}`.
pub async fn survive_panic<T>(task: &'static str, run: impl Future<Output = T>) -> Option<T> {
    let ended = AssertUnwindSafe(run).catch_unwind().await.ok();
    if ended.is_none() {
        tracing::error!(task, "a task panicked and is started again");
        sleep(RESTART_AFTER).await;
    }
    ended
}
