//! The message as a store takes and keeps it.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;

use super::class::{Class, OnUnknown};
use super::id::MessageId;
use super::metadata::Metadata;
use super::options::SendOptions;
use super::phone::PhoneNumber;
use super::route::Route;
use super::text::Encoding;
use crate::lane::Lane;
use crate::store::status::Status;

/// Half of a SHA-256 over the content of a message.
pub type Fingerprint = [u8; 16];

/// An idempotency key and the content it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The caller's key.
    pub key: String,
    /// What the caller asked for under it.
    pub fingerprint: Fingerprint,
}

/// A checked message with its policy filled in: what a [`Store`](crate::Store) inserts.
#[derive(Clone, PartialEq)]
pub struct NewMessage {
    /// Its id.
    pub id: MessageId,
    /// Whose it is.
    pub owner: Option<String>,
    /// Under which idempotency key it was sent.
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
    /// What the provider is asked to do.
    pub options: SendOptions,
    /// How the text is encoded on the air.
    pub encoding: Encoding,
    /// How many parts it takes.
    pub parts: u8,
    /// When it is due; `None` for at once.
    pub send_at: Option<OffsetDateTime>,
    /// How long after it is due it is worth sending.
    pub deadline: Duration,
    /// The limit of counted attempts.
    pub max_attempts: u32,
    /// What happens after an unknown outcome.
    pub on_unknown: OnUnknown,
}

impl NewMessage {
    /// The lane of the queue it takes.
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

/// A message as a store keeps it: what was asked for, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredMessage {
    /// What was asked for.
    pub message: NewMessage,
    /// Where it stands.
    pub state: MessageState,
}

/// Where a message stands. Times are the store's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageState {
    /// Its status.
    pub status: Status,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
    /// When it last changed.
    pub updated_at: OffsetDateTime,
    /// When it is due (again).
    pub due_at: OffsetDateTime,
    /// After this it is not sent any more.
    pub valid_until: OffsetDateTime,
    /// Counted attempts so far.
    pub attempts: u32,
    /// Resends after unknown outcomes so far.
    pub resends: u32,
    /// All attempts so far, counted or not: grows by one with every `begin` and marks who owns the
    /// row.
    pub fence: u32,
    /// While it is `sending`: who holds it, since when and until when.
    pub lease: Option<LeaseInfo>,
    /// When its last attempt of unknown outcome began; `None` where there was none.
    pub unknown_at: Option<OffsetDateTime>,
    /// The provider that accepted it.
    pub provider: Option<String>,
    /// The provider's own id of it.
    pub provider_id: Option<String>,
    /// The provider's last code.
    pub code: Option<i32>,
    /// The provider's last words, or the reason of the last transition.
    pub reason: Option<String>,
}

/// Who holds a message that is being sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseInfo {
    /// The worker's name.
    pub worker: String,
    /// When it began.
    pub since: OffsetDateTime,
    /// When the lease is over.
    pub until: OffsetDateTime,
}
