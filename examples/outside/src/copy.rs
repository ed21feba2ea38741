//! Requests and results of a store, built from their parts.
//!
//! A [`NewMessage`](sms_core::NewMessage) is kept whole, as it came. Everything else that a store
//! receives or returns is built here.

use sms_core::message::{LeaseInfo, MessageState};
use sms_core::provider::{Polling, ProviderRef};
use sms_core::store::decision::AttemptState;
use sms_core::store::event::{Event, EventDetails};
use sms_core::store::page::{MessagePage, SearchedTo};
use sms_core::store::{
    AwaitingRequest, BeginRequest, Begun, BulkChange, CancelRequest, DueRequest, EventsRequest,
    InsertRequest, ListRequest, MessageRequest, ResolveRequest, Settlement, Stats, StatsRequest,
    UnmatchedRequest,
};
use sms_core::{
    Job, MessageCount, Outcome, OutcomeClass, Receipt, StoredMessage, Submission, UnmatchedId,
};

/// Copies the request of [`Store::insert`](sms_core::Store::insert).
pub fn insert_request(from: InsertRequest<'_>) -> InsertRequest<'_> {
    InsertRequest::new(from.messages).push_after(from.push_after)
}

/// Copies the request of [`Store::due`](sms_core::Store::due).
pub fn due_request(from: DueRequest) -> DueRequest {
    DueRequest::new(from.limits, from.again_after).ahead(from.ahead).route(from.route)
}

/// Copies the request of [`Store::begin`](sms_core::Store::begin).
pub fn begin_request(from: BeginRequest<'_>) -> BeginRequest<'_> {
    BeginRequest::new(from.ids, from.worker, from.batch, from.provider, from.lease)
        .route(from.route)
}

/// Copies the request of [`Store::settle`](sms_core::Store::settle).
pub fn settlement(from: &Settlement) -> Settlement {
    Settlement::new(
        from.id,
        from.fence,
        from.provider.clone(),
        outcome(&from.outcome),
        from.verdict,
    )
    .took(from.took)
    .poll_after(from.poll_after)
    .traceparent(from.traceparent)
}

/// Copies an outcome of a provider.
pub fn outcome(from: &Outcome) -> Outcome {
    let text = from.text.clone().unwrap_or_default();
    let mut copy = match from.class {
        OutcomeClass::Accepted => Outcome::accepted(""),
        OutcomeClass::Rejected => Outcome::rejected(0, text),
        OutcomeClass::Deferred => Outcome::deferred(0, text),
        OutcomeClass::Blocked => Outcome::blocked(0, text),
        OutcomeClass::NotSent => Outcome::not_sent(text),
        OutcomeClass::Unknown => Outcome::unknown(text),
    };
    copy.provider_id.clone_from(&from.provider_id);
    copy.more_provider_ids.clone_from(&from.more_provider_ids);
    copy.code = from.code;
    copy.text.clone_from(&from.text);
    copy.retry_after = from.retry_after;
    copy.repeated_within = from.repeated_within;
    copy.outage = from.outage;
    copy.provider.clone_from(&from.provider);
    copy
}

/// Copies a receipt.
pub fn receipt(from: &Receipt) -> Receipt {
    let mut copy = Receipt::new(from.provider.clone(), from.provider_id.clone(), from.state);
    copy.code = from.code;
    copy.text.clone_from(&from.text);
    copy.at = from.at;
    copy.cost = from.cost;
    copy.cost_later = from.cost_later;
    copy
}

/// Copies a schedule of status queries.
pub fn polling(from: &Polling) -> Polling {
    Polling::new(from.first, from.max, from.give_up, from.batch).costs(from.costs)
}

/// Copies the request of [`Archive::unmatched`](sms_core::Archive::unmatched).
pub fn unmatched_request(from: &UnmatchedRequest) -> UnmatchedRequest {
    UnmatchedRequest::new(from.limit)
        .provider(from.provider.clone())
        .from_time(from.from_time)
        .to_time(from.to_time)
}

/// Copies the request of [`Store::resolve`](sms_core::Store::resolve).
pub fn resolve_request(from: ResolveRequest) -> ResolveRequest {
    ResolveRequest::new(from.id, from.resolution, from.by, from.reason).scope(from.scope)
}

/// Copies the request of [`Store::change_all`](sms_core::Store::change_all).
pub fn bulk_change(from: BulkChange) -> BulkChange {
    BulkChange::new(from.job, from.ids, from.action, from.by).scope(from.scope)
}

/// Copies the request of [`Store::cancel`](sms_core::Store::cancel).
pub fn cancel_request(from: CancelRequest) -> CancelRequest {
    CancelRequest::new(from.id, from.by).scope(from.scope)
}

/// Copies the request of [`Archive::list`](sms_core::Archive::list).
pub fn list_request(from: &ListRequest) -> ListRequest {
    let mut copy = ListRequest::default();
    copy.scope.clone_from(&from.scope);
    copy.statuses.clone_from(&from.statuses);
    copy.to = from.to;
    copy.search.clone_from(&from.search);
    copy.class = from.class;
    copy.reference.clone_from(&from.reference);
    copy.code = from.code;
    copy.resend_of = from.resend_of;
    copy.route.clone_from(&from.route);
    copy.provider.clone_from(&from.provider);
    copy.from_time = from.from_time;
    copy.to_time = from.to_time;
    copy.after = from.after;
    copy.limit = from.limit;
    copy.budget = from.budget;
    copy
}

/// Copies the request of [`Archive::get`](sms_core::Archive::get).
pub fn message_request(from: &MessageRequest) -> MessageRequest {
    MessageRequest::new(from.id).scope(from.scope.clone())
}

/// Copies the request of [`Archive::events`](sms_core::Archive::events).
pub fn events_request(from: &EventsRequest) -> EventsRequest {
    EventsRequest::new(from.after, from.limit).scope(from.scope.clone()).kinds(from.kinds.clone())
}

/// Copies the request of [`Store::awaiting_receipt`](sms_core::Store::awaiting_receipt).
pub fn awaiting_request(from: &AwaitingRequest) -> AwaitingRequest {
    AwaitingRequest::new(polling(&from.polling), from.limit)
        .route(from.route.clone())
        .purpose(from.purpose)
}

/// Copies the request of [`Archive::stats`](sms_core::Archive::stats).
pub fn stats_request(from: &StatsRequest) -> StatsRequest {
    let mut copy = StatsRequest::default();
    copy.scope.clone_from(&from.scope);
    copy.from_time = from.from_time;
    copy.to_time = from.to_time;
    copy
}

/// Copies a job for the queue.
pub fn job(from: &Job) -> Job {
    Job::new(from.id, from.lane)
}

/// Copies a begun attempt.
pub fn begun(from: Begun) -> Begun {
    let attempt = attempt_state(&from.attempt);
    Begun::new(submission(from.submission), from.fence, attempt)
        .owner(from.owner)
        .on_stop_list(from.on_stop_list)
}

/// Copies a message for a provider.
pub fn submission(from: Submission) -> Submission {
    let mut copy = Submission::new(from.id, from.to, from.text);
    copy.attempt = from.attempt;
    copy.from = from.from;
    copy.class = from.class;
    copy.options = from.options;
    copy.valid_until = from.valid_until;
    copy
}

/// Copies the input of the decision about an attempt.
pub fn attempt_state(from: &AttemptState) -> AttemptState {
    AttemptState::new(from.attempt, from.max_attempts, from.resends, from.on_unknown)
        .unknown_before(from.unknown_before)
}

/// Copies a message at its provider.
pub fn provider_ref(from: ProviderRef) -> ProviderRef {
    ProviderRef::new(from.provider, from.provider_id)
}

/// Copies a provider id that matches no message.
pub fn unmatched_id(from: &UnmatchedId) -> UnmatchedId {
    let mut copy = UnmatchedId::new(receipt(&from.last), from.received_at);
    copy.made_at = from.made_at;
    copy
}

/// Copies a stored message.
pub fn stored_message(from: StoredMessage) -> StoredMessage {
    StoredMessage::new(from.message, message_state(from.state))
}

/// Copies the state of a message.
pub fn message_state(from: MessageState) -> MessageState {
    let mut copy = MessageState::new(from.status, from.created_at, from.valid_until);
    copy.updated_at = from.updated_at;
    copy.due_at = from.due_at;
    copy.attempts = from.attempts;
    copy.resends = from.resends;
    copy.fence = from.fence;
    copy.lease = from.lease.map(lease_info);
    copy.unknown_at = from.unknown_at;
    copy.provider = from.provider;
    copy.provider_id = from.provider_id;
    copy.provider_parts = from.provider_parts;
    copy.code = from.code;
    copy.reason = from.reason;
    copy.cost = from.cost;
    copy
}

/// Copies the lease of a message.
pub fn lease_info(from: LeaseInfo) -> LeaseInfo {
    LeaseInfo::new(from.worker, from.since, from.until)
}

/// Copies a page of messages.
pub fn message_page(from: MessagePage) -> MessagePage {
    let searched_to = from.searched_to.map(|end| SearchedTo::new(end.id, end.created_at));
    MessagePage::new(from.messages.into_iter().map(stored_message).collect(), searched_to)
}

/// Copies a count.
pub fn message_count(from: MessageCount) -> MessageCount {
    let searched_to = from.searched_to.map(|end| SearchedTo::new(end.id, end.created_at));
    MessageCount::new(from.count, searched_to)
}

/// Copies an event.
pub fn event(from: Event) -> Event {
    let details = event_details(from.details);
    Event::new(from.seq, from.message_id, from.at, from.kind, from.status, details)
        .owner(from.owner)
        .traceparent(from.traceparent)
}

/// Copies the details of an event.
pub fn event_details(from: EventDetails) -> EventDetails {
    let mut copy = EventDetails::default();
    copy.attempt = from.attempt;
    copy.outcome = from.outcome;
    copy.provider = from.provider;
    copy.provider_id = from.provider_id;
    copy.provider_ids = from.provider_ids;
    copy.part_status = from.part_status;
    copy.code = from.code;
    copy.text = from.text;
    copy.cost = from.cost;
    copy.provider_at = from.provider_at;
    copy.evidence = from.evidence;
    copy.took_ms = from.took_ms;
    copy.retry_in_ms = from.retry_in_ms;
    copy.resend = from.resend;
    copy.by = from.by;
    copy.job = from.job;
    copy
}

/// Copies counts by state.
pub fn stats(from: &Stats) -> Stats {
    let mut copy = Stats::default();
    copy.counts = from.counts;
    copy
}
