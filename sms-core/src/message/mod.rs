//! Messages: the caller's request, its checks, and the stored message.

mod admission;
mod class;
mod fingerprint;
mod gsm7;
pub(crate) mod id;
mod invisible;
mod metadata;
mod options;
pub mod phone;
pub mod prepare;
mod resend;
mod route;
mod sandbox_action;
mod stored;
pub mod text;
mod trace_parent;
pub mod translit;

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;

pub use self::admission::{MAX_SEND_AHEAD, MAX_SEND_BEHIND};
pub use self::class::{Class, ClassPolicy, OnUnknown};
pub use self::id::MessageId;
pub use self::metadata::{MAX_METADATA_DEPTH, Metadata, MetadataError};
pub use self::options::SendOptions;
use self::phone::Region;
pub use self::resend::Resend;
pub use self::route::Route;
pub use self::sandbox_action::SandboxAction;
pub use self::stored::{
    Fingerprint, IdempotencyKey, LeaseInfo, MessageState, NewMessage, StoredMessage,
};
pub use self::trace_parent::TraceParent;

/// A message as the caller requests it. It is not checked until it is [prepared](Self::prepare),
/// which [`Sender::send`](crate::Sender::send) and every `insert_in` do.
///
/// ```
/// use sms_core::{Class, Message};
///
/// let message = Message::new("8 (925) 123-45-67", "Код 1234").class(Class::Otp).key("login-42");
/// let prepared = message.prepare()?;
/// assert_eq!(prepared.to.to_string(), "+79251234567");
/// assert_eq!(prepared.parts, 1);
/// # Ok::<(), sms_core::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Message {
    to: String,
    text: String,
    region: Option<Region>,
    from: Option<String>,
    class: Class,
    route: Option<String>,
    key: Option<String>,
    owner: Option<String>,
    send_at: Option<OffsetDateTime>,
    deadline: Option<Duration>,
    reference: Option<String>,
    metadata: Metadata,
    translit: bool,
    daytime: Option<bool>,
    pass_deadline: bool,
    end_user_ip: Option<String>,
    on_unknown: Option<OnUnknown>,
    max_attempts: Option<u32>,
    resend: Option<Box<Resend>>,
    traceparent: Option<TraceParent>,
}

impl Message {
    /// A message of class [`Service`](Class::Service) that is sent at once.
    pub fn new(to: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            to: to.into(),
            text: text.into(),
            region: None,
            from: None,
            class: Class::default(),
            route: None,
            key: None,
            owner: None,
            send_at: None,
            deadline: None,
            reference: None,
            metadata: Metadata::default(),
            translit: false,
            daytime: None,
            pass_deadline: false,
            end_user_ip: None,
            on_unknown: None,
            max_attempts: None,
            resend: None,
            traceparent: None,
        }
    }

    /// Sets the region of the national formats that `to` may have. Defaults to the store's.
    pub fn region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    /// Sets the sender name: 1 to 11 printable ASCII characters, or up to 15 digits. Defaults to
    /// the provider's default name.
    pub fn from(mut self, from: impl Into<String>) -> Self {
        self.from = Some(from.into());
        self
    }

    /// Sets the purpose of the message. Defaults to [`Class::Service`].
    pub fn class(mut self, class: Class) -> Self {
        self.class = class;
        self
    }

    /// Sets the [route](Route), 1 to 32 characters of `a-z`, `0-9`, `_` and `-`. Defaults to
    /// [`Route::DEFAULT`].
    pub fn route(mut self, route: impl Into<String>) -> Self {
        self.route = Some(route.into());
        self
    }

    /// Sets the idempotency key, 1 to 255 printable ASCII characters. For 72 h a second message
    /// with the same key and content is a replay of the first one, and one with different content
    /// is refused. Defaults to none.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets the owner of the message, for clients that share a store. Idempotency keys are unique
    /// per owner. Defaults to none.
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Sets the time at which to send it: up to 60 days ahead. A time up to 10 minutes ago means at
    /// once, which is the default.
    pub fn send_at(mut self, at: OffsetDateTime) -> Self {
        self.send_at = Some(at);
        self
    }

    /// Sets the time after `send_at` until which the message may be sent: 1 s to 30 days. Defaults
    /// to the class's.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sets the caller's reference, up to 255 characters. Lists can be filtered by it.
    pub fn reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = Some(reference.into());
        self
    }

    /// Sets the caller's data, up to 4 KiB of JSON: a [`Metadata`], or a `serde_json::Map`.
    pub fn metadata(mut self, metadata: impl Into<Metadata>) -> Self {
        self.metadata = metadata.into();
        self
    }

    /// Asks the provider to transliterate Cyrillic into Latin letters. The parts are counted from
    /// the result of [`latin`](translit::latin). Defaults to false.
    pub fn translit(mut self, translit: bool) -> Self {
        self.translit = translit;
        self
    }

    /// Restricts sending to the recipient's daytime. Defaults to the class's.
    pub fn daytime(mut self, daytime: bool) -> Self {
        self.daytime = Some(daytime);
        self
    }

    /// Asks the provider to discard the message if it is not delivered by its deadline. sms.ru
    /// charges for such a message even if it is not delivered. Defaults to false.
    pub fn pass_deadline(mut self, pass: bool) -> Self {
        self.pass_deadline = pass;
        self
    }

    /// Sets the IP address of the person who caused the message. An address that is not public is
    /// refused. Defaults to none.
    pub fn end_user_ip(mut self, ip: impl Into<String>) -> Self {
        self.end_user_ip = Some(ip.into());
        self
    }

    /// Sets the policy after an unknown outcome. Defaults to the class's.
    pub fn on_unknown(mut self, on_unknown: OnUnknown) -> Self {
        self.on_unknown = Some(on_unknown);
        self
    }

    /// Sets the maximum number of counted attempts: 1 to 20. Defaults to the class's.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// Links the message to an earlier one that it sends again. Defaults to none.
    pub fn resend(mut self, resend: Resend) -> Self {
        self.resend = Some(Box::new(resend));
        self
    }

    /// Sets the span of the caller's trace. No part of the content under an idempotency key.
    /// Defaults to none.
    pub fn traceparent(mut self, parent: impl Into<Option<TraceParent>>) -> Self {
        self.traceparent = parent.into();
        self
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Phone number and text must not get into logs.
        f.debug_struct("Message").field("class", &self.class).finish_non_exhaustive()
    }
}
