//! Messages of several routes: each call takes those of its own.

use sms_core::provider::Polling;
use sms_core::store::{AwaitingRequest, BeginRequest, DueRequest, InsertRequest};
use sms_core::{Job, Lane, MessageId, PerLane, Route};

use super::steps::{
    LEASE, PROVIDER, accepted, batch, begun_ids, message, prepared, secs, settlement,
};
use crate::harness::StoreHarness;

/// Queued messages of the routes `default`, `sandbox` and `second`, pushed by their sender where
/// a sender pushes.
async fn three_routes(h: &StoreHarness) -> [MessageId; 3] {
    let messages =
        [message(), message().route("sandbox"), message().route("second")].map(|m| prepared(&m));
    let request = InsertRequest::new(&messages).push_after(secs(20));
    h.store().insert(request).await.expect("inserted");
    messages.map(|message| message.id)
}

fn route(name: &str) -> Route {
    name.parse().expect("a route")
}

/// Due messages of a route.
async fn due(h: &StoreHarness, name: &str) -> Vec<Job> {
    let request = DueRequest::new(PerLane::all(10), secs(20)).route(route(name));
    h.store().due(request).await.expect("due")
}

pub async fn begin_takes_only_messages_of_its_route(h: &StoreHarness) {
    let ids @ [default, sandbox, second] = three_routes(h).await;
    let untouched = h.find(sandbox).await;
    assert_eq!(begun_ids(&h.try_begin(&ids).await), [default]);
    assert_eq!(h.find(sandbox).await, untouched, "a message of another route stays as it is");
    for (id, name, provider) in [(sandbox, "sandbox", "nobody"), (second, "second", "carrier")] {
        let route = route(name);
        let request = BeginRequest::new(&ids, "w", batch(), provider, LEASE).route(&route);
        let begun = h.begin_request(request).await;
        assert_eq!(begun_ids(&begun), [id]);
        assert_eq!((begun[0].fence, begun[0].attempt.attempt), (1, 1));
        assert_eq!(h.state(id).await.provider.as_deref(), Some(provider));
        assert_eq!(h.begin_request(request).await, begun, "a repeat gets the same answer");
    }
}

pub async fn due_claims_only_messages_of_its_route(h: &StoreHarness) {
    let [default, sandbox, second] = three_routes(h).await;
    h.advance(secs(21)).await;
    for (id, name) in [(second, "second"), (default, "default"), (sandbox, "sandbox")] {
        assert_eq!(due(h, name).await, [Job::new(id, Lane::Normal)]);
    }
    assert_eq!(due(h, "third").await, []);
}

pub async fn only_messages_of_the_default_route_wait_for_their_sender_to_push(h: &StoreHarness) {
    let [_, sandbox, _] = three_routes(h).await;
    assert_eq!(due(h, "default").await, []);
    assert_eq!(due(h, "sandbox").await, [Job::new(sandbox, Lane::Normal)]);
}

pub async fn each_route_has_status_queries_of_its_own(h: &StoreHarness) {
    let polling = Polling::new(secs(60), secs(200), secs(86_400), 100);
    for id in three_routes(h).await {
        let route = h.find(id).await.expect("stored").message.route;
        let ids = [id];
        let request = BeginRequest::new(&ids, "w", batch(), PROVIDER, LEASE).route(&route);
        assert_eq!(h.store().begin(request).await.expect("begin").len(), 1);
        h.settle_one(settlement(id, 1, accepted(id)).poll_after(Some(polling.first))).await;
    }
    h.advance(secs(61)).await;
    for name in ["sandbox", "default", "second"] {
        let request = AwaitingRequest::new(polling, 10).route(route(name));
        let claimed = async || {
            let refs = h.store().awaiting_receipt(request.clone()).await;
            refs.expect("awaiting_receipt").len()
        };
        assert_eq!((claimed().await, claimed().await), (1, 0), "{name}");
    }
}
