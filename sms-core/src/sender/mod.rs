//! Acceptance of messages: the [`Sender`].

mod queue_feeder;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use self::queue_feeder::QueueFeeder;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result, StoreFault};
use crate::instruments;
use crate::message::{Message, MessageId, NewMessage};
use crate::queue::{Job, Queue};
use crate::store::{Acceptance, InsertRequest, Inserted, Store};
use crate::supervise::survive_panic;

/// Maximum number of rows per insert. A single request with more rows is not split.
const MAX_ROWS: usize = 1000;
/// Maximum number of concurrent inserts.
const MAX_INSERTS: usize = 4;
/// Minimum number of waiting rows for which another concurrent insert starts.
const MIN_ROWS_FOR_ANOTHER_INSERT: usize = 250;
/// Capacity of the channel of requests to the inserter. When it is full, callers wait.
const MAX_WAITING_REQUESTS: usize = 4096;
/// Timeout of an insert.
const INSERT_TIMEOUT: Duration = Duration::from_secs(30);
/// Time for which the caretaker does not push messages that the sender is pushing.
const PUSH_AFTER: Duration = Duration::from_secs(20);

/// Accepts messages. When [`send`](Self::send) returns `Ok`, the message is durably stored and will
/// reach exactly one visible final state.
///
/// Concurrent calls share one insert (group commit), without an artificial delay. Cheap to clone;
/// clones share everything. Needs a tokio runtime with time enabled.
///
/// ```
/// use sms_core::{MemoryStore, Message, Sender};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let sms = Sender::builder(MemoryStore::new()).build();
/// let id = sms.send(Message::new("+7 925 123-45-67", "Ваш заказ готов")).await?;
/// # let _ = id;
/// # Ok::<(), sms_core::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Sender(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Arc<dyn Store>,
    queue: Option<Arc<dyn Queue>>,
    clock: Arc<dyn Clock>,
    /// The channel to the inserter. The inserter starts with the sender, or with the first message
    /// if the sender was built outside of a runtime.
    inbox: OnceLock<mpsc::Sender<Request>>,
}

/// The messages of one caller, and the channel for the result.
struct Request {
    messages: Vec<NewMessage>,
    reply: oneshot::Sender<Result<Vec<Inserted>>>,
}

/// Builds a [`Sender`].
#[derive(Debug)]
#[must_use]
pub struct SenderBuilder(Inner);

impl SenderBuilder {
    /// Sets the queue that accepted messages are pushed to at once. Defaults to none: the caretaker
    /// of a worker then finds the messages in the store within its interval.
    pub fn queue(mut self, queue: impl Queue) -> Self {
        self.0.queue = Some(Arc::new(queue));
        self
    }

    /// Sets the clock that `send_at` is compared with. Defaults to [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.0.clock = Arc::new(clock);
        self
    }

    /// Builds the sender.
    pub fn build(self) -> Sender {
        let sender = Sender(Arc::new(self.0));
        // In a runtime the queue is polled from now on, so that the first messages of a process
        // are not pushed to a queue that is down. Without a runtime, the first message starts this.
        let _ = sender.inbox();
        sender
    }
}

impl Sender {
    /// A builder of a sender into this store.
    pub fn builder(store: impl Store) -> SenderBuilder {
        let store = Arc::new(store);
        SenderBuilder(Inner {
            store,
            queue: None,
            clock: Arc::new(SystemClock),
            inbox: OnceLock::new(),
        })
    }

    /// Accepts a message and returns its id: a new one, or that of the first message with the same
    /// idempotency key.
    ///
    /// Dropping the future does not cancel the message.
    ///
    /// # Errors
    ///
    /// `Invalid` with the wrong fields; `KeyReused`; `Unavailable` when it is not known whether the
    /// message was stored: retry with the same key.
    pub async fn send(&self, message: Message) -> Result<MessageId> {
        let prepared = self.prepare(&message)?;
        self.accept_one(prepared).await.map(|accepted| accepted.id)
    }

    /// Accepts messages, all in one transaction. One answer each, in order: an id, or the reason
    /// why this message is refused and the others are not: `Invalid` or `KeyReused`.
    ///
    /// Dropping the future does not call the messages back.
    ///
    /// # Errors
    ///
    /// `Unavailable` when nobody knows whether they were stored: send them again with the same
    /// keys; `Closed` outside of a runtime.
    pub async fn send_all(
        &self,
        messages: impl IntoIterator<Item = Message>,
    ) -> Result<Vec<Result<MessageId>>> {
        let prepared = messages.into_iter().map(|message| self.prepare(&message));
        let mut valid = Vec::new();
        let refused: Vec<Option<Error>> =
            prepared.map(|message| message.map(|message| valid.push(message)).err()).collect();
        let accepted = if valid.is_empty() { Vec::new() } else { self.accept(valid).await? };
        let mut accepted = accepted.into_iter();
        let answer = |refused| match refused {
            Some(error) => Some(Err(error)),
            None => accepted.next().map(|accepted| accepted.map(|accepted| accepted.id)),
        };
        Ok(refused.into_iter().filter_map(answer).collect())
    }

