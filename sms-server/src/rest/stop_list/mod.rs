//! `/v1/stoplist`: numbers that nothing is sent to.

pub(crate) mod csv;
pub(crate) mod import;

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use sms_core::end_log::without_numbers;
use sms_core::stop_list::{NewStop, Stop, StopsRequest};
use sms_core::{PhoneNumber, StopList};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::auth::Caller;
use crate::http::fields::{Fields, MAX_REASON};
use crate::http::params::{Params, put_limit, unknown};
use crate::http::problem::{FieldProblem, Problem};
use crate::keys::KeyScope;
use crate::rest::numbers::{put_number, read_numbers};

/// Name of the list of numbers.
const NUMBERS: &str = "numbers";
/// Numbers in one request at most.
const MAX_NUMBERS: usize = 1000;
/// One more, which tells that there are too many.
const TOO_MANY: usize = MAX_NUMBERS + 1;

/// Numbers to be put on the list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StopsBody {
    #[schema(min_items = 1, max_items = 1000)]
    numbers: Vec<String>,
    /// The reason, for people.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// The result of adding numbers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AddedStops {
    /// Number of phone numbers that were not on the list before.
    added: usize,
}

/// A number on the list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StopView {
    /// The phone number in international form.
    #[schema(value_type = String)]
    number: PhoneNumber,
    reason: String,
    /// The key that added it.
    by: String,
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    added_at: OffsetDateTime,
}

/// A page of the list, in the order of the numbers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StopPage {
    data: Vec<StopView>,
    /// The parameter `cursor` of the next page; null at the end of the list.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<PhoneNumber>,
}

/// `GET /v1/stoplist`. Needs the scope `admin`, as every path of the list.
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Json<StopPage>, Problem> {
    let caller = caller.with(KeyScope::Admin)?;
    let stop_list = stop_list(&app)?;
    let (mut request, mut limit) = (StopsRequest::new(0), 50);
    let numbers = app.0.store.numbers();
    params.set_each(|name, value| match name {
        "to" => put_number(&mut request.number, value, numbers),
        "cursor" => put_number(&mut request.after, value, numbers),
        "limit" => put_limit(&mut limit, value),
        _ => unknown(),
    })?;
    request.limit = limit + 1;
    let page = async move { stop_list.page(request).await };
    let mut stops = app.0.lookups.run(&caller.client, page).await?;
    let has_more = stops.len() > limit;
    stops.truncate(limit);
    let next_cursor = stops.last().filter(|_| has_more).map(|stop| stop.number);
    Ok(Json(StopPage { data: stops.into_iter().map(StopView::from).collect(), next_cursor }))
}

/// `POST /v1/stoplist`: adds numbers, all of them or none.
pub(crate) async fn add(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<AddedStops>, Problem> {
    let caller = caller.with(KeyScope::Admin)?;
    let stop_list = stop_list(&app)?;
    let body = app.0.bodies.read(&caller.client, body).await?;
    let StopsBody { numbers, reason } = StopsBody::read(Fields::read(&headers, &body)?)?;
    let numbers = read_numbers(NUMBERS, &numbers, app.0.store.numbers())?;
    let stop = |number| NewStop::new(number, reason.as_str(), caller.by());
    let stops: Vec<NewStop> = numbers.into_iter().map(stop).collect();
    let added = stop_list.add(&stops).await?;
    let reason = without_numbers(&reason);
    tracing::info!(added, by = caller.by(), reason, "numbers put on the stop-list");
    Ok(Json(AddedStops { added }))
}

/// `DELETE /v1/stoplist/{number}`.
pub(crate) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(number): Path<String>,
) -> Result<StatusCode, Problem> {
    let caller = caller.with(KeyScope::Admin)?;
    let stop_list = stop_list(&app)?;
    let number = app.0.store.numbers().read(&number).map_err(|_| Problem::not_found())?;
    if stop_list.remove(&[number]).await? == 0 {
        return Err(Problem::not_found());
    }
    tracing::info!(by = caller.by(), "number taken off the stop-list");
    Ok(StatusCode::NO_CONTENT)
}

fn stop_list(app: &App) -> Result<Arc<dyn StopList>, Problem> {
    app.0.stop_list.clone().ok_or_else(Problem::no_such_path)
}

impl StopsBody {
    fn read(mut fields: Fields<'_>) -> Result<Self, Problem> {
        fields.require(NUMBERS);
        fields.require("reason");
        let read = |text: &str| Some(text.to_owned());
        let numbers = fields.strings::<TOO_MANY, _>(NUMBERS, "must be a list of numbers", read);
        let reason = fields.text("reason", MAX_REASON);
        fields.finish()?;
        let numbers = numbers.ok_or_else(|| Problem::missing(NUMBERS))?;
        let reason = reason.ok_or_else(|| Problem::missing("reason"))?;
        match numbers.len() {
            0 => Err(wrong_count("numbers_empty", "must hold at least one number")),
            TOO_MANY => Err(wrong_count("numbers_too_many", "must hold at most 1000 numbers")),
            _ => Ok(Self { numbers, reason }),
        }
    }
}

fn wrong_count(code: &'static str, rule: &'static str) -> Problem {
    let error = FieldProblem::field(NUMBERS, code, rule);
    Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, vec![error])
}

impl From<Stop> for StopView {
    fn from(Stop { number, reason, by, added_at, .. }: Stop) -> Self {
        Self { number, reason, by, added_at }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rest::agreement::assert_agrees;

    #[test]
    fn numbers_are_read_as_their_schema_says() {
        let sample = json!({"numbers": ["+79251234567"], "reason": "complained"});
        assert_agrees::<StopsBody>(&sample, &[], |body| {
            let body = body.to_string();
            StopsBody::read(Fields::of_body(body.as_bytes()).expect("an object")).map(drop)
        });
    }
}
