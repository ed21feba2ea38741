//! The store under test and the model, side by side.

use std::sync::Arc;
use std::time::Duration;

use sms_core::clock::datetime_to_ms;
use sms_core::message::MessageState;
use sms_core::store::decision::{AttemptState, Verdict, decide};
use sms_core::store::{Archive, CancelRequest, InsertRequest, MessageRequest, Settlement};
use sms_core::{
    Event, ManualClock, MemoryStore, Message, MessageId, NewMessage, Outcome, OutcomeClass,
    RetryPolicy, Scope, Status, Store, StoredMessage,
};
use time::OffsetDateTime;

use super::caller::{Caller, POLLING, PROVIDER, part_id};
use super::step::{PARTS, Scenario, Step, WITH_ONE_ID};
use crate::harness::StoreHarness;

const RETRY: Duration = Duration::from_secs(10);
/// Duration of every attempt. Times are compared after rounding to 5 s; this is far from 0 s and
/// 2.5 s, so that a store with a running clock is rounded in the same way.
const TOOK: Duration = Duration::from_millis(3500);

/// The two stores, the model's clock, and the caller of both.
pub(super) struct Pair {
    tested: StoreHarness,
    model: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    caller: Caller,
}

impl Pair {
    /// Two empty stores with clocks that show the same time.
    pub(super) async fn new(tested: StoreHarness, scenario: &Scenario) -> Self {
        let probe = Message::new("+79251234567", "now?")
            .prepare()
            .expect("a message of the model is valid");
        let now = read_clock(&*tested.store, &probe).await;
        let clock = ManualClock::new(datetime_to_ms(now));
        let model = Arc::new(MemoryStore::new().clock(clock.clone()));
        read_clock(&*model, &probe).await;
        let messages = scenario.messages.iter().map(|draft| draft.prepare(now)).collect();
        Self { tested, model, clock, caller: Caller::new(messages) }
    }

    /// Takes a step on both stores. A difference is the error.
    pub(super) async fn take(&mut self, step: Step) -> Result<(), String> {
        self.prepare(step).await;
        let tested = self.caller.call(&*self.tested.store, step).await;
        compare("the answer", &tested, &self.caller.call(&*self.model, step).await)?;
        for (index, message) in self.caller.messages.iter().enumerate() {
            let tested = summary(&*self.tested.store, message.id).await;
            let model = summary(&*self.model, message.id).await;
            compare(&format!("message {index}"), &tested, &model)?;
        }
        Ok(())
    }

    /// Does what comes before the call, once for both stores.
    async fn prepare(&mut self, step: Step) {
        match step {
            Step::Advance { secs } => {
                let by = Duration::from_secs(secs);
                self.clock.advance(by);
                self.tested.advance(by).await;
            }
            Step::Begin { mask, worker } => self.caller.choose(mask, worker),
            Step::Settle { of, back, class } => {
                self.caller.settlement = self.settlement(of, back, class).await;
            }
            _ => {}
        }
    }

    /// The settlement that a worker would write for an attempt of this message; `None` where there
    /// was no such attempt.
    async fn settlement(&self, of: usize, back: u32, class: OutcomeClass) -> Option<Settlement> {
        let id = self.caller.messages[of].id;
        let stored = self.model.get(&MessageRequest::new(id)).await.ok()??;
        let fence = stored.state.fence.checked_sub(back).filter(|fence| *fence > 0)?;
        let parts = if of < WITH_ONE_ID { 1 } else { PARTS };
        let outcome = outcome(class, (0..parts).map(|part| part_id(of, fence, part)));
        let verdict = verdict(&stored, &outcome);
        let (provider, took) = (PROVIDER.to_owned(), TOOK);
        Some(
            Settlement::new(id, fence, provider, outcome, verdict)
                .took(took)
                .poll_after(Some(POLLING.first)),
        )
    }
}

