//! A seeded simulation: real senders and workers over memory adapters, with faults at every step.
//! The events depend on the seed alone; `SMS_TEST_SEEDS=n` runs more of them, `SMS_TEST_SEED=n`
//! runs one again.

mod callers;
mod carrier;
mod chaos;
mod verdict;

use std::cell::Cell;
use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use sms_core::store::StatsRequest;
use sms_core::store::event::EventKind;
use sms_core::{Archive, CancellationToken, MemoryStore, RetryPolicy, Sender, Status, Worker};
use tokio::time::{Instant, sleep, timeout};

use self::callers::{Callers, Told};
use self::carrier::{Connection, Network};
use self::chaos::{Chaos, Life, MessyQueue};
use crate::support::{Faulty, TokioClock};

const SEEDS: u64 = 2_000;
const CALLERS: u64 = 15;
/// Duration of the faults.
const FAULTS_LAST: Duration = Duration::from_mins(1);
/// Time after the faults within which every message must reach its final state.
const RECOVERY_TIME: Duration = Duration::from_mins(3);

/// Longest clean shutdown, with every call delayed.
const MAX_SHUTDOWN_TIME: Duration = Duration::from_mins(2);

/// One simulated world.
struct Simulation {
    chaos: Arc<Chaos>,
    clock: Arc<TokioClock>,
    memory: Arc<MemoryStore>,
    queue: Arc<MessyQueue>,
    network: Arc<Network>,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let chaos = Chaos::new(seed, FAULTS_LAST);
        let clock = TokioClock::new();
        let memory = Arc::new(MemoryStore::new().clock(clock.clone()));
        let (queue, network) = (MessyQueue::new(&chaos), Network::new(&chaos, &memory));
        Self { chaos, clock, memory, queue, network }
    }

    fn callers(&self) -> Arc<Callers> {
        let store = Arc::new(Faulty::new(Arc::clone(&self.memory), self.chaos.clone()));
        let mut sender = Sender::builder(Arc::clone(&store)).clock(self.clock.clone());
        if self.chaos.percent(80) {
            sender = sender.queue(Faulty::new(Arc::clone(&self.queue), self.chaos.clone()));
        }
        let (chaos, clock) = (Arc::clone(&self.chaos), Arc::clone(&self.clock));
        Arc::new(Callers { chaos, clock, sender: sender.build(), store, told: Mutex::default() })
    }

    fn worker(&self, name: String) -> (Arc<Life>, Worker) {
        let life = Life::new(&self.chaos);
        let store = Faulty::new(Arc::clone(&self.memory), life.clone());
        let queue = Faulty::new(Arc::clone(&self.queue), life.clone());
        let provider = Connection { life: Arc::clone(&life), network: Arc::clone(&self.network) };
        let retry = RetryPolicy { base: Duration::from_secs(1), max: Duration::from_secs(5) };
        let concurrency =
            NonZeroUsize::new(1 + usize::try_from(self.chaos.below(3)).unwrap()).unwrap();
        let worker = Worker::builder(store, queue, provider)
            .name(name)
            .retry(retry)
            .concurrency(concurrency);
        (life, worker.build())
    }

    /// Keeps one worker running: when it is killed or stopped, another one replaces it.
    async fn keep_worker(self: Arc<Self>, number: usize) {
        for restart in 0.. {
            let (life, worker) = self.worker(format!("worker-{number}-{restart}"));
            let shutdown = CancellationToken::new();
            let task = tokio::spawn(worker.run(shutdown.clone()));
            let abort = task.abort_handle();
            let fate = async {
                self.until_restart().await;
                if self.chaos.percent(50) {
                    return life.end();
                }
                shutdown.cancel();
                if timeout(MAX_SHUTDOWN_TIME, task).await.is_err() {
                    self.network.records(|records| {
                        records.violations.push("a shutdown never ended".to_owned());
                    });
                }
            };
            tokio::select! {
                biased;
                () = life.died.notified() => {}
                () = fate => {}
            }
            abort.abort();
            sleep(self.chaos.millis(5_000)).await;
        }
    }

    /// Waits for some time; does not return once the faults have ended.
    async fn until_restart(&self) {
        sleep(Duration::from_secs(5) + self.chaos.millis(40_000)).await;
        if !self.chaos.is_on() {
            std::future::pending::<()>().await;
        }
    }

    async fn is_quiet(&self) -> bool {
        let stats = self.memory.stats(&StatsRequest::default()).await.unwrap();
        stats.count(Status::Queued) + stats.count(Status::Sending) == 0
    }

    async fn calm_down(&self) {
        let end = self.chaos.until + RECOVERY_TIME;
        while Instant::now() < end && !(Instant::now() > self.chaos.until && self.is_quiet().await)
        {
            sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Result of one seed: all violations, and the trace.
struct Report {
    violations: Vec<String>,
    trace: Vec<String>,
    /// Kinds of the events, each with a flag for a resend.
    kinds: HashSet<(EventKind, Status, bool)>,
}

async fn live(seed: u64) -> Report {
    let simulation = Arc::new(Simulation::new(seed));
    let callers = simulation.callers();
    for number in 0..CALLERS {
        // Sometimes two callers share a number, and so a key.
        let number = if simulation.chaos.percent(20) { number / 2 } else { number };
        tokio::spawn(Arc::clone(&callers).call(number));
    }
    for number in 0..=usize::try_from(simulation.chaos.below(3)).unwrap() {
        tokio::spawn(Arc::clone(&simulation).keep_worker(number));
    }
    simulation.calm_down().await;
    let told: Told = std::mem::take(&mut *callers.told.lock().unwrap());
    verdict::report(&simulation, told).await
}

thread_local! {
    /// True if the library panicked on this thread: a panic inside a task is not noticed otherwise.
    static PANICKED: Cell<bool> = const { Cell::new(false) };
}

fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICKED.set(true);
            before(info);
        }));
    });
}

