//! The task that rolls up: it keeps the counts of `GET /v1/stats/series` at most seconds behind.

use std::time::Duration;

use sms_core::rollups::requests::RollUpRequest;
use sms_core::supervise::catch_panic;
use sms_core::{CancellationToken, Outage, Result, Rollups, instruments};
use tokio::time::sleep;

/// Time between two rounds.
const ROUND_INTERVAL: Duration = Duration::from_secs(2);
/// Time between two calls of a round that catches up, so that other writers have their turn.
const CALL_INTERVAL: Duration = Duration::from_millis(10);
/// Events of one call: some milliseconds of work, of which the writer of SQLite sees little.
const EVENTS_PER_CALL: usize = 2000;
/// Calls of one round at most.
const CALLS_PER_ROUND: usize = 50;

/// Begins to count, so that the first message that this process accepts is counted.
pub(crate) async fn begin(rollups: &dyn Rollups) {
    // The first round does it again, and logs the error.
    let _ = catch_panic(rollups.roll_up(RollUpRequest::new(1))).await;
}

/// Rolls up until the shutdown. Any number of processes may do so at a time.
pub(crate) async fn keep_rolling_up(rollups: &dyn Rollups, shutdown: &CancellationToken) {
    let outage = Outage::new("the counting for charts", "charts are behind; messages go on");
    loop {
        outage.note_work(&catch_panic(round(rollups)).await);
        tokio::select! {
            () = sleep(ROUND_INTERVAL) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

/// Counts what has happened, or much of it.
async fn round(rollups: &dyn Rollups) -> Result<()> {
    for _ in 0..CALLS_PER_ROUND {
        let progress = rollups.roll_up(RollUpRequest::new(EVENTS_PER_CALL)).await?;
        instruments::rolled_up(&progress.changes);
        if !progress.is_behind {
            instruments::rolled_up_to_the_end();
            break;
        }
        sleep(CALL_INTERVAL).await;
    }
    Ok(())
}
