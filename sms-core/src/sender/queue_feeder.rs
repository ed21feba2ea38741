//! Offering accepted messages to the queue, apart from accepting them: a queue that is down or full
//! delays no acceptance.
//!
//! While the queue fails nothing is pushed, and messages are stored as due at once: the caretaker
//! of a worker takes them from the store within its interval.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::error::Error;
use crate::lane::Lane;
use crate::message::NewMessage;
use crate::outage::Outage;
use crate::queue::{Job, Queue, QueueStats};
use crate::supervise::{catch_panic, survive_panic};

/// Jobs per push.
const MAX_JOBS: usize = 1000;
/// Pushes of one lane under way at a time: the next job need not wait for the queue's answer to the
/// last.
const MAX_PUSHES: usize = 4;
/// Jobs of a lane that wait to be pushed at the most, and how many may before the queue was asked.
const MAX_WAITING: usize = 64_000;
const FIRST_ROOM: usize = 1000;
/// The longest an answer of the queue may take.
const TIMEOUT: Duration = Duration::from_secs(3);
/// How long nothing is pushed after the queue failed: longer than a look that is not answered takes
/// to fail again.
const CLOSED_FOR: Duration = Duration::from_secs(5);
/// How often the queue is asked how full it is, at the most; and when nothing is pushed, so that
/// the first message after a while finds out nothing new.
const LOOK: Duration = Duration::from_millis(100);
const IDLE_LOOK: Duration = Duration::from_secs(1);
/// Of the room it sees, the part that is left to others who push between two looks.
const MARGIN: usize = 4;

/// Pushes in tasks of its own, one for each lane so that none waits for another, until it is
/// dropped.
#[derive(Clone, Debug)]
pub(crate) struct Pusher {
    /// By [`Lane::number`].
    batches: [mpsc::UnboundedSender<(Vec<Job>, Claim)>; 3],
    room: Room,
    /// Has the queue looked at.
    pushed: mpsc::Sender<()>,
}

/// By [`Lane::number`], how many more jobs the queue has room for. A job that is pushed without
/// might be dropped, and then be found only much later.
#[derive(Clone, Debug)]
struct Room(Arc<Mutex<Lanes>>);

#[derive(Debug)]
struct Lanes {
    rooms: [LaneRoom; 3],
    /// There is no room at all before this.
    closed_until: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct LaneRoom {
    /// What would be free if the lane were empty.
    most: usize,
    free: usize,
    /// Claimed for jobs that have not been pushed yet.
    claimed: usize,
}

/// Room for the jobs of an insert, by [`Lane::number`]; `None` where there was not enough.
#[derive(Debug)]
pub(crate) struct Reservation([Option<Claim>; 3]);

/// Room in one lane, until the jobs it is for are pushed, or it is dropped.
#[derive(Debug)]
struct Claim {
    room: Room,
    lane: usize,
    jobs: usize,
}

impl Reservation {
    /// Whether there was room for the jobs of this lane.
    pub(crate) fn holds(&self, lane: Lane) -> bool {
        self.0[usize::from(lane.number())].is_some()
    }
}

impl Pusher {
    pub(crate) fn start(runtime: &Handle, queue: Arc<dyn Queue>) -> Self {
        let first = LaneRoom { most: FIRST_ROOM, free: FIRST_ROOM, claimed: 0 };
        let room = Room(Arc::new(Mutex::new(Lanes { rooms: [first; 3], closed_until: None })));
        let meaning = "accepted messages are found in the store by the workers";
        let outage = Arc::new(Outage::new("pushing into the queue", meaning));
        let batches = Lane::ALL.map(|_| {
            let (batches, mut waiting) = mpsc::unbounded_channel();
            let (queue, room, outage) = (Arc::clone(&queue), room.clone(), Arc::clone(&outage));
            runtime.spawn(async move {
                while survive_panic("push", push_all(&queue, &mut waiting, &room, &outage))
                    .await
                    .is_none()
                {}
            });
            batches
        });
        let (pushed, mut looks) = mpsc::channel(1);
        let seen = room.clone();
        runtime.spawn(async move {
            while survive_panic("watch the queue", watch(&queue, &mut looks, &seen)).await.is_none()
            {
            }
        });
        Self { batches, room, pushed }
    }

    /// Claims room for the jobs of these messages, in each lane that has enough. What goes to
    /// another is the caretaker's, at once.
    pub(crate) fn reserve(&self, messages: &[NewMessage]) -> Reservation {
        let mut jobs = [0; 3];
        for message in messages {
            jobs[usize::from(message.lane().number())] += 1;
        }
        Reservation([0, 1, 2].map(|lane| self.room.claim(lane, jobs[lane])))
    }

