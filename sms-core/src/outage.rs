//! Log lines about an outage: one when it begins, one a minute, one when it ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{ErrorKind, Result, StoreFault};

/// Interval of log lines while an outage lasts.
const REMINDER_INTERVAL: Duration = Duration::from_mins(1);
/// Time without a failure after which a successful call ends an outage. A service that is up and
/// down in quick succession must not fill the log.
const RECOVERED_AFTER: Duration = Duration::from_secs(2);

/// Logs the outages of one service, or of one kind of work, from the results of its calls.
#[derive(Debug)]
pub struct Outage {
    /// The service and its address: `the store at 10.0.0.5:5432`.
    service: String,
    /// The consequence for messages.
    meaning: &'static str,
    reminds: bool,
    /// True during an outage. Lets the calls of a healthy service skip the lock.
    is_on: AtomicBool,
    current: Mutex<Option<Current>>,
}

#[derive(Debug)]
struct Current {
    since: Instant,
    last_logged: Instant,
    last_failure: Instant,
    failures: u64,
}

impl Outage {
    /// A log of the outages of `service`: its name and address, without secrets. `meaning` is the
    /// consequence of an outage.
    pub fn new(service: impl Into<String>, meaning: &'static str) -> Self {
        Self {
            service: service.into(),
            meaning,
            reminds: true,
            is_on: AtomicBool::new(false),
            current: Mutex::default(),
        }
    }

    /// Turns off the lines while an outage lasts, for a caller that logs them itself.
    pub const fn without_reminders(mut self) -> Self {
        self.reminds = false;
        self
    }

    /// Records the result of a call to the service, and marks an error that is part of an outage as
    /// [reported](crate::Error::is_reported).
    ///
    /// # Errors
    ///
    /// Those of the call.
    pub fn note<T>(&self, result: Result<T>) -> Result<T> {
        match result {
            // A lock blocks one call, not the service.
            Err(error)
                if error.kind() == ErrorKind::Unavailable
                    && error.fault() != Some(StoreFault::Locked) =>
            {
                self.failed(&error.report());
                Err(error.into_reported())
            }
            // Any other error is an answer of the service, so the service works.
            answer => {
                self.answered();
                answer
            }
        }
    }

    /// Records the result of work that needs several services. An error of any kind is a failure,
    /// unless it has been [reported](crate::Error::is_reported) as an outage of one of them.
    pub fn note_work<T>(&self, result: &Result<T>) {
        match result {
            Ok(_) => self.answered(),
            Err(error) if error.is_reported() => {}
            Err(error) => self.failed(&error.report()),
        }
    }

    /// Records a failed call and its reason.
    pub fn failed(&self, reason: &str) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let Self { service, meaning, .. } = self;
        let Some(outage) = &mut *current else {
            *current =
                Some(Current { since: now, last_logged: now, last_failure: now, failures: 1 });
            self.is_on.store(true, Ordering::Relaxed);
            return tracing::warn!(reason, "{service} fails: {meaning}");
        };
        outage.last_failure = now;
        outage.failures += 1;
        if self.reminds && now - outage.last_logged >= REMINDER_INTERVAL {
            outage.last_logged = now;
            let (seconds, failures) = ((now - outage.since).as_secs(), outage.failures);
            tracing::warn!(reason, seconds, failures, "{service} still fails: {meaning}");
        }
    }

    /// Records a call that was answered.
    pub fn answered(&self) {
        if !self.is_on.load(Ordering::Relaxed) {
            return;
        }
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outage) =
            current.take_if(|outage| outage.last_failure.elapsed() >= RECOVERED_AFTER)
        {
            self.is_on.store(false, Ordering::Relaxed);
            let (seconds, failures) = (outage.since.elapsed().as_secs(), outage.failures);
            tracing::info!(seconds, failures, "{} works again", self.service);
        }
    }
}
