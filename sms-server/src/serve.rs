//! `serve`: the services of a process (listener and worker). If one fails, all stop.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use futures_util::FutureExt;
use secrecy::ExposeSecret;
use sms_core::{CancellationToken, Outage, Provider, Queue, Sender, Watched, Worker};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use crate::adapters::{
    Addresses, OpenStore, SANDBOX_CODES, StoreAddress, is_sandbox, open_secrets,
};
use crate::app::callbacks::CallbackEndpoint;
use crate::app::metrics::Metrics;
use crate::app::{App, AppBuilder};
use crate::config::{Config, Key, Role};
use crate::keys::{KeyRing, KeyScope, NewKey};
use crate::output::{one_line, try_print};
use crate::sessions::Sessions;
use crate::{http, logging, rollups, store_marks};

/// Interval at which the start tries a store that cannot be reached.
const STORE_INTERVAL: Duration = Duration::from_millis(500);
/// Interval of log lines about it.
const STORE_REPORT_INTERVAL: Duration = Duration::from_secs(5);
/// The name of the key that the first start makes.
const FIRST_KEY: &str = "first key";
/// The name of the person who signs in with the link of the first start.
const FIRST_PERSON: &str = "first start";

/// Serves until SIGTERM, SIGINT or SIGHUP, then finishes the requests and calls in flight. A second
/// signal ends the process at once.
///
/// # Errors
///
/// The reason why the server cannot start, or the failure of a service.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let Addresses { store, queue, provider, routes } = Addresses::read(&config)?;
    let name = worker_name();
    log_start(&config, &*provider, &name);
    let metrics = Metrics::install().context("metrics")?;
    let store_kind = store.kind();
    let store = opened(&config, store).await.with_context(|| config.place(Key::Store))?;
    let (is_shared, kinds) = (queue.is_shared(), (store_kind, queue.kind()));
    let queue = queue.open().await.with_context(|| config.place(Key::Queue))?;
    let (store, queue) = watched(&config, store, queue);
    let secrets = open_secrets(&config, Arc::clone(&store.registry)).await?;
    // Only who takes callbacks needs the secret part of their address.
    let endpoint = if config.has(Role::Api) {
        CallbackEndpoint::new(&secrets, Arc::clone(&provider)).await?
    } else {
        None
    };
    // Before anything is sent: a process that cannot listen ends at once.
    let listener =
        config.has(Role::Api).then(|| listen(&config, Key::Listen, config.listen)).transpose()?;
    let at = config.metrics_listen;
    let monitoring = at.map(|at| listen(&config, Key::MetricsListen, at)).transpose()?;
    rollups::begin(&*store.rollups).await;
    let keys = KeyRing::new(Arc::clone(&store.registry), config.admin_key.as_ref());
    let shutdown = CancellationToken::new();
    let signals = tokio::spawn(watch_signals(shutdown.clone()).context("signals")?);

    let worker =
        Worker::builder(Arc::clone(&store.store), Arc::clone(&queue), Arc::clone(&provider))
            .name(name)
            .registry(Arc::clone(&store.registry))
            .concurrency(config.concurrency)
            .retention(config.retention());
    let worker = match config.text_retention() {
        Some(after) => worker.text_retention(Arc::clone(&store.erasure), after),
        None => worker,
    };
    let worker = routes
        .into_iter()
        .fold(worker, |worker, (route, provider)| worker.route(route, provider))
        .build();
    // The queue of a worker in this process also holds what is pushed while the queue server is
    // away, for that worker. A process that only serves has no worker for it: what the queue server
    // does not accept, workers find in the store.
    let queue = if config.has(Role::Worker) { worker.queue() } else { queue };
    let work = async {
        if config.has(Role::Worker) {
            tracing::info!(worker = worker.name(), "working");
            Box::pin(worker.run(shutdown.clone())).await.context("worker")?;
        }
        anyhow::Ok(())
    };
    let mut sender = Sender::builder(Arc::clone(&store.store));
    // A queue in memory without a worker in the same process would fill up and never be pulled:
    // workers elsewhere find the messages in the store.
    if config.has(Role::Api) && (is_shared || config.has(Role::Worker)) {
        sender = sender.queue(Arc::clone(&queue));
    }
    let counts = Arc::clone(&store.rollups);
    // A process without the API has one too, for its probes and metrics.
    let app = app(&config, store, sender.build(), queue, keys.clone())
        .provider(provider, Arc::clone(keys.registry()))
        .backends(kinds.0, kinds.1)
        .callbacks(endpoint)
        .metrics(metrics.clone())
        .shutdown(shutdown.clone())
        .build();
    let serve = async {
        if let Some(listener) = listener {
            let address = listener.local_addr()?;
            tracing::info!(%address, "serving");
            if config.admin_key.is_none() {
                greet(&config, &keys, address).await.with_context(|| config.place(Key::Store))?;
            }
            let serve = http::serve(listener, app.router(), shutdown.clone());
            tokio::join!(serve, app.run_jobs(&shutdown));
        }
        anyhow::Ok(())
    };
    let monitor = async {
        if let Some(listener) = monitoring {
            let address = listener.local_addr()?;
            tracing::info!(%address, "serving metrics");
            http::serve(listener, app.monitoring(), shutdown.clone()).await;
        }
        anyhow::Ok(())
    };
    // A service that fails stops the other one, which then finishes its requests or calls.
    let services = async {
        let (sent, served, monitored, (), ()) = tokio::join!(
            service(work, &shutdown),
            service(serve, &shutdown),
            service(monitor, &shutdown),
            rollups::keep_rolling_up(&*counts, &shutdown),
            metrics.keep_up(&shutdown),
        );
        sent.and(served).and(monitored)
    };
    tokio::pin!(services);
    let ended = tokio::select! {
        ended = &mut services => ended,
        // This task ends with the process only. Without it a signal would not stop the process.
        _ = signals => {
            shutdown.cancel();
            let _ = services.await;
            bail!("the code that watches signals failed");
        }
    };
    tracing::info!("stopped");
    ended
}

