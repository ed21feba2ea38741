//! `/v1/provider`: who sends, whether it does, and why not; to pause and to resume it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Serialize;
use sms_core::provider::explain_by;
use sms_core::worker::breaker::EndsBy;
use sms_core::worker::control::{Order, PauseReport, Reported};
use sms_core::{AccountInfo, Explanation, Provider, Registry, Steering};
use time::OffsetDateTime;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::app::Api;
use crate::app::callbacks::CallbacksSeen;
use crate::http::auth::Caller;
use crate::http::fields::Fields;
use crate::http::problem::Problem;
use crate::keys::{KeyScope, Principal};

/// A worker that has not reported for so long does not count.
const SILENT: Duration = Duration::from_secs(20);
/// How long the provider may take to tell about the account, and how long its answer is shown.
const ACCOUNT_TIMEOUT: Duration = Duration::from_secs(10);
const ACCOUNT_FRESH: Duration = Duration::from_secs(15);

/// A provider and its steering.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) provider: Arc<dyn Provider>,
    steering: Steering,
    account: Mutex<Option<(Instant, AccountView)>>,
}

/// What is known about the account: it, or why it is not known.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum AccountView {
    Account(AccountInfo),
    AccountError(String),
}

/// The provider as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    name: String,
    /// `active`; `pausing` while a worker has not followed the order yet; `paused`; `unproven`
    /// after a person's resume until a message shows whether the provider serves; `no_worker` when
    /// nobody is there to send.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pause: Option<PauseView>,
    workers: Vec<WorkerView>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    account: Option<AccountView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callbacks: Option<CallbacksSeen>,
}

#[derive(Clone, Debug, Serialize)]
struct PauseView {
    /// The id of the key with which a person paused it; absent where that was the provider's own
    /// doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<Explanation>,
    ends_by: EndsBy,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    probe_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    since: Option<OffsetDateTime>,
}

#[derive(Debug, Serialize)]
struct WorkerView {
    name: String,
    #[serde(with = "time::serde::rfc3339")]
    started_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    reported_at: OffsetDateTime,
    in_flight: usize,
    paused: bool,
    /// `ok`; `degraded` while it takes messages from the store because its queue cannot be used.
    queue: &'static str,
}

impl Desk {
    pub(crate) fn new(provider: impl Provider, registry: impl Registry) -> Self {
        let (provider, steering) = (Arc::new(provider), Steering::new(registry));
        Self { provider, steering, account: Mutex::default() }
    }

    async fn show(
        &self,
        callbacks: Option<CallbacksSeen>,
        with_account: bool,
    ) -> Result<Shown, Problem> {
        let name = self.provider.name().to_owned();
        let order =
            self.steering.order(&name).await?.map(|(_, order)| order).filter(|order| order.paused);
        let workers = self.workers(&name).await?;
        let pause = order.map(PauseView::from).or_else(|| {
            let paused = workers.iter().find_map(|worker| worker.report.pause.clone())?;
            let answered = paused.provider.as_deref().unwrap_or(&name);
            Some(PauseView {
                meaning: paused.code.and_then(|code| explain_by(&*self.provider, answered, code)),
                ..PauseView::from(paused)
            })
        });
        let all_follow = workers.iter().all(|worker| worker.report.pause.is_some());
        let unproven = !workers.is_empty() && workers.iter().all(|worker| worker.report.unproven);
        let state = match &pause {
            Some(pause) if pause.since.is_some() && !all_follow => "pausing",
            Some(_) => "paused",
            None if workers.is_empty() => "no_worker",
            None if unproven => "unproven",
            None => "active",
        };
        let account = if with_account { self.account().await } else { None };
        let workers = workers.into_iter().map(WorkerView::from).collect();
        Ok(Shown { name, state, pause, workers, account, callbacks })
    }

