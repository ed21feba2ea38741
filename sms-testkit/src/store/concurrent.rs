//! Behaviours under concurrent calls.

use sms_core::PerLane;
use std::future::Future;
use std::sync::Arc;

use sms_core::store::{
    Archive, BeginRequest, CancelRequest, EventsRequest, InsertRequest, Inserted, RescueRequest,
    Settled,
};
use sms_core::{MessageId, Status, Store};

use super::steps::{
    ALL, LEASE, PROVIDER, accepted, begun_ids, ids_of, kinds, message, prepared, secs, settlement,
    some, sorted,
};
use crate::harness::StoreHarness;

const CALLERS: usize = 8;

/// Runs all these calls concurrently, each in its own task.
async fn concurrently<F>(calls: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let tasks: Vec<_> = calls.into_iter().map(tokio::spawn).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.expect("a concurrent call must not panic"));
    }
    results
}

pub async fn each_message_is_begun_by_one_worker(h: &StoreHarness) {
    let batch = some(50);
    h.insert(&batch).await;
    let begun = concurrently((0..CALLERS).map(|caller| {
        let (store, mut ids) = (h.store(), ids_of(&batch));
        ids.rotate_left(caller * 7 % 50);
        async move {
            let worker = format!("worker-{caller}");
            let mut begun = Vec::new();
            for (number, some) in ids.chunks(5).enumerate() {
                let request = BeginRequest::new(some, &worker, number as u64, PROVIDER, LEASE);
                begun.extend(begun_ids(&store.begin(request).await.expect("begin")));
            }
            begun
        }
    }));
    let begun = begun.await.into_iter().flatten().collect();
    assert_eq!(
        sorted(begun),
        ids_of(&batch),
        "each message is begun by exactly one of the workers"
    );
}

pub async fn one_key_stores_one_message(h: &StoreHarness) {
    let answers = concurrently((0..CALLERS * 2).map(|_| {
        let (store, message) = (h.store(), prepared(&message().key("k")));
        async move {
            let messages = std::slice::from_ref(&message);
            let request = InsertRequest::new(messages).push_after(secs(0));
            match store.insert(request).await.expect("insert")[0] {
                Inserted::Stored(_) => (true, message.id),
                Inserted::Replayed(id) => (false, id),
                other => panic!("{other:?}: the content is the same, and the number free"),
            }
        }
    }));
    let answers = answers.await;
    assert_eq!(answers.iter().filter(|(stored, _)| *stored).count(), 1, "one of them is stored");
    assert!(answers.iter().all(|(_, id)| *id == answers[0].1), "all callers get the same message");
    assert_eq!(h.due().await.len(), 1);
}

pub async fn a_job_is_offered_to_one_caretaker(h: &StoreHarness) {
    let batch = some(50);
    h.insert(&batch).await;
    let jobs = concurrently((0..CALLERS).map(|_| {
        let store = h.store();
        let request = sms_core::store::DueRequest::new(PerLane::all(ALL), secs(20));
        async move { store.due(request).await.expect("due") }
    }));
    let ids = jobs.await.into_iter().flatten().map(|job| job.id).collect();
    assert_eq!(sorted(ids), ids_of(&batch));
}

/// Tries to begin the message as a worker would. Returns true on success.
async fn try_begin(store: Arc<dyn Store>, id: MessageId) -> bool {
    let ids = [id];
    let request = BeginRequest::new(&ids, "worker-1", 1, PROVIDER, LEASE);
    !store.begin(request).await.expect("begin").is_empty()
}

/// Tries to cancel the message. Returns true on success.
async fn try_cancel(store: Arc<dyn Store>, id: MessageId) -> bool {
    let request = CancelRequest::new(id, "olga".to_owned());
    store.cancel(request).await.is_ok()
}

pub async fn a_cancelled_message_is_not_begun(h: &StoreHarness) {
    for _ in 0..10 {
        let id = h.queued(message()).await;
        let begin = tokio::spawn(try_begin(h.store(), id));
        let cancel = tokio::spawn(try_cancel(h.store(), id));
        let (started, cancelled) = (begin.await.expect("begin"), cancel.await.expect("cancel"));
        assert_ne!(started, cancelled, "exactly one of the two succeeds");
        let expected = if cancelled { Status::Cancelled } else { Status::Sending };
        assert_eq!(h.status(id).await, expected);
    }
}

pub async fn a_rescue_that_races_with_the_settlement_loses_nothing(h: &StoreHarness) {
    let batch = some(20);
    h.insert(&batch).await;
    h.try_begin(&ids_of(&batch)).await;
    h.advance(LEASE + secs(1)).await;
    let store = h.store();
    let rescue =
        tokio::spawn(async move { store.rescue(RescueRequest::new(ALL)).await.expect("rescue") });
    let settle =
        batch.iter().map(|message| {
            let (store, id) = (h.store(), message.id);
            async move {
                (id, store.settle(&[settlement(id, 1, accepted(id))]).await.expect("settle")[0])
            }
        });
    let settled = concurrently(settle).await;
    let rescued = rescue.await.expect("rescue");
    for (id, answer) in settled {
        let expected = if rescued.contains(&id) {
            Settled::Late(Status::Sent)
        } else {
            Settled::Now(Status::Sent)
        };
        assert_eq!((answer, h.status(id).await), (expected, Status::Sent));
    }
}

pub async fn one_settlement_of_many_is_written(h: &StoreHarness) {
    let id: MessageId = h.sending(message()).await;
    let answers = concurrently((0..CALLERS).map(|_| {
        let store = h.store();
        async move { store.settle(&[settlement(id, 1, accepted(id))]).await.expect("settle")[0] }
    }));
    let answers = answers.await;
    let now = answers.iter().filter(|answer| **answer == Settled::Now(Status::Sent)).count();
    let known = answers.iter().filter(|answer| **answer == Settled::Known(Status::Sent)).count();
    assert_eq!((now, known), (1, CALLERS - 1));
    assert_eq!(kinds(&h.timeline(id).await).len(), 1);
}

pub async fn a_reader_of_the_log_skips_nothing(h: &StoreHarness) {
    let batch = some(60);
    h.insert(&batch).await;
    h.try_begin(&ids_of(&batch)).await;
    let settling = batch.chunks(5).map(|some| {
        let settlements: Vec<_> =
            some.iter().map(|message| settlement(message.id, 1, accepted(message.id))).collect();
        let store = h.store();
        tokio::spawn(async move { store.settle(&settlements).await.expect("settle").len() })
    });
    let settling: Vec<_> = settling.collect();
    let (mut seen, mut seq) = (Vec::new(), 0);
    while seen.len() < batch.len() {
        let done = settling.iter().all(tokio::task::JoinHandle::is_finished);
        let page = h.store.events(&EventsRequest::new(seq, 7)).await.expect("events_after");
        assert!(
            !done || !page.events.is_empty(),
            "the reader has skipped {} events",
            batch.len() - seen.len()
        );
        seq = page.events.last().map_or(seq, |event| event.seq);
        seen.extend(page.events.into_iter().map(|event| event.message_id));
        tokio::task::yield_now().await;
    }
    assert_eq!(sorted(seen), ids_of(&batch));
}
