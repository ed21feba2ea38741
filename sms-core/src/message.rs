//! The message: what a caller asks for, and what becomes of it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::class::{Class, OnUnknown};
use crate::clock::{Clock, SystemClock, datetime_from_ms};
use crate::error::{Error, FieldError, Result};
use crate::phone::{PhoneNumber, Region};
use crate::queue::Lane;
use crate::state::Status;
use crate::text::{self, Encoding};

/// The most parts one message may have: sms.ru refuses longer ones with its code 205.
pub const MAX_PARTS: usize = 8;
/// The longest wait for `send_at`: sms.ru schedules two months ahead, and so do we.
pub const MAX_SEND_AHEAD: Duration = Duration::from_hours(60 * 24);
/// The longest deadline.
pub const MAX_DEADLINE: Duration = Duration::from_hours(30 * 24);
/// The most attempts a message may ask for.
pub const MAX_ATTEMPTS: u32 = 20;
/// The longest sender name, idempotency key and reference, in characters.
const MAX_FROM: usize = 15;
const MAX_KEY: usize = 255;
const MAX_REFERENCE: usize = 255;
/// The largest metadata object, in bytes of JSON.
const MAX_METADATA: usize = 4096;

/// The id of a message: a UUID of version 7, so that ids sort by the time of their making.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(Uuid);

impl MessageId {
    /// A new id, later than every one made before in this process.
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id as bytes, in sorting order.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The id of these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl Default for MessageId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for MessageId {
    type Err = Error;

    fn from_str(id: &str) -> Result<Self> {
        let malformed = || FieldError::new("id", "id_invalid", "not a message id");
        Ok(Self(Uuid::try_parse(id).map_err(|_| malformed())?))
    }
}

/// What a provider is asked to do beside sending the text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SendOptions {
    /// Turn Cyrillic into Latin letters before sending.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub translit: bool,
    /// Send only in the recipient's daytime; the provider holds it overnight.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub daytime: bool,
    /// The address of the person who caused the message, for the provider's fraud checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_user_ip: Option<IpAddr>,
}

/// A message as the caller states it. Nothing is checked until it is [prepared](Self::prepare), which
/// [`Sender::send`](crate::Sender::send) and every `insert_in` do.
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
    key: Option<String>,
    owner: Option<String>,
    send_at: Option<OffsetDateTime>,
    deadline: Option<Duration>,
    reference: Option<String>,
    metadata: Map<String, Value>,
    translit: bool,
    daytime: Option<bool>,
    end_user_ip: Option<String>,
    on_unknown: Option<OnUnknown>,
    max_attempts: Option<u32>,
}

