//! `GET /v1/receipts/unmatched`: receipts with a provider id that no message has.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sms_core::clock::datetime_to_ms;
use sms_core::store::UnmatchedRequest;
use sms_core::store::inference::{SKEW, WINDOW, is_of_one_time};
use sms_core::{Archive, ReceiptState, Status, StoredMessage, UnmatchedId};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::meaning::Meaning;
use super::schema::ReportedState;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::params::{DEFAULT_LIMIT, Params, put_limit, put_time, unknown};
use crate::http::problem::Problem;
use crate::keys::{KeyScope, Principal};

/// Receipts that are shown with messages at most.
const MAX_WITH_MESSAGES: usize = 200;

/// The last receipt with a provider id that no message has.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnmatchedReceipt {
    provider: String,
    provider_id: String,
    #[schema(value_type = ReportedState)]
    state: ReceiptState,
    /// The provider's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<Meaning>,
    /// The time of the first receipt by the provider's clock, or at which it came.
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    made_at: OffsetDateTime,
    /// The time at which the first receipt came.
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    received_at: OffsetDateTime,
}

/// Unmatched receipts, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnmatchedReceipts {
    data: Vec<UnmatchedReceipt>,
}

impl UnmatchedReceipt {
    fn new(id: UnmatchedId, app: &App) -> Self {
        let UnmatchedId { provider, provider_id, made_at, received_at, last, .. } = id;
        let meaning = last.code.and_then(|code| app.explain(&provider, code)).map(Meaning::from);
        let (state, code) = (last.state, last.code);
        Self { provider, provider_id, state, code, meaning, made_at, received_at }
    }
}

/// `GET /v1/receipts/unmatched`: newest first. Needs the scope `admin`.
pub(crate) async fn unmatched(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Json<UnmatchedReceipts>, Problem> {
    let caller = caller.with(KeyScope::Admin)?;
    let request = read(params)?;
    let store = Arc::clone(&app.0.store);
    let found =
        app.0.scans.run(&caller.client, async move { store.unmatched(&request).await }).await?;
    let data = found.into_iter().map(|id| UnmatchedReceipt::new(id, &app)).collect();
    Ok(Json(UnmatchedReceipts { data }))
}

fn read(params: Params) -> Result<UnmatchedRequest, Problem> {
    let mut request = UnmatchedRequest::new(DEFAULT_LIMIT);
    params.set_each(|name, value| match name {
        "from_time" => put_time(&mut request.from_time, value),
        "to_time" => put_time(&mut request.to_time, value),
        "limit" => put_limit(&mut request.limit, value),
        _ => unknown(),
    })?;
    Ok(request)
}

/// Unmatched receipts that may belong to these messages, as far as their outcome is unknown. Empty
/// for callers without the scope `admin`.
pub(crate) async fn unmatched_near(
    app: &App,
    caller: &Principal,
    messages: &[StoredMessage],
) -> Result<Vec<UnmatchedReceipt>, Problem> {
    let unknown = messages.iter().filter(|stored| stored.state.status == Status::Unknown);
    let times: Vec<OffsetDateTime> = unknown.filter_map(|stored| stored.state.unknown_at).collect();
    let (Some(first), Some(last), true) =
        (times.iter().min(), times.iter().max(), caller.may(KeyScope::Admin))
    else {
        return Ok(Vec::new());
    };
    let (from_time, to_time) = (Some(*first - SKEW), Some(*last + WINDOW));
    let request = UnmatchedRequest::new(MAX_WITH_MESSAGES).from_time(from_time).to_time(to_time);
    let mut found = app.0.store.unmatched(&request).await?;
    found.retain(|id| times.iter().any(|at| is_of_one_time(datetime_to_ms(*at), id.made_at)));
    Ok(found.into_iter().map(|id| UnmatchedReceipt::new(id, app)).collect())
}