/// Opens the store, waiting for one that cannot be reached: after a power failure it may start
/// later than this process.
async fn opened(config: &Config, store: StoreAddress) -> anyhow::Result<OpenStore> {
    let (started, patience) =
        (Instant::now(), Duration::from_secs(config.store_wait_seconds.into()));
    let mut reported = None;
    loop {
        let error = match store.clone().open(config.region).await {
            Ok(store) => {
                // Before anything is sent: what a restored store holds may have been sent already.
                store_marks::check(&*store.registry, store.identity.as_deref()).await?;
                return Ok(store);
            }
            Err(error) => error,
        };
        let may_pass =
            error.downcast_ref::<sms_core::Error>().is_some_and(sms_core::Error::is_retryable);
        if !may_pass || started.elapsed() + STORE_INTERVAL > patience {
            return Err(error);
        }
        if reported.is_none_or(|at: Instant| at.elapsed() >= STORE_REPORT_INTERVAL) {
            reported = Some(Instant::now());
            tracing::warn!(
                store = config.shown(Key::Store),
                reason = one_line(&error),
                waited_seconds = started.elapsed().as_secs(),
                of_seconds = config.store_wait_seconds,
                "waiting for the store"
            );
        }
        sleep(STORE_INTERVAL).await;
    }
}

/// The app of this configuration, over an open store.
fn app(
    config: &Config,
    store: OpenStore,
    sender: Sender,
    queue: Arc<dyn Queue>,
    keys: KeyRing,
) -> AppBuilder {
    let OpenStore { store, registry, rollups, stop_list, erasure, worklists, set_gauges, .. } =
        store;
    App::builder(sender, store, queue, keys)
        .rollups(rollups)
        .stop_list(stop_list)
        .erasure(erasure)
        .worklists(worklists, registry)
        .gauges(move || set_gauges.set())
        .public_url(config.public_url.clone())
        .serve_ui(config.has(Role::Ui))
        .label(config.label.clone())
        .mask_numbers(config.mask_numbers)
        .time_zone(config.time_zone)
        .trusted_proxies(config.trusted_proxies.clone())
        .retention(config.retention())
        .sandbox_codes(SANDBOX_CODES)
}

/// Listens on an address, which this setting holds.
fn listen(config: &Config, key: Key, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let refused = || format!("{}: cannot listen on {address}", config.place(key));
    let listener = http::listen(address).with_context(refused);
    if let Err(error) = &listener {
        tracing::error!(reason = one_line(error), "stopping");
    }
    listener
}