    /// Pushes these soon, as far as there is room for them.
    pub(crate) fn push(&self, jobs: &[Job], reservation: Reservation) {
        for ((lane, batches), claim) in Lane::ALL.into_iter().zip(&self.batches).zip(reservation.0)
        {
            let jobs: Vec<Job> = jobs.iter().copied().filter(|job| job.lane == lane).collect();
            if let (false, Some(claim)) = (jobs.is_empty(), claim) {
                // It fails when the runtime is shut down: then the caretaker of another process
                // finds them.
                let _ = batches.send((jobs, claim));
                // One look is enough for all that is pushed before it.
                let _ = self.pushed.try_send(());
            }
        }
    }
}

impl Room {
    fn lock(&self) -> MutexGuard<'_, Lanes> {
        // Nothing that holds it can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim(&self, lane: usize, jobs: usize) -> Option<Claim> {
        let mut lanes = self.lock();
        if lanes.is_closed() {
            return None;
        }
        let LaneRoom { free, claimed, .. } = &mut lanes.rooms[lane];
        *free = free.checked_sub(jobs)?;
        *claimed += jobs;
        Some(Claim { room: self.clone(), lane, jobs })
    }

    fn see(&self, stats: &QueueStats) {
        // The caretaker fills a lane up to its half meanwhile.
        let most =
            stats.capacity.map_or(MAX_WAITING, |capacity| capacity.div_ceil(2).min(MAX_WAITING));
        let usable = |room: usize| room - room / MARGIN;
        for (lane, room) in self.lock().rooms.iter_mut().zip(stats.room()) {
            lane.most = usable(most);
            lane.free = usable(room.min(most)).saturating_sub(lane.claimed);
        }
    }

    /// Whether a lane has so little that it may be the reason why nothing comes.
    fn is_scarce(&self) -> bool {
        let lanes = self.lock();
        lanes.is_closed() || lanes.rooms.iter().any(|lane| lane.free < lane.most.min(FIRST_ROOM))
    }

    /// The queue failed.
    fn close(&self) {
        self.lock().closed_until = Some(Instant::now() + CLOSED_FOR);
    }
}

impl Lanes {
    fn is_closed(&self) -> bool {
        self.closed_until.is_some_and(|until| Instant::now() < until)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // What is free again the next look at the queue tells.
        self.room.lock().rooms[self.lane].claimed -= self.jobs;
    }
}

async fn push_all(
    queue: &Arc<dyn Queue>,
    waiting: &mut mpsc::UnboundedReceiver<(Vec<Job>, Claim)>,
    room: &Room,
    outage: &Arc<Outage>,
) {
    let mut pushes = JoinSet::new();
    while let Some((mut jobs, claim)) = waiting.recv().await {
        while pushes.len() >= MAX_PUSHES {
            pushes.join_next().await;
        }
        // With those that came meanwhile.
        let mut claims = vec![claim];
        while jobs.len() < MAX_JOBS
            && let Ok((more, claim)) = waiting.try_recv()
        {
            jobs.extend(more);
            claims.push(claim);
        }
        let (queue, room, outage) = (Arc::clone(queue), room.clone(), Arc::clone(outage));
        pushes.spawn(async move {
            if !push(queue.as_ref(), &jobs, &outage).await {
                room.close();
            }
            // Not before: only now the queue counts them.
            drop(claims);
        });
        while pushes.try_join_next().is_some() {}
    }
    while pushes.join_next().await.is_some() {}
}

/// Whether the queue took these. If not, the caretaker offers them.
async fn push(queue: &dyn Queue, jobs: &[Job], outage: &Outage) -> bool {
    let timed_out = |error| Err(Error::unavailable("the queue did not take jobs in time", error));
    let pushed = timeout(TIMEOUT, catch_panic(queue.push(jobs))).await.unwrap_or_else(timed_out);
    outage.note_work(&pushed);
    pushed.is_ok()
}

/// Looks now and then how full the queue is and whether it answers, more often while something is
/// pushed or room is scarce.
async fn watch(queue: &Arc<dyn Queue>, pushed: &mut mpsc::Receiver<()>, room: &Room) {
    loop {
        match timeout(TIMEOUT, catch_panic(queue.stats())).await {
            Ok(Ok(stats)) => room.see(&stats),
            _ => room.close(),
        }
        sleep(LOOK).await;
        if pushed.is_closed()
            || !room.is_scarce() && timeout(IDLE_LOOK, pushed.recv()).await == Ok(None)
        {
            return;
        }
    }
}
