//! Servers that cannot be reached, and servers that refuse.

use std::time::Duration;

use sms_core::{ErrorKind, Lane, Queue as _};
use sms_queue_redis::{RedisConfig, RedisQueue};
use tokio::time::Instant;

use crate::support::{Server, free_port, jobs, jobs_of, patient, pull_all, push, queue, until};

async fn kind(queue: &RedisQueue) -> ErrorKind {
    queue.stats().await.expect_err("it cannot be used").kind()
}

#[tokio::test]
async fn a_server_that_is_down_at_the_start_is_reached_when_it_is_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let queue = queue(RedisConfig::new("127.0.0.1", port));
    let start = Instant::now();
    for _ in 0..3 {
        let error = queue.pull(1, Duration::from_mins(1)).await.expect_err("the server is down");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    assert!(start.elapsed() < Duration::from_secs(10), "it fails at once: {:?}", start.elapsed());
    let _server = Server::start_in(folder, port, &["--save", ""]);
    let pushed = jobs(Lane::Normal, 1);
    push(&queue, &pushed).await;
    assert_eq!(jobs_of(&pull_all(&queue, 1).await), pushed);
}

#[tokio::test]
async fn a_server_that_does_not_answer_keeps_no_call_waiting() {
    let server = Server::start();
    let queue = queue(
        server.config().timeout(Duration::from_millis(300)).connect_timeout(Duration::from_secs(1)),
    );
    queue.pull(1, Duration::from_millis(1)).await.expect("both connections are made");
    server.signal("-STOP");
    let start = Instant::now();
    for _ in 0..3 {
        assert_eq!(kind(&queue).await, ErrorKind::Unavailable);
        let error = queue.push(&jobs(Lane::Normal, 1)).await.expect_err("no answer");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let error = queue.pull(1, Duration::from_millis(100)).await.expect_err("no answer");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    server.signal("-CONT");
    push(&queue, &jobs(Lane::Normal, 1)).await;
    pull_all(&queue, 1).await;
}

#[tokio::test]
async fn a_wrong_password_is_a_matter_of_configuration() {
    let server = Server::start_with(&["--save", "", "--requirepass", "s3cret/ü"]);
    let address = |user: &str| format!("redis://{user}127.0.0.1:{}", server.port);
    for user in ["", ":wrong@", "nobody:wrong@"] {
        let queue = queue(patient(RedisConfig::from_url(&address(user)).expect("an address")));
        assert_eq!(kind(&queue).await, ErrorKind::Config, "{user}");
    }
    let queue =
        queue(patient(RedisConfig::from_url(&address(":s3cret%2F%C3%BC@")).expect("an address")));
    push(&queue, &jobs(Lane::Normal, 1)).await;
    pull_all(&queue, 1).await;
}

#[tokio::test]
async fn a_user_without_the_rights_is_a_matter_of_configuration() {
    let server = Server::start();
    let () = server
        .ask(&["ACL", "SETUSER", "reader", "on", ">pass", "~*", "+@read", "+ping", "+select"]);
    let queue = queue(server.config().username("reader").password("pass"));
    assert_eq!(kind(&queue).await, ErrorKind::Config);
}

#[tokio::test]
async fn the_rights_in_the_readme_are_enough() {
    let server = Server::start();
    let rights = "on >pass ~{sms}:* +@stream +evalsha +script|load +hget +hmget +hset +hdel \
                  +unlink +time +select";
    let command: Vec<&str> =
        ["ACL", "SETUSER", "queue"].into_iter().chain(rights.split(' ')).collect();
    let () = server.ask(&command);
    let config =
        server.config().username("queue").password("pass").lease(Duration::from_millis(100));
    let queue = queue(config);
    let pushed = jobs(Lane::Normal, 3);
    push(&queue, &pushed).await;
    push(&queue, &pushed).await;
    let leases = pull_all(&queue, 3).await;
    queue.release(&leases).await.expect("release");
    let leases = pull_all(&queue, 3).await;
    queue.stats().await.expect("stats");
    queue.ack(&leases).await.expect("ack");
    queue.ack(&leases).await.expect("ack");
    assert_eq!(queue.pull(1, Duration::from_millis(300)).await.expect("pull"), []);
}

#[tokio::test]
async fn a_database_that_is_not_there_is_a_matter_of_configuration() {
    let server = Server::start();
    assert_eq!(kind(&queue(server.config().database(99))).await, ErrorKind::Config);
}

#[tokio::test]
async fn keys_that_something_else_uses_are_a_matter_of_configuration() {
    let server = Server::start();
    let () = server.ask(&["SET", "{sms}:normal", "a string"]);
    let queue = queue(server.config());
    assert_eq!(kind(&queue).await, ErrorKind::Config);
    assert_eq!(queue.pull(1, Duration::ZERO).await.expect_err("refused").kind(), ErrorKind::Config);
    let pushed = queue.push(&jobs(Lane::Normal, 1)).await;
    assert_eq!(pushed.expect_err("refused").kind(), ErrorKind::Config);
}

#[tokio::test]
async fn a_server_short_of_memory_is_unavailable() {
    let server = Server::start();
    let queue = queue(server.config());
    push(&queue, &jobs(Lane::Normal, 1)).await;
    let () = server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    let error = queue.push(&jobs(Lane::Normal, 1)).await.expect_err("no room");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    let () = server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    push(&queue, &jobs(Lane::Normal, 1)).await;
}

#[tokio::test]
async fn a_server_without_free_connections_is_unavailable() {
    let server = Server::start_with(&["--save", "", "--maxclients", "1"]);
    let mut other = None;
    until("the only connection is taken", || {
        other = redis::Client::open(server.url()).and_then(|client| client.get_connection()).ok();
        other.is_some()
    })
    .await;
    assert_eq!(kind(&queue(server.config())).await, ErrorKind::Unavailable);
}

#[tokio::test]
async fn scripts_that_were_flushed_are_loaded_again() {
    let server = Server::start();
    let queue = queue(server.config());
    push(&queue, &jobs(Lane::Normal, 1)).await;
    let () = server.ask(&["SCRIPT", "FLUSH"]);
    push(&queue, &jobs(Lane::Normal, 1)).await;
    assert_eq!(pull_all(&queue, 2).await.len(), 2);
}
