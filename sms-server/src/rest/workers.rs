//! `GET /v1/workers`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sms_core::worker::control::Reported;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::queue_state::QueueState;
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::keys::KeyScope;

/// The workers that have reported in the last 20 s, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkerList {
    data: Vec<WorkerDetails>,
}

/// A worker, by its last reports.
#[derive(Debug, Serialize, ToSchema)]
struct WorkerDetails {
    name: String,
    /// The version of the program; empty for one that does not tell.
    version: String,
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    started_at: OffsetDateTime,
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    reported_at: OffsetDateTime,
    queue: QueueState,
    /// The routes that it serves, by name.
    routes: Vec<RouteView>,
}

/// A route of a worker.
#[derive(Debug, Serialize, ToSchema)]
struct RouteView {
    route: String,
    provider: String,
    /// Calls to the provider in flight.
    in_flight: usize,
    paused: bool,
}

/// `GET /v1/workers`: of every provider and route.
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<WorkerList>, Problem> {
    caller.with(KeyScope::Read)?;
    let monitor = app.0.provider.as_ref().ok_or_else(Problem::no_such_path)?;
    let mut workers = BTreeMap::new();
    for reported in monitor.alive().await? {
        let name = reported.worker().to_owned();
        let worker = workers.entry(name.clone()).or_insert_with(|| WorkerDetails {
            name,
            version: reported.report.version.clone(),
            started_at: reported.report.started_at,
            reported_at: reported.at,
            queue: QueueState::of(reported.report.queue_degraded),
            routes: Vec::new(),
        });
        worker.reported_at = worker.reported_at.max(reported.at);
        worker.routes.push(RouteView::from(reported));
    }
    for worker in workers.values_mut() {
        worker.routes.sort_by(|one, other| one.route.cmp(&other.route));
    }
    Ok(Json(WorkerList { data: workers.into_values().collect() }))
}

impl From<Reported> for RouteView {
    fn from(Reported { report, .. }: Reported) -> Self {
        let paused = report.pause.is_some();
        Self { route: report.route, provider: report.provider, in_flight: report.in_flight, paused }
    }
}
