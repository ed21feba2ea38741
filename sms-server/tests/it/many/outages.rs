//! A service is away for a while.

use std::time::Duration;

use serde_json::json;
use sms_testkit::instances::Redis;
use sms_testkit::proxy::{Mode, Proxy};
use tokio::time::{Instant, sleep};

use super::{Queue, System, eventually, message};
use crate::process::Server;

/// How long a message may wait for a queue that is back.
const BACK: Duration = Duration::from_mins(1);
/// Design, G6: how long a message may wait while the queue is away.
const AWAY: Duration = Duration::from_secs(10);

/// Waits until so many messages reached the provider, and checks that none did twice.
async fn all_sent(system: &System, number: usize, patience: Duration) {
    let sent = async || system.smsru.accepted_count() >= number;
    let took = eventually("all went out", patience, sent).await;
    println!("{number} messages went out after {took:?}");
    let accepted = system.smsru.accepted();
    let distinct: std::collections::HashSet<_> =
        accepted.iter().map(|message| &message.text).collect();
    assert_eq!((accepted.len(), distinct.len()), (number, number), "something was sent twice");
}

/// Waits until health, queue and worker say whether the queue server is used.
async fn shown(api: &Server, state: &str) {
    eventually(&format!("the queue is shown as {state}"), Duration::from_secs(30), async || {
        let worker = api.get("/v1/provider").await["workers"][0]["queue"].clone();
        let (ready, queue) = (api.get("/readyz").await, api.get("/v1/queue").await);
        assert_eq!(ready["status"], "ready", "{ready}");
        [&ready["queue"], &queue["state"], &worker].iter().all(|shown| **shown == json!(state))
    })
    .await;
}

/// Messages go by way of the queue again: while nobody takes them, they are in it.
async fn is_used_again(system: &System, api: &Server, sent_before: usize) {
    shown(api, "ok").await;
    let order = async |order| {
        api.post_to(&format!("/v1/provider/{order}"), &json!({"reason": "a test"})).await
    };
    assert_eq!(order("pause").await.0, 200);
    eventually("paused", AWAY, async || api.get("/v1/provider").await["state"] == "paused").await;
    api.post_many(20, |n| message(2_000 + n)).await;
    eventually("they are in the queue", BACK, async || {
        let queue = api.get("/v1/queue").await;
        queue["state"] == "ok" && queue["lanes"]["normal"]["ready"].as_u64() >= Some(20)
    })
    .await;
    assert_eq!(system.smsru.accepted_count(), sent_before);
    assert_eq!(order("resume").await.0, 200);
    all_sent(system, sent_before + 20, BACK).await;
}

