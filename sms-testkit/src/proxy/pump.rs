//! One direction of one connection.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::counters::{Counters, Direction};
use super::ending::Ending;
use super::mode::Mode;

/// Bytes buffered per direction at most. Beyond that the sender has to wait.
const MAX_BUFFERED: usize = 1 << 20;
/// Bytes per read at most.
const CHUNK: usize = 1 << 16;
/// Writes per second in [`Mode::Trickle`].
const TRICKLES_PER_SECOND: usize = 20;

/// Carries bytes until the sender has finished, and then shuts down the receiving side.
///
/// # Errors
///
/// The way in which the connection ends.
pub(super) async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    direction: Direction,
    mut modes: watch::Receiver<Mode>,
    counters: &Counters,
) -> Result<(), Ending> {
    let mut flow = Flow::new(direction, *modes.borrow_and_update());
    let mut buffer = vec![0; CHUNK];
    loop {
        if flow.is_over() {
            return to.shutdown().await.map_err(|_| Ending::Reset);
        }
        // The mode comes first: a byte that has waited passes by the rules of the new mode. Each
        // branch can be cancelled without losing a byte.
        tokio::select! {
            biased;
            changed = modes.changed() => {
                changed.map_err(|_| Ending::Close)?;
                flow.set(*modes.borrow_and_update());
            }
            written = flow.write(&mut to), if flow.can_write() => {
                let written = written.map_err(|_| Ending::Reset)?;
                counters.pass(direction, written as u64);
                flow.passed(written);
                if flow.is_cut() {
                    return Err(Ending::Close);
                }
            }
            read = from.read(&mut buffer), if flow.can_read() => {
                let read = read.map_err(|_| Ending::Reset)?;
                flow.arrived(&buffer[..read]);
                if flow.is_cut() {
                    return Err(Ending::Close);
                }
            }
        }
    }
}

/// Buffer of one direction, and the rules by which its bytes pass.
struct Flow {
    direction: Direction,
    mode: Mode,
    /// Chunks with the time of their arrival.
    buffer: VecDeque<(Instant, Vec<u8>)>,
    /// Bytes in `buffer`.
    bytes: usize,
    /// The sender has finished.
    ended: bool,
    /// Bytes passed since the mode was set.
    passed: u64,
    /// Time of the next write in [`Mode::Trickle`].
    next: Instant,
}

impl Flow {
    fn new(direction: Direction, mode: Mode) -> Self {
        let buffer = VecDeque::new();
        Self { direction, mode, buffer, bytes: 0, ended: false, passed: 0, next: Instant::now() }
    }

    fn set(&mut self, mode: Mode) {
        self.mode = mode;
        self.passed = 0;
        self.next = Instant::now();
    }

    fn can_read(&self) -> bool {
        self.mode != Mode::HalfOpen && !self.ended && self.bytes < MAX_BUFFERED
    }

    fn can_write(&self) -> bool {
        self.mode != Mode::HalfOpen && self.bytes > 0
    }

    fn is_over(&self) -> bool {
        self.mode != Mode::HalfOpen && self.ended && self.bytes == 0
    }

    /// Buffers a chunk. An empty one means that the sender has finished.
    fn arrived(&mut self, chunk: &[u8]) {
        self.ended = chunk.is_empty();
        if !self.ended {
            self.bytes += chunk.len();
            self.buffer.push_back((Instant::now(), chunk.to_vec()));
        }
    }

    /// Waits until the first bytes of the buffer may pass, and writes some of them.
    async fn write(&self, to: &mut WriteHalf<'_>) -> io::Result<usize> {
        let Some((arrived, chunk)) = self.buffer.front() else { return Ok(0) };
        let due = match self.mode {
            Mode::Delay(delay) => *arrived + delay,
            Mode::Trickle { .. } => self.next,
            _ => *arrived,
        };
        if due > Instant::now() {
            sleep_until(due).await;
        }
        to.write(&chunk[..chunk.len().min(self.allowed())]).await
    }

    /// Bytes that may be written now at most.
    fn allowed(&self) -> usize {
        match (self.mode, self.limit()) {
            (Mode::Trickle { bytes_per_second }, _) => {
                (bytes_per_second as usize / TRICKLES_PER_SECOND).max(1)
            }
            (_, Some(limit)) => usize::try_from(limit - self.passed).unwrap_or(usize::MAX),
            _ => usize::MAX,
        }
    }

    /// Removes bytes that were written.
    fn passed(&mut self, written: usize) {
        self.passed += written as u64;
        self.bytes -= written;
        if let Mode::Trickle { bytes_per_second } = self.mode {
            let micros = written as u64 * 1_000_000 / u64::from(bytes_per_second.max(1));
            self.next = self.next.max(Instant::now()) + Duration::from_micros(micros);
        }
        if let Some((_, chunk)) = self.buffer.front_mut() {
            chunk.drain(..written);
            if chunk.is_empty() {
                self.buffer.pop_front();
            }
        }
    }

    /// Number of bytes after which this direction is cut.
    fn limit(&self) -> Option<u64> {
        match (self.mode, self.direction) {
            (Mode::CutToServer { after_bytes }, Direction::ToServer)
            | (Mode::CutToClient { after_bytes }, Direction::ToClient) => Some(after_bytes),
            _ => None,
        }
    }

    fn is_cut(&self) -> bool {
        let Some(limit) = self.limit() else { return false };
        self.passed >= limit && (self.passed > 0 || self.bytes > 0)
    }
}
