//! Files as bodies, read on a thread of their own: a large one takes seconds.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use sms_core::{Error, ErrorKind};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::app::App;
use crate::http::body::{Reservation, drain, length, next_bytes};
use crate::http::fields::Fields;
use crate::http::problem::{FieldProblem, Problem};
use crate::imports::FileError;
use crate::keys::Principal;

/// The largest file, in bytes.
pub(super) const MAX_FILE: usize = 10 * 1024 * 1024;
/// Time for a large file over a slow line, in addition to that of any request.
pub(super) const UPLOAD_TIME: Duration = Duration::from_mins(1);
/// Problems of a file of which no row can be read.
pub(super) const FILE_PROBLEMS: [&str; 6] = [
    "file_unreadable",
    "file_empty",
    "rows_too_many",
    "number_column_unclear",
    "column_unknown",
    "column_repeated",
];
/// The longest that a file waits for others to be read.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The bytes of a file.
pub(super) struct Upload {
    bytes: Vec<u8>,
    memory: Reservation,
}

/// The memory of a file and its place among others, to be held while its text is in use.
pub(super) struct Held {
    _memory: Reservation,
    _place: OwnedSemaphorePermit,
}

impl Upload {
    /// Reads the body.
    pub(super) async fn read(
        app: &App,
        caller: &Principal,
        headers: &HeaderMap,
        body: &mut Body,
    ) -> Result<Self, Problem> {
        let uploaded = Self::read_all(app, caller, headers, body).await;
        if uploaded.is_err() {
            drain(body).await;
        }
        uploaded
    }

    async fn read_all(
        app: &App,
        caller: &Principal,
        headers: &HeaderMap,
        body: &mut Body,
    ) -> Result<Self, Problem> {
        check_content_type(headers)?;
        Fields::check_encoding(headers)?;
        let mut memory = app.0.bodies.reserve_batch(&caller.client, length(body).unwrap_or(0))?;
        let mut bytes = Vec::new();
        while let Some(more) = next_bytes(body).await? {
            memory.cover(bytes.len() + more.len())?;
            bytes.extend_from_slice(&more);
        }
        Ok(Self { bytes, memory })
    }

    /// Has the bytes read on a thread when it is their turn.
    pub(super) async fn parse<T, F>(self, app: &App, parse: F) -> Result<(T, Held), Problem>
    where
        T: Send + 'static,
        F: FnOnce(Vec<u8>) -> Result<T, FileError> + Send + 'static,
    {
        let checks = Arc::clone(&app.0.import_checks);
        let place = timeout(MAX_WAIT, checks.acquire_owned()).await;
        let place = place.map_err(|_| busy())?.map_err(|_| busy())?;
        let Self { bytes, memory } = self;
        // The thread holds both, since it goes on after the end of its request.
        let held = Held { _memory: memory, _place: place };
        let parse = move || parse(bytes).map(|parsed| (parsed, held));
        spawn_blocking(parse).await.map_err(interrupted)?.map_err(of_file)
    }
}

/// The problem of a file.
pub(super) fn of_file(FileError { option, code, detail }: FileError) -> Problem {
    let wrong = match option {
        Some(option) => FieldProblem::parameter(option, code, detail),
        None => FieldProblem::whole(code, detail),
    };
    Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, vec![wrong])
}

/// The problem of a check that has not come to its end.
pub(super) fn interrupted(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Problem {
    Error::new(ErrorKind::Unavailable, "the check of a file was interrupted")
        .with_source(cause)
        .into()
}

fn busy() -> Problem {
    let detail = "other files are checked already; try again";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail)
        .with_header(header::RETRY_AFTER, HeaderValue::from_static("5"))
}

/// Refuses a form of a browser, and JSON.
fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    const KNOWN: [&str; 3] = ["text/csv", "text/plain", "application/octet-stream"];
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next()).map(str::trim);
    if essence.is_some_and(|it| KNOWN.iter().any(|known| it.eq_ignore_ascii_case(known))) {
        return Ok(());
    }
    let detail = "the body must be the file itself, sent with Content-Type: text/csv";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type", detail))
}
