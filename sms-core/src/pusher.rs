//! Offering accepted messages to the queue, apart from accepting them: a queue that is down or full delays no acceptance.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::queue::{Job, Lane, Queue};

/// Jobs per push.
const MAX_JOBS: usize = 1000;
/// Pushes of one lane under way at a time: the next job need not wait for the queue's answer to the last.
const MAX_PUSHES: usize = 4;
/// Batches of jobs that wait in a lane to be pushed; beyond that they are left to the caretaker.
const MAX_WAITING: usize = 64;
/// How long an answer of the queue may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often the queue is asked how full it is, at the most.
const LOOK: Duration = Duration::from_millis(100);
/// Of a lane's capacity, the part that is left to the caretaker: what comes between two looks must not be dropped.
const MARGIN: usize = 4;

/// Pushes in tasks of its own, one for each lane so that none waits for another, until it is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Pusher {
    /// By [`Lane::number`].
    batches: [mpsc::Sender<Vec<Job>>; 3],
    full: Arc<[AtomicBool; 3]>,
    /// Has the queue looked at.
    pushed: mpsc::Sender<()>,
}

impl Pusher {
    pub(crate) fn start(runtime: &Handle, queue: Arc<dyn Queue>) -> Self {
        let batches = Lane::ALL.map(|_| {
            let (batches, waiting) = mpsc::channel(MAX_WAITING);
            runtime.spawn(push_all(Arc::clone(&queue), waiting));
            batches
        });
        let full = Arc::<[AtomicBool; 3]>::default();
        let (pushed, looks) = mpsc::channel(1);
        runtime.spawn(watch(queue, looks, Arc::clone(&full)));
        Self { batches, full, pushed }
    }

    /// The lanes that have room. What goes to another is the caretaker's, at once: pushed, it might be dropped, and be found
    /// only much later.
    pub(crate) fn lanes(&self) -> Vec<Lane> {
        let has_room = |lane: &Lane| {
            let lane = usize::from(lane.number());
            self.batches[lane].capacity() > 0 && !self.full[lane].load(Ordering::Relaxed)
        };
        Lane::ALL.into_iter().filter(has_room).collect()
    }

    /// Pushes these soon.
    pub(crate) fn push(&self, jobs: &[Job]) {
        for (lane, batches) in Lane::ALL.into_iter().zip(&self.batches) {
            let jobs: Vec<Job> = jobs.iter().copied().filter(|job| job.lane == lane).collect();
            if !jobs.is_empty() {
                // What does not fit the caretaker offers later; and one look is enough for all that is pushed before it.
                let _ = batches.try_send(jobs);
                let _ = self.pushed.try_send(());
            }
        }
    }
}

async fn push_all(queue: Arc<dyn Queue>, mut waiting: mpsc::Receiver<Vec<Job>>) {
    let mut pushes = JoinSet::new();
    while let Some(jobs) = waiting.recv().await {
        while pushes.len() >= MAX_PUSHES {
            pushes.join_next().await;
        }
        // Now, with those that came meanwhile.
        let (queue, jobs) = (Arc::clone(&queue), gather(jobs, &mut waiting));
        pushes.spawn(async move { push(queue.as_ref(), jobs).await });
        while pushes.try_join_next().is_some() {}
    }
    pushes.join_all().await;
}

/// Looks now and then, while something is pushed, or a lane is full: then nothing may come because of that.
async fn watch(queue: Arc<dyn Queue>, mut pushed: mpsc::Receiver<()>, full: Arc<[AtomicBool; 3]>) {
    let is_full = || full.iter().any(|full| full.load(Ordering::Relaxed));
    while (is_full() && !pushed.is_closed()) || pushed.recv().await.is_some() {
        // So that the look sees what has been pushed since the last one.
        sleep(LOOK).await;
        look(queue.as_ref(), &full).await;
    }
}

/// These jobs, and others that wait.
fn gather(mut jobs: Vec<Job>, waiting: &mut mpsc::Receiver<Vec<Job>>) -> Vec<Job> {
    while jobs.len() < MAX_JOBS
        && let Ok(more) = waiting.try_recv()
    {
        jobs.extend(more);
    }
    jobs
}

async fn push(queue: &dyn Queue, jobs: Vec<Job>) {
    match timeout(TIMEOUT, queue.push(&jobs)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(jobs = jobs.len(), %error, "push failed; the caretaker will offer these messages");
        }
        Err(_) => {
            tracing::warn!(jobs = jobs.len(), "push timed out; the caretaker will offer these messages");
        }
    }
}

/// Sees which lanes are full. A queue that does not answer says nothing about that.
async fn look(queue: &dyn Queue, full: &[AtomicBool; 3]) {
    let Ok(Ok(stats)) = timeout(TIMEOUT, queue.stats()).await else { return };
    let Some(capacity) = stats.capacity else { return };
    for (full, room) in full.iter().zip(stats.room()) {
        full.store(room < capacity.div_ceil(MARGIN), Ordering::Relaxed);
    }
}
