//! Background maintenance: re-queue, rescue, expire, poll receipts, infer, purge.

mod step;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use self::step::Step;
use super::lease::least_lease;
use super::served_route::ServedRoute;
use crate::end_log::EndLog;
use crate::error::Result;
use crate::message::Route;
use crate::provider::Provider;
use crate::queue::Queue;
use crate::store::{
    AwaitingRequest, DueRequest, ExpireRequest, InferRequest, KEY_WINDOW, PurgeRequest,
    QueryPurpose, RescueRequest, RoutePurgeRequest, Store,
};

/// Interval of the search for messages that are due, to be rescued or expired.
const INTERVAL: Duration = Duration::from_millis(500);
/// Interval of the search for messages with a cost to be asked for, and the longest one while the
/// provider does not answer.
const COST_INTERVAL: Duration = Duration::from_secs(1);
const MAX_COST_INTERVAL: Duration = Duration::from_mins(5);
/// Interval of the search for unmatched receipts that can only be about one message.
const INFER_INTERVAL: Duration = Duration::from_secs(10);
/// Time after a lease for which unmatched receipts are left alone: late answers may still claim
/// them.
const INFER_MARGIN: Duration = Duration::from_mins(2);
/// Interval of the search for old messages.
const PURGE_INTERVAL: Duration = Duration::from_mins(10);
/// The same while there is more than one round could do.
const BUSY_INTERVAL: Duration = Duration::from_millis(100);
/// Tests must not fill a database: they are kept for this long, and beyond this number for an hour
/// after their last change.
const TEST_RETENTION: Duration = Duration::from_hours(7 * 24);
const MAX_TESTS: usize = 10_000;
const EXCESS_TEST_RETENTION: Duration = Duration::from_hours(1);
/// Rows per statement, and statements per round: one round is bounded.
const BATCH: usize = 1000;
const ROUNDS: usize = 20;
/// A message that was offered to the queue and is still waiting is offered again after this.
const OFFER_AGAIN_AFTER: Duration = Duration::from_secs(20);
/// The same where the queue is inside the process, or its stand-in is: longer, since that loses
/// nothing, and what it holds need not be offered again and again.
const OFFER_AGAIN_AFTER_IN_PROCESS: Duration = Duration::from_secs(30);
/// While the queue is away, what was offered to it is offered to the stand-in this much earlier: 5
/// s after its sender pushed it; and for a while after it is back, since pushes may have failed
/// until then.
const AHEAD_AWAY: Duration = Duration::from_secs(15);
const AHEAD_AFTER: Duration = Duration::from_secs(10);

/// Pushes due messages to the queue, rescues those of workers that vanished, expires those past
/// their deadline, polls for receipts and costs that do not come by themselves, and purges old
/// messages.
///
/// Every worker runs one. Several may run at once, because each step is a compare-and-set in the
/// store. An application that only sends needs no caretaker.
#[derive(Debug)]
pub struct Caretaker {
    store: Arc<dyn Store>,
    routes: Vec<RouteInCare>,
    retention: Duration,
    ends: EndLog,
}

/// A route: the queue that its due messages are offered to, and the provider that is asked for its
/// receipts.
#[derive(Debug)]
struct RouteInCare {
    route: Route,
    queue: Arc<dyn Queue>,
    provider: Arc<dyn Provider>,
    /// Time at which the queue was last found to be away.
    away_at: Mutex<Option<Instant>>,
}

impl Caretaker {
    /// A caretaker of the default route that purges messages `retention` after their end, 72 h at
    /// the least.
    pub fn new(
        store: Arc<dyn Store>,
        queue: Arc<dyn Queue>,
        provider: Arc<dyn Provider>,
        retention: Duration,
    ) -> Self {
        let routes = vec![RouteInCare::new(Route::DEFAULT, queue, provider)];
        Self { store, routes, retention: retention.max(KEY_WINDOW), ends: EndLog::new() }
    }

