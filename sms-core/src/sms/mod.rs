//! The façade: sends messages, runs a worker and tells what became of each, in one process.

mod changes;
mod event_stream;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::changes::Changes;
pub use self::event_stream::{EventStream, LogReader};
use crate::error::{Error, ErrorKind, Result};
use crate::memory::MemoryQueue;
use crate::message::{Message, MessageId, StoredMessage};
use crate::provider::Provider;
use crate::queue::Queue;
use crate::sender::Sender;
use crate::store::status::Status;
use crate::store::{EventsRequest, MessageRequest, Store};
use crate::worker::Worker;

/// Longest last read of a [`wait`](Sms::wait) that has reached its timeout.
const LAST_READ: Duration = Duration::from_secs(1);

/// A [`Sender`] and a [`Worker`] over one store, with a queue inside the process: all that an
/// application needs that sends messages itself.
///
/// Cheap to clone; all clones are one `Sms`. [`close`](Self::close) it before the process ends.
/// Where the last clone is dropped instead, its worker stops taking messages, and nobody waits for
/// it.
///
/// Whatever is not sent then stays in the store, and the next `Sms` on that store sends it. Several
/// processes may open one store at the same time. For other queues, or for processes that only
/// accept or only send, take the parts.
///
/// ```
/// use std::time::Duration;
///
/// use sms_core::{Class, MemoryStore, Message, Sandbox, Sms, Status};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let sms = Sms::open(MemoryStore::new(), Sandbox::new()).await?;
/// let message = Message::new("+7 925 123-45-67", "Код 1234").class(Class::Otp).key("login-42");
/// let id = sms.send(message).await?;
/// let end = sms.wait(id, Duration::from_secs(30)).await?;
/// assert_eq!(end.state.status, Status::Delivered);
/// sms.close().await?;
/// # Ok::<(), sms_core::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Sms(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sender: Sender,
    store: Arc<dyn Store>,
    queue: Arc<dyn Queue>,
    changes: Arc<Changes>,
    /// True if the provider tells what became of a message that it has accepted.
    has_receipts: bool,
    shutdown: CancellationToken,
    /// The worker; `None` once it has ended and its result was returned.
    worker: Mutex<Option<JoinHandle<Result<()>>>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Sms {
    /// Starts sending what is in the store, and what will be. A store that other code uses too is
    /// given as an `Arc`.
    ///
    /// # Errors
    ///
    /// `Unavailable` if the store cannot be read; `Closed` outside of a tokio runtime.
    pub async fn open(store: impl Store, provider: impl Provider) -> Result<Self> {
        let no_runtime =
            |error| Error::new(ErrorKind::Closed, "no tokio runtime to send in").with_source(error);
        let runtime = Handle::try_current().map_err(no_runtime)?;
        let store: Arc<dyn Store> = Arc::new(store);
        let changes = Changes::open(store.clone()).await?;
        let has_receipts = provider.receipts().is_some()
            || provider.incoming().is_some()
            || provider.callbacks().is_some();
        let worker = Worker::builder(store.clone(), MemoryQueue::new(), provider).build();
        let queue = worker.queue();
        let sender = Sender::builder(store.clone()).queue(queue.clone()).build();
        let shutdown = CancellationToken::new();
        let worker = Mutex::new(Some(runtime.spawn(worker.run(shutdown.clone()))));
        let inner = Inner { sender, store, queue, changes, has_receipts, shutdown, worker };
        Ok(Self(Arc::new(inner)))
    }

    /// Accepts a message and returns its id: a new one, or that of the first message with its
    /// [key](Message::key). It is durable then, and is sent in the background.
    ///
    /// Cancellation: dropping the future does not call the message back. With a key it can be sent
    /// again to learn its id.
    ///
    /// # Errors
    ///
    /// `Invalid` with the wrong fields; `KeyReused`; `Closed` after [`close`](Self::close);
    /// `Unavailable` if nobody knows whether it was stored: send it again with the same key.
    pub async fn send(&self, message: Message) -> Result<MessageId> {
        self.check_open()?;
        self.0.sender.send(message).await
    }

    /// Accepts messages, all in one transaction. One answer each, in order: an id, or the reason
    /// why this message is refused and the others are not: `Invalid` or `KeyReused`.
    ///
    /// Cancellation: as with [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// `Closed` after [`close`](Self::close); `Unavailable` if nobody knows whether they were
    /// stored: send them again with the same keys.
    pub async fn send_all(
        &self,
        messages: impl IntoIterator<Item = Message>,
    ) -> Result<Vec<Result<MessageId>>> {
        self.check_open()?;
        self.0.sender.send_all(messages).await
    }

    /// Waits until a message has reached an end, for `limit` at the longest, and returns it as it
    /// is then.
    ///
    /// Its end is a [final](Status::is_final) state, or [`Unknown`](Status::Unknown), which only
    /// evidence or a person changes; or [`Sent`](Status::Sent), if the provider has no receipts. A
    /// message in another state was still on its way at the timeout, which is no error.
    ///
    /// The end is noticed a second later at the latest. Many calls at a time cost the store no more
    /// reads of its event log than one.
    ///
    /// Cancellation: a dropped call changes nothing.
    ///
    /// # Errors
    ///
    /// `NotFound`; `Unavailable` if the store cannot be read: wait again.
    pub async fn wait(&self, id: MessageId, limit: Duration) -> Result<StoredMessage> {
        let seen = self.read(id).await?;
        if self.is_end(&seen) {
            return Ok(seen);
        }
        let end = async {
            let mut changes = self.0.changes.subscribe(id).await?;
            loop {
                // Read after subscribing: no event falls between the two.
                let seen = self.read(id).await?;
                // `Err` would mean that the sender is gone, which `self` holds.
                if self.is_end(&seen) || changes.changed().await.is_err() {
                    return Ok(seen);
                }
            }
        };
        if let Ok(end) = timeout(limit, end).await {
            return end;
        }
        timeout(LAST_READ, self.read(id)).await.unwrap_or(Ok(seen))
    }

    /// Streams the event log: attempts, receipts and everything else that is decided about
    /// messages, in the order in which it was recorded. It includes what other processes record in
    /// the same store. There is no event of an acceptance.
    ///
    /// See [`EventStream`] for errors and cancellation. The stream goes on after
    /// [`close`](Self::close), as long as it is polled.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use futures_util::StreamExt as _;
    /// use sms_core::store::EventsRequest;
    /// use sms_core::{MemoryStore, Message, Sandbox, Sms, Status};
    ///
    /// # let mut runtime = tokio::runtime::Builder::new_current_thread();
    /// # runtime.enable_all().build().unwrap().block_on(async {
    /// let sms = Sms::open(MemoryStore::new(), Sandbox::new().delay(Duration::ZERO)).await?;
    /// sms.send(Message::new("+79251234567", "Ваш заказ готов")).await?;
    /// // From the start of the log, 100 events at a time.
    /// let mut events = sms.events(EventsRequest::new(0, 100));
    /// while let Some(event) = events.next().await.transpose()? {
    ///     if event.status == Status::Delivered {
    ///         break;
    ///     }
    /// }
    /// # sms.close().await }).unwrap();
    /// ```
    pub fn events(&self, request: EventsRequest) -> EventStream {
        EventStream::new(self.0.store.clone(), request)
    }

    /// The sender, for code that takes one, such as the server's `App`.
    pub fn sender(&self) -> &Sender {
        &self.0.sender
    }

    /// The store: to list messages, to cancel them, to settle unknown ones.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// The queue, for its figures.
    pub fn queue(&self) -> &Arc<dyn Queue> {
        &self.0.queue
    }

    /// Stops taking messages from the store and waits until the calls to the provider have ended
    /// and their outcomes are recorded: twice the provider's [timeout](crate::Limits::timeout) and
    /// 5 s at most. What is still queued stays in the store.
    ///
    /// It closes all clones. A second call waits for the same end.
    ///
    /// Cancellation: a dropped call has begun the shutdown, and nobody waits for it.
    ///
    /// # Errors
    ///
    /// `Internal` if the worker has failed.
    pub async fn close(&self) -> Result<()> {
        self.0.shutdown.cancel();
        let mut worker = self.0.worker.lock().await;
        let Some(running) = worker.as_mut() else { return Ok(()) };
        let failed =
            |error| Error::new(ErrorKind::Internal, "the worker failed").with_source(error);
        let ended = running.await.map_err(failed);
        *worker = None;
        ended?
    }

    fn check_open(&self) -> Result<()> {
        if self.0.shutdown.is_cancelled() {
            return Err(Error::new(ErrorKind::Closed, "it is closed and takes no messages"));
        }
        Ok(())
    }

    async fn read(&self, id: MessageId) -> Result<StoredMessage> {
        let stored = self.0.store.get(&MessageRequest::new(id)).await?;
        stored.ok_or_else(|| Error::new(ErrorKind::NotFound, "there is no message with this id"))
    }

    fn is_end(&self, stored: &StoredMessage) -> bool {
        match stored.state.status {
            Status::Unknown => true,
            Status::Sent => !self.0.has_receipts,
            status => status.is_final(),
        }
    }
}
