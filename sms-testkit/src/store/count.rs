//! Counts of the messages that match a filter.

use std::time::Duration;

use sms_core::store::ListRequest;
use sms_core::{Class, Message, MessageCount, MessageId, PhoneNumber, Scope, Status};

use super::steps::{ids_of, message, some};
use crate::harness::StoreHarness;

/// More messages than a store scans between two checks of its time budget.
const MANY: usize = 3_000;

fn everything() -> ListRequest {
    ListRequest::default()
}

impl StoreHarness {
    async fn count(&self, request: ListRequest) -> MessageCount {
        self.store.count(&request).await.expect("count")
    }

    /// The number of messages, of which none was left out.
    async fn count_all(&self, request: ListRequest) -> u64 {
        let counted = self.count(request).await;
        assert_eq!(counted.searched_to, None, "without a budget everything is counted");
        counted.count
    }
}

pub async fn every_message_is_counted_once(h: &StoreHarness) {
    assert_eq!(h.count_all(everything()).await, 0);
    h.insert(&some(7)).await;
    assert_eq!(h.count_all(everything()).await, 7);
    assert_eq!(h.count_all(everything().limit(2)).await, 7, "the limit of a page does not matter");
}

pub async fn a_count_has_the_filters_of_a_list(h: &StoreHarness) {
    for status in Status::ALL {
        h.in_status(status).await;
    }
    h.queued(Message::new("+79261112233", "needle").class(Class::Otp).reference("r")).await;
    let refused = h.list(everything().statuses([Status::Failed]).limit(1)).await;
    let code = h.state(refused[0]).await.code.expect("a refused message has a code");
    for (request, count) in [
        (everything().statuses([Status::Failed]), 1),
        (everything().statuses([Status::Queued]), 2),
        (everything().statuses([Status::Queued, Status::Sending, Status::Delivered]), 4),
        (everything().search("needle".to_owned()), 1),
        (everything().statuses([Status::Sent]).search("needle".to_owned()), 0),
        (everything().class(Class::Otp), 1),
        (everything().reference("r".to_owned()), 1),
        (everything().to(PhoneNumber::parse("+79261112233").ok()), 1),
        (everything().code(code), 1),
    ] {
        assert_eq!(h.count_all(request.clone()).await, count, "{request:?}");
        let listed = h.list(request.clone().limit(100)).await;
        assert_eq!(listed.len() as u64, count, "{request:?}");
    }
}

pub async fn a_count_that_runs_out_of_time_says_how_far_it_came(h: &StoreHarness) {
    let mut ids: Vec<MessageId> = Vec::new();
    for _ in 0..MANY / 500 {
        let batch = some(500);
        h.insert(&batch).await;
        ids.extend(ids_of(&batch));
    }
    ids.sort_unstable();
    ids.reverse();
    let counted = h.count(everything().budget(Duration::ZERO)).await;
    let end = counted.searched_to.expect("the budget is too small to count all messages");
    let place = ids.iter().position(|id| *id == end.id).expect("it names one of the messages");
    assert_eq!(counted.count, place as u64 + 1, "it counted every message down to this one");
    assert_eq!(end.created_at, h.state(end.id).await.created_at);
    let rest = h.count_all(everything().after(end.id)).await;
    assert_eq!(counted.count + rest, MANY as u64, "a count goes on where another one ended");
}

pub async fn a_count_sees_only_messages_of_the_owner(h: &StoreHarness) {
    h.queued(message().owner("shop")).await;
    h.queued(message().owner("bank")).await;
    h.queued(message()).await;
    let shop = everything().scope(Scope::Owner("shop".to_owned()));
    assert_eq!(h.count_all(shop.clone()).await, 1);
    assert_eq!(h.count_all(shop.statuses([Status::Queued])).await, 1);
}
