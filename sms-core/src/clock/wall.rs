//! The clocks of a machine: wall clock and uptime.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use time::OffsetDateTime;

use super::millis::{datetime_to_ms, duration_to_ms};
use super::uptime::{self, Uptime};

/// The clocks of a machine.
///
/// Intervals inside a process are measured with `tokio::time::Instant`, never with these. Stored
/// times are compared with a [`StoreClock`](super::StoreClock), which is derived from both.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The wall clock: milliseconds since the Unix epoch. Operators and programs can set it forward
    /// and back.
    fn now_ms(&self) -> i64;

    /// The time since the machine started, which cannot be set.
    fn uptime(&self) -> Uptime;
}

impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now_ms(&self) -> i64 {
        (**self).now_ms()
    }

    fn uptime(&self) -> Uptime {
        (**self).uptime()
    }
}

/// The clocks of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now_ms(&self) -> i64 {
        datetime_to_ms(OffsetDateTime::now_utc())
    }

    fn uptime(&self) -> Uptime {
        uptime::read()
    }
}

/// Clocks that move only when a test moves them.
#[derive(Debug)]
pub struct ManualClock {
    wall_ms: AtomicI64,
    uptime_ms: AtomicI64,
    boot: AtomicU64,
}

impl ManualClock {
    /// A machine that has just started, with a wall clock that shows `now_ms`, in milliseconds
    /// since the Unix epoch.
    pub fn new(now_ms: i64) -> Arc<Self> {
        let (wall_ms, uptime_ms) = (AtomicI64::new(now_ms), AtomicI64::new(0));
        Arc::new(Self { wall_ms, uptime_ms, boot: AtomicU64::new(1) })
    }

    /// Moves both clocks forward, as if this much time passed.
    pub fn advance(&self, by: Duration) {
        self.uptime_ms.fetch_add(duration_to_ms(by), Ordering::SeqCst);
        self.wall_ms.fetch_add(duration_to_ms(by), Ordering::SeqCst);
    }

    /// Sets the wall clock forward; the uptime does not change.
    pub fn set_forward(&self, by: Duration) {
        self.wall_ms.fetch_add(duration_to_ms(by), Ordering::SeqCst);
    }

    /// Sets the wall clock back; the uptime does not change.
    pub fn set_back(&self, by: Duration) {
        self.wall_ms.fetch_sub(duration_to_ms(by), Ordering::SeqCst);
    }

    /// Restarts the machine: the uptime starts at zero, with a new number of the boot.
    pub fn reboot(&self) {
        self.boot.fetch_add(1, Ordering::SeqCst);
        self.uptime_ms.store(0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.wall_ms.load(Ordering::SeqCst)
    }

    fn uptime(&self) -> Uptime {
        Uptime { boot: self.boot.load(Ordering::SeqCst), ms: self.uptime_ms.load(Ordering::SeqCst) }
    }
}
