//! Whether a connection is up, for those who want to use it.

use std::time::Duration;

use sms_core::Result;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::error::Failure;

/// The state of a connection; `T` is what its users need of it.
#[derive(Debug)]
pub(crate) struct Gate<T>(watch::Sender<State<T>>);

#[derive(Clone, Debug)]
enum State<T> {
    Starting,
    Up(T),
    Down(Failure),
}

impl<T: Clone> Gate<T> {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(State::Starting))
    }

    pub(crate) fn open(&self, with: T) {
        self.0.send_replace(State::Up(with));
    }

    pub(crate) fn close(&self, failure: Failure) {
        self.0.send_replace(State::Down(failure));
    }

    /// What is behind the gate.
    ///
    /// # Errors
    ///
    /// `Unavailable`, at once, while it is closed.
    pub(crate) fn pass(&self) -> Result<T> {
        match &*self.0.borrow() {
            State::Up(with) => Ok(with.clone()),
            State::Down(failure) => Err(failure.clone().unavailable()),
            State::Starting => Err(Failure::Starting.unavailable()),
        }
    }

    /// Waits for the first attempt to end: why it failed, if it did.
    pub(crate) async fn first(&self, limit: Duration) -> Option<Failure> {
        let mut state = self.0.subscribe();
        let settled =
            timeout(limit, state.wait_for(|state| !matches!(state, State::Starting))).await;
        match settled.ok().and_then(std::result::Result::ok).as_deref() {
            Some(State::Down(failure)) => Some(failure.clone()),
            _ => None,
        }
    }
}
