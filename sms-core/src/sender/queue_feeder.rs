//! Background push of accepted messages to the queue. A queue that is down or full does not delay
//! the acceptance of messages.
//!
//! While the queue fails, nothing is pushed, and messages are stored as due at once. The caretaker
//! of a worker then finds them in the store within its interval.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::error::Error;
use crate::lane::{Lane, PerLane};
use crate::message::NewMessage;
use crate::outage::Outage;
use crate::queue::{Job, Queue, QueueStats};
use crate::supervise::{catch_panic, survive_panic};

/// Largest number of jobs per push.
const MAX_JOBS_PER_PUSH: usize = 1000;
/// Largest number of pushes of one lane at a time: a job need not wait for the answer to the push
/// before it.
const MAX_PUSHES: usize = 4;
/// Largest number of jobs of a lane that wait to be pushed.
const MAX_WAITING_JOBS: usize = 64_000;
/// Capacity of a lane before the first answer of the queue.
const INITIAL_CAPACITY: usize = 1000;
/// Longest wait for an answer of the queue.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(3);
/// Pause after a failure of the queue. Longer than [`QUEUE_TIMEOUT`], so that pushing stays paused
/// until the next request for statistics has been answered or has failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);
/// Shortest time between two requests for the queue's statistics.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The same while nothing is pushed, so that the first message after a pause finds the figures
/// fresh.
const IDLE_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Divisor of the free capacity for the part that is left to other processes, which push between
/// two polls.
const OTHERS_SHARE_DIVISOR: usize = 4;

/// Pushes jobs in tasks of its own, one for each lane so that no lane waits for another, until it
/// is dropped.
#[derive(Clone, Debug)]
pub(crate) struct QueueFeeder {
    batches: PerLane<mpsc::UnboundedSender<(Vec<Job>, Permit)>>,
    capacities: LaneCapacities,
    /// Wakes the task that polls the queue's statistics.
    pushed: mpsc::Sender<()>,
}

