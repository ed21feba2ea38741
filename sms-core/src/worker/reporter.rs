//! Work of a worker next to sending: it follows operators' orders, reports its state, and hears
//! late answers.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::breaker::Pause;
use super::control::{PauseReport, ProviderControl, Reported, WorkerReport};
use super::served_route::ServedRoute;
use crate::clock::{Clock, SystemClock, datetime_from_ms};
use crate::end_log::without_numbers;
use crate::error::Error;
use crate::supervise::catch_panic;

/// Interval of reading orders; a change of its own state is reported at once.
const INTERVAL: Duration = Duration::from_secs(1);
/// Interval of reports while nothing changes.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);
/// A worker that has not reported for so long is gone for good.
const VANISHED: Duration = Duration::from_hours(24);
/// Interval at which a paused worker reads the reports of the others.
const LEARN_INTERVAL: Duration = Duration::from_secs(5);
/// Longest wait for the registry.
const REGISTRY_TIMEOUT: Duration = Duration::from_secs(5);
/// Name of the operator in the pause that lasts until the orders are known.
const UNREAD_ORDERS_BY: &str = "worker";

impl ServedRoute {
    /// Takes orders and reports, until the shutdown.
    pub(super) async fn steer(&self, shutdown: &CancellationToken) {
        let Some(control) = &self.shared.control else { return };
        // A provider that a person has paused stays paused over a restart: nothing is sent before
        // the orders are known.
        self.breaker
            .pause_by(UNREAD_ORDERS_BY, "the orders for this provider have not been read yet");
        let name = self.reporter_name();
        let mut reporter = Reporter::new(self, control, &name);
        let steer = async {
            let mut orders = interval(INTERVAL);
            orders.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = orders.tick() => {
                        reporter.take_order().await;
                        reporter.read_reports().await;
                    }
                    () = self.breaker.changed() => {}
                }
                reporter.report().await;
            }
        };
        // Apart from the orders, which nothing may be sent without.
        let steer = async { tokio::join!(steer, forget_vanished(control, &name)) };
        shutdown.run_until_cancelled(steer).await;
        let _ = timeout(REGISTRY_TIMEOUT, catch_panic(control.forget(&name))).await;
    }

    /// Hears late answers, until the shutdown.
    pub(super) async fn listen(&self, shutdown: &CancellationToken) {
        if let Some(late) = self.provider.late() {
            shutdown.run_until_cancelled(self.hear_late(late)).await;
        }
    }
}

/// The orders that were read last, and the last report.
struct Reporter<'a> {
    route: &'a ServedRoute,
    control: &'a ProviderControl,
    name: &'a str,
    /// The version of the order; 0 stands for none.
    version: Option<u64>,
    report: WorkerReport,
    reported_at: Option<Instant>,
    learned_at: Option<Instant>,
}

impl<'a> Reporter<'a> {
    fn new(route: &'a ServedRoute, control: &'a ProviderControl, name: &'a str) -> Self {
        let mut report =
            WorkerReport::new(route.provider.name(), datetime_from_ms(SystemClock.now_ms()));
        route.route.as_str().clone_into(&mut report.route);
        Self { route, control, name, version: None, report, reported_at: None, learned_at: None }
    }

    /// Takes the success of another worker as the proof that a pause waits for: this one may get no
    /// message for long.
    async fn read_reports(&mut self) {
        let breaker = &self.route.breaker;
        if !breaker.wants_proof() || self.learned_at.is_some_and(|at| at.elapsed() < LEARN_INTERVAL)
        {
            return;
        }
        // From before the reports are read, so that a success seems older and never newer than it
        // is.
        let now = Instant::now();
        self.learned_at = Some(now);
        let Ok(Ok(reported)) = timeout(REGISTRY_TIMEOUT, catch_panic(self.control.workers())).await
        else {
            return;
        };
        for Reported { name, report, age, .. } in reported {
            let others = name != self.name && report.provider == self.route.provider.name();
            let served = report.served_ms_ago.filter(|_| others && report.pause.is_none());
            let at = served.and_then(|ago| now.checked_sub(age + Duration::from_millis(ago)));
            if let Some(at) = at {
                breaker.served_elsewhere(at);
            }
        }
    }

    async fn take_order(&mut self) {
        let provider = self.route.provider.name();
        let in_time =
            timeout(REGISTRY_TIMEOUT, catch_panic(self.control.last_order(provider))).await;
        let order =
            in_time.unwrap_or_else(|error| Err(Error::unavailable("no orders in time", error)));
        self.route.shared.reporting.note_work(&order);
        let Ok(order) = order else { return };
        let version = order.as_ref().map_or(0, |(version, _)| *version);
        let before = self.version.replace(version);
        match order {
            _ if before == Some(version) => {}
            Some((_, order)) if order.paused => {
                tracing::warn!(
                    provider,
                    worker = self.name,
                    by = order.by,
                    reason = without_numbers(&order.reason),
                    "provider paused by a person"
                );
                self.route.breaker.pause_by(order.by, order.reason);
            }
            Some((_, order)) if before.is_some() => {
                tracing::info!(
                    provider,
                    worker = self.name,
                    by = order.by,
                    reason = without_numbers(&order.reason),
                    "provider resumed by a person"
                );
                self.route.breaker.retry_now();
            }
            _ => self.route.breaker.unpause(),
        }
    }

    /// Reports what has changed, and now and then that nothing has.
    async fn report(&mut self) {
        let ServedRoute { shared, breaker, in_flight, .. } = self.route;
        let ago = |at: Instant| u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut report = self.report.clone();
        report.in_flight = in_flight.load(Ordering::Relaxed);
        report.pause = breaker.pause_reason().map(pause_report);
        report.unproven = breaker.is_unproven();
        report.served_ms_ago = breaker.served_at().map(ago);
        report.queue_degraded = shared.queue.is_away();
        let fresh = self.reported_at.is_some_and(|at| at.elapsed() < REPORT_INTERVAL);
        let news = |report: &WorkerReport| {
            let pause = report.pause.clone().map(|pause| (pause.by, pause.reason, pause.ends_by));
            (pause, report.unproven, report.queue_degraded)
        };
        if fresh && news(&report) == news(&self.report) {
            return;
        }
        let written = catch_panic(self.control.report(self.name, &report));
        let in_time = timeout(REGISTRY_TIMEOUT, written).await;
        let written =
            in_time.unwrap_or_else(|error| Err(Error::unavailable("not reported in time", error)));
        self.route.shared.reporting.note_work(&written);
        if written.is_ok() {
            (self.report, self.reported_at) = (report, Some(Instant::now()));
        }
    }
}

/// Workers that were killed leave their last report behind.
async fn forget_vanished(control: &ProviderControl, own: &str) {
    let workers = catch_panic(control.workers());
    let Ok(Ok(reported)) = timeout(REGISTRY_TIMEOUT, workers).await else { return };
    for gone in reported.iter().filter(|reported| reported.age > VANISHED && reported.name != own) {
        let _ = timeout(REGISTRY_TIMEOUT, catch_panic(control.forget(&gone.name))).await;
    }
}

fn pause_report(pause: Pause) -> PauseReport {
    let wait = |until: Instant| until.saturating_duration_since(Instant::now());
    let probe_at = pause.until.map(|until| datetime_from_ms(SystemClock.now_ms()) + wait(until));
    let mut report = PauseReport::new(pause.reason);
    (report.code, report.by, report.probe_at) = (pause.code, pause.by, probe_at);
    (report.ends_by, report.provider) = (pause.ends_by, pause.provider);
    report
}
