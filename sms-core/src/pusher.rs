//! Offering accepted messages to the queue, apart from accepting them: a queue that is down or full delays no acceptance.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::queue::{Job, Lane, Queue};

/// Jobs per push.
const MAX_JOBS: usize = 1000;
/// Batches of jobs that wait to be pushed; beyond that they are left to the caretaker.
const MAX_WAITING: usize = 64;
/// How long an answer of the queue may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often the queue is asked how full it is, at the most.
const LOOK: Duration = Duration::from_millis(100);
/// Of a lane's capacity, the part that is left to the caretaker: what comes between two looks must not be dropped.
const MARGIN: usize = 4;

/// Pushes in a task of its own, until it is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Pusher {
    batches: mpsc::Sender<Vec<Job>>,
    /// By [`Lane::number`].
    full: Arc<[AtomicBool; 3]>,
}

impl Pusher {
    pub(crate) fn start(runtime: &Handle, queue: Arc<dyn Queue>) -> Self {
        let (batches, waiting) = mpsc::channel(MAX_WAITING);
        let full = Arc::<[AtomicBool; 3]>::default();
        runtime.spawn(push_all(queue, waiting, Arc::clone(&full)));
        Self { batches, full }
    }

    /// The lanes that have room. What goes to another is the caretaker's, at once: pushed, it might be dropped, and be found
    /// only much later.
    pub(crate) fn lanes(&self) -> Vec<Lane> {
        if self.batches.capacity() == 0 {
            return Vec::new();
        }
        let has_room = |lane: &Lane| !self.full[usize::from(lane.number())].load(Ordering::Relaxed);
        Lane::ALL.into_iter().filter(has_room).collect()
    }

    /// Pushes these soon.
    pub(crate) fn push(&self, jobs: Vec<Job>) {
        if !jobs.is_empty() {
            // What does not fit the caretaker offers later.
            let _ = self.batches.try_send(jobs);
        }
    }
}

async fn push_all(queue: Arc<dyn Queue>, mut waiting: mpsc::Receiver<Vec<Job>>, full: Arc<[AtomicBool; 3]>) {
    let mut looked = None;
    loop {
        // A full lane is looked at even when nothing comes, for nothing may come because of it.
        let is_full = full.iter().any(|full| full.load(Ordering::Relaxed));
        let next = if is_full { timeout(LOOK, waiting.recv()).await } else { Ok(waiting.recv().await) };
        match next {
            Ok(Some(jobs)) => push(queue.as_ref(), gather(jobs, &mut waiting)).await,
            Ok(None) => return,
            Err(_) => {}
        }
        if looked.is_none_or(|looked: Instant| looked.elapsed() >= LOOK) {
            look(queue.as_ref(), &full).await;
            looked = Some(Instant::now());
        }
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
