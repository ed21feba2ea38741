//! `/v1/provider`: the state of the provider, and its pause and resume by an operator.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Serialize;
use sms_core::end_log::without_numbers;
use sms_core::worker::breaker::EndsBy;
use sms_core::worker::control::{PauseOrder, PauseReport, Reported};
use sms_core::{AccountInfo, Money};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::meaning::Meaning;
use super::schema::PauseEnd;
use crate::app::App;
use crate::app::callbacks::{CallbackEndpoint, CallbacksSeen};
use crate::app::provider_monitor::ProviderMonitor;
use crate::app::provider_state::ProviderState;
use crate::app::queue_state::QueueState;
use crate::app::runway::{Runway, Today};
use crate::http::auth::Caller;
use crate::http::fields::{Fields, MAX_REASON};
use crate::http::problem::Problem;
use crate::keys::{KeyScope, Principal};

/// The reason of an order without one.
const NO_REASON: &str = "no reason given";

/// A pause or a resume of the provider. The body may be empty.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReasonBody {
    /// Shown with the pause. Defaults to "no reason given".
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

/// The provider.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProviderView {
    name: String,
    state: ProviderState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pause: Option<PauseView>,
    /// The workers that have reported in the last 20 s.
    workers: Vec<WorkerView>,
    /// The account; only for keys with the scope `admin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<AccountView>,
    /// The reason why the account is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callbacks: Option<CallbacksSeen>,
}

/// A pause of the provider.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct PauseView {
    /// Id of the key, or name of the person, that paused it; absent where it paused by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    reason: String,
    /// The provider's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<Meaning>,
    #[schema(value_type = PauseEnd)]
    ends_by: EndsBy,
    /// The time of the next check of the account; absent where a message or an operator ends the
    /// pause.
    #[serde(with = "crate::http::timestamp::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    probe_at: Option<OffsetDateTime>,
    /// The time of the operator's order.
    #[serde(with = "crate::http::timestamp::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<OffsetDateTime>,
}

/// A worker, by its last report.
#[derive(Debug, Serialize, ToSchema)]
struct WorkerView {
    name: String,
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    started_at: OffsetDateTime,
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    reported_at: OffsetDateTime,
    /// Calls to the provider in flight.
    in_flight: usize,
    paused: bool,
    queue: QueueState,
}

/// The account at the provider. A value that the provider does not tell is null.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct AccountView {
    /// The money on it, a decimal number as text, in the provider's currency.
    #[schema(value_type = Option<String>)]
    balance: Option<Money>,
    /// Messages that it may send a day.
    daily_limit: Option<u64>,
    /// Messages that it has sent today.
    used_today: Option<u64>,
    /// Sender names that it may use.
    senders: Vec<String>,
    runway: RunwayView,
}

/// The time for which the account lasts at the pace of today, which begins at midnight in the time
/// zone of the installation. A value that cannot be known is null.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
struct RunwayView {
    /// The cost of messages that became known today: a decimal number as text.
    #[schema(value_type = Option<String>)]
    spent_today: Option<Money>,
    /// Days until the balance is used up, 0 if it is; null if nothing was spent today.
    balance_days: Option<f64>,
    /// True if the daily limit is used up.
    daily_limit_reached: Option<bool>,
    /// The time at which the daily limit is used up; null if it is, or will not be today.
    #[serde(with = "crate::http::timestamp::option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    daily_limit_at: Option<OffsetDateTime>,
}

/// `GET /v1/provider`. The account is shown to keys with the scope `admin`.
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<ProviderView>, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    view(&app, caller.may(KeyScope::Admin).then_some(&caller.client)).await
}

