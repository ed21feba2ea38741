//! What tests do to a running simulator, from Rust and over the control API alike.

use crate::simulator::delivery::Delivery;
use crate::simulator::log::{Accepted, Call};
use crate::simulator::shared::Shared;

impl Shared {
    /// The accepted messages from this place in the log on, in the states they are in now.
    pub(crate) fn accepted(&self, from: usize) -> Vec<Accepted> {
        let (state, _) = self.current();
        state.messages.log.iter().skip(from).map(|message| message.accepted.clone()).collect()
    }

    pub(crate) fn calls(&self, from: usize) -> Vec<Call> {
        self.lock().calls.iter().skip(from).cloned().collect()
    }

    /// Refuses a number from now on, or no longer.
    pub(crate) fn refuse(&self, number: u64, code: Option<i32>) {
        let mut state = self.lock();
        match code {
            Some(code) => state.refused.insert(number, code),
            None => state.refused.remove(&number),
        };
    }

    /// What becomes of the messages to a number, or to all that have no rule of their own.
    pub(crate) fn deliver(&self, number: Option<u64>, delivery: Delivery) {
        let mut state = self.lock();
        match number {
            Some(number) => {
                state.deliveries.insert(number, delivery);
            }
            None => state.delivery = delivery,
        }
    }

    /// The user of a check calls.
    pub(crate) fn confirm(&self, check_id: &str) -> bool {
        let (mut state, now) = self.current();
        let confirmed = state.confirm_check(check_id, now.ms);
        drop(state);
        self.wake.notify_one();
        confirmed
    }
}
