//! Where a provider reports by itself: the address it calls, and who understands what it says
//! there.

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

use crate::keys::random_letters;

/// The kind of the records that hold the secret part of the address, one for each provider.
const KIND: &str = "callback";
/// Five bits in each.
const TOKEN: usize = 26;

/// The receipts in a body, or why it is refused.
pub type ReadCallback = dyn Fn(&[u8]) -> anyhow::Result<Vec<Receipt>> + Send + Sync;

/// What understands the callbacks of a provider.
pub struct CallbackReader {
    /// What tells the provider that a callback was taken.
    pub answer: &'static str,
    /// Reads a body; has to find out whether it is genuine.
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

/// When callbacks came, since the start of the process.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct CallbacksSeen {
    /// The last one that was genuine.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_at: Option<OffsetDateTime>,
    /// How many were genuine.
    pub accepted: u64,
    /// How many were refused: forged, or not to be read.
    pub refused: u64,
}

impl Callbacks {
    /// The callbacks of this provider, under a secret that this registry keeps.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub async fn new(
        registry: &dyn Registry,
        provider: &str,
        reader: CallbackReader,
    ) -> Result<Self> {
        let (provider, token) = (provider.to_owned(), token(registry, provider).await?);
        Ok(Self(Arc::new(Inner { provider, token, reader, seen: Mutex::default() })))
    }

    /// Whether this is their address.
    pub(crate) fn are_at(&self, provider: &str, token: &str) -> bool {
        provider == self.0.provider
            && self.0.token.expose_secret().as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// The receipts in a body.
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

/// The path at which a provider's callbacks are taken, with the secret in it.
///
/// # Errors
///
/// The registry's.
pub async fn path(registry: &dyn Registry, provider: &str) -> Result<SecretString> {
    let token = token(registry, provider).await?;
    Ok(format!("/callbacks/{provider}/{}", token.expose_secret()).into())
}

/// The secret part of the address: made once, the same for every process.
async fn token(registry: &dyn Registry, provider: &str) -> Result<SecretString> {
    if let Some(record) = registry.get(KIND, provider).await? {
        let unreadable = || Error::new(ErrorKind::Internal, "the callback address cannot be read");
        return record.value["token"].as_str().map(SecretString::from).ok_or_else(unreadable);
    }
    let made = json!({ "token": random_letters::<TOKEN>()? });
    match registry.put(KIND, provider, &made, Expect::Absent).await {
        // Another process was faster, perhaps: what is there counts.
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::Conflict => {}
        Err(error) => return Err(error),
    }
    Box::pin(token(registry, provider)).await
}
