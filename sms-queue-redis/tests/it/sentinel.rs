//! Tests of `redis+sentinel://`, with a sentinel, a master and a replica.

use std::time::Duration;

use sms_core::{ErrorKind, Lane, Queue as _};
use sms_queue_redis::{RedisConfig, RedisQueue};

use crate::support::{
    PATIENCE, Server, free_port, jobs, jobs_of, patient, pull_all, push, queue, try_ask, until,
};

fn sentinel_of(master: &Server) -> Server {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("sentinel.conf");
    let port = master.port;
    let text = format!(
        "sentinel monitor mymaster 127.0.0.1 {port} 1\n\
         sentinel down-after-milliseconds mymaster 500\n\
         sentinel failover-timeout mymaster 3000\n"
    );
    std::fs::write(&file, text).expect("a file");
    let file = file.display().to_string();
    Server::start_in(folder, free_port(), &[&file, "--sentinel"])
}

fn queue_of(sentinel: &Server) -> RedisQueue {
    let url = format!("redis+sentinel://127.0.0.1:{}/0?master=mymaster", sentinel.port);
    queue(patient(RedisConfig::from_url(&url).expect("an address")))
}

#[tokio::test]
async fn jobs_go_to_the_master_the_sentinel_names() {
    let master = Server::start();
    let sentinel = sentinel_of(&master);
    let queue = queue_of(&sentinel);
    let pushed = jobs(Lane::Normal, 3);
    push(&queue, &pushed).await;
    assert_eq!(master.ask::<i64>(&["XLEN", "{sms}:normal"]), 3);
    assert_eq!(jobs_of(&pull_all(&queue, 3).await), pushed);
}

#[tokio::test]
async fn after_a_failover_the_new_master_is_used() {
    let mut master = Server::start();
    let replica =
        Server::start_with(&["--save", "", "--replicaof", "127.0.0.1", &master.port.to_string()]);
    let sentinel = sentinel_of(&master);
    let queue = queue_of(&sentinel);
    push(&queue, &jobs(Lane::Normal, 1)).await;
    until("the sentinel knows the replica", || {
        let replicas: Vec<redis::Value> = sentinel.ask(&["SENTINEL", "REPLICAS", "mymaster"]);
        let synced: i64 = replica.ask(&["XLEN", "{sms}:normal"]);
        !replicas.is_empty() && synced == 1
    })
    .await;
    master.kill();
    until("the replica is the master now", || {
        // The replica closes its connections when it becomes the master.
        let role: Vec<redis::Value> = try_ask(&replica.url(), &["ROLE"]).unwrap_or_default();
        role.first() == Some(&redis::Value::BulkString(b"master".to_vec()))
    })
    .await;
    let pushed = jobs(Lane::Bulk, 2);
    push(&queue, &pushed).await;
    assert_eq!(try_ask::<i64>(&replica.url(), &["XLEN", "{sms}:bulk"]).unwrap_or_default(), 2);
    assert_eq!(pull_all(&queue, 3).await.len(), 3);
}

#[tokio::test]
async fn a_master_that_the_sentinel_does_not_know_is_unavailable() {
    let master = Server::start();
    let sentinel = sentinel_of(&master);
    let config =
        RedisConfig::sentinel([format!("127.0.0.1:{}", sentinel.port)], "other").expect("valid");
    let error = queue(patient(config)).pull(1, PATIENCE).await.expect_err("no master");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
}

#[tokio::test]
async fn a_sentinel_that_is_down_keeps_no_call_waiting() {
    let config =
        RedisConfig::sentinel([format!("127.0.0.1:{}", free_port())], "mymaster").expect("valid");
    let queue = queue(config.connect_timeout(Duration::from_secs(1)));
    let error = queue.stats().await.expect_err("the sentinel is down");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
}