    /// Checks the content of a message and assigns its id. Uses the store's reader of phone
    /// numbers.
    ///
    /// # Errors
    ///
    /// `Invalid` with the wrong fields.
    pub fn prepare(&self, message: &Message) -> Result<NewMessage> {
        message.prepare_with(self.0.store.numbers())
    }

    /// Accepts one prepared message.
    ///
    /// # Errors
    ///
    /// Those of [`accept`](Self::accept) and of its results.
    pub async fn accept_one(&self, message: NewMessage) -> Result<Acceptance> {
        let no_answer =
            || Err(Error::new(ErrorKind::Internal, "the store returned no result for a message"));
        self.accept(vec![message]).await?.pop().unwrap_or_else(no_answer)
    }

    /// Accepts prepared messages, all in one transaction. One result each, in order. A message can
    /// be refused while the others are accepted: with `KeyReused`, or with `Invalid` when its time
    /// is not [allowed](NewMessage::check_at) now.
    ///
    /// # Errors
    ///
    /// `Unavailable` when it is not known whether they were stored; `Closed` outside of a runtime.
    pub async fn accept(&self, messages: Vec<NewMessage>) -> Result<Vec<Result<Acceptance>>> {
        let now_ms = self.0.clock.now_ms();
        if messages.iter().all(|message| message.check_at(now_ms).is_ok()) {
            return self.store(messages).await;
        }
        let (mut allowed, mut forbidden) = (Vec::new(), Vec::new());
        let mut is_allowed = Vec::with_capacity(messages.len());
        for message in messages {
            is_allowed.push(message.check_at(now_ms).is_ok());
            if is_allowed.last() == Some(&true) {
                allowed.push(message);
            } else {
                forbidden.push(message);
            }
        }
        let mut refused = self.replay_or_refuse(&forbidden, now_ms).await?.into_iter();
        let mut stored =
            if allowed.is_empty() { Vec::new() } else { self.store(allowed).await? }.into_iter();
        let answer = |is_allowed| if is_allowed { stored.next() } else { refused.next() };
        Ok(is_allowed.into_iter().filter_map(answer).collect())
    }

    /// Results for messages with a time that is not allowed now. Those that were accepted earlier,
    /// when it was allowed, are replays.
    async fn replay_or_refuse(
        &self,
        messages: &[NewMessage],
        now_ms: i64,
    ) -> Result<Vec<Result<Acceptance>>> {
        let replays = timeout(INSERT_TIMEOUT, self.0.store.replays(messages));
        let replays = replays.await.map_err(timed_out)??;
        let answer = |(message, replay): (&NewMessage, Option<Inserted>)| match replay {
            Some(replay) => replay.into_accepted(message.id),
            None => message.check_at(now_ms).and_then(|()| {
                Err(Error::new(ErrorKind::Internal, "a message was refused without a reason"))
            }),
        };
        Ok(messages.iter().zip(replays).map(answer).collect())
    }

    /// Stores messages, all in one transaction.
    async fn store(&self, messages: Vec<NewMessage>) -> Result<Vec<Result<Acceptance>>> {
        let ids: Vec<MessageId> = messages.iter().map(|message| message.id).collect();
        let (reply, answer) = oneshot::channel();
        let stopped = |_| Error::new(ErrorKind::Closed, "the sender has been shut down");
        self.inbox()?.send(Request { messages, reply }).await.map_err(stopped)?;
        let failed = |error| Error::unavailable("the code of the store panicked", error);
        let inserted = answer.await.map_err(failed)??;
        Ok(ids.into_iter().zip(inserted).map(|(id, inserted)| inserted.into_accepted(id)).collect())
    }

    fn inbox(&self) -> Result<&mpsc::Sender<Request>> {
        if let Some(inbox) = self.0.inbox.get() {
            return Ok(inbox);
        }
        let no_runtime =
            |error| Error::new(ErrorKind::Closed, "no tokio runtime to send in").with_source(error);
        let runtime = Handle::try_current().map_err(no_runtime)?;
        Ok(self.0.inbox.get_or_init(|| {
            let (inbox, requests) = mpsc::channel(MAX_WAITING_REQUESTS);
            let feeder = self.0.queue.clone().map(|queue| QueueFeeder::start(&runtime, queue));
            let (store, mut requests) = (Arc::clone(&self.0.store), requests);
            runtime.spawn(async move {
                let (store, feeder) = (store.as_ref(), feeder.as_ref());
                while survive_panic("insert", insert_all(store, feeder, &mut requests))
                    .await
                    .is_none()
                {}
            });
            inbox
        }))
    }
}

