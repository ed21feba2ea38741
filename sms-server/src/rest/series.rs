//! `GET /v1/stats/series`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use sms_core::clock::datetime_from_ms;
use sms_core::rollups::counter::Counter;
use sms_core::rollups::requests::{SeriesRequest, Step};
use sms_core::rollups::series::{CodeCounts, Counts, Latency, Point, Series};
use sms_core::{Clock, Money, Sandbox, SystemClock};
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

use super::meaning::Meaning;
use super::schema::MessageClass;
use crate::app::App;
use crate::app::provider_monitor::ProviderMonitor;
use crate::http::auth::Caller;
use crate::http::params::{Params, put, put_time, unknown};
use crate::http::problem::{FieldProblem, Problem};
use crate::keys::KeyScope;

/// The length of a range without a beginning.
const DEFAULT_RANGE: Duration = Duration::HOUR;
/// Points of a series at most: a day by the minute, with some room.
const MAX_POINTS: u64 = 1500;

/// Numbers of messages over time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SeriesView {
    /// The start of the first point.
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    from_time: OffsetDateTime,
    /// The end of the last point.
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    to_time: OffsetDateTime,
    /// The distance of the points.
    step_seconds: u32,
    /// Every point of the range, oldest first, also where nothing happened.
    points: Vec<PointView>,
    /// The whole range by class. Every class is there.
    #[schema(value_type = BTreeMap<MessageClass, CountsView>)]
    by_class: BTreeMap<&'static str, CountsView>,
    /// The failures of the whole range by the provider's code.
    by_code: Vec<CodeView>,
}

/// A point of a series: what happened from its time until the next point.
#[derive(Debug, Serialize, ToSchema)]
struct PointView {
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    at: OffsetDateTime,
    #[serde(flatten)]
    counts: CountsView,
    /// The time from the acceptance of a message, or its `send_at`, until the provider accepted it;
    /// null where it accepted none.
    latency_ms: Option<LatencyView>,
}

/// Numbers of messages that entered each state, and their cost. A message counts once in each state
/// that it enters.
#[derive(Debug, Serialize, ToSchema)]
struct CountsView {
    accepted: u64,
    sent: u64,
    delivered: u64,
    undelivered: u64,
    failed: u64,
    unknown: u64,
    expired: u64,
    cancelled: u64,
    /// The cost of messages that became known, of tests not: a decimal number as text, in the
    /// provider's currency.
    #[schema(value_type = String)]
    cost: Money,
}

/// Percentiles of a time in milliseconds, each up to a quarter too long.
#[derive(Debug, Serialize, ToSchema)]
struct LatencyView {
    p50: u64,
    p99: u64,
}

/// Failures with one code of the provider.
#[derive(Debug, Serialize, ToSchema)]
struct CodeView {
    /// The code; null for failures without one.
    code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<Meaning>,
    undelivered: u64,
    failed: u64,
}

/// `GET /v1/stats/series`: counts of the caller's own messages, or of all for keys with the scope
/// `admin`.
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Json<SeriesView>, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let rollups = app.0.rollups.clone().ok_or_else(Problem::no_such_path)?;
    let now = datetime_from_ms(SystemClock.now_ms());
    let request = request(params, now)?.scope(caller.scope());
    let asked = request.clone();
    let read = async move { rollups.series(&asked).await };
    let series = app.0.scans.run(&caller.client, read).await?;
    // A code of several providers is explained by the default one, which nearly all are of.
    let default = app.0.provider.as_ref().map(ProviderMonitor::name);
    let provider = if caller.route().is_some() { Some(Sandbox::NAME) } else { default };
    let meaning = |code| provider.and_then(|it| app.explain(it, code)).map(Meaning::from);
    Ok(Json(SeriesView::of(&request, series, meaning)))
}

/// Reads the range and the step.
fn request(params: Params, now: OffsetDateTime) -> Result<SeriesRequest, Problem> {
    const STEP: &str = "must be 60, 300, 3600 or 86400";
    let (mut from, mut to, mut step) = (None, None, None);
    params.set_each(|name, value| match name {
        "from_time" => put_time(&mut from, value),
        "to_time" => put_time(&mut to, value),
        "step_seconds" => {
            put(&mut step, value.parse().ok().and_then(Step::from_seconds).map(Some), STEP)
        }
        _ => unknown(),
    })?;
    let to = to.unwrap_or(now);
    let from = from.unwrap_or_else(|| to.checked_sub(DEFAULT_RANGE).unwrap_or(to));
    if from >= to {
        return Err(wrong("from_time", "must be before `to_time`".to_owned()));
    }
    let fits = |step: &Step| SeriesRequest::new(from, to, *step).points() <= MAX_POINTS;
    let is_kept = |step: &Step| now - from <= Duration::milliseconds(step.kept_ms());
    // Without a step: the shortest that has few enough points, all of which are kept.
    let chosen = step.or_else(|| Step::ALL.into_iter().find(|step| fits(step) && is_kept(step)));
    let step = chosen.unwrap_or(Step::Day);
    if !is_kept(&step) {
        let hours = step.kept_ms() / Step::Hour.millis();
        let rule = format!("must be at most {hours} hours ago for this step");
        return Err(wrong("from_time", rule));
    }
    if !fits(&step) {
        let name = if chosen.is_some() { "step_seconds" } else { "to_time" };
        return Err(wrong(name, format!("must give at most {MAX_POINTS} points")));
    }
    Ok(SeriesRequest::new(from, to, step))
}

fn wrong(name: &str, rule: String) -> Problem {
    let problem = FieldProblem::parameter(name, "parameter_invalid", rule);
    Problem::fields(StatusCode::BAD_REQUEST, vec![problem])
}

impl SeriesView {
    /// The series, with the meanings of codes.
    fn of(
        request: &SeriesRequest,
        series: Series,
        meaning: impl Fn(i32) -> Option<Meaning>,
    ) -> Self {
        let by_class = series.by_class.iter();
        Self {
            from_time: request.from_time(),
            to_time: request.to_time(),
            step_seconds: request.step.seconds(),
            by_class: by_class.map(|of| (of.class.as_str(), of.counts.into())).collect(),
            by_code: series.by_code.into_iter().map(|of| CodeView::of(of, &meaning)).collect(),
            points: series.points.into_iter().map(PointView::from).collect(),
        }
    }
}

impl From<Point> for PointView {
    fn from(Point { at, counts, latency, .. }: Point) -> Self {
        Self { at, counts: counts.into(), latency_ms: latency.map(LatencyView::from) }
    }
}

impl From<Counts> for CountsView {
    fn from(counts: Counts) -> Self {
        Self {
            accepted: counts.count(Counter::Accepted),
            sent: counts.count(Counter::Sent),
            delivered: counts.count(Counter::Delivered),
            undelivered: counts.count(Counter::Undelivered),
            failed: counts.count(Counter::Failed),
            unknown: counts.count(Counter::Unknown),
            expired: counts.count(Counter::Expired),
            cancelled: counts.count(Counter::Cancelled),
            cost: counts.cost(),
        }
    }
}

impl From<Latency> for LatencyView {
    fn from(Latency { p50, p99, .. }: Latency) -> Self {
        Self { p50, p99 }
    }
}

impl CodeView {
    fn of(
        CodeCounts { code, counts, .. }: CodeCounts,
        meaning: impl Fn(i32) -> Option<Meaning>,
    ) -> Self {
        let [undelivered, failed] =
            [Counter::Undelivered, Counter::Failed].map(|counter| counts.count(counter));
        Self { code, meaning: code.and_then(meaning), undelivered, failed }
    }
}
