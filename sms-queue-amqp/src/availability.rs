//! Availability of a connection: the task that keeps the connection sets it, callers read it.

use std::time::Duration;

use sms_core::Result;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::error::Failure;

/// State of a connection. `T` is what callers need while it is up.
#[derive(Debug)]
pub(crate) struct Availability<T>(watch::Sender<State<T>>);

#[derive(Clone, Debug)]
enum State<T> {
    Starting,
    Up(T),
    Down(Failure),
}

impl<T: Clone> Availability<T> {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(State::Starting))
    }

    pub(crate) fn set_up(&self, value: T) {
        self.0.send_replace(State::Up(value));
    }

    pub(crate) fn set_down(&self, failure: Failure) {
        self.0.send_replace(State::Down(failure));
    }

    /// Value of the connection that is up.
    ///
    /// # Errors
    ///
    /// `Unavailable`, at once, while there is no connection.
    pub(crate) fn get(&self) -> Result<T> {
        match &*self.0.borrow() {
            State::Up(value) => Ok(value.clone()),
            State::Down(failure) => Err(failure.clone().unavailable()),
            State::Starting => Err(Failure::Starting.unavailable()),
        }
    }

    /// Waits for the first attempt to connect. Returns its failure; `None` if it succeeded or is
    /// still under way at the time limit.
    pub(crate) async fn first_failure(&self, limit: Duration) -> Option<Failure> {
        let mut state = self.0.subscribe();
        let ended = timeout(limit, state.wait_for(|state| !matches!(state, State::Starting))).await;
        match ended.ok().and_then(std::result::Result::ok).as_deref() {
            Some(State::Down(failure)) => Some(failure.clone()),
            _ => None,
        }
    }
}
