//! `GET /v1/stats`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sms_core::clock::datetime_from_ms;
use sms_core::store::{Scope, StatsRequest};
use sms_core::{Clock, Status, SystemClock};
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

use super::schema::MessageStatus;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::params::{Params, put_time, unknown};
use crate::http::problem::Problem;
use crate::keys::KeyScope;

/// The length of a range without a beginning.
const DEFAULT_RANGE: Duration = Duration::DAY;

/// Numbers of the messages that were accepted in a range, by status.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatsView {
    /// The beginning of the range; a day before its end, unless the client gave another.
    #[serde(with = "crate::http::timestamp::option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    from_time: Option<OffsetDateTime>,
    /// The end of the range; absent where it is now.
    #[serde(with = "crate::http::timestamp::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    to_time: Option<OffsetDateTime>,
    /// The messages of every status.
    total: u64,
    /// The messages of each status. Every status is there.
    #[schema(value_type = BTreeMap<MessageStatus, u64>)]
    counts: BTreeMap<&'static str, u64>,
}

/// `GET /v1/stats`: counts of the caller's own messages, or of all for keys with the scope `admin`.
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Json<StatsView>, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let client = Arc::clone(&caller.client);
    let range = range(params.clone(), caller.scope())?;
    let shared = Arc::clone(&app.0);
    let count = async move {
        let count = async |range: &StatsRequest| shared.store.stats(range).await;
        shared.stats_cache.stats((caller.scope(), params), range, count).await
    };
    let (range, stats) = app.0.scans.run(&client, count).await?;
    let StatsRequest { from_time, to_time, .. } = range;
    let counts = Status::ALL.map(|status| (status.as_str(), stats.count(status)));
    let total = stats.counts.iter().sum();
    Ok(Json(StatsView { from_time, to_time, total, counts: counts.into() }))
}

/// Reads the range. Its end stays open unless the client gave one, since now is a time of the
/// store's clock.
fn range(params: Params, scope: Scope) -> Result<StatsRequest, Problem> {
    let mut range = StatsRequest::new().scope(scope);
    params.set_each(|name, value| match name {
        "from_time" => put_time(&mut range.from_time, value),
        "to_time" => put_time(&mut range.to_time, value),
        _ => unknown(),
    })?;
    if range.from_time.is_none() {
        let end = range.to_time.unwrap_or_else(|| datetime_from_ms(SystemClock.now_ms()));
        range.from_time = end.checked_sub(DEFAULT_RANGE);
    }
    Ok(range)
}
