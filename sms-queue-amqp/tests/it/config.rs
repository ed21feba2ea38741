//! Errors of the configuration, reported by `connect`.

use std::time::Duration;

use sms_core::{ErrorKind, Lane, Queue as _};
use sms_queue_amqp::{AmqpConfig, AmqpQueue};
use tokio::time::Instant;

use crate::support::{Lanes, address, jobs};

async fn refusal(config: AmqpConfig) -> String {
    let error = AmqpQueue::connect(config).await.expect_err("must be refused");
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    error.to_string()
}

/// The address of the tests' broker, with another user, password or virtual host.
fn altered(user: &str, vhost: &str) -> AmqpConfig {
    let address = address();
    let (_, host) = address.rsplit_once('@').expect("SMS_TEST_AMQP_URL names a user");
    let host = host.split(['/', '?']).next().expect("a host");
    AmqpConfig::from_url(&format!("amqp://{user}@{host}/{vhost}?timeout_ms=20000"))
        .expect("an address")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_a_matter_of_configuration() {
    let message = refusal(altered("guest:canary", "%2f")).await;
    assert!(message.contains("password") && !message.contains("canary"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_virtual_host_that_is_not_there_is_a_matter_of_configuration() {
    let message = refusal(altered("guest:guest", "no-such-host")).await;
    assert!(message.contains("virtual host"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_with_other_options_are_a_matter_of_configuration() {
    let lanes = Lanes::new();
    lanes.open_with(|config| config.capacity(1000)).await;
    let message = refusal(lanes.config().capacity(2000)).await;
    assert!(message.contains("other options"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_option_out_of_range_is_refused_before_anything_is_declared() {
    let message = refusal(Lanes::new().config().lease(Duration::from_hours(1))).await;
    assert!(message.contains("lease_ms"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_down_at_the_start_is_no_error_and_calls_answer_at_once() {
    let closed =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("a port");
    let config = AmqpConfig::from_url(&format!("amqp://{closed}/%2f")).expect("an address");
    let queue = AmqpQueue::connect(config).await.expect("a queue");
    let start = Instant::now();
    assert_eq!(
        queue.push(&jobs(Lane::Normal, 1)).await.expect_err("down").kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(
        queue.pull(1, Duration::from_mins(1)).await.expect_err("down").kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(queue.stats().await.expect_err("down").kind(), ErrorKind::Unavailable);
    queue.ack(&[]).await.expect("nothing to ack");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}
