//! State that every door shares. It lies below the doors: nothing here names a route.

pub(crate) mod callbacks;
pub(crate) mod event_hub;
pub(crate) mod metrics;
pub(crate) mod price_cache;
pub(crate) mod provider_monitor;
pub(crate) mod provider_state;
pub(crate) mod public_url;
pub(crate) mod queue_state;
mod readiness;
pub(crate) mod runway;
pub(crate) mod sandbox_rules;
pub(crate) mod site;
mod stats_cache;
pub(crate) mod time_zone;

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use sms_core::clock::datetime_from_ms;
use sms_core::end_log::EndLog;
use sms_core::rollups::requests::{SeriesRequest, Step};
use sms_core::{
    CancellationToken, Clock as _, Erasure, Explanation, Money, Provider, Queue, Registry, Result,
    Rollups, Sandbox, Sender, StopList, Store, SystemClock, Worklists,
};
use tokio::sync::Semaphore;

use self::callbacks::CallbackEndpoint;
use self::event_hub::EventHub;
use self::metrics::{Metrics, SetGauges};
use self::provider_monitor::ProviderMonitor;
use self::public_url::PublicUrl;
use self::readiness::Readiness;
use self::runway::Today;
use self::sandbox_rules::{RuleList, SandboxRules};
use self::site::{QueueKind, Site, StoreKind};
use self::stats_cache::StatsCache;
use self::time_zone::TimeZone;
use crate::bulk::{Bulk, Runner};
use crate::http::body::BodyBudgets;
use crate::http::brake::SignInBrake;
use crate::http::network::IpNetwork;
use crate::http::permits::ReadPermits;
use crate::http::stream_permits::StreamPermits;
use crate::keys::{KeyRing, KeyScope, Principal};
use crate::sessions::Sessions;

/// Lists and counts that run at a time, of all clients and of one. Each may keep a core of the
/// database busy.
const SCANS: (usize, usize) = (2, 1);
/// Messages that are looked up at a time, for all clients and for one.
const LOOKUPS: (usize, usize) = (4, 2);
/// Files that are checked at a time. Each keeps a core busy, and several times its size in memory.
const IMPORT_CHECKS: usize = 2;
/// Streams of events that are open at a time, of all clients and of one. Each keeps a connection.
const STREAMS: (usize, usize) = (500, 100);

/// The server over a sender and its store, to be mounted in an axum application door by door
/// ([`rest`](Self::rest), [`callbacks`](Self::callbacks), [`health`](Self::health)) or as a whole
/// ([`router`](Self::router)). A clone shares its state.
///
/// ```
/// use std::sync::Arc;
/// use sms_core::{MemoryQueue, MemoryRegistry, MemoryStore, Sender};
/// use sms_server::{App, KeyRing};
///
/// let (store, queue) = (Arc::new(MemoryStore::new()), Arc::new(MemoryQueue::new()));
/// let sender = Sender::builder(store.clone()).queue(queue.clone()).build();
/// let keys = KeyRing::new(Arc::new(MemoryRegistry::new()), None);
/// let app = App::new(sender, store, queue, keys);
/// let router: axum::Router = axum::Router::new().nest("/sms", app.router());
/// ```
#[derive(Clone, Debug)]
pub struct App(pub(crate) Arc<State>);

/// Builds an [`App`] that knows its provider.
#[derive(Debug)]
#[must_use]
pub struct AppBuilder(State);

