//! Steps that the tests of the suite are made of.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sms_core::message::MessageState;
use sms_core::provider::Polling;
use sms_core::store::decision::Verdict;
use sms_core::store::event::Event;
use sms_core::store::{
    Archive, AwaitingRequest, BeginRequest, Begun, CancelRequest, DueRequest, EventsRequest,
    ExpireRequest, InferRequest, InsertRequest, Inserted, ListRequest, MessageRequest,
    PurgeRequest, RescueRequest, Resolution, ResolveRequest, Settled, Settlement, UnmatchedRequest,
};
use sms_core::{
    Class, EventKind, Job, Message, MessageId, NewMessage, Outcome, OutcomeClass, Receipt,
    ReceiptState, Result, Scope, Status, StoredMessage, UnmatchedId,
};
use time::OffsetDateTime;

use crate::harness::StoreHarness;

/// The name of the provider that all submissions go to.
pub(crate) const PROVIDER: &str = "testkit";
/// Lease of every attempt.
pub(super) const LEASE: Duration = Duration::from_secs(30);
/// Time before a retry.
pub(super) const BACKOFF: Duration = Duration::from_mins(1);
/// Quiet time before unmatched receipts are used for an inference.
pub(super) const INFER_AFTER: Duration = Duration::from_mins(3);
/// A limit that no test reaches.
pub(crate) const ALL: usize = 10_000;
pub(crate) const DAY: Duration = Duration::from_hours(24);

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Two seconds less than this.
pub(super) const fn almost(wait: Duration) -> Duration {
    wait.saturating_sub(secs(2))
}

/// A message of the default class: its policy is to hold after an unknown outcome.
pub(crate) fn message() -> Message {
    Message::new("+79251234567", "Код 1234")
}

/// A one-time code: its policy is one resend after an unknown outcome.
pub(crate) fn otp() -> Message {
    message().class(Class::Otp)
}

pub(crate) fn prepared(message: &Message) -> NewMessage {
    message.prepare().expect("a message of the suite is valid")
}

pub(crate) fn some(number: usize) -> Vec<NewMessage> {
    (0..number).map(|_| prepared(&message())).collect()
}

pub(super) fn ids_of(messages: &[NewMessage]) -> Vec<MessageId> {
    messages.iter().map(|message| message.id).collect()
}

/// Provider id of a message, for tests that need only one.
pub(super) fn provider_id(id: MessageId) -> String {
    format!("p-{id}")
}

pub(crate) fn accepted(id: MessageId) -> Outcome {
    Outcome::accepted(provider_id(id)).code(100)
}

pub(crate) fn rejected() -> Outcome {
    Outcome::rejected(202, "bad number")
}

pub(super) fn deferred() -> Outcome {
    Outcome::deferred(220, "busy")
}

pub(crate) fn unknown() -> Outcome {
    Outcome::unknown("timeout")
}

pub(crate) fn receipt(id: MessageId, state: ReceiptState) -> Receipt {
    Receipt::new(PROVIDER, provider_id(id), state).code(100 + state as i32, "as the provider says")
}

/// A settlement with the usual verdict for the class of the outcome.
pub(super) fn settlement(id: MessageId, fence: u32, outcome: Outcome) -> Settlement {
    let verdict = match outcome.class {
        OutcomeClass::Accepted => Verdict::Sent,
        OutcomeClass::Rejected => Verdict::Failed,
        OutcomeClass::Deferred | OutcomeClass::NotSent => {
            Verdict::Retry { after: BACKOFF, counted: true }
        }
        OutcomeClass::Blocked => Verdict::Retry { after: BACKOFF, counted: false },
        OutcomeClass::Unknown => Verdict::Unknown,
    };
    let provider = PROVIDER.to_owned();
    Settlement::new(id, fence, provider, outcome, verdict).took(Duration::from_millis(250))
}

pub(super) fn sorted(mut ids: Vec<MessageId>) -> Vec<MessageId> {
    ids.sort();
    ids
}

pub(super) fn begun_ids(begun: &[Begun]) -> Vec<MessageId> {
    sorted(begun.iter().map(|begun| begun.submission.id).collect())
}

pub(super) fn kinds(events: &[Event]) -> Vec<(EventKind, Status)> {
    events.iter().map(|event| (event.kind, event.status)).collect()
}

