//! `GET /v1/imports/{id}/report.csv`: every row with what became of it.

use axum::extract::{Path, State};
use axum::response::Response;
use sms_core::worklists::item::{ItemState, WorkItem};
use sms_core::worklists::requests::ItemsRequest;

use super::show::find;
use crate::app::App;
use crate::bulk::Bulk;
use crate::bulk::actions::{Accepted, Failure};
use crate::bulk::import::{errors_of, row_of};
use crate::http::auth::Caller;
use crate::http::csv::{self, CsvPages, safe};
use crate::http::params::Params;
use crate::http::problem::Problem;
use crate::keys::KeyScope;

/// Rows that are read at a time.
const PAGE: usize = 500;

/// The file while it is written.
struct File {
    bulk: Bulk,
    /// The next rows; `None` at the end.
    request: Option<ItemsRequest>,
}

/// `GET /v1/imports/{id}/report.csv`.
pub(crate) async fn csv(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let separator = csv::separator(params)?;
    let (bulk, import) = find(&app, &caller, &id).await?;
    let request = Some(ItemsRequest::new(import.id, PAGE));
    csv::reply(separator, File { bulk: bulk.clone(), request }).await
}

impl CsvPages for File {
    const FILE: &'static str = "report.csv";
    const COLUMNS: &'static [&'static str] =
        &["row", "to", "result", "message_id", "code", "detail"];

    async fn next(&mut self) -> Result<Option<Vec<Vec<String>>>, Problem> {
        let Some(items) = self.bulk.next_items(&mut self.request).await? else { return Ok(None) };
        items.iter().map(row).collect::<Result<_, _>>().map(Some)
    }
}

fn row(item: &WorkItem) -> Result<Vec<String>, Problem> {
    let Some(row) = row_of(item)? else {
        let erased = ["", "", "erased", "", "", ""];
        return Ok(erased.map(str::to_owned).to_vec());
    };
    let result = item.result.as_deref();
    let (mut message_id, mut failure) = (String::new(), None);
    let name = match item.state {
        ItemState::Pending => "not_sent",
        ItemState::Done => {
            let accepted = result.and_then(|json| serde_json::from_str::<Accepted>(json).ok());
            message_id = accepted.map(|it| it.message_id.to_string()).unwrap_or_default();
            "accepted"
        }
        ItemState::Failed => {
            failure = result.and_then(|json| serde_json::from_str::<Failure>(json).ok());
            "refused"
        }
        ItemState::Skipped => {
            let error = errors_of(result)?.into_iter().next();
            failure = error.map(|error| {
                let column = error.column.map(|column| format!("{column}: ")).unwrap_or_default();
                Failure { code: error.code, detail: column + &error.detail }
            });
            "invalid"
        }
    };
    let (code, detail) = failure.map(|it| (it.code, it.detail)).unwrap_or_default();
    // A number without a plus sign, which would make it a formula.
    let to = safe(row.to.trim_start_matches('+'));
    Ok(vec![row.row.to_string(), to, name.to_owned(), message_id, code, safe(&detail)])
}
