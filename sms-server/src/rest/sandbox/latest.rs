//! `GET /v1/sandbox/messages/latest`.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use sms_core::store::{ListRequest, LogEndRequest};
use sms_core::{Event, MessageId, NumberReader, Sandbox, StoredMessage};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::inbox::{AcceptancePoint, newest, of_sandbox};
use super::partition::PartitionKey;
use super::view::SandboxMessage;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::params::{Params, Rule, put, put_time};
use crate::http::problem::{FieldProblem, Problem};
use crate::keys::{KeyScope, Principal};
use crate::rest::messages::filter::set_filter;

/// The longest wait, in seconds.
pub(crate) const MAX_WAIT: u64 = 60;
/// The least time between two looks of one waiting request, however much happens.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Parameters of the request.
struct Query {
    messages: ListRequest,
    key: PartitionKey,
    after: Option<After>,
    wait: Duration,
}

/// The message, or the time, after which one is asked for.
enum After {
    Message(MessageId),
    Time(OffsetDateTime),
}

/// A request that looks for a message.
struct Search {
    app: App,
    messages: ListRequest,
    after: Option<AcceptancePoint>,
}

/// `GET /v1/sandbox/messages/latest`: the newest message, as soon as there is one.
pub(crate) async fn latest(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let Query { messages, key, after, wait } = Query::read(params, app.0.store.numbers())?;
    let scope = key.scope(&app, &caller).await?;
    let after = match after {
        None => None,
        Some(After::Time(at)) => Some(AcceptancePoint::after_time(at)),
        Some(After::Message(id)) => {
            Some(AcceptancePoint::of_message(&app, id, &scope).await?.ok_or_else(unknown_message)?)
        }
    };
    let messages = of_sandbox(&app, messages.scope(scope));
    let search = Search { app: app.clone(), messages, after };
    let found = if wait.is_zero() {
        app.0.lookups.run(&caller.client, async move { search.look().await }).await?
    } else {
        let _permit = app.0.streams.take(&caller.client)?;
        let waited = search.wait(&caller, Instant::now() + wait);
        app.0.shutdown.run_until_cancelled(waited).await.ok_or_else(stopping)??
    };
    let found = found.ok_or_else(nothing_arrived)?;
    Ok(Json(SandboxMessage::new(&found, &app)).into_response())
}

impl Search {
    async fn look(&self) -> sms_core::Result<Option<StoredMessage>> {
        newest(&self.app, self.messages.clone(), self.after).await
    }

    /// Looks for the message until it is there, again only when something has come to the sandbox.
    async fn wait(
        &self,
        caller: &Principal,
        deadline: Instant,
    ) -> Result<Option<StoredMessage>, Problem> {
        let state = &self.app.0;
        let end = state.store.log_end(&LogEndRequest::new()).await?.position;
        // Before the first look: what comes after it is heard of.
        let mut events = state.hub.subscribe(&self.messages.scope, end);
        loop {
            let looked_at = Instant::now();
            if let Some(found) = self.look().await? {
                return Ok(Some(found));
            }
            loop {
                match timeout_at(deadline, events.next()).await {
                    Err(_) => return Ok(None),
                    Ok(Some(batch)) if !batch.iter().any(is_of_sandbox) => {}
                    // Too many events for this request: some of them may be of the sandbox.
                    Ok(Some(_) | None) => break,
                }
            }
            sleep_until((looked_at + LOOK_INTERVAL).min(deadline)).await;
            if !self.app.is_valid(caller).await? {
                let detail = "the key in the Authorization header is not valid any more";
                return Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail));
            }
        }
    }
}

fn is_of_sandbox(event: &Event) -> bool {
    event.details.provider.as_deref() == Some(Sandbox::NAME)
}

impl Query {
    fn read(params: Params, numbers: NumberReader) -> Result<Self, Problem> {
        let mut query = Self {
            messages: ListRequest::new(1),
            key: PartitionKey::default(),
            after: None,
            wait: Duration::ZERO,
        };
        params.set_each(|name, value| match name {
            "to" => set_filter(&mut query.messages, numbers, name, value),
            "after" => put_after(&mut query.after, value),
            "wait_seconds" => {
                let seconds = value.parse().ok().filter(|seconds| *seconds <= MAX_WAIT);
                let wait = seconds.map(Duration::from_secs);
                put(&mut query.wait, wait, "must be a whole number from 0 to 60")
            }
            _ => query.key.set(name, value),
        })?;
        Ok(query)
    }
}

fn put_after(slot: &mut Option<After>, value: &str) -> Option<Rule> {
    const RULE: &str = "must be the id of a message, or a time such as 2026-12-31T09:30:00Z";
    let mut at = None;
    let after = match value.parse() {
        Ok(id) => Some(After::Message(id)),
        Err(_) if put_time(&mut at, value).is_none() => at.map(After::Time),
        Err(_) => None,
    };
    put(slot, after.map(Some), RULE)
}

fn unknown_message() -> Problem {
    let rule = "no message that this key sees has this id";
    let error = FieldProblem::parameter("after", "parameter_invalid", rule);
    Problem::fields(StatusCode::BAD_REQUEST, vec![error])
}

fn nothing_arrived() -> Problem {
    let detail = "no such message has come to the sandbox";
    Problem::new(StatusCode::NOT_FOUND, "nothing_arrived", detail)
}

fn stopping() -> Problem {
    let detail = "the server is stopping; ask again";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
        .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
}
