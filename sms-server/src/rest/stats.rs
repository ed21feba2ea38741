//! `GET /v1/stats`: how many messages are in each state.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Serialize;
use serde_json::{Map, Value};
use sms_core::Status;
use sms_core::store::StatsRange;
use time::OffsetDateTime;

use crate::app::Api;
use crate::http::auth::Caller;
use crate::http::params;
use crate::http::problem::Problem;
use crate::keys::KeyScope;

/// Counts of the messages that were accepted in a range.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    #[serde(with = "time::serde::rfc3339::option")]
    from_time: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    to_time: Option<OffsetDateTime>,
    total: u64,
    /// By the name of the state, every one of them.
    counts: Map<String, Value>,
}

/// `GET /v1/stats`: of the caller's own messages, or of all for keys with the scope `admin`.
pub(crate) async fn show(
    State(api): State<Api>,
    caller: Caller,
    parameters: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Json<Shown>, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let (client, parameters) = (Arc::clone(&caller.id), params::parameters(parameters)?);
    let range = params::stats(parameters.clone(), caller.scope())?;
    let shared = Arc::clone(&api.0);
    let count = async move {
        let count = async |range: &StatsRange| shared.store.stats(range).await;
        shared.tallies.stats((caller.scope(), parameters), range, count).await
    };
    let (range, stats) = api.0.scans.run(&client, count).await?;
    let StatsRange { from_time, to_time, .. } = range;
    let counts = Status::ALL.map(|status| (status.to_string(), Value::from(stats.count(status))));
    let total = stats.counts.iter().sum();
    Ok(Json(Shown { from_time, to_time, total, counts: counts.into_iter().collect() }))
}
