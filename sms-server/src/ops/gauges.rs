//! Metrics that are read when somebody asks for them: of the store, the queue, the provider, its
//! workers and the process.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Unit, describe_gauge, gauge};
use metrics_process::Collector;
use sms_core::queue::QueueStats;
use sms_core::store::{Scope, Stats, StatsRequest};
use sms_core::worker::control::Reported;
use sms_core::{AccountInfo, Lane, Status};
use tokio::time::timeout;

use crate::app::App;
use crate::app::provider_state::ProviderState;
use crate::app::runway::Runway;
use crate::http::params::Params;

/// The longest that one service may take to answer. Without its figures the others are shown.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest that the account is waited for: a provider that does not answer must not keep the
/// other figures back. The answer that comes later is shown the next time.
const ACCOUNT_TIMEOUT: Duration = Duration::from_secs(1);
/// The name under which counts take their turn among those of clients.
const READER: &str = "metrics";

/// The figures. What could not be read is left out.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    store_works: bool,
    messages: Option<Stats>,
    queue: Option<QueueStats>,
    /// The reports of all workers.
    workers: Option<Vec<Reported>>,
    provider: Option<ProviderFigures>,
    account: Option<(AccountInfo, Runway)>,
}

#[derive(Debug)]
struct ProviderFigures {
    state: ProviderState,
    pause_code: i32,
}

impl Gauges {
    /// Reads all figures at a time.
    pub(crate) async fn read(app: &App) -> Self {
        let (store, messages, queue, workers, provider, account) = tokio::join!(
            app.0.readiness.check(app.0.keys.registry()),
            in_time(messages(app)),
            in_time(async { app.0.queue.stats().await.ok() }),
            in_time(async { app.0.provider.as_ref()?.alive().await.ok() }),
            in_time(ProviderFigures::read(app)),
            timeout(ACCOUNT_TIMEOUT, account(app)),
        );
        let account = account.ok().flatten();
        Self { store_works: store.is_ok(), messages, queue, workers, provider, account }
    }

    /// Sets them in the recorder of this thread.
    pub(crate) fn set(&self, app: &App) {
        describe_gauge!("sms_build_info", "1, with the version of the program.");
        gauge!("sms_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        describe_gauge!("sms_store_up", "1 if messages can be accepted.");
        gauge!("sms_store_up").set(flag(self.store_works));
        if let Some(messages) = &self.messages {
            describe_gauge!("sms_messages", "Messages in the store.");
            for status in Status::ALL {
                gauge!("sms_messages", "status" => status.as_str())
                    .set(number(messages.count(status)));
            }
        }
        set_queue(self.queue.as_ref());
        if let Some(workers) = &self.workers {
            set_workers(workers);
        }
        if let Some(monitor) = &app.0.provider {
            if let Some(provider) = &self.provider {
                provider.set(monitor.name());
            }
            if let Some((account, runway)) = &self.account {
                set_account(monitor.name(), account, runway);
            }
        }
        let process = Collector::default();
        process.describe();
        process.collect();
        if let Some(gauges) = &app.0.gauges {
            gauges.set();
        }
    }
}

impl ProviderFigures {
    async fn read(app: &App) -> Option<Self> {
        let monitor = app.0.provider.as_ref()?;
        let (order, workers) = (monitor.pause_order().await.ok()?, monitor.workers().await.ok()?);
        let state = ProviderState::of(order.as_ref(), &workers);
        let pause = workers.iter().find_map(|worker| worker.report.pause.as_ref());
        let pause_code = pause.and_then(|pause| pause.code).unwrap_or_default();
        Some(Self { state, pause_code })
    }

