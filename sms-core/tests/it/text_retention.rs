//! Texts of old messages are removed while a worker runs.

use std::sync::Arc;
use std::time::Duration;

use sms_core::store::{CancelRequest, MessageRequest};
use sms_core::{
    Archive, CancellationToken, ManualClock, MemoryQueue, MemoryStore, Message, MessageId, Sandbox,
    Sender, Store, Worker,
};
use tokio::time::{sleep, timeout};

const DAY: Duration = Duration::from_hours(24);

async fn cancelled(store: &Arc<MemoryStore>, clock: &Arc<ManualClock>) -> MessageId {
    let sender = Sender::builder(store.clone()).clock(clock.clone()).build();
    let id = sender.send(Message::new("+79251234567", "hi")).await.expect("accepted");
    store.cancel(CancelRequest::new(id, "op")).await.expect("cancelled");
    id
}

async fn text(store: &MemoryStore, id: MessageId) -> String {
    let stored = store.get(&MessageRequest::new(id)).await.expect("read").expect("stored");
    assert_eq!(stored.message.to.to_string(), "+79251234567", "only the text goes");
    stored.message.text
}

async fn wait_for_removal(store: &MemoryStore, id: MessageId) {
    let wait = async {
        while !text(store, id).await.is_empty() {
            sleep(Duration::from_secs(1)).await;
        }
    };
    timeout(Duration::from_hours(1), wait).await.expect("the text is removed");
}

#[tokio::test(start_paused = true)]
async fn a_worker_removes_texts_that_have_grown_old() {
    let clock = ManualClock::new(1_795_000_000_000);
    let store = Arc::new(MemoryStore::new().clock(clock.clone()));
    let old = cancelled(&store, &clock).await;
    clock.advance(2 * DAY);
    let young = cancelled(&store, &clock).await;
    let worker = Worker::builder(store.clone(), MemoryQueue::new(), Sandbox::new())
        .text_retention(store.clone(), DAY)
        .build();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(worker.run(shutdown.clone()));
    wait_for_removal(&store, old).await;
    assert_eq!(text(&store, young).await, "hi");
    clock.advance(2 * DAY);
    wait_for_removal(&store, young).await;
    shutdown.cancel();
    running.await.expect("no panic").expect("the worker ends");
}

#[tokio::test(start_paused = true)]
async fn texts_stay_where_nothing_is_set() {
    let clock = ManualClock::new(1_795_000_000_000);
    let store = Arc::new(MemoryStore::new().clock(clock.clone()));
    let id = cancelled(&store, &clock).await;
    clock.advance(30 * DAY);
    let worker = Worker::builder(store.clone(), MemoryQueue::new(), Sandbox::new()).build();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(worker.run(shutdown.clone()));
    sleep(Duration::from_hours(1)).await;
    assert_eq!(text(&store, id).await, "hi");
    shutdown.cancel();
    running.await.expect("no panic").expect("the worker ends");
}
