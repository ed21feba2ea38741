//! `GET /v1/selections/{id}`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::body::FilterBody;
use crate::app::App;
use crate::bulk::selection::Selection;
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::keys::{KeyScope, Principal};

/// Messages that matched a filter when it was made, or that were named. Messages that come later
/// are not in it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SelectionView {
    id: String,
    /// The filter, as it was sent; absent for messages that were named by their ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<FilterBody>)]
    filter: Option<Map<String, Value>>,
    /// The number of messages.
    count: u64,
    /// The numbers of messages by the status that they had then; statuses without any are absent.
    by_status: BTreeMap<String, u64>,
    /// False if more messages matched: these are the newest 100,000.
    complete: bool,
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    created_at: OffsetDateTime,
    /// The time until which an action can begin.
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    expires_at: OffsetDateTime,
}

/// `GET /v1/selections/{id}`.
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<SelectionView>, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    find(&app, &caller, &id).await.map(|found| Json(SelectionView::from(found)))
}

/// A selection that the caller may see.
pub(super) async fn find(app: &App, caller: &Principal, id: &str) -> Result<Selection, Problem> {
    let bulk = app.bulk().ok_or_else(Problem::no_such_path)?;
    let found = bulk.find::<Selection>(id, &caller.scope()).await?;
    found.filter(|found| found.is_ready).ok_or_else(Problem::not_found)
}

impl From<Selection> for SelectionView {
    fn from(selection: Selection) -> Self {
        let count = selection.count();
        let filter = (!selection.is_named).then_some(selection.filter);
        let Selection { id, by_status, is_complete, created_at, expires_at, .. } = selection;
        Self { id, filter, count, by_status, complete: is_complete, created_at, expires_at }
    }
}