    fn set(&self, name: &str) {
        describe_gauge!("sms_provider_state", "1 for the state of the provider, 0 for others.");
        for state in ProviderState::ALL {
            gauge!("sms_provider_state", "provider" => name.to_owned(), "state" => state.as_str())
                .set(flag(state == self.state));
        }
        describe_gauge!(
            "sms_provider_pause_code",
            "The provider's code for which it is paused, 0 without one."
        );
        gauge!("sms_provider_pause_code", "provider" => name.to_owned())
            .set(f64::from(self.pause_code));
    }
}

/// The account at the provider, and for how long its money lasts.
async fn account(app: &App) -> Option<(AccountInfo, Runway)> {
    let account = app.0.provider.as_ref()?.account().await?.ok()?;
    let runway = Runway::of(&account, &app.today(&READER.into()).await);
    Some((account, runway))
}

fn set_account(name: &str, account: &AccountInfo, runway: &Runway) {
    let set = |gauge: &'static str, meaning: &'static str, value: Option<f64>| {
        if let Some(value) = value {
            describe_gauge!(gauge, meaning);
            gauge!(gauge, "provider" => name.to_owned()).set(value);
        }
    };
    set(
        "sms_provider_balance",
        "Money on the account, in the provider's currency.",
        account.balance.map(|balance| balance_of(balance.micros())),
    );
    set(
        "sms_provider_balance_days",
        "Days for which the balance lasts at the pace of today.",
        runway.balance_days,
    );
    set(
        "sms_provider_daily_limit",
        "Messages that the account may send a day.",
        account.daily_limit.map(number),
    );
    set(
        "sms_provider_used_today",
        "Messages that the account has sent today.",
        account.used_today.map(number),
    );
}

fn set_queue(queue: Option<&QueueStats>) {
    describe_gauge!("sms_queue_degraded", "1 while messages go on through the store.");
    gauge!("sms_queue_degraded").set(flag(queue.is_none_or(|queue| queue.degraded)));
    let Some(queue) = queue else { return };
    describe_gauge!("sms_queue_jobs", "Jobs in the queue.");
    describe_gauge!(
        "sms_queue_oldest_seconds",
        Unit::Seconds,
        "Age of the oldest job that is ready, 0 without one."
    );
    for lane in Lane::ALL {
        let (stats, lane) = (queue.lanes[lane], lane.as_str());
        for (state, jobs) in [("ready", stats.ready), ("leased", stats.leased)] {
            gauge!("sms_queue_jobs", "lane" => lane, "state" => state).set(number(jobs as u64));
        }
        let oldest = number(stats.oldest_age_ms.unwrap_or_default()) / 1000.0;
        gauge!("sms_queue_oldest_seconds", "lane" => lane).set(oldest);
    }
}

fn set_workers(reports: &[Reported]) {
    let names: BTreeSet<&str> = reports.iter().map(Reported::worker).collect();
    describe_gauge!("sms_workers", "Workers that have reported in the last 20 s.");
    gauge!("sms_workers").set(number(names.len() as u64));
    describe_gauge!("sms_worker_calls", "Calls to the provider that a worker waits for.");
    for reported in reports {
        gauge!(
            "sms_worker_calls",
            "worker" => reported.worker().to_owned(),
            "route" => reported.report.route.clone(),
        )
        .set(number(reported.report.in_flight as u64));
    }
}

/// The messages of each status, all that are in the store.
async fn messages(app: &App) -> Option<Stats> {
    let shared = Arc::clone(&app.0);
    let count = async move {
        let count = async |range: &StatsRequest| shared.store.stats(range).await;
        let asked = (Scope::All, Params(Vec::new()));
        // Under parameters of its own: a request without any counts the last day.
        shared.stats_cache.stats(asked, StatsRequest::new(), count).await
    };
    Some(app.0.scans.run(&READER.into(), count).await.ok()?.1)
}

async fn in_time<T>(read: impl Future<Output = Option<T>>) -> Option<T> {
    timeout(TIMEOUT, read).await.ok().flatten()
}

const fn flag(is_set: bool) -> f64 {
    if is_set { 1.0 } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "gauges are f64, exact below 2^53")]
const fn number(number: u64) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "gauges are f64, exact below 2^53")]
const fn balance_of(micros: i64) -> f64 {
    micros as f64 / 1_000_000.0
}
