//! Stream with deadlines for its client.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep_until};

/// The longest time from the first byte of a request to the end of its head.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest time that a connection is kept without a request.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// The longest time in which the client reads nothing of what is written.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// State of a connection, shared by its requests, its stream and the listener.
#[derive(Debug)]
pub(super) struct Activity {
    /// Set while a request is in flight: from the end of its head to the end of the reply's body.
    busy: AtomicBool,
    opened: Instant,
    /// The time since which the connection waits for its client, in milliseconds after `opened`,
    /// plus one; zero while it does not.
    waiting_since: AtomicU64,
    /// Set when the connection was chosen to be closed.
    is_evicted: AtomicBool,
    evict: Notify,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            busy: AtomicBool::new(false),
            opened: Instant::now(),
            waiting_since: AtomicU64::new(1),
            is_evicted: AtomicBool::new(false),
            evict: Notify::new(),
        }
    }

    /// Marks a request as in flight until the result is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.busy.store(true, Ordering::Relaxed);
        self.waiting_since.store(0, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    /// The time since which the connection waits for its client; `None` while a request is in
    /// flight, and after the connection was chosen to be closed.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        if self.is_evicted.load(Ordering::Relaxed) {
            return None;
        }
        let since = self.waiting_since.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.opened + Duration::from_millis(since))
    }

    /// Asks the task of the connection to close it, unless a request begins first.
    pub(super) fn evict(&self) {
        self.is_evicted.store(true, Ordering::Relaxed);
        self.evict.notify_one();
    }

    /// Returns when the connection must be closed. Only for the task that serves its requests, so
    /// that no request begins between the return and the closing.
    pub(super) async fn evicted(&self) {
        loop {
            self.evict.notified().await;
            if self.waiting_since.load(Ordering::Relaxed) != 0 {
                return;
            }
            self.is_evicted.store(false, Ordering::Relaxed);
        }
    }

    fn wait(&self, now: Instant) {
        let since = now.saturating_duration_since(self.opened).as_millis();
        self.waiting_since
            .store(u64::try_from(since).unwrap_or(u64::MAX - 1) + 1, Ordering::Relaxed);
    }
}

/// A request in flight.
#[derive(Debug)]
pub(super) struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.store(false, Ordering::Relaxed);
    }
}

/// The body of a reply. The request ends with it.
#[derive(Debug)]
pub(super) struct BusyBody {
    body: Body,
    _busy: Busy,
}

impl BusyBody {
    pub(super) fn new(body: Body, busy: Busy) -> Self {
        Self { body, _busy: busy }
    }
}

impl HttpBody for BusyBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream with deadlines for the beginning of a request, for its head, and for the client to read
/// what is written. The body of a request has the time limit of the request.
#[derive(Debug)]
pub(super) struct TimedStream<S> {
    inner: S,
    activity: Arc<Activity>,
    reading: Reading,
    /// The time by which the client must read something; `None` while no write waits for it.
    write_deadline: Option<Instant>,
    /// Wakes the connection at a deadline or before. Set only when the stream has to wait.
    timer: Pin<Box<Sleep>>,
}

/// State of the reading.
#[derive(Debug)]
enum Reading {
    /// Waiting for a request, until this time.
    Idle(Instant),
    /// Reading the head of a request, until this time.
    Head(Instant),
    /// Reading for a request in flight.
    Request,
}

impl<S> TimedStream<S> {
    pub(super) fn new(inner: S, activity: Arc<Activity>) -> Self {
        let deadline = Instant::now() + IDLE_TIMEOUT;
        let (reading, timer) = (Reading::Idle(deadline), Box::pin(sleep_until(deadline)));
        Self { inner, activity, reading, write_deadline: None, timer }
    }

    /// Restarts the idle time. What is written while no request is in flight is the rest of a
    /// reply: until then the connection was not idle.
    fn note_written(&mut self, written: &Poll<io::Result<usize>>) {
        let is_busy = self.activity.busy.load(Ordering::Relaxed);
        if written.is_ready() && !is_busy && !matches!(self.reading, Reading::Head(_)) {
            self.become_idle();
        }
    }

    /// Sets the timer after a reply was written. hyper does not poll the read again if that was
    /// pending already.
    fn watch_idle(&mut self, context: &mut Context<'_>) {
        if self.activity.busy.load(Ordering::Relaxed) {
            return;
        }
        if matches!(self.reading, Reading::Request) {
            self.become_idle();
        }
        if let Reading::Idle(deadline) = self.reading {
            // If the deadline is past, the next read ends the stream.
            self.is_past(deadline, context);
        }
    }

    fn become_idle(&mut self) {
        let now = Instant::now();
        self.activity.wait(now);
        self.reading = Reading::Idle(now + IDLE_TIMEOUT);
    }

    /// Tells whether the deadline is past. If not, the connection will be woken then.
    fn is_past(&mut self, deadline: Instant, context: &mut Context<'_>) -> bool {
        if Instant::now() >= deadline {
            return true;
        }
        // A timer that wakes too early is cheaper than one that is reset for every request.
        if self.timer.is_elapsed() || self.timer.deadline() > deadline {
            self.timer.as_mut().reset(deadline);
        }
        while self.timer.as_mut().poll(context).is_ready() {
            if Instant::now() >= deadline {
                return true;
            }
            self.timer.as_mut().reset(deadline);
        }
        false
    }

    /// Applies the deadline for the client to read.
    fn watch_write<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            if self.write_deadline.take().is_some() && self.activity.busy.load(Ordering::Relaxed) {
                self.activity.waiting_since.store(0, Ordering::Relaxed);
            }
            return written;
        }
        let deadline = *self.write_deadline.get_or_insert_with(|| {
            let now = Instant::now();
            self.activity.wait(now);
            now + WRITE_TIMEOUT
        });
        if self.is_past(deadline, context) {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the client does not read",
            )));
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.activity.busy.load(Ordering::Relaxed) {
            this.reading = Reading::Request;
            return Pin::new(&mut this.inner).poll_read(context, buffer);
        }
        if matches!(this.reading, Reading::Request) {
            this.become_idle();
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.inner).poll_read(context, buffer);
        if matches!(this.reading, Reading::Idle(_)) && buffer.filled().len() > before {
            this.reading = Reading::Head(Instant::now() + HEAD_TIMEOUT);
        }
        let (Reading::Idle(deadline) | Reading::Head(deadline)) = this.reading else { return read };
        let too_late = match &read {
            // The stream waits for the reply to be written, not for a request.
            Poll::Pending if this.write_deadline.is_some() => false,
            Poll::Pending => this.is_past(deadline, context),
            Poll::Ready(_) => Instant::now() >= deadline,
        };
        if too_late {
            // Ends the stream: nothing more is read from this client.
            buffer.set_filled(before);
            return Poll::Ready(Ok(()));
        }
        ready!(read)?;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.note_written(&written);
        self.watch_write(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.note_written(&written);
        self.watch_write(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        if flushed.is_ready() {
            self.watch_idle(context);
        }
        self.watch_write(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.inner).poll_shutdown(context);
        self.watch_write(closed, context)
    }
}
