//! The log of messages that end badly.

use std::time::Duration;

use sms_core::end_log::{EndLog, log_by_person};
use sms_core::store::{CancelRequest, Resolution, ResolveRequest};
use sms_core::{Outcome, Receipt, ReceiptState, Scope, Status, Store};
use tokio::time::sleep;

use crate::log::Log;
use crate::support::{Reply, World, accept, all, message};

/// The one line about a message that ended with this status.
fn line(log: &Log, id: sms_core::MessageId, status: &str) -> String {
    let lines = log.lines(&id.to_string());
    let lines: Vec<_> =
        lines.iter().filter(|line| line.contains(&format!("message {status}"))).collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines[0].clone()
}

#[tokio::test(start_paused = true)]
async fn a_refusal_and_a_silence_each_warn_with_code_and_reason_and_an_acceptance_does_not() {
    let (world, log) = (World::new(), Log::keep());
    let replies = |number: usize, batch: &[sms_core::Submission]| match number {
        1 => Reply::Now(all(batch, &Outcome::rejected(207, "no route to +7 925 123-45-67"))),
        2 => Reply::Now(all(batch, &Outcome::unknown("the connection was reset"))),
        _ => Reply::Now(accept(batch)),
    };
    let worker = world.start(world.witness(replies));
    let failed = world.send(message("CANARY")).await;
    world.becomes(failed, Status::Failed).await;
    let unknown = world.send(message("CANARY")).await;
    world.becomes(unknown, Status::Unknown).await;
    let sent = world.send(message("CANARY")).await;
    world.becomes(sent, Status::Sent).await;
    worker.stop().await;
    let said = line(&log, failed, "failed");
    assert!(
        said.contains("attempt=1") && said.contains("code=207") && said.contains("no route to"),
        "{said}"
    );
    assert!(line(&log, unknown, "unknown").contains("the connection was reset"));
    let of_sent = log.lines(&sent.to_string());
    let is_attempt = |line: &String| {
        line.contains(" INFO sms_core::attempt: ") && line.contains("outcome=\"accepted\"")
    };
    assert!(of_sent.len() == 1 && of_sent.iter().all(is_attempt), "{of_sent:?}");
    assert_eq!(
        log.lines("CANARY").len() + log.lines("9251234567").len() + log.lines("925 123").len(),
        0
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_that_expires_leaves_a_line() {
    let (world, log) = (World::new(), Log::keep());
    let id = world.send(message("hi").deadline(Duration::from_secs(30))).await;
    let refuse = |_, batch: &[_]| Reply::Now(all(batch, &Outcome::blocked(201, "no money")));
    let worker = world.start(world.witness(refuse));
    world.becomes(id, Status::Expired).await;
    sleep(Duration::from_secs(1)).await;
    worker.stop().await;
    assert!(line(&log, id, "expired").contains("deadline"));
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_worker_vanished_leaves_a_line() {
    let (world, log) = (World::new(), Log::keep());
    let dying =
        world.start(world.witness(|_, batch| Reply::After(Duration::MAX / 4, accept(batch))));
    let id = world.send(message("hi")).await;
    world.becomes(id, Status::Sending).await;
    dying.kill();
    let worker = world.start(world.witness(|_, batch| Reply::Now(accept(batch))));
    world.becomes(id, Status::Unknown).await;
    sleep(Duration::from_secs(1)).await;
    worker.stop().await;
    assert!(line(&log, id, "unknown").contains("attempt=1"));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_not_delivered_leaves_a_line_whatever_brings_the_receipt() {
    let (world, log) = (World::new(), Log::keep());
    let worker = world.start(world.witness(|_, batch| Reply::Now(accept(batch))));
    let id = world.send(message("hi")).await;
    world.becomes(id, Status::Sent).await;
    let receipt =
        Receipt::new("witness", format!("w-{id}"), ReceiptState::Undelivered).code(105, "too old");
    let receipts = [receipt];
    for _ in 0..2 {
        let effects = world.memory.apply_receipts(&receipts).await.unwrap();
        EndLog::new().received(&world.memory, &receipts, &effects).await;
    }
    let said = line(&log, id, "undelivered");
    assert!(
        said.contains("code=105") && said.contains("too old") && said.contains("attempt=1"),
        "{said}"
    );
    worker.stop().await;
    // A receipt that came first is joined when the outcome is recorded.
    let early = world.send(message("hi")).await;
    let parked = Receipt::new("witness", format!("w-{early}"), ReceiptState::Undelivered)
        .code(105, "too old");
    world.memory.apply_receipts(&[parked]).await.unwrap();
    let worker = world.start(world.witness(|_, batch| Reply::Now(accept(batch))));
    world.becomes(early, Status::Undelivered).await;
    line(&log, early, "undelivered");
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_person_ends_leaves_a_line_with_the_person_and_what_they_save_none() {
    let (world, log) = (World::new(), Log::keep());
    let worker =
        world.start(world.witness(|_, batch| Reply::Now(all(batch, &Outcome::unknown("silence")))));
    let id = world.send(message("hi")).await;
    world.becomes(id, Status::Unknown).await;
    worker.stop().await;
    let (scope, by, reason) = (Scope::All, "olga".to_owned(), "asked +79251234567".to_owned());
    let request = ResolveRequest::new(id, Resolution::Failed, by, reason).scope(scope);
    log_by_person(id, world.memory.resolve(request).await.unwrap(), "olga");
    assert!(line(&log, id, "failed").contains("olga"));
    let waiting = world.send(message("hi")).await;
    let request = CancelRequest::new(waiting, "olga".to_owned());
    log_by_person(waiting, world.memory.cancel(request).await.unwrap(), "olga");
    assert_eq!(log.lines(&waiting.to_string()), [""; 0], "cancelled on purpose");
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_that_expire_together_leave_a_bounded_number_of_lines() {
    let (world, log) = (World::new(), Log::keep());
    let messages = |_| message("hi").deadline(Duration::from_secs(30)).prepare().unwrap();
    world.sender.accept((0..10_000).map(messages).collect()).await.unwrap();
    sleep(Duration::from_mins(1)).await;
    let worker = world.start(world.witness(|_, batch| Reply::Now(accept(batch))));
    sleep(Duration::from_secs(10)).await;
    worker.stop().await;
    let (listed, counted) =
        (log.lines("message expired").len(), log.lines("at most 20 per second").len());
    assert!((20..=60).contains(&listed) && (1..=20).contains(&counted), "{listed} {counted}");
}
