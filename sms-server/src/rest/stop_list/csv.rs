//! `GET /v1/stoplist.csv`: the whole list, as a file for spreadsheets.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use sms_core::StopList;
use sms_core::stop_list::{Stop, StopsRequest};

use super::stop_list;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::csv::{self, CsvPages, safe};
use crate::http::params::Params;
use crate::http::problem::Problem;
use crate::http::timestamp::written;
use crate::imports::stops::EXPORTED;
use crate::keys::{KeyScope, Principal};

/// Numbers that are read at a time.
const PAGE: usize = 500;

/// The file while it is written.
struct File {
    app: App,
    stop_list: Arc<dyn StopList>,
    caller: Principal,
    /// The next page; `None` at the end.
    request: Option<StopsRequest>,
}

/// `GET /v1/stoplist.csv`: in the order of the numbers.
pub(crate) async fn csv(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Admin)?;
    let stop_list = stop_list(&app)?;
    let separator = csv::separator(params)?;
    let request = Some(StopsRequest::new(PAGE));
    csv::reply(separator, File { app, stop_list, caller, request }).await
}

impl CsvPages for File {
    const FILE: &'static str = "stoplist.csv";
    const COLUMNS: &'static [&'static str] = EXPORTED;

    /// Each page takes a permit of its own, so that a long file does not keep other reads waiting.
    async fn next(&mut self) -> Result<Option<Vec<Vec<String>>>, Problem> {
        let Some(request) = self.request.take() else { return Ok(None) };
        let stop_list = Arc::clone(&self.stop_list);
        let page = async move { stop_list.page(request).await };
        let stops = self.app.0.lookups.run(&self.caller.client, page).await?;
        if let Some(last) = stops.last().filter(|_| stops.len() == PAGE) {
            self.request = Some(request.after(last.number));
        }
        Ok(Some(stops.iter().map(row).collect()))
    }
}

fn row(stop: &Stop) -> Vec<String> {
    vec![
        // Without a plus sign, which would make it a formula.
        stop.number.digits().to_string(),
        safe(&stop.reason),
        safe(&stop.by),
        written(stop.added_at),
    ]
}
