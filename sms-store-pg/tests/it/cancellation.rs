//! Calls that are dropped.

use sms_core::store::{Archive, MessageRequest};
use std::future::Future;
use std::task::Poll;

use sms_core::{Receipt, ReceiptState, Store as _};

use crate::common::{Schema, accepted, begin, count, ids, insert, inserted, messages};

/// Polls a future this number of times and drops it.
async fn drop_after(polls: usize, future: impl Future) {
    let mut future = std::pin::pin!(future);
    for _ in 0..polls {
        let ended =
            std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready()))
                .await;
        if ended {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_micros(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_insert_happens_whole_or_not_at_all_and_leaves_a_working_store() {
    let schema = Schema::new();
    let store = schema.open().await;
    let mut expected = 0;
    for polls in 0..20 {
        let batch = messages(200);
        drop_after(polls, insert(&store, &batch)).await;
        let found = count(&store).await - expected;
        assert!(found == 0 || found == 200, "{found} of 200 were stored");
        assert_eq!(inserted(&store, &batch).await, 200);
        expected += 200;
        assert_eq!(count(&store).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_transaction_leaves_its_rows_free() {
    let schema = Schema::new();
    let store = schema.open().await;
    let batch = messages(10);
    insert(&store, &batch).await.expect("inserted");
    begin(&store, &ids(&batch), "w").await;
    let settlements: Vec<_> = ids(&batch).into_iter().map(accepted).collect();
    store.settle(&settlements).await.expect("settled");
    let receipts: Vec<_> = settlements
        .iter()
        .filter_map(|settlement| settlement.outcome.provider_id.as_ref())
        .map(|id| Receipt::new("p", id, ReceiptState::Delivered))
        .collect();
    for polls in 0..20 {
        drop_after(polls, store.apply_receipts(&receipts)).await;
    }
    store.apply_receipts(&receipts).await.expect("applied");
    for message in &batch {
        assert_eq!(
            store.timeline(&MessageRequest::new(message.id)).await.expect("read").len(),
            2,
            "each receipt is applied once"
        );
    }
}
