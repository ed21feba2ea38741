//! Reading of the event log as it grows.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, BoxStream, Stream, StreamExt as _};
use tokio::time::sleep;

use crate::error::Result;
use crate::store::event::Event;
use crate::store::{Archive, EventPage, EventsRequest};

/// Pause before the next read at the end of the log. It doubles while nothing comes.
const MIN_PAUSE: Duration = Duration::from_millis(20);
/// Longest pause: the delay of an event after a quiet time.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// An endless stream of events, in the order of the log.
///
/// It reads everything after [`EventsRequest::after`], then waits for more: it asks the store again
/// after 20 ms, and more rarely, down to once a second, while nothing comes. The request's
/// [`limit`](EventsRequest::limit) is the number of events that it reads at a time.
///
/// # Errors
///
/// A read that fails is an item, and the stream goes on: the next item is read a second later, from
/// the same position. No event is skipped.
///
/// # Cancellation
///
/// Dropping the stream loses nothing. To go on later, also in another process, keep the
/// [`seq`](Event::seq) of the last event that was handled and begin after it.
///
/// ```
/// use std::sync::Arc;
///
/// use futures_util::StreamExt as _;
/// use sms_core::store::EventsRequest;
/// use sms_core::{EventStream, MemoryStore};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let mut events = EventStream::new(Arc::new(MemoryStore::new()), EventsRequest::new(0, 100));
/// # let handle = async {
/// while let Some(event) = events.next().await {
///     let event = event?;
///     println!("{}: {} {}", event.seq, event.message_id, event.status);
/// }
/// # Ok::<(), sms_core::Error>(()) };
/// # let nothing = tokio::time::timeout(std::time::Duration::from_millis(1), handle).await;
/// # assert!(nothing.is_err());
/// # });
/// ```
#[must_use = "a stream does nothing unless it is polled"]
pub struct EventStream(BoxStream<'static, Result<Event>>);

impl EventStream {
    /// Streams the events that a request asks for.
    pub fn new(archive: Arc<dyn Archive>, request: EventsRequest) -> Self {
        let reader = LogReader::new(archive, request);
        let pages = stream::unfold(reader, async |mut reader| {
            let page = reader.next_page().await;
            Some((page, reader))
        });
        let items = pages.flat_map(|page| {
            let (events, error) = match page {
                Ok(page) => (page.events, None),
                Err(error) => (Vec::new(), Some(error)),
            };
            stream::iter(events.into_iter().map(Ok).chain(error.map(Err)))
        });
        Self(items.boxed())
    }
}

impl Stream for EventStream {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").finish_non_exhaustive()
    }
}

/// Reads page after page of the event log, with pauses at its end: the reader below an
/// [`EventStream`], for programs that hand whole pages on.
#[derive(Debug)]
pub struct LogReader {
    archive: Arc<dyn Archive>,
    request: EventsRequest,
    /// Time until the next read.
    pause: Duration,
}

impl LogReader {
    /// Reads what a request asks for; its limit is the number of events on a page.
    pub fn new(archive: Arc<dyn Archive>, mut request: EventsRequest) -> Self {
        // A page of no events would never come to an end.
        request.limit = request.limit.max(1);
        Self { archive, request, pause: Duration::ZERO }
    }

    /// Position up to which the log is read.
    pub const fn position(&self) -> u64 {
        self.request.after
    }

    /// Reads the next page, which is empty if nothing has come.
    ///
    /// # Errors
    ///
    /// Errors of the store. The next call repeats the read, a second later.
    pub async fn next_page(&mut self) -> Result<EventPage> {
        sleep(self.pause).await;
        // Set before the read, for a read that fails.
        let pause = std::mem::replace(&mut self.pause, MAX_PAUSE);
        let page = self.archive.events(&self.request).await?;
        self.pause = if page.events.len() >= self.request.limit {
            Duration::ZERO
        } else if page.read_to > self.request.after {
            MIN_PAUSE
        } else {
            (pause * 2).clamp(MIN_PAUSE, MAX_PAUSE)
        };
        self.request.after = page.read_to;
        Ok(page)
    }
}
