//! `GET /v1/messages.csv`: all pages of a list, as a file for spreadsheets.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use csv::{Writer, WriterBuilder};
use futures_util::stream;
use sms_core::store::ListRequest;
use sms_core::{Archive as _, Error, ErrorKind, StoredMessage};

use super::charged::Charged;
use super::filter::set_filter;
use super::list::LIST_BUDGET;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::page::split;
use crate::http::params::{Params, put, put_boolean};
use crate::http::problem::Problem;
use crate::http::timestamp::written;
use crate::keys::{KeyScope, Principal};

/// Messages that are read at a time.
const PAGE: usize = 500;
/// The byte order mark, by which spreadsheets recognise UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// The names of the columns.
const COLUMNS: [&str; 18] = [
    "id",
    "created_at",
    "to",
    "text",
    "from",
    "class",
    "status",
    "charged",
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

/// The file while it is written.
struct File {
    app: App,
    caller: Principal,
    /// The next page.
    request: ListRequest,
    separator: u8,
    /// The texts are shown.
    has_content: bool,
    progress: Progress,
}

/// State of the file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Begins,
    Continues,
    Ends,
}

/// `GET /v1/messages.csv`: newest first. The rows are sent as they are read: an error after the
/// first page ends the connection before the end of the body.
pub(crate) async fn csv(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let mut request = ListRequest::new(PAGE + 1).scope(caller.scope()).budget(LIST_BUDGET);
    let (mut separator, mut has_content) = (b';', true);
    let numbers = app.0.store.numbers();
    params.set_each(|name, value| match name {
        "separator" => {
            let known = [("semicolon", b';'), ("comma", b',')];
            let known = known.into_iter().find_map(|(name, byte)| (name == value).then_some(byte));
            put(&mut separator, known, "must be semicolon or comma")
        }
        "content" => put_boolean(&mut has_content, value),
        _ => set_filter(&mut request, numbers, name, value),
    })?;
    let progress = Progress::Begins;
    let mut file = File { app, caller, request, separator, has_content, progress };
    // The first page is read before the reply, so that what is wrong is a problem.
    let first = file.next_page().await?;
    let rest = stream::try_unfold(file, async |mut file| {
        if file.progress == Progress::Ends {
            return Ok(None);
        }
        let page = file.next_page().await.map_err(|problem| {
            tracing::warn!(problem = problem.code(), "a file of messages was cut short");
            std::io::Error::other("the next messages cannot be read")
        })?;
        Ok(Some((page, file)))
    });
    let first = stream::once(async move { Ok::<_, std::io::Error>(first) });
    let body = Body::from_stream(futures_util::StreamExt::chain(first, rest));
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (CONTENT_DISPOSITION, r#"attachment; filename="messages.csv""#),
    ];
    Ok((headers, body).into_response())
}

impl File {
    /// Reads and writes the next page. Each page takes a permit of its own, so that a long file
    /// does not keep other reads waiting.
    async fn next_page(&mut self) -> Result<Vec<u8>, Problem> {
        let (client, store) = (Arc::clone(&self.caller.client), Arc::clone(&self.app.0.store));
        let request = self.request.clone();
        let page = self.app.0.scans.run(&client, async move { store.list(&request).await }).await?;
        let (messages, next) = split(page, PAGE);
        let written = self.write(&messages).map_err(|error| {
            Error::new(ErrorKind::Internal, "a row cannot be written").with_source(error)
        })?;
        self.progress = if next.cursor.is_some() { Progress::Continues } else { Progress::Ends };
        self.request.after = next.cursor;
        Ok(written)
    }

    fn write(&self, messages: &[StoredMessage]) -> csv::Result<Vec<u8>> {
        let begins = self.progress == Progress::Begins;
        let start = if begins { BOM.to_vec() } else { Vec::new() };
        let mut rows = WriterBuilder::new()
            .delimiter(self.separator)
            .terminator(csv::Terminator::CRLF)
            .from_writer(start);
        if begins {
            rows.write_record(COLUMNS)?;
        }
        for message in messages {
            self.write_row(&mut rows, message)?;
        }
        rows.into_inner().map_err(|error| error.into_error().into())
    }

    fn write_row(&self, rows: &mut Writer<Vec<u8>>, stored: &StoredMessage) -> csv::Result<()> {
        let StoredMessage { message, state, .. } = stored;
        let text = if self.has_content { &message.text } else { "" };
        let metadata = if message.metadata.is_empty() { "" } else { message.metadata.as_json() };
        let cells = [
            message.id.to_string(),
            written(state.created_at),
            // Without a plus sign, which would make it a formula.
            message.to.digits().to_string(),
            safe(text),
            safe(message.from.as_deref().unwrap_or_default()),
            message.class.as_str().to_owned(),
            state.status.to_string(),
            Charged::of(state).as_str().to_owned(),
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
        ];
        rows.write_record(cells)
    }
}

/// A cell that no spreadsheet takes for a formula: one that begins like a formula gets an
/// apostrophe in front.
fn safe(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if is_formula { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_begins_like_a_formula_is_defused() {
        for cell in ["=1+1", "+7", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(safe(cell), format!("'{cell}"));
        }
        for cell in ["", "Код 1234", "a=b", "1-2", "'=1"] {
            assert_eq!(safe(cell), cell);
        }
    }
}
