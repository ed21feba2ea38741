//! Statements that wait for each other.

use sms_core::PerLane;
use sms_core::store::{Archive, InferRequest, MessageRequest};
use std::time::Duration;

use sms_core::{Receipt, ReceiptState, Status, Store as _};

use crate::common::{Schema, accepted, begin, ids, insert, messages, run};

#[tokio::test]
async fn a_receipt_that_no_one_saw_is_joined_by_the_caretaker() {
    let schema = Schema::new();
    let (store, batch) = (schema.open().await, messages(1));
    insert(&store, &batch).await.expect("inserted");
    begin(&store, &ids(&batch), "w").await;
    store.settle(&[accepted(batch[0].id)]).await.expect("settled");
    // The state after a transaction that looked before the settlement was committed.
    let mut conn = schema.connect().await;
    let provider_id = format!("p-{}", batch[0].id);
    let park = format!(
        "INSERT INTO parked (parked_at, provider, provider_id, state) \
         VALUES (1, 'p', '{provider_id}', 1)"
    );
    run(&mut conn, &park).await;
    assert_eq!(
        store.infer(InferRequest::new(Duration::from_mins(5))).await.expect("inferred"),
        [],
        "nothing is inferred"
    );
    let stored = store.get(&MessageRequest::new(batch[0].id)).await.expect("read").expect("stored");
    assert_eq!(stored.state.status, Status::Delivered);
}

#[tokio::test]
async fn a_lock_that_is_held_makes_a_call_unavailable_in_bounded_time_and_spoils_nothing() {
    let schema = Schema::new();
    let (patient, batch) = (schema.open().await, messages(2));
    insert(&patient, &batch).await.expect("inserted");
    let mut conn = schema.connect().await;
    run(&mut conn, &format!("BEGIN; SELECT FROM states WHERE id = '{}' FOR UPDATE", batch[0].id))
        .await;
    let hasty = schema.open_with(schema.config().timeout(Duration::from_secs(1))).await;
    let begun = ids(&batch);
    let lease = Duration::from_mins(1);
    let request = sms_core::store::BeginRequest::new(&begun, "w", 1, "p", lease);
    let error = hasty.begin(request).await.expect_err("the row is locked");
    assert!(error.is_retryable(), "{error:?}");
    // The caretaker leaves such a row to the next round.
    let due = sms_core::store::DueRequest::new(PerLane::all(10), Duration::ZERO);
    assert_eq!(hasty.due(due).await.expect("due").len(), 1);
    run(&mut conn, "ROLLBACK").await;
    assert_eq!(hasty.begin(request).await.expect("begun").len(), 2);
}

#[tokio::test]
async fn nuls_and_endless_names_of_a_provider_do_not_spoil_a_batch() {
    let schema = Schema::new();
    let (store, batch) = (schema.open().await, messages(2));
    insert(&store, &batch).await.expect("inserted");
    begin(&store, &ids(&batch), "w").await;
    let mut settlements: Vec<_> = ids(&batch).into_iter().map(accepted).collect();
    let endless = format!("a\0{}", "b".repeat(100_000));
    settlements[0].outcome.provider_id = Some(endless.clone());
    settlements[0].outcome.text = Some("a\0b".to_owned());
    store.settle(&settlements).await.expect("settled");
    let receipt = Receipt::new("p", endless, ReceiptState::Delivered).code(1, "a\0b");
    store.apply_receipts(&[receipt]).await.expect("applied");
    let stored = store.get(&MessageRequest::new(batch[0].id)).await.expect("read").expect("stored");
    assert_eq!(stored.state.status, Status::Delivered);
}
