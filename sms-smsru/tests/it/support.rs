//! Shared helpers: messages, providers, and servers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use sms_core::{MessageId, Outcome, PhoneNumber, Provider, Submission};
use sms_smsru::SmsRu;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// A credential that must not appear in any output.
pub(crate) const CANARY: &str = "CANARY00-AAAA-BBBB-CCCC-DDDDDDDDDDDD";
pub(crate) const PHONE: u64 = 79_255_070_602;

pub(crate) fn message(digits: u64, text: &str) -> Submission {
    Submission::new(MessageId::new(), PhoneNumber::from_digits(digits).unwrap(), text)
}

/// A provider that connects to this port.
pub(crate) fn provider(port: u16, parameters: &str) -> SmsRu {
    SmsRu::from_url(&format!("smsru+http://{CANARY}@127.0.0.1:{port}?{parameters}")).unwrap()
}

pub(crate) fn classes(outcomes: &[Outcome]) -> Vec<&'static str> {
    outcomes.iter().map(|outcome| outcome.class.as_str()).collect()
}

/// Decodes the fields of a recorded request.
pub(crate) fn fields(request: &Request) -> Vec<(String, String)> {
    url::form_urlencoded::parse(&request.body).into_owned().collect()
}

pub(crate) fn field(request: &Request, name: &str) -> Option<String> {
    fields(request).into_iter().find(|(field, _)| field == name).map(|(_, value)| value)
}

/// Returns the numbers of a recorded request in order.
pub(crate) fn recipients(request: &Request) -> Vec<String> {
    let mut numbers = Vec::new();
    for (name, value) in fields(request) {
        if name == "to" {
            numbers.extend(value.split(',').map(str::to_owned));
        } else if let Some(number) =
            name.strip_prefix("to[").and_then(|rest| rest.strip_suffix(']'))
        {
            numbers.push(number.to_owned());
        }
    }
    numbers
}

/// A server on loopback with one reply to all requests.
pub(crate) async fn server(answer: impl Respond + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

/// A server that replies with the last given body and HTTP status 200, and a provider that connects
/// to it.
pub(crate) struct ReplyServer {
    body: Arc<Mutex<String>>,
    provider: SmsRu,
    _server: MockServer,
}

impl ReplyServer {
    pub(crate) async fn start() -> Self {
        let body = Arc::new(Mutex::new(String::new()));
        let current = Arc::clone(&body);
        let server = server(move |_: &Request| json(&current.lock().unwrap())).await;
        Self { body, provider: provider(server.address().port(), ""), _server: server }
    }

    /// Submits a batch, gives it this reply, and returns the outcomes.
    pub(crate) async fn submit(&self, body: &str, batch: &[Submission]) -> Vec<Outcome> {
        body.clone_into(&mut self.body.lock().unwrap());
        self.provider.submit(batch).await
    }
}

/// A server with one reply per method. Other methods get the HTTP status 404.
pub(crate) struct MethodServer(MockServer);

impl MethodServer {
    pub(crate) async fn start(answers: &[(&str, &str)]) -> Self {
        let server = MockServer::start().await;
        for (method, body) in answers {
            Mock::given(path(format!("/{method}"))).respond_with(json(body)).mount(&server).await;
        }
        Self(server)
    }

    pub(crate) fn provider(&self, parameters: &str) -> SmsRu {
        provider(self.0.address().port(), parameters)
    }

    /// Returns the called methods. Concurrent calls are in no particular order.
    pub(crate) async fn called(&self) -> Vec<String> {
        let requests = self.0.received_requests().await.unwrap();
        requests.iter().map(|request| request.url.path()[1..].to_owned()).collect()
    }

    /// Returns the fields of the only request of this method, without the common fields.
    pub(crate) async fn request_fields(&self, method: &str) -> Vec<(String, String)> {
        let requests = self.0.received_requests().await.unwrap();
        let mut own = requests.iter().filter(|request| request.url.path()[1..] == *method);
        let request = own.next().unwrap_or_else(|| panic!("{method} was not called"));
        assert!(own.next().is_none(), "{method} was called twice");
        assert_eq!((request.method.as_str(), request.url.query()), ("POST", None));
        let mut fields = fields(request);
        let common: Vec<_> = fields.drain(..2).collect();
        assert_eq!(common, pairs(&[("api_id", CANARY), ("json", "1")]));
        fields
    }
}

pub(crate) fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn phone(digits: u64) -> PhoneNumber {
    PhoneNumber::from_digits(digits).unwrap()
}

/// Submits a batch, gives it this reply, and returns the outcomes.
pub(crate) async fn answered(body: &str, batch: &[Submission]) -> Vec<Outcome> {
    ReplyServer::start().await.submit(body, batch).await
}

pub(crate) fn json(body: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(body, "application/json; charset=utf-8")
}

/// A server that accepts all numbers except one, with replies in the format of the live server.
#[derive(Default)]
pub(crate) struct Accepting {
    accepted: AtomicUsize,
    refused: Option<String>,
}

impl Accepting {
    pub(crate) fn refusing(number: u64) -> Self {
        Self { refused: Some(number.to_string()), ..Self::default() }
    }

    fn verdict(&self, number: &str) -> String {
        if self.refused.as_deref() == Some(number) {
            return r#"{"status":"ERROR","status_code":202}"#.to_owned();
        }
        accepted(self.accepted.fetch_add(1, Ordering::Relaxed))
    }
}

impl Respond for Accepting {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        if request.url.path() == "/sms/status" {
            return statuses(request);
        }
        let entries: Vec<String> = recipients(request)
            .iter()
            .map(|number| format!("\"{number}\": {}", self.verdict(number)))
            .collect();
        json(&format!(
            "{{\"status\":\"OK\",\"status_code\":100,\"sms\":{{{}}},\"balance\":4122.56}}",
            entries.join(",")
        ))
    }
}

/// Replies that all messages of this server are delivered.
fn statuses(request: &Request) -> ResponseTemplate {
    let ids = field(request, "sms_id").unwrap();
    let status = |id: &str| match id.strip_prefix("202626-") {
        Some(_) => format!("\"{id}\":{{\"status\":\"OK\",\"status_code\":103,\"cost\":0.50}}"),
        None => format!("\"{id}\":{{\"status\":\"ERROR\",\"status_code\":-1}}"),
    };
    let sms: Vec<String> = ids.split(',').map(status).collect();
    json(&format!("{{\"status\":\"OK\",\"status_code\":100,\"sms\":{{{}}}}}", sms.join(",")))
}

fn accepted(n: usize) -> String {
    format!("{{\"status\":\"OK\",\"status_code\":100,\"sms_id\":\"202626-{}\"}}", 1_000_000 + n)
}

/// A TCP server that passes each connection to `serve`. Returns its port and a counter of
/// connections.
pub(crate) async fn raw<F>(
    serve: impl Fn(TcpStream) -> F + Send + Sync + 'static,
) -> (u16, Arc<AtomicUsize>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, connections) =
        (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(stream));
        }
    });
    (port, connections)
}

/// Reads one request to the end of its body; `None` if the connection ends before that.
pub(crate) async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .to_lowercase()
                .lines()
                .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    }
}

/// Writes a complete HTTP response with this body.
pub(crate) async fn write_response(stream: &mut TcpStream, body: &str) {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
}

/// A reply that accepts [`PHONE`].
pub(crate) fn accepting_phone() -> String {
    format!(
        "{{\"status\":\"OK\",\"status_code\":100,\"sms\":{{\"{PHONE}\":{}}},\"balance\":1}}",
        accepted(0)
    )
}
