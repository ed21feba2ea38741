//! Bodies of replies: whole, slow or incomplete.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame};
use tokio::time::{Sleep, sleep};

/// The number of pieces of a slow body.
const PIECES: usize = 16;
/// The size of a piece of padding in bytes.
const PADDING: usize = 64 * 1024;
/// The delay before an incomplete body ends with an error.
const BREAK_DELAY: Duration = Duration::from_millis(20);

/// A body of unknown length, so that it is sent in chunks as by the live server.
#[derive(Debug)]
pub(crate) struct ReplyBody {
    pieces: VecDeque<Bytes>,
    /// The body ends with an error instead of the last chunk.
    broken: bool,
    /// The delay before each piece, and its timer.
    pause: Option<(Duration, Pin<Box<Sleep>>)>,
}

impl ReplyBody {
    pub(crate) fn whole(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let pieces = if body.is_empty() { VecDeque::new() } else { VecDeque::from([body]) };
        Self { pieces, broken: false, pause: None }
    }

    /// A body with the first half of the data. Then the connection is closed.
    pub(crate) fn broken(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let pieces = VecDeque::from([body.slice(..body.len() / 2)]);
        // Unsent data is lost with the connection, so the delay lets the first half be sent.
        Self { pieces, broken: true, pause: Some((BREAK_DELAY, Box::pin(sleep(BREAK_DELAY)))) }
    }

    /// A body with this many spaces after the data.
    pub(crate) fn huge(body: impl Into<Bytes>, spaces: usize) -> Self {
        let piece = Bytes::from(vec![b' '; PADDING.min(spaces)]);
        let mut padded = Self::whole(body);
        padded.pieces.extend(std::iter::repeat_n(piece.clone(), spaces / PADDING));
        padded.pieces.push_back(piece.slice(..spaces % PADDING));
        padded
    }

    /// A body that is sent in pieces over this time.
    pub(crate) fn slow(body: impl Into<Bytes>, over: Duration) -> Self {
        let body: Bytes = body.into();
        let size = body.len().div_ceil(PIECES).max(1);
        let pieces: VecDeque<Bytes> = (0..body.len())
            .step_by(size)
            .map(|at| body.slice(at..body.len().min(at + size)))
            .collect();
        let pause = over / u32::try_from(pieces.len().max(1)).unwrap_or(1);
        Self { pieces, broken: false, pause: Some((pause, Box::pin(sleep(pause)))) }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if (self.broken || !self.pieces.is_empty())
            && let Some((pause, sleeping)) = &mut self.pause
        {
            ready!(sleeping.as_mut().poll(cx));
            let next = tokio::time::Instant::now() + *pause;
            sleeping.as_mut().reset(next);
        }
        if let Some(piece) = self.pieces.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let broken = std::mem::take(&mut self.broken);
        Poll::Ready(broken.then(|| Err(io::Error::other("injected fault"))))
    }
}
