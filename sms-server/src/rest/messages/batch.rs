//! `POST /v1/messages/batch`: many messages, accepted in one transaction, each with an answer of
//! its own.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use sms_core::sender::Acceptance;
use sms_core::{Error, ErrorKind, MessageId, NewMessage, StoredMessage};
use tokio::time::{Instant, timeout_at};

use crate::app::Api;
use crate::http::auth::Caller;
use crate::http::body::{self as http_body, Reservation};
use crate::http::fields::{Fields, not_json};
use crate::http::problem::{FieldProblem, Problem};
use crate::keys::{KeyScope, Principal};
use crate::rest::messages::IDEMPOTENCY_KEY;
use crate::rest::messages::body as message_body;
use crate::rest::messages::items::ItemSplitter;
use crate::rest::messages::view::{Accepted, Answer, Replay};

/// The most messages in one request, and one more, which tells that there are too many.
const MAX_MESSAGES: usize = 1000;
const TOO_MANY: usize = MAX_MESSAGES + 1;
/// The largest message of which every letter beyond ASCII is escaped, in bytes: 4 KiB of metadata
/// become 12, 536 letters of text 3, a reference of 255 letters 3; names, key and numbers take less
/// than 2.
const MAX_MESSAGE: usize = 20 * 1024;
/// The largest body of a batch, in bytes.
pub(crate) const MAX_BODY: usize = MAX_MESSAGES * MAX_MESSAGE;
/// How long the first messages of keys that were used before are looked for. What was accepted
/// beside them must be answered before the request is out of time.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);

/// The name of the list in the body.
const MESSAGES: &str = "messages";

/// What became of one message.
enum Fate {
    /// It is stored, and shown as this; before the insert: it is going to be.
    Accepted(Box<RawValue>),
    Replayed(Box<StoredMessage>),
    Refused(Problem),
}

/// A batch as it is read: what becomes of each message as far as it is known, and those to be
/// accepted.
struct Batch {
    fates: Vec<Fate>,
    messages: Vec<NewMessage>,
    /// For as long as the batch is in flight.
    memory: Reservation,
}

#[derive(Serialize)]
struct Answers<'a> {
    results: Vec<Answer<'a>>,
}

/// `POST /v1/messages/batch`: 202 means that each message that has an id in its answer is durably
/// accepted.
pub(crate) async fn send(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    mut body: Body,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Send)?;
    let batch = api.read_batch(&caller, &headers, &mut body).await;
    if batch.is_err() {
        http_body::drain(&mut body).await;
    }
    let Batch { mut fates, messages, memory: _memory } = batch?;
    if !messages.is_empty() {
        let answers = api.0.readiness.note(api.0.sender.accept(messages).await)?;
        api.note(&mut fates, answers, &caller).await;
    }
    let results: Vec<Answer<'_>> = fates.iter().map(|fate| api.answer(fate, &caller)).collect();
    Ok((StatusCode::ACCEPTED, Json(Answers { results })).into_response())
}

impl Api {
    /// Reads a batch, item by item as they come.
    async fn read_batch(
        &self,
        caller: &Principal,
        headers: &HeaderMap,
        body: &mut Body,
    ) -> Result<Batch, Problem> {
        check_headers(headers)?;
        let (mut splitter, mut received) = (ItemSplitter::new(MESSAGES, MAX_MESSAGES), 0);
        let memory =
            self.0.bodies.reserve_batch(&caller.id, http_body::length(body).unwrap_or(0))?;
        let mut batch = Batch { fates: Vec::new(), messages: Vec::new(), memory };
        while let Some(bytes) = http_body::next_bytes(body).await? {
            received += bytes.len();
            batch.memory.cover(received)?;
            splitter
                .push(&bytes, &mut |item| self.add(&mut batch, caller, item))
                .map_err(not_json)?;
        }
        let rest = Fields::of_body(splitter.rest()).map(check_rest);
        rest.map_err(|error| not_json(splitter.explain(&error)))??;
        Ok(batch)
    }

