//! A stream that ends when its peer takes too long.

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

/// The longest the head of a request may take, from its first byte on.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest a connection is kept without a request.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// The longest a peer may take nothing of what is written to it.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// The state of a connection, as its requests, its stream and the listener share it.
#[derive(Debug)]
pub(super) struct Activity {
    /// Whether a request is being answered: from the end of its head to the end of the answer's
    /// body.
    busy: AtomicBool,
    opened: Instant,
    /// Since when the peer is waited for, in milliseconds after `opened`, plus one; zero while it
    /// is not.
    waiting_since: AtomicU64,
    /// Whether it has been chosen to be closed.
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

    /// Notes that a request is being answered until the result is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.busy.store(true, Ordering::Relaxed);
        self.waiting_since.store(0, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    /// Since when nothing can go on without the peer: `None` while a request is being answered, or
    /// when the connection has been chosen to be closed.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        if self.is_evicted.load(Ordering::Relaxed) {
            return None;
        }
        let since = self.waiting_since.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.opened + Duration::from_millis(since))
    }

    /// Has the connection closed, unless its peer goes on first.
    pub(super) fn evict(&self) {
        self.is_evicted.store(true, Ordering::Relaxed);
        self.evict.notify_one();
    }

    /// Returns when the connection is to be closed. For the task that answers its requests: none
    /// begins between this and the closing.
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

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.store(false, Ordering::Relaxed);
    }
}

/// The body of an answer; with its end ends the request.
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

/// A stream with deadlines: for a request to begin, for its head, and for the peer to take what is
/// written. The body of a request is under the time limit of the request.
#[derive(Debug)]
pub(super) struct TimedStream<S> {
    inner: S,
    activity: Arc<Activity>,
    reading: Reading,
    /// Until when the peer has to take something; `None` while nothing waits for it.
    write_deadline: Option<Instant>,
    /// Wakes the connection at a deadline or before. Set only when something has to be waited for.
    timer: Pin<Box<Sleep>>,
}

/// What is read.
#[derive(Debug)]
enum Reading {
    /// Nothing until then: a request may begin.
    Idle(Instant),
    /// The head of a request, until then.
    Head(Instant),
    /// What belongs to a request that is being answered.
    Request,
}

impl<S> TimedStream<S> {
    pub(super) fn new(inner: S, activity: Arc<Activity>) -> Self {
        let deadline = Instant::now() + IDLE_TIMEOUT;
        let (reading, timer) = (Reading::Idle(deadline), Box::pin(sleep_until(deadline)));
        Self { inner, activity, reading, write_deadline: None, timer }
    }

    /// What is written while no request is being answered is the rest of an answer that was handed
    /// over before it could be written: the connection has not been idle until now.
    fn note_written(&mut self, written: &Poll<io::Result<usize>>) {
        let is_busy = self.activity.busy.load(Ordering::Relaxed);
        if written.is_ready() && !is_busy && !matches!(self.reading, Reading::Head(_)) {
            self.become_idle();
        }
    }

    /// Sets the timer when an answer is written: hyper does not read again by itself if it has
    /// tried to before.
    fn watch_idle(&mut self, context: &mut Context<'_>) {
        if self.activity.busy.load(Ordering::Relaxed) {
            return;
        }
        if matches!(self.reading, Reading::Request) {
            self.become_idle();
        }
        if let Reading::Idle(deadline) = self.reading {
            // When it is past, the read says so.
            self.is_past(deadline, context);
        }
    }

    fn become_idle(&mut self) {
        let now = Instant::now();
        self.activity.wait(now);
        self.reading = Reading::Idle(now + IDLE_TIMEOUT);
    }

    /// Whether the deadline is past; if not, the connection is woken then.
    fn is_past(&mut self, deadline: Instant, context: &mut Context<'_>) -> bool {
        if Instant::now() >= deadline {
            return true;
        }
        // One that wakes too early is cheaper than one that is set anew for every request.
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

    /// Bounds how long the peer may take nothing.
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
            // It is the end of an answer that is waited for.
            Poll::Pending if this.write_deadline.is_some() => false,
            Poll::Pending => this.is_past(deadline, context),
            Poll::Ready(_) => Instant::now() >= deadline,
        };
        if too_late {
            // The end of the stream: nothing more is taken from this peer.
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
