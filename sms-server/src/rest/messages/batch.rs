//! `POST /v1/messages/batch`: many messages, accepted in one transaction, each with a result of its
//! own.

use std::collections::HashMap;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::value::RawValue;
use sms_core::message::TraceParent;
use sms_core::store::Acceptance;
use sms_core::{Error, ErrorKind, Message, MessageId, NewMessage, StoredMessage};
use tokio::time::{Instant, timeout_at};

use super::admission::{prepare, rules_for};
use super::body::{BatchMessageBody, MAX_MESSAGES, MESSAGES, MessageContent, Recipients, TOO_MANY};
use super::idempotency;
use super::items::ItemSplitter;
use super::show::find;
use super::trace;
use super::view::{BatchReply, BatchResult, Replay};
use super::written::WrittenMessage;
use crate::app::App;
use crate::app::sandbox_rules::RuleList;
use crate::http::auth::Caller;
use crate::http::body::{MAX_BATCH_BODY, Reservation, drain, length, next_bytes};
use crate::http::fields::{Fields, not_json};
use crate::http::problem::{FieldProblem, Problem};
use crate::keys::{KeyScope, Principal};

/// The largest message with every letter beyond ASCII escaped, in bytes: 4 KiB of metadata become
/// 12, 536 letters of text 3, a reference of 255 letters 3; names, key and numbers take less than
/// 2.
const MAX_MESSAGE: usize = 20 * 1024;
const _: () = assert!(MAX_MESSAGES * MAX_MESSAGE <= MAX_BATCH_BODY);
/// Time limit of the search for the first messages of keys that were used before. The result of the
/// messages that were accepted must be sent before the request is out of time.
const REPLAY_TIMEOUT: Duration = Duration::from_secs(5);

/// A batch while it is read and accepted.
struct Batch {
    /// One for each message of the request.
    items: Vec<BatchItem>,
    /// The messages to accept: one for each item that is `Accepted`.
    messages: Vec<NewMessage>,
    /// The rules of the sandbox for them.
    rules: RuleList,
    /// The span of the request.
    traceparent: Option<TraceParent>,
    /// Recipients of all items.
    recipients: usize,
    /// Held for as long as the batch is in flight.
    memory: Reservation,
}

/// One message of a batch, as far as its result is known.
enum BatchItem {
    /// It is stored, or going to be. It is written before the insert, which takes the message.
    Accepted(WrittenMessage),
    Replayed(Box<StoredMessage>),
    Refused(Problem),
    /// One for each recipient of a list. None of them is a list again.
    Several(Vec<BatchItem>),
}

/// The position of a message in a batch.
#[derive(Clone, Copy)]
struct BatchIndex {
    /// The index of its item.
    index: usize,
    /// The index of its recipient, where the item has a list of them.
    recipient: Option<usize>,
}

impl BatchIndex {
    /// The problem of the message at this position.
    fn of(self, problem: impl Into<Problem>) -> Problem {
        let problem = problem.into();
        let problem = match self.recipient {
            Some(recipient) => problem.in_recipient(recipient),
            None => problem,
        };
        problem.in_item(MESSAGES, self.index)
    }
}

/// `POST /v1/messages/batch`: accepts a batch. 202 means that each message with an id in its result
/// is durably stored.
pub(crate) async fn send(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    mut body: Body,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Send)?;
    let batch = read(&app, &caller, &headers, &mut body).await;
    if batch.is_err() {
        drain(&mut body).await;
    }
    let Batch { mut items, messages, memory: _memory, .. } = batch?;
    if !messages.is_empty() {
        let results = app.0.readiness.note(app.0.sender.accept(messages).await)?;
        record(&app, &caller, &mut items, results).await;
    }
    let results = items.iter().map(|item| item.result(&app, &caller)).collect();
    Ok((StatusCode::ACCEPTED, Json(BatchReply { results })).into_response())
}

