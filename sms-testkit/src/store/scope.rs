//! Scopes: an owner sees no messages of others.

use sms_core::store::{ListRequest, MessageRequest, StatsRequest};
use sms_core::{Archive, MessageId, Scope, Status};

use super::steps::{ALL, message};
use crate::harness::StoreHarness;

fn shop() -> Scope {
    Scope::Owner("shop".to_owned())
}

pub async fn get_finds_only_messages_of_the_owner(h: &StoreHarness) {
    let own = h.queued(message().owner("shop")).await;
    let others = [h.queued(message().owner("bank")).await, h.queued(message()).await];
    let found = h
        .store
        .get(&MessageRequest::new(own).scope(shop()))
        .await
        .expect("get")
        .expect("it is the shop's");
    assert_eq!(found.message.id, own);
    for id in others {
        assert_eq!(h.store.get(&MessageRequest::new(id).scope(shop())).await.expect("get"), None);
        assert!(h.find(id).await.is_some(), "the scope of all messages includes it");
    }
    assert_eq!(h.find(MessageId::new()).await, None);
}

pub async fn list_shows_only_messages_of_the_owner(h: &StoreHarness) {
    let own = h.queued(message().owner("shop")).await;
    h.queued(message().owner("bank")).await;
    h.queued(message()).await;
    let request = ListRequest::new(ALL);
    assert_eq!(h.list(request.clone().scope(shop())).await, [own]);
    assert_eq!(h.list(request).await.len(), 3);
}

pub async fn stats_count_only_messages_of_the_owner(h: &StoreHarness) {
    h.queued(message().owner("shop")).await;
    h.queued(message().owner("bank")).await;
    h.queued(message()).await;
    let range = StatsRequest::new().scope(shop());
    assert_eq!(h.store.stats(&range).await.expect("stats").count(Status::Queued), 1);
    assert_eq!(
        h.store.stats(&StatsRequest::default()).await.expect("stats").count(Status::Queued),
        3
    );
}
