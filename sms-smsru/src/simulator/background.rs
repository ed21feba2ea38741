//! The background task: events that are due, and callbacks.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::simulator::callbacks::post;
use crate::simulator::callbacks::queue::Batch;
use crate::simulator::shared::Shared;

/// The interval at which the task reads the clock. A test can move a clock of its configuration
/// without a notice.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Carries out events that are due and posts callbacks, until the simulator stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut posts = JoinSet::new();
    loop {
        while let Some(batch) = next_batch(&shared) {
            let shared = Arc::clone(&shared);
            posts.spawn(async move { post::deliver(&shared, batch).await });
        }
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.wake.notified() => {}
            Some(_) = posts.join_next() => {}
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }
}

fn next_batch(shared: &Shared) -> Option<Batch> {
    let (mut state, now) = shared.current();
    let state = &mut *state;
    state.callbacks.next_due(&shared.config, &mut state.rng, now.ms)
}