    /// The workers of this provider that are alive.
    async fn workers(&self, provider: &str) -> Result<Vec<Reported>, Problem> {
        let mut workers = self.steering.workers().await?;
        workers.retain(|worker| worker.report.provider == provider && worker.age <= SILENT);
        Ok(workers)
    }

    /// What the account has left, asked of the provider now and then however many ask here.
    async fn account(&self) -> Option<AccountView> {
        let account = self.provider.account()?;
        let mut known = self.account.lock().await;
        if let Some((at, view)) = known.as_ref()
            && at.elapsed() < ACCOUNT_FRESH
        {
            return Some(view.clone());
        }
        let view = match timeout(ACCOUNT_TIMEOUT, account.info()).await {
            Ok(Ok(info)) => AccountView::Account(info),
            Ok(Err(error)) => AccountView::AccountError(error.to_string()),
            Err(_) => AccountView::AccountError("the provider did not answer in time".to_owned()),
        };
        *known = Some((Instant::now(), view.clone()));
        Some(view)
    }
}

impl From<Order> for PauseView {
    fn from(Order { by, reason, at, .. }: Order) -> Self {
        let (by, since, ends_by) = (Some(by), Some(at), EndsBy::Person);
        Self { by, reason, code: None, meaning: None, ends_by, probe_at: None, since }
    }
}

impl From<PauseReport> for PauseView {
    fn from(PauseReport { code, reason, by, probe_at, ends_by, .. }: PauseReport) -> Self {
        Self { by, reason, code, meaning: None, ends_by, probe_at, since: None }
    }
}

impl From<Reported> for WorkerView {
    fn from(Reported { name, report, at: reported_at, .. }: Reported) -> Self {
        let queue = if report.queue_degraded { "degraded" } else { "ok" };
        let (started_at, in_flight, paused) =
            (report.started_at, report.in_flight, report.pause.is_some());
        Self { name, started_at, reported_at, in_flight, paused, queue }
    }
}

/// `GET /v1/provider`. The account is shown to keys with the scope `admin`.
pub(crate) async fn show(State(api): State<Api>, caller: Caller) -> Result<Json<Shown>, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    api.show_provider(caller.may(KeyScope::Admin)).await
}

/// `POST /v1/provider/pause`: nothing is sent until somebody resumes.
pub(crate) async fn pause(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Shown>, Problem> {
    let caller = caller.with(KeyScope::Admin)?;
    let body = api.0.bodies.read(&caller.id, body).await?;
    api.order(&caller, true, reason(&headers, &body)?).await
}

/// `POST /v1/provider/resume`: ends a pause, and has a provider that is paused by itself tried at
/// once.
pub(crate) async fn resume(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Shown>, Problem> {
    let caller = caller.with(KeyScope::Admin)?;
    let body = api.0.bodies.read(&caller.id, body).await?;
    api.order(&caller, false, reason(&headers, &body)?).await
}

impl Api {
    fn desk(&self) -> Result<&Desk, Problem> {
        self.0.desk.as_ref().ok_or_else(Problem::no_such_path)
    }

    async fn show_provider(&self, with_account: bool) -> Result<Json<Shown>, Problem> {
        let callbacks = self.0.callbacks.as_ref().map(crate::app::callbacks::Callbacks::seen);
        self.desk()?.show(callbacks, with_account).await.map(Json)
    }

    async fn order(
        &self,
        caller: &Principal,
        paused: bool,
        reason: String,
    ) -> Result<Json<Shown>, Problem> {
        let desk = self.desk()?;
        desk.steering.give(desk.provider.name(), paused, &caller.id, &reason).await?;
        self.show_provider(true).await
    }
}

/// The reason in the body, which may be empty.
fn reason(headers: &HeaderMap, body: &[u8]) -> Result<String, Problem> {
    if body.is_empty() {
        return Ok("no reason given".to_owned());
    }
    let mut fields = Fields::read(headers, body)?;
    let reason = fields.reason();
    fields.finish()?;
    Ok(reason.unwrap_or_else(|| "no reason given".to_owned()))
}
