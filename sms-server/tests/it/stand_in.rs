//! A stand-in for sms.ru on loopback that accepts everything and keeps a log of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, json};
use url::form_urlencoded;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// The stand-in. Its log is complete before a reply leaves.
pub(crate) struct StandIn {
    server: MockServer,
    accepted: Arc<Mutex<Vec<(String, String)>>>,
}

struct Accept {
    accepted: Arc<Mutex<Vec<(String, String)>>>,
    delay: Duration,
}

impl StandIn {
    /// Replies after this time.
    pub(crate) async fn start(delay: Duration) -> Self {
        let server = MockServer::start().await;
        let accepted = Arc::default();
        let accept = Accept { accepted: Arc::clone(&accepted), delay };
        Mock::given(method("POST")).and(path("/sms/send")).respond_with(accept).mount(&server).await;
        Self { server, accepted }
    }

    /// The address for `SMS_PROVIDER`.
    pub(crate) fn provider(&self, parameters: &str) -> String {
        format!("smsru+http://THE-API-ID@{}{parameters}", self.server.address())
    }

    /// Number and text of every message accepted so far.
    pub(crate) fn accepted(&self) -> Vec<(String, String)> {
        self.accepted.lock().expect("the log").clone()
    }

    pub(crate) async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.expect("recorded")
    }
}

/// The fields of a form.
pub(crate) fn form(request: &Request) -> Vec<(String, String)> {
    form_urlencoded::parse(&request.body).into_owned().collect()
}

/// The recipients of a request and their texts.
fn recipients(form: &[(String, String)]) -> Vec<(String, String)> {
    let value = |name: &str| form.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone());
    let many = form.iter().filter_map(|(field, text)| {
        let number = field.strip_prefix("to[")?.strip_suffix(']')?;
        Some((number.to_owned(), text.clone()))
    });
    let one = value("to").into_iter().flat_map(|to| {
        let text = value("msg").unwrap_or_default();
        to.split(',').map(|number| (number.to_owned(), text.clone())).collect::<Vec<_>>()
    });
    many.chain(one).collect()
}

impl Respond for Accept {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut accepted = self.accepted.lock().expect("the log");
        let mut replies = Map::new();
        for (number, text) in recipients(&form(request)) {
            let sms_id = format!("202647-{}", 1_000_000 + accepted.len());
            replies.insert(number.clone(), json!({"status": "OK", "status_code": 100, "sms_id": sms_id}));
            accepted.push((number, text));
        }
        let body = json!({"status": "OK", "status_code": 100, "sms": replies, "balance": 4122.56});
        ResponseTemplate::new(200).set_body_json(body).set_delay(self.delay)
    }
}
