//! Callbacks of a provider: the secret part of their address, and the reader of their bodies.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::json;
use sms_core::clock::datetime_from_ms;
use sms_core::registry::Expect;
use sms_core::{Clock, Error, ErrorKind, Receipt, Registry, Result, SystemClock};
use subtle::ConstantTimeEq;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::keys::format::random_letters;

/// The kind of the records with the secret part of the address, one for each provider.
const KIND: &str = "callback";
/// Letters of that secret part, with five random bits in each.
const TOKEN: usize = 26;

/// Reads the receipts in a body. The error is the reason of a refusal, for the log.
pub type ReadCallback = dyn Fn(&[u8]) -> anyhow::Result<Vec<Receipt>> + Send + Sync;

/// Reader of the callbacks of a provider.
pub struct CallbackReader {
    /// The reply that tells the provider that a callback was accepted.
    pub answer: &'static str,
    /// Reads a body, and refuses one that is not genuine.
    pub read: Box<ReadCallback>,
}

/// The callbacks of one provider.
#[derive(Clone)]
pub struct Callbacks(Arc<Inner>);

struct Inner {
    provider: String,
    token: SecretString,
    reader: CallbackReader,
    seen: Mutex<CallbacksSeen>,
}

/// Callbacks since the start of the process.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub(crate) struct CallbacksSeen {
    /// The time of the last one that was accepted.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_at: Option<OffsetDateTime>,
    /// The number of those that were accepted.
    accepted: u64,
    /// The number of those that were refused: forged or unreadable.
    refused: u64,
}

impl Callbacks {
    /// The callbacks of this provider. The secret part of their address is in this registry, where
    /// the first call puts it.
    ///
    /// # Errors
    ///
    /// Those of the registry.
    pub async fn new(
        registry: &dyn Registry,
        provider: &str,
        reader: CallbackReader,
    ) -> Result<Self> {
        let (provider, token) = (provider.to_owned(), token(registry, provider).await?);
        Ok(Self(Arc::new(Inner { provider, token, reader, seen: Mutex::default() })))
    }

    /// Tells whether this is their address.
    pub(crate) fn are_at(&self, provider: &str, token: &str) -> bool {
        provider == self.0.provider
            && self.0.token.expose_secret().as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// Reads the receipts in a body, and counts it.
    pub(crate) fn read(&self, body: &[u8]) -> anyhow::Result<Vec<Receipt>> {
        let read = (self.0.reader.read)(body);
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if read.is_ok() {
            seen.accepted += 1;
            seen.last_at = Some(datetime_from_ms(SystemClock.now_ms()));
        } else {
            seen.refused += 1;
        }
        read
    }

    /// The reply to a callback that was accepted.
    pub(crate) fn answer(&self) -> &'static str {
        self.0.reader.answer
    }

    pub(crate) fn seen(&self) -> CallbacksSeen {
        *self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CallbackReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackReader").field("answer", &self.answer).finish_non_exhaustive()
    }
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callbacks").field("provider", &self.0.provider).finish_non_exhaustive()
    }
}

/// The path for the callbacks of a provider, with its secret part.
///
/// # Errors
///
/// Those of the registry.
pub async fn callback_path(registry: &dyn Registry, provider: &str) -> Result<SecretString> {
    let token = token(registry, provider).await?;
    Ok(format!("/callbacks/{provider}/{}", token.expose_secret()).into())
}

/// The secret part of the address. The first process makes it; all others read it.
async fn token(registry: &dyn Registry, provider: &str) -> Result<SecretString> {
    if let Some(record) = registry.get(KIND, provider).await? {
        let unreadable = || Error::new(ErrorKind::Internal, "the callback address cannot be read");
        return record.value["token"].as_str().map(SecretString::from).ok_or_else(unreadable);
    }
    let made = json!({ "token": random_letters::<TOKEN>()? });
    match registry.put(KIND, provider, &made, Expect::Absent).await {
        Ok(_) => {}
        // Another process was faster: its record is read below.
        Err(error) if error.kind() == ErrorKind::Conflict => {}
        Err(error) => return Err(error),
    }
    Box::pin(token(registry, provider)).await
}
