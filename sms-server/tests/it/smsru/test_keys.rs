//! Messages of test keys, next to a provider that costs money.

use serde_json::{Value, json};
use sms_smsru::simulator::SimulatorConfig;

use super::World;

impl World {
    /// Sends a message with this key; its id.
    async fn send_with(&self, key: &str, body: &Value) -> String {
        let request = reqwest::Client::new().post(self.server.url("/v1/messages"));
        let reply = request.bearer_auth(key).json(body).send().await.expect("a reply");
        assert_eq!(reply.status(), 202);
        let accepted: Value = reply.json().await.expect("JSON");
        accepted["id"].as_str().expect("an id").to_owned()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_a_test_key_is_delivered_and_never_reaches_the_provider() {
    let world = World::new(SimulatorConfig::default(), "poll_first_seconds=60").await;
    let new = json!({"name": "tests", "kind": "test", "scopes": ["send", "read"]});
    let (status, key) = world.server.post_to("/v1/keys", &new).await;
    assert_eq!(status, 201, "{key}");
    let key = key["secret"].as_str().expect("a secret");
    assert!(key.starts_with("sms_test_"), "the kind is seen in the key");
    // Also while the provider is paused: a test needs nothing of it.
    world.order("pause").await;
    let test = world.send_with(key, &json!({"to": "+79251234567", "text": "a test"})).await;
    let message = world.becomes(&test, "delivered").await;
    assert_eq!(message["provider"], "sandbox", "{message}");
    world.order("resume").await;
    let live = world.send(json!({"to": "+79251234568", "text": "hi"})).await;
    world.becomes(&live, "sent").await;
    let texts: Vec<_> = world.smsru.accepted().into_iter().map(|message| message.text).collect();
    assert_eq!(texts, ["hi"], "only the live message cost money");
}
