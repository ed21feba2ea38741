//! The API in process, over stores in memory.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use secrecy::ExposeSecret;
use serde_json::Value;
use sms_core::clock::datetime_from_ms;
use sms_core::store::ListRequest;
use sms_core::store::{BeginRequest, InsertRequest, Settlement};
use sms_core::{
    Account, AccountInfo, Archive, Callback, CallbackRefusal, CallbackReply, CallbackRequest,
    Callbacks, CancellationToken, Clock, Explanation, Limits, ManualClock, MemoryQueue,
    MemoryRegistry, MemoryStore, Message, MessageId, Money, Outcome, Provider, ProviderControl,
    Queue, Receipt, ReceiptState, Region, Sender, Store, Submission, SystemClock, async_trait,
};
use sms_server::{App as Server, CallbackEndpoint, KeyRing, KeyScope, Secrets, callback_path};
use tower::ServiceExt;

/// The provider of the app.
pub(crate) const PROVIDER: &str = "line";

/// A provider with an account and a code.
#[derive(Debug)]
struct TestProvider;

#[async_trait]
impl Provider for TestProvider {
    fn name(&self) -> &'static str {
        PROVIDER
    }

    fn limits(&self) -> Limits {
        Limits::new(1, Duration::from_secs(1))
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        vec![Outcome::accepted("1"); batch.len()]
    }

    fn callbacks(&self) -> Option<&dyn Callbacks> {
        Some(self)
    }

    fn account(&self) -> Option<&dyn Account> {
        Some(self)
    }

    fn explain(&self, code: i32) -> Option<Explanation> {
        (code == 201).then_some(Explanation::new("no money", "нет денег"))
    }
}

#[async_trait]
impl Account for TestProvider {
    async fn check(&self) -> sms_core::Result<()> {
        Ok(())
    }

    async fn info(&self) -> sms_core::Result<AccountInfo> {
        let mut info = AccountInfo::default();
        info.balance = Money::parse("4122.56");
        Ok(info)
    }
}

/// A callback is a list of provider ids that were delivered, one a line; genuine is what begins
/// with "genuine".
#[async_trait]
impl Callbacks for TestProvider {
    fn read(&self, request: &CallbackRequest<'_>) -> Result<Callback, CallbackRefusal> {
        let body = std::str::from_utf8(request.body).map_err(CallbackRefusal::unreadable)?;
        let ids =
            body.strip_prefix("genuine\n").ok_or_else(|| CallbackRefusal::not_genuine("forged"))?;
        let receipt = |id| Receipt::new(PROVIDER, id, ReceiptState::Delivered);
        Ok(Callback::new(ids.lines().map(receipt).collect(), CallbackReply::new("100")))
    }

    async fn registered(&self) -> sms_core::Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn register(&self, url: &str) -> sms_core::Result<Vec<String>> {
        Ok(vec![url.to_owned()])
    }

    async fn unregister(&self, _: &str) -> sms_core::Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// Checks that API.md names the code of a problem, and those of its fields.
fn assert_documented(problem: &Value) {
    const API_MD: &str = include_str!("../../../docs/API.md");
    let errors = problem["errors"].as_array().into_iter().flatten();
    for code in std::iter::once(problem).chain(errors).filter_map(|it| it["code"].as_str()) {
        assert!(API_MD.contains(&format!("`{code}`")), "API.md does not name {code}");
    }
}

pub(crate) struct App {
    router: Router,
    server: Server,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) queue: Arc<MemoryQueue>,
    pub(crate) registry: Arc<MemoryRegistry>,
    pub(crate) control: ProviderControl,
    /// The clock of the store and the sender; begins at the present.
    pub(crate) clock: Arc<ManualClock>,
    /// Ends the streams.
    pub(crate) shutdown: CancellationToken,
    pub(crate) keys: KeyRing,
    /// With the scopes send and read, unless it was made with others.
    pub(crate) key: String,
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body as it went over the wire.
    pub(crate) raw: Vec<u8>,
    pub(crate) body: Value,
}

impl App {
    pub(crate) async fn new() -> Self {
        Self::start(&[KeyScope::Send, KeyScope::Read], Region::RU, None).await
    }

    /// With a key of these scopes.
    pub(crate) async fn with_scopes(scopes: &[KeyScope]) -> Self {
        Self::start(scopes, Region::RU, None).await
    }

    /// With a registry that goes by this clock.
    pub(crate) async fn on_clock(clock: Arc<dyn Clock>) -> Self {
        Self::start(&[KeyScope::Send, KeyScope::Read], Region::RU, Some(clock)).await
    }

    /// An app that reads the national formats of this region.
    pub(crate) async fn of_region(region: Region) -> Self {
        Self::start(&[KeyScope::Send, KeyScope::Read], region, None).await
    }