/// Everything that handlers use.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) sender: Sender,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) keys: KeyRing,
    pub(crate) sessions: Sessions,
    pub(crate) readiness: Readiness,
    pub(crate) bodies: BodyBudgets,
    /// Places for files that are checked.
    pub(crate) import_checks: Arc<Semaphore>,
    pub(crate) scans: ReadPermits,
    pub(crate) lookups: ReadPermits,
    pub(crate) streams: StreamPermits,
    pub(crate) hub: Arc<EventHub>,
    /// Ends the open streams.
    pub(crate) shutdown: CancellationToken,
    pub(crate) stats_cache: StatsCache,
    pub(crate) ends: EndLog,
    pub(crate) provider: Option<ProviderMonitor>,
    pub(crate) callbacks: Option<CallbackEndpoint>,
    pub(crate) rollups: Option<Arc<dyn Rollups>>,
    pub(crate) stop_list: Option<Arc<dyn StopList>>,
    pub(crate) erasure: Option<Arc<dyn Erasure>>,
    pub(crate) sandbox_rules: Arc<SandboxRules>,
    bulk: Option<Bulk>,
    pub(crate) site: Site,
    pub(crate) brake: SignInBrake,
    pub(crate) serves_ui: bool,
    pub(crate) metrics: Option<Metrics>,
    pub(crate) gauges: Option<SetGauges>,
}

impl App {
    /// An app without a provider, counts over time, a stop-list, erasure and worklists:
    /// `/v1/provider`, the callbacks, `/v1/stats/series`, `/v1/stoplist`, `/v1/numbers/erase`,
    /// `/v1/selections`, `/v1/imports` and `/v1/jobs` answer 404, and codes of providers are shown
    /// without their meaning. The sender must accept into the same store and push into the same
    /// queue.
    pub fn new(sender: Sender, store: impl Store, queue: impl Queue, keys: KeyRing) -> Self {
        Self::builder(sender, store, queue, keys).build()
    }

    /// Begins an app like that of [`new`](Self::new).
    pub fn builder(
        sender: Sender,
        store: impl Store,
        queue: impl Queue,
        keys: KeyRing,
    ) -> AppBuilder {
        let store: Arc<dyn Store> = Arc::new(store);
        AppBuilder(State {
            sender,
            hub: Arc::new(EventHub::new(Arc::clone(&store) as _)),
            store,
            queue: Arc::new(queue),
            sandbox_rules: Arc::new(SandboxRules::new(Arc::clone(keys.registry()))),
            sessions: Sessions::new(keys.clone()),
            keys,
            readiness: Readiness::default(),
            bodies: BodyBudgets::default(),
            import_checks: Arc::new(Semaphore::new(IMPORT_CHECKS)),
            scans: ReadPermits::new(SCANS.0, SCANS.1),
            lookups: ReadPermits::new(LOOKUPS.0, LOOKUPS.1),
            streams: StreamPermits::new(STREAMS.0, STREAMS.1),
            shutdown: CancellationToken::new(),
            stats_cache: StatsCache::default(),
            ends: EndLog::new(),
            provider: None,
            callbacks: None,
            rollups: None,
            stop_list: None,
            erasure: None,
            bulk: None,
            site: Site::default(),
            brake: SignInBrake::default(),
            serves_ui: true,
            metrics: None,
            gauges: None,
        })
    }

    /// True if the sandbox stands in for a provider: then every message is a test.
    pub(crate) fn sends_nothing(&self) -> bool {
        self.0.provider.as_ref().is_some_and(|provider| provider.name() == Sandbox::NAME)
    }

