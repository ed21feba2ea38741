//! `POST /v1/numbers/erase`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Serialize;
use sms_core::end_log::without_numbers;
use sms_core::erasure::{EraseNumber, ErasedNumber};
use tokio::time::{Instant, sleep};
use utoipa::ToSchema;

use crate::app::App;
use crate::http::auth::Caller;
use crate::http::fields::{Fields, MAX_REASON};
use crate::http::problem::Problem;
use crate::keys::KeyScope;

/// Messages of one step: some milliseconds of work.
const STEP: usize = 200;
/// Time after which no further step begins. A number has few messages; what has more is left to
/// the next request.
const BUDGET: Duration = Duration::from_secs(2);
/// The shortest and the longest pause after a step. A pause is as long as the step took, so that
/// an erasure takes half of the store's time at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_secs(1));

/// A number to erase.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EraseBody {
    /// The phone number, in international form or in the national form of the region that the
    /// server is configured for.
    to: String,
    /// Kept in the log.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// The result of an erasure.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct EraseReply {
    /// Messages that were erased by this request.
    messages: usize,
    /// Receipts of no known message that were removed, because they contained the number.
    receipts: usize,
    /// Ended items of bulk actions and imports that were emptied, because they contained it.
    items: usize,
    /// Selections that lost the parts of their filters that name it.
    selections: usize,
    /// Messages that keep the number, because they are `queued`, `sending` or `unknown`; at most
    /// 1000 are counted. Cancel or settle them, and erase again.
    remaining: usize,
    /// True if the time of the request was over before everything was erased: repeat it.
    has_more: bool,
}

/// `POST /v1/numbers/erase`: step by step. It can be repeated.
pub(crate) async fn erase(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<EraseReply>, Problem> {
    let caller = caller.with(KeyScope::Admin)?;
    let erasure = app.0.erasure.clone().ok_or_else(Problem::no_such_path)?;
    let body = app.0.bodies.read(&caller.client, body).await?;
    let EraseBody { to, reason } = EraseBody::read(Fields::read(&headers, &body)?)?;
    let number = app.0.store.numbers().read(&to)?;
    let shared = app.clone();
    let steps = async move {
        let (begun, mut reply) = (Instant::now(), EraseReply::default());
        loop {
            let started = Instant::now();
            let step = erasure.erase_number(EraseNumber::new(number, STEP)).await?;
            reply.add(step);
            if !step.has_more || begun.elapsed() > BUDGET {
                break;
            }
            sleep(started.elapsed().clamp(PAUSES.0, PAUSES.1)).await;
        }
        if let Some(bulk) = shared.bulk().filter(|_| !reply.has_more) {
            reply.selections = bulk.forget_number(number, shared.0.store.numbers()).await?;
        }
        Ok::<_, sms_core::Error>(reply)
    };
    let client = Arc::clone(&caller.client);
    let reply = app.0.lookups.run(&client, steps).await?;
    let EraseReply { messages, remaining, has_more, .. } = reply;
    let by = caller.by();
    let reason = without_numbers(&reason);
    tracing::info!(messages, remaining, has_more, by, reason, "number erased");
    Ok(Json(reply))
}

impl EraseReply {
    fn add(&mut self, step: ErasedNumber) {
        self.messages += step.messages;
        self.receipts += step.receipts;
        self.items += step.items;
        (self.remaining, self.has_more) = (step.remaining, step.has_more);
    }
}

impl EraseBody {
    fn read(mut fields: Fields<'_>) -> Result<Self, Problem> {
        fields.require("to");
        fields.require("reason");
        let (to, reason) = (fields.string("to"), fields.text("reason", MAX_REASON));
        fields.finish()?;
        let to = to.ok_or_else(|| Problem::missing("to"))?;
        Ok(Self { to, reason: reason.ok_or_else(|| Problem::missing("reason"))? })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rest::agreement::assert_agrees;

    #[test]
    fn an_erasure_is_read_as_its_schema_says() {
        let sample = json!({"to": "+79251234567", "reason": "asked for it"});
        assert_agrees::<EraseBody>(&sample, &["to"], |body| {
            let body = body.to_string();
            EraseBody::read(Fields::of_body(body.as_bytes()).expect("an object")).map(drop)
        });
    }
}