/// Reads a batch, item by item as they come.
async fn read(
    app: &App,
    caller: &Principal,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Batch, Problem> {
    idempotency::refuse(headers)?;
    Fields::check_headers(headers)?;
    let (mut splitter, mut received) = (ItemSplitter::new(MESSAGES, MAX_MESSAGES), 0);
    let memory = app.0.bodies.reserve_batch(&caller.client, length(body).unwrap_or(0))?;
    let rules = rules_for(app, caller).await?;
    let (items, messages, traceparent) = (Vec::new(), Vec::new(), trace::read(headers));
    let mut batch = Batch { items, messages, rules, traceparent, recipients: 0, memory };
    while let Some(bytes) = next_bytes(body).await? {
        received += bytes.len();
        batch.memory.cover(received)?;
        splitter.push(&bytes, &mut |item| batch.add(app, caller, item)).map_err(not_json)?;
    }
    let rest = Fields::of_body(splitter.rest()).map(check_rest);
    rest.map_err(|error| not_json(splitter.explain(&error)))??;
    if batch.recipients > MAX_MESSAGES {
        return Err(too_many());
    }
    Ok(batch)
}

/// Records the results of the messages that were to be accepted. Nothing fails as a whole from here
/// on: the client would repeat the messages that are stored, too.
async fn record(
    app: &App,
    caller: &Principal,
    items: &mut [BatchItem],
    results: Vec<Result<Acceptance, Error>>,
) {
    let deadline = Instant::now() + REPLAY_TIMEOUT;
    let mut results = results.into_iter();
    for (index, item) in items.iter_mut().enumerate() {
        let (recipients, is_list) = match item {
            BatchItem::Several(recipients) => (recipients.as_mut_slice(), true),
            one => (std::slice::from_mut(one), false),
        };
        for (recipient, item) in recipients.iter_mut().enumerate() {
            let at = BatchIndex { index, recipient: is_list.then_some(recipient) };
            let BatchItem::Accepted(written) = item else { continue };
            *item = match results.next() {
                Some(Ok(Acceptance { times: Some(times), .. })) => {
                    written.accepted_at(times);
                    continue;
                }
                Some(Ok(Acceptance { id, .. })) => find_first(app, id, caller, deadline).await,
                Some(Err(error)) => BatchItem::Refused(at.of(error)),
                None => {
                    let missing = "the store returned no result for a message";
                    BatchItem::Refused(Error::new(ErrorKind::Internal, missing).into())
                }
            };
        }
    }
}

/// Finds the first message of an idempotency key.
async fn find_first(app: &App, id: MessageId, caller: &Principal, deadline: Instant) -> BatchItem {
    let too_slow = |error| Error::unavailable("the store did not answer in time", error).into();
    match timeout_at(deadline, find(app, id, caller)).await.map_err(too_slow).flatten() {
        Ok(first) => BatchItem::Replayed(Box::new(first)),
        Err(problem) => BatchItem::Refused(problem),
    }
}

impl Batch {
    fn add(&mut self, app: &App, caller: &Principal, item: &RawValue) {
        let item = match read_item(item) {
            Ok(body) => self.add_message(app, caller, body),
            Err(problem) => BatchItem::Refused(problem.in_item(MESSAGES, self.items.len())),
        };
        self.items.push(item);
    }

    fn add_message(&mut self, app: &App, caller: &Principal, body: BatchMessageBody) -> BatchItem {
        let BatchMessageBody { to, content, idempotency_key: key } = body;
        let index = self.items.len();
        let list = match to {
            Recipients::One(to) => {
                self.recipients += 1;
                let at = BatchIndex { index, recipient: None };
                return self.prepare(app, caller, keyed(content.into_message(to), key), at);
            }
            Recipients::Several(list) => list,
        };
        self.recipients += list.len();
        if list.is_empty() {
            let rule = "must hold at least one phone number";
            let error = FieldProblem::field("to", "recipients_empty", rule);
            let problem = Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, vec![error]);
            return BatchItem::Refused(problem.in_item(MESSAGES, index));
        }
        if self.recipients > MAX_MESSAGES {
            // The whole batch is going to be refused.
            return BatchItem::Several(Vec::new());
        }
        let mut known = HashMap::new();
        let recipients = list.into_iter().enumerate().map(|(recipient, to)| {
            let at = BatchIndex { index, recipient: Some(recipient) };
            let number = app.0.store.numbers().read(&to).ok();
            if let Some(first) = number.and_then(|number| known.insert(number, recipient)) {
                return BatchItem::Refused(at.of(repeated(first)));
            }
            let key = key.as_ref().map(|key| match number {
                Some(number) => format!("{key}:{number}"),
                None => key.clone(),
            });
            let message = MessageContent::clone(&content).into_message(to);
            self.prepare(app, caller, keyed(message, key), at)
        });
        BatchItem::Several(recipients.collect())
    }

    /// Prepares the message at this position.
    fn prepare(
        &mut self,
        app: &App,
        caller: &Principal,
        message: Message,
        at: BatchIndex,
    ) -> BatchItem {
        let unwritable = |error| {
            let what = "a message cannot be written";
            Problem::from(Error::new(ErrorKind::Internal, what).with_source(error))
        };
        let message = message.traceparent(self.traceparent);
        let prepared = prepare(app, caller, &self.rules, message)
            .and_then(|message| Ok((WrittenMessage::new(&message).map_err(unwritable)?, message)));
        match prepared {
            Ok((written, message)) => {
                self.messages.push(message);
                BatchItem::Accepted(written)
            }
            Err(problem) => BatchItem::Refused(at.of(problem)),
        }
    }
}

