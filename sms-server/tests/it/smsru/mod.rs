//! The program against the simulator of sms.ru.

mod costs;
mod money;
mod receipts;
mod test_keys;
mod unknown;

use std::time::Duration;

use serde_json::{Value, json};
use sms_smsru::simulator::{Simulator, SimulatorConfig};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::process::Server;

/// How long anything may take that has no time of its own.
const PATIENCE: Duration = Duration::from_secs(20);

/// A simulator, and a server that sends by it.
struct World {
    smsru: Simulator,
    server: Server,
    folder: TempDir,
    provider: String,
}

impl World {
    /// `parameters` are those of the provider's address.
    async fn new(config: SimulatorConfig, parameters: &str) -> Self {
        let smsru = Simulator::start(config).await.expect("a simulator");
        let folder = tempfile::tempdir().expect("a folder");
        let provider = format!("{}?{parameters}", smsru.url());
        let server = Server::start(folder.path(), &[("SMS_PROVIDER", &provider)]);
        Self { smsru, server, folder, provider }
    }

    /// Kills the server and starts it again at its address.
    fn restart(self) -> Self {
        let Self { smsru, server, folder, provider } = self;
        let address = server.address.to_string();
        server.kill();
        let server =
            Server::start(folder.path(), &[("SMS_PROVIDER", &provider), ("SMS_LISTEN", &address)]);
        Self { smsru, server, folder, provider }
    }