/// `POST /v1/provider/pause`: stops sending until an operator resumes. Needs the scope `admin`.
pub(crate) async fn pause(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ProviderView>, Problem> {
    let caller = caller.with(KeyScope::Admin)?;
    order(&app, &caller, true, &headers, body).await
}

/// `POST /v1/provider/resume`: ends a pause, and has a provider that paused by itself tried at
/// once. Needs the scope `admin`.
pub(crate) async fn resume(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ProviderView>, Problem> {
    let caller = caller.with(KeyScope::Admin)?;
    order(&app, &caller, false, &headers, body).await
}

async fn order(
    app: &App,
    caller: &Principal,
    paused: bool,
    headers: &HeaderMap,
    body: Body,
) -> Result<Json<ProviderView>, Problem> {
    let body = app.0.bodies.read(&caller.client, body).await?;
    let body = ReasonBody::read(Fields::read_optional(headers, &body)?)?;
    let reason = body.reason.as_deref().unwrap_or(NO_REASON);
    monitor(app)?.order(paused, caller.by(), reason).await?;
    let done = if paused { "paused" } else { "resumed" };
    let (provider, reason) = (monitor(app)?.name(), without_numbers(reason));
    tracing::info!(provider, by = caller.by(), reason, "provider {done}");
    view(app, Some(&caller.client)).await
}

fn monitor(app: &App) -> Result<&ProviderMonitor, Problem> {
    app.0.provider.as_ref().ok_or_else(Problem::no_such_path)
}

/// The provider, with its account for an administrator, who is this client.
async fn view(app: &App, admin: Option<&Arc<str>>) -> Result<Json<ProviderView>, Problem> {
    let monitor = monitor(app)?;
    let order = monitor.pause_order().await?;
    let workers = monitor.workers().await?;
    let state = ProviderState::of(order.as_ref(), &workers);
    let pause = order.map(PauseView::from).or_else(|| {
        let paused = workers.iter().find_map(|worker| worker.report.pause.clone())?;
        Some(PauseView::reported(paused, monitor))
    });
    let (mut account, mut account_error) = (None, None);
    if let Some(client) = admin {
        match monitor.account().await {
            Some(Ok(info)) => account = Some(AccountView::new(info, &app.today(client).await)),
            Some(Err(reason)) => account_error = Some(reason),
            None => {}
        }
    }
    Ok(Json(ProviderView {
        name: monitor.name().to_owned(),
        state,
        pause,
        workers: workers.into_iter().map(WorkerView::from).collect(),
        account,
        account_error,
        callbacks: app.0.callbacks.as_ref().map(CallbackEndpoint::seen),
    }))
}

impl ReasonBody {
    fn read(mut fields: Fields<'_>) -> Result<Self, Problem> {
        let reason = fields.text("reason", MAX_REASON);
        fields.finish()?;
        Ok(Self { reason })
    }
}

impl PauseView {
    /// A pause that a worker reports, with the meaning of its code.
    fn reported(report: PauseReport, monitor: &ProviderMonitor) -> Self {
        let PauseReport { code, reason, by, probe_at, ends_by, provider, .. } = report;
        let answered = provider.as_deref().unwrap_or(monitor.name());
        let meaning = code.and_then(|code| monitor.explain(answered, code)).map(Meaning::from);
        Self { by, reason, code, meaning, ends_by, probe_at, since: None }
    }
}

impl From<PauseOrder> for PauseView {
    fn from(PauseOrder { by, reason, at, .. }: PauseOrder) -> Self {
        let (by, since, ends_by) = (Some(by), Some(at), EndsBy::Person);
        Self { by, reason, code: None, meaning: None, ends_by, probe_at: None, since }
    }
}

impl From<Reported> for WorkerView {
    fn from(Reported { name, report, at: reported_at, .. }: Reported) -> Self {
        Self {
            name,
            started_at: report.started_at,
            reported_at,
            in_flight: report.in_flight,
            paused: report.pause.is_some(),
            queue: QueueState::of(report.queue_degraded),
        }
    }
}

impl AccountView {
    fn new(info: AccountInfo, today: &Today) -> Self {
        let Runway { balance_days, daily_limit_reached, daily_limit_at } = Runway::of(&info, today);
        let spent_today = today.spent;
        let runway = RunwayView { spent_today, balance_days, daily_limit_reached, daily_limit_at };
        let AccountInfo { balance, daily_limit, used_today, senders, .. } = info;
        Self { balance, daily_limit, used_today, senders, runway }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rest::agreement::assert_agrees;

    #[test]
    fn a_reason_is_read_as_its_schema_says() {
        assert_agrees::<ReasonBody>(&json!({"reason": "maintenance"}), &[], |body| {
            let body = body.to_string();
            ReasonBody::read(Fields::of_body(body.as_bytes()).expect("an object")).map(drop)
        });
    }
}
