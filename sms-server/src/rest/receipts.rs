//! Receipts under provider ids that no message has.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Serialize;
use serde_json::{Value, json};
use sms_core::clock::datetime_to_ms;
use sms_core::store::UnmatchedRequest;
use sms_core::store::inference::{SKEW, WINDOW, is_of_one_time};
use sms_core::{Explanation, ReceiptState, Status, StoredMessage, UnmatchedId};
use time::OffsetDateTime;

use crate::app::Api;
use crate::http::auth::Caller;
use crate::http::params;
use crate::http::problem::Problem;
use crate::keys::{KeyScope, Principal};

/// How many are shown beside messages at most.
const BESIDE: usize = 200;

/// One such id as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Unmatched {
    provider: String,
    provider_id: String,
    state: ReceiptState,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<Explanation>,
    #[serde(with = "time::serde::rfc3339")]
    made_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    received_at: OffsetDateTime,
}

/// `GET /v1/receipts/unmatched`: those that came last first.
pub(crate) async fn unmatched(
    State(api): State<Api>,
    caller: Caller,
    parameters: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let caller = caller.with(KeyScope::Admin)?;
    let request = params::unmatched(params::parameters(parameters)?)?;
    let store = Arc::clone(&api.0.store);
    let found = api.0.scans.run(&caller.id, async move { store.unmatched(&request).await }).await?;
    let data: Vec<_> = found.into_iter().map(|id| api.unmatched(id)).collect();
    Ok(Json(json!({ "data": data })))
}

impl Api {
    fn unmatched(&self, id: UnmatchedId) -> Unmatched {
        let UnmatchedId { provider, provider_id, made_at, received_at, last } = id;
        let meaning = last.code.and_then(|code| self.explain(&provider, code));
        Unmatched {
            provider,
            provider_id,
            state: last.state,
            code: last.code,
            meaning,
            made_at,
            received_at,
        }
    }

    /// The ids that may be those of these messages, whose outcome is unknown; for who may see
    /// everything.
    pub(crate) async fn unmatched_beside(
        &self,
        caller: &Principal,
        messages: &[StoredMessage],
    ) -> Result<Vec<Unmatched>, Problem> {
        let unknown = messages.iter().filter(|stored| stored.state.status == Status::Unknown);
        let times: Vec<OffsetDateTime> =
            unknown.filter_map(|stored| stored.state.unknown_at).collect();
        let (Some(first), Some(last), true) =
            (times.iter().min(), times.iter().max(), caller.may(KeyScope::Admin))
        else {
            return Ok(Vec::new());
        };
        let (from_time, to_time) = (Some(*first - SKEW), Some(*last + WINDOW));
        let request = UnmatchedRequest { provider: None, from_time, to_time, limit: BESIDE };
        let mut found = self.0.store.unmatched(&request).await?;
        found.retain(|id| times.iter().any(|at| is_of_one_time(datetime_to_ms(*at), id.made_at)));
        Ok(found.into_iter().map(|id| self.unmatched(id)).collect())
    }
}
