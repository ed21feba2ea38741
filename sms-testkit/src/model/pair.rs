//! The store under test and the model, side by side.

use std::sync::Arc;
use std::time::Duration;

use sms_core::clock::datetime_to_ms;
use sms_core::outcome::{AttemptState, Verdict, decide};
use sms_core::provider::Polling;
use sms_core::store::{BeginRequest, CancelRequest, DueRequest, InsertRequest, ResolveRequest, Settlement};
use sms_core::{
    ManualClock, MemoryStore, Message, MessageId, NewMessage, Outcome, OutcomeClass, Receipt, Result,
    RetryPolicy, Scope, Store, StoredMessage,
};
use time::OffsetDateTime;

use super::step::{Life, MESSAGES, Step};
use crate::StoreHarness;

const ALL: usize = 1000;
const LEASE: Duration = Duration::from_secs(30);
const RETRY: Duration = Duration::from_secs(10);
/// Not a multiple of 5 s: no message is ever just this old.
const RETENTION: Duration = Duration::from_millis(73 * 3_600_000 + 2500);
const PROVIDER: &str = "model";
const POLLING: Polling = Polling {
    first: Duration::from_secs(10),
    max: Duration::from_secs(40),
    give_up: Duration::from_secs(200),
    batch: ALL,
};

pub(super) struct Pair {
    tested: StoreHarness,
    model: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    messages: Vec<NewMessage>,
    /// The last `begin`: whom, by which worker, in which batch.
    begun: (Vec<MessageId>, String, u64),
}

impl Pair {
    /// Two empty stores whose clocks show the same.
    pub(super) async fn new(tested: StoreHarness, life: &Life) -> Self {
        let probe = [Message::new("+79251234567", "now?")
            .prepare()
            .expect("a message of the model is valid")];
        let now = insert_probe(&*tested.store, &probe).await;
        let clock = ManualClock::new(datetime_to_ms(now));
        let model = Arc::new(MemoryStore::with_clock(clock.clone()));
        insert_probe(&*model, &probe).await;
        let messages = life.messages.iter().map(|asked| asked.prepare(now)).collect();
        Self {
            tested,
            model,
            clock,
            messages,
            begun: Default::default(),
        }
    }

    /// Takes a step on both; what differs is the error.
    pub(super) async fn take(&mut self, step: Step) -> Result<(), String> {
        if let Step::Advance { secs } = step {
            let by = Duration::from_secs(secs);
            self.clock.advance(by);
            self.tested.advance(by).await;
        }
        if let Step::Begin { mask, worker } = step {
            let chosen = self
                .messages
                .iter()
                .enumerate()
                .filter(|(index, _)| mask & 1 << index != 0);
            let ids = chosen.map(|(_, message)| message.id).collect();
            self.begun = (ids, format!("worker-{worker}"), self.begun.2 + 1);
        }
        let settlement = self.settlement(step).await;
        let answers = (
            self.answer(&*self.tested.store, step, settlement.as_ref()).await,
            self.answer(&*self.model, step, settlement.as_ref()).await,
        );
        same("the answer", answers)?;
        for (index, message) in self.messages.iter().enumerate() {
            let seen = (
                look(&*self.tested.store, message.id).await,
                look(&*self.model, message.id).await,
            );
            same(&format!("message {index}"), seen)?;
        }
        Ok(())
    }

    /// What a worker would write about an attempt of this message; nothing where there was no such attempt.
    async fn settlement(&self, step: Step) -> Option<Settlement> {
        let Step::Settle { of, back, class } = step else {
            return None;
        };
        let id = self.messages[of].id;
        let StoredMessage { message, state } = self.model.get(id, &Scope::All).await.ok()??;
        let fence = state.fence.checked_sub(back).filter(|fence| *fence > 0)?;
        let attempt = AttemptState {
            attempt: state.attempts,
            max_attempts: message.max_attempts,
            resends: state.resends,
            on_unknown: message.on_unknown,
        };
        let outcome = outcome(class, &provider_id(of, fence));
        let verdict = match decide(attempt, &outcome, &RetryPolicy::default(), 0.5) {
            Verdict::Retry { counted, .. } => Verdict::Retry {
                after: RETRY,
                counted,
            },
            other => other,
        };
        let (provider, took) = (PROVIDER.to_owned(), Duration::from_millis(5));
        Some(Settlement {
            id,
            fence,
            provider,
            outcome,
            verdict,
            took,
            poll_after: Some(POLLING.first),
        })
    }

    fn index(&self, id: MessageId) -> usize {
        self.messages
            .iter()
            .position(|message| message.id == id)
            .unwrap_or(MESSAGES)
    }

    fn indices(&self, ids: impl IntoIterator<Item = MessageId>) -> Vec<usize> {
        let mut indices: Vec<_> = ids.into_iter().map(|id| self.index(id)).collect();
        indices.sort_unstable();
        indices
    }