    /// Runs a command of the program; what it printed.
    async fn run(&self, arguments: &[&str]) -> String {
        let mut command = crate::process::command(self.folder.path(), arguments);
        command.env("SMS_PROVIDER", &self.provider);
        let run = tokio::task::spawn_blocking(move || command.output());
        let output = run.await.expect("no panic").expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Has sms.ru call the server back; the address it calls.
    async fn register_callbacks(&self) -> String {
        self.run(&["callback", "add", &self.server.url("")]).await.trim().to_owned()
    }

    async fn send(&self, body: Value) -> String {
        let (status, accepted) =
            self.server.post(&body.to_string().len().to_string(), &body).await.expect("a reply");
        assert_eq!(status, 202, "{accepted}");
        accepted["id"].as_str().expect("an id").to_owned()
    }

    async fn becomes(&self, id: &str, status: &str) -> Value {
        self.server.wait_for(id, status, PATIENCE).await
    }

    async fn order(&self, order: &str) {
        let (status, body) = self
            .server
            .post_to(&format!("/v1/provider/{order}"), &json!({"reason": "a test"}))
            .await;
        assert_eq!(status, 200, "{body}");
    }

    /// Waits until the provider is in this state.
    async fn provider_becomes(&self, state: &str) -> Value {
        self.provider_with("/state", &json!(state)).await
    }

    /// Waits until the provider is paused for this reason.
    async fn paused_by(&self, code: i32) -> Value {
        self.provider_with("/pause/code", &json!(code)).await
    }

    /// Waits until the account was asked so often since the pause began whether it can send again.
    async fn probes(&self, number: usize) {
        let before = self.smsru.calls_of("auth/check");
        let probed = async || self.smsru.calls_of("auth/check") >= before + number;
        // The pauses may have grown up to half a minute by now.
        eventually("the account is looked at", 4 * PATIENCE, probed).await;
    }

    async fn provider_with(&self, pointer: &str, value: &Value) -> Value {
        self.provider_with_patience(pointer, value, PATIENCE).await
    }

    async fn provider_with_patience(
        &self,
        pointer: &str,
        value: &Value,
        patience: Duration,
    ) -> Value {
        let deadline = Instant::now() + patience;
        loop {
            let provider = self.server.get("/v1/provider").await;
            if provider.pointer(pointer) == Some(value) {
                return provider;
            }
            assert!(Instant::now() < deadline, "{pointer} is not {value}: {provider:#}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A text and a number of its own for each.
fn message(n: usize) -> Value {
    json!({"to": format!("+7925{n:07}"), "text": format!("n{n}")})
}

/// Waits until something holds.
async fn eventually(what: &str, patience: Duration, holds: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + patience;
    while !holds().await {
        assert!(Instant::now() < deadline, "not in {patience:?}: {what}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_message_reaches_sms_ru_with_the_configured_sender_and_ends_delivered() {
    let senders = vec!["Acme".to_owned()];
    let world =
        World::new(SimulatorConfig::default().senders(senders), "from=Acme&poll_first_seconds=1")
            .await;
    let id = world.send(json!({"to": "+79251234567", "text": "Код 1234"})).await;
    let message = world.becomes(&id, "delivered").await;
    let [accepted] = &world.smsru.accepted()[..] else { panic!("one message") };
    assert_eq!(message["provider"], "smsru");
    assert_eq!(message["provider_id"], json!(accepted.sms_id));
    assert_eq!(message["code"], 103);
    assert_eq!(message["meaning"]["ru"], "Сообщение доставлено");
    assert_eq!((accepted.to.as_str(), accepted.text.as_str()), ("79251234567", "Код 1234"));
    assert_eq!(accepted.from.as_deref(), Some("Acme"));
    let log = world.server.log_so_far().await;
    assert!(
        !log.contains(world.smsru.api_id()) && !log.contains("1234567") && !log.contains("Код"),
        "{log}"
    );
}

#[tokio::test]
async fn the_deadline_is_passed_on_only_when_it_is_asked_for() {
    let world = World::new(SimulatorConfig::default(), "").await;
    let asked =
        json!({"to": "+79251234567", "text": "a", "pass_deadline": true, "deadline_seconds": 600});
    let plain = json!({"to": "+79251234568", "text": "bb", "deadline_seconds": 600});
    for body in [asked, plain] {
        let id = world.send(body).await;
        world.becomes(&id, "sent").await;
    }
    let ttl: Vec<_> = world.smsru.accepted().iter().map(|accepted| accepted.ttl).collect();
    assert_eq!(ttl, [Some(9), None], "what is left of ten minutes, in whole ones");
}

#[tokio::test]
async fn a_thousand_messages_with_texts_of_their_own_take_ten_requests() {
    let world = World::new(SimulatorConfig::default(), "").await;
    world.order("pause").await;
    world.provider_becomes("paused").await;
    world.server.post_many(1000, message).await;
    world.order("resume").await;
    let sent = async || world.server.count("sent,delivered").await == 1000;
    eventually("all are sent", PATIENCE, sent).await;
    assert_eq!(world.smsru.calls_of("sms/send"), 10);
}

#[tokio::test]
async fn a_provider_that_is_down_burns_attempts_and_then_the_message_fails_visibly() {
    let folder = tempfile::tempdir().expect("a folder");
    // A port nobody listens on: bound and let go.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|it| it.local_addr())
        .expect("a port")
        .port();
    let provider = format!("smsru+http://ID@127.0.0.1:{port}");
    let server = Server::start(folder.path(), &[("SMS_PROVIDER", &provider)]);
    let body = json!({"to": "+79251234567", "text": "hi", "max_attempts": 1});
    let (_, accepted) = server.post("k1", &body).await.expect("a reply");
    let message = server
        .wait_for(accepted["id"].as_str().expect("an id"), "failed", Duration::from_secs(10))
        .await;
    assert_eq!(message["timeline"][1]["outcome"], "not_sent", "{message:#}");
}

#[tokio::test]
async fn a_pause_by_a_person_outlives_a_kill_and_burns_nothing() {
    let world = World::new(SimulatorConfig::default(), "").await;
    world.order("pause").await;
    world.provider_becomes("paused").await;
    let id = world.send(message(1)).await;
    let world = world.restart();
    world.provider_becomes("paused").await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(world.smsru.calls_of("sms/send"), 0);
    world.order("resume").await;
    let message = world.becomes(&id, "sent").await;
    assert_eq!(message["attempts"], 1);
}
