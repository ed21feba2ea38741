//! Messages as a store takes and keeps them.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;

use super::class::{Class, OnUnknown};
use super::id::MessageId;
use super::metadata::Metadata;
use super::options::SendOptions;
use super::phone::PhoneNumber;
use super::resend::Resend;
use super::route::Route;
use super::text::Encoding;
use crate::lane::Lane;
use crate::provider::money::Money;
use crate::store::parts::Parts;
use crate::store::status::Status;

/// First half of a SHA-256 hash of the content of a message.
pub type Fingerprint = [u8; 16];

/// An idempotency key and the content that it was used for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdempotencyKey {
    /// The caller's key.
    pub key: String,
    /// The fingerprint of the content.
    pub fingerprint: Fingerprint,
}

impl IdempotencyKey {
    /// A key and the fingerprint of its content.
    pub fn new(key: impl Into<String>, fingerprint: Fingerprint) -> Self {
        Self { key: key.into(), fingerprint }
    }
}

/// A checked message with its policy filled in, as a [`Store`](crate::Store) inserts it.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct NewMessage {
    /// The id.
    pub id: MessageId,
    /// The owner; `None` for a message without one.
    pub owner: Option<String>,
    /// The idempotency key; `None` for a message without one.
    pub key: Option<IdempotencyKey>,
    /// The recipient.
    pub to: PhoneNumber,
    /// The text.
    pub text: String,
    /// The sender name; `None` for the provider's default.
    pub from: Option<String>,
    /// The class.
    pub class: Class,
    /// The route that it takes.
    pub route: Route,
    /// The caller's reference.
    pub reference: Option<String>,
    /// The caller's data.
    pub metadata: Metadata,
    /// Options that the provider carries out.
    pub options: SendOptions,
    /// The encoding of the text on the air.
    pub encoding: Encoding,
    /// Number of parts of the text.
    pub parts: u8,
    /// Time at which it is due; `None` for at once.
    pub send_at: Option<OffsetDateTime>,
    /// Time after which it is not sent any more, counted from when it is due.
    pub deadline: Duration,
    /// Maximum number of counted attempts.
    pub max_attempts: u32,
    /// Policy after an unknown outcome.
    pub on_unknown: OnUnknown,
    /// The earlier message that it sends again; `None` for nearly every message.
    pub resend: Option<Box<Resend>>,
}

impl NewMessage {
    /// The text; `None` if it was [removed](crate::Erasure). No message is accepted without one.
    pub fn shown_text(&self) -> Option<&str> {
        (!self.text.is_empty()).then_some(self.text.as_str())
    }

    /// True if it was [erased](crate::Erasure): only the fact that it was sent is left.
    pub fn is_erased(&self) -> bool {
        self.to == PhoneNumber::ERASED
    }

    /// A message of the class `service` with the policy of that class: for a store that reads its
    /// rows, which sets the other fields. Callers of a store get theirs from
    /// [`Message::prepare`](crate::Message::prepare).
    pub fn new(
        id: MessageId,
        to: PhoneNumber,
        text: String,
        encoding: Encoding,
        parts: u8,
    ) -> Self {
        let policy = Class::Service.policy();
        Self {
            id,
            owner: None,
            key: None,
            to,
            text,
            from: None,
            class: Class::Service,
            route: Route::DEFAULT,
            reference: None,
            metadata: Metadata::default(),
            options: SendOptions::default(),
            encoding,
            parts,
            send_at: None,
            deadline: policy.deadline,
            max_attempts: policy.max_attempts,
            on_unknown: policy.on_unknown,
            resend: None,
        }
    }

    /// The lane of the queue.
    pub const fn lane(&self) -> Lane {
        self.class.policy().lane
    }
}

impl fmt::Debug for NewMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewMessage")
            .field("id", &self.id)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}

/// A message in a store: the request and its delivery state.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StoredMessage {
    /// The message as it was accepted.
    pub message: NewMessage,
    /// The delivery state.
    pub state: MessageState,
}

impl StoredMessage {
    /// A message and its state.
    pub const fn new(message: NewMessage, state: MessageState) -> Self {
        Self { message, state }
    }
}

/// Delivery state of a message. Times are by the store's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageState {
    /// The status.
    pub status: Status,
    /// Time of acceptance.
    pub created_at: OffsetDateTime,
    /// Time of the last change.
    pub updated_at: OffsetDateTime,
    /// Time at which the next attempt may begin.
    pub due_at: OffsetDateTime,
    /// Time after which it is not sent any more.
    pub valid_until: OffsetDateTime,
    /// Counted attempts so far.
    pub attempts: u32,
    /// Resends after unknown outcomes so far.
    pub resends: u32,
    /// All attempts so far, counted or not. Grows by one with every `begin`, and identifies the
    /// attempt that owns the message.
    pub fence: u32,
    /// The lease of the worker; `None` unless the message is `sending`.
    pub lease: Option<LeaseInfo>,
    /// Start of the last attempt of unknown outcome; `None` without such an attempt.
    pub unknown_at: Option<OffsetDateTime>,
    /// The provider that accepted it.
    pub provider: Option<String>,
    /// The provider's id of the message; that of the first part, if it gave one for each.
    pub provider_id: Option<String>,
    /// Parts with a provider id each; empty if one id stands for the whole message.
    pub provider_parts: Parts,
    /// The provider's last code.
    pub code: Option<i32>,
    /// The provider's last text, or the reason of the last transition.
    pub reason: Option<String>,
    /// The cost, once the provider has told it.
    pub cost: Option<Money>,
}

impl MessageState {
    /// The state of a message that was accepted at `created_at` and is due at once, to be sent
    /// until `valid_until`.
    pub const fn new(
        status: Status,
        created_at: OffsetDateTime,
        valid_until: OffsetDateTime,
    ) -> Self {
        Self {
            status,
            created_at,
            updated_at: created_at,
            due_at: created_at,
            valid_until,
            attempts: 0,
            resends: 0,
            fence: 0,
            lease: None,
            unknown_at: None,
            provider: None,
            provider_id: None,
            provider_parts: Parts::none(),
            code: None,
            reason: None,
            cost: None,
        }
    }
}

/// Lease of a worker on a message that is being sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseInfo {
    /// The worker's name.
    pub worker: String,
    /// Start of the lease.
    pub since: OffsetDateTime,
    /// End of the lease.
    pub until: OffsetDateTime,
}

impl LeaseInfo {
    /// A lease of a worker.
    pub fn new(worker: impl Into<String>, since: OffsetDateTime, until: OffsetDateTime) -> Self {
        Self { worker: worker.into(), since, until }
    }
}