    /// Adds an item to a batch.
    fn add(&self, batch: &mut Batch, caller: &Principal, item: &RawValue) {
        let fate = match self.read_item(caller, item) {
            Ok((shown, message)) => {
                batch.messages.push(message);
                Fate::Accepted(shown)
            }
            Err(problem) => Fate::Refused(problem.in_item(MESSAGES, batch.fates.len())),
        };
        batch.fates.push(fate);
    }

    /// A message, and how it is shown once it is stored: the sender is given it for good.
    fn read_item(
        &self,
        caller: &Principal,
        item: &RawValue,
    ) -> Result<(Box<RawValue>, NewMessage), Problem> {
        let mut fields = Fields::of_item(item)?;
        let key = fields.string("idempotency_key");
        let mut message = message_body::read(fields)?.owner(&*caller.id);
        if let Some(key) = key {
            message = message.key(key);
        }
        let prepared = self.0.sender.prepare(&message)?;
        let unwritable =
            |error| Error::new(ErrorKind::Internal, "a message cannot be shown").with_source(error);
        Ok((to_raw_value(&Accepted::new(&prepared)).map_err(unwritable)?, prepared))
    }

    /// Notes what became of the messages that were to be accepted. Nothing fails here any more: who
    /// is told of a failure repeats the whole, with those that are stored.
    async fn note(
        &self,
        fates: &mut [Fate],
        answers: Vec<Result<Acceptance, Error>>,
        caller: &Principal,
    ) {
        let deadline = Instant::now() + LOOK_TIMEOUT;
        let mut answers = answers.into_iter();
        for (index, fate) in fates.iter_mut().enumerate() {
            if !matches!(fate, Fate::Accepted(_)) {
                continue;
            }
            *fate = match answers.next() {
                Some(Ok(Acceptance { replayed: false, .. })) => continue,
                Some(Ok(Acceptance { id, .. })) => self.look(id, caller, deadline).await,
                Some(Err(error)) => Fate::Refused(Problem::from(error).in_item(MESSAGES, index)),
                None => Fate::Refused(
                    Error::new(ErrorKind::Internal, "the store gave no answer for a message")
                        .into(),
                ),
            };
        }
    }

    /// The first message of a key.
    async fn look(&self, id: MessageId, caller: &Principal, deadline: Instant) -> Fate {
        let too_slow = |error| Error::unavailable("the store did not answer in time", error).into();
        match timeout_at(deadline, self.get(id, caller)).await.map_err(too_slow).flatten() {
            Ok(first) => Fate::Replayed(Box::new(first)),
            Err(problem) => Fate::Refused(problem),
        }
    }

    fn answer<'a>(&self, fate: &'a Fate, caller: &Principal) -> Answer<'a> {
        match fate {
            Fate::Accepted(shown) => Answer::Accepted(shown),
            Fate::Replayed(first) => {
                Answer::Replayed { first: Replay::new(first, caller, self), replayed: true }
            }
            Fate::Refused(problem) => Answer::Refused { error: problem.document(None) },
        }
    }
}

fn check_headers(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.contains_key(IDEMPOTENCY_KEY) {
        let rule = "a batch takes none: give each message a field idempotency_key";
        let wrong = FieldProblem::parameter("Idempotency-Key", "idempotency_key_invalid", rule);
        return Err(Problem::fields(StatusCode::BAD_REQUEST, vec![wrong]));
    }
    Fields::check_headers(headers)
}

/// Checks what a body holds around its messages.
fn check_rest(mut fields: Fields<'_>) -> Result<(), Problem> {
    fields.require(MESSAGES);
    let items = fields.list::<TOO_MANY>(MESSAGES);
    fields.finish()?;
    match items.unwrap_or_default().len() {
        0 => Err(wrong_count("messages_empty", "must hold a message at least")),
        TOO_MANY => Err(wrong_count("messages_too_many", "must hold at most 1000 messages")),
        _ => Ok(()),
    }
}

fn wrong_count(code: &'static str, rule: &'static str) -> Problem {
    Problem::fields(
        StatusCode::UNPROCESSABLE_ENTITY,
        vec![FieldProblem::field(MESSAGES, code, rule)],
    )
}
