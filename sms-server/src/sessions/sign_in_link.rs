//! One-time links: a person signs in with one, once, within ten minutes.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sms_core::registry::{Expect, Record};
use sms_core::{Error, ErrorKind, Registry, Result};

use crate::keys::{KeyScope, format};
use crate::secret_hash::SecretHash;

/// The kind of the records in the registry.
const KIND: &str = "signin_link";
/// The first letters of a token.
const PREFIX: &str = "sms_link_";
/// The time for which a link is valid, by the store's clock.
pub(crate) const VALID_FOR: Duration = Duration::from_mins(10);

/// A link as the registry keeps it: without its token. The time of the write is that at which it
/// was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SignInLink {
    /// The person.
    pub(super) name: String,
    /// The id of the client.
    pub(super) client: String,
    pub(super) scopes: Vec<KeyScope>,
    /// The hash of the token.
    sha256: SecretHash,
    /// Set by the sign-in that has used it.
    #[serde(default)]
    is_used: bool,
}

/// Makes a link. Returns its token.
///
/// # Errors
///
/// The registry's; `Unavailable` when the system has no random bytes.
pub(super) async fn create(
    registry: &dyn Registry,
    name: &str,
    client: &str,
    scopes: &[KeyScope],
) -> Result<SecretString> {
    let (id, token) = format::generate_with(PREFIX)?;
    let link = SignInLink {
        name: name.to_owned(),
        client: client.to_owned(),
        scopes: scopes.to_vec(),
        sha256: SecretHash::of(token.expose_secret()),
        is_used: false,
    };
    registry.put(KIND, &id, &to_json(&link)?, Expect::Absent).await?;
    Ok(token)
}

/// Uses up the link with this token; `None` if it is unknown, used or too old. Of several calls at
/// a time one gets the link.
///
/// # Errors
///
/// The registry's.
pub(super) async fn redeem(registry: &dyn Registry, token: &str) -> Result<Option<SignInLink>> {
    let Some(id) = format::id_after(PREFIX, token) else { return Ok(None) };
    let Some(record) = registry.get(KIND, id).await? else { return Ok(None) };
    let link = read(&record)?;
    let is_it = link.sha256.matches(&SecretHash::of(token));
    if !is_it || link.is_used || record.age >= VALID_FOR {
        return Ok(None);
    }
    let used = to_json(&SignInLink { is_used: true, ..link.clone() })?;
    match registry.put(KIND, id, &used, Expect::Version(record.version)).await {
        Ok(_) => Ok(Some(link)),
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes links that nobody can use any more.
///
/// # Errors
///
/// The registry's.
pub(super) async fn clean(registry: &dyn Registry) -> Result<()> {
    for record in registry.list(KIND).await? {
        if record.age >= VALID_FOR {
            registry.delete(KIND, &record.name).await?;
        }
    }
    Ok(())
}

fn read(record: &Record) -> Result<SignInLink> {
    let unreadable = |error| {
        Error::new(ErrorKind::Internal, "a link in the registry cannot be read").with_source(error)
    };
    serde_json::from_value(record.value.clone()).map_err(unreadable)
}

fn to_json(link: &SignInLink) -> Result<serde_json::Value> {
    let unwritable =
        |error| Error::new(ErrorKind::Internal, "a link cannot be written").with_source(error);
    serde_json::to_value(link).map_err(unwritable)
}
