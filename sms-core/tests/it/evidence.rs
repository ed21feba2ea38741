//! Evidence that settles an unknown message: a late answer, a refused repeat, a receipt with an
//! unknown id.

use std::sync::Arc;
use std::time::Duration;

use sms_core::store::event::EventKind;
use sms_core::{
    Class, Evidence, LateAnswer, LateAnswers, Limits, Outcome, Provider, Receipt, ReceiptState,
    Status, Store, Submission, async_trait,
};
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, sleep};

use crate::support::{Reply, TIMEOUT, World, accept, all, message};

/// Longest time from the first receipt of an unmatched id until the id may be matched, with the
/// provider's timeout of 5 s.
const MAX_QUIET_TIME: Duration = Duration::from_secs(20 + 120 + 11);

/// A provider that does not answer in time, and reports the outcome after `delay`.
#[derive(Debug)]
struct Slow {
    delay: Duration,
    outcome: Outcome,
    late: mpsc::UnboundedSender<LateAnswer>,
    heard: Mutex<mpsc::UnboundedReceiver<LateAnswer>>,
}

impl Slow {
    fn new(delay: Duration, outcome: Outcome) -> Arc<Self> {
        let (late, heard) = mpsc::unbounded_channel();
        Arc::new(Self { delay, outcome, late, heard: Mutex::new(heard) })
    }
}

#[async_trait]
impl Provider for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn limits(&self) -> Limits {
        Limits::new(100, TIMEOUT)
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        for Submission { id, attempt, .. } in batch.iter().cloned() {
            let (late, delay, outcome) = (self.late.clone(), self.delay, self.outcome.clone());
            tokio::spawn(async move {
                sleep(delay).await;
                let _ = late.send(LateAnswer::new(id, attempt, outcome, delay));
            });
        }
        all(batch, &Outcome::unknown("no answer in time"))
    }

    fn late(&self) -> Option<&dyn LateAnswers> {
        Some(self)
    }
}

#[async_trait]
impl LateAnswers for Slow {
    async fn next(&self) -> Vec<LateAnswer> {
        self.heard.lock().await.recv().await.into_iter().collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_acceptance_settles_an_unknown_message() {
    let world = World::new();
    let worker = world.start(Slow::new(Duration::from_secs(30), Outcome::accepted("slow-1")));
    let id = world.send(message("hi")).await;
    world.becomes(id, Status::Unknown).await;
    world.becomes(id, Status::Sent).await;
    worker.stop().await;
    assert_eq!(world.state(id).await.provider_id.as_deref(), Some("slow-1"));
    let kinds: Vec<_> = world.timeline(id).await.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Attempt, EventKind::LateOutcome]);
}

#[tokio::test(start_paused = true)]
async fn a_late_acceptance_spares_the_resend_that_has_not_begun() {
    let world = World::new();
    let worker = world.start(Slow::new(Duration::from_secs(4), Outcome::accepted("slow-1")));
    let id = world.send(message("code").class(Class::Otp)).await;
    world.becomes(id, Status::Sent).await;
    sleep(Duration::from_mins(10)).await;
    worker.stop().await;
    assert_eq!(world.state(id).await.fence, 1, "it was sent again");
}

#[tokio::test(start_paused = true)]
async fn a_late_refusal_settles_an_unknown_message() {
    let world = World::new();
    let worker =
        world.start(Slow::new(Duration::from_secs(30), Outcome::rejected(202, "bad number")));
    let id = world.send(message("hi")).await;
    world.becomes(id, Status::Failed).await;
    worker.stop().await;
    assert_eq!(world.state(id).await.code, Some(202));
}

/// Does not answer the first time; refuses a repeat as a duplicate.
fn refusing_repeats(world: &World) -> Arc<crate::support::Witness> {
    world.witness(|call, batch| match call {
        1 => Reply::Now(all(batch, &Outcome::unknown("reset"))),
        _ => Reply::Now(all(
            batch,
            &Outcome::deferred(231, "the same again").repeated_within(Duration::from_mins(1)),
        )),
    })
}

