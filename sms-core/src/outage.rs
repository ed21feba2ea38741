//! Log lines about an outage: one when it begins, one a minute, one when it ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{ErrorKind, Result, StoreFault};

/// The interval of the lines about an outage that goes on.
const REMINDER: Duration = Duration::from_mins(1);
/// An outage is over with the first call that succeeds when no other has failed for this long: of a
/// service that comes and goes not every change is news.
const STEADY: Duration = Duration::from_secs(2);

/// Reports the outages of one service, or of one kind of work, from the results of its calls.
#[derive(Debug)]
pub struct Outage {
    /// The service and where it is: `the store at 10.0.0.5:5432`.
    what: String,
    /// The consequence for messages.
    meaning: &'static str,
    reminds: bool,
    /// Spares the calls of a healthy service the lock.
    is_on: AtomicBool,
    current: Mutex<Option<Current>>,
}

#[derive(Debug)]
struct Current {
    since: Instant,
    told: Instant,
    failed: Instant,
    failures: u64,
}

impl Outage {
    /// A report on a service: what it is and where, without secrets, and the consequence of an
    /// outage.
    pub fn new(what: impl Into<String>, meaning: &'static str) -> Self {
        Self {
            what: what.into(),
            meaning,
            reminds: true,
            is_on: AtomicBool::new(false),
            current: Mutex::default(),
        }
    }

    /// Leaves the lines about an outage that goes on to somebody who knows how much waits.
    pub const fn without_reminders(mut self) -> Self {
        self.reminds = false;
        self
    }

    /// Notes the result of a call to the service, and marks an error that has been reported by
    /// that.
    ///
    /// # Errors
    ///
    /// The call's.
    pub fn note<T>(&self, result: Result<T>) -> Result<T> {
        match result {
            // A lock is in the way of one call, not of the service.
            Err(error)
                if error.kind() == ErrorKind::Unavailable
                    && error.fault() != Some(StoreFault::Locked) =>
            {
                self.failed(&error.report());
                Err(error.into_reported())
            }
            // Any other answer shows that the service answers.
            answer => {
                self.answered();
                answer
            }
        }
    }

    /// Notes the result of work that needs services: an error that one of them has not
    /// [reported](crate::Error::is_reported), of whatever kind, is a failure.
    pub fn note_work<T>(&self, result: &Result<T>) {
        match result {
            Ok(_) => self.answered(),
            Err(error) if error.is_reported() => {}
            Err(error) => self.failed(&error.report()),
        }
    }

    /// Notes a call that failed, for this reason.
    pub fn failed(&self, reason: &str) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let Self { what, meaning, .. } = self;
        let Some(outage) = &mut *current else {
            *current = Some(Current { since: now, told: now, failed: now, failures: 1 });
            self.is_on.store(true, Ordering::Relaxed);
            return tracing::warn!(reason, "{what} fails: {meaning}");
        };
        outage.failed = now;
        outage.failures += 1;
        if self.reminds && now - outage.told >= REMINDER {
            outage.told = now;
            let (seconds, failures) = ((now - outage.since).as_secs(), outage.failures);
            tracing::warn!(reason, seconds, failures, "{what} still fails: {meaning}");
        }
    }

    /// Notes a call that was answered.
    pub fn answered(&self) {
        if !self.is_on.load(Ordering::Relaxed) {
            return;
        }
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outage) = current.take_if(|outage| outage.failed.elapsed() >= STEADY) {
            self.is_on.store(false, Ordering::Relaxed);
            let (seconds, failures) = (outage.since.elapsed().as_secs(), outage.failures);
            tracing::info!(seconds, failures, "{} works again", self.what);
        }
    }
}
