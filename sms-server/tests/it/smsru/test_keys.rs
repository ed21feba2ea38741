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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_number_with_an_end_of_its_own_has_it_and_so_do_rules() {
    let world = World::new(SimulatorConfig::default(), "").await;
    let new = json!({"name": "tests", "kind": "test"});
    let (_, key) = world.server.post_to("/v1/keys", &new).await;
    let key = key["secret"].as_str().expect("a secret");
    let mut sent = Vec::new();
    for (number, status, code) in [
        ("+79760000001", "undelivered", json!(104)),
        ("+79760000002", "failed", json!(202)),
        ("+79760000003", "delivered", Value::Null),
        ("+79760000004", "unknown", Value::Null),
        ("+79760000005", "sent", Value::Null),
        ("+79760000006", "sent", Value::Null),
    ] {
        let id = world.send_with(key, &json!({"to": number, "text": "Код 1234"})).await;
        sent.push((id, status, code));
    }
    for (id, status, code) in &sent {
        let message = world.becomes(id, status).await;
        assert_eq!(message["code"], *code, "{message:#}");
    }
    let deferred = world.becomes(&sent[2].0, "delivered").await;
    assert_eq!(deferred["attempts"], 2, "{deferred:#}");

    let client = reqwest::Client::new();
    let rules = json!({"rules": [{"to": "+79251234567", "action": "undelivered", "code": 106}]});
    let put = client.put(world.server.url("/v1/sandbox/rules")).bearer_auth(key).json(&rules);
    assert_eq!(put.send().await.expect("a reply").status(), 200);
    let id = world.send_with(key, &json!({"to": "+79251234567", "text": "Код 4821"})).await;
    let latest = world.server.url("/v1/sandbox/messages/latest?to=79251234567&wait_seconds=20");
    let found = client.get(latest).bearer_auth(key).send().await.expect("a reply");
    let found: Value = found.json().await.expect("JSON");
    assert_eq!((&found["id"], &found["found_code"]), (&json!(id), &json!("4821")), "{found:#}");
    let message = world.becomes(&id, "undelivered").await;
    assert_eq!(message["code"], 106, "{message:#}");
    assert_eq!(world.smsru.calls_of("sms/send"), 0, "nothing left the machine");
}