#[tokio::test(start_paused = true)]
async fn a_repeat_refused_as_one_settles_the_message_and_is_said_to_be_an_inference() {
    let world = World::new();
    let provider = refusing_repeats(&world);
    let worker = world.start(Arc::clone(&provider));
    let id = world.send(message("code").class(Class::Otp)).await;
    world.becomes(id, Status::Sent).await;
    worker.stop().await;
    assert_eq!(provider.times(id), 2, "the attempt, and the one recorded resend");
    let last = world.timeline(id).await.pop().expect("events");
    assert_eq!(
        (last.kind, last.details.evidence),
        (EventKind::Attempt, Some(Evidence::RepeatRefused))
    );
}

#[tokio::test(start_paused = true)]
async fn a_repeat_refused_long_after_proves_nothing() {
    let world = World::new();
    let worker = world.start(refusing_repeats(&world));
    let id = world.send(message("hi")).await;
    world.becomes(id, Status::Unknown).await;
    sleep(Duration::from_mins(2)).await;
    let again = sms_core::store::ResolveRequest::new(
        id,
        sms_core::store::Resolution::Resend,
        "olga".to_owned(),
        "she asked the customer".to_owned(),
    );
    world.memory.resolve(again).await.expect("it is unknown");
    sleep(Duration::from_secs(5)).await;
    assert_eq!(world.status(id).await, Status::Queued, "refused for now, and that is all");
    worker.stop().await;
}

fn delivered(provider_id: &str) -> Receipt {
    Receipt::new("witness", provider_id, ReceiptState::Delivered)
}

#[tokio::test(start_paused = true)]
async fn a_receipt_under_an_unknown_id_settles_the_one_message_it_can_be_about() {
    let world = World::new();
    let worker =
        world.start(world.witness(|_, batch| Reply::Now(all(batch, &Outcome::unknown("reset")))));
    let id = world.send(message("hi")).await;
    world.becomes(id, Status::Unknown).await;
    world.memory.apply_receipts(&[delivered("stray")]).await.expect("the store takes it");
    let before = Instant::now();
    world.becomes(id, Status::Delivered).await;
    assert!(before.elapsed() < MAX_QUIET_TIME, "{:?}", before.elapsed());
    worker.stop().await;
    let inferred =
        world.timeline(id).await.into_iter().find(|event| event.kind == EventKind::Inferred);
    let evidence = inferred.and_then(|event| event.details.evidence);
    assert_eq!(evidence, Some(Evidence::UnmatchedReceipt));
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_could_be_about_two_messages_settles_neither() {
    let world = World::new();
    let worker =
        world.start(world.witness(|_, batch| Reply::Now(all(batch, &Outcome::unknown("reset")))));
    let ids = world.send_many(2).await;
    world.all_become(&ids, Status::Unknown).await;
    world.memory.apply_receipts(&[delivered("stray")]).await.expect("the store takes it");
    sleep(MAX_QUIET_TIME * 2).await;
    world.all_become(&ids, Status::Unknown).await;
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_answer_of_a_slow_provider_beats_the_inference() {
    let world = World::new();
    let slow = Slow::new(Duration::from_secs(90), Outcome::accepted("slow-1"));
    let worker = world.start(slow);
    let id = world.send(message("hi")).await;
    world.becomes(id, Status::Unknown).await;
    let early = Receipt::new("slow", "slow-1", ReceiptState::Delivered);
    world.memory.apply_receipts(&[early]).await.expect("the store takes it");
    world.becomes(id, Status::Delivered).await;
    worker.stop().await;
    let kinds: Vec<_> = world.timeline(id).await.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Attempt, EventKind::LateOutcome, EventKind::Receipt]);
}

#[tokio::test(start_paused = true)]
async fn a_message_on_its_way_again_is_not_taken_for_the_lost_one() {
    let world = World::new();
    // The first attempt is lost, the second is accepted: its receipts come under its own id.
    let provider = world.witness(|call, batch| match call {
        1 => Reply::Now(all(batch, &Outcome::unknown("reset"))),
        _ => Reply::Now(accept(batch)),
    });
    let worker = world.start(provider);
    let id = world.send(message("code").class(Class::Otp)).await;
    world.becomes(id, Status::Sent).await;
    world.memory.apply_receipts(&[delivered("stray")]).await.expect("the store takes it");
    sleep(MAX_QUIET_TIME * 2).await;
    worker.stop().await;
    let own = format!("w-{id}");
    assert_eq!(world.state(id).await.provider_id.as_deref(), Some(own.as_str()));
}