/// Free capacity of each lane of the queue. The queue might drop a job that is pushed without free
/// capacity, and such a job would be found only much later.
#[derive(Clone, Debug)]
struct LaneCapacities(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    lanes: PerLane<LaneCapacity>,
    /// End of a pause in which nothing is pushed; `None` without a pause.
    closed_until: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct LaneCapacity {
    /// Free capacity of the lane if it were empty.
    total: usize,
    free: usize,
    /// Capacity taken by permits for jobs that have not been pushed yet.
    reserved: usize,
}

/// Permits for the jobs of one insert; `None` for a lane without enough free capacity.
#[derive(Debug)]
pub(crate) struct Reservation(PerLane<Option<Permit>>);

/// Capacity in one lane, held until the jobs are pushed, or until it is dropped.
#[derive(Debug)]
struct Permit {
    capacities: LaneCapacities,
    lane: Lane,
    jobs: usize,
}

impl Reservation {
    /// True if there was enough capacity for the jobs of this lane.
    pub(crate) fn holds(&self, lane: Lane) -> bool {
        self.0[lane].is_some()
    }
}

impl QueueFeeder {
    pub(crate) fn start(runtime: &Handle, queue: Arc<dyn Queue>) -> Self {
        let first = LaneCapacity { total: INITIAL_CAPACITY, free: INITIAL_CAPACITY, reserved: 0 };
        let state = State { lanes: PerLane::all(first), closed_until: None };
        let capacities = LaneCapacities(Arc::new(Mutex::new(state)));
        let meaning = "accepted messages are found in the store by the workers";
        let outage = Arc::new(Outage::new("pushing into the queue", meaning));
        let batches = PerLane::new(|_| {
            let (batches, mut waiting) = mpsc::unbounded_channel();
            let (queue, capacities, outage) =
                (Arc::clone(&queue), capacities.clone(), Arc::clone(&outage));
            runtime.spawn(async move {
                while survive_panic("push", push_all(&queue, &mut waiting, &capacities, &outage))
                    .await
                    .is_none()
                {}
            });
            batches
        });
        let (pushed, mut polls) = mpsc::channel(1);
        let polled = capacities.clone();
        runtime.spawn(async move {
            while survive_panic("watch the queue", watch(&queue, &mut polls, &polled))
                .await
                .is_none()
            {}
        });
        Self { batches, capacities, pushed }
    }

    /// Reserves capacity for the jobs of these messages, in each lane that has enough. The jobs of
    /// the other lanes are left to the caretaker, at once.
    pub(crate) fn reserve(&self, messages: &[NewMessage]) -> Reservation {
        let mut jobs = PerLane::<usize>::default();
        for message in messages {
            jobs[message.lane()] += 1;
        }
        Reservation(PerLane::new(|lane| self.capacities.reserve(lane, jobs[lane])))
    }

    /// Pushes these jobs soon, as far as capacity was reserved.
    pub(crate) fn push(&self, jobs: &[Job], reservation: Reservation) {
        for (lane, permit) in Lane::ALL.into_iter().zip(reservation.0.into_values()) {
            let jobs: Vec<Job> = jobs.iter().copied().filter(|job| job.lane == lane).collect();
            if let (false, Some(permit)) = (jobs.is_empty(), permit) {
                // Sending fails when the runtime shuts down: then the caretaker of another process
                // finds the messages.
                let _ = self.batches[lane].send((jobs, permit));
                // One poll is enough for everything that is pushed before it.
                let _ = self.pushed.try_send(());
            }
        }
    }
}

impl LaneCapacities {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reserve(&self, lane: Lane, jobs: usize) -> Option<Permit> {
        let mut state = self.lock();
        if state.is_closed() {
            return None;
        }
        let LaneCapacity { free, reserved, .. } = &mut state.lanes[lane];
        *free = free.checked_sub(jobs)?;
        *reserved += jobs;
        Some(Permit { capacities: self.clone(), lane, jobs })
    }

    fn update(&self, stats: &QueueStats) {
        // The caretaker fills the other half of a lane.
        let half = stats
            .capacity
            .map_or(MAX_WAITING_JOBS, |capacity| capacity.div_ceil(2).min(MAX_WAITING_JOBS));
        let usable = |capacity: usize| capacity - capacity / OTHERS_SHARE_DIVISOR;
        let room = stats.room();
        let mut locked = self.lock();
        for lane in Lane::ALL {
            let capacity = &mut locked.lanes[lane];
            capacity.total = usable(half);
            capacity.free = usable(room[lane].min(half)).saturating_sub(capacity.reserved);
        }
    }

    /// True if a lane has so little capacity that nothing may be pushed for that reason.
    fn is_scarce(&self) -> bool {
        let state = self.lock();
        let is_low = |lane: &LaneCapacity| lane.free < lane.total.min(INITIAL_CAPACITY);
        state.is_closed() || state.lanes.iter().any(|(_, lane)| is_low(lane))
    }

    /// Stops pushing for a while, since the queue failed.
    fn close(&self) {
        self.lock().closed_until = Some(Instant::now() + PAUSE_AFTER_FAILURE);
    }
}

impl State {
    fn is_closed(&self) -> bool {
        self.closed_until.is_some_and(|until| Instant::now() < until)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        // The next poll tells what is free then.
        self.capacities.lock().lanes[self.lane].reserved -= self.jobs;
    }
}

async fn push_all(
    queue: &Arc<dyn Queue>,
    waiting: &mut mpsc::UnboundedReceiver<(Vec<Job>, Permit)>,
    capacities: &LaneCapacities,
    outage: &Arc<Outage>,
) {
    let mut pushes = JoinSet::new();
    while let Some((mut jobs, permit)) = waiting.recv().await {
        while pushes.len() >= MAX_PUSHES {
            pushes.join_next().await;
        }
        // Add the jobs that came in the meantime.
        let mut permits = vec![permit];
        while jobs.len() < MAX_JOBS_PER_PUSH
            && let Ok((more, permit)) = waiting.try_recv()
        {
            jobs.extend(more);
            permits.push(permit);
        }
        let (queue, capacities, outage) =
            (Arc::clone(queue), capacities.clone(), Arc::clone(outage));
        pushes.spawn(async move {
            if !push(queue.as_ref(), &jobs, &outage).await {
                capacities.close();
            }
            // Only now do the statistics of the queue include these jobs.
            drop(permits);
        });
        while pushes.try_join_next().is_some() {}
    }
    while pushes.join_next().await.is_some() {}
}

/// Pushes jobs; true if the queue took them. If not, the caretaker pushes them again.
async fn push(queue: &dyn Queue, jobs: &[Job], outage: &Outage) -> bool {
    let timed_out = |error| Err(Error::unavailable("the queue did not take jobs in time", error));
    let pushed =
        timeout(QUEUE_TIMEOUT, catch_panic(queue.push(jobs))).await.unwrap_or_else(timed_out);
    outage.note_work(&pushed);
    pushed.is_ok()
}

/// Polls the statistics of the queue, more often while jobs are pushed or capacity is scarce.
async fn watch(
    queue: &Arc<dyn Queue>,
    pushed: &mut mpsc::Receiver<()>,
    capacities: &LaneCapacities,
) {
    loop {
        match timeout(QUEUE_TIMEOUT, catch_panic(queue.stats())).await {
            Ok(Ok(stats)) => capacities.update(&stats),
            _ => capacities.close(),
        }
        sleep(POLL_INTERVAL).await;
        if pushed.is_closed()
            || !capacities.is_scarce()
                && timeout(IDLE_POLL_INTERVAL, pushed.recv()).await == Ok(None)
        {
            return;
        }
    }
}
