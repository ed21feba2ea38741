//! Handling of panics: a bug in one place, most likely in an adapter, must not end a task that
//! others rely on.
//!
//! A call into an adapter that panics counts as a failed call ([`catch_panic`]) and is retried like
//! any other. A task that panics nevertheless is restarted ([`survive_panic`]). The panic hook has
//! already logged the place of the panic.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::sleep;

use crate::error::{Error, ErrorKind, Result};

/// Delay before a task that panicked is restarted. A task that panics again at once must not keep
/// a core busy.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// Runs a call and turns a panic into an error. The call must tolerate being dropped half way, as
/// any future must.
///
/// # Errors
///
/// Those of the call; `Internal` after a panic.
pub async fn catch_panic<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    let failed = |_| Err(Error::new(ErrorKind::Internal, "the called code panicked"));
    AssertUnwindSafe(call).catch_unwind().await.unwrap_or_else(failed)
}

/// Runs a task. Returns `None` after a panic, a second later; the caller restarts the task in a
/// loop such as `while survive_panic("insert", insert_all(&mut requests)).await.is_none() {}`.
pub async fn survive_panic<T>(task: &'static str, run: impl Future<Output = T>) -> Option<T> {
    let ended = AssertUnwindSafe(run).catch_unwind().await.ok();
    if ended.is_none() {
        tracing::error!(task, "a task panicked and is restarted");
        sleep(RESTART_AFTER).await;
    }
    ended
}