/// Wraps store and queue so that the process logs each outage once.
fn watched(
    config: &Config,
    store: OpenStore,
    queue: Arc<dyn Queue>,
) -> (OpenStore, Arc<dyn Queue>) {
    let of = |what, key, meaning| Outage::new(format!("{what} {}", config.shown(key)), meaning);
    let meaning = "no message is accepted or sent; outcomes are kept and written when it is back";
    let kept = Arc::new(of("the store", Key::Store, meaning));
    let mut offered = of("the queue", Key::Queue, "messages go on through the store");
    if config.has(Role::Worker) {
        // The worker logs reminders, with the number of messages that wait.
        offered = offered.without_reminders();
    }
    let store = OpenStore {
        store: Arc::new(Watched::new(store.store, Arc::clone(&kept))),
        registry: Arc::new(Watched::new(store.registry, Arc::clone(&kept))),
        rollups: Arc::new(Watched::new(store.rollups, Arc::clone(&kept))),
        stop_list: Arc::new(Watched::new(store.stop_list, Arc::clone(&kept))),
        erasure: Arc::new(Watched::new(store.erasure, Arc::clone(&kept))),
        worklists: Arc::new(Watched::new(store.worklists, kept)),
        transfer: store.transfer,
        identity: store.identity,
        set_gauges: store.set_gauges,
    };
    (store, Arc::new(Watched::new(queue, Arc::new(offered))))
}

/// Logs the settings that matter most, before anything can fail.
fn log_start(config: &Config, provider: &dyn Provider, worker: &str) {
    let shown = |key| config.shown(key);
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        store = shown(Key::Store),
        queue = shown(Key::Queue),
        provider = shown(Key::Provider),
        roles = shown(Key::Roles),
        worker = config.has(Role::Worker).then_some(worker),
        "starting"
    );
    if is_sandbox(provider) {
        tracing::warn!(
            "the provider is the sandbox: nothing leaves this machine; SMS_PROVIDER names another"
        );
    }
}

/// A name that is unique among workers: host, process and a random number. Containers may share the
/// name of the host and the number of the process, with each other or with their earlier runs.
fn worker_name() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}-{}-{:04x}", std::process::id(), fastrand::u16(..))
}

/// Runs a service. If it fails or panics, the whole process shuts down.
async fn service(
    service: impl Future<Output = anyhow::Result<()>>,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let panicked = |_| Err(anyhow!("the program's code failed"));
    let ended = AssertUnwindSafe(service).catch_unwind().await.unwrap_or_else(panicked);
    if let Err(error) = &ended {
        tracing::error!(reason = one_line(error), "stopping");
        shutdown.cancel();
    }
    ended
}

/// On the first start, creates a key, and prints it in a command that sends a message, with a link
/// to the web UI.
async fn greet(config: &Config, keys: &KeyRing, address: SocketAddr) -> anyhow::Result<()> {
    if !keys.list().await?.is_empty() {
        return Ok(());
    }
    let issued = keys.issue(None, NewKey::new(FIRST_KEY, &KeyScope::ALL)).await?;
    tracing::info!(key = issued.details.key.id, by = "the first start", "key created");
    let url = config.public_url_at(address);
    let mut greeting = String::new();
    if config.has(Role::Ui) {
        let client = Some(&*issued.details.client.id);
        let sessions = Sessions::new(keys.clone());
        let token = sessions.create_link(FIRST_PERSON, client, &KeyScope::ALL).await?;
        let link = url.sign_in_link(&token);
        greeting = format!(
            "First start: open this link within 10 minutes to sign in; it works once. \
             `sms-server signin` prints another one.\n\n{}\n\n",
            link.expose_secret()
        );
    }
    let command = format!(
        r#"First start: here is a key, shown only this once. Send an SMS with it:

curl -sS {} \
  -H 'Authorization: Bearer {}' \
  -H 'Content-Type: application/json' \
  -d '{{"to":"+79251234567","text":"Код 1234"}}'

"#,
        url.join("/v1/messages"),
        issued.secret.expose_secret()
    );
    // Printed and not logged: the log must not hold a key.
    try_print(std::io::stdout(), greeting + &command);
    Ok(())
}

/// Cancels the token on the first signal and ends the process on the second.
fn watch_signals(shutdown: CancellationToken) -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = if is_hangup_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
    Ok(async move {
        let mut next = async || {
            let hangup = async {
                match &mut hangup {
                    Some(hangup) => hangup.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hangup => {}
            }
        };
        next().await;
        // Before the log line, which may have to wait.
        shutdown.cancel();
        tracing::info!(
            "stopping after the requests and calls in flight; a second signal stops at once"
        );
        next().await;
        tracing::warn!("stopped at once");
        logging::flush();
        std::process::exit(1);
    })
}

/// Tells whether the program was started with SIGHUP ignored, as `nohup` does. A handler would undo
/// that, and the program would end with its terminal.
fn is_hangup_ignored() -> bool {
    let ignored = |status: &str| {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    };
    // SIGHUP is signal 1, the lowest bit. Only Linux has this file.
    std::fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| ignored(&status).is_some_and(|mask| mask & 1 == 1))
}
