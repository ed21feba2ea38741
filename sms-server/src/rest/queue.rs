//! `GET /v1/queue`.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sms_core::queue::LaneStats;
use sms_core::{Error, Lane};
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::queue_state::QueueState;
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::keys::KeyScope;

/// The longest the queue may take to answer.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);
/// The consequence of an outage of the queue.
const DEGRADED: &str = "the queue server cannot be used; messages go on through the store, which \
                        workers look at twice a second";

/// The jobs in the queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueView {
    state: QueueState,
    /// The consequence of the state, in words.
    note: Option<&'static str>,
    /// The figures by lane; null where they are not known.
    lanes: Option<LanesView>,
    /// Jobs that each lane holds at most; null where there is no bound or it is not known.
    capacity: Option<usize>,
}

#[derive(Debug, Serialize, ToSchema)]
struct LanesView {
    urgent: LaneView,
    normal: LaneView,
    bulk: LaneView,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
struct LaneView {
    /// Jobs that wait to be pulled.
    ready: usize,
    /// Jobs that are pulled and not settled.
    leased: usize,
    /// The age of the oldest ready job, in milliseconds; null where there is none or it is not
    /// known.
    oldest_age_ms: Option<u64>,
}

impl From<LaneStats> for LaneView {
    fn from(LaneStats { ready, leased, oldest_age_ms, .. }: LaneStats) -> Self {
        Self { ready, leased, oldest_age_ms }
    }
}

/// `GET /v1/queue`: the jobs that wait, by lane. Needs the scope `admin`.
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<QueueView>, Problem> {
    caller.with(KeyScope::Admin)?;
    let too_slow = |error| Error::unavailable("the queue did not answer in time", error);
    let stats = timeout(QUEUE_TIMEOUT, app.0.queue.stats())
        .await
        .unwrap_or_else(|error| Err(too_slow(error)));
    // Without its queue server a process that only serves has no figures; one that also works has
    // those of the queue in the process.
    let Ok(stats) = stats else {
        return Ok(Json(QueueView {
            state: QueueState::Degraded,
            note: Some(DEGRADED),
            lanes: None,
            capacity: None,
        }));
    };
    let lane = |lane: Lane| stats.lanes[lane].into();
    let (urgent, normal, bulk) = (lane(Lane::Urgent), lane(Lane::Normal), lane(Lane::Bulk));
    Ok(Json(QueueView {
        state: QueueState::of(stats.degraded),
        note: stats.degraded.then_some(DEGRADED),
        lanes: Some(LanesView { urgent, normal, bulk }),
        capacity: stats.capacity,
    }))
}