fn run(seed: u64) -> Report {
    watch_panics();
    PANICKED.set(false);
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let mut report = runtime.block_on(live(seed));
    if PANICKED.get() {
        report.violations.push("a task panicked".to_owned());
    }
    report
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number of seeds, or a seed"))
}

/// Runs these seeds on every core.
fn run_all(seeds: Range<u64>) -> Vec<(u64, Report)> {
    let next = AtomicU64::new(seeds.start);
    let reports = Mutex::new(Vec::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let report = run(seed);
            reports.lock().unwrap().push((seed, report));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    reports.into_inner().unwrap()
}

#[test]
fn no_seed_loses_a_message_or_repeats_one_silently() {
    let one = number("SMS_TEST_SEED").map(|seed| seed..seed + 1);
    let reports = run_all(one.clone().unwrap_or(0..number("SMS_TEST_SEEDS").unwrap_or(SEEDS)));
    let failed = || reports.iter().filter(|(_, report)| !report.violations.is_empty());
    if let Some((seed, report)) = failed().min_by_key(|(seed, _)| *seed) {
        let (violations, trace) = (report.violations.join("\n"), report.trace.join("\n"));
        panic!("{} seeds failed; SMS_TEST_SEED={seed}:\n{violations}\n\n{trace}", failed().count());
    }
    if one.is_none() {
        assert_covered(&reports.into_iter().flat_map(|(_, report)| report.kinds).collect());
    }
}

/// Events without which a simulation proves nothing.
fn assert_covered(seen: &HashSet<(EventKind, Status, bool)>) {
    let rare = [
        (EventKind::Attempt, Status::Queued, true),
        (EventKind::Attempt, Status::Failed, false),
        (EventKind::Attempt, Status::Unknown, false),
        (EventKind::LateOutcome, Status::Sent, false),
        (EventKind::LateOutcome, Status::Failed, false),
        (EventKind::LateOutcome, Status::Sending, false),
        (EventKind::LeaseOver, Status::Unknown, false),
        (EventKind::LeaseOver, Status::Queued, true),
        (EventKind::Receipt, Status::Delivered, false),
        (EventKind::Expired, Status::Expired, false),
        (EventKind::Expired, Status::Unknown, false),
        (EventKind::Cancelled, Status::Cancelled, false),
        (EventKind::Resolved, Status::Queued, true),
    ];
    let missing: Vec<_> = rare.iter().filter(|event| !seen.contains(*event)).collect();
    assert!(missing.is_empty(), "no seed led to {missing:?}");
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 0..20 {
        let (once, again) = (run(seed).trace, run(seed).trace);
        let differs = once.iter().zip(&again).find(|(once, again)| once != again);
        assert!(once == again, "seed {seed} differs: {differs:#?}");
    }
}
