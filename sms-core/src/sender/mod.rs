//! Accepting messages.

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
use crate::message::{Message, MessageId, NewMessage};
use crate::queue::{Job, Queue};
use crate::store::{Acceptance, InsertRequest, Inserted, Store};
use crate::supervise::survive_panic;

/// Rows per insert, as far as requests allow.
const MAX_ROWS: usize = 1000;
/// Inserts under way at a time, and the rows for which one more is worth its while.
const MAX_INSERTS: usize = 4;
const MANY_ROWS: usize = 250;
/// Requests that wait for an insert; more callers wait for a place.
const MAX_WAITING: usize = 4096;
/// How long an insert may take.
const INSERT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the caretaker leaves messages to the sender that is pushing them.
const PUSH_AFTER: Duration = Duration::from_secs(20);

/// Accepts messages: when [`send`](Self::send) returns `Ok`, the message is durably stored and will
/// reach exactly one visible end.
///
/// Concurrent calls share one insert: whoever waits goes along (group commit), nobody is made to
/// wait for company. Cheap to clone; clones share everything. Works in a tokio runtime with time
/// enabled.
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
    /// The inserter's inbox. The inserter starts with the sender, or with the first message of one
    /// that was built outside of a runtime.
    inbox: OnceLock<mpsc::Sender<Request>>,
}

/// Some caller's messages, and where it waits for the answer.
struct Request {
    messages: Vec<NewMessage>,
    reply: oneshot::Sender<Result<Vec<Inserted>>>,
}

/// Builds a [`Sender`].
#[derive(Debug)]
#[must_use]
pub struct SenderBuilder(Inner);

impl SenderBuilder {
    /// Offers accepted messages to this queue at once. Without one, the caretaker of a worker finds
    /// them, within its interval.
    pub fn queue(mut self, queue: impl Queue) -> Self {
        self.0.queue = Some(Arc::new(queue));
        self
    }

    /// The clock that `send_at` is compared with. Defaults to the machine's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.0.clock = Arc::new(clock);
        self
    }

    /// The sender.
    pub fn build(self) -> Sender {
        let sender = Sender(Arc::new(self.0));
        // Where there is a runtime already, the queue is looked at now: the first messages of a
        // process must not be pushed to a queue that is away. Without one, the first message starts
        // it.
        let _ = sender.inbox();
        sender
    }
}

impl Sender {
    /// A sender into this store.
    pub fn builder(store: impl Store) -> SenderBuilder {
        let store = Arc::new(store);
        SenderBuilder(Inner {
            store,
            queue: None,
            clock: Arc::new(SystemClock),
            inbox: OnceLock::new(),
        })
    }

    /// Accepts a message and answers with its id: a new one, or that of the first message with its
    /// key.
    ///
    /// Dropping the future does not call the message back.
    ///
    /// # Errors
    ///
    /// `Invalid` with the wrong fields; `KeyReused`; `Unavailable` when nobody knows whether it was
    /// stored: send it again with the same key.
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

    /// Checks the content of a message and gives it its id, with the store's reader of numbers.
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
    /// Those of [`accept`](Self::accept) and of its answers.
    pub async fn accept_one(&self, message: NewMessage) -> Result<Acceptance> {
        let no_answer =
            || Err(Error::new(ErrorKind::Internal, "the store gave no answer for a message"));
        self.accept(vec![message]).await?.pop().unwrap_or_else(no_answer)
    }

    /// Accepts prepared messages, all in one transaction. One answer each, in order: the message
    /// that is accepted, or why this one is not and the others are: `KeyReused`, or `Invalid` for
    /// what [time](NewMessage::check_at) forbids now.
    ///
    /// # Errors
    ///
    /// `Unavailable` when nobody knows whether they were stored; `Closed` outside of a runtime.
    pub async fn accept(&self, messages: Vec<NewMessage>) -> Result<Vec<Result<Acceptance>>> {
        let now = self.0.clock.now_ms();
        if messages.iter().all(|message| message.check_at(now).is_ok()) {
            return self.store(messages).await;
        }
        let (mut allowed, mut forbidden) = (Vec::new(), Vec::new());
        let mut is_allowed = Vec::with_capacity(messages.len());
        for message in messages {
            is_allowed.push(message.check_at(now).is_ok());
            if is_allowed.last() == Some(&true) {
                allowed.push(message);
            } else {
                forbidden.push(message);
            }
        }
        let mut refused = self.replay_or_refuse(&forbidden, now).await?.into_iter();
        let mut stored =
            if allowed.is_empty() { Vec::new() } else { self.store(allowed).await? }.into_iter();
        let answer = |is_allowed| if is_allowed { stored.next() } else { refused.next() };
        Ok(is_allowed.into_iter().filter_map(answer).collect())
    }

