//! The data that the tasks of a simulator share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sms_core::CancellationToken;
use tokio::sync::Notify;

use crate::simulator::config::SimulatorConfig;
use crate::simulator::delivery::Delivery;
use crate::simulator::log::{Accepted, Call};
use crate::simulator::model::clock::{MovableClock, Zone};
use crate::simulator::model::state::{Moment, State};

/// The data that the tasks of a simulator share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: SimulatorConfig,
    pub(crate) clock: MovableClock,
    pub(crate) stop: CancellationToken,
    /// Wakes the background task before its next poll.
    pub(crate) wake: Notify,
    /// Signals the end of a callback request.
    pub(crate) callback_finished: Notify,
    zone: Zone,
    state: Mutex<State>,
}

impl Shared {
    pub(crate) fn new(config: SimulatorConfig) -> Self {
        Self {
            clock: MovableClock::new(Arc::clone(&config.clock)),
            stop: CancellationToken::new(),
            wake: Notify::new(),
            callback_finished: Notify::new(),
            zone: Zone::hours(config.utc_offset_hours),
            state: Mutex::new(State::new(&config)),
            config,
        }
    }

    /// Locks the state. Do not hold the guard across an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the state, carries out all events that are due, and returns the current time.
    pub(crate) fn current(&self) -> (MutexGuard<'_, State>, Moment) {
        let mut state = self.lock();
        // The clock is read under the lock, so the times in the log never decrease.
        let now = Moment::new(self.clock.now_ms(), self.zone);
        state.run(&self.config, now.ms);
        (state, now)
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
        drop(self.current());
        self.wake.notify_one();
    }

    /// Returns the accepted messages from this index in the log, in their current states.
    pub(crate) fn accepted(&self, from: usize) -> Vec<Accepted> {
        let (state, _) = self.current();
        state.messages.log.iter().skip(from).map(|message| message.accepted.clone()).collect()
    }

    /// Returns the received requests from this index in the list.
    pub(crate) fn calls(&self, from: usize) -> Vec<Call> {
        self.lock().calls.iter().skip(from).cloned().collect()
    }

    /// Starts to refuse a number with a code; `None` ends it.
    pub(crate) fn refuse(&self, number: u64, code: Option<i32>) {
        let mut state = self.lock();
        match code {
            Some(code) => state.refused.insert(number, code),
            None => state.refused.remove(&number),
        };
    }

    /// Sets the delivery of messages to a number; `None` for all numbers that are not set.
    pub(crate) fn deliver(&self, number: Option<u64>, delivery: Delivery) {
        let mut state = self.lock();
        match number {
            Some(number) => {
                state.deliveries.insert(number, delivery);
            }
            None => state.delivery = delivery,
        }
    }

    /// Ends a check with the call of the user. `false` if the check does not wait for a call.
    pub(crate) fn confirm(&self, check_id: &str) -> bool {
        let (mut state, now) = self.current();
        let confirmed = state.confirm_check(check_id, now.ms);
        drop(state);
        self.wake.notify_one();
        confirmed
    }
}
