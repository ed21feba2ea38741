//! The bodies of answers: whole, slow, or broken off.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame};
use tokio::time::{Sleep, sleep};

/// In how many pieces a slow body comes.
const PIECES: usize = 16;
/// The size of a piece of padding, which all pieces share.
const PADDING: usize = 64 * 1024;
/// The wait before a body breaks off.
const BREAK: Duration = Duration::from_millis(20);

/// A body whose length is not told beforehand, so that it goes out in chunks as the live server's
/// does.
#[derive(Debug)]
pub(crate) struct ReplyBody {
    pieces: VecDeque<Bytes>,
    /// Ends with an error in place of the last chunk.
    broken: bool,
    pause: Option<(Duration, Pin<Box<Sleep>>)>,
}

impl ReplyBody {
    pub(crate) fn whole(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let pieces = if body.is_empty() { VecDeque::new() } else { VecDeque::from([body]) };
        Self { pieces, broken: false, pause: None }
    }

    /// The first half, and then the end of the connection.
    pub(crate) fn broken(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let pieces = VecDeque::from([body.slice(..body.len() / 2)]);
        // The pause lets the first half go out: what is unsent is lost with the connection.
        Self { pieces, broken: true, pause: Some((BREAK, Box::pin(sleep(BREAK)))) }
    }

    /// All of it, and so many spaces after it.
    pub(crate) fn huge(body: impl Into<Bytes>, spaces: usize) -> Self {
        let piece = Bytes::from(vec![b' '; PADDING.min(spaces)]);
        let mut padded = Self::whole(body);
        padded.pieces.extend(std::iter::repeat_n(piece.clone(), spaces / PADDING));
        padded.pieces.push_back(piece.slice(..spaces % PADDING));
        padded
    }

    /// All of it, in pieces over this time.
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
        Poll::Ready(broken.then(|| Err(io::Error::other("broken off on demand"))))
    }
}
