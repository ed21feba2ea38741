//! Scopes: an owner sees no messages of others.

use sms_core::store::{ListRequest, StatsRange};
use sms_core::{MessageId, Scope, Status};

use super::steps::{ALL, message};
use crate::harness::StoreHarness;

fn shop() -> Scope {
    Scope::Owner("shop".to_owned())
}

pub async fn get_finds_only_messages_of_the_owner(h: &StoreHarness) {
    let own = h.queued(message().owner("shop")).await;
    let others = [h.queued(message().owner("bank")).await, h.queued(message()).await];
    let found = h.store.get(own, &shop()).await.expect("get").expect("it is the shop's");
    assert_eq!(found.message.id, own);
    for id in others {
        assert_eq!(h.store.get(id, &shop()).await.expect("get"), None);
        assert!(h.find(id).await.is_some(), "the scope of all messages includes it");
    }
    assert_eq!(h.find(MessageId::new()).await, None);
}

pub async fn list_shows_only_messages_of_the_owner(h: &StoreHarness) {
    let own = h.queued(message().owner("shop")).await;
    h.queued(message().owner("bank")).await;
    h.queued(message()).await;
    let request = ListRequest { limit: ALL, ..ListRequest::default() };
    assert_eq!(h.list(ListRequest { scope: shop(), ..request.clone() }).await, [own]);
    assert_eq!(h.list(request).await.len(), 3);
}

pub async fn stats_count_only_messages_of_the_owner(h: &StoreHarness) {
    h.queued(message().owner("shop")).await;
    h.queued(message().owner("bank")).await;
    h.queued(message()).await;
    let range = StatsRange { scope: shop(), ..StatsRange::default() };
    assert_eq!(h.store.stats(&range).await.expect("stats").count(Status::Queued), 1);
    assert_eq!(
        h.store.stats(&StatsRange::default()).await.expect("stats").count(Status::Queued),
        3
    );
}
