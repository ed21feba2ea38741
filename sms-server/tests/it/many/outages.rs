//! A service is away for a while.

use std::time::Duration;

use serde_json::json;
use sms_testkit::instances::Redis;
use sms_testkit::proxy::{Mode, Proxy};
use tokio::time::{Instant, sleep};

use super::{Queue, System, eventually, message};

/// How long a message may wait for a queue that is back.
const BACK: Duration = Duration::from_mins(1);

/// The API accepts while the queue server is down, and what it accepted goes out soon after it is back.
async fn accepts_without_the_queue(queue: Queue) {
    let system = System::on_postgres(queue).await;
    let (api, _worker) = (system.api(), system.worker());
    api.post_many(10, |n| message(1_000 + n)).await;
    // RabbitMQ 3.10 brings a quorum queue back without a leader when it was declared seconds before a kill.
    sleep(Duration::from_secs(6)).await;
    system.queue.instance().kill().await;
    let started = Instant::now();
    api.post_many(200, message).await;
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "accepting waited for the queue: {:?}",
        started.elapsed()
    );
    system.queue.instance().start_again().await;
    let sent = async || system.smsru.accepted_count() == 210;
    let took = eventually("all went out", BACK, sent).await;
    println!("200 messages accepted without a queue went out {took:?} after it was back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_messages_are_accepted_and_go_out_when_it_is_back() {
    accepts_without_the_queue(Queue::redis().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_rabbitmq_messages_are_accepted_and_go_out_when_it_is_back() {
    accepts_without_the_queue(Queue::rabbitmq().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_down_from_the_start_keeps_nobody_from_starting() {
    let system = System::on_postgres(Queue::redis().await).await;
    system.queue.instance().kill().await;
    let (api, _worker) = (system.api(), system.worker());
    api.post_many(20, message).await;
    system.queue.instance().start_again().await;
    eventually("all went out", BACK, async || system.smsru.accepted_count() == 20).await;
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
    let accepted = async || server.post("k", &message(1_000)).await.is_ok_and(|(status, _)| status == 202);
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
    let accepted = async || server.post("k", &message(1_000)).await.is_ok_and(|(status, _)| status == 202);
    eventually("a message is accepted again", Duration::from_secs(10), accepted).await;
    eventually("all have their end", Duration::from_mins(1), async || {
        server.count("queued,sending").await == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_black_hole_in_front_of_redis_delays_no_acceptance() {
    let mut system = System::on_postgres(Queue::redis().await).await;
    let (proxy, url) = Proxy::in_front_of(system.queue.instance().url());
    system.set("SMS_QUEUE", url);
    let (api, _worker) = (system.api(), system.worker());
    api.post_many(20, message).await;
    proxy.set(Mode::HalfOpen);
    sleep(Duration::from_millis(200)).await;
    let started = Instant::now();
    api.post_many(100, |n| message(100 + n)).await;
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "accepting waited for the queue: {:?}",
        started.elapsed()
    );
    proxy.set(Mode::Pass);
    eventually("all went out", BACK, async || system.smsru.accepted_count() == 120).await;
}