    async fn start(
        scopes: &[KeyScope],
        region: Region,
        registry_clock: Option<Arc<dyn Clock>>,
    ) -> Self {
        let clock = ManualClock::new(SystemClock.now_ms());
        let store = Arc::new(MemoryStore::new().clock(clock.clone()).region(region));
        let queue = Arc::new(MemoryQueue::new());
        let sender =
            Sender::builder(store.clone()).clock(clock.clone()).queue(queue.clone()).build();
        let registry_clock = registry_clock.unwrap_or_else(|| Arc::new(SystemClock));
        let registry = Arc::new(MemoryRegistry::new().clock(registry_clock));
        let keys = KeyRing::new(registry.clone(), None);
        let secrets = Secrets::in_clear(registry.clone());
        let callbacks = CallbackEndpoint::new(&secrets, TestProvider).await.expect("a token");
        let shutdown = CancellationToken::new();
        let server = Server::builder(sender, store.clone(), queue.clone(), keys.clone())
            .provider(TestProvider, registry.clone())
            .callbacks(callbacks)
            .shutdown(shutdown.clone())
            .rollups(store.clone())
            .stop_list(store.clone())
            .erasure(store.clone())
            .worklists(store.clone(), registry.clone())
            .build();
        let router = server.router();
        let control = ProviderControl::new(registry.clone());
        let key = String::new();
        let mut app =
            Self { router, server, store, queue, registry, control, clock, shutdown, keys, key };
        app.key = app.key_with(scopes).await;
        app
    }

    /// Carries out jobs from now on.
    pub(crate) fn run_jobs(&self) {
        let (server, shutdown) = (self.server.clone(), self.shutdown.clone());
        tokio::spawn(async move { server.run_jobs(&shutdown).await });
    }

    pub(crate) async fn key_with(&self, scopes: &[KeyScope]) -> String {
        self.keys.create("test", scopes).await.expect("a key").expose_secret().to_owned()
    }

    /// A request with the app's key, to be changed before it is called.
    pub(crate) fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.key))
    }

    pub(crate) async fn call(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let raw = to_bytes(body, 1 << 24).await.expect("a body").to_vec();
        let body = serde_json::from_slice(&raw).unwrap_or(Value::Null);
        assert_documented(&body);
        Reply { status: parts.status, headers: parts.headers, raw, body }
    }

    /// A reply that is not read yet.
    pub(crate) async fn open(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.expect("infallible")
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.call(self.request("GET", path).body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn post(&self, body: impl Into<Body>) -> Reply {
        self.post_to("/v1/messages", body).await
    }

    pub(crate) async fn post_to(&self, path: &str, body: impl Into<Body>) -> Reply {
        let request = self.request("POST", path).header("content-type", "application/json");
        self.call(request.body(body.into()).expect("a request")).await
    }

    /// The time in so many minutes, as RFC 3339.
    pub(crate) fn in_minutes(&self, minutes: i64) -> String {
        let at = datetime_from_ms(self.clock.now_ms()) + time::Duration::minutes(minutes);
        at.format(&time::format_description::well_known::Rfc3339).expect("a time")
    }

    /// The same app for somebody with another key.
    pub(crate) async fn becoming(mut self, scopes: &[KeyScope]) -> Self {
        self.key = self.key_with(scopes).await;
        self
    }

    /// A message of this app's key whose first attempt had this outcome.
    pub(crate) async fn attempted(&self, outcome: Outcome) -> MessageId {
        let owner = self.keys.list().await.expect("keys").remove(0).client.id;
        let message = Message::new("+79251234567", "hi").owner(owner).prepare().expect("valid");
        let (id, ids) = (message.id, [message.id]);
        let messages = [message];
        let insert = InsertRequest::new(&messages);
        self.store.insert(insert).await.expect("inserted");
        let lease = Duration::from_mins(1);
        let begin = BeginRequest::new(&ids, "w", 1, PROVIDER, lease);
        let mut state = self.store.begin(begin).await.expect("begun")[0].attempt;
        state.max_attempts = 1;
        let verdict = sms_core::store::decision::decide(
            state,
            &outcome,
            &sms_core::RetryPolicy::default(),
            0.5,
        );
        let (provider, took) = (PROVIDER.to_owned(), Duration::from_millis(5));
        let settlement = Settlement::new(id, 1, provider, outcome, verdict).took(took);
        self.store.settle(&[settlement]).await.expect("settled");
        id
    }

    /// What a provider posts to the callback address of the app.
    pub(crate) async fn callback(&self, body: impl Into<Body>) -> (StatusCode, String) {
        self.callback_at(&self.callback_path().await, body).await
    }

    /// The callback address of the app.
    pub(crate) async fn callback_path(&self) -> String {
        let path = callback_path(&Secrets::in_clear(self.registry.clone()), PROVIDER).await;
        path.expect("a path").expose_secret().to_owned()
    }

    pub(crate) async fn callback_at(
        &self,
        path: &str,
        body: impl Into<Body>,
    ) -> (StatusCode, String) {
        let reply = self.call(Request::post(path).body(body.into()).expect("a request")).await;
        (reply.status, String::from_utf8(reply.raw).expect("text"))
    }

    pub(crate) async fn post_with_key(&self, key: &str, body: &str) -> Reply {
        let request =
            self.request("POST", "/v1/messages").header("content-type", "application/json");
        let request = request.header("idempotency-key", key);
        self.call(request.body(body.to_owned().into()).expect("a request")).await
    }

    pub(crate) async fn stored(&self) -> usize {
        self.store.list(&ListRequest::new(1000)).await.expect("a list").messages.len()
    }

    pub(crate) async fn pushed(&self) -> usize {
        self.queue.stats().await.expect("stats").lanes.iter().map(|(_, lane)| lane.ready).sum()
    }
}
