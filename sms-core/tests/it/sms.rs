//! The façade: sending, waiting, the stream of events, and its end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{FutureExt as _, StreamExt as _};
use sms_core::clock::datetime_from_ms;
use sms_core::store::{CancelRequest, EventsRequest};
use sms_core::{
    Clock as _, ErrorKind, EventKind, MemoryStore, MessageId, Outcome, Provider, RecordingProvider,
    Sandbox, Sms, Status, SystemClock,
};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Call, Fault, Reply, TIMEOUT, World, accept, message};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

async fn open(world: &World, provider: impl Provider) -> Sms {
    Sms::open(Arc::clone(&world.store), provider).await.unwrap()
}

fn sandbox(world: &World) -> Sandbox {
    Sandbox::new().clock(world.clock.clone())
}

/// A message that is due tomorrow.
async fn send_scheduled(sms: &Sms) -> MessageId {
    let tomorrow = datetime_from_ms(SystemClock.now_ms()) + HOUR * 24;
    sms.send(message("later").send_at(tomorrow)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_message_is_sent_and_its_end_is_waited_for() {
    let world = World::new();
    let sms = open(&world, sandbox(&world)).await;
    let id = sms.send(message("hi").key("login-42")).await.unwrap();
    let before = Instant::now();
    let end = sms.wait(id, HOUR).await.unwrap();
    assert_eq!((end.message.id, end.state.status), (id, Status::Delivered));
    assert!(before.elapsed() < Duration::from_secs(4), "{:?}", before.elapsed());
    // The same message again: its end is there.
    assert_eq!(sms.send(message("hi").key("login-42")).await.unwrap(), id);
    let before = Instant::now();
    assert_eq!(sms.wait(id, HOUR).await.unwrap().state.status, Status::Delivered);
    assert_eq!(before.elapsed(), Duration::ZERO);
    sms.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_message_ends_sent_where_the_provider_has_no_receipts() {
    let world = World::new();
    let sms = open(&world, RecordingProvider::new()).await;
    let id = sms.send(message("hi")).await.unwrap();
    assert_eq!(sms.wait(id, MINUTE).await.unwrap().state.status, Status::Sent);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_an_unknown_outcome_and_a_cancellation_are_ends() {
    let world = World::new();
    let answers = |submission: &sms_core::Submission| match submission.text.as_str() {
        "refused" => Outcome::rejected(202, "bad number"),
        _ => Outcome::unknown("no answer"),
    };
    let sms = open(&world, RecordingProvider::builder().answer(answers).build()).await;
    for (text, status) in [("refused", Status::Failed), ("lost", Status::Unknown)] {
        let id = sms.send(message(text)).await.unwrap();
        assert_eq!(sms.wait(id, MINUTE).await.unwrap().state.status, status);
    }
    let id = send_scheduled(&sms).await;
    let cancel = async {
        sleep(MINUTE).await;
        sms.store().cancel(CancelRequest::new(id, "a test")).await.unwrap();
        Instant::now()
    };
    let (end, cancelled_at) = tokio::join!(sms.wait(id, HOUR), cancel);
    assert_eq!(end.unwrap().state.status, Status::Cancelled);
    assert!(cancelled_at.elapsed() <= Duration::from_secs(1), "{:?}", cancelled_at.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_its_timeout_with_the_message_as_it_is() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::After(TIMEOUT * 4 / 5, accept(batch)));
    let sms = open(&world, provider).await;
    let id = sms.send(message("hi")).await.unwrap();
    let before = Instant::now();
    let seen = sms.wait(id, Duration::from_secs(2)).await.unwrap();
    assert_eq!(seen.state.status, Status::Sending);
    assert_eq!(before.elapsed(), Duration::from_secs(2));
    // Without patience it is a read.
    assert_eq!(sms.wait(id, Duration::ZERO).await.unwrap().state.status, Status::Sending);
    assert_eq!(sms.wait(id, Duration::MAX).await.unwrap().state.status, Status::Sent);
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_an_unknown_id_and_for_a_store_that_fails_is_an_error() {
    let world = World::new();
    let sms = open(&world, sandbox(&world)).await;
    let error = sms.wait(MessageId::new(), MINUTE).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let id = send_scheduled(&sms).await;
    world.faults.plan(Call::Read, Fault::Fail, 1);
    let error = sms.wait(id, MINUTE).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_wait_outlasts_a_store_that_fails_or_panics() {
    for fault in [Fault::Fail, Fault::Panic] {
        let world = World::new();
        let sms = open(&world, sandbox(&world)).await;
        let id = send_scheduled(&sms).await;
        let trouble = async {
            sleep(MINUTE).await;
            world.faults.break_all(&[Call::Read], fault);
            sleep(MINUTE).await;
            world.faults.mend();
            sms.store().cancel(CancelRequest::new(id, "a test")).await.unwrap();
        };
        let (end, ()) = tokio::join!(sms.wait(id, HOUR), trouble);
        assert_eq!(end.unwrap().state.status, Status::Cancelled, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_reads_the_log_once_a_second_however_many_wait_and_not_at_all_when_nobody_does() {
    let world = World::new();
    let sms = open(&world, sandbox(&world)).await;
    let ids = join_all((0..100).map(|_| send_scheduled(&sms))).await;
    let before = world.faults.count(Call::Read);
    let waits = ids.iter().map(|id| sms.wait(*id, MINUTE));
    let ends = join_all(waits).await;
    assert!(ends.iter().all(|end| end.as_ref().unwrap().state.status == Status::Queued));
    // Three reads of each message, one of the end of the log, and about 65 of the shared reader.
    let reads = world.faults.count(Call::Read) - before;
    assert!((360..380).contains(&reads), "{reads} reads");
    // The reader stops after those who wait are gone, also those that were dropped.
    let dropped = timeout(MINUTE, sms.wait(ids[0], HOUR)).await;
    assert!(dropped.is_err());
    sleep(Duration::from_secs(2)).await;
    let before = world.faults.count(Call::Read);
    sleep(MINUTE).await;
    assert_eq!(world.faults.count(Call::Read), before);
}

#[tokio::test(start_paused = true)]
async fn a_long_log_is_skipped_when_a_store_is_opened() {
    let world = World::new();
    let sms = open(&world, RecordingProvider::new()).await;
    let messages: Vec<_> = (0..5_000).map(|_| message("old")).collect();
    let ids = sms.send_all(messages).await.unwrap();
    for id in ids {
        sms.wait(id.unwrap(), HOUR).await.unwrap();
    }
    sms.close().await.unwrap();
    let before = world.faults.count(Call::Read);
    let sms = open(&world, RecordingProvider::new()).await;
    let id = send_scheduled(&sms).await;
    let cancel = async {
        sleep(MINUTE).await;
        sms.store().cancel(CancelRequest::new(id, "a test")).await.unwrap();
    };
    let (end, ()) = tokio::join!(sms.wait(id, HOUR), cancel);
    assert_eq!(end.unwrap().state.status, Status::Cancelled);
    let reads = world.faults.count(Call::Read) - before;
    assert!(reads < 100, "{reads} reads");
}

#[tokio::test(start_paused = true)]
async fn events_are_streamed_in_order_from_a_position_on() {
    let world = World::new();
    let sms = open(&world, sandbox(&world)).await;
    let id = sms.send(message("hi")).await.unwrap();
    let mut events = sms.events(EventsRequest::new(0, 1));
    let mut next = async || events.next().await.unwrap().unwrap();
    let (attempt, receipt) = (next().await, next().await);
    assert_eq!((attempt.message_id, attempt.kind), (id, EventKind::Attempt));
    assert_eq!((receipt.kind, receipt.status), (EventKind::Receipt, Status::Delivered));
    assert!(receipt.seq > attempt.seq);
    // What comes after a quiet time is there within a second.
    assert!(timeout(MINUTE, next()).await.is_err());
    let later = sms.send(message("hi")).await.unwrap();
    let before = Instant::now();
    assert_eq!(next().await.message_id, later);
    assert!(before.elapsed() <= Duration::from_secs(2), "{:?}", before.elapsed());
    // Another reader goes on after the first event.
    let kinds = [EventKind::Receipt];
    let mut resumed = sms.events(EventsRequest::new(attempt.seq, 0).kinds(kinds));
    assert_eq!(resumed.next().await.unwrap().unwrap(), receipt);
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_events_goes_on_after_an_error_and_skips_nothing() {
    let world = World::new();
    let sms = open(&world, RecordingProvider::new()).await;
    let id = sms.send(message("hi")).await.unwrap();
    sms.wait(id, MINUTE).await.unwrap();
    let mut events = sms.events(EventsRequest::new(0, 100));
    world.faults.plan(Call::Read, Fault::Fail, 2);
    let before = Instant::now();
    for _ in 0..2 {
        let error = events.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    assert_eq!(events.next().await.unwrap().unwrap().message_id, id);
    assert_eq!(before.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_of_events_reads_once_a_second() {
    let world = World::new();
    let sms = open(&world, sandbox(&world)).await;
    let before = world.faults.count(Call::Read);
    let mut events = sms.events(EventsRequest::new(0, 100));
    assert!(timeout(MINUTE * 10, events.next()).await.is_err());
    let reads = world.faults.count(Call::Read) - before;
    assert!((600..620).contains(&reads), "{reads} reads");
}

#[tokio::test(start_paused = true)]
async fn each_of_many_messages_has_its_own_answer() {
    let world = World::new();
    let sms = open(&world, sandbox(&world)).await;
    let first = sms.send(message("hi").key("one")).await.unwrap();
    let messages = [
        message("hi").key("one"),
        sms_core::Message::new("nobody", "hi"),
        message("other").key("one"),
        message("new"),
    ];
    let answers = sms.send_all(messages).await.unwrap();
    assert_eq!(answers.len(), 4);
    assert_eq!(*answers[0].as_ref().unwrap(), first);
    assert_eq!(answers[1].as_ref().unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(answers[2].as_ref().unwrap_err().kind(), ErrorKind::KeyReused);
    let new = *answers[3].as_ref().unwrap();
    assert_eq!(sms.wait(new, MINUTE).await.unwrap().state.status, Status::Delivered);
    assert!(sms.send_all([]).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_calls_in_flight_and_leaves_the_rest_to_the_next_one() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::After(TIMEOUT / 2, accept(batch)));
    let sms = open(&world, Arc::clone(&provider)).await;
    let id = sms.send(message("hi")).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let clone = sms.clone();
    let (first, second) = tokio::join!(sms.close(), clone.close());
    first.unwrap();
    second.unwrap();
    assert_eq!(world.status(id).await, Status::Sent);
    for refused in [sms.send(message("hi")).await.err(), sms.send_all([]).await.err()] {
        assert_eq!(refused.unwrap().kind(), ErrorKind::Closed);
    }
    // What was accepted all the same is sent by the next one.
    let late = sms.sender().send(message("late")).await.unwrap();
    sleep(HOUR).await;
    assert_eq!(world.status(late).await, Status::Queued);
    let next = open(&world, provider).await;
    assert_eq!(next.wait(late, MINUTE).await.unwrap().state.status, Status::Sent);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_clone_stops_the_worker_and_loses_no_outcome() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::After(TIMEOUT / 2, accept(batch)));
    let sms = open(&world, Arc::clone(&provider)).await;
    let clone = sms.clone();
    drop(sms);
    let id = clone.send(message("hi")).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    drop(clone);
    let late = world.send(message("late")).await;
    world.becomes(id, Status::Sent).await;
    sleep(HOUR).await;
    assert_eq!((provider.calls().len(), world.status(late).await), (1, Status::Queued));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_read_is_not_opened() {
    let world = World::new();
    world.faults.plan(Call::Read, Fault::Fail, 1);
    let error = Sms::open(Arc::clone(&world.store), sandbox(&world)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[test]
fn it_is_not_opened_outside_of_a_runtime() {
    let opened = Sms::open(MemoryStore::new(), Sandbox::new()).now_or_never().expect("no wait");
    assert_eq!(opened.unwrap_err().kind(), ErrorKind::Closed);
}