    /// The rules for messages of this owner that take this route. Those that do not go through the
    /// sandbox have none.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub(crate) async fn rules_for(&self, owner: &str, route: &str) -> Result<RuleList> {
        self.0.sandbox_rules.rules_for(owner, route, self.sends_nothing()).await
    }

    /// Carries out jobs until the shutdown, those of other processes included if they have ended,
    /// and removes sessions that are over. Any number of processes may do so at a time. Without
    /// [worklists](AppBuilder::worklists) there are no jobs.
    pub async fn run_jobs(&self, shutdown: &CancellationToken) {
        tokio::join!(self.0.sessions.keep_clean(shutdown), self.run_bulk_jobs(shutdown));
    }

    async fn run_bulk_jobs(&self, shutdown: &CancellationToken) {
        let Some(bulk) = self.0.bulk.clone() else { return shutdown.cancelled().await };
        let (store, sender) = (Arc::clone(&self.0.store), self.0.sender.clone());
        let rules = Arc::clone(&self.0.sandbox_rules);
        let runner = Runner::new(store, sender, bulk, rules, self.sends_nothing());
        runner.erasure(self.0.erasure.clone()).run(shutdown).await;
    }

    /// Makes a link with which a person signs in to the web UI, once and within ten minutes. The
    /// client has this id or name. Without one, the messages of the person belong to the client
    /// with the name of the person. Without a [public address](AppBuilder::public_url) the link is
    /// a path only.
    ///
    /// # Errors
    ///
    /// `Invalid` for a bad name, no scope, or a client that does not exist; the registry's.
    pub async fn sign_in_link(
        &self,
        name: &str,
        client: Option<&str>,
        scopes: &[KeyScope],
    ) -> Result<SecretString> {
        let token = self.0.sessions.create_link(name, client, scopes).await?;
        let path = || format!("/signin#{}", token.expose_secret()).into();
        let url = self.0.site.public_url.as_ref();
        Ok(url.map_or_else(path, |url| url.sign_in_link(&token)))
    }

    /// Tells whether the key or the session of a caller is still valid, as of the last three
    /// seconds.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub(crate) async fn is_valid(&self, caller: &Principal) -> Result<bool> {
        self.0.sessions.is_valid(caller).await
    }

    /// The day so far in the time zone of the installation, with the cost of its messages where
    /// that can be read. Takes its turn among the reads of this client.
    pub(crate) async fn today(&self, client: &Arc<str>) -> Today {
        let now = datetime_from_ms(SystemClock.now_ms());
        let (start, end) = self.0.site.time_zone.day_of(now);
        let mut today = Today { start, end, now, spent: None };
        if let Some(rollups) = self.0.rollups.clone() {
            let request = SeriesRequest::new(start, now, Step::FiveMinutes);
            let read = async move { rollups.series(&request).await };
            // Without it, the rest is shown all the same.
            if let Ok(series) = self.0.scans.run(client, read).await {
                let costs = series.points.iter().map(|point| point.counts.cost().micros());
                today.spent = Some(Money::from_micros(costs.fold(0, i64::saturating_add)));
            }
        }
        today
    }

    /// Selections, imports and jobs, if the app has them.
    pub(crate) fn bulk(&self) -> Option<&Bulk> {
        self.0.bulk.as_ref()
    }

    /// The meaning of a code of this provider.
    pub(crate) fn explain(&self, provider: &str, code: i32) -> Option<Explanation> {
        let known = self.0.provider.as_ref()?.explain(provider, code);
        let by_rule = || (self.0.site.sandbox_codes)(code).filter(|_| provider == Sandbox::NAME);
        known.or_else(by_rule)
    }
}

impl AppBuilder {
    /// Serves `/v1/provider` for this provider, from the reports of workers in this registry.
    pub fn provider(mut self, provider: impl Provider, registry: impl Registry) -> Self {
        self.0.provider = Some(ProviderMonitor::new(provider, registry));
        self
    }

    /// Accepts callbacks at this address. `None` changes nothing.
    pub fn callbacks(mut self, endpoint: impl Into<Option<CallbackEndpoint>>) -> Self {
        self.0.callbacks = endpoint.into().or(self.0.callbacks);
        self
    }

    /// Serves `/v1/stats/series` from these counts, which somebody must
    /// [roll up](Rollups::roll_up) every few seconds.
    pub fn rollups(mut self, rollups: impl Rollups) -> Self {
        self.0.rollups = Some(Arc::new(rollups));
        self
    }

    /// Serves `/v1/stoplist` for this list, which must be that of the store.
    pub fn stop_list(mut self, stop_list: impl StopList) -> Self {
        self.0.stop_list = Some(Arc::new(stop_list));
        self
    }

    /// Serves `/v1/numbers/erase` and the erasure of selections, which must be that of the store.
    pub fn erasure(mut self, erasure: impl Erasure) -> Self {
        self.0.erasure = Some(Arc::new(erasure));
        self
    }

