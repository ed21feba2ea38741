//! Operators' orders, which come through the registry, and the reports of workers there.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use sms_core::worker::breaker::EndsBy;
use sms_core::worker::control::{Reported, WorkerReport};
use sms_core::{Job, Lane, Limits, MemoryRegistry, Outcome, ProviderControl, Queue, Status};
use tokio::time::{Instant, sleep};

use crate::support::{Reply, Running, TIMEOUT, Witness, World, accept, all, message, start};

struct Bridge {
    world: World,
    provider: Arc<Witness>,
    registry: Arc<MemoryRegistry>,
    control: ProviderControl,
}

impl Bridge {
    fn new() -> Self {
        let world = World::new();
        let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
        let registry = Arc::new(MemoryRegistry::new().clock(world.clock.clone()));
        let control = ProviderControl::new(Arc::clone(&registry));
        Self { world, provider, registry, control }
    }

    fn start(&self, name: &str) -> Running {
        start(
            self.world
                .worker(Arc::clone(&self.provider))
                .registry(Arc::clone(&self.registry))
                .name(name),
        )
    }

    async fn pause(&self) {
        self.control.pause("witness", "olga", "the tariff changes").await.expect("written");
    }

    async fn resume(&self) {
        self.control.resume("witness", "olga", "the tariff changes").await.expect("written");
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_provider_gets_nothing_and_a_resumed_one_everything() {
    let bridge = Bridge::new();
    let worker = bridge.start("w");
    bridge.pause().await;
    sleep(Duration::from_secs(3)).await;
    let id = bridge.world.send(message("hi")).await;
    sleep(Duration::from_mins(10)).await;
    assert_eq!(bridge.world.status(id).await, Status::Queued);
    assert_eq!(bridge.provider.calls().len(), 0);
    let before = Instant::now();
    bridge.resume().await;
    bridge.world.becomes(id, Status::Sent).await;
    assert!(before.elapsed() < Duration::from_secs(3), "{:?}", before.elapsed());
    assert_eq!(bridge.world.state(id).await.attempts, 1, "the pause burnt an attempt");
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_outlives_the_worker() {
    let bridge = Bridge::new();
    bridge.pause().await;
    let id = bridge.world.send(message("hi")).await;
    for _ in 0..2 {
        let worker = bridge.start("w");
        sleep(Duration::from_mins(1)).await;
        worker.stop().await;
    }
    assert_eq!(bridge.world.status(id).await, Status::Queued);
    assert_eq!(bridge.provider.calls().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_worker_reports_how_it_is_and_leaves_no_report_behind() {
    let bridge = Bridge::new();
    let worker = bridge.start("w");
    sleep(Duration::from_secs(2)).await;
    bridge.pause().await;
    sleep(Duration::from_secs(2)).await;
    let [Reported { name, report, .. }] = &bridge.control.workers().await.expect("read")[..] else {
        panic!("one worker")
    };
    assert_eq!((name.as_str(), report.provider.as_str()), ("w", "witness"));
    let pause = report.pause.as_ref().expect("it is paused");
    assert_eq!((pause.by.as_deref(), pause.reason.as_str()), (Some("olga"), "the tariff changes"));
    worker.stop().await;
    assert_eq!(bridge.control.workers().await.expect("read"), []);
}

#[tokio::test(start_paused = true)]
async fn a_report_left_behind_long_ago_goes_when_another_worker_starts() {
    let bridge = Bridge::new();
    let killed = bridge.start("killed");
    sleep(Duration::from_secs(2)).await;
    killed.kill();
    assert_eq!(bridge.control.workers().await.expect("read").len(), 1);
    // By the registry's clock, which is years away from the system's.
    sleep(Duration::from_hours(23)).await;
    let other = bridge.start("other");
    sleep(Duration::from_secs(2)).await;
    other.stop().await;
    assert_eq!(bridge.control.workers().await.expect("read").len(), 1, "forgotten too early");
    sleep(Duration::from_hours(1)).await;
    let next = bridge.start("next");
    sleep(Duration::from_secs(2)).await;
    let names: Vec<_> =
        bridge.control.workers().await.expect("read").into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["next"]);
    next.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_person_who_resumes_is_not_made_to_wait_for_the_next_probe() {
    let world = World::new();
    let refused_until = Instant::now() + Duration::from_mins(20);
    let provider = world.witness(move |_, batch| {
        let refused = Instant::now() < refused_until;
        Reply::Now(if refused {
            all(batch, &Outcome::blocked(201, "no money"))
        } else {
            accept(batch)
        })
    });
    let registry = Arc::new(MemoryRegistry::new().clock(world.clock.clone()));
    let worker = start(world.worker(provider).registry(Arc::clone(&registry)));
    let id = world.send(message("hi")).await;
    sleep(refused_until - Instant::now() + Duration::from_millis(10)).await;
    assert_eq!(world.status(id).await, Status::Queued);
    ProviderControl::new(registry).resume("witness", "olga", "paid").await.expect("written");
    let before = Instant::now();
    world.becomes(id, Status::Sent).await;
    assert!(before.elapsed() < Duration::from_secs(8), "{:?}", before.elapsed());
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_refuses_the_account_from_the_start_is_asked_once() {
    let world = World::new();
    let slow = Duration::from_millis(100);
    let provider = world.witness_with(Limits::new(10, TIMEOUT), move |_, batch| {
        Reply::After(slow, all(batch, &Outcome::blocked(201, "no money")))
    });
    let ids = world.send_many(100).await;
    let worker = start(
        world.worker(Arc::clone(&provider)).concurrency(NonZeroUsize::new(8).expect("not zero")),
    );
    sleep(Duration::from_secs(1)).await;
    assert_eq!(
        provider.calls().len(),
        1,
        "every slot for a call was used before the first had an outcome"
    );
    worker.stop().await;
    for id in ids {
        assert_eq!((world.status(id).await, world.state(id).await.attempts), (Status::Queued, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_were_begun_when_the_provider_was_paused_are_not_made() {
    let world = World::new();
    let registry = Arc::new(MemoryRegistry::new().clock(world.clock.clone()));
    let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
    world.faults.plan(
        crate::support::Call::Begin,
        crate::support::Fault::DelayAnswer(Duration::from_secs(5)),
        1,
    );
    let worker = start(world.worker(Arc::clone(&provider)).registry(Arc::clone(&registry)));
    sleep(Duration::from_secs(2)).await;
    let id = world.send(message("hi")).await;
    sleep(Duration::from_secs(1)).await;
    ProviderControl::new(registry).pause("witness", "olga", "wrong text").await.expect("written");
    world.becomes(id, Status::Sending).await;
    world.becomes(id, Status::Queued).await;
    sleep(Duration::from_mins(1)).await;
    worker.stop().await;
    assert_eq!(provider.calls().len(), 0);
    assert_eq!(world.state(id).await.attempts, 0, "the pause burnt an attempt");
}

/// The report of one worker.
async fn report(control: &ProviderControl, worker: &str) -> WorkerReport {
    let all = control.workers().await.expect("read");
    all.into_iter().find(|it| it.name == worker).expect("it reports").report
}

#[tokio::test(start_paused = true)]
async fn a_paused_worker_without_messages_learns_from_the_success_of_another() {
    let world = World::new();
    let registry = Arc::new(MemoryRegistry::new().clock(world.clock.clone()));
    let control = ProviderControl::new(Arc::clone(&registry));
    let refuses = Arc::new(std::sync::atomic::AtomicBool::new(true));
    // Each worker has its own queue, so that the test decides which worker gets a message.
    let start = |name| {
        let refuses = Arc::clone(&refuses);
        let provider = world.witness(move |_, batch| {
            let no = refuses.load(std::sync::atomic::Ordering::SeqCst);
            Reply::Now(if no { all(batch, &Outcome::blocked(7, "a whim")) } else { accept(batch) })
        });
        let queue = Arc::new(sms_core::MemoryQueue::new());
        let worker =
            sms_core::Worker::builder(Arc::clone(&world.memory), Arc::clone(&queue), provider);
        (queue, start(worker.name(name).registry(Arc::clone(&registry))))
    };
    let ((queue_a, a), (queue_b, b)) = (start("a"), start("b"));
    sleep(Duration::from_secs(2)).await;
    let mut ids = Vec::new();
    for queue in [&queue_a, &queue_b] {
        // Pushed again only later, so that no caretaker moves it to another queue.
        let new = message("hi").prepare().expect("valid");
        let request = sms_core::store::InsertRequest::new(std::slice::from_ref(&new))
            .push_after(Duration::from_hours(1));
        sms_core::Store::insert(&*world.memory, request).await.expect("stored");
        queue.push(&[Job::new(new.id, Lane::Normal)]).await.expect("pushed");
        ids.push(new.id);
    }
    sleep(Duration::from_secs(2)).await;
    for worker in ["a", "b"] {
        let pause = report(&control, worker).await.pause.expect("refused");
        assert_eq!((pause.code, pause.ends_by), (Some(7), EndsBy::NextMessage));
    }
    refuses.store(false, std::sync::atomic::Ordering::SeqCst);
    world.all_become(&ids, Status::Sent).await;
    sleep(Duration::from_mins(1)).await;
    for worker in ["a", "b"] {
        let report = report(&control, worker).await;
        assert_eq!((report.pause, report.unproven), (None, false), "{worker}");
    }
    a.stop().await;
    b.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_resume_ends_the_shown_pause_although_nothing_is_left_to_send() {
    let world = World::new();
    let provider =
        world.witness(|_, batch| Reply::Now(all(batch, &Outcome::blocked(7, "no money"))));
    let registry = Arc::new(MemoryRegistry::new().clock(world.clock.clone()));
    let control = ProviderControl::new(Arc::clone(&registry));
    let worker = start(world.worker(provider).registry(registry).name("w"));
    let id = world.send(message("hi").deadline(Duration::from_secs(20))).await;
    world.becomes(id, Status::Expired).await;
    sleep(Duration::from_mins(2)).await;
    let pause = report(&control, "w").await.pause.expect("only a message can tell");
    assert_eq!((pause.ends_by, pause.probe_at), (EndsBy::NextMessage, None));
    control.resume("witness", "olga", "paid").await.expect("written");
    sleep(Duration::from_secs(3)).await;
    let report = report(&control, "w").await;
    assert_eq!((report.pause, report.unproven), (None, true));
    worker.stop().await;
}
