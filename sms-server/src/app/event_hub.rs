//! Fan-out of the event log: one reader for all who follow it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sms_core::store::EventsRequest;
use sms_core::supervise::survive_panic;
use sms_core::{Archive, Event, LogReader, Scope};
use tokio::sync::broadcast;

/// Number of events per read.
const PAGE: usize = 200;
/// Batches that a follower may be behind. Then it is too slow, and none are kept for it.
const MAX_BEHIND: usize = 64;

/// Events of one scope that were read together, in the order of the log.
pub(crate) type Batch = Arc<[Event]>;

/// The followers of the event log.
///
/// However many there are, the log is read once, and only while there is one. Each gets the events
/// of its scope.
#[derive(Debug)]
pub(crate) struct EventHub {
    archive: Arc<dyn Archive>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Position up to which the log was read and handed out.
    position: u64,
    is_reading: bool,
    channels: HashMap<Scope, broadcast::Sender<Batch>>,
}

/// A follower of the event log.
#[derive(Debug)]
pub(crate) struct Subscription {
    hub: Arc<EventHub>,
    batches: broadcast::Receiver<Batch>,
    /// Position after which it gets every event. It may also get earlier ones.
    pub(crate) since: u64,
}

impl EventHub {
    pub(crate) fn new(archive: Arc<dyn Archive>) -> Self {
        Self { archive, state: Mutex::default() }
    }

    /// Follows the events of a scope. Without other followers the reading begins at `position`,
    /// which should be near the end of the log.
    pub(crate) fn subscribe(self: &Arc<Self>, scope: &Scope, position: u64) -> Subscription {
        let mut state = self.lock();
        let channel = state.channels.entry(scope.clone());
        let batches = channel.or_insert_with(|| broadcast::Sender::new(MAX_BEHIND)).subscribe();
        if !state.is_reading {
            (state.is_reading, state.position) = (true, position);
            let hub = Arc::clone(self);
            tokio::spawn(async move {
                while survive_panic("read the event log", hub.read()).await.is_none() {}
            });
        }
        Subscription { hub: Arc::clone(self), batches, since: state.position }
    }

    /// Reads the log until nobody follows it.
    async fn read(&self) {
        let request = EventsRequest::new(self.lock().position, PAGE);
        let mut reader = LogReader::new(Arc::clone(&self.archive), request);
        loop {
            // After an error the reader repeats its read. The store reports its own outage.
            let events = reader.next_page().await.map_or_else(|_| Vec::new(), |page| page.events);
            let mut state = self.lock();
            state.hand_out(events);
            state.position = reader.position();
            state.channels.retain(|_, channel| channel.receiver_count() > 0);
            if state.channels.is_empty() {
                state.is_reading = false;
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn hand_out(&self, events: Vec<Event>) {
        let mut by_owner: HashMap<Scope, Vec<Event>> = HashMap::new();
        for event in &events {
            if let Some(owner) = &event.owner {
                let scope = Scope::Owner(owner.clone());
                if self.channels.contains_key(&scope) {
                    by_owner.entry(scope).or_default().push(event.clone());
                }
            }
        }
        if !events.is_empty() {
            by_owner.insert(Scope::All, events);
        }
        for (scope, events) in by_owner {
            if let Some(channel) = self.channels.get(&scope) {
                // Fails if the last follower has just gone.
                let _ = channel.send(events.into());
            }
        }
    }
}

impl Subscription {
    /// The next events; `None` if this follower is too slow. Nothing is lost when the call is
    /// dropped.
    pub(crate) async fn next(&mut self) -> Option<Batch> {
        self.batches.recv().await.ok()
    }

    /// Position up to which there was no further event for this follower; `None` while some wait
    /// for it.
    pub(crate) fn position(&self) -> Option<u64> {
        let state = self.hub.lock();
        self.batches.is_empty().then_some(state.position)
    }
}

#[cfg(test)]
mod tests;
