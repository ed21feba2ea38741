//! A step of the caretaker.

use std::time::Duration;

use tokio::time::timeout;

use crate::error::{Error, Result};
use crate::instruments;
use crate::outage::Outage;
use crate::supervise::catch_panic;

/// Longest duration of one step.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A step, and whether it fails.
#[derive(Debug)]
pub(super) struct Step {
    name: &'static str,
    outage: Outage,
}

impl Step {
    /// A step of this name, of a route or of all.
    pub(super) fn new(name: &'static str, of_route: &str) -> Self {
        let what = format!("the caretaker's step `{name}`{of_route}");
        Self { name, outage: Outage::new(what, "it is repeated") }
    }

    /// Runs the step; true if it has more to do. A failed step is repeated at its next time.
    pub(super) async fn run(&self, step: impl Future<Output = Result<bool>>) -> bool {
        let timed_out = |error| Err(Error::unavailable("the step took too long", error));
        let done = timeout(TIMEOUT, catch_panic(step)).await.unwrap_or_else(timed_out);
        self.outage.note_work(&done);
        if done.is_ok() {
            instruments::caretaker_step(self.name);
        }
        done.unwrap_or(false)
    }
}
