//! The same way of a message on every pair of store and queue.

use std::time::Duration;

use sms_testkit::instances::Postgres;

use super::{Queue, System, eventually, message};

/// From the API by a worker to the provider and back by a receipt.
async fn goes_all_the_way(
    system: System,
    processes: impl FnOnce(&System) -> (crate::process::Server, Vec<crate::process::Process>),
) {
    let (api, workers) = processes(&system);
    let number = 300;
    let ids = api.post_many(number, message).await;
    let delivered = async || api.count("delivered").await == number;
    let patience = Duration::from_secs(30);
    eventually("all are delivered", patience, delivered).await;
    assert_eq!(system.smsru.accepted_count(), number);
    let one = api.get(&format!("/v1/messages/{}", ids[0])).await;
    let kinds: Vec<_> =
        one["timeline"].as_array().expect("a timeline").iter().map(|step| &step["kind"]).collect();
    assert_eq!(kinds.first().and_then(|kind| kind.as_str()), Some("accepted"));
    assert_eq!(kinds[1], "attempt");
    assert_eq!(kinds.last().and_then(|kind| kind.as_str()), Some("receipt"));
    drop(workers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_and_memory() {
    let system = System::on(None, Queue::Memory).await;
    goes_all_the_way(system, |system| (system.whole(), Vec::new())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_and_memory_shared_by_two_workers() {
    let system = System::on(Some(Postgres::start().await), Queue::Memory).await;
    goes_all_the_way(system, |system| (system.api(), vec![system.worker(), system.worker()])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_and_redis() {
    let system = System::on_postgres(Queue::redis().await).await;
    goes_all_the_way(system, |system| (system.api(), vec![system.worker(), system.worker()])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_and_rabbitmq() {
    let system = System::on_postgres(Queue::rabbitmq().await).await;
    goes_all_the_way(system, |system| (system.api(), vec![system.worker(), system.worker()])).await;
}
