//! `GET /v1/messages.csv`: all pages of a list, as a file for spreadsheets.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use sms_core::store::ListRequest;
use sms_core::{Archive as _, StoredMessage};

use super::charged::Charged;
use super::filter::{CLIENT, ClientFilter, set_filter};
use super::list::LIST_BUDGET;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::csv::{self, CsvPages, SEPARATOR, put_separator, safe};
use crate::http::page::split;
use crate::http::params::{Params, put_boolean};
use crate::http::problem::Problem;
use crate::http::timestamp::written;
use crate::keys::{KeyScope, Principal};

/// Messages that are read at a time.
const PAGE: usize = 500;

/// The file while it is written.
struct File {
    app: App,
    caller: Principal,
    /// The next page; `None` at the end.
    request: Option<ListRequest>,
    /// The texts are shown.
    has_content: bool,
}

/// `GET /v1/messages.csv`: newest first.
pub(crate) async fn csv(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let mut request = ListRequest::new(PAGE + 1).budget(LIST_BUDGET);
    let mut client = ClientFilter::default();
    let (mut separator, mut has_content) = (SEPARATOR, true);
    let numbers = app.0.store.numbers();
    params.set_each(|name, value| match name {
        "separator" => put_separator(&mut separator, value),
        "content" => put_boolean(&mut has_content, value),
        CLIENT => client.set(value),
        _ => set_filter(&mut request, numbers, name, value),
    })?;
    request = request.scope(client.scope(&caller)?);
    csv::reply(separator, File { app, caller, request: Some(request), has_content }).await
}

impl CsvPages for File {
    const FILE: &'static str = "messages.csv";
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "created_at",
        "to",
        "text",
        "from",
        "class",
        "status",
        "charged",
        "cost",
        "parts",
        "attempts",
        "code",
        "reason",
        "provider",
        "provider_id",
        "reference",
        "due_at",
        "updated_at",
        "metadata",
    ];

    /// Each page takes a permit of its own, so that a long file does not keep other reads waiting.
    async fn next(&mut self) -> Result<Option<Vec<Vec<String>>>, Problem> {
        let Some(request) = self.request.clone() else { return Ok(None) };
        let (client, store) = (Arc::clone(&self.caller.client), Arc::clone(&self.app.0.store));
        let page = self.app.0.scans.run(&client, async move { store.list(&request).await }).await?;
        let (messages, next) = split(page, PAGE);
        self.request = match (self.request.take(), next.cursor) {
            (Some(request), Some(cursor)) => Some(request.after(cursor)),
            _ => None,
        };
        Ok(Some(messages.iter().map(|message| self.row(message)).collect()))
    }
}

impl File {
    fn row(&self, stored: &StoredMessage) -> Vec<String> {
        let StoredMessage { message, state, .. } = stored;
        let text = if self.has_content { &message.text } else { "" };
        let metadata = if message.metadata.is_empty() { "" } else { message.metadata.as_json() };
        vec![
            message.id.to_string(),
            written(state.created_at),
            // Without a plus sign, which would make it a formula.
            if message.is_erased() { String::new() } else { message.to.digits().to_string() },
            safe(text),
            safe(message.from.as_deref().unwrap_or_default()),
            message.class.as_str().to_owned(),
            state.status.to_string(),
            Charged::of(state).as_str().to_owned(),
            state.cost.map(|cost| cost.to_string()).unwrap_or_default(),
            message.parts.to_string(),
            state.attempts.to_string(),
            state.code.map(|code| code.to_string()).unwrap_or_default(),
            safe(state.reason.as_deref().unwrap_or_default()),
            safe(state.provider.as_deref().unwrap_or_default()),
            safe(state.provider_id.as_deref().unwrap_or_default()),
            safe(message.reference.as_deref().unwrap_or_default()),
            written(state.due_at),
            written(state.updated_at),
            metadata.to_owned(),
        ]
    }
}