    /// A caretaker of the routes of a worker.
    pub(super) fn serving<'a>(
        store: Arc<dyn Store>,
        routes: impl Iterator<Item = &'a ServedRoute>,
        retention: Duration,
    ) -> Self {
        let of = |served: &ServedRoute| {
            let (queue, provider) = (Arc::clone(&served.queue), Arc::clone(&served.provider));
            RouteInCare::new(served.route.clone(), queue, provider)
        };
        let routes = routes.map(of).collect();
        Self { store, routes, retention: retention.max(KEY_WINDOW), ends: EndLog::new() }
    }

    /// Works until the shutdown, which drops the step in hand: each is a compare-and-set, and what
    /// it leaves undone the next round does. A failure of a step is logged.
    pub async fn run(&self, shutdown: &CancellationToken) {
        let [expire, rescue, infer, purge, purge_tests] =
            ["expire", "rescue", "infer", "purge", "purge tests"].map(|name| Step::new(name, ""));
        let care = async {
            tokio::join!(
                repeat(INTERVAL, || async {
                    expire.run(self.expire()).await | rescue.run(self.rescue()).await
                }),
                join_all(self.routes.iter().map(|route| self.care_for(route))),
                repeat(INFER_INTERVAL, || infer.run(async { self.infer().await.map(|()| false) })),
                repeat(PURGE_INTERVAL, || async {
                    purge.run(self.purge()).await | purge_tests.run(self.purge_tests()).await
                }),
            )
        };
        shutdown.run_until_cancelled(care).await;
    }

    /// Steps of one route, apart from all others, since a queue that does not answer and a provider
    /// that takes its time must delay nothing else.
    async fn care_for(&self, served: &RouteInCare) {
        let route = &served.route;
        let of = if route.is_pushed() { String::new() } else { format!(" of route `{route}`") };
        let [offer, ask, cost] =
            ["offer", "ask for receipts", "ask for costs"].map(|name| Step::new(name, &of));
        tokio::join!(
            repeat(INTERVAL, || offer.run(served.offer(&self.store))),
            repeat(INTERVAL, || ask.run(async {
                // More only at the usual pace: it is the provider's time.
                self.ask(served, QueryPurpose::Receipt).await.map(|()| false)
            })),
            repeat_slowly(COST_INTERVAL, MAX_COST_INTERVAL, || cost
                .run(async { self.ask(served, QueryPurpose::Cost).await.map(|()| true) })),
        );
    }

    /// `queued → expired` for what is past its deadline. Whether there may be more.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn expire(&self) -> Result<bool> {
        for _ in 0..ROUNDS {
            let expired = self.store.expire(ExpireRequest::new(BATCH)).await?;
            if !expired.is_empty() {
                tracing::info!(
                    messages = expired.len(),
                    "expired: their deadline passed while they waited"
                );
                self.ends.moved(&self.store, &expired, "deadline").await;
            }
            if expired.len() < BATCH {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// `sending → unknown | queued` for what its worker left behind. Whether there may be more.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn rescue(&self) -> Result<bool> {
        for _ in 0..ROUNDS {
            let rescued = self.store.rescue(RescueRequest::new(BATCH)).await?;
            if !rescued.is_empty() {
                tracing::warn!(
                    messages = rescued.len(),
                    "rescued: their worker vanished while sending"
                );
                self.ends.moved(&self.store, &rescued, "end of the lease").await;
            }
            if rescued.len() < BATCH {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Offers what is due to the queues of its routes. True if there may be more than they had room
    /// for.
    ///
    /// # Errors
    ///
    /// The store's and the queues'.
    pub async fn offer(&self) -> Result<bool> {
        let mut more = false;
        for served in &self.routes {
            more |= served.offer(&self.store).await?;
        }
        Ok(more)
    }

    /// Queries the providers about sent messages that are due for it.
    ///
    /// # Errors
    ///
    /// The store's and the providers'.
    pub async fn ask_for_receipts(&self) -> Result<()> {
        for served in &self.routes {
            self.ask(served, QueryPurpose::Receipt).await?;
        }
        Ok(())
    }

    async fn ask(&self, served: &RouteInCare, purpose: QueryPurpose) -> Result<()> {
        let Some(receipts) = served.provider.receipts() else {
            return Ok(());
        };
        let polling = receipts.polling();
        if purpose == QueryPurpose::Cost && !polling.costs {
            return Ok(());
        }
        let request = AwaitingRequest::new(polling, polling.batch)
            .purpose(purpose)
            .route(served.route.clone());
        for _ in 0..ROUNDS {
            let awaiting = self.store.awaiting_receipt(request.clone()).await?;
            if awaiting.is_empty() {
                break;
            }
            // More names than messages, where the provider has an id for each part.
            for names in awaiting.chunks(polling.batch.max(1)) {
                let found = receipts.query(names).await?;
                let effects = self.store.apply_receipts(&found).await?;
                self.ends.received(&self.store, &found, &effects).await;
            }
            if awaiting.len() < polling.batch {
                break;
            }
        }
        Ok(())
    }

    /// `unknown → sent` where an unmatched receipt can only be about one message.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn infer(&self) -> Result<()> {
        let timeouts = self.routes.iter().map(|served| served.provider.limits().timeout);
        let quiet = least_lease(timeouts.max().unwrap_or_default()) + INFER_MARGIN;
        let inferred = self.store.infer(InferRequest::new(quiet)).await?;
        if !inferred.is_empty() {
            tracing::info!(
                messages = inferred.len(),
                "sent after all, as receipts under unknown ids show"
            );
            // The receipts may have said more.
            self.ends.moved(&self.store, &inferred, "receipt").await;
        }
        Ok(())
    }

    /// Removes messages of the route [`sandbox`](Route::SANDBOX) that are older than a week, or
    /// older than an hour and not among the newest 10,000. Whether there may be more.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn purge_tests(&self) -> Result<bool> {
        let of = |age| RoutePurgeRequest::new(Route::SANDBOX, age, BATCH);
        let mut more = false;
        for request in [
            of(EXCESS_TEST_RETENTION).keep_newest(MAX_TESTS),
            of(TEST_RETENTION.min(self.retention)),
        ] {
            let mut purged = BATCH;
            for _ in 0..ROUNDS {
                purged = self.store.purge_route(request.clone()).await?;
                if purged > 0 {
                    tracing::info!(messages = purged, "purged: tests that were kept long enough");
                }
                if purged < BATCH {
                    break;
                }
            }
            more |= purged == BATCH;
        }
        Ok(more)
    }

    /// Removes messages that ended longer ago than the retention time. Whether there may be more.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn purge(&self) -> Result<bool> {
        for _ in 0..ROUNDS {
            let purged = self.store.purge(PurgeRequest::new(self.retention, BATCH)).await?;
            if purged > 0 {
                tracing::info!(messages = purged, "purged: their retention time is over");
            }
            if purged < BATCH {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl RouteInCare {
    fn new(route: Route, queue: Arc<dyn Queue>, provider: Arc<dyn Provider>) -> Self {
        Self { route, queue, provider, away_at: Mutex::default() }
    }

    /// Offers what is due, as far as half of each lane has room: the other half is the senders',
    /// lest one of both drop what the other has filled it with. True if there may be more than room
    /// for it.
    async fn offer(&self, store: &dyn Store) -> Result<bool> {
        for round in 0..ROUNDS {
            let stats = self.queue.stats().await?;
            let senders = if self.route.is_pushed() { stats.capacity.unwrap_or(0) / 2 } else { 0 };
            let limits = stats.room().map(|room| room.saturating_sub(senders).min(BATCH));
            // A queue inside the process loses nothing.
            let again_after = if stats.degraded || !self.route.is_pushed() {
                OFFER_AGAIN_AFTER_IN_PROCESS
            } else {
                OFFER_AGAIN_AFTER
            };
            let ahead =
                if self.may_have_lost(stats.degraded) { AHEAD_AWAY } else { Duration::ZERO };
            let request =
                DueRequest::new(limits, again_after).ahead(ahead).route(self.route.clone());
            let jobs = store.due(request).await?;
            if jobs.is_empty() {
                return Ok(round > 0);
            }
            self.queue.push(&jobs).await?;
        }
        Ok(true)
    }

    /// True if jobs that were pushed recently may be lost: the queue is away, or was a moment ago.
    fn may_have_lost(&self, away: bool) -> bool {
        let mut away_at = self.away_at.lock().unwrap_or_else(PoisonError::into_inner);
        if away {
            *away_at = Some(Instant::now());
        }
        away_at.is_some_and(|at| at.elapsed() < AHEAD_AFTER)
    }
}

/// Repeats a step, sooner where it says that there is more to do.
async fn repeat<F: Future<Output = bool>>(every: Duration, mut step: impl FnMut() -> F) {
    loop {
        let more = step().await;
        sleep(if more { BUSY_INTERVAL } else { every }).await;
    }
}

/// Repeats a step, at intervals that double while it returns false.
async fn repeat_slowly<F: Future<Output = bool>>(
    every: Duration,
    longest: Duration,
    mut step: impl FnMut() -> F,
) {
    let mut wait = every;
    loop {
        wait = if step().await { every } else { longest.min(2 * wait) };
        sleep(wait).await;
    }
}
