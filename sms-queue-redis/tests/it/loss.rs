//! Loss of streams, groups, consumers and servers, and recovery from it.

use std::time::Duration;

use sms_core::{Lane, Queue as _};

use crate::support::{PATIENCE, Prefix, Server, jobs, jobs_of, pull_all, push, queue};

#[tokio::test]
async fn the_queue_works_on_after_flushall() {
    let server = Server::start();
    let queue = queue(server.config());
    push(&queue, &jobs(Lane::Normal, 3)).await;
    let old = pull_all(&queue, 2).await;
    let () = server.ask(&["FLUSHALL"]);
    queue.ack(&old).await.expect("an ack of what is gone");
    queue.release(&old).await.expect("a release of what is gone");
    assert_eq!(queue.pull(10, Duration::ZERO).await.expect("pull"), []);
    let pushed = jobs(Lane::Normal, 3);
    push(&queue, &pushed).await;
    assert_eq!(jobs_of(&pull_all(&queue, 3).await), pushed);
}

#[tokio::test]
async fn a_waiting_pull_is_woken_after_flushall() {
    let server = Server::start();
    let queue = queue(server.config());
    push(&queue, &jobs(Lane::Normal, 1)).await;
    pull_all(&queue, 1).await;
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.pull(1, PATIENCE).await }
    });
    crate::support::until("the pull waits", || blocked_clients(&server) == 1).await;
    let () = server.ask(&["FLUSHALL"]);
    let pushed = jobs(Lane::Bulk, 1);
    push(&queue, &pushed).await;
    assert_eq!(jobs_of(&waiting.await.expect("no panic").expect("pull")), pushed);
}

fn blocked_clients(server: &Server) -> usize {
    let clients: String = server.ask(&["CLIENT", "LIST"]);
    clients.lines().filter(|client| client.contains("flags=b")).count()
}

#[tokio::test]
async fn a_destroyed_group_comes_back_with_everything_in_the_stream() {
    let prefix = Prefix::shared();
    let queue = queue(prefix.config());
    let pushed = jobs(Lane::Normal, 3);
    push(&queue, &pushed).await;
    let leased = pull_all(&queue, 1).await;
    let _: i64 = prefix.ask(&["XGROUP", "DESTROY", &prefix.key("normal"), "workers"]);
    let stats = queue.stats().await.expect("stats").lanes.normal;
    assert_eq!((stats.ready, stats.leased), (3, 0));
    queue.release(&leased).await.expect("a release without a group");
    assert_eq!(
        jobs_of(&pull_all(&queue, 3).await),
        pushed,
        "leased ones too, since the group held their leases"
    );
}

#[tokio::test]
async fn ids_of_a_deleted_stream_can_be_pushed_again() {
    let prefix = Prefix::shared();
    let queue = queue(prefix.config());
    let pushed = jobs(Lane::Bulk, 2);
    push(&queue, &pushed).await;
    let _: i64 = prefix.ask(&["DEL", &prefix.key("bulk")]);
    push(&queue, &pushed).await;
    assert_eq!(jobs_of(&pull_all(&queue, 2).await), pushed);
}

#[tokio::test]
async fn ids_of_a_trimmed_stream_can_be_pushed_again() {
    let prefix = Prefix::shared();
    let queue = queue(prefix.config());
    let pushed = jobs(Lane::Bulk, 3);
    push(&queue, &pushed).await;
    let _: i64 = prefix.ask(&["XTRIM", &prefix.key("bulk"), "MAXLEN", "1"]);
    push(&queue, &pushed).await;
    let mut pulled = jobs_of(&pull_all(&queue, 3).await);
    pulled.sort_by_key(|job| job.id);
    assert_eq!(pulled, pushed);
}

#[tokio::test]
async fn ids_of_a_consumer_that_an_operator_deleted_can_be_pushed_again() {
    let prefix = Prefix::shared();
    let queue = queue(prefix.config());
    let pushed = jobs(Lane::Normal, 2);
    push(&queue, &pushed).await;
    pull_all(&queue, 2).await;
    let consumers: Vec<Vec<redis::Value>> =
        prefix.ask(&["XINFO", "CONSUMERS", &prefix.key("normal"), "workers"]);
    for consumer in consumers {
        let name: String = redis::from_redis_value(consumer[1].clone()).expect("a name");
        let _: i64 =
            prefix.ask(&["XGROUP", "DELCONSUMER", &prefix.key("normal"), "workers", &name]);
    }
    push(&queue, &pushed).await;
    assert_eq!(
        jobs_of(&pull_all(&queue, 2).await),
        pushed,
        "their old entries are in the stream and are not handed out"
    );
    let lane = queue.stats().await.expect("stats").lanes.normal;
    assert_eq!((lane.ready, lane.leased), (0, 2), "the old entries are gone");
}

#[tokio::test]
async fn an_entry_that_is_no_id_is_dropped() {
    let prefix = Prefix::shared();
    let queue = queue(prefix.config());
    let _: String = prefix.ask(&["XADD", &prefix.key("urgent"), "*", "something", "else"]);
    let pushed = jobs(Lane::Urgent, 1);
    push(&queue, &pushed).await;
    assert_eq!(jobs_of(&pull_all(&queue, 1).await), pushed);
    assert_eq!(prefix.ask::<i64>(&["XLEN", &prefix.key("urgent")]), 1);
}

#[tokio::test]
async fn a_restarted_server_is_reached_again() {
    let mut server = Server::start();
    let queue = queue(server.config());
    push(&queue, &jobs(Lane::Normal, 1)).await;
    pull_all(&queue, 1).await;
    server.kill();
    let error = queue.push(&jobs(Lane::Normal, 1)).await.expect_err("the server is down");
    assert!(error.is_retryable(), "{error:?}");
    let error = queue.pull(1, PATIENCE).await.expect_err("the server is down");
    assert!(error.is_retryable(), "{error:?}");
    server.start_again();
    let pushed = jobs(Lane::Normal, 2);
    push(&queue, &pushed).await;
    assert_eq!(jobs_of(&pull_all(&queue, 2).await), pushed);
}

#[tokio::test]
async fn a_restart_between_two_calls_is_not_noticed() {
    let mut server = Server::start();
    let queue = queue(server.config());
    queue.pull(1, Duration::from_millis(1)).await.expect("both connections are made");
    server.kill();
    server.start_again();
    queue
        .push(&jobs(Lane::Normal, 1))
        .await
        .expect("a push on a connection that was closed in between");
    assert_eq!(queue.pull(1, PATIENCE).await.expect("pull").len(), 1);
    queue
        .pull(1, Duration::from_millis(1))
        .await
        .expect("a wait on a connection that was closed in between");
}

#[tokio::test]
async fn a_waiting_pull_fails_when_the_server_dies() {
    let mut server = Server::start();
    let queue = queue(server.config());
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.pull(1, PATIENCE).await }
    });
    crate::support::until("the pull waits", || blocked_clients(&server) == 1).await;
    server.kill();
    let error = waiting.await.expect("no panic").expect_err("the server is down");
    assert!(error.is_retryable(), "{error:?}");
}