impl Message {
    /// A message of class [`Service`](Class::Service), to be sent at once.
    pub fn new(to: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            to: to.into(),
            text: text.into(),
            region: None,
            from: None,
            class: Class::default(),
            key: None,
            owner: None,
            send_at: None,
            deadline: None,
            reference: None,
            metadata: Map::new(),
            translit: false,
            daytime: None,
            end_user_ip: None,
            on_unknown: None,
            max_attempts: None,
        }
    }

    /// The region whose national number formats `to` may use. Defaults to the sender's, else to Russia.
    pub fn region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    /// The sender name: 1 to 15 printable ASCII characters. Defaults to the provider's own.
    pub fn from(mut self, from: impl Into<String>) -> Self {
        self.from = Some(from.into());
        self
    }

    /// What the message is for. Defaults to [`Class::Service`].
    pub fn class(mut self, class: Class) -> Self {
        self.class = class;
        self
    }

    /// The idempotency key, 1 to 255 printable ASCII characters: for 72 h a second message with the same key
    /// and content is the first one, and one of other content is refused.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Whose message it is, for those who share a store. Idempotency keys are unique per owner.
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// When to send it; up to 60 days ahead. A time in the past means at once.
    pub fn send_at(mut self, at: OffsetDateTime) -> Self {
        self.send_at = Some(at);
        self
    }

    /// How long after it is due the message is worth sending: 1 s to 30 days. Defaults to the class's.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The caller's own reference, up to 255 characters; lists can be filtered by it.
    pub fn reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = Some(reference.into());
        self
    }

    /// The caller's own data, up to 4 KiB of JSON.
    pub fn metadata(mut self, metadata: Map<String, Value>) -> Self {
        self.metadata = metadata;
        self
    }

    /// Asks the provider to turn Cyrillic into Latin letters.
    pub fn translit(mut self, translit: bool) -> Self {
        self.translit = translit;
        self
    }

    /// Whether to send only in the recipient's daytime. Defaults to the class's.
    pub fn daytime(mut self, daytime: bool) -> Self {
        self.daytime = Some(daytime);
        self
    }

    /// The address of the person who caused the message.
    pub fn end_user_ip(mut self, ip: impl Into<String>) -> Self {
        self.end_user_ip = Some(ip.into());
        self
    }

    /// What happens after an unknown outcome. Defaults to the class's.
    pub fn on_unknown(mut self, on_unknown: OnUnknown) -> Self {
        self.on_unknown = Some(on_unknown);
        self
    }

    /// How many counted attempts are made at most: 1 to 20. Defaults to the class's.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// Checks everything, fills in the class's policy and gives the message its id.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid), with every field that is wrong.
    pub fn prepare(&self) -> Result<NewMessage> {
        self.prepare_in(Region::RU)
    }

    /// As [`prepare`](Self::prepare), with the region for a message that names none.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid), with every field that is wrong.
    pub fn prepare_in(&self, default_region: Region) -> Result<NewMessage> {
        let mut wrong = Vec::new();
        let to = PhoneNumber::parse_in(&self.to, self.region.unwrap_or(default_region));
        let to = to.map_err(|error| wrong.extend_from_slice(error.fields())).ok();
        let counted = text::count(&self.text);
        self.check_text(counted.parts, &mut wrong);
        self.check_names(&mut wrong);
        self.check_numbers(&mut wrong);
        let end_user_ip = self.parse_ip(&mut wrong);
        let (Some(to), true) = (to, wrong.is_empty()) else {
            return Err(Error::invalid(wrong));
        };

        let policy = self.class.policy();
        Ok(NewMessage {
            id: MessageId::new(),
            owner: self.owner.clone(),
            key: self
                .key
                .as_ref()
                .map(|key| IdempotencyKey { key: key.clone(), fingerprint: self.fingerprint(to) }),
            to,
            text: self.text.clone(),
            from: self.from.clone(),
            class: self.class,
            reference: self.reference.clone(),
            metadata: self.metadata.clone(),
            options: SendOptions {
                translit: self.translit,
                daytime: self.daytime.unwrap_or(policy.daytime),
                end_user_ip,
            },
            encoding: counted.encoding,
            parts: u8::try_from(counted.parts).unwrap_or(u8::MAX),
            send_at: self.send_at,
            deadline: self.deadline.unwrap_or(policy.deadline),
            max_attempts: self.max_attempts.unwrap_or(policy.max_attempts),
            on_unknown: self.on_unknown.unwrap_or(policy.on_unknown),
        })
    }

    fn check_text(&self, parts: usize, wrong: &mut Vec<FieldError>) {
        if self.text.is_empty() {
            wrong.push(FieldError::new("text", "text_empty", "must not be empty"));
        } else if self.text.chars().any(is_forbidden_control) {
            wrong.push(FieldError::new(
                "text",
                "text_control",
                "must not hold control characters but line breaks",
            ));
        } else if parts > MAX_PARTS {
            let message = format!("takes {parts} parts, at most {MAX_PARTS} are allowed");
            wrong.push(FieldError::new("text", "text_too_long", message));
        }
    }

    fn check_names(&self, wrong: &mut Vec<FieldError>) {
        let printable = |value: &str, max: usize| {
            (1..=max).contains(&value.len()) && value.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
        };
        if self.from.as_deref().is_some_and(|from| !printable(from, MAX_FROM) || from.trim() != from) {
            wrong.push(FieldError::new("from", "from_invalid", "must be 1 to 15 printable ASCII characters"));
        }
        if self.key.as_deref().is_some_and(|key| !printable(key, MAX_KEY)) {
            let rule = "must be 1 to 255 printable ASCII characters";
            wrong.push(FieldError::new("idempotency_key", "idempotency_key_invalid", rule));
        }
        let reference_ok = |value: &str| {
            !value.is_empty()
                && value.chars().count() <= MAX_REFERENCE
                && !value.chars().any(char::is_control)
        };
        if self.reference.as_deref().is_some_and(|reference| !reference_ok(reference)) {
            let rule = "must be 1 to 255 characters without control characters";
            wrong.push(FieldError::new("reference", "reference_invalid", rule));
        }
        if !self.metadata.is_empty()
            && serde_json::to_vec(&self.metadata).is_ok_and(|json| json.len() > MAX_METADATA)
        {
            wrong.push(FieldError::new(
                "metadata",
                "metadata_too_large",
                "must be at most 4096 bytes of JSON",
            ));
        }
    }

    fn check_numbers(&self, wrong: &mut Vec<FieldError>) {
        let seconds = Duration::from_secs(1)..=MAX_DEADLINE;
        if self.deadline.is_some_and(|deadline| !seconds.contains(&deadline)) {
            wrong.push(FieldError::new("deadline_seconds", "deadline_invalid", "must be 1 to 2592000"));
        }
        let last = datetime_from_ms(SystemClock.now_ms()) + MAX_SEND_AHEAD;
        if self.send_at.is_some_and(|at| at > last) {
            wrong.push(FieldError::new("send_at", "send_at_invalid", "must be at most 60 days ahead"));
        }
        if self.max_attempts.is_some_and(|attempts| !(1..=MAX_ATTEMPTS).contains(&attempts)) {
            wrong.push(FieldError::new("max_attempts", "max_attempts_invalid", "must be 1 to 20"));
        }
    }

    fn parse_ip(&self, wrong: &mut Vec<FieldError>) -> Option<IpAddr> {
        let parsed = self.end_user_ip.as_deref()?.parse().ok();
        if parsed.is_none() {
            wrong.push(FieldError::new("end_user_ip", "end_user_ip_invalid", "not an IPv4 or IPv6 address"));
        }
        parsed
    }

    /// A hash of everything the caller asked for, the number in its one form: what "same content" means.
    fn fingerprint(&self, to: PhoneNumber) -> Fingerprint {
        let asked = serde_json::json!([
            to.to_string(),
            self.text,
            self.from,
            self.class,
            self.send_at.map(OffsetDateTime::unix_timestamp_nanos).map(|nanos| nanos.to_string()),
            self.deadline.map(|deadline| deadline.as_millis().to_string()),
            self.reference,
            self.metadata,
            self.translit,
            self.daytime,
            self.end_user_ip,
            self.on_unknown,
            self.max_attempts,
        ]);
        let digest = Sha256::digest(asked.to_string());
        let mut fingerprint = [0; 16];
        fingerprint.copy_from_slice(&digest[..16]);
        fingerprint
    }
}

