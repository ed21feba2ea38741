//! `POST /v1/stoplist/import`: numbers from a file.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Serialize;
use sms_core::stop_list::NewStop;
use utoipa::ToSchema;

use super::stop_list;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::fields::{MAX_REASON, is_words};
use crate::http::params::{Params, Rule, put, unknown};
use crate::http::problem::Problem;
use crate::imports::encoding::decode;
use crate::imports::separator::Separator;
use crate::imports::stops::{StopFile, StopOptions};
use crate::keys::KeyScope;
use crate::rest::imports::options::{put_name, put_some_boolean};
use crate::rest::imports::view::RowErrors;
use crate::rest::upload::Upload;

/// Numbers that are added in one transaction.
const CHUNK: usize = 500;
/// Wrong rows that are named.
const MAX_ERRORS: usize = 1000;

/// The result of adding the numbers of a file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StopsImport {
    /// Rows with something in them.
    rows: usize,
    /// Numbers that were not on the list before.
    added: usize,
    /// Numbers that were on the list; each has the reason of the file now.
    already_listed: usize,
    /// Rows that are wrong and were left out.
    invalid: usize,
    /// Wrong rows with the number of an earlier row.
    repeated: u64,
    /// The first 1000 wrong rows, in the order of the file.
    errors: Vec<RowErrors>,
}

/// `POST /v1/stoplist/import`: adds the numbers of the rows that are not wrong. It can be repeated.
pub(crate) async fn import(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    headers: HeaderMap,
    mut body: Body,
) -> Result<Json<StopsImport>, Problem> {
    let caller = caller.with(KeyScope::Admin)?;
    let stop_list = stop_list(&app)?;
    // The body is read first: a client that is still sending may not see an earlier reply.
    let upload = Upload::read(&app, &caller, &headers, &mut body).await?;
    let options = read(params)?;
    let numbers = app.0.store.numbers();
    let parse = move |bytes| StopFile::read(&decode(bytes)?.0, &options, numbers);
    let (file, _held) = upload.parse(&app, parse).await?;
    let mut added = 0;
    for chunk in file.stops.chunks(CHUNK) {
        let stop = |(number, reason): &_| NewStop::new(*number, reason, caller.by());
        let stops: Vec<NewStop> = chunk.iter().map(stop).collect();
        added += stop_list.add(&stops).await?;
    }
    tracing::info!(added, by = caller.by(), "numbers put on the stop-list");
    Ok(Json(StopsImport::of(file, added)))
}

fn read(params: Params) -> Result<StopOptions, Problem> {
    let mut options = StopOptions { max_reason: MAX_REASON, ..StopOptions::default() };
    params.set_each(|name, value| options.set(name, value))?;
    Ok(options)
}

impl StopOptions {
    fn set(&mut self, name: &str, value: &str) -> Option<Rule> {
        let shape = &mut self.shape;
        match name {
            "to_column" => put_name(&mut shape.to_column, value),
            "header" => put_some_boolean(&mut shape.has_header, value),
            "separator" => {
                let rule = "must be semicolon, comma or tab";
                put(&mut shape.separator, Separator::from_name(value).map(Some), rule)
            }
            "reason_column" => put_name(&mut self.reason_column, value),
            "reason" => {
                let reason = is_words(value, MAX_REASON).then(|| Some(value.to_owned()));
                let rule = "must be 1 to 500 characters without control characters";
                put(&mut self.reason, reason, rule)
            }
            _ => unknown(),
        }
    }
}

impl StopsImport {
    fn of(StopFile { stops, wrong, repeated }: StopFile, added: usize) -> Self {
        let (invalid, valid) = (wrong.len(), stops.len());
        let errors = wrong.into_iter().take(MAX_ERRORS);
        Self {
            rows: valid + invalid,
            added,
            already_listed: valid - added,
            invalid,
            repeated,
            errors: errors.map(|(row, errors)| RowErrors::new(row, errors)).collect(),
        }
    }
}