    /// Serves `/v1/selections`, `/v1/imports` and `/v1/jobs`, kept here; somebody must [run the
    /// jobs](App::run_jobs).
    pub fn worklists(mut self, worklists: impl Worklists, registry: impl Registry) -> Self {
        self.0.bulk = Some(Bulk::new(worklists, registry));
        self
    }

    /// Tells the kinds of the store and of the queue, for people.
    #[cfg_attr(not(feature = "program"), allow(dead_code, reason = "the program tells it"))]
    pub(crate) fn backends(mut self, store: StoreKind, queue: QueueKind) -> Self {
        (self.0.site.store, self.0.site.queue) = (Some(store), Some(queue));
        self
    }

    /// Sets the meanings of codes that rules of the sandbox give. Defaults to none besides those
    /// of the provider and of the sandbox itself.
    #[cfg_attr(not(feature = "program"), allow(dead_code, reason = "the program tells it"))]
    pub(crate) fn sandbox_codes(mut self, explain: fn(i32) -> Option<Explanation>) -> Self {
        self.0.site.sandbox_codes = explain;
        self
    }

    /// Names the installation, for people who use several. `None` changes nothing.
    pub fn label(mut self, label: impl Into<Option<String>>) -> Self {
        self.0.site.label = label.into().or(self.0.site.label);
        self
    }

    /// Sets the address at which people and programs reach the server. Its path is part of the
    /// links of the web UI, of its cookies and of `Location`, and [`App::router`] answers under it,
    /// too. `None` changes nothing: by default the server has a host for itself and no TLS.
    pub fn public_url(mut self, url: impl Into<Option<PublicUrl>>) -> Self {
        self.0.site.public_url = url.into().or(self.0.site.public_url);
        self
    }

    /// Sets whether [`App::router`] has the web UI. Defaults to true.
    pub fn serve_ui(mut self, serves_ui: bool) -> Self {
        self.0.serves_ui = serves_ui;
        self
    }

    /// Sets whether pages hide the middle of phone numbers until a person asks for them. Defaults
    /// to true. The API always shows whole numbers.
    pub fn mask_numbers(mut self, masks_numbers: bool) -> Self {
        self.0.site.masks_numbers = masks_numbers;
        self
    }

    /// Sets the time zone of what people type. Defaults to Europe/Moscow.
    pub fn time_zone(mut self, time_zone: TimeZone) -> Self {
        self.0.site.time_zone = time_zone;
        self
    }

    /// Believes these proxies when they say in `X-Forwarded-For` from where they were asked.
    /// Defaults to none: the address of a client is that of the connection.
    pub fn trusted_proxies(mut self, proxies: impl Into<Vec<IpNetwork>>) -> Self {
        self.0.site.trusted_proxies = proxies.into();
        self
    }

    /// Sets the time for which the workers keep ended messages: positions in the event log that are
    /// older are refused. Defaults to 90 days, as that of a worker.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.0.site.retention = retention;
        self
    }

    /// Ends the open streams of events when this token is cancelled. Without it they end with their
    /// clients, and hold up a server that waits for its requests in flight.
    pub fn shutdown(mut self, shutdown: CancellationToken) -> Self {
        self.0.shutdown = shutdown;
        self
    }

    /// Serves `/metrics` from this recorder. `None` changes nothing.
    pub fn metrics(mut self, metrics: impl Into<Option<Metrics>>) -> Self {
        self.0.metrics = metrics.into().or(self.0.metrics);
        self
    }

    /// Sets a function that is called for each request of `/metrics`, to set gauges of the
    /// application with the macro `metrics::gauge!`. A gauge that it does not set is not shown.
    pub fn gauges(mut self, set: impl Fn() + Send + Sync + 'static) -> Self {
        self.0.gauges = Some(SetGauges::new(set));
        self
    }

    /// The app.
    pub fn build(self) -> App {
        App(Arc::new(self.0))
    }
}
