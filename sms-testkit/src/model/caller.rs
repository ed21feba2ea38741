//! The calls of a scenario: what each step asks of a store, and the answer as text that is the same
//! for the same answer.

use sms_core::PerLane;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use sms_core::provider::Polling;
use sms_core::store::{
    AwaitingRequest, BeginRequest, CancelRequest, DueRequest, ExpireRequest, InferRequest,
    InsertRequest, PurgeRequest, RescueRequest, Resolution, ResolveRequest, Settlement,
    UnmatchedRequest,
};
use sms_core::{MessageId, NewMessage, Receipt, Result, Scope, Store};

use super::step::{MESSAGES, Manual, Step};

pub(super) const PROVIDER: &str = "model";
pub(super) const POLLING: Polling =
    Polling::new(Duration::from_secs(10), Duration::from_secs(40), Duration::from_secs(200), ALL);
const ALL: usize = 1000;
const LEASE: Duration = Duration::from_secs(30);
/// Quiet time before an inference. Not a multiple of 5 s: no receipt is ever exactly this old.
const INFER_AFTER: Duration = Duration::from_millis(42_500);
/// Not a multiple of 5 s: no message is ever exactly this old.
const RETENTION: Duration = Duration::from_millis(73 * 3_600_000 + 2500);

/// The provider's id of an attempt.
pub(super) fn provider_id(of: usize, attempt: u32) -> String {
    format!("p-{of}-{attempt}")
}

/// The provider's id of a part of an attempt. The first part has that of the attempt.
pub(super) fn part_id(of: usize, attempt: u32, part: u8) -> String {
    let id = provider_id(of, attempt);
    if part == 0 { id } else { format!("{id}-{part}") }
}

/// A worker's batch, so that it can be begun a second time.
#[derive(Default)]
struct Batch {
    ids: Vec<MessageId>,
    worker: String,
    number: u64,
}

/// The caller of both stores: the messages of the scenario, and what it passes on from step to
/// step.
pub(super) struct Caller {
    pub(super) messages: Vec<NewMessage>,
    /// The settlement of this step.
    pub(super) settlement: Option<Settlement>,
    /// The last batch that was begun.
    batch: Batch,
}

impl Caller {
    pub(super) fn new(messages: Vec<NewMessage>) -> Self {
        Self { messages, settlement: None, batch: Batch::default() }
    }

    /// Chooses the messages of the next batch: those with a bit in `mask`.
    pub(super) fn choose(&mut self, mask: u8, worker: u8) {
        let chosen = self.messages.iter().enumerate().filter(|(index, _)| mask & 1 << index != 0);
        let ids = chosen.map(|(_, message)| message.id).collect();
        let number = self.batch.number + 1;
        self.batch = Batch { ids, worker: format!("worker-{worker}"), number };
    }

    /// Makes the call of this step.
    pub(super) async fn call(&self, store: &dyn Store, step: Step) -> String {
        match step {
            Step::Advance { .. } => String::new(),
            Step::Insert { first, number, pushed } => {
                self.insert(store, first, number, pushed).await
            }
            Step::Due => self.due(store).await,
            Step::Begin { .. } | Step::BeginAgain => self.begin(store).await,
            Step::Settle { .. } => text_of(store.settle(self.settlement.as_slice()).await),
            Step::Rescue => {
                text_of(store.rescue(RescueRequest::new(ALL)).await.map(|ids| self.indices(ids)))
            }
            Step::Expire => {
                text_of(store.expire(ExpireRequest::new(ALL)).await.map(|ids| self.indices(ids)))
            }
            Step::Receive { of, attempt, part, state, code } => {
                let receipt = Receipt::new(PROVIDER, part_id(of, attempt, part), state);
                text_of(store.apply_receipts(&[receipt.code(code, "words")]).await)
            }
            Step::Awaiting => awaiting(store).await,
            Step::Cancel { of } => self.cancel(store, of).await,
            Step::Resolve { of, manual } => self.resolve(store, of, manual).await,
            Step::Infer => text_of(
                store.infer(InferRequest::new(INFER_AFTER)).await.map(|ids| self.indices(ids)),
            ),
            Step::Unmatched => unmatched(store).await,
            Step::Purge => text_of(store.purge(PurgeRequest::new(RETENTION, ALL)).await),
        }
    }

    async fn insert(&self, store: &dyn Store, first: usize, number: usize, pushed: bool) -> String {
        let messages = &self.messages[first..MESSAGES.min(first + number)];
        let push_after = Duration::from_secs(if pushed { 15 } else { 0 });
        text_of(store.insert(InsertRequest::new(messages).push_after(push_after)).await)
    }

    async fn due(&self, store: &dyn Store) -> String {
        let request = DueRequest::new(PerLane::all(ALL), Duration::from_secs(20));
        let jobs = store.due(request).await;
        text_of(jobs.map(|jobs| self.indices(jobs.into_iter().map(|job| job.id))))
    }

    async fn begin(&self, store: &dyn Store) -> String {
        let Batch { ids, worker, number } = &self.batch;
        let begun = store.begin(BeginRequest::new(ids, worker, *number, PROVIDER, LEASE)).await;
        text_of(begun.map(|begun| {
            let named = begun
                .into_iter()
                .map(|one| (self.index(one.submission.id), one.fence, one.attempt));
            let mut named: Vec<_> = named.collect();
            named.sort_unstable_by_key(|(index, ..)| *index);
            named
        }))
    }

    async fn cancel(&self, store: &dyn Store, of: usize) -> String {
        let request = CancelRequest::new(self.messages[of].id, "olga".to_owned());
        text_of(store.cancel(request).await)
    }

    async fn resolve(&self, store: &dyn Store, of: usize, manual: Manual) -> String {
        let resolution = match manual {
            Manual::Sent => Resolution::Sent { provider_id: None },
            Manual::SentAs(attempt) => {
                Resolution::Sent { provider_id: Some(provider_id(of, attempt)) }
            }
            Manual::Failed => Resolution::Failed,
            Manual::Resend => Resolution::Resend,
        };
        let (id, scope) = (self.messages[of].id, Scope::All);
        let (by, reason) = ("olga".to_owned(), "because".to_owned());
        text_of(store.resolve(ResolveRequest::new(id, resolution, by, reason).scope(scope)).await)
    }

    /// The position of a message in the scenario.
    fn index(&self, id: MessageId) -> usize {
        self.messages.iter().position(|message| message.id == id).unwrap_or(MESSAGES)
    }

    fn indices(&self, ids: impl IntoIterator<Item = MessageId>) -> Vec<usize> {
        let mut indices: Vec<_> = ids.into_iter().map(|id| self.index(id)).collect();
        indices.sort_unstable();
        indices
    }
}

async fn unmatched(store: &dyn Store) -> String {
    let request = UnmatchedRequest::new(ALL);
    let found = store.unmatched(&request).await;
    text_of(found.map(|found| {
        found.into_iter().map(|id| (id.provider_id, id.last.state)).collect::<BTreeMap<_, _>>()
    }))
}

async fn awaiting(store: &dyn Store) -> String {
    let refs = store.awaiting_receipt(AwaitingRequest::new(POLLING, ALL)).await;
    text_of(refs.map(|refs| {
        let mut ids: Vec<_> = refs.into_iter().map(|of| of.provider_id).collect();
        ids.sort();
        ids
    }))
}

/// An answer, or the kind of an error: its text may differ between stores.
fn text_of<T: Debug>(answer: Result<T>) -> String {
    match answer {
        Ok(answer) => format!("{answer:?}"),
        Err(error) => format!("{:?}", error.kind()),
    }
}