fn timed_out(error: tokio::time::error::Elapsed) -> Error {
    Error::unavailable("the store did not answer in time", error)
        .with_fault(StoreFault::Unreachable)
}

/// Inserts until every sender is dropped and no request waits. It is a separate task, so that a
/// caller that goes away does not cancel the insert that others share.
async fn insert_all(
    store: &dyn Store,
    feeder: Option<&QueueFeeder>,
    requests: &mut mpsc::Receiver<Request>,
) {
    let (mut waiting, mut open) = (Vec::new(), true);
    let mut inserts = FuturesUnordered::new();
    while open || !inserts.is_empty() {
        while !waiting.is_empty() && may_insert(inserts.len(), &waiting) {
            let insert = insert(store, feeder, take_batch(&mut waiting));
            // A panic of the store fails this insert, and no later one.
            inserts.push(AssertUnwindSafe(insert).catch_unwind());
        }
        tokio::select! {
            Some(inserted) = inserts.next() => {
                if inserted.is_err() {
                    tracing::error!("the code of the store panicked");
                }
            }
            received = requests.recv_many(&mut waiting, MAX_ROWS),
                if open && waiting.len() < MAX_ROWS =>
            {
                open = received > 0;
            }
        }
    }
}

/// Returns true if another insert may start. A few rows wait for the next insert, because few large
/// inserts cost less than many small ones.
fn may_insert(running: usize, waiting: &[Request]) -> bool {
    let rows = || waiting.iter().map(|request| request.messages.len()).sum::<usize>();
    running == 0 || (running < MAX_INSERTS && rows() >= MIN_ROWS_FOR_ANOTHER_INSERT)
}

/// Takes requests from the front, up to [`MAX_ROWS`] messages but at least one request.
fn take_batch(waiting: &mut Vec<Request>) -> Vec<Request> {
    let mut rows = 0;
    let fits = |request: &&Request| {
        rows += request.messages.len();
        rows <= MAX_ROWS
    };
    let count = waiting.iter().take_while(fits).count().max(1);
    waiting.drain(..count).collect()
}

async fn insert(store: &dyn Store, feeder: Option<&QueueFeeder>, mut requests: Vec<Request>) {
    let mut messages = Vec::with_capacity(requests.len());
    let counts: Vec<usize> = requests.iter().map(|request| request.messages.len()).collect();
    for request in &mut requests {
        messages.append(&mut request.messages);
    }
    let reservation = feeder.map(|feeder| feeder.reserve(&messages));
    let all_pushed = reservation.as_ref().is_some_and(|reservation| {
        messages.iter().all(|message| reservation.holds(message.lane()))
    });
    let push_after = if all_pushed { PUSH_AFTER } else { Duration::ZERO };
    let insert_all = store.insert(InsertRequest::new(&messages).push_after(push_after));
    let result =
        timeout(INSERT_TIMEOUT, insert_all).await.unwrap_or_else(|error| Err(timed_out(error)));
    // Commit before push: a worker that gets the id must find the row.
    match result {
        Ok(inserted) if inserted.len() == messages.len() => {
            instruments::accepted(&messages, &inserted);
            if let (Some(feeder), Some(reservation)) = (feeder, reservation) {
                feeder.push(&due_now(&messages, &inserted), reservation);
            }
            let mut inserted = inserted.into_iter();
            for (request, count) in requests.into_iter().zip(counts) {
                // A caller that has gone away leaves its message accepted.
                let _ = request.reply.send(Ok(inserted.by_ref().take(count).collect()));
            }
        }
        Ok(_) => {
            answer_all(
                requests,
                &Arc::new(Error::new(ErrorKind::Internal, "the store returned too few results")),
            );
        }
        Err(error) if requests.len() > 1 && !error.is_retryable() => {
            drop(reservation);
            // One message may fail the insert for all the others, so insert each request alone.
            let mut messages = messages.into_iter();
            for (mut request, count) in requests.into_iter().zip(counts) {
                request.messages = messages.by_ref().take(count).collect();
                Box::pin(insert(store, feeder, vec![request])).await;
            }
        }
        Err(error) => answer_all(requests, &Arc::new(error)),
    }
}

/// Jobs of the messages that were stored, are due, and take the route that is pushed.
fn due_now(messages: &[NewMessage], inserted: &[Inserted]) -> Vec<Job> {
    let stored = messages.iter().zip(inserted).filter(|(_, inserted)| inserted.is_stored());
    let due = stored.filter(|(message, _)| message.send_at.is_none() && message.route.is_pushed());
    due.map(|(message, _)| Job { id: message.id, lane: message.lane() }).collect()
}

fn answer_all(requests: Vec<Request>, error: &Arc<Error>) {
    for request in requests {
        let _ = request.reply.send(Err(error.shared()));
    }
}