fn keyed(message: Message, key: Option<String>) -> Message {
    match key {
        Some(key) => message.key(key),
        None => message,
    }
}

fn read_item(item: &RawValue) -> Result<BatchMessageBody, Problem> {
    let mut fields = Fields::of_item(item)?;
    let body = BatchMessageBody::read(&mut fields);
    fields.finish()?;
    Ok(body)
}

/// The problem of a number that an earlier recipient of the same list has.
fn repeated(first: usize) -> Problem {
    let rule = format!("is the same number as the one at index {first} of this list");
    let error = FieldProblem::field("to", "recipient_repeated", rule);
    Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, vec![error])
}

impl BatchItem {
    fn result<'a>(&'a self, app: &App, caller: &Principal) -> BatchResult<'a> {
        match self {
            Self::Accepted(written) => BatchResult::Accepted(written),
            Self::Replayed(first) => {
                BatchResult::Replayed { first: Replay::new(first, caller, app), replayed: true }
            }
            Self::Refused(problem) => BatchResult::Refused { error: problem.document(None) },
            Self::Several(recipients) => BatchResult::Several {
                recipients: recipients.iter().map(|item| item.result(app, caller)).collect(),
            },
        }
    }
}

/// Checks the body without its items, in place of which there are empty objects.
fn check_rest(mut fields: Fields<'_>) -> Result<(), Problem> {
    fields.require(MESSAGES);
    let items = fields.list::<TOO_MANY>(MESSAGES);
    fields.finish()?;
    match items.unwrap_or_default().len() {
        0 => Err(wrong_count("messages_empty", "must hold at least one message")),
        TOO_MANY => Err(too_many()),
        _ => Ok(()),
    }
}

fn too_many() -> Problem {
    wrong_count("messages_too_many", "must hold at most 1000 messages, each recipient counted")
}

fn wrong_count(code: &'static str, rule: &'static str) -> Problem {
    let error = FieldProblem::field(MESSAGES, code, rule);
    Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, vec![error])
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use utoipa::PartialSchema as _;

    use super::*;
    use crate::rest::messages::body::BatchBody;

    #[test]
    fn a_batch_is_read_as_its_schema_says() {
        let schema = serde_json::to_value(BatchBody::schema()).expect("a schema");
        assert_eq!(schema["required"], json!([MESSAGES]));
        assert_eq!(schema["properties"].as_object().map(serde_json::Map::len), Some(1));
        let list = &schema["properties"][MESSAGES];
        let limit = |name: &str| usize::try_from(list[name].as_u64().expect("a limit")).unwrap();
        let (least, most) = (limit("minItems"), limit("maxItems"));
        for (count, is_read) in [(least - 1, false), (least, true), (most, true), (most + 1, false)]
        {
            let rest = json!({ MESSAGES: vec![json!({}); count] }).to_string();
            let fields = Fields::of_body(rest.as_bytes()).expect("an object");
            assert_eq!(check_rest(fields).is_ok(), is_read, "{count} messages");
        }
    }
}
