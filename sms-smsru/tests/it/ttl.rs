//! Deadlines passed on as `ttl`.

use std::sync::Arc;
use std::time::Duration;

use sms_core::clock::datetime_from_ms;
use sms_core::{ManualClock, Provider, Submission};
use sms_smsru::{SmsRu, SmsRuConfig};
use wiremock::MockServer;

use crate::support::{Accepting, CANARY, PHONE, field, message, recipients, server};

const NOW_MS: i64 = 1_782_000_000_000;

/// A message that is valid for this time.
fn valid_for(digits: u64, seconds: i64) -> Submission {
    let mut submission = message(digits, "hi");
    submission.options.pass_deadline = true;
    submission.valid_until = datetime_from_ms(NOW_MS + seconds * 1000);
    submission
}

async fn stand_in() -> (MockServer, SmsRu, Arc<ManualClock>) {
    let (server, clock) = (server(Accepting::default()).await, ManualClock::new(NOW_MS));
    let config = SmsRuConfig::new(CANARY).base_url(server.uri()).clock(clock.clone());
    (server, SmsRu::new(config).unwrap(), clock)
}

async fn ttl(server: &MockServer) -> Option<String> {
    field(server.received_requests().await.unwrap().last().unwrap(), "ttl")
}

#[tokio::test]
async fn what_is_left_is_told_in_whole_minutes_or_not_at_all() {
    let (server, provider, _clock) = stand_in().await;
    for (seconds, expected) in [
        (-60, Some("1")),
        (0, Some("1")),
        (30, Some("1")),
        (119, Some("1")),
        (120, Some("2")),
        (300, Some("5")),
        (1440 * 60 + 59, Some("1440")),
        (1441 * 60, None),
        (30 * 86_400, None),
    ] {
        provider.submit(&[valid_for(PHONE, seconds)]).await;
        assert_eq!(ttl(&server).await.as_deref(), expected, "{seconds}");
    }
}

#[tokio::test]
async fn what_is_left_is_that_at_the_time_of_the_call() {
    let (server, provider, clock) = stand_in().await;
    let submission = valid_for(PHONE, 600);
    clock.advance(Duration::from_secs(241));
    provider.submit(&[submission]).await;
    assert_eq!(ttl(&server).await.as_deref(), Some("5"));
}

#[tokio::test]
async fn a_deadline_is_not_told_unless_asked_for() {
    let (server, provider, _clock) = stand_in().await;
    let mut submission = valid_for(PHONE, 600);
    submission.options.pass_deadline = false;
    provider.submit(&[submission, message(PHONE + 1, "hi")]).await;
    assert_eq!(ttl(&server).await, None);
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn messages_with_other_lifetimes_or_none_do_not_share_a_request() {
    let (server, provider, _clock) = stand_in().await;
    let mut batch: Vec<Submission> = (0..6).map(|n| message(PHONE + n, "hi")).collect();
    batch[1] = valid_for(PHONE + 1, 300);
    batch[2] = valid_for(PHONE + 2, 359);
    batch[3] = valid_for(PHONE + 3, 360);
    batch[4] = valid_for(PHONE + 4, 2_000_000);
    provider.submit(&batch).await;
    let requests = server.received_requests().await.unwrap();
    let mut told: Vec<_> =
        requests.iter().map(|request| (field(request, "ttl"), recipients(request).len())).collect();
    told.sort();
    let ttl = |minutes: &str| Some(minutes.to_owned());
    assert_eq!(told, [(None, 3), (ttl("5"), 2), (ttl("6"), 1)]);
}

#[tokio::test]
async fn a_message_without_an_end_has_no_lifetime() {
    let (server, provider, _clock) = stand_in().await;
    let mut submission = message(PHONE, "hi");
    submission.options.pass_deadline = true;
    provider.submit(&[submission]).await;
    assert_eq!(ttl(&server).await, None);
}
