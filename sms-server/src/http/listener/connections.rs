//! Limit of connections, which leaves file descriptors for everything else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::stream::Activity;

/// Descriptors left for the store, the queue, the provider and files, or half of all where that is
/// less.
const RESERVED: usize = 256;
/// Connections at most, however many descriptors there are: each takes some ten kilobytes.
const MAX_CONNECTIONS: usize = 10_000;
/// The time in which a closed connection must free its place, before another one is closed.
const EVICT_EVERY: Duration = Duration::from_millis(50);
/// The least time between two warnings that every place is in use.
const WARN_EVERY: Duration = Duration::from_mins(1);

/// The number of connections that the process may hold.
pub(super) fn limit() -> usize {
    // `None` is no limit.
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    limit_of(usize::try_from(descriptors).unwrap_or(usize::MAX))
}

fn limit_of(descriptors: usize) -> usize {
    (descriptors - RESERVED.min(descriptors / 2)).clamp(1, MAX_CONNECTIONS)
}

/// The connections of a listener.
#[derive(Debug)]
pub(super) struct Connections {
    limit: usize,
    places: Arc<Semaphore>,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    activities: HashMap<u64, Arc<Activity>>,
    warned: Option<Instant>,
}

/// A place for a connection, until it is dropped.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    number: u64,
    activity: Arc<Activity>,
    open: Arc<Mutex<Open>>,
    _permit: OwnedSemaphorePermit,
}

impl Connections {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, places: Arc::new(Semaphore::new(limit)), open: Arc::default() }
    }

    /// Waits for a place for a connection that was accepted. If every place is in use, the
    /// connection that has waited longest for its client is closed. A connection with a request in
    /// flight is never closed for that.
    pub(super) async fn place(&self) -> ConnectionPermit {
        let permit = loop {
            if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
                break permit;
            }
            self.make_room();
            if let Ok(Ok(permit)) =
                timeout(EVICT_EVERY, Arc::clone(&self.places).acquire_owned()).await
            {
                break permit;
            }
        };
        let activity = Arc::new(Activity::new());
        let mut open = lock(&self.open);
        let number = open.next;
        open.next += 1;
        open.activities.insert(number, Arc::clone(&activity));
        ConnectionPermit { number, activity, open: Arc::clone(&self.open), _permit: permit }
    }

    fn make_room(&self) {
        let mut open = lock(&self.open);
        if open.warned.is_none_or(|warned| warned.elapsed() >= WARN_EVERY) {
            open.warned = Some(Instant::now());
            tracing::warn!(
                limit = self.limit,
                "the limit of connections is reached; those that wait longest for their clients \
                 are closed"
            );
        }
        let waiting = open.activities.values().filter_map(|it| Some((it.waiting_since()?, it)));
        if let Some((_, longest)) = waiting.min_by_key(|(since, _)| *since) {
            longest.evict();
        }
    }
}

impl ConnectionPermit {
    pub(super) fn activity(&self) -> Arc<Activity> {
        Arc::clone(&self.activity)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        lock(&self.open).activities.remove(&self.number);
    }
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_left_for_everything_else() {
        assert_eq!((limit_of(1024), limit_of(256), limit_of(2)), (768, 128, 1));
        assert_eq!((limit_of(65_536), limit_of(usize::MAX)), (MAX_CONNECTIONS, MAX_CONNECTIONS));
    }

    #[tokio::test]
    async fn the_connection_that_waits_longest_makes_room_and_one_with_a_request_never() {
        let connections = Connections::new(2);
        let (first, second) = (connections.place().await, connections.place().await);
        let busy = first.activity.begin();
        let (third, ()) = tokio::join!(connections.place(), async {
            second.activity().evicted().await;
            drop(second);
        });
        drop(busy);
        drop((first, third));
        assert_eq!(connections.places.available_permits(), 2);
        assert_eq!(lock(&connections.open).activities.len(), 0);
    }
}