/// While the queue server is down, the API accepts, the worker sends, and both say so; when it is
/// back, it is used again.
async fn goes_on_without_the_queue(queue: Queue) {
    let system = System::on_postgres(queue).await;
    let (api, _worker) = (system.api(), system.worker());
    api.post_many(10, |n| message(1_000 + n)).await;
    // RabbitMQ 3.10 brings a quorum queue back without a leader when it was declared seconds before
    // a kill.
    sleep(Duration::from_secs(6)).await;
    system.queue.instance().kill().await;
    let started = Instant::now();
    api.post_many(200, message).await;
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "accepting waited for the queue: {:?}",
        started.elapsed()
    );
    all_sent(&system, 210, AWAY).await;
    shown(&api, "degraded").await;
    system.queue.instance().start_again().await;
    is_used_again(&system, &api, 210).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_messages_are_accepted_and_sent_and_it_is_used_again_when_it_is_back() {
    goes_on_without_the_queue(Queue::redis().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_rabbitmq_messages_are_accepted_and_sent_and_it_is_used_again_when_it_is_back() {
    goes_on_without_the_queue(Queue::rabbitmq().await).await;
}

/// A queue server that is down from the start keeps nobody from starting, and no message from going
/// out.
async fn starts_without_the_queue(queue: Queue) {
    let system = System::on_postgres(queue).await;
    system.queue.instance().kill().await;
    let (api, _worker) = (system.api(), system.worker());
    api.post_many(20, message).await;
    all_sent(&system, 20, AWAY).await;
    system.queue.instance().start_again().await;
    is_used_again(&system, &api, 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_down_from_the_start_keeps_nobody_from_starting() {
    starts_without_the_queue(Queue::redis().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rabbitmq_that_is_down_from_the_start_keeps_nobody_from_starting() {
    starts_without_the_queue(Queue::rabbitmq().await).await;
}

/// A network that swallows everything on its way to the queue server is noticed, and delays nothing
/// for long.
async fn goes_on_past_a_black_hole(queue: Queue) {
    let mut system = System::on_postgres(queue).await;
    let (proxy, url) = Proxy::in_front_of(system.queue.instance().url());
    system.set("SMS_QUEUE", url);
    let (api, _worker) = (system.api(), system.worker());
    api.post_many(20, |n| message(1_000 + n)).await;
    all_sent(&system, 20, BACK).await;
    proxy.set(Mode::HalfOpen);
    let started = Instant::now();
    api.post_many(100, message).await;
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "accepting waited for the queue: {:?}",
        started.elapsed()
    );
    all_sent(&system, 120, AWAY).await;
    shown(&api, "degraded").await;
    proxy.set(Mode::Pass);
    is_used_again(&system, &api, 120).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_black_hole_in_front_of_redis_delays_no_message_for_long() {
    goes_on_past_a_black_hole(Queue::redis().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_black_hole_in_front_of_rabbitmq_delays_no_message_for_long() {
    goes_on_past_a_black_hole(Queue::rabbitmq().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_server_without_its_queue_server_sends_at_once() {
    let system = System::on_postgres(Queue::redis().await).await;
    let server = system.whole();
    server.post_many(10, |n| message(1_000 + n)).await;
    all_sent(&system, 10, BACK).await;
    system.queue.instance().kill().await;
    server.post_many(20, message).await;
    all_sent(&system, 30, AWAY).await;
    shown(&server, "degraded").await;
    let (status, accepted) = server.post("k", &message(3_000)).await.expect("a reply");
    assert_eq!(status, 202, "{accepted}");
    let id = accepted["id"].as_str().expect("an id");
    server.wait_for(id, "sent", Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_queue_address_loses_nothing_of_what_waited_in_the_old_one() {
    let mut system = System::on_postgres(Queue::redis().await).await;
    let api = system.api();
    // In the old queue, with nobody to take them.
    api.post_many(200, message).await;
    let _ = api.terminate();
    let other = Redis::start().await;
    system.set("SMS_QUEUE", other.url().to_owned());
    let (_api, _worker) = (system.api(), system.worker());
    eventually("all went out", BACK, async || system.smsru.accepted_count() == 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_postgres_nothing_is_accepted_and_everything_goes_on_when_it_is_back() {
    let system = System::on_postgres(Queue::Memory).await;
    let server = system.whole();
    let before = server.post_many(100, message).await;
    system.postgres().kill().await;
    let refused = server.post("k", &message(1_000)).await.expect("an answer");
    assert_eq!((refused.0, &refused.1["code"]), (503, &json!("unavailable")), "{}", refused.1);
    system.postgres().start_again().await;
    let accepted =
        async || server.post("k", &message(1_000)).await.is_ok_and(|(status, _)| status == 202);
    let took = eventually("a message is accepted again", Duration::from_secs(10), accepted).await;
    println!("accepting again {took:?} after PostgreSQL was back");
    let settled = async || server.count("queued,sending").await == 0;
    eventually("all have their end", Duration::from_mins(1), settled).await;
    // What was being sent when the database went is unknown at worst, and never sent twice.
    let accepted = system.smsru.accepted();
    for n in (0..100).chain([1_000]) {
        let times = accepted.iter().filter(|message| message.text == format!("n{n}")).count();
        assert!(times <= 1, "n{n} was accepted {times} times");
    }
    assert_eq!(before.len(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_open_connection_to_postgres_hangs_nobody_for_long() {
    let mut system = System::on_postgres(Queue::Memory).await;
    let (proxy, url) = Proxy::in_front_of(system.postgres().url());
    system.set("SMS_STORE", format!("{url}?timeout_seconds=3"));
    let server = system.whole();
    server.post_many(10, message).await;
    proxy.set(Mode::HalfOpen);
    let started = Instant::now();
    let answer = server.post("k", &message(1_000)).await.expect("an answer");
    assert_eq!(answer.0, 503, "{}", answer.1);
    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
    // New connections find a network that works; the old ones are as good as dead.
    proxy.reset();
    proxy.set(Mode::Pass);
    let accepted =
        async || server.post("k", &message(1_000)).await.is_ok_and(|(status, _)| status == 202);
    eventually("a message is accepted again", Duration::from_secs(10), accepted).await;
    eventually("all have their end", Duration::from_mins(1), async || {
        server.count("queued,sending").await == 0
    })
    .await;
}
