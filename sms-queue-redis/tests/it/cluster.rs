//! Tests of `redis+cluster://`, with a cluster of one node.

use std::time::Duration;

use sms_core::{ErrorKind, Lane, Queue as _};
use sms_queue_redis::{RedisConfig, RedisQueue};
use tokio::time::Instant;

use crate::support::{PATIENCE, Server, jobs, jobs_of, patient, pull_all, push, queue, until};

async fn cluster() -> (Server, RedisQueue) {
    let server = Server::start_with(&["--save", "", "--cluster-enabled", "yes"]);
    let () = server.ask(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    until("the cluster is up", || {
        server.ask::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
    })
    .await;
    let url = format!("redis+cluster://127.0.0.1:{}", server.port);
    let queue = queue(patient(RedisConfig::from_url(&url).expect("an address")));
    (server, queue)
}

#[tokio::test]
async fn every_call_works_in_a_cluster() {
    let (_server, queue) = cluster().await;
    let pushed = jobs(Lane::Normal, 5);
    push(&queue, &pushed).await;
    let leases = pull_all(&queue, 3).await;
    queue.ack(&leases[..2]).await.expect("ack");
    queue.release(&leases[2..]).await.expect("release");
    let lane = queue.stats().await.expect("stats").lanes.normal;
    assert_eq!((lane.ready, lane.leased), (3, 0));
    assert_eq!(jobs_of(&pull_all(&queue, 3).await), pushed[2..]);
}

#[tokio::test]
async fn a_pull_waits_in_a_cluster() {
    let (_server, queue) = cluster().await;
    let start = Instant::now();
    assert_eq!(queue.pull(1, Duration::from_millis(1200)).await.expect("pull"), []);
    assert!(start.elapsed() >= Duration::from_millis(1100), "{:?}", start.elapsed());
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.pull(1, PATIENCE).await }
    });
    push(&queue, &jobs(Lane::Urgent, 1)).await;
    assert_eq!(waiting.await.expect("no panic").expect("pull").len(), 1);
}

#[tokio::test]
async fn a_cluster_that_was_restarted_is_reached_again() {
    let (mut server, queue) = cluster().await;
    push(&queue, &jobs(Lane::Normal, 1)).await;
    pull_all(&queue, 1).await;
    server.kill();
    server.start_again();
    let pushed = jobs(Lane::Normal, 1);
    push(&queue, &pushed).await;
    assert_eq!(jobs_of(&pull_all(&queue, 1).await), pushed);
}

#[tokio::test]
async fn a_server_that_is_no_cluster_is_a_matter_of_configuration() {
    let single = Server::start();
    let url = format!("redis+cluster://127.0.0.1:{}", single.port);
    let wrong = queue(RedisConfig::from_url(&url).expect("an address"));
    let error = wrong.stats().await.expect_err("it is no cluster");
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
}
