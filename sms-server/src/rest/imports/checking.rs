//! The check of a file, on a thread of its own: a large one takes seconds.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest as _, Sha256};
use sms_core::worklists::item::{ItemState, WorkItem};
use sms_core::{Error, ErrorKind, Message, NewMessage, NumberReader, PhoneNumber, Sender};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use super::options::{ImportOptions, of_file};
use crate::app::App;
use crate::bulk::import::{ImportFile, RowCounts, errors_result, row_payload};
use crate::hex::hex;
use crate::http::body::{Reservation, drain, length, next_bytes};
use crate::http::fields::Fields;
use crate::http::problem::Problem;
use crate::imports::FileError;
use crate::imports::check::{CheckedRow, Checker, MAX_ROWS, Rules};
use crate::imports::encoding::decode;
use crate::imports::layout::Layout;
use crate::imports::mailing::{Mailing, MailingOptions};
use crate::keys::Principal;

/// The largest file, in bytes.
pub(in crate::rest) const MAX_FILE: usize = 10 * 1024 * 1024;
/// The longest that a file waits for others to be checked.
const MAX_WAIT: Duration = Duration::from_secs(10);
/// Rows that are written in one transaction.
const CHUNK: usize = 500;
/// Chunks that wait to be written.
const CHUNKS: usize = 2;
/// Messages that are shown.
const PREVIEW: usize = 5;

/// The bytes of a file.
pub(super) struct Upload {
    bytes: Vec<u8>,
    memory: Reservation,
}

/// A file that can be read, and the memory and the place among other checks that it takes.
pub(super) struct OpenFile {
    pub(super) found: ImportFile,
    text: String,
    layout: Layout,
    options: MailingOptions,
    numbers: NumberReader,
    rules: CallerRules,
    _held: (Reservation, OwnedSemaphorePermit),
}

/// A file of which every row was checked.
pub(super) struct CheckedFile {
    pub(super) mailing: Mailing,
    pub(super) counts: RowCounts,
    pub(super) preview: Vec<u64>,
}

/// The checks of the caller's messages.
struct CallerRules {
    sender: Sender,
    caller: Principal,
}

impl Rules for CallerRules {
    fn prepare(&self, message: &Message) -> Result<NewMessage, Error> {
        self.sender.prepare(message)
    }

    fn may_send_to(&self, number: PhoneNumber) -> bool {
        self.caller.may_send_to(number)
    }
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

    /// Finds out what is where in the file.
    pub(super) async fn open(
        self,
        app: &App,
        caller: Principal,
        options: ImportOptions,
    ) -> Result<OpenFile, Problem> {
        let checks = Arc::clone(&app.0.import_checks);
        let place = timeout(MAX_WAIT, checks.acquire_owned()).await;
        let place = place.map_err(|_| busy())?.map_err(|_| busy())?;
        let (numbers, sender) = (app.0.store.numbers(), app.0.sender.clone());
        let open = move || -> Result<OpenFile, FileError> {
            let Self { bytes, memory } = self;
            let ImportOptions { file_name: name, file, mailing: options } = options;
            let digest = hex(&Sha256::digest(&bytes));
            let (text, encoding) = decode(bytes)?;
            let layout = Layout::find(&text, &file, numbers)?;
            let found = ImportFile {
                name,
                digest,
                encoding,
                separator: layout.separator,
                has_header: layout.has_header,
                columns: layout.columns.names().to_vec(),
                to_column: layout.columns.name(layout.to),
            };
            let rules = CallerRules { sender, caller };
            Ok(OpenFile { found, text, layout, options, numbers, rules, _held: (memory, place) })
        };
        spawn_blocking(open).await.map_err(interrupted)?.map_err(of_file)
    }
}

impl OpenFile {
    /// Checks the rows. Items come in chunks through the channel; without its receiver the check
    /// ends.
    pub(super) fn check(
        self,
    ) -> (mpsc::Receiver<Vec<WorkItem>>, JoinHandle<Result<CheckedFile, Problem>>) {
        let (items, received) = mpsc::channel(CHUNKS);
        (received, spawn_blocking(move || self.check_all(&items)))
    }

    fn check_all(self, items: &mpsc::Sender<Vec<WorkItem>>) -> Result<CheckedFile, Problem> {
        let Self { text, layout, options, numbers, rules, _held, .. } = self;
        let mut checker = Checker::new(&layout, options, numbers, rules);
        let (mut counts, mut preview) = (RowCounts::default(), Vec::new());
        let mut chunk = Vec::with_capacity(CHUNK);
        for (number, checked) in (0..).zip(checker.check(&text)) {
            if number == MAX_ROWS as u64 {
                return Err(of_file(too_many()));
            }
            count(&mut counts, &checked);
            if checked.result.is_ok() && preview.len() < PREVIEW {
                preview.push(number);
            }
            chunk.push(item(number, checked)?);
            if chunk.len() == CHUNK {
                let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK));
                items.blocking_send(full).map_err(|_| interrupted("its request has ended"))?;
            }
        }
        if !chunk.is_empty() {
            items.blocking_send(chunk).map_err(|_| interrupted("its request has ended"))?;
        }
        Ok(CheckedFile { mailing: checker.into_mailing(), counts, preview })
    }
}

fn count(counts: &mut RowCounts, checked: &CheckedRow) {
    match checked.result {
        Ok(parts) => {
            counts.valid += 1;
            counts.parts += u64::from(parts);
        }
        Err(_) => counts.invalid += 1,
    }
    counts.repeated += u64::from(checked.is_repeated);
}

fn item(number: u64, CheckedRow { row, result, .. }: CheckedRow) -> Result<WorkItem, Error> {
    let item = WorkItem::new(number, row_payload(&row)?);
    Ok(match result {
        Ok(_) => item,
        Err(errors) => item.ended(ItemState::Skipped, errors_result(&errors)?),
    })
}

fn too_many() -> FileError {
    let detail = "must have at most 100000 rows".to_owned();
    FileError { option: None, code: "rows_too_many", detail }
}

/// The problem of a check that has not come to its end.
pub(super) fn interrupted(
    cause: impl Into<Box<dyn std::error::Error + std::marker::Send + Sync>>,
) -> Problem {
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