    /// Answers for messages that time forbids: those that were accepted before, when it did not,
    /// are replayed.
    async fn replay_or_refuse(
        &self,
        messages: &[NewMessage],
        now: i64,
    ) -> Result<Vec<Result<Acceptance>>> {
        let look = timeout(INSERT_TIMEOUT, self.0.store.replays(messages));
        let replays = look.await.map_err(timed_out)??;
        let answer = |(message, replay): (&NewMessage, Option<Inserted>)| match replay {
            Some(replay) => replay.into_accepted(message.id),
            None => message.check_at(now).and_then(|()| {
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
        let failed = |error| Error::unavailable("the store's code failed", error);
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
            let (inbox, requests) = mpsc::channel(MAX_WAITING);
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

/// Inserts until every sender is gone and nobody waits. A task of its own: a caller that goes away
/// cancels nothing for those who share its insert.
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
            // A store that panics fails those it was called for, and nobody after them.
            inserts.push(AssertUnwindSafe(insert).catch_unwind());
        }
        tokio::select! {
            Some(inserted) = inserts.next() => {
                if inserted.is_err() {
                    tracing::error!("the store's code failed");
                }
            }
            received = requests.recv_many(&mut waiting, MAX_ROWS), if open && waiting.len() < MAX_ROWS => {
                open = received > 0;
            }
        }
    }
}

/// Whether an insert may start beside those under way. What is little waits and goes along with the
/// next one: few large inserts take less than many small ones.
fn may_insert(under_way: usize, waiting: &[Request]) -> bool {
    let rows = || waiting.iter().map(|request| request.messages.len()).sum::<usize>();
    under_way == 0 || (under_way < MAX_INSERTS && rows() >= MANY_ROWS)
}

/// Takes requests from the front until they hold [`MAX_ROWS`] messages: one at least.
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
    let room = feeder.map(|feeder| feeder.reserve(&messages));
    let all_pushed =
        room.as_ref().is_some_and(|room| messages.iter().all(|message| room.holds(message.lane())));
    let push_after = if all_pushed { PUSH_AFTER } else { Duration::ZERO };
    let insert_all = store.insert(InsertRequest::new(&messages).push_after(push_after));
    let result =
        timeout(INSERT_TIMEOUT, insert_all).await.unwrap_or_else(|error| Err(timed_out(error)));
    // Commit before push: a worker that gets the id must find the row.
    match result {
        Ok(inserted) if inserted.len() == messages.len() => {
            if let (Some(feeder), Some(room)) = (feeder, room) {
                feeder.push(&due_now(&messages, &inserted), room);
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
                &Arc::new(Error::new(ErrorKind::Internal, "the store answered for too few")),
            );
        }
        Err(error) if requests.len() > 1 && !error.is_retryable() => {
            drop(room);
            // Perhaps one message spoils the insert for the others: each request by itself.
            let mut messages = messages.into_iter();
            for (mut request, count) in requests.into_iter().zip(counts) {
                request.messages = messages.by_ref().take(count).collect();
                Box::pin(insert(store, feeder, vec![request])).await;
            }
        }
        Err(error) => answer_all(requests, &Arc::new(error)),
    }
}

/// The jobs of what was stored and is due.
fn due_now(messages: &[NewMessage], inserted: &[Inserted]) -> Vec<Job> {
    let stored =
        messages.iter().zip(inserted).filter(|(_, inserted)| **inserted == Inserted::Stored);
    let due = stored.filter(|(message, _)| message.send_at.is_none());
    due.map(|(message, _)| Job { id: message.id, lane: message.lane() }).collect()
}

fn answer_all(requests: Vec<Request>, error: &Arc<Error>) {
    for request in requests {
        let _ = request.reply.send(Err(error.shared()));
    }
}
