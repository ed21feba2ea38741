//! Offering accepted messages to the queue, apart from accepting them: a queue that is down or full delays no acceptance.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use crate::message::NewMessage;
use crate::queue::{Job, Lane, Queue, QueueStats};

/// Jobs per push.
const MAX_JOBS: usize = 1000;
/// Jobs of a lane that wait to be pushed at the most, and how many may before the queue was asked.
const MAX_WAITING: usize = 64_000;
const FIRST_ROOM: usize = 1000;
/// How long an answer of the queue may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often the queue is asked how full it is, at the most.
const LOOK: Duration = Duration::from_millis(100);
/// Of the room it sees, the part that is left to others who push between two looks.
const MARGIN: usize = 4;

/// Pushes in a task of its own, until it is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Pusher {
    batches: mpsc::UnboundedSender<(Vec<Job>, Reservation)>,
    room: Room,
}

/// By [`Lane::number`], how many more jobs the queue has room for. A job that is pushed without
/// might be dropped, and then be found only much later.
#[derive(Clone, Debug)]
struct Room(Arc<Mutex<[LaneRoom; 3]>>);

#[derive(Clone, Copy, Debug)]
struct LaneRoom {
    /// What would be free if the lane were empty.
    most: usize,
    free: usize,
    /// Taken for jobs that have not been pushed yet.
    reserved: usize,
}

/// Room for the jobs of an insert, until they are pushed, or it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    room: Room,
    /// By lane; `None` where there was not enough.
    counts: [Option<usize>; 3],
}

impl Reservation {
    /// Whether there was room for the jobs of this lane.
    pub(crate) fn holds(&self, lane: Lane) -> bool {
        self.counts[usize::from(lane.number())].is_some()
    }
}

impl Pusher {
    pub(crate) fn start(runtime: &Handle, queue: Arc<dyn Queue>) -> Self {
        let (batches, waiting) = mpsc::unbounded_channel();
        let room =
            Room(Arc::new(Mutex::new([LaneRoom { most: FIRST_ROOM, free: FIRST_ROOM, reserved: 0 }; 3])));
        runtime.spawn(push_all(queue, waiting, room.clone()));
        Self { batches, room }
    }

    /// Takes room for the jobs of these messages, in each lane that has enough. What goes to another is the caretaker's,
    /// at once.
    pub(crate) fn reserve(&self, messages: &[NewMessage]) -> Reservation {
        let mut wanted = [0; 3];
        for message in messages {
            wanted[usize::from(message.lane().number())] += 1;
        }
        let mut lanes = self.room.lock();
        let mut counts = [None; 3];
        for ((lane, wanted), count) in lanes.iter_mut().zip(wanted).zip(&mut counts) {
            if lane.free >= wanted {
                lane.free -= wanted;
                lane.reserved += wanted;
                *count = Some(wanted);
            }
        }
        Reservation { room: self.room.clone(), counts }
    }

    /// Pushes these soon.
    pub(crate) fn push(&self, jobs: Vec<Job>, reservation: Reservation) {
        if !jobs.is_empty() {
            // It fails when the runtime is shut down: then the caretaker of another process finds them.
            let _ = self.batches.send((jobs, reservation));
        }
    }
}

impl Room {
    fn lock(&self) -> MutexGuard<'_, [LaneRoom; 3]> {
        // Nothing that holds it can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn see(&self, stats: &QueueStats) {
        // The caretaker fills a lane up to its half meanwhile.
        let most = stats.capacity.map_or(MAX_WAITING, |capacity| capacity.div_ceil(2).min(MAX_WAITING));
        let usable = |room: usize| room - room / MARGIN;
        for (lane, room) in self.lock().iter_mut().zip(stats.room()) {
            lane.most = usable(most);
            lane.free = usable(room.min(most)).saturating_sub(lane.reserved);
        }
    }

    /// Whether a lane has so little that it may be the reason why nothing comes.
    fn is_scarce(&self) -> bool {
        self.lock().iter().any(|lane| lane.free < lane.most.min(FIRST_ROOM))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // What is free again the next look at the queue tells.
        for (lane, count) in self.room.lock().iter_mut().zip(self.counts) {
            lane.reserved -= count.unwrap_or(0);
        }
    }
}

async fn push_all(
    queue: Arc<dyn Queue>,
    mut waiting: mpsc::UnboundedReceiver<(Vec<Job>, Reservation)>,
    room: Room,
) {
    let mut looked = Instant::now();
    // Whether anything was pushed since.
    let mut pushed = false;
    loop {
        let next = if pushed || room.is_scarce() {
            timeout_at(looked + LOOK, waiting.recv()).await
        } else {
            Ok(waiting.recv().await)
        };
        match next {
            Ok(Some(batch)) => {
                push(queue.as_ref(), batch, &mut waiting).await;
                pushed = true;
            }
            Ok(None) => return,
            Err(_) => {}
        }
        if looked.elapsed() >= LOOK {
            // A queue that does not answer says nothing about its room.
            if let Ok(Ok(stats)) = timeout(TIMEOUT, queue.stats()).await {
                room.see(&stats);
                pushed = false;
            }
            looked = Instant::now();
        }
    }
}

/// Pushes these jobs, together with others that wait.
async fn push(
    queue: &dyn Queue,
    (mut jobs, reservation): (Vec<Job>, Reservation),
    waiting: &mut mpsc::UnboundedReceiver<(Vec<Job>, Reservation)>,
) {
    // Held until the queue has answered: only then does it count what was pushed.
    let mut reservations = vec![reservation];
    while jobs.len() < MAX_JOBS
        && let Ok((more, reservation)) = waiting.try_recv()
    {
        jobs.extend(more);
        reservations.push(reservation);
    }
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