/// Reads a store's clock: the time at which it accepts a message, which is then cancelled.
async fn read_clock(store: &dyn Store, probe: &NewMessage) -> OffsetDateTime {
    let (id, scope) = (probe.id, Scope::All);
    let request = InsertRequest::new(std::slice::from_ref(probe));
    store.insert(request).await.expect("insert");
    let stored = store
        .get(&MessageRequest::new(id).scope(scope.clone()))
        .await
        .expect("get")
        .expect("a stored message can be read");
    let request = CancelRequest::new(id, "the model".to_owned()).scope(scope);
    store.cancel(request).await.expect("a queued message can be cancelled");
    stored.state.created_at
}

fn outcome(class: OutcomeClass, provider_ids: impl Iterator<Item = String>) -> Outcome {
    match class {
        OutcomeClass::Accepted => Outcome::accepted_parts(provider_ids).code(100),
        OutcomeClass::Rejected => Outcome::rejected(202, "bad number"),
        OutcomeClass::Deferred => Outcome::deferred(220, "busy"),
        OutcomeClass::Blocked => Outcome::blocked(201, "no money"),
        OutcomeClass::NotSent => Outcome::not_sent("refused"),
        OutcomeClass::Unknown => Outcome::unknown("timeout"),
    }
}

/// The verdict that a worker would give, without jitter.
fn verdict(StoredMessage { message, state, .. }: &StoredMessage, outcome: &Outcome) -> Verdict {
    let attempt =
        AttemptState::new(state.attempts, message.max_attempts, state.resends, message.on_unknown);
    match decide(attempt, outcome, &RetryPolicy::default(), 0.5) {
        Verdict::Retry { counted, .. } => Verdict::Retry { after: RETRY, counted },
        other => other,
    }
}

/// The state of a message and its log, as text.
async fn summary(store: &dyn Store, id: MessageId) -> String {
    let found = store.get(&MessageRequest::new(id)).await.expect("get");
    let Some(StoredMessage { state, .. }) = found else {
        return "none".to_owned();
    };
    let log: Vec<_> = store
        .timeline(&MessageRequest::new(id))
        .await
        .expect("timeline")
        .into_iter()
        .map(entry)
        .collect();
    // A running clock is at most a little late: rounding to 5 s hides that.
    let after = |at: OffsetDateTime| ((at - state.created_at).as_seconds_f64() / 5.0).round() * 5.0;
    format!(
        "{}, attempts {}, resends {}, fence {}, unknown {:?}, code {:?}, provider {:?} {:?} {:?}, \
         worker {:?}, due {}, valid {}, log {log:?}",
        state.status,
        state.attempts,
        state.resends,
        state.fence,
        state.unknown_at.map(after),
        state.code,
        state.provider,
        state.provider_id,
        parts(&state),
        state.lease.as_ref().map(|lease| &lease.worker),
        after(state.due_at),
        after(state.valid_until),
    )
}

/// The parts of a message: id, status and code. Their times are those of a running clock.
fn parts(state: &MessageState) -> Vec<(&str, Status, Option<i32>)> {
    let (provider, id) = (state.provider.as_deref(), state.provider_id.as_deref());
    let parts =
        state.provider_parts.together_with(provider.unwrap_or_default(), id.unwrap_or_default());
    parts.map(|part| (part.provider_id.as_str(), part.status, part.code)).collect()
}

fn entry(Event { kind, status, details, .. }: Event) -> String {
    let (attempt, outcome, code) = (details.attempt, details.outcome, details.code);
    format!(
        "{kind:?} {status} {attempt:?} {outcome:?} {code:?} {:?} {:?} {} {:?}",
        details.part_status, details.retry_in_ms, details.resend, details.evidence
    )
}

fn compare(what: &str, tested: &str, model: &str) -> Result<(), String> {
    if tested == model {
        return Ok(());
    }
    Err(format!("{what} differs\n    store: {tested}\n    model: {model}"))
}
