//! Several nodes on one schema, with no queue between them.

use sms_core::PerLane;
use std::collections::BTreeSet;
use std::time::Duration;

use sms_core::store::{Archive, DueRequest, InferRequest, MessageRequest};
use sms_core::{MessageId, Receipt, ReceiptState, Status, Store as _};
use sms_store_pg::PgStore;

use crate::common::{Schema, accepted, begin, count, ids, insert, inserted, messages};

/// Claims due messages and sends them until there are none. Returns what this node has sent.
async fn work(store: PgStore, worker: String) -> Vec<MessageId> {
    let mut sent = Vec::new();
    loop {
        let request = DueRequest::new(PerLane::all(20), Duration::from_mins(1));
        let due: Vec<_> =
            store.due(request).await.expect("due").into_iter().map(|job| job.id).collect();
        if due.is_empty() {
            return sent;
        }
        let lease = Duration::from_mins(1);
        let batch = sent.len() as u64;
        let request = sms_core::store::BeginRequest::new(&due, &worker, batch, "p", lease);
        let begun = store.begin(request).await.expect("begun");
        assert_eq!(begun.len(), due.len(), "what is offered to one is begun by that one");
        let settlements: Vec<_> = begun.iter().map(|begun| accepted(begun.submission.id)).collect();
        store.settle(&settlements).await.expect("settled");
        sent.extend(due);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_share_the_work_and_each_message_is_sent_by_one() {
    let schema = Schema::new();
    let batch = messages(300);
    let nodes = [schema.open().await, schema.open().await, schema.open().await];
    assert_eq!(inserted(&nodes[0], &batch).await, 300);
    let working = nodes
        .iter()
        .cloned()
        .enumerate()
        .map(|(n, node)| tokio::spawn(work(node, format!("w{n}"))));
    let mut sent = Vec::new();
    for node in working.collect::<Vec<_>>() {
        sent.extend(node.await.expect("no panic"));
    }
    assert_eq!(sent.len(), 300, "nothing is sent twice");
    assert_eq!(sent.into_iter().collect::<BTreeSet<_>>(), ids(&batch).into_iter().collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_schema_can_be_opened_by_many_at_once() {
    let schema = Schema::new();
    let opening: Vec<_> =
        (0..8).map(|_| tokio::spawn(PgStore::open(schema.config().connections(1)))).collect();
    for store in opening {
        let store = store.await.expect("no panic").expect("the store opens");
        insert(&store, &messages(1)).await.expect("inserted");
    }
    assert_eq!(count(&schema.open().await).await, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_and_settlements_of_the_same_messages_do_not_block_each_other_for_ever() {
    let schema = Schema::new();
    let (one, two) = (schema.open().await, schema.open().await);
    for _ in 0..10 {
        let batch = messages(30);
        insert(&one, &batch).await.expect("inserted");
        begin(&one, &ids(&batch), "w").await;
        let mut settlements: Vec<_> = ids(&batch).into_iter().map(accepted).collect();
        let receipts: Vec<_> = settlements
            .iter()
            .filter_map(|it| it.outcome.provider_id.as_ref())
            .map(|id| Receipt::new("p", id, ReceiptState::Delivered))
            .collect();
        settlements.reverse();
        let settling = tokio::spawn({
            let one = one.clone();
            async move { one.settle(&settlements).await.expect("settled") }
        });
        two.apply_receipts(&receipts).await.expect("applied");
        settling.await.expect("no panic");
        // The caretaker joins receipts that came at the same moment.
        assert_eq!(
            one.infer(InferRequest::new(Duration::from_mins(5))).await.expect("inferred"),
            []
        );
        for message in &batch {
            let stored =
                one.get(&MessageRequest::new(message.id)).await.expect("read").expect("stored");
            assert_eq!(stored.state.status, Status::Delivered);
        }
    }
}
