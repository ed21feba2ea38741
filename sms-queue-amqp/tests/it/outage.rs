//! Outages of RabbitMQ: a stopped, crashed or silent broker, closed connections, alarms.

use std::time::Duration;

use sms_core::{ErrorKind, Lane, Queue as _};
use tokio::time::Instant;

use crate::broker::Broker;
use crate::proxy::Proxy;
use crate::support::{Lanes, jobs, pull_all, push_through, sorted, until};

/// Limit of a recovery that takes a few seconds, on a busy machine.
const RECOVERY_LIMIT: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_and_a_crash_of_the_broker_lose_no_confirmed_job_and_need_no_intervention() {
    let mut broker = Broker::start().await;
    let lanes = Lanes::temporary(broker.address());
    let queue = lanes.open().await;
    for crash in [false, true] {
        let pushed = jobs(Lane::Normal, 20);
        push_through(&queue, &pushed).await;
        let held = pull_all(&queue, 5).await;

        if crash {
            broker.kill();
        } else {
            broker.stop().await;
        }
        until("the loss is noticed", async || {
            let down = |kind| kind == ErrorKind::Unavailable;
            queue.push(&jobs(Lane::Bulk, 1)).await.is_err_and(|error| down(error.kind()))
                && queue.pull(1, Duration::ZERO).await.is_err_and(|error| down(error.kind()))
        })
        .await;
        let start = Instant::now();
        queue.push(&jobs(Lane::Bulk, 1)).await.expect_err("down");
        queue.pull(1, Duration::from_mins(1)).await.expect_err("down");
        queue.stats().await.expect_err("down");
        queue.ack(&held[..2]).await.expect("an ack of a lease that is gone");
        queue.release(&held[2..]).await.expect("a release of a lease that is gone");
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "calls fail at once: {:?}",
            start.elapsed()
        );

        broker.run().await;
        let back = Instant::now();
        let urgent = jobs(Lane::Urgent, 1);
        push_through(&queue, &urgent).await;
        let first = pull_all(&queue, 1).await;
        assert_eq!(sorted(&first), urgent);
        assert!(back.elapsed() < RECOVERY_LIMIT, "it took {:?}", back.elapsed());
        let rest = pull_all(&queue, 20).await;
        assert_eq!(sorted(&rest), pushed, "the acks did not reach RabbitMQ");
        queue.ack(&first).await.expect("ack");
        queue.ack(&rest).await.expect("ack");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_recovers_from_connections_closed_by_an_operator_and_from_alarms() {
    let broker = Broker::start().await;
    let lanes = Lanes::temporary(broker.address());
    let queue = lanes.open_with(|config| config.timeout(Duration::from_secs(3))).await;
    let pushed = jobs(Lane::Normal, 20);
    queue.push(&pushed).await.expect("push");
    let held = pull_all(&queue, 5).await;

    broker.control(&["close_all_connections", "a test"]).await;
    let closed = Instant::now();
    assert_eq!(
        sorted(&pull_all(&queue, 20).await),
        pushed,
        "what was held comes back, and nothing is lost"
    );
    queue.ack(&held).await.expect("an ack across connections");
    push_through(&queue, &jobs(Lane::Bulk, 1)).await;
    assert!(closed.elapsed() < RECOVERY_LIMIT, "it took {:?}", closed.elapsed());

    let before = jobs(Lane::Urgent, 3);
    push_through(&queue, &before).await;
    broker.control(&["set_disk_free_limit", "1000000GB"]).await;
    // RabbitMQ reports an alarm to a connection when it publishes.
    until("a push is refused", async || queue.push(&jobs(Lane::Bulk, 1)).await.is_err()).await;
    until("pushes are refused at once", async || {
        let start = Instant::now();
        let refused = queue
            .push(&jobs(Lane::Bulk, 1))
            .await
            .is_err_and(|error| error.to_string().contains("short"));
        refused && start.elapsed() < Duration::from_millis(500)
    })
    .await;
    let leases = pull_all(&queue, 3).await;
    assert_eq!(sorted(&leases), before, "jobs can be pulled during the alarm");
    queue.ack(&leases).await.expect("and acked");

    broker.control(&["set_disk_free_limit", "1MB"]).await;
    let urgent = jobs(Lane::Urgent, 1);
    push_through(&queue, &urgent).await;
    assert_eq!(sorted(&pull_all(&queue, 1).await), urgent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_goes_silent_is_given_up_and_nothing_piles_up() {
    let broker = Broker::start().await;
    let proxy = Proxy::to(broker.port()).await;
    let lanes = Lanes::temporary(proxy.address());
    let limit = Duration::from_secs(2);
    let queue = lanes.open_with(|config| config.timeout(limit)).await;
    let pushed = jobs(Lane::Normal, 5);
    queue.push(&pushed).await.expect("push");
    assert_eq!(proxy.connections(), 4);

    proxy.silence(true);
    let start = Instant::now();
    queue.push(&jobs(Lane::Bulk, 1)).await.expect_err("RabbitMQ does not confirm");
    assert!(start.elapsed() < limit * 2, "a push took {:?}", start.elapsed());
    until("a pull fails", async || queue.pull(1, Duration::ZERO).await.is_err()).await;
    assert!(start.elapsed() < RECOVERY_LIMIT, "it took {:?}", start.elapsed());
    // None of these attempts to connect ends by itself.
    until("ten connections were tried", async || proxy.accepted() >= 10).await;
    assert!(proxy.connections() <= 6, "{} connections are left open", proxy.connections());

    proxy.silence(false);
    let urgent = jobs(Lane::Urgent, 1);
    assert!(push_through(&queue, &urgent).await < RECOVERY_LIMIT);
    let pulled = pull_all(&queue, 6).await;
    assert_eq!(sorted(&pulled[1..]), pushed);
    until("there are as many connections again", async || proxy.connections() == 4).await;
}
