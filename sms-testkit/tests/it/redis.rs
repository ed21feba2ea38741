//! Redis servers that belong to one test.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

use sms_testkit::instances::Redis;

use crate::rerun;
use crate::wire::{connect, is_refused, is_silent, read, until, write};

/// Variable that marks the process to be killed.
const ABANDON: &str = "SMS_TESTKIT_ABANDON";

/// Sends a command and checks the answer.
fn expect(redis: &Redis, command: &str, answer: &str) {
    let connection = connect(redis.address());
    write(&connection, format!("{command}\r\n").as_bytes());
    assert_eq!(String::from_utf8_lossy(&read(&connection, answer.len())), answer, "{command}");
}

/// Folder of a server.
fn folder(redis: &Redis) -> PathBuf {
    let connection = connect(redis.address());
    write(&connection, b"CONFIG GET dir\r\n");
    // *2 $3 dir $42 /tmp/…
    let mut lines = BufReader::new(connection).lines();
    lines.nth(4).expect("an answer").expect("a line").into()
}

#[tokio::test]
async fn a_killed_redis_restarts_empty_at_the_same_address() {
    let redis = Redis::start().await;
    let url = redis.url().to_owned();
    expect(&redis, "SET key value", "+OK\r\n");
    redis.kill().await;
    assert!(is_refused(redis.address()));
    redis.start_again().await;
    assert_eq!(
        (redis.url(), redis.address().to_string()),
        (url.as_str(), url.replace("redis://", ""))
    );
    expect(&redis, "GET key", "$-1\r\n");
}

#[tokio::test]
async fn a_persistent_redis_restarts_with_its_data() {
    let redis = Redis::start_persistent().await;
    expect(&redis, "SET key value", "+OK\r\n");
    redis.kill().await;
    redis.start_again().await;
    expect(&redis, "GET key", "$5\r\nvalue\r\n");
    redis.stop().await;
    redis.start_again().await;
    expect(&redis, "GET key", "$5\r\nvalue\r\n");
}

#[tokio::test]
async fn a_paused_redis_is_silent_until_it_goes_on() {
    let redis = Redis::start().await;
    redis.pause().await;
    let connection = connect(redis.address());
    write(&connection, b"PING\r\n");
    assert!(is_silent(&connection));
    redis.resume().await;
    assert_eq!(read(&connection, 7), b"+PONG\r\n");
    redis.pause().await;
    redis.kill().await;
    assert!(is_refused(redis.address()));
}

#[tokio::test]
async fn settings_take_effect() {
    let redis = Redis::start_with(&[("maxmemory", "1mb"), ("requirepass", "secret")]).await;
    expect(&redis, "AUTH secret", "+OK\r\n");
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_does_not_run_while_a_server_starts() {
    let start = tokio::time::Instant::now();
    let redis = Redis::start().await;
    redis.kill().await;
    redis.start_again().await;
    assert!(start.elapsed().is_zero());
}

#[tokio::test]
async fn servers_started_concurrently_do_not_share_a_port() {
    let all = [Redis::start(), Redis::start(), Redis::start(), Redis::start()];
    let starting: Vec<_> = all.into_iter().map(tokio::spawn).collect();
    let mut all = Vec::new();
    for redis in starting {
        all.push(redis.await.expect("started"));
    }
    for redis in &all {
        expect(redis, "SETNX key value", ":1\r\n");
    }
}

#[tokio::test]
async fn a_dropped_redis_is_removed_with_its_folder() {
    let redis = Redis::start().await;
    let (address, folder) = (redis.address(), folder(&redis));
    assert!(folder.is_dir());
    drop(redis);
    assert!(is_refused(address));
    assert!(!folder.exists());
}

/// Body of the process that [`a_server_does_not_outlive_a_killed_test`] kills; not a test itself.
#[tokio::test]
async fn is_killed() {
    if std::env::var_os(ABANDON).is_some() {
        let redis = Redis::start().await;
        println!("\nat {} {}", redis.address(), folder(&redis).display());
        std::future::pending::<()>().await;
    }
}

#[test]
fn a_missing_program_fails_with_one_line_that_says_what_to_install() {
    let test = rerun::command("redis::settings_take_effect")
        .env("PATH", "/nowhere")
        .output()
        .expect("a process");
    let errors = String::from_utf8_lossy(&test.stderr);
    let line = "redis-server is not in PATH: install Redis (Debian: redis-server)";
    assert!(!test.status.success() && errors.lines().any(|error| error == line), "{errors}");
}

#[test]
fn a_server_does_not_outlive_a_killed_test() {
    let mut test = rerun::command("redis::is_killed");
    let mut test = test.env(ABANDON, "1").stdout(Stdio::piped()).spawn().expect("a process");
    let mut lines =
        BufReader::new(test.stdout.take().expect("its output")).lines().map_while(Result::ok);
    let line = lines.find(|line| line.starts_with("at ")).expect("a server");
    let mut words = line.split(' ').skip(1);
    let address = words.next().and_then(|word| word.parse().ok()).expect("an address");
    let folder = PathBuf::from(words.next().expect("a folder"));
    assert!(!is_refused(address) && folder.is_dir());
    test.kill().expect("killed");
    test.wait().expect("ended");
    until("the end of the server", || is_refused(address) && !folder.exists());
}