    /// Makes the call on one store and says what it answered, in words that are the same for the same answer.
    async fn answer(&self, store: &dyn Store, step: Step, settlement: Option<&Settlement>) -> String {
        match step {
            Step::Advance { .. } => String::new(),
            Step::Insert {
                first,
                number,
                pushed,
            } => {
                let messages = &self.messages[first..MESSAGES.min(first + number)];
                let push_after = Duration::from_secs(if pushed { 15 } else { 0 });
                words(store.insert(InsertRequest { messages, push_after }).await)
            }
            Step::Due => {
                let request = DueRequest {
                    limits: [ALL; 3],
                    again_after: Duration::from_secs(20),
                };
                let jobs = store.due(request).await;
                words(jobs.map(|jobs| self.indices(jobs.into_iter().map(|job| job.id))))
            }
            Step::Begin { .. } | Step::BeginAgain => self.begin(store).await,
            Step::Settle { .. } => match settlement {
                Some(settlement) => words(store.settle(std::slice::from_ref(settlement)).await),
                None => String::new(),
            },
            Step::Rescue => words(store.rescue(ALL).await.map(|ids| self.indices(ids))),
            Step::Expire => words(store.expire(ALL).await.map(|ids| self.indices(ids))),
            Step::Receive {
                of,
                attempt,
                state,
                code,
            } => {
                let receipt =
                    Receipt::new(PROVIDER, provider_id(of, attempt), state).with_code(code, "words");
                words(store.apply_receipts(&[receipt]).await)
            }
            Step::Awaiting => {
                let refs = store.awaiting_receipt(&POLLING, ALL).await;
                let ids = refs.map(|refs| refs.into_iter().map(|of| of.provider_id).collect::<Vec<_>>());
                words(ids.map(|mut ids| {
                    ids.sort();
                    ids
                }))
            }
            Step::Cancel { of } => {
                let (id, scope, by) = (self.messages[of].id, Scope::All, "olga".to_owned());
                words(store.cancel(CancelRequest { id, scope, by }).await)
            }
            Step::Resolve { of, resolution } => {
                let (id, scope) = (self.messages[of].id, Scope::All);
                let (by, reason) = ("olga".to_owned(), "because".to_owned());
                words(
                    store
                        .resolve(ResolveRequest {
                            id,
                            scope,
                            resolution,
                            by,
                            reason,
                        })
                        .await,
                )
            }
            Step::Purge => words(store.purge(RETENTION, ALL).await),
        }
    }

    async fn begin(&self, store: &dyn Store) -> String {
        let (ids, worker, batch) = &self.begun;
        let begun = store
            .begin(BeginRequest {
                ids,
                worker,
                batch: *batch,
                lease: LEASE,
            })
            .await;
        words(begun.map(|begun| {
            let mut begun: Vec<_> = begun
                .into_iter()
                .map(|begun| (self.index(begun.submission.id), begun.fence, begun.attempt))
                .collect();
            begun.sort_unstable_by_key(|(index, ..)| *index);
            begun
        }))
    }
}

/// Reads a store's clock, and leaves a cancelled message behind.
async fn insert_probe(store: &dyn Store, probe: &[NewMessage]) -> OffsetDateTime {
    let id = probe[0].id;
    store
        .insert(InsertRequest {
            messages: probe,
            push_after: Duration::ZERO,
        })
        .await
        .expect("insert");
    let request = CancelRequest {
        id,
        scope: Scope::All,
        by: "the model".to_owned(),
    };
    store
        .cancel(request)
        .await
        .expect("a queued message can be cancelled");
    store
        .get(id, &Scope::All)
        .await
        .expect("get")
        .expect("a stored message can be read")
        .state
        .created_at
}

fn provider_id(of: usize, attempt: u32) -> String {
    format!("p-{of}-{attempt}")
}

fn outcome(class: OutcomeClass, provider_id: &str) -> Outcome {
    match class {
        OutcomeClass::Accepted => Outcome::accepted(provider_id).with_code(100),
        OutcomeClass::Rejected => Outcome::rejected(202, "bad number"),
        OutcomeClass::Deferred => Outcome::deferred(220, "busy"),
        OutcomeClass::Blocked => Outcome::blocked(201, "no money"),
        OutcomeClass::NotSent => Outcome::not_sent("refused"),
        OutcomeClass::Unknown => Outcome::unknown("timeout"),
    }
}

fn words<T: std::fmt::Debug>(answer: Result<T>) -> String {
    match answer {
        Ok(answer) => format!("{answer:?}"),
        Err(error) => format!("{:?}", error.kind()),
    }
}

/// Where a message stands and what its log says, in words.
async fn look(store: &dyn Store, id: MessageId) -> String {
    let Some(StoredMessage { state, .. }) = store.get(id, &Scope::All).await.expect("get") else {
        return "none".to_owned();
    };
    let after = |at: OffsetDateTime| ((at - state.created_at).as_seconds_f64() / 5.0).round() * 5.0;
    let events = store
        .timeline(id)
        .await
        .expect("timeline")
        .into_iter()
        .map(|event| {
            let details = event.details;
            let said = (
                details.attempt,
                details.outcome,
                details.code,
                details.resend,
                details.retry_in_ms,
            );
            (event.kind, event.status, said)
        });
    format!(
        "{} attempts {} resends {} fence {} code {:?} provider id {:?} worker {:?} due after {} valid for {} log {:?}",
        state.status,
        state.attempts,
        state.resends,
        state.fence,
        state.code,
        state.provider_id,
        state.lease.map(|lease| lease.worker),
        after(state.due_at),
        after(state.valid_until),
        events.collect::<Vec<_>>(),
    )
}

fn same(what: &str, (tested, model): (String, String)) -> Result<(), String> {
    if tested == model {
        return Ok(());
    }
    Err(format!("{what} differs\n    store: {tested}\n    model: {model}"))
}
