//! Shared helpers: a simulator with a stopped clock, a client, and handlers of callbacks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use sms_core::{ManualClock, Money};
use sms_smsru::simulator::{Simulator, SimulatorConfig};
use tokio::time::Instant;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

pub(crate) const API_ID: &str = "0A1B2C3D-0000-4000-8000-00000000000A";
pub(crate) const PHONE: &str = "79255070602";
pub(crate) const OTHER: &str = "74993221627";
/// 25 June 2026, 12:00 UTC: the afternoon of Moscow, in week 26.
pub(crate) const NOON_MS: i64 = 1_782_388_800_000;

pub(crate) fn rub(text: &str) -> Money {
    Money::parse(text).unwrap()
}

/// A configuration with a clock that is stopped at [`NOON_MS`].
pub(crate) fn config() -> SimulatorConfig {
    config_at(NOON_MS)
}

pub(crate) fn config_at(now_ms: i64) -> SimulatorConfig {
    SimulatorConfig::default().api_id(API_ID).clock(ManualClock::new(now_ms))
}

/// A simulator and an HTTP client.
pub(crate) struct Rig {
    pub(crate) sim: Simulator,
    pub(crate) client: reqwest::Client,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: SimulatorConfig) -> Self {
        let sim = Simulator::start(config).await.unwrap();
        let client =
            reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        Self { sim, client }
    }

    pub(crate) fn address(&self, path: &str) -> String {
        format!("http://{}/{path}", self.sim.address())
    }

    /// Posts a form with the API id and these fields, and returns the body of the reply.
    pub(crate) async fn plain(&self, method: &str, fields: &[(&str, &str)]) -> String {
        self.try_post(method, &[&[("api_id", API_ID)], fields].concat()).await.unwrap()
    }

    /// Posts a form in the same way, and returns the reply as JSON.
    pub(crate) async fn text(&self, method: &str, fields: &[(&str, &str)]) -> String {
        self.plain(method, &[&[("json", "1")], fields].concat()).await
    }

    pub(crate) async fn json(&self, method: &str, fields: &[(&str, &str)]) -> Value {
        serde_json::from_str(&self.text(method, fields).await).unwrap()
    }

    /// Posts a form with exactly these fields.
    pub(crate) async fn try_post(
        &self,
        method: &str,
        fields: &[(&str, &str)],
    ) -> reqwest::Result<String> {
        let answer = self.client.post(self.address(method)).form(fields).send().await?;
        answer.text().await
    }

    /// Returns the code of the request and those of the recipients, in the order of the reply.
    pub(crate) async fn codes(&self, method: &str, fields: &[(&str, &str)]) -> Vec<i64> {
        let text = self.text(method, fields).await;
        let codes = text.lines().filter_map(|line| line.trim().strip_prefix("\"status_code\": "));
        codes.map(|code| code.trim_end_matches(',').parse().unwrap()).collect()
    }

    /// Sends one text to these numbers. Returns the code of the request, then those of the
    /// recipients.
    pub(crate) async fn send(&self, to: &str, text: &str) -> Vec<i64> {
        self.codes("sms/send", &[("to", to), ("msg", text)]).await
    }

    /// Sends one message that must be accepted, and returns its id.
    pub(crate) async fn accepted(&self, fields: &[(&str, &str)]) -> String {
        let before = self.sim.accepted_count();
        self.text("sms/send", &[&[("to", PHONE), ("msg", "hi")], fields].concat()).await;
        self.sim.accepted_from(before).remove(0).sms_id
    }

    pub(crate) async fn status(&self, sms_id: &str) -> i64 {
        self.codes("sms/status", &[("sms_id", sms_id)]).await[1]
    }

    pub(crate) async fn control(&self, path: &str, body: &str) -> (u16, Value) {
        let answer =
            self.client.post(self.address(path)).body(body.to_owned()).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }

    pub(crate) async fn get_json(&self, path: &str) -> Value {
        let answer = self.client.get(self.address(path)).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }
}

/// Polls until the condition is true.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition().await {
        assert!(Instant::now() < deadline, "{what}: not within 10 s");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A handler of callbacks with a configurable reply.
pub(crate) struct Handler {
    server: MockServer,
    answer: Arc<Mutex<(u16, String)>>,
}

impl Handler {
    pub(crate) async fn new() -> Self {
        let server = MockServer::start().await;
        let answer = Arc::new(Mutex::new((200, "100".to_owned())));
        let told = Arc::clone(&answer);
        let respond = move |_: &Request| {
            let (status, body) = told.lock().unwrap().clone();
            ResponseTemplate::new(status).set_body_string(body)
        };
        Mock::given(any()).respond_with(respond).mount(&server).await;
        Self { server, answer }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/sms/callback?secret=1", self.server.uri())
    }

    pub(crate) fn answers(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap() = (status, body.to_owned());
    }

    /// Returns the received forms as lists of fields.
    pub(crate) async fn forms(&self) -> Vec<Vec<(String, String)>> {
        let requests = self.server.received_requests().await.unwrap();
        requests
            .iter()
            .map(|request| url::form_urlencoded::parse(&request.body).into_owned().collect())
            .collect()
    }

    /// Returns the received records of one kind in order.
    pub(crate) async fn records(&self, kind: &str) -> Vec<String> {
        let forms = self.forms().await.into_iter().flatten();
        let begin = format!("{kind}\n");
        forms
            .filter(|(name, value)| name != "hash" && value.starts_with(&begin))
            .map(|(_, value)| value)
            .collect()
    }
}
