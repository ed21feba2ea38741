//! The address for the callbacks of a provider, with its secret part.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use metrics::counter;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sms_core::clock::datetime_from_ms;
use sms_core::{Callback, CallbackRefusal, CallbackRequest, Clock, Provider, Result, SystemClock};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::keys::format::random_letters;
use crate::secret_hash::SecretHash;
use crate::secrets::Secrets;

/// The kind of the records with the secret part of the address, one for each provider.
const KIND: &str = "callback";
/// Letters of that secret part, with five random bits in each.
const TOKEN: usize = 26;

/// The address for the callbacks of one provider.
#[derive(Clone)]
pub struct CallbackEndpoint(Arc<Inner>);

struct Inner {
    provider: Arc<dyn Provider>,
    /// The hash of the secret part.
    token: SecretHash,
    seen: Mutex<CallbacksSeen>,
}

/// Callbacks since the start of the process.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub(crate) struct CallbacksSeen {
    /// The time of the last one that was accepted.
    #[serde(with = "crate::http::timestamp::option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_at: Option<OffsetDateTime>,
    /// The number of those that were accepted.
    accepted: u64,
    /// The number of those that were refused: forged or unreadable.
    refused: u64,
}

impl CallbackEndpoint {
    /// The address for this provider; `None` if it has no callbacks, or none that can be verified.
    /// The secret part is among these secrets, where the first call puts it.
    ///
    /// # Errors
    ///
    /// `Config` if secrets need a key and none is configured; errors of the registry.
    pub async fn new(secrets: &Secrets, provider: impl Provider) -> Result<Option<Self>> {
        let can_verify = provider.callbacks().is_some_and(|it| it.can_verify().is_ok());
        if !can_verify {
            return Ok(None);
        }
        let token = SecretHash::of(token(secrets, provider.name()).await?.expose_secret());
        // So that the first one is seen as an increase.
        for result in ["accepted", "refused"] {
            counter!("sms_callbacks_total", "result" => result).increment(0);
        }
        let provider = Arc::new(provider);
        Ok(Some(Self(Arc::new(Inner { provider, token, seen: Mutex::default() }))))
    }

    /// Tells whether this is the address.
    pub(crate) fn is_at(&self, provider: &str, token: &str) -> bool {
        provider == self.0.provider.name() && self.0.token.matches(&SecretHash::of(token))
    }

    /// Reads a callback, and counts it.
    pub(crate) fn read(&self, request: &CallbackRequest<'_>) -> Result<Callback, CallbackRefusal> {
        let read = match self.0.provider.callbacks() {
            Some(callbacks) => callbacks.read(request),
            None => Err(CallbackRefusal::unreadable("the provider has no callbacks any more")),
        };
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if read.is_ok() {
            seen.accepted += 1;
            counter!("sms_callbacks_total", "result" => "accepted").increment(1);
            seen.last_at = Some(datetime_from_ms(SystemClock.now_ms()));
        } else {
            seen.refused += 1;
            counter!("sms_callbacks_total", "result" => "refused").increment(1);
        }
        read
    }

    pub(crate) fn seen(&self) -> CallbacksSeen {
        *self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CallbackEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let provider = self.0.provider.name();
        f.debug_struct("CallbackEndpoint").field("provider", &provider).finish_non_exhaustive()
    }
}

/// The path for the callbacks of a provider, with its secret part.
///
/// # Errors
///
/// `Config` if secrets need a key and none is configured; errors of the registry.
pub async fn callback_path(secrets: &Secrets, provider: &str) -> Result<SecretString> {
    let token = token(secrets, provider).await?;
    Ok(format!("/callbacks/{provider}/{}", token.expose_secret()).into())
}

/// The secret part of the address. The first process makes it; all others read it.
async fn token(secrets: &Secrets, provider: &str) -> Result<SecretString> {
    let make = || random_letters::<TOKEN>().map(SecretString::from);
    secrets.get_or_make(KIND, provider, make).await
}
