//! Workers that stop in their tracks, and workers that share.

use std::time::Duration;

use sms_smsru::simulator::Fault;
use tokio::time::sleep;

use super::{Queue, System, eventually, message};

/// Twice the call of two seconds and ten.
const LEASE: Duration = Duration::from_secs(14);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_stopped_for_three_leases_sends_nothing_twice_when_it_goes_on() {
    let system = System::on_postgres(Queue::redis().await).await;
    let (api, worker) = (system.api(), system.worker());
    // Its calls are in flight when it is stopped.
    system.smsru.inject(Fault::DelayReply(Duration::from_millis(700)).forever());
    api.post_many(300, message).await;
    worker.signal("STOP");
    let other = system.worker();
    sleep(LEASE * 3).await;
    worker.signal("CONT");
    system.smsru.clear_faults();
    let settled = async || api.count("queued,sending").await == 0;
    eventually("all have their end", Duration::from_mins(1), settled).await;
    sleep(Duration::from_secs(2)).await;
    let accepted = system.smsru.accepted();
    for n in 0..300 {
        let times = accepted.iter().filter(|message| message.text == format!("n{n}")).count();
        assert!(times <= 1, "n{n} was accepted {times} times");
    }
    let (sent, unknown) = (api.count("sent,delivered").await, api.count("unknown").await);
    assert_eq!(sent + unknown, 300, "{sent} sent, {unknown} unknown");
    println!("300 messages, a worker stopped for three leases: {sent} sent, {unknown} unknown");
    drop(other);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_are_seen_by_every_api_and_a_pause_holds_all_of_them() {
    let system = System::on_postgres(Queue::rabbitmq().await).await;
    let (one, other) = (system.api(), system.api());
    let _workers = [system.worker(), system.worker(), system.worker()];
    let seen = async || {
        other.get("/v1/provider").await["workers"].as_array().is_some_and(|all| all.len() == 3)
    };
    eventually("three workers report", Duration::from_secs(10), seen).await;
    let (status, _) =
        one.post_to("/v1/provider/pause", &serde_json::json!({"reason": "a test"})).await;
    assert_eq!(status, 200);
    let paused = async || other.get("/v1/provider").await["state"] == "paused";
    eventually("all of them follow", Duration::from_secs(5), paused).await;
    one.post_many(50, message).await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(system.smsru.accepted_count(), 0);
    let (status, _) = other.post_to("/v1/provider/resume", &serde_json::json!({})).await;
    assert_eq!(status, 200);
    eventually("all go out", Duration::from_secs(40), async || system.smsru.accepted_count() == 50)
        .await;
}
