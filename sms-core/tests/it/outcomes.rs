//! Reaction of the worker to a provider's answers, and to a missing answer.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sms_core::store::event::EventKind;
use sms_core::{
    Account, AccountInfo, Archive, CancellationToken, Class, Limits, Message, OnUnknown, Outcome,
    Provider, RetryPolicy, Status, Store, Submission, store::CancelRequest,
};
use tokio::time::{Instant, sleep};

use crate::support::{Reply, TIMEOUT, Witness, World, accept, all, message, start};

/// One message through a worker over this provider, until it has this state.
async fn one(
    world: &World,
    provider: &Arc<Witness>,
    message: Message,
    end: Status,
) -> sms_core::MessageId {
    let worker = world.start(Arc::clone(provider));
    let id = world.send(message).await;
    world.becomes(id, end).await;
    worker.stop().await;
    id
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_provider_is_an_unknown_outcome_and_the_worker_lives_on() {
    let world = World::new();
    let reply = |call, batch: &[_]| {
        if call == 1 { Reply::Panic } else { Reply::Now(accept(batch)) }
    };
    let provider = world.witness(reply);
    let worker = world.start(Arc::clone(&provider));
    let first = world.send(message("one")).await;
    world.becomes(first, Status::Unknown).await;
    let second = world.send(message("two")).await;
    world.becomes(second, Status::Sent).await;
    worker.stop().await;
    assert_eq!(provider.times(first), 1);
}

#[tokio::test(start_paused = true)]
async fn only_those_without_an_outcome_become_unknown() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::Now(accept(&batch[..batch.len() - 2])));
    let ids = world.send_many(5).await;
    let worker = world.start(Arc::clone(&provider));
    world.becomes(ids[0], Status::Sent).await;
    worker.stop().await;
    let order = &provider.calls()[0].ids;
    for (index, id) in order.iter().enumerate() {
        let expected = if index < 3 { Status::Sent } else { Status::Unknown };
        assert_eq!(world.status(*id).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn outcomes_too_many_are_ignored() {
    let world = World::new();
    let extra = |batch: &[_]| [accept(batch), vec![Outcome::rejected(1, "whose?")]].concat();
    let provider = world.witness(move |_, batch| Reply::Now(extra(batch)));
    let ids = world.send_many(3).await;
    let worker = world.start(Arc::clone(&provider));
    world.all_become(&ids, Status::Sent).await;
    worker.stop().await;
    assert_eq!(provider.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_provider_slower_than_its_timeout_is_an_unknown_outcome() {
    let world = World::new();
    let provider =
        world.witness(|_, batch| Reply::After(TIMEOUT + Duration::from_millis(1), accept(batch)));
    let before = Instant::now();
    let id = one(&world, &provider, message("hi"), Status::Unknown).await;
    assert!(before.elapsed() < TIMEOUT + Duration::from_secs(1));
    assert_eq!((provider.times(id), world.recorded_outcomes(id).await), (1, vec!["unknown"]));
}

#[tokio::test(start_paused = true)]
async fn a_message_never_sent_is_tried_with_growing_waits_until_its_attempts_are_used_up() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::Now(all(batch, &Outcome::not_sent("no route"))));
    let id = one(&world, &provider, message("hi").max_attempts(4), Status::Failed).await;
    assert_eq!(world.state(id).await.attempts, 4);
    let events = world.timeline(id).await;
    let waits: Vec<u64> = events.iter().filter_map(|event| event.details.retry_in_ms).collect();
    let calls = provider.calls();
    assert_eq!((calls.len(), waits.len()), (4, 3));
    for (index, wait) in waits.iter().enumerate() {
        assert!(*wait <= 10_000 << index, "{waits:?}");
        let waited = calls[index + 1].at - calls[index].at;
        assert!(waited >= Duration::from_millis(*wait), "{waited:?} {wait}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_final_refusal_is_not_tried_again() {
    let world = World::new();
    let provider =
        world.witness(|_, batch| Reply::Now(all(batch, &Outcome::rejected(202, "bad number"))));
    let id = one(&world, &provider, message("hi"), Status::Failed).await;
    assert_eq!((provider.times(id), world.state(id).await.code), (1, Some(202)));
}

#[tokio::test(start_paused = true)]
async fn a_deferred_message_waits_as_long_as_the_provider_says() {
    let world = World::new();
    let wait = Duration::from_mins(7);
    let deferred = Outcome::deferred(231, "too many").retry_after(wait);
    let provider = world.witness(move |call, batch| {
        if call == 1 { Reply::Now(all(batch, &deferred)) } else { Reply::Now(accept(batch)) }
    });
    let id = one(&world, &provider, message("hi"), Status::Sent).await;
    let calls = provider.calls();
    assert!(calls[1].at - calls[0].at >= wait);
    assert_eq!(world.state(id).await.attempts, 2);
}

#[tokio::test(start_paused = true)]
async fn under_hold_an_unknown_outcome_is_never_repeated() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::Now(all(batch, &Outcome::unknown("reset"))));
    let worker = world.start(Arc::clone(&provider));
    let id = world.send(message("hi")).await;
    sleep(Duration::from_hours(2)).await;
    assert_eq!((provider.times(id), world.status(id).await), (1, Status::Unknown));
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn resend_once_resends_once_and_puts_it_on_record() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::Now(all(batch, &Outcome::unknown("reset"))));
    let message = message("hi").on_unknown(OnUnknown::ResendOnce);
    let id = one(&world, &provider, message, Status::Unknown).await;
    let events = world.timeline(id).await;
    assert_eq!(provider.times(id), 2);
    let kinds: Vec<_> = events.iter().map(|event| (event.kind, event.details.resend)).collect();
    assert_eq!(kinds, [(EventKind::Attempt, true), (EventKind::Attempt, false)]);
    assert_eq!(world.state(id).await.resends, 1);
}

#[tokio::test(start_paused = true)]
async fn a_blocked_account_costs_one_call_burns_no_attempt_and_all_is_sent_once_afterwards() {
    let world = World::new();
    let until = Instant::now() + Duration::from_mins(5);
    let provider = world.witness_with(Limits::new(10, TIMEOUT), move |_, batch| {
        let blocked = Instant::now() < until;
        if blocked {
            Reply::Now(all(batch, &Outcome::blocked(201, "no money")))
        } else {
            Reply::Now(accept(batch))
        }
    });
    let ids = world.send_many(200).await;
    let worker = start(world.worker(Arc::clone(&provider)).concurrency(NonZeroUsize::MIN));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(provider.calls().len(), 1);
    world.all_become(&ids, Status::Sent).await;
    worker.stop().await;
    let blocked: Vec<_> = provider.calls().into_iter().filter(|call| call.at < until).collect();
    assert!(blocked[1..].iter().all(|probe| probe.ids.len() == 1), "a probe is one message");
    assert!(blocked.len() <= 11, "{} calls while blocked", blocked.len());
    for id in ids {
        assert_eq!(world.state(id).await.attempts, 1);
        assert_eq!(
            world
                .recorded_outcomes(id)
                .await
                .iter()
                .filter(|outcome| **outcome == "accepted")
                .count(),
            1
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_blocked_account_costs_a_busy_worker_no_more_than_its_calls_in_flight() {
    let world = World::new();
    let provider = world.witness_with(Limits::new(10, TIMEOUT), |_, batch| {
        Reply::After(Duration::from_millis(200), all(batch, &Outcome::blocked(201, "no money")))
    });
    world.send_many(1000).await;
    let worker = world.start(Arc::clone(&provider));
    sleep(Duration::from_secs(2)).await;
    assert!(provider.calls().len() <= 8, "{} calls", provider.calls().len());
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn ids_gone_stale_during_a_pause_do_not_delay_the_resumption() {
    let world = World::new();
    let until = Instant::now() + Duration::from_secs(10);
    let provider = world.witness(move |_, batch| {
        let blocked = Instant::now() < until;
        if blocked {
            Reply::Now(all(batch, &Outcome::blocked(201, "no money")))
        } else {
            Reply::Now(accept(batch))
        }
    });
    let worker = world.start(Arc::clone(&provider));
    world.send(message("first")).await;
    sleep(Duration::from_secs(1)).await;
    // While the provider is paused, these are pushed to the queue, and then cancelled.
    for id in world.send_many(10).await {
        let request = CancelRequest::new(id, "a test".to_owned());
        world.memory.cancel(request).await.unwrap();
    }
    let id = world.send(message("last")).await;
    world.becomes(id, Status::Sent).await;
    let late = Instant::now().saturating_duration_since(until);
    assert!(late < Duration::from_mins(1), "sent {late:?} after the account was good again");
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_provider_costs_a_handful_of_messages_and_not_the_backlog() {
    let world = World::new();
    let until = Instant::now() + Duration::from_mins(10);
    let provider = world.witness_with(Limits::new(1, TIMEOUT), move |_, batch| {
        if Instant::now() < until {
            Reply::After(TIMEOUT * 2, Vec::new())
        } else {
            Reply::Now(accept(batch))
        }
    });
    world.send_many(300).await;
    let worker = world.start(Arc::clone(&provider));
    sleep(Duration::from_mins(20)).await;
    worker.stop().await;
    let stats = world.memory.stats(&sms_core::store::StatsRequest::default()).await.unwrap();
    let (unknown, sent) = (stats.count(Status::Unknown), stats.count(Status::Sent));
    assert!(unknown <= 40 && unknown + sent == 300, "{unknown} unknown, {sent} sent");
}

#[tokio::test(start_paused = true)]
async fn a_retry_and_a_restart_keep_the_policy_of_a_one_time_code() {
    let world = World::new();
    let provider = world.witness(|call, batch| match call {
        1 => Reply::Now(all(batch, &Outcome::not_sent("dns"))),
        2 => Reply::Now(all(batch, &Outcome::unknown("reset"))),
        _ => Reply::Now(accept(batch)),
    });
    let retry = RetryPolicy { base: Duration::from_secs(1), max: Duration::from_secs(1) };
    let first = start(world.worker(Arc::clone(&provider)).retry(retry));
    let id = world.send(message("code").class(Class::Otp)).await;
    while provider.times(id) < 2 {
        sleep(Duration::from_millis(10)).await;
    }
    first.stop().await;
    let second = world.worker(Arc::clone(&provider)).build();
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(second.run(shutdown.clone()));
    world.becomes(id, Status::Sent).await;
    shutdown.cancel();
    task.await.unwrap().unwrap();
    assert_eq!(world.recorded_outcomes(id).await, ["not_sent", "unknown", "accepted"]);
}

/// A provider that blocks every message although the check of its account succeeds. Counts the
/// checks.
#[derive(Debug)]
struct Sulking(Arc<Witness>, AtomicUsize);

#[sms_core::async_trait]
impl Provider for Sulking {
    fn name(&self) -> &'static str {
        "sulking"
    }
    fn limits(&self) -> Limits {
        self.0.limits()
    }
    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        self.0.submit(batch).await
    }
    fn account(&self) -> Option<&dyn Account> {
        Some(self)
    }
}

#[sms_core::async_trait]
impl Account for Sulking {
    async fn check(&self) -> sms_core::Result<()> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn info(&self) -> sms_core::Result<AccountInfo> {
        self.check().await.map(|()| AccountInfo::default())
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_provider_is_not_asked_again_and_again_while_nothing_waits() {
    let world = World::new();
    let witness =
        world.witness(|_, batch| Reply::Now(all(batch, &Outcome::blocked(231, "daily limit"))));
    let provider = Arc::new(Sulking(witness, AtomicUsize::new(0)));
    let worker = world.start(Arc::clone(&provider));
    let id = world.send(message("hi").deadline(Duration::from_secs(3))).await;
    world.becomes(id, Status::Expired).await;
    sleep(Duration::from_mins(10)).await;
    worker.stop().await;
    let checks = provider.1.load(Ordering::SeqCst);
    assert!(checks <= 60, "{checks} questions in ten minutes without a message");
}
