//! One direction of one connection.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::Mode;
use super::connection::Ending;
use super::counters::{Counters, Direction};

/// How much waits in the proxy at the most; more is left with whoever sends it.
const HELD: usize = 1 << 20;
const CHUNK: usize = 1 << 16;
/// A second of [`Mode::Trickle`] has this many pieces.
const PIECES: usize = 20;

/// Carries bytes until there are no more, and says so to the receiver. An error is how the
/// connection ends.
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
        // The mode first: a byte that could move only now moves by the new one. Everything here can
        // be given up halfway without losing a byte.
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

/// What has arrived and not been passed on, and by which rule it will be.
struct Flow {
    direction: Direction,
    mode: Mode,
    held: VecDeque<(Instant, Vec<u8>)>,
    /// In `held`.
    bytes: usize,
    /// Nothing more will arrive.
    ended: bool,
    /// Passed since the mode was set.
    passed: u64,
    /// When the next piece of a trickle may pass.
    next: Instant,
}

impl Flow {
    fn new(direction: Direction, mode: Mode) -> Self {
        let held = VecDeque::new();
        Self { direction, mode, held, bytes: 0, ended: false, passed: 0, next: Instant::now() }
    }

    fn set(&mut self, mode: Mode) {
        self.mode = mode;
        self.passed = 0;
        self.next = Instant::now();
    }

    fn can_read(&self) -> bool {
        self.mode != Mode::HalfOpen && !self.ended && self.bytes < HELD
    }

    fn can_write(&self) -> bool {
        self.mode != Mode::HalfOpen && self.bytes > 0
    }

    fn is_over(&self) -> bool {
        self.mode != Mode::HalfOpen && self.ended && self.bytes == 0
    }

    /// Takes what was read; nothing means that the sender has finished.
    fn arrived(&mut self, chunk: &[u8]) {
        self.ended = chunk.is_empty();
        if !self.ended {
            self.bytes += chunk.len();
            self.held.push_back((Instant::now(), chunk.to_vec()));
        }
    }

    /// Waits for the time of the first bytes held, and passes on some of them.
    async fn write(&self, to: &mut WriteHalf<'_>) -> io::Result<usize> {
        let Some((arrived, chunk)) = self.held.front() else { return Ok(0) };
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

    fn allowed(&self) -> usize {
        match (self.mode, self.limit()) {
            (Mode::Trickle { bytes_per_second }, _) => (bytes_per_second as usize / PIECES).max(1),
            (_, Some(limit)) => usize::try_from(limit - self.passed).unwrap_or(usize::MAX),
            _ => usize::MAX,
        }
    }

    fn passed(&mut self, written: usize) {
        self.passed += written as u64;
        self.bytes -= written;
        if let Mode::Trickle { bytes_per_second } = self.mode {
            let micros = written as u64 * 1_000_000 / u64::from(bytes_per_second.max(1));
            self.next = self.next.max(Instant::now()) + Duration::from_micros(micros);
        }
        if let Some((_, chunk)) = self.held.front_mut() {
            chunk.drain(..written);
            if chunk.is_empty() {
                self.held.pop_front();
            }
        }
    }

    /// After how many bytes this direction is cut.
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
