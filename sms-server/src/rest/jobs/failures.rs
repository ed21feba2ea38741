//! `GET /v1/jobs/{id}/failures.csv`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use sms_core::store::MessageRequest;
use sms_core::worklists::item::{ItemState, WorkItem};
use sms_core::worklists::requests::ItemsRequest;
use sms_core::{Archive as _, Error};

use super::show::find;
use crate::app::App;
use crate::bulk::Bulk;
use crate::bulk::actions::{Failure, message_id};
use crate::bulk::import::row_of;
use crate::bulk::job::Action;
use crate::http::auth::Caller;
use crate::http::csv::{self, CsvPages, safe};
use crate::http::params::Params;
use crate::http::problem::Problem;
use crate::keys::{KeyScope, Principal};

/// Items that are read at a time, each with its message.
const PAGE: usize = 200;

/// The failures while they are written.
struct Failures {
    app: App,
    bulk: Bulk,
    caller: Principal,
    /// True if the items are rows of an import, and no messages.
    has_rows: bool,
    /// The next items; `None` at the end.
    request: Option<ItemsRequest>,
}

/// `GET /v1/jobs/{id}/failures.csv`: the messages that the action was not possible for, or the rows
/// that became no message.
pub(crate) async fn failures(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let separator = csv::separator(params)?;
    let (bulk, job) = find(&app, &caller, &id).await?;
    let bulk = bulk.clone();
    let has_rows = matches!(job.action, Action::Send { .. });
    let request = Some(ItemsRequest::new(job.id, PAGE).state(ItemState::Failed));
    csv::reply(separator, Failures { app, bulk, caller, has_rows, request }).await
}

impl CsvPages for Failures {
    const FILE: &'static str = "failures.csv";
    const COLUMNS: &'static [&'static str] = &["message_id", "to", "code", "detail"];

    async fn next(&mut self) -> Result<Option<Vec<Vec<String>>>, Problem> {
        let Some(items) = self.bulk.next_items(&mut self.request).await? else { return Ok(None) };
        if self.has_rows {
            let row_without_message = |item: &WorkItem| {
                let to = row_of(item)?.map(|row| row.to.trim_start_matches('+').to_owned());
                Ok(row(item, String::new(), to))
            };
            return items.iter().map(row_without_message).collect::<Result<_, Problem>>().map(Some);
        }
        let (client, store) = (Arc::clone(&self.caller.client), Arc::clone(&self.app.0.store));
        let scope = self.caller.scope();
        let rows = async move {
            let mut rows = Vec::with_capacity(items.len());
            // An item is empty if a number in its words was erased.
            for item in items.iter().filter(|item| !item.payload.is_empty()) {
                let message = MessageRequest::new(message_id(item)?).scope(scope.clone());
                let stored = store.get(&message).await?.filter(|it| !it.message.is_erased());
                let to = stored.map(|stored| stored.message.to);
                let to = to.map(|to| to.digits().to_string());
                rows.push(row(item, item.payload.clone(), to));
            }
            Ok::<_, Error>(rows)
        };
        self.app.0.lookups.run(&client, rows).await.map(Some)
    }
}

fn row(item: &WorkItem, message_id: String, to: Option<String>) -> Vec<String> {
    let failure =
        item.result.as_deref().and_then(|json| serde_json::from_str::<Failure>(json).ok());
    let (code, detail) = failure.map(|it| (it.code, it.detail)).unwrap_or_default();
    vec![message_id, to.unwrap_or_default(), code, safe(&detail)]
}
