//! Messages of the route `sandbox`, which are kept for a shorter time than others.

use std::sync::Arc;
use std::time::Duration;

use sms_core::store::{CancelRequest, InsertRequest, ListRequest};
use sms_core::worker::caretaker::Caretaker;
use sms_core::{Archive as _, ManualClock, MemoryQueue, MemoryStore, Message, Route, Sandbox};
use sms_core::{NewMessage, Store as _};

const HOUR: Duration = Duration::from_hours(1);

/// Messages of this route that were cancelled.
async fn cancelled(store: &MemoryStore, route: &str, count: usize) {
    let message = |_| Message::new("+79251234567", "hi").route(route).prepare().unwrap();
    let messages: Vec<NewMessage> = (0..count).map(message).collect();
    store.insert(InsertRequest::new(&messages)).await.unwrap();
    for message in messages {
        store.cancel(CancelRequest::new(message.id, "a test")).await.unwrap();
    }
}

async fn count(store: &MemoryStore, route: Route) -> u64 {
    store.count(&ListRequest::new(0).route(route)).await.unwrap().count
}

#[tokio::test]
async fn tests_go_after_a_week_and_beyond_ten_thousand_after_an_hour() {
    let clock = ManualClock::new(1_767_225_600_000);
    let store = Arc::new(MemoryStore::new().clock(clock.clone()));
    let (queue, provider) = (Arc::new(MemoryQueue::new()), Arc::new(Sandbox::new()));
    let caretaker = Caretaker::new(store.clone(), queue, provider, 90 * 24 * HOUR);
    cancelled(&store, "default", 3).await;
    cancelled(&store, "sandbox", 10_005).await;
    clock.advance(HOUR / 2);
    assert!(!caretaker.purge_tests().await.unwrap());
    assert_eq!(count(&store, Route::SANDBOX).await, 10_005, "still looked at");
    clock.advance(HOUR);
    assert!(!caretaker.purge_tests().await.unwrap());
    assert_eq!(count(&store, Route::SANDBOX).await, 10_000);
    clock.advance(6 * 24 * HOUR);
    caretaker.purge_tests().await.unwrap();
    assert_eq!(count(&store, Route::SANDBOX).await, 10_000);
    clock.advance(24 * HOUR);
    caretaker.purge_tests().await.unwrap();
    assert_eq!(count(&store, Route::SANDBOX).await, 0);
    assert_eq!(count(&store, Route::DEFAULT).await, 3, "no other route is touched");
}