/// A batch number that is unique in this process.
pub(crate) fn batch() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl StoreHarness {
    pub(crate) async fn insert(&self, messages: &[NewMessage]) -> Vec<Inserted> {
        self.insert_pushing(messages, Duration::ZERO).await
    }

    pub(super) async fn insert_pushing(
        &self,
        messages: &[NewMessage],
        push_after: Duration,
    ) -> Vec<Inserted> {
        let inserted = self
            .store
            .insert(InsertRequest::new(messages).push_after(push_after))
            .await
            .expect("insert");
        assert_eq!(inserted.len(), messages.len(), "insert gives one answer for each message");
        inserted
    }

    /// `∅ → queued`.
    pub(crate) async fn queued(&self, message: Message) -> MessageId {
        let message = prepared(&message);
        assert!(self.insert(std::slice::from_ref(&message)).await[0].is_stored());
        message.id
    }

    /// `queued → sending`.
    pub(crate) async fn sending(&self, message: Message) -> MessageId {
        let id = self.queued(message).await;
        self.begin(id).await;
        id
    }

    /// `sending → sent`.
    pub(crate) async fn sent(&self, message: Message) -> MessageId {
        let id = self.sending(message).await;
        assert_eq!(self.settle(id, 1, accepted(id)).await, Settled::Now(Status::Sent));
        id
    }

    /// `sending → unknown`.
    pub(crate) async fn unknown(&self, message: Message) -> MessageId {
        let id = self.sending(message).await;
        assert_eq!(self.settle(id, 1, unknown()).await, Settled::Now(Status::Unknown));
        id
    }

    /// `sending → queued` after an unknown outcome of attempt 1, and due again.
    pub(super) async fn resent(&self, message: Message) -> MessageId {
        let id = self.sending(message).await;
        self.settle_as(id, 1, unknown(), Verdict::Resend { after: secs(5) }).await;
        self.advance(secs(6)).await;
        assert_eq!(self.status(id).await, Status::Queued);
        id
    }

    /// Creates a message and brings it to this state.
    pub(crate) async fn in_status(&self, status: Status) -> MessageId {
        let id = match status {
            Status::Queued => self.queued(message()).await,
            Status::Sending => self.sending(message()).await,
            Status::Sent => self.sent(message()).await,
            Status::Delivered => self.received(ReceiptState::Delivered).await,
            Status::Undelivered => self.received(ReceiptState::Undelivered).await,
            Status::Failed => self.settled(rejected()).await,
            Status::Unknown => self.settled(unknown()).await,
            Status::Expired => self.expired().await,
            Status::Cancelled => self.cancelled().await,
        };
        assert_eq!(self.status(id).await, status, "the message must be {status}");
        id
    }

    async fn received(&self, state: ReceiptState) -> MessageId {
        let id = self.sent(message()).await;
        self.receive(receipt(id, state)).await;
        id
    }

    async fn settled(&self, outcome: Outcome) -> MessageId {
        let id = self.sending(message()).await;
        self.settle(id, 1, outcome).await;
        id
    }

    async fn expired(&self) -> MessageId {
        let id = self.queued(message().deadline(secs(2))).await;
        self.advance(secs(3)).await;
        self.store.expire(ExpireRequest::new(ALL)).await.expect("expire");
        id
    }

    async fn cancelled(&self) -> MessageId {
        let id = self.queued(message()).await;
        self.cancel(id).await.expect("a queued message can be cancelled");
        id
    }

    /// The time of the store's clock: the acceptance of a message, which is then cancelled.
    pub(super) async fn now(&self) -> OffsetDateTime {
        let id = self.cancelled().await;
        self.state(id).await.created_at
    }

    pub(super) async fn due(&self) -> Vec<Job> {
        self.due_up_to([ALL; 3]).await
    }

    pub(super) async fn due_up_to(&self, limits: [usize; 3]) -> Vec<Job> {
        self.store.due(DueRequest::new(limits, secs(20))).await.expect("due")
    }

    /// `queued → sending` by a worker of this name.
    pub(crate) async fn begin_by(&self, worker: &str, batch: u64, ids: &[MessageId]) -> Vec<Begun> {
        self.begin_request(BeginRequest::new(ids, worker, batch, PROVIDER, LEASE)).await
    }

    pub(super) async fn begin_request(&self, request: BeginRequest<'_>) -> Vec<Begun> {
        self.store.begin(request).await.expect("begin")
    }

    pub(super) async fn try_begin(&self, ids: &[MessageId]) -> Vec<Begun> {
        self.begin_by("worker-1", batch(), ids).await
    }

    pub(crate) async fn begin(&self, id: MessageId) -> Begun {
        let mut begun = self.try_begin(&[id]).await;
        assert_eq!(begun_ids(&begun), [id], "a queued message that is due can be begun");
        begun.remove(0)
    }

    pub(super) async fn settle_all(&self, settlements: &[Settlement]) -> Vec<Settled> {
        let settled = self.store.settle(settlements).await.expect("settle");
        assert_eq!(settled.len(), settlements.len(), "settle gives one answer for each settlement");
        settled
    }

    pub(super) async fn settle_one(&self, settlement: Settlement) -> Settled {
        self.settle_all(&[settlement]).await[0]
    }

    pub(crate) async fn settle(&self, id: MessageId, fence: u32, outcome: Outcome) -> Settled {
        self.settle_one(settlement(id, fence, outcome)).await
    }

    pub(super) async fn settle_as(
        &self,
        id: MessageId,
        fence: u32,
        outcome: Outcome,
        verdict: Verdict,
    ) -> Settled {
        let mut settlement = settlement(id, fence, outcome);
        settlement.verdict = verdict;
        self.settle_one(settlement).await
    }

    pub(super) async fn rescue(&self) -> Vec<MessageId> {
        sorted(self.store.rescue(RescueRequest::new(ALL)).await.expect("rescue"))
    }

    /// Lets every lease end, and rescues the messages.
    pub(super) async fn lease_ends(&self) -> Vec<MessageId> {
        self.advance(LEASE + secs(1)).await;
        self.rescue().await
    }

    pub(super) async fn expire(&self) -> Vec<MessageId> {
        sorted(self.store.expire(ExpireRequest::new(ALL)).await.expect("expire"))
    }

    pub(crate) async fn receive(&self, receipt: Receipt) -> sms_core::store::ReceiptEffect {
        let effects = self.store.apply_receipts(&[receipt]).await.expect("apply_receipts");
        assert_eq!(effects.len(), 1, "apply_receipts gives one answer for each receipt");
        effects[0]
    }

    /// Provider ids of messages with a status query that is due.
    pub(super) async fn awaiting(&self, polling: &Polling) -> Vec<String> {
        let refs = self
            .store
            .awaiting_receipt(AwaitingRequest::new(*polling, ALL))
            .await
            .expect("awaiting_receipt");
        let mut ids: Vec<_> = refs.into_iter().map(|of| of.provider_id).collect();
        ids.sort();
        ids
    }

    /// Waits until no late answer is expected, and then infers outcomes from unmatched receipts.
    pub(super) async fn infer(&self) -> Vec<MessageId> {
        self.advance(INFER_AFTER + secs(2)).await;
        sorted(self.store.infer(InferRequest::new(INFER_AFTER)).await.expect("infer"))
    }

    pub(crate) async fn unmatched(&self) -> Vec<UnmatchedId> {
        let request = UnmatchedRequest::new(ALL);
        self.store.unmatched(&request).await.expect("unmatched")
    }

    pub(super) async fn resolve(&self, id: MessageId, resolution: Resolution) -> Result<Status> {
        self.resolve_in(Scope::All, id, resolution).await
    }

    pub(super) async fn resolve_in(
        &self,
        scope: Scope,
        id: MessageId,
        resolution: Resolution,
    ) -> Result<Status> {
        let (by, reason) = ("olga".to_owned(), "she asked the provider".to_owned());
        self.store.resolve(ResolveRequest::new(id, resolution, by, reason).scope(scope)).await
    }

    pub(crate) async fn cancel(&self, id: MessageId) -> Result<Status> {
        self.cancel_in(Scope::All, id).await
    }

    pub(super) async fn cancel_in(&self, scope: Scope, id: MessageId) -> Result<Status> {
        self.store.cancel(CancelRequest::new(id, "olga".to_owned()).scope(scope)).await
    }

    pub(crate) async fn find(&self, id: MessageId) -> Option<StoredMessage> {
        self.store.get(&MessageRequest::new(id)).await.expect("get")
    }

    pub(crate) async fn state(&self, id: MessageId) -> MessageState {
        self.find(id).await.expect("a stored message can be read").state
    }

    pub(crate) async fn status(&self, id: MessageId) -> Status {
        self.state(id).await.status
    }

    pub(super) async fn list(&self, request: ListRequest) -> Vec<MessageId> {
        let found = self.store.list(&request).await.expect("list");
        found.into_iter().map(|stored| stored.message.id).collect()
    }

    pub(crate) async fn timeline(&self, id: MessageId) -> Vec<Event> {
        self.store.timeline(&MessageRequest::new(id)).await.expect("timeline")
    }

    pub(super) async fn last_event(&self, id: MessageId) -> Event {
        self.timeline(id).await.pop().expect("the message has an event")
    }

    pub(super) async fn log(&self) -> Vec<Event> {
        self.store.events(&EventsRequest::new(0, ALL)).await.expect("events").events
    }

    pub(crate) async fn purge(&self, older_than: Duration) -> usize {
        self.store.purge(PurgeRequest::new(older_than, ALL)).await.expect("purge")
    }
}
