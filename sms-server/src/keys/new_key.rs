//! Keys that are to be made.

use std::time::Duration;

use sms_core::{FieldError, PhoneNumber, Result};
use time::OffsetDateTime;

use super::key::ApiKey;
use super::kind::KeyKind;
use super::scope::KeyScope;
use crate::secret_hash::SecretHash;

/// The longest name of a key or a client, in characters.
pub(crate) const MAX_NAME: usize = 100;
/// The most numbers in the list of a key. The list is in memory for every key in use.
pub(crate) const MAX_ALLOWED: usize = 100;
/// The longest time for which a rotated key stays valid.
pub(crate) const MAX_OVERLAP: Duration = Duration::from_hours(24 * 90);

/// A key to be made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewKey {
    /// The purpose of the key, for people: 1 to 100 characters.
    pub name: String,
    /// The permissions, at least one. A test key cannot have `admin`.
    pub scopes: Vec<KeyScope>,
    /// The kind. Defaults to live.
    pub kind: KeyKind,
    /// The only recipients that the key may send to, at most 100. Empty by default, which allows
    /// every number. Not for test keys, which reach nobody.
    pub allowed_numbers: Vec<PhoneNumber>,
    /// The time from which the key is refused. Defaults to never.
    pub expires_at: Option<OffsetDateTime>,
    /// The partition of the test key that it takes over from.
    partition: Option<String>,
}

impl NewKey {
    /// A live key that may send to every number and does not expire.
    pub fn new(name: impl Into<String>, scopes: &[KeyScope]) -> Self {
        Self {
            name: name.into(),
            scopes: scopes.to_vec(),
            kind: KeyKind::Live,
            allowed_numbers: Vec::new(),
            expires_at: None,
            partition: None,
        }
    }

    /// Sets the kind.
    pub fn kind(mut self, kind: KeyKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets the only recipients that the key may send to.
    pub fn allowed_numbers(mut self, numbers: impl Into<Vec<PhoneNumber>>) -> Self {
        self.allowed_numbers = numbers.into();
        self
    }

    /// Sets the time from which the key is refused.
    pub fn expires_at(mut self, at: impl Into<Option<OffsetDateTime>>) -> Self {
        self.expires_at = at.into();
        self
    }

    /// A key that takes over from this one: the same in everything but its id, text and times.
    pub(super) fn successor(old: &ApiKey, now: OffsetDateTime) -> Self {
        let lifetime = old.lifetime_seconds.map(Duration::from_secs);
        let new = Self::new(&*old.name, &old.scopes)
            .kind(old.kind)
            .allowed_numbers(&*old.allowed_numbers)
            .expires_at(lifetime.and_then(|lifetime| now.checked_add(lifetime.try_into().ok()?)));
        let partition = (old.kind == KeyKind::Test).then(|| old.partition().to_owned());
        Self { partition, ..new }
    }

    /// Checks what was asked for. Every wrong field is in the error.
    pub(crate) fn check(&self, now: OffsetDateTime) -> Result<()> {
        let mut wrong = Vec::new();
        wrong.extend(wrong_name("name", "name_invalid", &self.name));
        if self.scopes.is_empty() {
            let rule = "must name at least one scope";
            wrong.push(FieldError::new("scopes", "scopes_empty", rule));
        }
        if self.kind == KeyKind::Test && self.scopes.contains(&KeyScope::Admin) {
            let rule = "must not hold `admin`: a test key reaches nothing that is live";
            wrong.push(FieldError::new("scopes", "scopes_invalid", rule));
        }
        let numbers = |rule: &'static str| {
            FieldError::new("allowed_numbers", "allowed_numbers_invalid", rule)
        };
        if self.allowed_numbers.len() > MAX_ALLOWED {
            wrong.push(numbers("must hold at most 100 numbers"));
        }
        if self.kind == KeyKind::Test && !self.allowed_numbers.is_empty() {
            wrong.push(numbers("must not be given for a test key, which reaches no phone"));
        }
        if self.expires_at.is_some_and(|end| end <= now) {
            let rule = "must be in the future";
            wrong.push(FieldError::new("expires_at", "expires_at_invalid", rule));
        }
        if wrong.is_empty() { Ok(()) } else { Err(sms_core::Error::invalid(wrong)) }
    }

    /// The key for the registry.
    pub(super) fn into_key(
        self,
        id: String,
        client: String,
        sha256: SecretHash,
        now: OffsetDateTime,
    ) -> ApiKey {
        let Self { name, scopes, kind, allowed_numbers, expires_at, partition } = self;
        let lifetime = expires_at.and_then(|end| Duration::try_from(end - now).ok());
        ApiKey {
            id,
            name,
            client,
            scopes,
            kind,
            partition,
            allowed_numbers,
            sha256,
            created_at: now,
            expires_at,
            lifetime_seconds: lifetime.map(|lifetime| lifetime.as_secs()),
            revoked_at: None,
        }
    }
}

/// The error of a name that is empty, too long or not printable; `None` for a good one.
pub(super) fn wrong_name(
    field: &'static str,
    code: &'static str,
    name: &str,
) -> Option<FieldError> {
    let is_printable = !name.trim().is_empty() && !name.chars().any(char::is_control);
    let rule = "must be 1 to 100 characters without control characters";
    let is_good = is_printable && name.chars().count() <= MAX_NAME;
    (!is_good).then(|| FieldError::new(field, code, rule))
}
