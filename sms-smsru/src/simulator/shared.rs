//! What the tasks of a simulator share, and the task that drives time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sms_core::CancellationToken;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::simulator::callbacks::post;
use crate::simulator::config::SimulatorConfig;
use crate::simulator::model::clock::{MovableClock, Zone};
use crate::simulator::model::state::{Now, State};

/// How often the driving task looks at the clock, which may be one that somebody else moves.
const LOOK: Duration = Duration::from_millis(20);

/// What the tasks share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: SimulatorConfig,
    pub(crate) clock: MovableClock,
    pub(crate) stop: CancellationToken,
    /// Wakes the driving task before its next look.
    pub(crate) wake: Notify,
    /// Told to whoever waits for the end of a callback under way.
    pub(crate) callback_over: Notify,
    zone: Zone,
    state: Mutex<State>,
}

impl Shared {
    pub(crate) fn new(config: SimulatorConfig) -> Self {
        Self {
            clock: MovableClock::new(Arc::clone(&config.clock)),
            stop: CancellationToken::new(),
            wake: Notify::new(),
            callback_over: Notify::new(),
            zone: Zone::hours(config.utc_offset_hours),
            state: Mutex::new(State::new(&config)),
            config,
        }
    }

    /// The state; never kept across an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, with everything in it that is due by now, and this moment.
    pub(crate) fn current(&self) -> (MutexGuard<'_, State>, Now) {
        let mut state = self.lock();
        // Read under the lock, so that the log is in the order of its times.
        let now = Now::new(self.clock.now_ms(), self.zone);
        state.run(&self.config, now.ms);
        (state, now)
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
        drop(self.current());
        self.wake.notify_one();
    }
}

/// Lets what is due happen and posts callbacks, until the simulator stops.
pub(crate) async fn drive(shared: Arc<Shared>) {
    let mut posts = JoinSet::new();
    loop {
        while let Some(batch) = due(&shared) {
            let shared = Arc::clone(&shared);
            posts.spawn(async move { post::deliver(&shared, batch).await });
        }
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.wake.notified() => {}
            Some(_) = posts.join_next() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

fn due(shared: &Shared) -> Option<crate::simulator::callbacks::queue::Batch> {
    let (mut state, now) = shared.current();
    let state = &mut *state;
    state.callbacks.due(&shared.config, &mut state.luck, now.ms)
}
