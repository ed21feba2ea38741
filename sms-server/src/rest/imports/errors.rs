//! `GET /v1/imports/{id}/errors`, and all of them as a file.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Serialize;
use sms_core::worklists::item::ItemState;
use sms_core::worklists::requests::ItemsRequest;
use utoipa::ToSchema;

use super::show::find;
use super::view::RowErrors;
use crate::app::App;
use crate::bulk::Bulk;
use crate::http::auth::Caller;
use crate::http::csv::{self, CsvPages, safe};
use crate::http::params::{DEFAULT_LIMIT, Params, put, put_limit, unknown};
use crate::http::problem::Problem;
use crate::keys::KeyScope;

/// Rows that are read at a time.
const PAGE: usize = 500;

/// Wrong rows, in the order of the file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RowErrorPage {
    data: Vec<RowErrors>,
    /// The parameter `cursor` of the next page; null at the end of the list.
    next_cursor: Option<String>,
}

/// The file while it is written.
struct File {
    bulk: Bulk,
    /// The next rows; `None` at the end.
    request: Option<ItemsRequest>,
}

/// `GET /v1/imports/{id}/errors`.
pub(crate) async fn page(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<RowErrorPage>, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let (mut limit, mut from) = (DEFAULT_LIMIT, 0);
    params.set_each(|name, value| match name {
        "limit" => put_limit(&mut limit, value),
        "cursor" => {
            let number = value.parse::<u64>().ok().filter(|it| i64::try_from(*it).is_ok());
            put(&mut from, number, "must be the next_cursor of a page")
        }
        _ => unknown(),
    })?;
    let (bulk, import) = find(&app, &caller, &id).await?;
    let request = ItemsRequest::new(import.id, limit + 1).from(from).state(ItemState::Skipped);
    let mut items = bulk.worklists.items(&request).await?;
    let next_cursor = items.get(limit).map(|item| item.number.to_string());
    items.truncate(limit);
    let read = |item| RowErrors::read(item).transpose();
    let data = items.iter().filter_map(read).collect::<Result<_, _>>()?;
    Ok(Json(RowErrorPage { data, next_cursor }))
}

/// `GET /v1/imports/{id}/errors.csv`.
pub(crate) async fn csv(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let separator = csv::separator(params)?;
    let (bulk, import) = find(&app, &caller, &id).await?;
    let request = Some(ItemsRequest::new(import.id, PAGE).state(ItemState::Skipped));
    csv::reply(separator, File { bulk: bulk.clone(), request }).await
}

impl CsvPages for File {
    const FILE: &'static str = "errors.csv";
    const COLUMNS: &'static [&'static str] = &["row", "column", "value", "code", "detail"];

    async fn next(&mut self) -> Result<Option<Vec<Vec<String>>>, Problem> {
        let Some(items) = self.bulk.next_items(&mut self.request).await? else { return Ok(None) };
        let mut rows = Vec::with_capacity(items.len());
        for item in &items {
            let errors = RowErrors::read(item)?.map(RowErrors::into_errors).into_iter().flatten();
            rows.extend(errors.map(|(row, error)| {
                vec![
                    row.to_string(),
                    safe(&error.column.unwrap_or_default()),
                    safe(&error.value.unwrap_or_default()),
                    error.code,
                    safe(&error.detail),
                ]
            }));
        }
        Ok(Some(rows))
    }
}
