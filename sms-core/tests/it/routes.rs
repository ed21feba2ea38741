//! A worker that serves several routes, each with a provider of its own.

use std::sync::Arc;
use std::time::Duration;

use sms_core::{
    CancellationToken, ErrorKind, Job, Lane, Limits, MemoryRegistry, Message, Outcome, Provider,
    ProviderControl, Queue, Route, Sandbox, Status, Submission, async_trait,
};
use tokio::time::sleep;

use crate::support::{Reply, Witness, World, accept, message, start};

const SECOND: Duration = Duration::from_secs(1);

fn to_sandbox(text: &str) -> Message {
    message(text).route("sandbox")
}

/// A provider under a second name.
#[derive(Debug)]
struct Renamed(Arc<Witness>);

#[async_trait]
impl Provider for Renamed {
    fn name(&self) -> &'static str {
        "second"
    }

    fn limits(&self) -> Limits {
        self.0.limits()
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        self.0.submit(batch).await
    }
}

#[tokio::test(start_paused = true)]
async fn each_route_has_its_provider_and_its_receipts() {
    let world = World::new();
    let witness = world.witness(|_, batch| Reply::Now(accept(batch)));
    let worker = start(
        world
            .worker(Arc::clone(&witness))
            .route(Route::SANDBOX, Sandbox::new().clock(world.clock.clone())),
    );
    let (live, test) = (world.send(message("hi")).await, world.send(to_sandbox("hi")).await);
    world.becomes(live, Status::Sent).await;
    world.becomes(test, Status::Delivered).await;
    assert_eq!((witness.times(live), witness.times(test)), (1, 0));
    assert_eq!(world.state(test).await.provider.as_deref(), Some(Sandbox::NAME));
    assert_eq!(world.state(live).await.provider.as_deref(), Some("witness"));
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_provider_with_a_backlog_delays_no_other_route() {
    let world = World::new();
    let witness = world.witness(|_, batch| Reply::Now(accept(batch)));
    let registry = Arc::new(MemoryRegistry::new().clock(world.clock.clone()));
    let control = ProviderControl::new(Arc::clone(&registry));
    control.pause("witness", "olga", "the tariff changes").await.expect("written");
    let backlog = world.send_many(2_000).await;
    let worker = start(
        world
            .worker(Arc::clone(&witness))
            .route(Route::SANDBOX, Sandbox::new().clock(world.clock.clone()))
            .registry(registry),
    );
    sleep(SECOND * 3).await;
    for n in 0..3 {
        let id = world.send(to_sandbox(&format!("{n}"))).await;
        sleep(SECOND).await;
        assert_eq!(world.status(id).await, Status::Sent, "message {n}");
    }
    assert_eq!(witness.calls().len(), 0);
    control.resume("witness", "olga", "it has changed").await.expect("written");
    world.all_become(&backlog, Status::Sent).await;
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_another_route_leaves_the_default_one_alone() {
    let world = World::new();
    let witness = world.witness(|_, batch| Reply::Now(accept(batch)));
    let registry = Arc::new(MemoryRegistry::new().clock(world.clock.clone()));
    let control = ProviderControl::new(Arc::clone(&registry));
    control.pause(Sandbox::NAME, "olga", "a test of ours").await.expect("written");
    let worker = start(
        world.worker(witness).route(Route::SANDBOX, Sandbox::new()).registry(registry).name("w"),
    );
    let (test, live) = (world.send(to_sandbox("hi")).await, world.send(message("hi")).await);
    world.becomes(live, Status::Sent).await;
    sleep(SECOND * 60).await;
    assert_eq!(world.status(test).await, Status::Queued);
    let mut reports: Vec<_> = control.workers().await.expect("read");
    reports.sort_by(|a, b| a.name.cmp(&b.name));
    let told: Vec<_> = reports
        .iter()
        .map(|it| (it.name.as_str(), it.report.provider.as_str(), it.report.pause.is_some()))
        .collect();
    assert_eq!(told, [("w", "witness", false), ("w/sandbox", "sandbox", true)]);
    worker.stop().await;
    assert_eq!(control.workers().await.expect("read"), [], "a report was left behind");
}

#[tokio::test(start_paused = true)]
async fn a_slow_provider_delays_no_other_route() {
    let world = World::new();
    let slow = world.witness(|_, batch| Reply::After(SECOND * 4, accept(batch)));
    let worker = start(world.worker(Arc::clone(&slow)).route(Route::SANDBOX, Sandbox::new()));
    world.send_many(5_000).await;
    sleep(SECOND * 2).await;
    let id = world.send(to_sandbox("hi")).await;
    sleep(SECOND).await;
    assert_eq!(world.status(id).await, Status::Sent);
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_route_that_no_worker_serves_waits_for_one_that_does() {
    let world = World::new();
    let witness = world.witness(|_, batch| Reply::Now(accept(batch)));
    let plain = world.start(Arc::clone(&witness));
    let id = world.send(to_sandbox("hi")).await;
    // Pushed by a program that knows no routes.
    world.queue.push(&[Job::new(id, Lane::Normal)]).await.expect("pushed");
    sleep(SECOND * 90).await;
    assert_eq!((world.status(id).await, witness.times(id)), (Status::Queued, 0));
    let other = start(world.worker(witness).route(Route::SANDBOX, Sandbox::new()));
    sleep(SECOND).await;
    assert_eq!(world.status(id).await, Status::Sent);
    plain.stop().await;
    other.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_the_calls_of_every_route() {
    let world = World::new();
    let quick = world.witness_with(Limits::new(100, SECOND), |_, batch| Reply::Now(accept(batch)));
    let slow = world.witness(|_, batch| Reply::After(SECOND * 4, accept(batch)));
    let route: Route = "second".parse().expect("a route");
    let worker = start(world.worker(quick).route(route, Renamed(Arc::clone(&slow))));
    let id = world.send(message("hi").route("second")).await;
    sleep(SECOND).await;
    assert_eq!(slow.times(id), 1);
    worker.stop().await;
    assert_eq!(world.status(id).await, Status::Sent);
}

#[tokio::test(start_paused = true)]
async fn a_route_that_occurs_twice_is_refused() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
    for route in [Route::DEFAULT, Route::SANDBOX] {
        let worker = world.worker(Arc::clone(&provider)).route(Route::SANDBOX, Sandbox::new());
        let worker = worker.route(route.clone(), Renamed(Arc::clone(&provider))).build();
        let error = worker.run(CancellationToken::new()).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(&format!("`{route}`")), "{error}");
    }
}
