//! What a store answers, in words that are the same for the same answer.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use sms_core::provider::Polling;
use sms_core::store::{
    BeginRequest, CancelRequest, DueRequest, InsertRequest, Resolution, ResolveRequest,
    UnmatchedRequest,
};
use sms_core::{MessageId, Receipt, Result, Scope, Store};

use super::pair::Pair;
use super::step::{How, MESSAGES, Step};

pub(super) const PROVIDER: &str = "model";
pub(super) const POLLING: Polling = Polling {
    first: Duration::from_secs(10),
    max: Duration::from_secs(40),
    give_up: Duration::from_secs(200),
    batch: ALL,
};
const ALL: usize = 1000;
const LEASE: Duration = Duration::from_secs(30);
/// Not a multiple of 5 s: no receipt came just so long ago.
const QUIET: Duration = Duration::from_millis(42_500);
/// Not a multiple of 5 s: no message is ever just this old.
const RETENTION: Duration = Duration::from_millis(73 * 3_600_000 + 2500);

/// The provider's id of an attempt.
pub(super) fn provider_id(of: usize, attempt: u32) -> String {
    format!("p-{of}-{attempt}")
}

fn words<T: Debug>(answer: Result<T>) -> String {
    match answer {
        Ok(answer) => format!("{answer:?}"),
        Err(error) => format!("{:?}", error.kind()),
    }
}

impl Pair {
    /// Makes the call of this step.
    pub(super) async fn answer(&self, store: &dyn Store, step: Step) -> String {
        match step {
            Step::Advance { .. } => String::new(),
            Step::Insert { first, number, pushed } => {
                self.insert(store, first, number, pushed).await
            }
            Step::Due => self.due(store).await,
            Step::Begin { .. } | Step::BeginAgain => self.begin(store).await,
            Step::Settle { .. } => words(store.settle(self.settlement.as_slice()).await),
            Step::Rescue => words(store.rescue(ALL).await.map(|ids| self.indices(ids))),
            Step::Expire => words(store.expire(ALL).await.map(|ids| self.indices(ids))),
            Step::Receive { of, attempt, state, code } => {
                let receipt = Receipt::new(PROVIDER, provider_id(of, attempt), state);
                words(store.apply_receipts(&[receipt.with_code(code, "words")]).await)
            }
            Step::Awaiting => awaiting(store).await,
            Step::Cancel { of } => self.cancel(store, of).await,
            Step::Resolve { of, how } => self.resolve(store, of, how).await,
            Step::Infer => words(store.infer(QUIET).await.map(|ids| self.indices(ids))),
            Step::Unmatched => unmatched(store).await,
            Step::Purge => words(store.purge(RETENTION, ALL).await),
        }
    }

    async fn insert(&self, store: &dyn Store, first: usize, number: usize, pushed: bool) -> String {
        let messages = &self.messages[first..MESSAGES.min(first + number)];
        let push_after = Duration::from_secs(if pushed { 15 } else { 0 });
        words(store.insert(InsertRequest { messages, push_after }).await)
    }

    async fn due(&self, store: &dyn Store) -> String {
        let request = DueRequest::new([ALL; 3], Duration::from_secs(20));
        let jobs = store.due(request).await;
        words(jobs.map(|jobs| self.indices(jobs.into_iter().map(|job| job.id))))
    }

    async fn begin(&self, store: &dyn Store) -> String {
        let (ids, worker, batch) = &self.begun;
        let begun = store
            .begin(BeginRequest { ids, worker, batch: *batch, provider: PROVIDER, lease: LEASE })
            .await;
        words(begun.map(|begun| {
            let named = begun
                .into_iter()
                .map(|one| (self.index(one.submission.id), one.fence, one.attempt));
            let mut named: Vec<_> = named.collect();
            named.sort_unstable_by_key(|(index, ..)| *index);
            named
        }))
    }

    async fn cancel(&self, store: &dyn Store, of: usize) -> String {
        let request =
            CancelRequest { id: self.messages[of].id, scope: Scope::All, by: "olga".to_owned() };
        words(store.cancel(request).await)
    }

    async fn resolve(&self, store: &dyn Store, of: usize, how: How) -> String {
        let resolution = match how {
            How::Sent => Resolution::Sent { provider_id: None },
            How::SentAs(attempt) => {
                Resolution::Sent { provider_id: Some(provider_id(of, attempt)) }
            }
            How::Failed => Resolution::Failed,
            How::Resend => Resolution::Resend,
        };
        let (id, scope) = (self.messages[of].id, Scope::All);
        let (by, reason) = ("olga".to_owned(), "because".to_owned());
        words(store.resolve(ResolveRequest { id, scope, resolution, by, reason }).await)
    }

    /// The place of a message in the life.
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
    let request = UnmatchedRequest { provider: None, from_time: None, to_time: None, limit: ALL };
    let found = store.unmatched(&request).await;
    words(found.map(|found| {
        found.into_iter().map(|id| (id.provider_id, id.last.state)).collect::<BTreeMap<_, _>>()
    }))
}

async fn awaiting(store: &dyn Store) -> String {
    let refs = store.awaiting_receipt(&POLLING, ALL).await;
    words(refs.map(|refs| {
        let mut ids: Vec<_> = refs.into_iter().map(|of| of.provider_id).collect();
        ids.sort();
        ids
    }))
}
