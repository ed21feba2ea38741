//! Pulling jobs, and starting calls for them.
//!
//! Two loops do it. The main one takes every lane in turn and waits where it must: for a slot, for
//! the outcome of a first call, for a pause to end. While it waits, the other looks for urgent
//! messages only, which have slots of their own: a one-time code stands behind nobody's call.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::batching::PullRate;
use super::breaker::Admission;
use super::pace::Pace;
use super::served_route::ServedRoute;
use super::slots::{CallSlot, CallSlots};
use crate::lane::Lane;
use crate::queue::{Lease, Queue};
use crate::supervise::survive_panic;

/// Longest wait of one pull for the first job; also the longest wait of a shutdown for a pull.
const PULL_WAIT: Duration = Duration::from_millis(500);
/// Pause after a failed pull.
const PULL_RETRY: Duration = Duration::from_secs(1);
/// Interval of pulls for urgent messages while the main loop waits.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// The two loops of a worker.
#[derive(Debug)]
pub(super) struct Puller<'a> {
    route: &'a Arc<ServedRoute>,
    shutdown: &'a CancellationToken,
    attempts: &'a TaskTracker,
    slots: CallSlots,
    urgent_slots: CallSlots,
    /// State of the main loop: pulling or not, and the number of its pulls.
    pulling: AtomicBool,
    pulls: AtomicU64,
}

impl<'a> Puller<'a> {
    pub(super) fn new(
        route: &'a Arc<ServedRoute>,
        calls: NonZeroUsize,
        attempts: &'a TaskTracker,
        shutdown: &'a CancellationToken,
    ) -> Self {
        let pace = Arc::new(Pace::new(route.provider.limits()));
        Self {
            route,
            shutdown,
            attempts,
            slots: CallSlots::new(calls, Arc::clone(&pace)),
            urgent_slots: CallSlots::urgent(calls, pace),
            pulling: AtomicBool::default(),
            pulls: AtomicU64::default(),
        }
    }

    /// Works until the shutdown.
    pub(super) async fn run(&self) {
        tokio::join!(
            async { while survive_panic("pull", self.pull_all()).await.is_none() {} },
            async {
                while survive_panic("pull urgent messages", self.pull_urgent()).await.is_none() {}
            },
        );
    }

    async fn pull_all(&self) {
        let Self { route, shutdown, .. } = *self;
        // A panic may have left it set.
        self.pulling.store(false, Ordering::Relaxed);
        let mut rate = PullRate::default();
        while !shutdown.is_cancelled() {
            let Some((admission, mut jobs)) = shutdown.run_until_cancelled(self.pull()).await
            else {
                break;
            };
            // The jobs are kept out here, so that a shutdown that cuts it short loses none.
            let filled = route.fill_batch(&mut rate, &mut jobs, self.most(admission));
            shutdown.run_until_cancelled(filled).await;
            while let Some(call) = next_call(&mut jobs) {
                let ready =
                    shutdown.run_until_cancelled(self.ready(&call, admission)).await.flatten();
                let Some(slot) = ready else {
                    jobs.extend(call);
                    break;
                };
                self.start(call, admission, slot);
            }
            route.release(&jobs).await;
        }
    }

    /// The next jobs, when there is a slot for a call; none when none came in time.
    async fn pull(&self) -> (Admission, Vec<Lease>) {
        // Wait for a slot before pulling, so that jobs stay with the queue, where others can have
        // them.
        drop(self.slots.take().await);
        let admission = self.route.breaker.admit().await;
        self.pulls.fetch_add(1, Ordering::Relaxed);
        self.pulling.store(true, Ordering::Relaxed);
        let pulled = self.route.queue.pull(self.most(admission), PULL_WAIT).await;
        self.pulling.store(false, Ordering::Relaxed);
        let leases = match pulled {
            Ok(leases) => leases,
            Err(error) => {
                tracing::debug!(reason = error.report(), "pull failed, will be repeated");
                sleep(PULL_RETRY).await;
                Vec::new()
            }
        };
        (admission, leases)
    }

    /// A slot for this call, when it may start; `None` when it may not any more.
    async fn ready(&self, call: &[Lease], admission: Admission) -> Option<CallSlot> {
        let urgent = call.iter().all(is_urgent);
        let slots = if urgent { &self.urgent_slots } else { &self.slots };
        let slot = slots.take().await?;
        // Last: an outcome may have paused the provider meanwhile, or a person.
        self.route.breaker.start(admission, urgent).await.then_some(slot)
    }

    fn start(&self, call: Vec<Lease>, admission: Admission, slot: CallSlot) {
        let route = Arc::clone(self.route);
        self.attempts.spawn(async move { route.attempt_safely(call, admission, slot).await });
    }

    /// Largest number of jobs that are pulled for one call.
    fn most(&self, admission: Admission) -> usize {
        match admission {
            Admission::All => self.route.provider.limits().largest_batch(),
            Admission::One => 1,
        }
    }

    /// Takes urgent messages past the main loop while that one waits.
    async fn pull_urgent(&self) {
        let mut seen = 0;
        // Only waits are cut short by the shutdown: a job that was pulled is started or given back.
        while self.shutdown.run_until_cancelled(sleep(LOOK_INTERVAL)).await.is_some() {
            let pulls = self.pulls.load(Ordering::Relaxed);
            let waits = pulls == seen && !self.pulling.load(Ordering::Relaxed);
            seen = pulls;
            while waits && self.route.breaker.admits_urgent() {
                let slot = self.shutdown.run_until_cancelled(self.urgent_slots.take()).await;
                let Some(slot) = slot.flatten() else { break };
                let Some(call) = self.urgent_job().await else { break };
                if !self.route.breaker.start(Admission::One, true).await {
                    self.route.release(&call).await;
                    break;
                }
                self.start(call, Admission::One, slot);
            }
        }
    }

    /// An urgent job, if the queue has one. A queue cannot be asked for one lane; so it is asked
    /// whether there is one first, and what comes instead, because somebody else was faster, goes
    /// back.
    async fn urgent_job(&self) -> Option<Vec<Lease>> {
        let queue = &self.route.queue;
        if queue.stats().await.ok()?.lanes.urgent.ready == 0 {
            return None;
        }
        let leases = queue.pull(1, Duration::ZERO).await.ok()?;
        if leases.is_empty() || leases.iter().all(is_urgent) {
            return Some(leases).filter(|leases| !leases.is_empty());
        }
        self.route.release(&leases).await;
        None
    }
}

fn is_urgent(lease: &Lease) -> bool {
    lease.job.lane == Lane::Urgent
}

/// Takes out the jobs of one call: an urgent one by itself, else all that are left.
fn next_call(jobs: &mut Vec<Lease>) -> Option<Vec<Lease>> {
    if let Some(urgent) = jobs.iter().position(is_urgent) {
        return Some(vec![jobs.remove(urgent)]);
    }
    (!jobs.is_empty()).then(|| std::mem::take(jobs))
}