/// Control characters have no place in an SMS, but for the line breaks GSM 03.38 has.
fn is_forbidden_control(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\r'
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Number and text stay out of logs.
        f.debug_struct("Message").field("class", &self.class).finish_non_exhaustive()
    }
}

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
    /// The caller's reference.
    pub reference: Option<String>,
    /// The caller's data.
    pub metadata: Map<String, Value>,
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
        f.debug_struct("NewMessage").field("id", &self.id).field("to", &self.to).finish_non_exhaustive()
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
    /// All attempts so far, counted or not: grows by one with every `begin` and marks who owns the row.
    pub fence: u32,
    /// While it is `sending`: who holds it, since when and until when.
    pub lease: Option<LeaseInfo>,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(message: &Message) -> Vec<(&'static str, &'static str)> {
        let error = message.prepare().expect_err("must be refused");
        error.fields().iter().map(|field| (field.field, field.code)).collect()
    }

    fn good() -> Message {
        Message::new("+79251234567", "Код 1234")
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let message = Message::new("123", "").from("far too long a sender").max_attempts(0);
        let expected = [
            ("to", "phone_invalid"),
            ("text", "text_empty"),
            ("from", "from_invalid"),
            ("max_attempts", "max_attempts_invalid"),
        ];
        assert_eq!(codes(&message), expected);
    }

    #[test]
    fn control_characters_are_refused_and_line_breaks_are_not() {
        assert_eq!(codes(&Message::new("+79251234567", "a\0b")), [("text", "text_control")]);
        assert!(Message::new("+79251234567", "a\r\nb").prepare().is_ok());
    }

    #[test]
    fn eight_parts_pass_and_nine_do_not() {
        let text = |units: usize| "я".repeat(units);
        assert_eq!(Message::new("+79251234567", text(8 * 67)).prepare().map(|m| m.parts).ok(), Some(8));
        assert_eq!(codes(&Message::new("+79251234567", text(8 * 67 + 1))), [("text", "text_too_long")]);
    }

    #[test]
    fn the_class_sets_the_policy_and_each_knob_can_be_set_by_itself() {
        let otp = good().class(Class::Otp).on_unknown(OnUnknown::Hold).prepare().expect("valid");
        assert_eq!(otp.deadline, Duration::from_mins(5));
        assert_eq!(otp.on_unknown, OnUnknown::Hold);
    }

    #[test]
    fn the_same_content_has_the_same_fingerprint_however_the_number_is_written() {
        let key = |message: Message| message.key("k").prepare().expect("valid").key;
        assert_eq!(key(good()), key(Message::new("8 (925) 123-45-67", "Код 1234")));
        assert_ne!(key(good()), key(good().class(Class::Otp)));
    }

    #[test]
    fn debug_shows_neither_number_nor_text() {
        let shown = format!("{:?} {:?}", good(), good().prepare());
        assert!(!shown.contains("1234"), "{shown}");
    }
}
